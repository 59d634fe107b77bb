//! A Modbus device, asked group by group.
//!
//! Rely on this: an answer that is late, short or meant for somebody else is never taken for a
//! value; the connection goes with it. A block that the device refuses is cut until the good
//! registers are apart from the refused ones, and the refused ones are remembered.
//!
//! Deliberately absent: writing (see [`line`]), and when to ask.

pub mod line;

use std::collections::BTreeMap;
use std::time::Duration;

use forewarn_domain::quality::Bad;
use forewarn_domain::template::{DeviceTemplate, ModbusSettings, PointAddress};
use tokio::time::sleep;

use crate::decode::{self, Decoded};
use crate::plan::{GroupPlan, PlanError, PlannedRead, plan};
use line::{Answer, ExchangeError, Line};

/// A device as it is asked.
#[derive(Debug)]
pub struct ModbusDevice {
    unit: u8,
    settings: ModbusSettings,
    groups: Vec<GroupPlan>,
    /// Points that the device refuses, with the exception code.
    refused: BTreeMap<usize, u8>,
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
        Ok(Some(Self { unit, settings, groups, refused: BTreeMap::new() }))
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
        for index in self.refused.keys() {
            if let Some(point) = template.points.get(*index)
                && self.is_in(group, template, *index)
            {
                turn.points.push((*index, decode::missing(point, Bad::NotConfigured)));
            }
        }
        if let Some(planned) = self.groups.get_mut(group) {
            planned.reads = kept;
        }
        turn
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
            self.refused.insert(place.point, code);
            let (unit, address) = (self.unit, read.address);
            tracing::warn!(unit, address, code, "registers are refused and not asked for again");
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

/// What a controller needs to finish what it is busy with, where the template does not say.
const BUSY_WAIT: Duration = Duration::from_millis(100);
