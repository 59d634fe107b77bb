//! Readings, and the batches in which an agent numbers them for good.
//!
//! A reading's identity is its place in its agent's stream, never its time: a replay, a retry or a
//! clock step cannot make two of one. Text and waveform records ride in the same streams.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::channel::ChannelId;
use crate::id::AgentId;
use crate::quality::Quality;
use crate::time::Time;
use crate::waveform::{Burst, WaveformPart};

/// 128 random bits, made together with a spool file: a new file is a new numbering.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Epoch(pub u128);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Epoch {
    type Err = InvalidEpoch;

    fn from_str(text: &str) -> Result<Self, InvalidEpoch> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(bits) if is_hex => Ok(Self(bits)),
            Ok(_) | Err(_) => Err(InvalidEpoch { text: text.to_owned() }),
        }
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u128(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            u128::deserialize(deserializer).map(Self)
        }
    }
}

/// One of an agent's independently numbered streams. A lower number is sent first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Stream(u8);

impl Stream {
    /// Findings of local rules, state and configuration: opens tickets at once.
    pub const URGENT: Self = Self(0);
    /// Readings, texts and burst features; the engine steps devices in this order.
    pub const NORMAL: Self = Self(1);
    /// Raw waveforms, in parts.
    pub const BULK: Self = Self(2);
    /// All streams, most urgent first.
    pub const ALL: [Self; 3] = [Self::URGENT, Self::NORMAL, Self::BULK];

    /// The number in topics and stores.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Stream {
    type Error = InvalidStream;

    fn try_from(number: u8) -> Result<Self, InvalidStream> {
        Self::ALL.into_iter().find(|stream| stream.0 == number).ok_or(InvalidStream { number })
    }
}

impl From<Stream> for u8 {
    fn from(stream: Stream) -> Self {
        stream.0
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One numbering: the streams of an agent's spool file.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct StreamKey {
    /// Who numbered.
    pub agent: AgentId,
    /// Which spool file.
    pub epoch: Epoch,
    /// Which stream.
    pub stream: Stream,
}

/// Names a reading for good.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ReadingId {
    /// The numbering.
    pub key: StreamKey,
    /// The batch, contiguous across restarts; starts at 1.
    pub seq: u64,
    /// The place in the batch: numbers first, then texts.
    pub idx: u32,
}

/// One number, measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Which channel: an index into [`Readings::channels`].
    pub channel: u16,
    /// When it was measured (event time).
    pub t: Time,
    /// The value in the channel's unit; never NaN or infinite when the quality is not bad.
    pub value: f64,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// One text, bit pattern or enum word that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct TextReading {
    /// Which channel: an index into [`Readings::channels`].
    pub channel: u16,
    /// When it was seen (event time).
    pub t: Time,
    /// The text.
    pub text: String,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// What an agent measured between two commits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// The channels that the readings refer to; at most [`Readings::CHANNELS_MAX`].
    pub channels: Vec<ChannelId>,
    /// Numbers, in the order in which the agent took them.
    pub numbers: Vec<Reading>,
    /// Texts, in order.
    pub texts: Vec<TextReading>,
    /// Features of waveforms, in order.
    pub bursts: Vec<Burst>,
}

impl Readings {
    /// More channels than one index can name.
    pub const CHANNELS_MAX: usize = 65_535;

    /// Numbers and texts together: what is counted as readings.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers.len() + self.texts.len()
    }

    /// The channel that an index names; `None` in a batch that was built wrongly.
    #[must_use]
    pub fn channel(&self, index: u16) -> Option<&ChannelId> {
        self.channels.get(usize::from(index))
    }
}

/// Batches that an agent had to drop from a full disk: what is missing is known and counted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Evicted {
    /// The last sequence number of the dropped range; the first is the batch's own.
    pub to_seq: u64,
    /// How many readings were in them.
    pub readings: u64,
    /// Why, e.g. `quota`.
    pub reason: String,
}

/// What one batch holds.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchBody {
    /// A range that was dropped at the edge.
    Evicted(Evicted),
    /// Readings, texts and burst features.
    Readings(Readings),
    /// A part of a raw waveform.
    Waveform(WaveformPart),
}

/// What an agent committed and numbered together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The numbering.
    pub key: StreamKey,
    /// The number in it, contiguous from 1.
    pub seq: u64,
    /// What it holds.
    pub body: BatchBody,
}

impl Batch {
    /// The name under which logs follow this batch from the machine to the ticket, e.g.
    /// `edge-1.5f3a0c12.1.4711`: agent, beginning of the epoch, stream, number.
    #[must_use]
    pub fn trace(&self) -> String {
        let StreamKey { agent, epoch, stream } = &self.key;
        let epoch = epoch.to_string();
        format!("{agent}.{}.{stream}.{}", epoch.get(..8).unwrap_or(&epoch), self.seq)
    }

    /// The last sequence number that this batch covers.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        match &self.body {
            BatchBody::Evicted(evicted) => evicted.to_seq.max(self.seq),
            BatchBody::Readings(_) | BatchBody::Waveform(_) => self.seq,
        }
    }
}

/// A text that is no epoch.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is no epoch; 32 hexadecimal digits are expected")]
pub struct InvalidEpoch {
    /// The refused text.
    pub text: String,
}

/// A number that is no stream.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("stream {number} does not exist; 0 (urgent), 1 (normal) and 2 (bulk) do")]
pub struct InvalidStream {
    /// The refused number.
    pub number: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_reads_back_and_refuses_anything_else() {
        let epoch = Epoch(0xfeed_0000_0000_0001);
        assert_eq!(epoch.to_string().parse(), Ok(epoch));
        for text in ["", "feed", "+0000000000000000000000000000001", "zz"] {
            assert!(text.parse::<Epoch>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn only_three_streams_exist() {
        assert_eq!(Stream::try_from(1), Ok(Stream::NORMAL));
        assert_eq!(Stream::try_from(3), Err(InvalidStream { number: 3 }));
    }
}
