//! A Modbus device, asked group by group.
//!
//! Rely on this: an answer that is late, short or meant for somebody else is never taken for a
//! value; the connection goes with it. A block that the device refuses is cut until the good
//! registers are apart from the refused ones; these are remembered, and tried again once an hour,
//! for somebody may have set the device up meanwhile.
//!
//! Deliberately absent: writing (see [`line`]), and when to ask.

mod failure;
pub mod frame;
pub mod line;
pub mod reception;
pub mod waveform;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::template::{DeviceTemplate, ModbusSettings, PointAddress, Transform};
use tokio::time::{Instant, sleep};

use crate::decode::{self, Decoded, Value};
use crate::plan::{GroupPlan, PlanError, PlannedRead, plan};
use line::{Answer, ExchangeError, Line};

/// A device as it is asked.
#[derive(Debug)]
pub struct ModbusDevice {
    unit: u8,
    settings: ModbusSettings,
    /// As it is asked now: without what it refuses, and cut around that.
    groups: Vec<GroupPlan>,
    /// As the template would have it asked.
    planned: Vec<GroupPlan>,
    /// Points that the device refuses, and since when.
    refused: BTreeMap<usize, Instant>,
    try_again_after: Duration,
}

/// What one turn of a group brought.
#[derive(Debug, Default)]
pub struct Turn {
    /// For each point of the group, in the order of the answers.
    pub points: Vec<(usize, Decoded)>,
    /// What went wrong, by kind, each time that it did.
    pub errors: Vec<&'static str>,
    /// Whether the device did not answer at all, so that asking again soon is pointless.
    pub is_silent: bool,
}

impl ModbusDevice {
    /// Plans a device.
    ///
    /// # Errors
    ///
    /// [`PlanError`] when the template cannot be planned.
    pub fn new(unit: u8, template: &DeviceTemplate) -> Result<Option<Self>, PlanError> {
        let Some(settings) = template.modbus.clone() else {
            return Ok(None);
        };
        let groups = plan(template)?;
        Ok(Some(Self {
            unit,
            settings,
            planned: groups.clone(),
            groups,
            refused: BTreeMap::new(),
            try_again_after: TRY_AGAIN_AFTER,
        }))
    }

    /// The same device, asked again for what it refuses after another time than an hour.
    #[must_use]
    pub fn trying_again_after(self, time: Duration) -> Self {
        Self { try_again_after: time, ..self }
    }

    /// Its groups.
    #[must_use]
    pub fn groups(&self) -> &[GroupPlan] {
        &self.groups
    }

    /// How it wants to be asked.
    #[must_use]
    pub fn settings(&self) -> &ModbusSettings {
        &self.settings
    }

    /// Asks for one group.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await; the connection is then dropped by the next exchange.
    pub async fn take_turn(
        &mut self,
        line: &mut Line,
        template: &DeviceTemplate,
        group: usize,
    ) -> Turn {
        let mut turn = Turn::default();
        self.reconsider(group, template);
        let Some(planned) = self.groups.get(group) else {
            return turn;
        };
        let limit = planned.group.timeout.unwrap_or(self.settings.timeout).to_std();
        let mut waiting: Vec<PlannedRead> = planned.reads.iter().rev().cloned().collect();
        let mut kept = Vec::new();
        while let Some(read) = waiting.pop() {
            if turn.is_silent {
                mark(&mut turn, template, &read, Bad::Timeout);
                kept.push(read);
                continue;
            }
            match self.insist(line, &read, limit, &mut turn.errors).await {
                Ok(answer) => {
                    self.decode(&mut turn, template, &read, &answer);
                    kept.push(read);
                }
                Err(ExchangeError::Refused { code: code @ 1..=3 }) => match read.split() {
                    Some((left, right)) => waiting.extend([right, left]),
                    None => self.remember(&read, code),
                },
                Err(error) => {
                    turn.is_silent = error.is_silence();
                    mark(&mut turn, template, &read, error.quality());
                    kept.push(read);
                }
            }
        }
        self.mark_refused(&mut turn, template, group);
        if let Some(planned) = self.groups.get_mut(group) {
            planned.reads = kept;
        }
        transform(&mut turn, template);
        turn
    }

    /// Goes back to the template's plan when what was refused may be asked for again.
    fn reconsider(&mut self, group: usize, template: &DeviceTemplate) {
        let is_due = |(index, since): &(&usize, &Instant)| {
            self.try_again_after <= since.elapsed() && self.is_in(group, template, **index)
        };
        if !self.refused.iter().any(|it| is_due(&it)) {
            return;
        }
        let mut refused = std::mem::take(&mut self.refused);
        refused.retain(|index, _| !self.is_in(group, template, *index));
        self.refused = refused;
        if let (Some(now), Some(planned)) = (self.groups.get_mut(group), self.planned.get(group)) {
            now.reads.clone_from(&planned.reads);
        }
    }

    fn mark_refused(&self, turn: &mut Turn, template: &DeviceTemplate, group: usize) {
        for index in self.refused.keys() {
            if let Some(point) = template.points.get(*index)
                && self.is_in(group, template, *index)
            {
                turn.points.push((*index, decode::missing(point, Bad::NotConfigured)));
            }
        }
    }

    /// One read with its repeats: after silence and garble on a new connection, after "busy" with
    /// a pause. Refusals of the address are not repeated, for they would be refused again.
    async fn insist(
        &self,
        line: &mut Line,
        read: &PlannedRead,
        limit: Duration,
        errors: &mut Vec<&'static str>,
    ) -> Result<Answer, ExchangeError> {
        let retries = u32::from(self.settings.retries);
        let busy = self.settings.busy_retries;
        let (mut silent, mut busy_left) = (0, busy.map_or(retries, |it| u32::from(it.count)));
        loop {
            if !self.settings.inter_request.to_std().is_zero() {
                sleep(self.settings.inter_request.to_std()).await;
            }
            let error = match line.exchange(self.unit, read, limit).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            errors.push(error.kind());
            match &error {
                ExchangeError::Refused { code: 5 | 6 } if 0 < busy_left => {
                    busy_left -= 1;
                    sleep(busy.map_or(BUSY_WAIT, |it| it.wait.to_std())).await;
                }
                error if error.may_pass() && silent < retries => silent += 1,
                _ => return Err(error),
            }
        }
    }

    fn decode(
        &self,
        turn: &mut Turn,
        template: &DeviceTemplate,
        read: &PlannedRead,
        answer: &Answer,
    ) {
        for place in &read.points {
            let Some(point) = template.points.get(place.point) else { continue };
            let range = usize::from(place.offset)..usize::from(place.offset + place.width);
            let decoded = match answer {
                Answer::Bits(bits) => bits.get(range).and_then(<[bool]>::first).map_or_else(
                    || decode::missing(point, Bad::Parse),
                    |is_on| decode::switch(point, *is_on),
                ),
                Answer::Words(words) => words.get(range).map_or_else(
                    || decode::missing(point, Bad::Parse),
                    |words| decode::registers(point, &self.settings, words),
                ),
            };
            turn.points.push((place.point, decoded));
        }
    }

    fn remember(&mut self, read: &PlannedRead, code: u8) {
        for place in &read.points {
            self.refused.insert(place.point, Instant::now());
            let (unit, address, again) = (self.unit, read.address, self.try_again_after);
            tracing::warn!(unit, address, code, ?again, "registers are refused and left out");
        }
    }

    fn is_in(&self, group: usize, template: &DeviceTemplate, point: usize) -> bool {
        let Some(point) = template.points.get(point) else { return false };
        let first = template.groups.first().map(|it| it.id.as_str());
        let wanted = point.group.as_deref().or(first);
        matches!(point.at, PointAddress::Modbus { .. })
            && self
                .groups
                .get(group)
                .is_some_and(|it| wanted.is_none_or(|wanted| wanted == it.group.id))
    }
}

fn mark(turn: &mut Turn, template: &DeviceTemplate, read: &PlannedRead, why: Bad) {
    for place in &read.points {
        if let Some(point) = template.points.get(place.point) {
            turn.points.push((place.point, decode::missing(point, why)));
        }
    }
}

/// What needs another point's value. Without it there is none.
fn transform(turn: &mut Turn, template: &DeviceTemplate) {
    for at in 0..turn.points.len() {
        let Some((index, decoded)) = turn.points.get(at) else { continue };
        let Some(point) = template.points.get(*index) else { continue };
        let Some(Transform::DivByPoint(by)) = &point.transform else { continue };
        let (Value::Number(value), false) = (&decoded.value, decoded.quality.is_bad()) else {
            continue;
        };
        let by = turn.points.iter().find_map(|(index, decoded)| {
            let is_it = template.points.get(*index).is_some_and(|it| it.id == *by);
            match decoded.value {
                Value::Number(number) if is_it && !decoded.quality.is_bad() => Some(number),
                _ => None,
            }
        });
        let divided = by.map(|by| value / by).filter(|it| it.is_finite());
        let raw = decoded.raw.clone();
        let new = match divided {
            Some(value) => decode::against_range(
                Decoded { raw, value: Value::Number(value), quality: Quality::Good },
                point.range,
            ),
            None => Decoded { raw, ..decode::missing(point, Bad::Parse) },
        };
        if let Some(place) = turn.points.get_mut(at) {
            place.1 = new;
        }
    }
}

/// A refusal costs a few requests more; an hour is soon enough for what somebody sets up by hand.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(3_600);

/// What a controller needs to finish what it is busy with, where the template does not say.
const BUSY_WAIT: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
