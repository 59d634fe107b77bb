//! What was taken since the last commit.

use std::collections::HashMap;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::reading::{BatchBody, Reading, Readings, Stream, TextReading};
use forewarn_domain::waveform::Burst;
use tokio::sync::oneshot;

use crate::config::CommitLimits;
use crate::decode::Value;
use crate::intake::Measured;

/// One batch of stream 1 in the making, and the parts of waveforms for stream 2.
#[derive(Debug, Default)]
pub(super) struct Pending {
    readings: Readings,
    places: HashMap<ChannelId, u16>,
    bytes: usize,
    pub(super) bursts: Vec<Burst>,
    pub(super) parts: Vec<BatchBody>,
    pub(super) receipts: Vec<oneshot::Sender<()>>,
}

impl Pending {
    pub(super) fn add(&mut self, readings: Vec<Measured>) {
        for Measured { channel, t, value, quality } in readings {
            let Some(channel) = self.place(channel) else { continue };
            match value {
                Value::Number(value) => {
                    self.bytes += NUMBER_BYTES;
                    self.readings.numbers.push(Reading { channel, t, value, quality });
                }
                Value::Text(text) => {
                    self.bytes += NUMBER_BYTES + text.len();
                    self.readings.texts.push(TextReading { channel, t, text, quality });
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.readings.count() == 0
            && self.bursts.is_empty()
            && self.parts.is_empty()
            && self.receipts.is_empty()
    }

    pub(super) fn is_full(&self, limits: &CommitLimits) -> bool {
        limits.readings_max <= self.readings.count()
            || limits.bytes_max <= self.bytes
            || PARTS_MAX <= self.parts.len()
    }

    pub(super) fn take_bodies(&mut self) -> Vec<(Stream, BatchBody)> {
        let readings = Readings {
            bursts: std::mem::take(&mut self.bursts),
            ..std::mem::take(&mut self.readings)
        };
        self.places.clear();
        self.bytes = 0;
        let has_readings = 0 < readings.count() || !readings.bursts.is_empty();
        let readings = has_readings.then_some((Stream::NORMAL, BatchBody::Readings(readings)));
        let parts = self.parts.drain(..).map(|part| (Stream::BULK, part));
        readings.into_iter().chain(parts).collect()
    }

    fn place(&mut self, channel: ChannelId) -> Option<u16> {
        if let Some(place) = self.places.get(&channel) {
            return Some(*place);
        }
        // Reached only by an agent with more channels than a commit has readings.
        let place = u16::try_from(self.readings.channels.len()).ok()?;
        self.bytes += channel.as_str().len();
        self.readings.channels.push(channel.clone());
        self.places.insert(channel, place);
        Some(place)
    }
}

/// Value, time and quality before compression.
const NUMBER_BYTES: usize = 12;

/// About 3 MB in one transaction.
const PARTS_MAX: usize = 16;
