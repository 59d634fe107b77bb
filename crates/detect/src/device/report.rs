//! From a confirmed look to an [`Anomaly`] with the signals that contributed.

use forewarn_domain::anomaly::{Anomaly, Finding, Signal};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::time::Time;

use super::{ChannelState, DeviceState};
use crate::confirm::Turn;
use crate::outcome::Detection;
use crate::plan::{DevicePlan, Head};

/// What was found, and on which channel.
pub(super) struct Found<'a> {
    pub(super) place: usize,
    pub(super) head: &'a Head,
    pub(super) finding: Finding,
    pub(super) value: f64,
}

pub(super) fn cleared(head: &Head, channel: &ChannelId, at: Time) -> Detection {
    Detection::Cleared {
        rule: head.rule.clone(),
        component: head.component.clone(),
        family: head.family,
        channel: channel.clone(),
        at,
    }
}

impl DevicePlan {
    /// The detection that a turn stands for; `None` for the end of a finding.
    pub(super) fn tell(
        &self,
        state: &DeviceState,
        found: Found<'_>,
        turn: Turn,
        t: Time,
    ) -> Option<Detection> {
        let (is_new, onset, confirmed, severity) = match turn {
            Turn::Raised { onset, severity } => (true, onset, t, severity),
            Turn::Updated { onset, confirmed, severity } => (false, onset, confirmed, severity),
            Turn::Cleared => return None,
        };
        let channel = &self.channels.get(found.place)?.channel;
        // A stuck or silent channel began when it last moved, not when that became suspicious.
        let onset = match &found.finding {
            Finding::Flat { lasted, .. } | Finding::NoData { lasted, .. } => {
                onset.min(confirmed - *lasted)
            }
            _ => onset,
        };
        let now = self.states.get(usize::from(state.now));
        let anomaly = Anomaly {
            rule: found.head.rule.clone(),
            device: self.device.device.id.clone(),
            component: found.head.component.clone(),
            family: found.head.family,
            channel: channel.id.clone(),
            onset,
            confirmed,
            state: now.unwrap_or(self.device.states.unknown()).clone(),
            severity,
            finding: found.finding,
            signals: self.signals(state, found.place, found.value),
        };
        Some(if is_new { Detection::Raised(anomaly) } else { Detection::Updated(anomaly) })
    }

    /// The leading channel first, then those of the same component that are on their way out of
    /// their normal too; each by how far it has gone.
    fn signals(&self, state: &DeviceState, leading: usize, value: f64) -> Vec<Signal> {
        let Some(leader) = self.channels.get(leading) else {
            return Vec::new();
        };
        let of_leader = state.channels.get(leading).map_or(1.0, magnitude).max(1.0);
        let mut shares = vec![(leading, of_leader)];
        let others = self.channels.iter().zip(&state.channels).enumerate();
        for (place, (plan, kept)) in others {
            let share = magnitude(kept).min(of_leader);
            let is_beside = plan.channel.component == leader.channel.component;
            if place != leading && is_beside && !kept.is_muted() && BESIDE_MIN <= share {
                shares.push((place, share));
            }
        }
        shares[1..].sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        shares.truncate(SIGNALS_MAX);
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        let signal = |(place, share): (usize, f64)| {
            let (plan, kept) = (self.channels.get(place)?, state.channels.get(place)?);
            let normal =
                kept.minds.iter().find_map(|mind| mind.memory.normal(state.now, &self.states));
            Some(Signal {
                channel: plan.channel.id.clone(),
                quantity: plan.channel.quantity,
                weight: share / sum,
                value: if place == leading { value } else { kept.value },
                unit: plan.channel.unit,
                normal,
            })
        };
        shares.into_iter().filter_map(signal).collect()
    }
}

/// How far a channel is from its learned normal, 1 where a finding would begin.
fn magnitude(kept: &ChannelState) -> f64 {
    kept.minds.iter().map(|mind| mind.memory.magnitude()).fold(0.0, f64::max)
}

/// Half way to a finding of its own a channel is worth showing.
const BESIDE_MIN: f64 = 0.5;

/// More would not be read.
const SIGNALS_MAX: usize = 8;
