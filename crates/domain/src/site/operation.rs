//! What a machine is making: parts, told apart by its own context channels.
//!
//! Program, tool, operation, batch, part count and the like are ordinary channels. A follower turns
//! them into one record for each part: when it was made, in which segments, whether it was good.
//!
//! Rely on this: a record is a function of the readings alone; silence and bad readings end nothing,
//! since nobody knows what the machine did meanwhile. Deliberately absent: what a part costs or needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::channel::ChannelId;
use crate::expression::{Condition, Operand};
use crate::id::{PointId, SourceId};
use crate::site::Device;
use crate::site::plant::{Channel, PlantError, resolve};
use crate::time::Time;

/// How a device's parts are told apart, as the site file says it: `[device.operation]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperationSettings {
    /// The source under which the records are found, as the point `operation`.
    pub source: SourceId,
    /// Points that say what is being done, e.g. program, tool, operation, batch. A change of one
    /// begins a new segment.
    pub context: Vec<String>,
    /// Those of `context` whose change ends a part that was not counted: the next batch begins.
    #[serde(default)]
    pub changeover: Vec<String>,
    /// Point that counts finished parts.
    pub part_count: Option<String>,
    /// While it holds a part is being made. Without `part_count` its end ends the part.
    pub cycle: Option<Condition>,
    /// Point that counts good parts.
    pub good: Option<String>,
    /// Point that counts rejected parts.
    pub rejected: Option<String>,
}

/// Settings with their names resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Operations {
    /// Where the records go.
    pub channel: ChannelId,
    inputs: Vec<ChannelId>,
    /// Name, place and whether a change is a changeover.
    context: Vec<(String, usize, bool)>,
    part_count: Option<usize>,
    good: Option<usize>,
    rejected: Option<usize>,
    cycle: Option<(Condition, Vec<usize>)>,
}

/// One part, or several that one poll counted together.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OperationRecord {
    /// Milliseconds since 1970.
    pub began_ms: i64,
    /// Milliseconds since 1970.
    pub ended_ms: i64,
    /// Why it counts as over.
    pub ended_by: EndedBy,
    /// How many parts.
    pub parts: u32,
    /// Whether its beginning was seen.
    pub is_whole: bool,
    /// Where good or rejected parts are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_good: Option<bool>,
    /// What was done, in order.
    pub segments: Vec<Segment>,
    /// Segments beyond [`SEGMENTS_MAX`], which are not kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub segments_left_out: u32,
}

/// A stretch of one part in which the context did not change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Segment {
    /// Milliseconds since 1970.
    pub began_ms: i64,
    /// Milliseconds since 1970.
    pub ended_ms: i64,
    /// What the context points said; one that is not known is left out.
    pub context: BTreeMap<String, String>,
}

/// Why a part is over.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The context changed to the next batch or program.
    Changeover,
    /// The machine stopped.
    CycleStop,
    /// It was counted.
    PartCount,
}

impl Operations {
    /// Resolves the names of a device's settings; `None` when it has none.
    ///
    /// # Errors
    ///
    /// [`PlantError`] for a name that does not exist, or settings that can end no part.
    pub(crate) fn new(
        device: &Device,
        channels: &BTreeMap<ChannelId, Arc<Channel>>,
    ) -> Result<Option<Self>, PlantError> {
        let Some(settings) = &device.operation else { return Ok(None) };
        let refuse = |what| Err(PlantError::Operation { device: device.id.clone(), what });
        if settings.part_count.is_none() && settings.cycle.is_none() {
            return refuse("needs `part_count` or `cycle`, else no part ever ends");
        }
        if settings.changeover.iter().any(|it| !settings.context.contains(it)) {
            return refuse("has a `changeover` that is not among its `context`");
        }
        if !device.sources.iter().any(|it| it.id == settings.source) {
            return refuse("names a `source` that the device does not have");
        }
        let mut inputs: Vec<ChannelId> = Vec::new();
        let mut place = |name: &String| -> Result<usize, PlantError> {
            let channel = resolve(device, channels, name)?;
            if let Some(known) = inputs.iter().position(|it| *it == channel) {
                return Ok(known);
            }
            inputs.push(channel);
            Ok(inputs.len() - 1)
        };
        let mut context = Vec::new();
        for name in &settings.context {
            context.push((name.clone(), place(name)?, settings.changeover.contains(name)));
        }
        let cycle = match &settings.cycle {
            Some(cycle) => {
                let places = cycle.names().iter().map(&mut place).collect::<Result<_, _>>()?;
                Some((cycle.clone(), places))
            }
            None => None,
        };
        let mut optional = |name: &Option<String>| name.as_ref().map(&mut place).transpose();
        let part_count = optional(&settings.part_count)?;
        let good = optional(&settings.good)?;
        let rejected = optional(&settings.rejected)?;
        let channel = Self::channel_of(device, settings);
        Ok(Some(Self { channel, inputs, context, part_count, good, rejected, cycle }))
    }

    /// Where the records of a device go.
    pub(crate) fn channel_of(device: &Device, settings: &OperationSettings) -> ChannelId {
        let point = PointId::new(POINT).expect("the constant is a point's id");
        ChannelId::new(&device.id, &settings.source, &point)
    }

    /// The channels that are followed.
    #[must_use]
    pub fn inputs(&self) -> &[ChannelId] {
        &self.inputs
    }

    /// A follower that has seen nothing yet.
    #[must_use]
    pub fn follower(&self) -> OperationFollower {
        OperationFollower {
            values: vec![None; self.inputs.len()],
            part: None,
            finished: None,
            has_ended: false,
        }
    }

    fn is_in_cycle(&self, values: &[Option<Said>]) -> Option<bool> {
        let Some((cycle, places)) = &self.cycle else { return Some(true) };
        let operands: Vec<Option<Operand<'_>>> = places
            .iter()
            .map(|place| match values.get(*place)?.as_ref()? {
                Said::Number(number) => Some(Operand::Number(*number)),
                Said::Text(text) => Some(Operand::Text(text)),
            })
            .collect();
        cycle.holds(&operands)
    }

    fn context(&self, values: &[Option<Said>]) -> BTreeMap<String, String> {
        let said = |(name, place, _): &(String, usize, bool)| {
            let text = match values.get(*place)?.as_ref()? {
                Said::Number(number) => number.to_string(),
                Said::Text(text) => text.clone(),
            };
            Some((name.clone(), text))
        };
        self.context.iter().filter_map(said).collect()
    }
}

/// What an input last said.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A number; a switch is 0 or 1.
    Number(f64),
    /// A word.
    Text(String),
}

/// Follows one device through its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationFollower {
    values: Vec<Option<Said>>,
    part: Option<Part>,
    /// Over, and not given out yet: counters of good parts rise in the same poll.
    finished: Option<OperationRecord>,
    has_ended: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    began: Time,
    is_whole: bool,
    segments: Vec<Segment>,
    segments_left_out: u32,
}

impl OperationFollower {
    /// Takes a reading of the input at `place` (see [`Operations::inputs`]); a bad one says nothing.
    /// Gives the record of a part once a later reading shows that it is complete.
    pub fn take(
        &mut self,
        operations: &Operations,
        place: usize,
        said: Option<Said>,
        t: Time,
    ) -> Option<OperationRecord> {
        let given = match &self.finished {
            Some(finished) if finished.ended_ms < millis(t) => self.finished.take(),
            _ => None,
        };
        let (Some(said), Some(slot)) = (said, self.values.get_mut(place)) else { return given };
        let before = slot.replace(said.clone());
        let has_changed = before.as_ref() != Some(&said);
        if let (Some(Said::Number(before)), Said::Number(now)) = (&before, &said)
            && before < now
        {
            self.count(operations, place, now - before, t);
        }
        if has_changed
            && let Some((_, _, is_changeover)) = operations.context.iter().find(|it| it.1 == place)
        {
            // The first word after a start is no change.
            if *is_changeover && before.is_some() {
                self.finish(EndedBy::Changeover, 1, t);
            }
            self.begin_segment(operations, t);
        }
        self.follow_cycle(operations, t);
        given
    }

    /// The part that is being made: since when.
    #[must_use]
    pub fn open_since(&self) -> Option<Time> {
        self.part.as_ref().map(|it| it.began)
    }

    fn count(&mut self, operations: &Operations, place: usize, more: f64, t: Time) {
        if operations.part_count == Some(place) {
            self.finish(EndedBy::PartCount, whole(more), t);
        }
        for (counter, is_good) in [(operations.good, true), (operations.rejected, false)] {
            if counter != Some(place) {
                continue;
            }
            // A verdict that comes later than the poll that counted the part has no part any more.
            if let Some(finished) = &mut self.finished {
                // Of parts that were counted together all must be good.
                finished.is_good = Some(is_good && finished.is_good.unwrap_or(true));
            }
        }
    }

    fn follow_cycle(&mut self, operations: &Operations, t: Time) {
        match operations.is_in_cycle(&self.values) {
            Some(true) if self.part.is_none() => {
                // What ran when we began to look began before.
                let is_whole = self.has_ended;
                let segments_left_out = 0;
                self.part =
                    Some(Part { began: t, is_whole, segments: Vec::new(), segments_left_out });
                self.begin_segment(operations, t);
            }
            Some(false) => {
                if operations.part_count.is_none() {
                    self.finish(EndedBy::CycleStop, 1, t);
                }
                self.has_ended = true;
            }
            Some(true) | None => {}
        }
    }

    fn begin_segment(&mut self, operations: &Operations, t: Time) {
        let context = operations.context(&self.values);
        let Some(part) = &mut self.part else { return };
        let at = millis(t);
        if let Some(last) = part.segments.last_mut() {
            last.ended_ms = at;
            // Several words of one poll are one change.
            if last.began_ms == at {
                last.context = context;
                return;
            }
        }
        if SEGMENTS_MAX <= part.segments.len() {
            part.segments_left_out += 1;
            return;
        }
        part.segments.push(Segment { began_ms: at, ended_ms: at, context });
    }

    fn finish(&mut self, ended_by: EndedBy, parts: u32, t: Time) {
        self.has_ended = true;
        let Some(mut part) = self.part.take() else { return };
        let ended_ms = millis(t);
        if part.segments_left_out == 0
            && let Some(last) = part.segments.last_mut()
        {
            last.ended_ms = ended_ms;
        }
        part.segments.retain(|it| it.began_ms < it.ended_ms);
        self.finished = Some(OperationRecord {
            began_ms: millis(part.began),
            ended_ms,
            ended_by,
            parts,
            is_whole: part.is_whole,
            is_good: None,
            segments: part.segments,
            segments_left_out: part.segments_left_out,
        });
    }
}

fn millis(t: Time) -> i64 {
    t.micros().div_euclid(1_000)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to its range")]
fn whole(more: f64) -> u32 {
    more.round().clamp(1.0, f64::from(u32::MAX)) as u32
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The point under which records are found.
pub(crate) const POINT: &str = "operation";

/// A part with more changes than this is a program that runs on; its first steps tell it apart.
pub const SEGMENTS_MAX: usize = 32;

#[cfg(test)]
mod tests;
