//! What is found while a machine stands by plan: set aside, and given back when it outlasts the stop.
//!
//! Rely on this: the event time of the finding decides, so what an agent delivers late is set aside as
//! well. Deliberately absent: the end of a stop by a clock; the caller says when a machine is back.

use std::mem;

use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::id::DeviceId;
use forewarn_domain::stop::PlannedStop;
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};

use super::{AnomalyKey, Clearing};

/// Planned stops, and what was found in them and has not ended.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stops {
    known: Vec<PlannedStop>,
    waiting: Vec<Anomaly>,
}

impl Stops {
    /// A stop was planned; one of the same number is replaced.
    pub fn plan(&mut self, stop: &PlannedStop) {
        self.known.retain(|it| it.number != stop.number);
        if KNOWN_MAX <= self.known.len() {
            self.known.remove(0);
        }
        self.known.push(stop.clone());
    }

    /// A stop is over at `at`, early or in time. What a clock established since then about its machines,
    /// no reading of theirs can end or confirm: it is given back.
    pub fn end(
        &mut self,
        number: &str,
        at: Time,
        newest: impl Fn(&DeviceId) -> Time,
    ) -> Vec<Anomaly> {
        let Some(stop) = self.known.iter_mut().find(|it| it.number == number) else {
            return Vec::new();
        };
        stop.until = stop.until.min(at).max(stop.from);
        let stop = stop.clone();
        let is_of_a_clock =
            |it: &Anomaly| stop.devices.contains(&it.device) && newest(&it.device) < it.confirmed;
        let (back, waiting) = mem::take(&mut self.waiting).into_iter().partition(is_of_a_clock);
        self.waiting = waiting;
        back_at(back, |_| stop.until)
    }

    /// What outlasted its stop, now that the device's newest reading is of `t`. As if it had been found
    /// when the stop was over.
    pub fn outlasted(&mut self, device: &DeviceId, t: Time) -> Vec<Anomaly> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let known = &self.known;
        let over = |it: &Anomaly| {
            let stop = known.iter().find(|stop| stop.covers(&it.device, it.confirmed));
            stop.map_or(it.confirmed, PlannedStop::counts_from)
        };
        let is_over = |it: &Anomaly| it.device == *device && over(it) <= t;
        let (back, waiting) = mem::take(&mut self.waiting).into_iter().partition(is_over);
        self.waiting = waiting;
        back_at(back, over)
    }

    /// Whether nothing waits for the end of a stop.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sets an anomaly aside that falls into a stop; the stop's number.
    pub(super) fn set_aside(&mut self, anomaly: &Anomaly) -> Option<String> {
        let stop = self.known.iter().find(|it| it.covers(&anomaly.device, anomaly.confirmed))?;
        let (number, key) = (stop.number.clone(), AnomalyKey::of(anomaly));
        self.waiting.retain(|it| it.device != anomaly.device || AnomalyKey::of(it) != key);
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(anomaly.clone());
        }
        Some(number)
    }

    pub(super) fn clear(&mut self, clearing: &Clearing<'_>) {
        self.waiting.retain(|it| !AnomalyKey::of(it).ends(clearing));
    }
}

fn back_at(back: Vec<Anomaly>, at: impl Fn(&Anomaly) -> Time) -> Vec<Anomaly> {
    back.into_iter().map(|it| Anomaly { confirmed: at(&it), ..it }).collect()
}

/// Stops of some years; the oldest is forgotten, and no agent is late by as much.
const KNOWN_MAX: usize = 4_096;

/// Findings that wait for the end of a stop, over all machines.
const WAITING_MAX: usize = 4_096;
