//! The ticket policy: from an episode and its diagnosis to a draft, and from two drafts to a
//! decision whether the open ticket changes.

use forewarn_domain::anomaly::{RuleRef, Signal};
use forewarn_domain::cause::RankedCause;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::Episode;
use forewarn_domain::evidence::Evidence;
use forewarn_domain::family::{Criticality, Priority, Severity, TicketKind};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{PastRepair, Sentence, Summary, TicketDraft, TicketId};
use forewarn_domain::waveform::Sha256;

/// What was thought of an episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosed {
    /// Ranked causes; probabilities add up to 1.
    pub causes: Vec<RankedCause>,
    /// Past repairs to cite.
    pub past_repairs: Vec<PastRepair>,
    /// The root-cause summary.
    pub summary: Summary,
    /// How sure the first cause is, 0 to 1.
    pub confidence: f64,
}

/// The evidence with its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedEvidence {
    /// What the ticket rests on.
    pub evidence: Evidence,
    /// SHA-256 of it as canonical JSON.
    pub sha256: Sha256,
}

/// Drafts the ticket of an episode; the same input gives the same draft, so a replay opens nothing
/// twice.
///
/// `opened_by` is the rule that opened the episode: it stays on the ticket when others join. The
/// revision is 1; whoever amends a ticket counts up from the one that is stored.
#[must_use]
pub fn draft(
    episode: &Episode,
    diagnosed: Diagnosed,
    sealed: SealedEvidence,
    opened_by: RuleRef,
    criticality: Criticality,
) -> TicketDraft {
    let kind = episode.key.family.kind();
    let severity = episode.anomalies.iter().map(|it| it.severity).max().unwrap_or(Severity::Watch);
    let Diagnosed { causes, past_repairs, mut summary, confidence } = diagnosed;
    let SealedEvidence { evidence, sha256 } = sealed;
    summary.footer.push(fingerprint(sha256));
    TicketDraft {
        id: TicketId::derive(episode.id),
        episode: episode.id,
        key: episode.key.clone(),
        kind,
        priority: priority(kind, severity, criticality),
        onset_at: episode.onset,
        detected_at: episode.confirmed,
        confidence,
        causes,
        signals: evidence.signals.clone(),
        past_repairs,
        summary,
        rule: opened_by,
        evidence,
        evidence_sha256: sha256,
        revision: 1,
    }
}

/// How urgent a ticket is.
///
/// The table keeps urgency scarce, as alarm-management practice asks (EEMUA 191: about 80 % low,
/// 15 % medium, 5 % high): only an alarm on a machine whose stop is felt at once is `P1`, and both
/// an alarm and such a machine are rare. A broken sensor never stops a machine, so its ticket is one
/// step less urgent; it is not the least urgent while it blinds the watch over a critical machine.
#[must_use]
pub fn priority(kind: TicketKind, severity: Severity, criticality: Criticality) -> Priority {
    let machine = match (severity, criticality) {
        (Severity::Alarm, Criticality::High) => Priority::P1,
        (Severity::Alarm, Criticality::Medium) | (Severity::Warning, Criticality::High) => {
            Priority::P2
        }
        (Severity::Alarm, Criticality::Low)
        | (Severity::Warning, Criticality::Medium)
        | (Severity::Watch, Criticality::High) => Priority::P3,
        (Severity::Warning | Severity::Watch, Criticality::Low)
        | (Severity::Watch, Criticality::Medium) => Priority::P4,
    };
    match (kind, machine) {
        (TicketKind::Machine | TicketKind::Process, machine) => machine,
        (TicketKind::Instrumentation, Priority::P1) => Priority::P2,
        (TicketKind::Instrumentation, Priority::P2) => Priority::P3,
        (TicketKind::Instrumentation, Priority::P3 | Priority::P4) => {
            if criticality == Criticality::High { Priority::P3 } else { Priority::P4 }
        }
    }
}

/// Whether a newer draft tells the owner of the open ticket something that changes what to do: it
/// became more urgent, another cause leads, a signal or a rule joined, or the first spectrum came.
///
/// Each reading shifts values and probabilities a little; that is not news.
#[must_use]
pub fn should_amend(old: &TicketDraft, new: &TicketDraft) -> bool {
    let is_more_urgent = new.priority < old.priority;
    let leads = |draft: &TicketDraft| draft.causes.first().map(|it| it.code.clone());
    let has_new_signal = channels(&new.signals).any(|it| !channels(&old.signals).any(|o| o == it));
    let has_new_rule =
        new.evidence.rules.iter().any(|it| !old.evidence.rules.iter().any(|o| o.id == it.id));
    let has_first_spectrum = old.evidence.spectrum.is_none() && new.evidence.spectrum.is_some();
    is_more_urgent
        || leads(old) != leads(new)
        || has_new_signal
        || has_new_rule
        || has_first_spectrum
}

fn channels(signals: &[Signal]) -> impl Iterator<Item = &ChannelId> {
    signals.iter().map(|it| &it.channel)
}

fn fingerprint(sha256: Sha256) -> Sentence {
    let whole = sha256.to_string();
    let short = format!("{}…{}", &whole[..4], &whole[60..]);
    let text =
        Localized::new(format!("Evidence sha256 {short}."), format!("证据 sha256 {short}。"));
    Sentence { text, source: whole }
}

#[cfg(test)]
mod tests;
