//! After a repair: did the signals that led to the ticket come back?
//!
//! At the close of a ticket each contributing signal with a band is watched in the operating state in
//! which it had left it, until enough readings came or a week is over. The decision follows from the
//! readings alone, so a replay decides the same. A repair whose signal stayed away did not help, and is
//! cited so from then on. Deliberately absent: closing and reopening, which people do.

use std::sync::OnceLock;

use forewarn_detect::Place;
use forewarn_domain::anomaly::{Anomaly, Finding, Signal};
use forewarn_domain::check::{CheckVerdict, CheckedSignal, RepairCheck};
use forewarn_domain::episode::{EpisodeId, EpisodeKey};
use forewarn_domain::reading::Reading;
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::pipeline::Engine;
use crate::room::Room;

/// A repair that is being watched.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Watch {
    episode: EpisodeId,
    repair: RepairId,
    since: Time,
    signals: Vec<Watched>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Watched {
    signal: CheckedSignal,
    after: Vec<f64>,
    first: Time,
    last: Time,
}

impl Engine {
    /// Begins to watch a repair that closed a ticket.
    pub(crate) fn watch(&mut self, key: &EpisodeKey, repair: &RepairRecord, at: Time) {
        if repair.activity == Activity::Inspection {
            return;
        }
        let is_of = |it: &&TicketDraft| it.key == *key;
        let Some(draft) = self.desk.drafts.iter().rev().find(is_of) else { return };
        let Some(episode) = self.desk.book.episode(draft.episode) else { return };
        let signals = draft.signals.iter();
        let signals: Vec<Watched> =
            signals.filter_map(|it| watched(it, &episode.anomalies)).collect();
        if signals.is_empty() {
            return;
        }
        let watch = Watch { episode: episode.id, repair: repair.id, since: at, signals };
        let room = self.place_of(&key.device);
        if let Some(inside) = room.and_then(|it| self.room_at(it)) {
            inside.memory.watches.retain(|it| it.repair != watch.repair);
            inside.memory.watches.push(watch);
            inside.is_dirty = true;
        }
    }

    /// What has been established since the last call.
    pub(crate) fn checked(&mut self) -> Vec<Decision> {
        let checked = std::mem::take(&mut self.checked);
        for (_, check) in &checked {
            if check.verdict == CheckVerdict::NotReturned {
                let repair = self.repairs.iter_mut().find(|it| it.id == check.repair);
                if let Some(repair) = repair.filter(|it| it.outcome == Outcome::Solved) {
                    repair.outcome = Outcome::NoEffect;
                    self.precedents = OnceLock::new();
                }
            }
        }
        let decision = |(episode, check)| Decision::Checked { episode, check: Box::new(check) };
        checked.into_iter().map(decision).collect()
    }
}

impl Room {
    /// Shows a good reading to the watched repairs; gives those that are decided by it.
    pub(crate) fn check(
        &mut self,
        place: Place,
        reading: &Reading,
        out: &mut Vec<(EpisodeId, RepairCheck)>,
    ) {
        if reading.quality.is_bad() {
            return;
        }
        let state = self.plan.operating_state(&self.memory.detector, reading.t).clone();
        let plan = &self.plan;
        for watch in &mut self.memory.watches {
            for watched in &mut watch.signals {
                let is_it = plan.place(&watched.signal.channel) == Some(place);
                if is_it && watched.signal.state == state && watch.since < reading.t {
                    watched.take(reading);
                }
            }
        }
        let is_over = |it: &Watch| {
            it.signals.iter().all(Watched::is_enough) || it.since + PATIENCE < reading.t
        };
        let decided = self.memory.watches.extract_if(.., |it| is_over(it));
        out.extend(decided.map(|it| (it.episode, it.decided(reading.t))));
    }
}

impl Watch {
    fn decided(self, at: Time) -> RepairCheck {
        let signals: Vec<CheckedSignal> = self.signals.into_iter().map(Watched::decided).collect();
        let verdict = if signals.iter().any(|it| it.is_back == Some(false)) {
            CheckVerdict::NotReturned
        } else if signals.iter().all(|it| it.is_back == Some(true)) {
            CheckVerdict::Returned
        } else {
            CheckVerdict::Unknown
        };
        RepairCheck { repair: self.repair, at, verdict, signals }
    }
}

impl Watched {
    fn take(&mut self, reading: &Reading) {
        if self.after.is_empty() {
            self.first = reading.t;
        }
        self.last = self.last.max(reading.t);
        // The newest count: a machine that was just started again warms up first.
        if SAMPLES_MAX <= self.after.len() {
            self.after.remove(0);
        }
        self.after.push(reading.value);
    }

    fn is_enough(&self) -> bool {
        SAMPLES_MIN <= self.after.len() && LASTED_MIN <= self.last - self.first
    }

    fn decided(mut self) -> CheckedSignal {
        let is_enough = self.is_enough();
        self.after.sort_by(f64::total_cmp);
        let after = self.after.get(self.after.len() / 2).copied();
        let is_back = |after: f64| {
            let width = match (self.signal.low, self.signal.high) {
                (Some(low), Some(high)) => high - low,
                (Some(edge), None) | (None, Some(edge)) => (self.signal.before - edge).abs(),
                (None, None) => 0.0,
            };
            let slack = SLACK * width;
            self.signal.high.is_none_or(|high| after <= high + slack)
                && self.signal.low.is_none_or(|low| low - slack <= after)
        };
        CheckedSignal {
            is_back: after.filter(|_| is_enough).map(is_back),
            after,
            samples: u32::try_from(self.after.len()).unwrap_or(u32::MAX),
            ..self.signal
        }
    }
}

/// A signal that left its normal, or a limit; the side on which it did not leave it is not asked for,
/// since a new part may run more quietly than the old one ever did.
fn watched(signal: &Signal, anomalies: &[Anomaly]) -> Option<Watched> {
    let own = anomalies.iter().find(|it| it.channel == signal.channel);
    let (state, low, high) = match (&signal.normal, own.map(|it| (&it.finding, &it.state))) {
        (Some(normal), _) if normal.high < signal.value => {
            (normal.state.clone(), None, Some(normal.high))
        }
        (Some(normal), _) if signal.value < normal.low => {
            (normal.state.clone(), Some(normal.low), None)
        }
        (_, Some((Finding::Limit { limit, above, .. }, state))) => match above {
            true => (state.clone(), None, Some(*limit)),
            false => (state.clone(), Some(*limit), None),
        },
        (_, Some((Finding::Zone { limit, .. }, state))) => (state.clone(), None, Some(*limit)),
        _ => return None,
    };
    let signal = CheckedSignal {
        channel: signal.channel.clone(),
        quantity: signal.quantity,
        unit: signal.unit,
        state,
        before: signal.value,
        low,
        high,
        after: None,
        samples: 0,
        is_back: None,
    };
    let (first, last) = (Time::default(), Time::default());
    Some(Watched { signal, after: Vec::new(), first, last })
}

/// Readings whose median is steady, over a time in which a tool changes at least once.
const SAMPLES_MIN: usize = 12;
const SAMPLES_MAX: usize = 60;
const LASTED_MIN: Span = Span::from_secs(300);

/// A machine that is not used in this state for so long is not verified.
const PATIENCE: Span = Span::from_secs(7 * 86_400);

/// Of the distance from the band to the ticket's value: a new bearing runs in.
const SLACK: f64 = 0.1;
