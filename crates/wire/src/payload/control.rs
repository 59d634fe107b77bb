//! The small messages between agent and server: acknowledgement, greeting, status.
//!
//! Acknowledgement and greeting are a version byte and postcard; a status is JSON, since it stands
//! retained on the broker, where people look at it. Frozen, like batches.

use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::{Epoch, Stream};
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};

use super::{DecodeError, EncodeError, VERSION, versioned};

/// Server to agent: these batches are durable. Only this lets an agent forget them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ack {
    /// Which numbering; an agent ignores words about another.
    pub epoch: Epoch,
    /// Which stream.
    pub stream: Stream,
    /// What has been stored, gaps included.
    pub received: SeqRanges,
}

impl Ack {
    /// The first batch that the server still misses.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.received.next_seq()
    }

    /// Writes the acknowledgement.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Shape`], which a checked value does not cause.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        versioned_bytes(&AckV1 {
            epoch: self.epoch.0,
            stream: self.stream.number(),
            ranges: self.received.ranges().to_vec(),
        })
    }

    /// Reads an acknowledgement.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] names what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let AckV1 { epoch, stream, ranges } = from_versioned(message)?;
        Ok(Self {
            epoch: Epoch(epoch),
            stream: Stream::try_from(stream)?,
            received: SeqRanges::try_from(ranges)?,
        })
    }
}

/// Agent to server after each connect; the server answers with an [`Ack`] for each stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hello {
    /// The numbering in use.
    pub epoch: Epoch,
    /// The agent's program version.
    pub software: String,
    /// The agent's wall clock when it greeted, for the server to see how far it is off.
    pub sent_at: Time,
    /// Where each stream stands.
    pub streams: Vec<StreamPosition>,
}

/// Where one stream of an agent stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamPosition {
    /// Which stream.
    pub stream: Stream,
    /// The oldest batch that the agent still has, or `next_seq` when it has none.
    pub first_available: u64,
    /// The number that the next batch will get.
    pub next_seq: u64,
}

impl Hello {
    /// Writes the greeting.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Shape`], which a checked value does not cause.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let position = |at: &StreamPosition| (at.stream.number(), at.first_available, at.next_seq);
        versioned_bytes(&HelloV1 {
            epoch: self.epoch.0,
            software: self.software.clone(),
            sent_at_us: self.sent_at.micros(),
            streams: self.streams.iter().map(position).collect(),
        })
    }

    /// Reads a greeting.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] names what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let HelloV1 { epoch, software, sent_at_us, streams } = from_versioned(message)?;
        let position = |(number, first_available, next_seq)| {
            let stream = Stream::try_from(number)?;
            Ok(StreamPosition { stream, first_available, next_seq })
        };
        Ok(Self {
            epoch: Epoch(epoch),
            software,
            sent_at: Time::from_micros(sent_at_us),
            streams: streams.into_iter().map(position).collect::<Result<_, DecodeError>>()?,
        })
    }
}

/// How an agent is, retained on the broker.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgentStatus {
    /// Whether it works.
    pub state: AgentState,
    /// The numbering in use.
    pub epoch: Epoch,
    /// The agent's program version.
    pub software: String,
    /// When the agent wrote this, by its own clock; the broker's word carries the connect's time.
    pub at: Time,
    /// What waits on the agent's disk.
    pub waiting: Waiting,
    /// Readings that the agent has dropped since the numbering began, because the disk was full.
    pub evicted_readings: u64,
}

/// Whether an agent works.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// The broker's word: it went away without saying so.
    Lost,
    /// It polls and sends.
    Online,
    /// Its own word: it was asked to stop.
    Stopped,
}

/// What waits on an agent's disk to be acknowledged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Batches of all streams.
    pub batches: u64,
    /// Readings in them.
    pub readings: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl AgentStatus {
    /// Writes the status.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Json`], which a checked value does not cause.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Reads a status.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] names what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        Ok(serde_json::from_slice(message)?)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AckV1 {
    epoch: u128,
    stream: u8,
    ranges: Vec<(u64, u64)>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct HelloV1 {
    epoch: u128,
    software: String,
    sent_at_us: i64,
    streams: Vec<(u8, u64, u64)>,
}

fn versioned_bytes(shape: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    let mut message = vec![VERSION];
    message.extend(postcard::to_stdvec(shape)?);
    Ok(message)
}

fn from_versioned<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(versioned(message)?)? {
        (shape, []) => Ok(shape),
        (_, rest) => Err(DecodeError::Trailing { bytes: rest.len() }),
    }
}
