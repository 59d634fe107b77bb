//! When the next level of a channel will be reached if its trend goes on.
//!
//! The levels ahead are those at which its rules would say more than they do: a fixed limit above, a severity
//! zone, or the grave distance from the learned normal of whatever operating state the machine is in.
//! Deliberately absent: words, limits below, and channels without a learned normal, whose trend cannot be
//! told from work.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::time::Span;

use crate::course::{Reach, Scale};
use crate::device::DeviceState;
use crate::plan::{ChannelPlan, DevicePlan};
use crate::rules::Detector;

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
    /// The level ahead of a channel that its trend reaches first; `None` without a significant trend.
    #[must_use]
    pub fn outlook(&self, state: &DeviceState, channel: &ChannelId) -> Option<Forecast> {
        let place = self.place(channel)?.index();
        let (plan, kept) = (self.channels.get(place)?, state.channels.get(place)?);
        let now = kept.trusted_at()?;
        let (judge, memory) = kept.baseline(plan)?;
        let side = kept.heading.newest()?.signum();
        let told = |(ahead, scale, target, level): (Ahead, Scale, f64, f64)| {
            let Reach { earliest, latest, over } = kept.heading.reaches(now, scale, target)?;
            Some(Forecast { ahead, level, earliest, latest, over })
        };
        let grave = judge.settings.alarm.and_then(|it| {
            Some((Ahead::Alarm, Scale::Distance, side * it, memory.level_at(side * it)?))
        });
        let fixed = fixed_levels(plan).into_iter();
        let fixed = fixed.map(|(ahead, level)| (ahead, Scale::Level, level, level));
        let forecasts = grave.into_iter().chain(fixed).filter_map(told);
        forecasts.min_by_key(|it| (it.latest, it.earliest))
    }
}

/// Levels above that do not depend on what was learned.
fn fixed_levels(plan: &ChannelPlan) -> Vec<(Ahead, f64)> {
    let mut levels = Vec::new();
    for watch in plan.watches.iter() {
        match &watch.detector {
            Detector::Limit(judge) => {
                if let (on, alarm, true) = judge.levels() {
                    levels.push((Ahead::Limit, on));
                    levels.extend(alarm.map(|it| (Ahead::Alarm, it)));
                }
            }
            Detector::SeverityZone(judge) => {
                levels.extend(judge.levels().map(|(zone, level)| (Ahead::Zone(zone), level)));
            }
            Detector::Baseline(_)
            | Detector::Count(_)
            | Detector::Flat(_)
            | Detector::Rate(_)
            | Detector::Shift(_)
            | Detector::Siblings(_) => {}
        }
    }
    levels
}
