//! Drafts, episodes and headers for the tests of the records store.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use forewarn_domain::anomaly::RuleRef;
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey, Phase};
use forewarn_domain::evidence::{Evidence, QualityReport};
use forewarn_domain::family::{FaultFamily, Priority, TicketKind};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{Summary, TicketDraft, TicketId};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Sha256;

/// 2026-11-22T08:00:00Z.
pub(crate) const NOW: Time = Time::from_micros(1_795_334_400_000_000);

/// So many minutes into the day before [`NOW`].
pub(crate) fn at(minute: i64) -> Time {
    NOW - Span::from_secs(86_400) + Span::from_secs(60 * minute)
}

/// A bearing draft of one episode, confirmed at a minute.
pub(crate) fn draft(device: &str, minute: i64) -> TicketDraft {
    let key = EpisodeKey {
        site: "plant".parse().unwrap(),
        device: device.parse().unwrap(),
        component: "spindle-front".parse().unwrap(),
        family: FaultFamily::Bearing,
    };
    let confirmed = at(minute);
    let episode = EpisodeId::derive(&key, confirmed);
    let rule = RuleRef { id: "spindle-bearing".parse().unwrap(), version: 1 };
    TicketDraft {
        id: TicketId::derive(episode),
        episode,
        key,
        kind: TicketKind::Machine,
        priority: Priority::P2,
        onset_at: confirmed - Span::from_secs(600),
        detected_at: confirmed,
        confidence: 0.75,
        causes: Vec::new(),
        signals: Vec::new(),
        past_repairs: Vec::new(),
        summary: Summary {
            headline: Localized::new("front bearing wears", "前轴承磨损"),
            ..Summary::default()
        },
        rule: rule.clone(),
        evidence: Evidence {
            trace: "edge-1.00000000.1.1".to_owned(),
            onset: confirmed - Span::from_secs(600),
            confirmed,
            state: "cut".parse().unwrap(),
            rules: vec![rule],
            trends: Vec::new(),
            spectrum: None,
            signals: Vec::new(),
            unchanged: Vec::new(),
            quality: QualityReport::default(),
            episode: None,
            burst: None,
            outlook: None,
            models: Vec::new(),
            repairs: Vec::new(),
            shape: Default::default(),
            similar: Vec::new(),
        },
        evidence_sha256: Sha256([7; 32]),
        revision: 1,
    }
}

/// The episode behind a draft.
pub(crate) fn episode(draft: &TicketDraft) -> Episode {
    Episode {
        id: draft.episode,
        key: draft.key.clone(),
        onset: draft.onset_at,
        confirmed: draft.detected_at,
        updated: draft.detected_at,
        phase: Phase::Active,
        anomalies: Vec::new(),
        recurrences: 0,
    }
}
