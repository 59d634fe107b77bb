//! Codes in texts: raised when they come, ended when they are out of the window.

use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::id::ComponentId;
use forewarn_domain::time::Time;

use super::DeviceState;
use super::report::{self, Found};
use crate::confirm::Turn;
use crate::outcome::Detection;
use crate::plan::DevicePlan;

impl DevicePlan {
    /// Takes a text of the channel at `place`.
    pub(super) fn codes(
        &self,
        state: &mut DeviceState,
        (place, t, text): (usize, Time, &str),
        out: &mut Vec<Detection>,
    ) {
        let (Some(plan), Some(kept)) = (self.channels.get(place), state.channels.get_mut(place))
        else {
            return;
        };
        let mut turns = Vec::new();
        for (index, (watch, memory)) in plan.codes.iter().zip(&mut kept.codes).enumerate() {
            let is_open = watch.gate.is_open(state.now);
            if !is_open || !watch.settings.take(memory, t, text) {
                continue;
            }
            let Some((onset, finding)) = watch.settings.finding(memory) else { continue };
            let severity = watch.head.severity;
            let turn = if memory.is_active {
                Turn::Updated { onset, confirmed: t, severity }
            } else {
                Turn::Raised { onset, severity }
            };
            memory.is_active = true;
            turns.push((index, turn, finding));
        }
        for (index, turn, finding) in turns {
            let head = &plan.codes[index].head;
            let found = Found { place, head, finding, value: 0.0 };
            out.extend(self.tell(state, found, turn, t).map(without_signals));
        }
    }

    /// Lets codes leave their windows.
    pub(super) fn pass_codes(&self, state: &mut DeviceState, t: Time, out: &mut Vec<Detection>) {
        for place in &self.coded {
            let (Some(plan), Some(kept)) =
                (self.channels.get(*place), state.channels.get_mut(*place))
            else {
                continue;
            };
            for (watch, memory) in plan.codes.iter().zip(&mut kept.codes) {
                watch.settings.pass(memory, t);
                if memory.is_active && watch.settings.finding(memory).is_none() {
                    memory.is_active = false;
                    out.push(report::cleared(&watch.head, &plan.channel.id, t));
                }
            }
        }
    }

    /// The part was repaired: its codes speak of the old one.
    pub(super) fn forget_codes(
        &self,
        state: &mut DeviceState,
        (component, is_whole, at): (&ComponentId, bool, Time),
        out: &mut Vec<Detection>,
    ) {
        for place in &self.coded {
            let (Some(plan), Some(kept)) =
                (self.channels.get(*place), state.channels.get_mut(*place))
            else {
                continue;
            };
            let watches = plan.codes.iter().zip(&mut kept.codes);
            for (watch, memory) in
                watches.filter(|(watch, _)| is_whole || watch.head.component == *component)
            {
                memory.forget();
                if std::mem::take(&mut memory.is_active) {
                    out.push(report::cleared(&watch.head, &plan.channel.id, at));
                }
            }
        }
    }
}

/// A code has no value that could have moved.
fn without_signals(detection: Detection) -> Detection {
    let bare = |anomaly: Anomaly| Anomaly { signals: Vec::new(), ..anomaly };
    match detection {
        Detection::Raised(anomaly) => Detection::Raised(bare(anomaly)),
        Detection::Updated(anomaly) => Detection::Updated(bare(anomaly)),
        cleared @ Detection::Cleared { .. } => cleared,
    }
}
