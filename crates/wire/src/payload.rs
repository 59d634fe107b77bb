//! The bytes of a message: one batch, or one word between agent and server.
//!
//! A batch is a version byte, a postcard header and a zstd body of columns, at most
//! [`MESSAGE_BYTES_MAX`] long. Rely on this: decoding checks the version, the check sum, every
//! length and every id, never allocates more than a written limit, and never panics.
//!
//! Deliberately absent: topics, and whether a batch was seen before.

mod columns;
mod control;
mod v1;

use forewarn_domain::id::AgentId;
use forewarn_domain::ledger::InvalidRanges;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, InvalidStream, Stream, StreamKey};
use serde::{Deserialize, Serialize};

pub use control::{Ack, AgentState, AgentStatus, Hello, StreamPosition, Waiting};
pub use v1::InvalidBody;

/// A batch as it arrived, with what its header says about the agent's store.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The batch.
    pub batch: Batch,
    /// The oldest batch of this stream that the agent still has; older ones will never come.
    pub first_available: u64,
}

/// Writes a batch as a message.
///
/// # Errors
///
/// [`EncodeError`] when the batch breaks a limit; the agent then splits it.
pub fn encode(batch: &Batch, first_available: u64) -> Result<Vec<u8>, EncodeError> {
    let readings = count(&batch.body);
    if READINGS_MAX < readings {
        return Err(EncodeError::Readings { readings });
    }
    let columns = postcard::to_stdvec(&v1::Body::from(&batch.body))?;
    if BODY_BYTES_MAX < columns.len() {
        return Err(EncodeError::Body { bytes: columns.len() });
    }
    let body = zstd::bulk::compress(&columns, ZSTD_LEVEL)?;
    let header = Header {
        epoch: batch.key.epoch.0,
        stream: batch.key.stream.number(),
        seq: batch.seq,
        readings: within_u32(readings),
        columns_bytes: within_u32(columns.len()),
        crc: 0,
        first_available,
    };
    join(&header, &body)
}

/// The same message with another `first_available`, which moves while a batch waits on disk.
///
/// # Errors
///
/// [`DecodeError`] when the message was not written by [`encode`], or is damaged.
pub fn with_first_available(message: &[u8], first_available: u64) -> Result<Vec<u8>, DecodeError> {
    let (header, body) = split(message)?;
    // Only the header changes, and that by at most ten bytes of one number.
    Ok(join(&Header { first_available, ..header }, body)?)
}

/// Reads a batch that arrived on an agent's topic.
///
/// # Errors
///
/// [`DecodeError`] names what is wrong; such a message is kept for inspection, never guessed at.
pub fn decode(agent: &AgentId, stream: Stream, message: &[u8]) -> Result<Decoded, DecodeError> {
    let (header, body) = split(message)?;
    let found = Stream::try_from(header.stream)?;
    if found != stream {
        return Err(DecodeError::OtherStream { topic: stream.number(), header: header.stream });
    }
    if header.seq == 0 || header.seq < header.first_available {
        let Header { seq, first_available, .. } = header;
        return Err(DecodeError::Sequence { seq, first_available });
    }
    let limit = usize::try_from(header.columns_bytes).unwrap_or(usize::MAX);
    if BODY_BYTES_MAX < limit {
        return Err(DecodeError::Body { bytes: limit });
    }
    let columns = zstd::bulk::decompress(body, limit)?;
    let body = v1::Body::read(&columns)?.into_domain()?;
    let readings = count(&body);
    if readings != usize::try_from(header.readings).unwrap_or(usize::MAX) {
        return Err(DecodeError::Count { header: header.readings, body: readings });
    }
    let key = StreamKey { agent: agent.clone(), epoch: Epoch(header.epoch), stream };
    let batch = Batch { key, seq: header.seq, body };
    Ok(Decoded { batch, first_available: header.first_available })
}

/// What stands before the columns. Frozen: a change is a new version byte.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Header {
    epoch: u128,
    stream: u8,
    seq: u64,
    readings: u32,
    columns_bytes: u32,
    /// CRC-32 (IEEE) of this header with zero in this place, then of the body as sent.
    crc: u32,
    first_available: u64,
}

fn join(header: &Header, body: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let crc = checksum(header, body)?;
    let mut message = vec![VERSION];
    message.extend(postcard::to_stdvec(&Header { crc, ..header.clone() })?);
    message.extend_from_slice(body);
    if MESSAGE_BYTES_MAX < message.len() {
        return Err(EncodeError::Message { bytes: message.len() });
    }
    Ok(message)
}

fn split(message: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    if MESSAGE_BYTES_MAX < message.len() {
        return Err(DecodeError::Message { bytes: message.len() });
    }
    let rest = versioned(message)?;
    let (header, body) = postcard::take_from_bytes::<Header>(rest)?;
    if checksum(&header, body)? != header.crc {
        return Err(DecodeError::Damaged { bytes: message.len() });
    }
    Ok((header, body))
}

/// What follows the version byte, when it is ours.
fn versioned(message: &[u8]) -> Result<&[u8], DecodeError> {
    match message.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&found, _)) => Err(DecodeError::Version { found }),
        None => Err(DecodeError::Empty),
    }
}

fn checksum(header: &Header, body: &[u8]) -> Result<u32, postcard::Error> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&postcard::to_stdvec(&Header { crc: 0, ..header.clone() })?);
    crc.update(body);
    Ok(crc.finalize())
}

fn count(body: &BatchBody) -> usize {
    match body {
        BatchBody::Readings(readings) => readings.count(),
        BatchBody::Evicted(_) | BatchBody::Waveform(_) => 0,
    }
}

fn within_u32(count: usize) -> u32 {
    u32::try_from(count).expect("checked against a limit far below 2^32")
}

/// Why a batch does not become a message.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The columns are too long before compression.
    #[error("batch has {bytes} bytes of columns; {BODY_BYTES_MAX} are allowed, split it")]
    Body {
        /// Their length.
        bytes: usize,
    },
    /// The compressor failed.
    #[error("batch was not compressed")]
    Compression(#[from] std::io::Error),
    /// The message is too long.
    #[error("message is {bytes} bytes long; {MESSAGE_BYTES_MAX} are allowed, split the batch")]
    Message {
        /// Its length.
        bytes: usize,
    },
    /// Too many readings.
    #[error("batch has {readings} readings; {READINGS_MAX} are allowed, split it")]
    Readings {
        /// How many there are.
        readings: usize,
    },
    /// A shape could not be written.
    #[error("message was not written")]
    Shape(#[from] postcard::Error),
}

/// Why a message is no batch, acknowledgement, greeting or status.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The columns would be too long.
    #[error("message announces {bytes} bytes of columns; {BODY_BYTES_MAX} are allowed")]
    Body {
        /// Their announced length.
        bytes: usize,
    },
    /// The columns do not make a batch.
    #[error(transparent)]
    Columns(#[from] InvalidBody),
    /// The body does not decompress into what was announced.
    #[error("message was not decompressed")]
    Compression(#[from] std::io::Error),
    /// The header counts other than the body holds.
    #[error("header counts {header} readings, the body holds {body}")]
    Count {
        /// What the header says.
        header: u32,
        /// What the body holds.
        body: usize,
    },
    /// The check sum does not fit.
    #[error("message of {bytes} bytes does not fit its check sum")]
    Damaged {
        /// Its length.
        bytes: usize,
    },
    /// Nothing was sent.
    #[error("message is empty")]
    Empty,
    /// Not the JSON of a status.
    #[error("status was not understood")]
    Json(#[from] serde_json::Error),
    /// Longer than any message of ours.
    #[error("message is {bytes} bytes long; {MESSAGE_BYTES_MAX} are allowed")]
    Message {
        /// Its length.
        bytes: usize,
    },
    /// It came on the topic of another stream.
    #[error("message of stream {header} came on the topic of stream {topic}")]
    OtherStream {
        /// The stream of the topic.
        topic: u8,
        /// The stream of the header.
        header: u8,
    },
    /// The ranges of an acknowledgement do not rise, or are too many.
    #[error(transparent)]
    Ranges(#[from] InvalidRanges),
    /// The message was not written again.
    #[error(transparent)]
    Rewritten(#[from] EncodeError),
    /// A sequence number that cannot be.
    #[error("batch {seq} cannot be; numbers start at 1 and the agent has from {first_available}")]
    Sequence {
        /// The batch's number.
        seq: u64,
        /// The oldest that the agent has.
        first_available: u64,
    },
    /// The bytes are not of the expected shape.
    #[error("message was not understood")]
    Shape(#[from] postcard::Error),
    /// There is no such stream.
    #[error(transparent)]
    Stream(#[from] InvalidStream),
    /// Bytes follow after the end.
    #[error("message has {bytes} bytes after its end")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A sender of another generation.
    #[error("message has version {found}; this program reads {VERSION}")]
    Version {
        /// Its version byte.
        found: u8,
    },
}

/// The first byte of each binary message.
const VERSION: u8 = 1;

/// Fits the default limits of Mosquitto, EMQX and NATS with room for the topic and framing.
pub const MESSAGE_BYTES_MAX: usize = 192 * 1024;

/// Four times what an agent commits at once (5,000 readings), so that it may join two or three.
pub const READINGS_MAX: usize = 20_000;

/// What a hostile 192 KiB may grow to while it is decoded: 20,000 readings at their worst (eight
/// raw bytes of value, ten of time) and long names still fit.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Sample bytes in one part of a waveform: noise does not compress, and the header needs room.
pub const WAVEFORM_PART_BYTES: usize = 184 * 1024;

/// Level 1 costs a tenth of level 3's time and loses 4 % on columns that are already deltas.
const ZSTD_LEVEL: i32 = 1;

#[cfg(test)]
mod tests;
