//! What devices of one class teach each other: the normal of a channel that is the same on all.
//!
//! Each device keeps its own calm samples; whoever steps several devices in one order puts them
//! together here and hands the result back. Deliberately absent: when that happens, and which
//! devices are of a class.

use forewarn_domain::id::RuleId;
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};

use crate::device::DeviceState;
use crate::plan::DevicePlan;
use crate::rules::shift::{Learned, Pooling};
use crate::rules::{Detector, Memory};
use crate::statistics::Spread;

/// What is pooled: a rule on a point of a source in one operating state.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct PoolKey {
    /// The rule.
    pub rule: RuleId,
    /// `source/point`.
    pub point: String,
    /// Place of the operating state.
    pub state: u8,
}

/// The calm samples of one device.
#[derive(Clone, Debug)]
pub struct Lesson<'a> {
    /// What they are about.
    pub key: PoolKey,
    /// How many there have been.
    pub taught: u64,
    /// How many the class needs before it has a normal.
    pub needed: u64,
    values: &'a [f64],
    steps: &'a [f64],
}

/// The normal of a class.
#[derive(Clone, Copy, Debug)]
pub struct ClassNormal(Learned);

impl ClassNormal {
    /// From the lessons of several devices; `None` without enough samples.
    #[must_use]
    pub fn of(lessons: &[Lesson<'_>], now: Time) -> Option<Self> {
        let values: Vec<f64> = lessons.iter().flat_map(|it| it.values).copied().collect();
        let steps: Vec<f64> = lessons.iter().flat_map(|it| it.steps).copied().collect();
        let samples = lessons.iter().map(|it| it.taught).sum();
        // One device after another is no series: a start-up cannot be told from another machine.
        let spread = Spread::of_any_order(&values, &steps)?;
        Some(Self(Learned { spread, samples, since: now }))
    }
}

impl DevicePlan {
    /// Whether any rule of the device learns from its class.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.channels.iter().any(|it| it.watches.iter().any(|watch| is_pooled(&watch.detector)))
    }

    /// What the device has to teach its class.
    #[must_use]
    pub fn lessons<'a>(&self, state: &'a DeviceState) -> Vec<Lesson<'a>> {
        let mut lessons = Vec::new();
        for (plan, kept) in self.channels.iter().zip(&state.channels) {
            for (watch, mind) in plan.watches.iter().zip(&kept.minds) {
                let (Detector::Shift(shift), Memory::Shift(memory)) =
                    (&watch.detector, &mind.memory)
                else {
                    continue;
                };
                if shift.settings.pool != Pooling::Class {
                    continue;
                }
                let needed = u64::from(shift.settings.learn.samples);
                let point = format!("{}/{}", plan.channel.id.source(), plan.channel.id.point_str());
                for (state, (taught, values, steps)) in (0..=u8::MAX).zip(memory.calm()) {
                    let (rule, point) = (watch.head.rule.id.clone(), point.clone());
                    let key = PoolKey { rule, point, state };
                    lessons.push(Lesson { key, taught, needed, values, steps });
                }
            }
        }
        lessons
    }

    /// Takes over what the class knows.
    pub fn take_class(&self, state: &mut DeviceState, key: &PoolKey, normal: ClassNormal) {
        for (plan, kept) in self.channels.iter().zip(&mut state.channels) {
            let id = &plan.channel.id;
            let Some((source, point)) = key.point.split_once('/') else { return };
            if id.point_str() != point || id.source().as_str() != source {
                continue;
            }
            for (watch, mind) in plan.watches.iter().zip(&mut kept.minds) {
                if let Memory::Shift(memory) = &mut mind.memory
                    && watch.head.rule.id == key.rule
                {
                    memory.take_class(usize::from(key.state), normal.0);
                }
            }
        }
    }
}

fn is_pooled(detector: &Detector) -> bool {
    matches!(detector, Detector::Shift(shift) if shift.settings.pool == Pooling::Class)
}
