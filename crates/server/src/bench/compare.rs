//! What two runs over the same history found, beside what people said of it.
//!
//! Two anomalies are the same one when they are about the same part and family and touch in time:
//! a changed rule may establish it earlier or later. Deliberately absent: stores and clocks.

use std::collections::BTreeMap;

use forewarn_api::views::{FindingView, JudgedView, KeptView, TrialReportView, TrialSideView};
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey};
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine};
use forewarn_store::records::Label;

/// What one side found: every anomaly with the ticket that it would have opened.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) episodes: BTreeMap<EpisodeId, (Episode, Option<TicketDraft>)>,
}

impl Found {
    /// Takes in what an engine decided.
    pub(crate) fn take(&mut self, engine: &Engine, decisions: Vec<Decision>) {
        for decision in decisions {
            let episode = decision.episode().and_then(|it| engine.episode(it));
            let Some(episode) = episode.cloned() else { continue };
            let entry = self.episodes.entry(episode.id).or_insert_with(|| (episode.clone(), None));
            entry.0 = episode;
            if let Decision::Open { draft, .. } | Decision::Amend { draft, .. } = decision {
                entry.1 = Some(*draft);
            }
        }
    }

    fn since(&self, since: Time) -> Vec<&Episode> {
        let all = self.episodes.values().map(|(episode, _)| episode);
        let mut found: Vec<&Episode> = all.filter(|it| since <= it.confirmed).collect();
        found.sort_by_key(|it| it.confirmed);
        found
    }
}

/// A stretch of which people said whether there was a fault.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) key: EpisodeKey,
    pub(crate) since: Time,
    pub(crate) until: Time,
    pub(crate) is_fault: bool,
}

impl Judged {
    /// A stretch that a person marked as a fault.
    pub(crate) fn of_fault(label: &Label) -> Self {
        let (since, until) = (label.since, label.until);
        Self { key: label.key.clone(), since, until, is_fault: true }
    }
}

/// What both runs had in common.
pub(crate) struct Ground<'a> {
    pub(crate) since: Time,
    pub(crate) until: Time,
    pub(crate) learned_from: Time,
    pub(crate) readings: u64,
    pub(crate) bursts: u64,
    pub(crate) devices: Vec<String>,
    pub(crate) changed_rules: Vec<String>,
    pub(crate) judged: &'a [Judged],
    /// Episodes that were recorded live.
    pub(crate) recorded: &'a [EpisodeId],
}

/// Compares the two sides; each comes with its version.
pub(crate) fn report(
    ground: Ground<'_>,
    (base_version, base): (i64, &Found),
    (version, candidate): (i64, &Found),
) -> TrialReportView {
    let (old, new) = (base.since(ground.since), candidate.since(ground.since));
    let judged = ground.judged;
    let gone = old.iter().filter(|it| !new.iter().any(|other| is_same(it, other)));
    let fresh = new.iter().filter(|it| !old.iter().any(|other| is_same(it, other)));
    let kept = new.iter().filter_map(|it| {
        let before = old.iter().find(|other| is_same(it, other))?;
        let later_s = (it.confirmed - before.confirmed).secs_f64();
        Some(KeptView { finding: finding(it, judged), later_s })
    });
    let is_in = |found: &[&Episode], it: &Judged| found.iter().any(|other| touches(other, it));
    let is_lost = |it: &&Judged| it.is_fault && is_in(&old, it) && !is_in(&new, it);
    let lost = judged.iter().filter(is_lost).filter_map(|it| {
        let before = old.iter().find(|other| touches(other, it))?;
        Some(finding(before, judged))
    });
    let count = |is_fault: bool, found: Option<&[&Episode]>| {
        let wanted = judged.iter().filter(|it| it.is_fault == is_fault);
        let inside = wanted.filter(|it| found.is_none_or(|found| is_in(found, it)));
        u32::try_from(inside.count()).unwrap_or(u32::MAX)
    };
    let counts = JudgedView {
        confirmed: count(true, None),
        confirmed_in_base: count(true, Some(&old)),
        confirmed_in_candidate: count(true, Some(&new)),
        rejected: count(false, None),
        rejected_in_base: count(false, Some(&old)),
        rejected_in_candidate: count(false, Some(&new)),
    };
    let span = ground.until - ground.since;
    let reproduced = ground.recorded.iter().filter(|id| base.episodes.contains_key(id)).count();
    TrialReportView {
        gone: gone.map(|it| finding(it, judged)).take(FINDINGS_MAX).collect(),
        new: fresh.map(|it| finding(it, judged)).take(FINDINGS_MAX).collect(),
        kept: kept.take(FINDINGS_MAX).collect(),
        lost: lost.take(FINDINGS_MAX).collect(),
        base: side(base_version, &old, span, judged, counts.confirmed),
        candidate: side(version, &new, span, judged, counts.confirmed),
        judged: counts,
        recorded: u32::try_from(ground.recorded.len()).unwrap_or(u32::MAX),
        reproduced: u32::try_from(reproduced).unwrap_or(u32::MAX),
        since: ground.since,
        until: ground.until,
        learned_from: ground.learned_from,
        readings: ground.readings,
        bursts: ground.bursts,
        devices: ground.devices,
        changed_rules: ground.changed_rules,
    }
}

fn side(
    version: i64,
    found: &[&Episode],
    span: Span,
    judged: &[Judged],
    confirmed: u32,
) -> TrialSideView {
    let said = |is_fault: bool| {
        let is_said = |it: &&&Episode| judgement(it, judged) == Some(is_fault);
        u32::try_from(found.iter().filter(is_said).count()).unwrap_or(u32::MAX)
    };
    let (real, false_alarms) = (said(true), said(false));
    let hits = judged.iter().filter(|it| it.is_fault && found.iter().any(|own| touches(own, it)));
    let hits = u32::try_from(hits.count()).unwrap_or(u32::MAX);
    let share = |part: u32, whole: u32| (0 < whole).then(|| f64::from(part) / f64::from(whole));
    let all = u32::try_from(found.len()).unwrap_or(u32::MAX);
    let weeks = (span.secs_f64() / WEEK_S).max(f64::EPSILON);
    TrialSideView {
        version,
        found: all,
        per_week: f64::from(all) / weeks,
        precision: share(real, real + false_alarms),
        recall: share(hits, confirmed),
    }
}

fn finding(episode: &Episode, judged: &[Judged]) -> FindingView {
    let first = episode.anomalies.first();
    let text = |pick: fn(&forewarn_domain::anomaly::Anomaly) -> String| {
        first.map(pick).unwrap_or_default()
    };
    let said = judgement(episode, judged);
    FindingView {
        id: episode.id.to_string(),
        device: episode.key.device.to_string(),
        component: episode.key.component.to_string(),
        fault_family: episode.key.family.to_string(),
        rule: text(|it| it.rule.id.to_string()),
        channel: text(|it| it.channel.to_string()),
        state: text(|it| it.state.to_string()),
        onset: episode.onset,
        confirmed: episode.confirmed,
        judgement: said.map(|it| if it { "confirmed" } else { "rejected" }.to_owned()),
    }
}

/// What people said of it; a confirmation weighs more than a rejection.
fn judgement(episode: &Episode, judged: &[Judged]) -> Option<bool> {
    judged.iter().filter(|it| touches(episode, it)).map(|it| it.is_fault).max()
}

fn is_same(one: &Episode, other: &Episode) -> bool {
    let touch = |a: &Episode, b: &Episode| a.onset <= b.updated + SLACK;
    one.id == other.id || (one.key == other.key && touch(one, other) && touch(other, one))
}

pub(crate) fn touches(episode: &Episode, judged: &Judged) -> bool {
    episode.key.device == judged.key.device
        && episode.key.component == judged.key.component
        && episode.key.family == judged.key.family
        && episode.onset <= judged.until + SLACK
        && judged.since <= episode.updated + SLACK
}

/// A changed rule may see the same trouble this much earlier or later without overlap.
const SLACK: Span = Span::from_secs(60);

/// More rows than anybody reads; the counts are of all.
const FINDINGS_MAX: usize = 500;

const WEEK_S: f64 = 7.0 * 86_400.0;

#[cfg(test)]
mod tests {
    use forewarn_domain::episode::Phase;
    use forewarn_domain::family::FaultFamily;

    use super::*;

    fn at(minute: i64) -> Time {
        Time::from_micros(minute * 60_000_000)
    }

    fn key(device: &str) -> EpisodeKey {
        EpisodeKey {
            site: "plant".parse().expect("slug"),
            device: device.parse().expect("slug"),
            component: "spindle".parse().expect("slug"),
            family: FaultFamily::Bearing,
        }
    }

    fn found(episodes: &[(&str, i64, i64)]) -> Found {
        let episodes = episodes.iter().map(|(device, from, to)| {
            let key = key(device);
            let episode = Episode {
                id: EpisodeId::derive(&key, at(*from)),
                key,
                onset: at(*from),
                confirmed: at(*from),
                updated: at(*to),
                phase: Phase::Cleared,
                anomalies: Vec::new(),
                recurrences: 0,
            };
            (episode.id, (episode, None))
        });
        Found { episodes: episodes.collect() }
    }

    fn said(device: &str, minute: i64, is_fault: bool) -> Judged {
        Judged { key: key(device), since: at(minute), until: at(minute + 1), is_fault }
    }

    fn compare(base: &Found, candidate: &Found, judged: &[Judged]) -> TrialReportView {
        let ground = Ground {
            since: at(10),
            until: at(10 + 7 * 1_440),
            learned_from: at(0),
            readings: 0,
            bursts: 0,
            devices: Vec::new(),
            changed_rules: Vec::new(),
            judged,
            recorded: &[],
        };
        report(ground, (1, base), (2, candidate))
    }

    #[test]
    fn a_lost_fault_is_named_and_a_false_alarm_that_goes_is_counted() {
        let base = found(&[("mill-01", 20, 30), ("mill-01", 100, 110), ("mill-02", 200, 220)]);
        let candidate = found(&[("mill-02", 205, 225), ("mill-03", 300, 310)]);
        let judged =
            [said("mill-01", 21, false), said("mill-01", 101, true), said("mill-02", 206, true)];
        let report = compare(&base, &candidate, &judged);
        assert_eq!((report.gone.len(), report.new.len(), report.kept.len()), (2, 1, 1));
        assert!((report.kept[0].later_s - 300.0).abs() < 1e-9);
        assert_eq!(report.lost.len(), 1);
        assert_eq!(report.lost[0].device, "mill-01");
        assert_eq!((report.judged.rejected_in_base, report.judged.rejected_in_candidate), (1, 0));
        assert_eq!(report.base.precision, Some(2.0 / 3.0));
        assert_eq!((report.base.recall, report.candidate.recall), (Some(1.0), Some(0.5)));
        assert!((report.base.per_week - 3.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_found_while_learning_does_not_count() {
        let base = found(&[("mill-01", 5, 6)]);
        let report = compare(&base, &found(&[]), &[]);
        assert_eq!((report.base.found, report.gone.len()), (0, 0));
        assert_eq!(report.base.precision, None);
    }
}
