//! A batch as bytes, for the log from which consumers replay after a crash.
//!
//! Rely on this: what decodes is the batch that was encoded, and a damaged row is noticed. The
//! shape is the store's own and has a version; the wire has another.

use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{
    Batch, BatchBody, Evicted, Reading, Readings, StreamKey, TextReading,
};
use forewarn_domain::time::Time;
use forewarn_domain::waveform::{Burst, WaveformHeader, WaveformPart};
use serde::{Deserialize, Serialize};

/// The bytes of a batch: version, lz4 of the columns, check sum. Its channels are written as their
/// numbers in the file, `series`, since their names would be most of the bytes.
///
/// # Errors
///
/// [`HotLogError::Columns`] when a column does not serialize, which none of ours does.
pub(crate) fn encode(body: &BatchBody, series: &[u32]) -> Result<Vec<u8>, HotLogError> {
    let plain = match body {
        BatchBody::Evicted(evicted) => postcard::to_stdvec(&StoredRef::Evicted(evicted))?,
        BatchBody::Readings(readings) => {
            postcard::to_stdvec(&StoredRef::Readings(Box::new(columns(readings, series))))?
        }
        BatchBody::Waveform(part) => postcard::to_stdvec(&StoredRef::Waveform(
            &part.header,
            part.first_seq,
            part.part,
            part.parts,
            &part.bytes,
        ))?,
    };
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&lz4_flex::compress_prepend_size(&plain));
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// The batch of some bytes; `name` tells the channel of a number.
///
/// # Errors
///
/// [`HotLogError`] for bytes that were damaged or made by a newer version.
pub(crate) fn decode(
    key: StreamKey,
    seq: u64,
    bytes: &[u8],
    name: impl Fn(u32) -> Option<ChannelId>,
) -> Result<Arc<Batch>, HotLogError> {
    let (packed, crc) = bytes.split_last_chunk().ok_or(HotLogError::Damaged)?;
    if crc32fast::hash(packed).to_le_bytes() != *crc {
        return Err(HotLogError::Damaged);
    }
    let plain = match packed.split_first() {
        Some((&VERSION, packed)) => lz4_flex::decompress_size_prepended(packed)?,
        Some((&version, _)) => return Err(HotLogError::Version { version }),
        None => return Err(HotLogError::Damaged),
    };
    let body = match postcard::from_bytes(&plain)? {
        Stored::Evicted(evicted) => BatchBody::Evicted(evicted),
        Stored::Readings(columns) => BatchBody::Readings(columns.readings(name)?),
        Stored::Waveform(header, first_seq, part, parts, bytes) => {
            BatchBody::Waveform(WaveformPart { header, first_seq, part, parts, bytes })
        }
    };
    Ok(Arc::new(Batch { key, seq, body }))
}

/// The stored shape, version 1. Frozen: a change is a new version.
#[derive(Debug, Deserialize)]
enum Stored {
    Evicted(Evicted),
    Readings(Box<Columns>),
    Waveform(WaveformHeader, u64, u16, u16, Vec<u8>),
}

/// The same shape, borrowed, so that a waveform is not copied to be written.
#[derive(Debug, Serialize)]
enum StoredRef<'a> {
    Evicted(&'a Evicted),
    Readings(Box<ColumnsRef<'a>>),
    Waveform(&'a WaveformHeader, u64, u16, u16, &'a [u8]),
}

/// One column for each field: neighbours are alike, which is what lz4 needs.
#[derive(Debug, Deserialize)]
struct Columns {
    channels: Vec<u32>,
    number_channels: Vec<u16>,
    number_steps: Vec<i64>,
    number_values: Vec<f64>,
    number_qualities: Vec<u8>,
    texts: Vec<(u16, i64, u8, String)>,
    bursts: Vec<Burst>,
}

#[derive(Debug, Serialize)]
struct ColumnsRef<'a> {
    channels: &'a [u32],
    number_channels: Vec<u16>,
    /// Microseconds since the reading before; the first one since 1970.
    number_steps: Vec<i64>,
    number_values: Vec<f64>,
    number_qualities: Vec<u8>,
    texts: Vec<(u16, i64, u8, &'a str)>,
    bursts: &'a [Burst],
}

fn columns<'a>(readings: &'a Readings, series: &'a [u32]) -> ColumnsRef<'a> {
    let mut before = 0;
    let step = |reading: &Reading| {
        let t = reading.t.micros();
        t.wrapping_sub(std::mem::replace(&mut before, t))
    };
    let numbers = &readings.numbers;
    let text = |it: &'_ TextReading| (it.channel, it.t.micros(), it.quality.code());
    ColumnsRef {
        channels: series,
        number_channels: numbers.iter().map(|reading| reading.channel).collect(),
        number_steps: numbers.iter().map(step).collect(),
        number_values: numbers.iter().map(|reading| reading.value).collect(),
        number_qualities: numbers.iter().map(|reading| reading.quality.code()).collect(),
        texts: readings
            .texts
            .iter()
            .map(|it| {
                let (channel, t, quality) = text(it);
                (channel, t, quality, it.text.as_str())
            })
            .collect(),
        bursts: &readings.bursts,
    }
}

impl Columns {
    fn readings(self, name: impl Fn(u32) -> Option<ChannelId>) -> Result<Readings, HotLogError> {
        let numbers = self.number_channels.len();
        let columns =
            [self.number_steps.len(), self.number_values.len(), self.number_qualities.len()];
        if columns != [numbers; 3] {
            return Err(HotLogError::Damaged);
        }
        let quality = |code: u8| Quality::from_code(code).ok_or(HotLogError::Quality { code });
        let channels: Option<Vec<ChannelId>> = self.channels.into_iter().map(name).collect();
        let mut readings = Readings {
            channels: channels.ok_or(HotLogError::Damaged)?,
            numbers: Vec::with_capacity(numbers),
            texts: Vec::with_capacity(self.texts.len()),
            bursts: self.bursts,
        };
        let mut t = 0_i64;
        for at in 0..numbers {
            t = t.wrapping_add(self.number_steps[at]);
            readings.numbers.push(Reading {
                channel: self.number_channels[at],
                t: Time::from_micros(t),
                value: self.number_values[at],
                quality: quality(self.number_qualities[at])?,
            });
        }
        for (channel, t, code, text) in self.texts {
            let t = Time::from_micros(t);
            readings.texts.push(TextReading { channel, t, text, quality: quality(code)? });
        }
        Ok(readings)
    }
}

/// Why bytes are no batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HotLogError {
    #[error("the columns are damaged")]
    Columns(#[from] postcard::Error),
    #[error("the check sum or the shape is wrong")]
    Damaged,
    #[error("the compressed bytes are damaged")]
    Lz4(#[from] lz4_flex::block::DecompressError),
    #[error("quality code {code} is unknown")]
    Quality { code: u8 },
    #[error("format version {version} is newer than this program")]
    Version { version: u8 },
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use forewarn_domain::id::AgentId;
    use forewarn_domain::reading::{Epoch, Stream};

    use super::*;

    fn key() -> StreamKey {
        let agent = AgentId::new("edge-1").expect("valid");
        StreamKey { agent, epoch: Epoch(9), stream: Stream::NORMAL }
    }

    fn name(series: u32) -> Option<ChannelId> {
        (series == 7).then(|| "mill-01/spindle/load".parse().expect("valid"))
    }

    fn readings() -> BatchBody {
        let channel = name(7).expect("known");
        let t = Time::from_millis(1_700_000_000_000);
        let quality = Quality::Good;
        BatchBody::Readings(Readings {
            channels: vec![channel],
            numbers: vec![Reading { channel: 0, t, value: 4.2, quality }],
            texts: vec![TextReading { channel: 0, t, text: "O1234".to_owned(), quality }],
            bursts: Vec::new(),
        })
    }

    #[test]
    fn a_batch_of_each_kind_reads_back() {
        let evicted = Evicted { to_seq: 9, readings: 77, reason: "quota".to_owned() };
        for body in [readings(), BatchBody::Evicted(evicted)] {
            let bytes = encode(&body, &[7]).expect("encodes");
            let back = decode(key(), 5, &bytes, name).expect("decodes");
            assert_eq!(*back, Batch { key: key(), seq: 5, body });
        }
    }

    #[test]
    fn a_batch_of_version_1_is_still_read() {
        let bytes: Vec<u8> = (0..FROZEN_BATCH.len() / 2)
            .map(|at| u8::from_str_radix(&FROZEN_BATCH[2 * at..2 * at + 2], 16).expect("hex"))
            .collect();
        let back = decode(key(), 5, &bytes, name).expect("decodes");
        assert_eq!(back.body, readings());
    }

    const FROZEN_BATCH: &str = concat!(
        "012b000000f0020101070100018080f2818389850601cdcc01006410400100010015008000054f31323334001b0c",
        "9e95",
    );

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut bytes = encode(&readings(), &[7]).expect("encodes");
        bytes[9] ^= 1;
        assert!(matches!(decode(key(), 5, &bytes, name), Err(HotLogError::Damaged)));
    }
}
