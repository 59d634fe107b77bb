//! When the next level of a channel will be reached if its trend goes on.
//!
//! The levels ahead are those at which its rules would say more than they do: a fixed limit, a severity
//! zone, or the grave distance from the learned normal, in the operating state that gets there first.
//! Deliberately absent: words, and channels without a learned normal, whose trend cannot be told from work.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::time::Span;

use crate::device::DeviceState;
use crate::plan::{ChannelPlan, DevicePlan};
use crate::rules::baseline::Learned;
use crate::rules::{Detector, Memory};

/// A level ahead, and when it will be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// What is reached.
    pub ahead: Ahead,
    /// The level in the channel's unit.
    pub level: f64,
    /// Early end of the interval that holds the truth in four of five cases.
    pub earliest: Span,
    /// Late end.
    pub latest: Span,
    /// The stretch to which the trend was fitted.
    pub over: Span,
}

/// What a level means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ahead {
    /// From it on the finding is grave.
    Alarm,
    /// A fixed limit.
    Limit,
    /// A zone of ISO 20816-3 begins.
    Zone(char),
}

impl DevicePlan {
    /// The nearest level ahead of a channel that its trend reaches; `None` without a significant trend.
    #[must_use]
    pub fn outlook(&self, state: &DeviceState, channel: &ChannelId) -> Option<Forecast> {
        let place = self.place(channel)?.index();
        let (plan, kept) = (self.channels.get(place)?, state.channels.get(place)?);
        let now = kept.trusted_at()?;
        let side = kept.course.newest()?.signum();
        let memory = kept.minds.iter().find_map(|mind| match &mind.memory {
            Memory::Baseline(memory) => Some(memory),
            _ => None,
        })?;
        // The state in which least is missing is where the level is reached first.
        let is_share = is_share(plan.channel.quantity);
        let mut ahead: Vec<(f64, Ahead, f64)> = Vec::new();
        for scale in memory.scales(is_share) {
            let of_state = levels(plan, scale, side).into_iter().filter_map(|(ahead, level)| {
                Some((scale.offset(level, is_share, 0.0)?, ahead, level))
            });
            ahead.extend(of_state.filter(|(offset, ..)| 0.0 < side * offset));
        }
        ahead.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        ahead.into_iter().find_map(|(offset, ahead, level)| {
            let reach = kept.course.reaches(now, offset)?;
            let (earliest, latest, over) = (reach.earliest, reach.latest, reach.over);
            Some(Forecast { ahead, level, earliest, latest, over })
        })
    }
}

/// Whether a trouble changes values of this quantity by a factor, the same in every operating state;
/// heat comes on top, whatever the machine does.
pub(crate) fn is_share(quantity: Quantity) -> bool {
    !matches!(quantity, Quantity::Temperature | Quantity::PositionError)
}

fn levels(plan: &ChannelPlan, scale: &Learned, side: f64) -> Vec<(Ahead, f64)> {
    let mut levels = Vec::new();
    for watch in plan.watches.iter() {
        match &watch.detector {
            Detector::Baseline(judge) => {
                let grave = judge.settings.alarm.and_then(|it| scale.level(side * it));
                levels.extend(grave.map(|it| (Ahead::Alarm, it)));
            }
            Detector::Limit(judge) => {
                let (on, alarm, is_above) = judge.levels();
                if is_above == (0.0 < side) {
                    levels.push((Ahead::Limit, on));
                    levels.extend(alarm.map(|it| (Ahead::Alarm, it)));
                }
            }
            Detector::SeverityZone(judge) => {
                levels.extend(judge.levels().map(|(zone, level)| (Ahead::Zone(zone), level)));
            }
            Detector::Count(_) | Detector::Flat(_) | Detector::Rate(_) | Detector::Shift(_) => {}
        }
    }
    levels
}
