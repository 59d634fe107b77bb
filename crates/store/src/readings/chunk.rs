//! Ten minutes of one channel, as points in memory and as bytes on disk.
//!
//! Rely on this: bytes decode to exactly the points that were encoded, and merging the same points
//! again changes nothing. Of several readings with one channel and one time, the one with the
//! greatest reading id stays, whatever the order of arrival.
//!
//! Deliberately absent: where the bytes are kept.

use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::reading::StreamKey;
use forewarn_domain::time::Time;
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};
use serde::{Deserialize, Serialize};

use super::sample::{Sample, Summary};

/// One reading inside its bucket: 24 bytes, since a large site holds millions of them in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) value: f64,
    /// Sequence number of its batch.
    pub(crate) seq: u64,
    /// Microseconds since the bucket's beginning.
    pub(crate) offset: u32,
    /// Which numbering, as the file counts them.
    pub(crate) stream: u16,
    /// [`Quality::code`].
    pub(crate) quality: u8,
    pub(crate) late: bool,
}

impl Point {
    /// As the caller wants it.
    pub(crate) fn sample(&self, bucket: i64) -> Sample {
        Sample {
            t: Time::from_micros(bucket * BUCKET_US + i64::from(self.offset)),
            value: self.value,
            // A code of a newer version says nothing that this version could trust.
            quality: Quality::from_code(self.quality).unwrap_or(Quality::Bad(Bad::Parse)),
            late: self.late,
        }
    }

    pub(crate) fn is_bad(&self) -> bool {
        BAD_CODES_FROM <= self.quality
    }
}

/// In which bucket a time lies, and where in it.
pub(crate) fn place(t: i64) -> (i64, u32) {
    let offset = u32::try_from(t.rem_euclid(BUCKET_US)).expect("a bucket is shorter than 2^32 µs");
    (t.div_euclid(BUCKET_US), offset)
}

/// Brings points into time order with one point for each time.
pub(crate) fn settle(points: &mut Vec<Point>, streams: &[StreamKey]) {
    if points.windows(2).all(|pair| pair[0].offset < pair[1].offset) {
        return;
    }
    // The sort is stable and a batch was appended in its own order, so of two readings of one
    // batch the one with the greater index stands last.
    points.sort_by(|a, b| {
        let numbering = |point: &Point| streams.get(usize::from(point.stream));
        let by_id = || numbering(a).cmp(&numbering(b)).then(a.seq.cmp(&b.seq));
        a.offset.cmp(&b.offset).then_with(by_id)
    });
    let mut kept = 0;
    for at in 0..points.len() {
        let is_last_of_its_time =
            points.get(at + 1).is_none_or(|next| next.offset != points[at].offset);
        if is_last_of_its_time {
            points[kept] = points[at];
            kept += 1;
        }
    }
    points.truncate(kept);
}

/// The figures of some points.
pub(crate) fn summarize(points: &[Point]) -> Summary {
    let mut summary = Summary::default();
    for point in points {
        summary.add(point.value, point.is_bad());
    }
    summary
}

/// Packs settled points.
///
/// # Errors
///
/// [`ChunkError`] when the compressor refuses, which it does for no values we know of.
pub(crate) fn encode(points: &[Point]) -> Result<Vec<u8>, ChunkError> {
    let body = Body {
        times: Steps::pack(points.iter().map(|point| i64::from(point.offset)))?,
        values: Values::pack(points)?,
        quality: runs(points.iter().map(|point| point.quality)),
        late: runs(points.iter().map(|point| point.late)),
        streams: runs(points.iter().map(|point| point.stream)),
        seqs: Steps::pack(points.iter().map(|point| point.seq.cast_signed()))?,
    };
    let mut bytes = postcard::to_extend(&body, vec![VERSION])?;
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

/// Unpacks what [`encode`] made.
///
/// # Errors
///
/// [`ChunkError`] for bytes that were damaged or made by a newer version.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Point>, ChunkError> {
    let (packed, crc) = bytes.split_last_chunk().ok_or(ChunkError::Damaged)?;
    if crc32fast::hash(packed).to_le_bytes() != *crc {
        return Err(ChunkError::Damaged);
    }
    let body: Body = match packed.split_first() {
        Some((&VERSION, body)) => postcard::from_bytes(body)?,
        Some((&version, _)) => return Err(ChunkError::Version { version }),
        None => return Err(ChunkError::Damaged),
    };
    body.unpack()
}

/// The stored shape, version 1. Frozen: a change is a new version.
#[derive(Debug, Deserialize, Serialize)]
struct Body {
    times: Steps,
    values: Values,
    quality: Vec<(u8, u32)>,
    late: Vec<(bool, u32)>,
    streams: Vec<(u16, u32)>,
    seqs: Steps,
}

impl Body {
    fn unpack(self) -> Result<Vec<Point>, ChunkError> {
        let times = self.times.unpack()?;
        let values = self.values.unpack(times.len())?;
        let quality = spread(&self.quality);
        let late = spread(&self.late);
        let streams = spread(&self.streams);
        let seqs = self.seqs.unpack()?;
        let is_whole = [values.len(), quality.len(), late.len(), streams.len(), seqs.len()]
            .iter()
            .all(|len| *len == times.len());
        if !is_whole {
            return Err(ChunkError::Damaged);
        }
        let mut points = Vec::with_capacity(times.len());
        for (at, time) in times.iter().enumerate() {
            points.push(Point {
                value: values[at],
                seq: seqs[at].cast_unsigned(),
                offset: u32::try_from(*time)?,
                stream: streams[at],
                quality: quality[at],
                late: late[at],
            });
        }
        Ok(points)
    }
}

/// Whole numbers that often rise by the same step.
#[derive(Debug, Deserialize, Serialize)]
enum Steps {
    Regular { first: i64, step: i64, n: u32 },
    Packed(Vec<u8>),
}

impl Steps {
    fn pack(numbers: impl Iterator<Item = i64>) -> Result<Self, ChunkError> {
        let numbers: Vec<i64> = numbers.collect();
        let first = numbers.first().copied().unwrap_or_default();
        let step = numbers.get(1).map_or(0, |second| second.wrapping_sub(first));
        if numbers.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
            return Ok(Self::Regular { first, step, n: u32::try_from(numbers.len())? });
        }
        Ok(Self::Packed(simple_compress(&numbers, &ChunkConfig::default())?))
    }

    fn unpack(&self) -> Result<Vec<i64>, ChunkError> {
        match self {
            Self::Packed(bytes) => Ok(simple_decompress(bytes)?),
            Self::Regular { first, step, n } => {
                let number = |at: u32| first.wrapping_add(step.wrapping_mul(i64::from(at)));
                Ok((0..*n).map(number).collect())
            }
        }
    }
}

/// Values, as the shortest of three exact forms.
#[derive(Debug, Deserialize, Serialize)]
enum Values {
    /// The bits of the one value that all have.
    Constant(u64),
    Floats(Vec<u8>),
    /// Whole numbers, times ten to the minus `digits`.
    Scaled {
        digits: u8,
        packed: Vec<u8>,
    },
}

impl Values {
    fn pack(points: &[Point]) -> Result<Self, ChunkError> {
        let first = points.first().map_or(0, |point| point.value.to_bits());
        if points.iter().all(|point| point.value.to_bits() == first) {
            return Ok(Self::Constant(first));
        }
        for (digits, scale) in (0_u8..).zip(SCALES) {
            let scaled: Option<Vec<i64>> =
                points.iter().map(|point| scaled(point.value, scale)).collect();
            if let Some(scaled) = scaled {
                let packed = simple_compress(&scaled, &ChunkConfig::default())?;
                return Ok(Self::Scaled { digits, packed });
            }
        }
        let floats: Vec<f64> = points.iter().map(|point| point.value).collect();
        Ok(Self::Floats(simple_compress(&floats, &ChunkConfig::default())?))
    }

    fn unpack(&self, len: usize) -> Result<Vec<f64>, ChunkError> {
        match self {
            Self::Constant(bits) => Ok(vec![f64::from_bits(*bits); len]),
            Self::Floats(bytes) => Ok(simple_decompress(bytes)?),
            Self::Scaled { digits, packed } => {
                let scale = *SCALES.get(usize::from(*digits)).ok_or(ChunkError::Damaged)?;
                let whole: Vec<i64> = simple_decompress(packed)?;
                Ok(whole.into_iter().map(|number| exact_f64(number) / scale).collect())
            }
        }
    }
}

/// The whole number that stands for a value, if dividing it again gives the very same bits.
#[expect(clippy::cast_possible_truncation, reason = "the bound keeps it within 2^53")]
fn scaled(value: f64, scale: f64) -> Option<i64> {
    let whole = (value * scale).round();
    if WHOLE_MAX < whole.abs() || !whole.is_finite() {
        return None;
    }
    let number = whole as i64;
    ((exact_f64(number) / scale).to_bits() == value.to_bits()).then_some(number)
}

#[expect(clippy::cast_precision_loss, reason = "only numbers within 2^53 are ever scaled")]
fn exact_f64(number: i64) -> f64 {
    number as f64
}

fn runs<T: Copy + PartialEq>(column: impl Iterator<Item = T>) -> Vec<(T, u32)> {
    let mut runs: Vec<(T, u32)> = Vec::new();
    for cell in column {
        match runs.last_mut() {
            Some((value, n)) if *value == cell => *n += 1,
            Some(_) | None => runs.push((cell, 1)),
        }
    }
    runs
}

fn spread<T: Copy>(runs: &[(T, u32)]) -> Vec<T> {
    let cells = |(value, n): &(T, u32)| (0..*n).map(|_| *value).collect::<Vec<T>>();
    runs.iter().flat_map(cells).collect()
}

/// Why bytes are no chunk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChunkError {
    #[error("the check sum or the shape is wrong")]
    Damaged,
    #[error("a number does not fit")]
    Number(#[from] std::num::TryFromIntError),
    #[error("the compressed column is damaged")]
    Pco(#[from] pco::errors::PcoError),
    #[error("the columns are damaged")]
    Postcard(#[from] postcard::Error),
    #[error("format version {version} is newer than this program")]
    Version { version: u8 },
}

/// Ten minutes: long enough to compress well, short enough to hold open in memory.
pub(crate) const BUCKET_US: i64 = 600_000_000;

/// Retention and summaries count whole hours.
pub(crate) const BUCKETS_PER_HOUR: i64 = 6;

const VERSION: u8 = 1;

/// Quality codes from here on are bad; the codes are frozen in the domain.
const BAD_CODES_FROM: u8 = 128;

/// Sensors send up to six decimals; finer values are rarely decimal at all.
const SCALES: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

/// 2^53: below it every whole number is an exact f64.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use forewarn_domain::id::AgentId;
    use forewarn_domain::reading::{Epoch, Stream};
    use proptest::prelude::*;

    use super::*;

    fn numberings() -> Vec<StreamKey> {
        ["b", "a"]
            .map(|agent| StreamKey {
                agent: AgentId::new(agent).expect("valid"),
                epoch: Epoch(7),
                stream: Stream::NORMAL,
            })
            .to_vec()
    }

    fn point() -> impl Strategy<Value = Point> {
        let value = prop_oneof![
            4 => (-5_000_i32..5_000).prop_map(|tenths| f64::from(tenths) / 10.0),
            1 => any::<f64>(),
            1 => Just(-0.0),
        ];
        let quality = prop_oneof![4 => Just(0_u8), 1 => Just(64), 1 => Just(135)];
        (value, 0_u64..20, 0_u32..600_000, 0_u16..2, quality, any::<bool>()).prop_map(
            |(value, seq, ms, stream, quality, late)| Point {
                value,
                seq,
                offset: ms * 1_000,
                stream,
                quality,
                late,
            },
        )
    }

    fn bits(points: &[Point]) -> Vec<(u64, u64, u32, u16, u8, bool)> {
        let row = |p: &Point| (p.value.to_bits(), p.seq, p.offset, p.stream, p.quality, p.late);
        points.iter().map(row).collect()
    }

    proptest! {
        #[test]
        fn a_chunk_gives_back_the_very_bits(mut points in prop::collection::vec(point(), 0..700)) {
            settle(&mut points, &numberings());
            let back = decode(&encode(&points).expect("encodes")).expect("decodes");
            prop_assert_eq!(bits(&back), bits(&points));
        }

        #[test]
        fn a_damaged_chunk_is_noticed(
            points in prop::collection::vec(point(), 1..50), at in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encode(&points).expect("encodes");
            let at = at.index(bytes.len());
            bytes[at] ^= 0x10;
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn the_greatest_reading_id_stays_in_any_order_of_arrival() {
        let reading =
            |stream, seq, value| Point { value, seq, offset: 5, stream, quality: 0, late: false };
        // Stream 0 belongs to agent `b`, which sorts after agent `a`.
        let (low, mid, high) = (reading(1, 9, 1.0), reading(0, 2, 2.0), reading(0, 3, 3.0));
        for arrival in [[low, mid, high], [high, low, mid], [mid, high, low]] {
            let mut points = arrival.to_vec();
            settle(&mut points, &numberings());
            assert_eq!(points, [high]);
        }
    }

    #[test]
    fn regular_decimal_readings_take_few_bytes() {
        let reading = |second: u32| Point {
            value: f64::from(second % 7) / 10.0,
            seq: u64::from(second),
            offset: second * 1_000_000,
            stream: 0,
            quality: 0,
            late: false,
        };
        let points: Vec<Point> = (0..600).map(reading).collect();
        let bytes = encode(&points).expect("encodes").len();
        assert!(bytes < 600, "{bytes} bytes for 600 readings");
    }

    #[test]
    fn a_chunk_of_version_1_is_still_read() {
        let reading = |(value, seq, offset, quality, late)| Point {
            value,
            seq,
            offset,
            stream: 0,
            quality,
            late,
        };
        let points =
            [(1.5, 3, 0, 0, false), (1.25, 4, 1_000, 64, true), (-2.0, 9, 5_000, 0, false)];
        let bytes: Vec<u8> = (0..FROZEN_CHUNK.len() / 2)
            .map(|at| u8::from_str_radix(&FROZEN_CHUNK[2 * at..2 * at + 2], 16).expect("hex"))
            .collect();
        assert_eq!(decode(&bytes).expect("decodes"), points.map(reading));
    }

    const FROZEN_CHUNK: &str = concat!(
        "01012070636f210300c104010402000000100000000000000000006c0000007d204e0002021f70636f210300c104",
        "0104020000001000c0f9ffffffffffff4b005e8b0200000300014001000103000101010001010003011d70636f21",
        "0300c104010402000000100018000000000000001c00880100e79a4218",
    );
}
