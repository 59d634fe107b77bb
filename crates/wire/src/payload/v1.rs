//! The shapes of version 1, and their conversion from and to the domain, by hand.
//!
//! Frozen: fields and variants keep their order for ever, since postcard writes no names. A new
//! field is a new version. Rely on this: [`Body::into_domain`] returns only what keeps the
//! domain's promises (known channels, known qualities, finite values unless they are bad).

mod waveform;

use forewarn_domain::channel::{ChannelId, InvalidChannel};
use forewarn_domain::id::InvalidId;
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::UnknownAxis;
use forewarn_domain::reading as domain;
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};

use super::columns::{Values, deltas, sums};

/// What a batch holds.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Body {
    Readings(Readings),
    Waveform(waveform::Part),
    Evicted(Evicted),
}

/// Readings as columns; all columns of numbers are equally long.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Readings {
    channels: Vec<String>,
    /// Differences of channel indices: readings of one poll follow each other.
    channel_deltas: Vec<i32>,
    time_deltas: Vec<i64>,
    values: Values,
    /// Runs of equal quality codes: how many, which.
    qualities: Vec<(u32, u8)>,
    texts: Vec<Text>,
    bursts: Vec<waveform::Burst>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text {
    channel: u16,
    t_us: i64,
    quality: u8,
    text: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evicted {
    to_seq: u64,
    readings: u64,
    reason: String,
}

impl Body {
    /// Reads the decompressed columns.
    pub(super) fn read(columns: &[u8]) -> Result<Self, InvalidBody> {
        match postcard::take_from_bytes(columns)? {
            (body, []) => Ok(body),
            (_, rest) => Err(InvalidBody::Trailing { bytes: rest.len() }),
        }
    }

    /// Checks everything that the shape alone does not.
    pub(super) fn into_domain(self) -> Result<domain::BatchBody, InvalidBody> {
        Ok(match self {
            Self::Readings(readings) => domain::BatchBody::Readings(readings.into_domain()?),
            Self::Waveform(part) => domain::BatchBody::Waveform(part.into_domain()?),
            Self::Evicted(Evicted { to_seq, readings, reason }) => {
                domain::BatchBody::Evicted(domain::Evicted { to_seq, readings, reason })
            }
        })
    }
}

impl From<&domain::BatchBody> for Body {
    fn from(body: &domain::BatchBody) -> Self {
        match body {
            domain::BatchBody::Readings(readings) => Self::Readings(Readings::from(readings)),
            domain::BatchBody::Waveform(part) => Self::Waveform(waveform::Part::from(part)),
            domain::BatchBody::Evicted(domain::Evicted { to_seq, readings, reason }) => {
                let (to_seq, readings, reason) = (*to_seq, *readings, reason.clone());
                Self::Evicted(Evicted { to_seq, readings, reason })
            }
        }
    }
}

impl From<&domain::Readings> for Readings {
    fn from(readings: &domain::Readings) -> Self {
        let numbers = &readings.numbers;
        let pairs: Vec<_> = numbers.iter().map(|it| (it.channel, it.value)).collect();
        Self {
            channels: readings.channels.iter().map(ToString::to_string).collect(),
            channel_deltas: index_deltas(numbers.iter().map(|it| it.channel)),
            time_deltas: deltas(numbers.iter().map(|it| it.t.micros())),
            values: Values::new(readings.channels.len(), &pairs),
            qualities: runs(numbers.iter().map(|it| it.quality.code())),
            texts: readings.texts.iter().map(Text::from).collect(),
            bursts: readings.bursts.iter().map(waveform::Burst::from).collect(),
        }
    }
}

impl Readings {
    fn into_domain(self) -> Result<domain::Readings, InvalidBody> {
        let channels = self
            .channels
            .into_iter()
            .map(ChannelId::try_from)
            .collect::<Result<Vec<_>, InvalidChannel>>()?;
        let order = indices(&self.channel_deltas)?;
        let values = self.values.back(channels.len(), &order)?;
        let times = sums(&self.time_deltas);
        let qualities = unrolled(&self.qualities, order.len())?;
        if times.len() != order.len() {
            return Err(InvalidBody::Column { what: "times" });
        }
        let mut numbers = Vec::with_capacity(order.len());
        let columns = order.into_iter().zip(times).zip(values).zip(qualities);
        for (((channel, micros), value), quality) in columns {
            if !value.is_finite() && !quality.is_bad() {
                return Err(InvalidBody::Value { value, quality });
            }
            numbers.push(domain::Reading { channel, t: Time::from_micros(micros), value, quality });
        }
        let known = channels.len();
        let texts = self.texts.into_iter().map(|text| text.into_domain(known));
        let bursts = self.bursts.into_iter().map(waveform::Burst::into_domain);
        Ok(domain::Readings {
            texts: texts.collect::<Result<_, _>>()?,
            bursts: bursts.collect::<Result<_, _>>()?,
            channels,
            numbers,
        })
    }
}

impl From<&domain::TextReading> for Text {
    fn from(reading: &domain::TextReading) -> Self {
        Self {
            channel: reading.channel,
            t_us: reading.t.micros(),
            quality: reading.quality.code(),
            text: reading.text.clone(),
        }
    }
}

impl Text {
    fn into_domain(self, channels: usize) -> Result<domain::TextReading, InvalidBody> {
        if channels <= usize::from(self.channel) {
            return Err(InvalidBody::Column { what: "texts" });
        }
        let (channel, t) = (self.channel, Time::from_micros(self.t_us));
        let quality = quality(self.quality)?;
        Ok(domain::TextReading { channel, t, text: self.text, quality })
    }
}

fn quality(code: u8) -> Result<Quality, InvalidBody> {
    Quality::from_code(code).ok_or(InvalidBody::Quality { code })
}

fn index_deltas(channels: impl Iterator<Item = u16>) -> Vec<i32> {
    let mut before = 0_i32;
    channels
        .map(|channel| {
            let delta = i32::from(channel).wrapping_sub(before);
            before = i32::from(channel);
            delta
        })
        .collect()
}

fn indices(deltas: &[i32]) -> Result<Vec<u16>, InvalidBody> {
    let mut sum = 0_i32;
    deltas
        .iter()
        .map(|delta| {
            sum = sum.wrapping_add(*delta);
            u16::try_from(sum).ok().ok_or(InvalidBody::Column { what: "channels" })
        })
        .collect()
}

fn runs(codes: impl Iterator<Item = u8>) -> Vec<(u32, u8)> {
    let mut runs: Vec<(u32, u8)> = Vec::new();
    for code in codes {
        match runs.last_mut() {
            Some((length, last)) if *last == code => *length = length.saturating_add(1),
            Some(_) | None => runs.push((1, code)),
        }
    }
    runs
}

/// Undoes [`runs`]. The lengths are added up first, so a hostile one allocates nothing.
fn unrolled(runs: &[(u32, u8)], expected: usize) -> Result<Vec<Quality>, InvalidBody> {
    let total: u64 = runs.iter().map(|(length, _)| u64::from(*length)).sum();
    if usize::try_from(total).ok() != Some(expected) {
        return Err(InvalidBody::Column { what: "qualities" });
    }
    let mut qualities = Vec::with_capacity(expected);
    for (length, code) in runs {
        let length = usize::try_from(*length).unwrap_or(usize::MAX);
        qualities.extend(std::iter::repeat_n(quality(*code)?, length));
    }
    Ok(qualities)
}

/// Why the columns of a message do not make a batch.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBody {
    /// An axis that this version does not know.
    #[error(transparent)]
    Axis(#[from] UnknownAxis),
    /// A channel's name is none.
    #[error(transparent)]
    Channel(#[from] InvalidChannel),
    /// A column is too short, too long, or points beside another.
    #[error("column of {what} does not fit the others")]
    Column {
        /// Which column.
        what: &'static str,
    },
    /// A quality that this version does not know.
    #[error("quality code {code} is unknown")]
    Quality {
        /// The code.
        code: u8,
    },
    /// The bytes are not of the expected shape.
    #[error("columns were not understood")]
    Shape(#[from] postcard::Error),
    /// An operating state's name is none.
    #[error(transparent)]
    State(#[from] InvalidId),
    /// Bytes follow after the end.
    #[error("columns have {bytes} bytes after their end")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A value that a trusted reading cannot have.
    #[error("value {value} came with quality `{quality}`; only a bad reading has no number")]
    Value {
        /// The value.
        value: f64,
        /// Its quality.
        quality: Quality,
    },
}
