//! Binary bursts: a header in the notation of Python's `struct`, then samples.
//!
//! Rely on this: every length is checked before it is used, and what comes out are at most
//! [`SAMPLES_MAX`] finite samples with a positive rate and scale.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::{Quality, Uncertain};
use forewarn_domain::quantity::Unit;
use forewarn_domain::template::{SampleLayout, WaveformLayout, WaveformTemplate};
use forewarn_domain::time::Time;

use crate::intake::Capture;
use crate::source::mqtt::json;

/// Reads a burst as its template describes it.
///
/// # Errors
///
/// [`LayoutError`] says what is wrong with the message or with the template.
pub fn capture(
    template: &WaveformTemplate,
    channel: ChannelId,
    payload: &[u8],
    now: Time,
) -> Result<Capture, LayoutError> {
    let limits = template.limits.as_ref();
    let bytes_max = limits.and_then(|it| it.max_bytes).map_or(BYTES_MAX, count);
    if bytes_max.min(BYTES_MAX) < payload.len() {
        return Err(LayoutError::Bytes { bytes: payload.len(), bytes_max });
    }
    let header = match &template.header {
        Some(layout) => Header::read(layout, payload)?,
        None => Header { fields: Vec::new(), bytes: 0 },
    };
    let axes = &template.samples.axes;
    if let Some(found) = header.number("axes")
        && found.total_cmp(&as_f64(axes.len())).is_ne()
    {
        return Err(LayoutError::Axes { found, axes: axes.len() });
    }
    let body = payload.get(header.bytes..).unwrap_or_default();
    let raw = samples(&template.samples, body)?;
    check_count(&header, raw.len(), axes.len())?;
    let samples_max = limits.and_then(|it| it.max_samples).map_or(SAMPLES_MAX, count);
    if samples_max.min(SAMPLES_MAX) < raw.len() {
        return Err(LayoutError::Samples { samples: raw.len(), samples_max });
    }
    let rate_hz = header.number("rate_hz").or(template.rate_hz).unwrap_or(f64::NAN);
    if !(0.0 < rate_hz && rate_hz <= RATE_HZ_MAX) {
        return Err(LayoutError::Rate { rate_hz });
    }
    let scale = header.number("scale").or(template.samples.scale).unwrap_or(1.0);
    let offset = header.number("offset").or(template.samples.offset).unwrap_or(0.0);
    let (samples, scale_g) = normalised(&template.samples, raw, scale, offset)?;
    let (t0, is_off) = json::judged(header.time().unwrap_or(now), now, json::SKEW_MAX);
    let quality = if is_off { Quality::Uncertain(Uncertain::Clock) } else { Quality::Good };
    Ok(Capture {
        channel,
        t0,
        rate_hz,
        axes: axes.clone(),
        scale_g,
        samples,
        rpm: header.number("rpm").filter(|rpm| rpm.is_finite() && 0.0 <= *rpm),
        quality,
    })
}

/// Samples as `i16` in steps of `scale_g`, interleaved. What came as `i16` without offset stays as
/// it was; everything else is spread over the whole range of `i16`.
///
/// # Errors
///
/// [`LayoutError`] for a unit that is no acceleration or a scale that is no number.
pub fn normalised(
    layout: &SampleLayout,
    raw: Vec<f64>,
    scale: f64,
    offset: f64,
) -> Result<(Vec<i16>, f64), LayoutError> {
    let to_g = match layout.unit {
        Unit::G => 1.0,
        Unit::MetrePerS2 => 1.0 / STANDARD_GRAVITY,
        Unit::MmPerS2 => 0.001 / STANDARD_GRAVITY,
        unit => return Err(LayoutError::Unit { unit }),
    };
    let (scale, offset) = (scale * to_g, offset * to_g);
    if !(scale.is_finite() && 0.0 < scale && offset.is_finite()) {
        return Err(LayoutError::Scale { scale, offset });
    }
    if matches!(layout.kind.as_str(), "i16" | "i16le") && offset.total_cmp(&0.0).is_eq() {
        return Ok((raw.into_iter().map(step).collect(), scale));
    }
    let in_g: Vec<f64> = raw.into_iter().map(|it| it * scale + offset).collect();
    if let Some(index) = in_g.iter().position(|it| !it.is_finite()) {
        return Err(LayoutError::NotFinite { index });
    }
    let highest = in_g.iter().fold(0.0_f64, |highest, it| highest.max(it.abs()));
    let scale_g = if 0.0 < highest { highest / f64::from(i16::MAX) } else { 1.0 };
    Ok((in_g.into_iter().map(|it| step(it / scale_g)).collect(), scale_g))
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range of i16")]
fn step(value: f64) -> i16 {
    value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
}

fn samples(layout: &SampleLayout, body: &[u8]) -> Result<Vec<f64>, LayoutError> {
    let width = match layout.kind.as_str() {
        "i16" | "i16le" | "u16" | "u16le" => 2,
        "f32le" => 4,
        kind => return Err(LayoutError::Kind { kind: kind.to_owned() }),
    };
    if body.is_empty() || !body.len().is_multiple_of(width * layout.axes.len().max(1)) {
        return Err(LayoutError::Torn { bytes: body.len() });
    }
    let read = |bytes: &[u8]| match (layout.kind.as_str(), bytes) {
        ("i16le", [low, high]) => f64::from(i16::from_le_bytes([*low, *high])),
        // Registers travel with the high byte first.
        ("i16", [high, low]) => f64::from(i16::from_be_bytes([*high, *low])),
        ("u16", [high, low]) | ("u16le", [low, high]) => {
            f64::from(u16::from_le_bytes([*low, *high]))
        }
        ("f32le", [a, b, c, d]) => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
        _ => f64::NAN,
    };
    Ok(body.chunks_exact(width).map(read).collect())
}

/// Headers count samples of one axis or of all; both are common, and only one fits the bytes.
fn check_count(header: &Header, samples: usize, axes: usize) -> Result<(), LayoutError> {
    let Some(announced) = header.number("count") else {
        return Ok(());
    };
    let fits = |count: usize| announced.total_cmp(&as_f64(count)).is_eq();
    if fits(samples) || fits(samples / axes.max(1)) {
        Ok(())
    } else {
        Err(LayoutError::Count { announced, samples })
    }
}

/// The fields in front of the samples.
#[derive(Debug)]
struct Header {
    fields: Vec<(String, f64)>,
    bytes: usize,
}

impl Header {
    fn read(layout: &WaveformLayout, payload: &[u8]) -> Result<Self, LayoutError> {
        let bad_format = || LayoutError::Format { format: layout.format.clone() };
        let is_big = layout.format.starts_with('>');
        let mut codes = layout.format.trim_start_matches(['<', '>']).chars().peekable();
        let mut names = layout.fields.iter();
        let (mut fields, mut at) = (Vec::new(), 0);
        while codes.peek().is_some() {
            let mut length = 0_usize;
            while let Some(digit) = codes.peek().and_then(|it| it.to_digit(10)) {
                length = (length * 10 + usize::try_from(digit).unwrap_or(0)).min(BYTES_MAX);
                codes.next();
            }
            let code = codes.next().ok_or_else(bad_format)?;
            let width = width(code, length).ok_or_else(bad_format)?;
            let bytes =
                payload.get(at..at + width).ok_or(LayoutError::Short { bytes: payload.len() })?;
            at += width;
            if code == 'x' {
                continue;
            }
            let name = names.next().ok_or_else(bad_format)?;
            if code == 's' {
                check_magic(layout, name, bytes)?;
                continue;
            }
            fields.push((name.clone(), number(code, bytes, is_big)));
        }
        Ok(Self { fields, bytes: at })
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
    }

    /// The time of the first sample; zero is what a device without a clock sends.
    fn time(&self) -> Option<Time> {
        let in_us = [("t0_ns", 1e-3), ("t0_us", 1.0), ("t0_ms", 1e3), ("t0_s", 1e6)]
            .into_iter()
            .find_map(|(name, factor)| self.number(name).map(|it| it * factor))?;
        (1.0..9e15).contains(&in_us).then(|| Time::from_micros(whole(in_us)))
    }
}

/// Bytes of a field; a number in front of a code other than `s` and `x` is not needed here.
fn width(code: char, length: usize) -> Option<usize> {
    match (code, length) {
        ('s' | 'x', 0) => Some(1),
        ('s' | 'x', length) => Some(length),
        ('b' | 'B', 0) => Some(1),
        ('h' | 'H', 0) => Some(2),
        ('i' | 'I' | 'l' | 'L' | 'f', 0) => Some(4),
        ('q' | 'Q' | 'd', 0) => Some(8),
        _ => None,
    }
}

fn check_magic(layout: &WaveformLayout, name: &str, bytes: &[u8]) -> Result<(), LayoutError> {
    match &layout.magic {
        Some(magic) if name == "magic" && magic.as_bytes() != bytes => {
            Err(LayoutError::Magic { magic: magic.clone() })
        }
        _ => Ok(()),
    }
}

/// A number of the header. Nanoseconds since 1970 lose less than a microsecond in a double.
fn number(code: char, bytes: &[u8], is_big: bool) -> f64 {
    let mut wide = [0_u8; 8];
    for (place, byte) in wide.iter_mut().zip(bytes) {
        *place = *byte;
    }
    if is_big {
        wide[..bytes.len()].reverse();
    }
    let bits = u64::from_le_bytes(wide);
    let unused = 64 - 8 * u32::try_from(bytes.len()).unwrap_or(8);
    match code {
        'f' => f64::from(f32::from_bits(u32::try_from(bits).unwrap_or(0))),
        'd' => f64::from_bits(bits),
        'b' | 'h' | 'i' | 'l' | 'q' => nearest_signed((bits << unused).cast_signed() >> unused),
        _ => nearest(bits),
    }
}

#[expect(clippy::cast_precision_loss, reason = "header numbers are counts and times")]
fn nearest(bits: u64) -> f64 {
    bits as f64
}

#[expect(clippy::cast_precision_loss, reason = "header numbers are counts and times")]
fn nearest_signed(bits: i64) -> f64 {
    bits as f64
}

#[expect(clippy::cast_possible_truncation, reason = "checked to lie within 2^53")]
fn whole(micros: f64) -> i64 {
    micros as i64
}

fn as_f64(count: usize) -> f64 {
    nearest(u64::try_from(count).unwrap_or(u64::MAX))
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Why a burst was left out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LayoutError {
    /// The header names another number of axes.
    #[error("header says {found} axes, the template has {axes}")]
    Axes {
        /// What the header says.
        found: f64,
        /// What the template says.
        axes: usize,
    },
    /// Too many bytes.
    #[error("burst has {bytes} bytes; {bytes_max} are allowed")]
    Bytes {
        /// How many came.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The header counts other than the bytes hold.
    #[error("header counts {announced} samples, the bytes hold {samples}")]
    Count {
        /// What the header says.
        announced: f64,
        /// What there is, all axes together.
        samples: usize,
    },
    /// The template's format cannot be read.
    #[error("header format `{format}` is not understood, or `fields` does not name each field")]
    Format {
        /// The format.
        format: String,
    },
    /// The template's sample type cannot be read.
    #[error("sample type `{kind}` is unknown; i16, i16le, u16, u16le and f32le are known")]
    Kind {
        /// The type.
        kind: String,
    },
    /// Not a burst of this kind.
    #[error("burst does not begin with `{magic}`")]
    Magic {
        /// What was expected.
        magic: String,
    },
    /// A sample that is no number.
    #[error("sample {index} is no number")]
    NotFinite {
        /// Which one.
        index: usize,
    },
    /// A rate that cannot be.
    #[error("sampling rate {rate_hz} Hz is not between 0 and {RATE_HZ_MAX}")]
    Rate {
        /// The rate.
        rate_hz: f64,
    },
    /// Too many samples.
    #[error("burst has {samples} samples; {samples_max} are allowed")]
    Samples {
        /// How many came.
        samples: usize,
        /// The limit.
        samples_max: usize,
    },
    /// A scale that cannot be.
    #[error("scale {scale} with offset {offset} makes no acceleration")]
    Scale {
        /// The scale.
        scale: f64,
        /// The offset.
        offset: f64,
    },
    /// Shorter than its header.
    #[error("burst of {bytes} bytes ends within its header")]
    Short {
        /// How many came.
        bytes: usize,
    },
    /// The last sample is incomplete.
    #[error("{bytes} bytes of samples are none or not whole ones of all axes")]
    Torn {
        /// How many came.
        bytes: usize,
    },
    /// A unit that is no acceleration.
    #[error("samples in `{unit}` are no acceleration; use g, m/s2 or mm/s2")]
    Unit {
        /// The unit.
        unit: Unit,
    },
}

/// As long as vibration features are computed for one axis.
pub const SAMPLES_MAX: usize = 1 << 20;

/// Three axes of 160,000 `f32`; brokers rarely take more in a message.
pub const BYTES_MAX: usize = 2 * 1024 * 1024;

/// Beyond this no accelerometer passes anything.
const RATE_HZ_MAX: f64 = 1e6;

/// ISO 80000-3.
const STANDARD_GRAVITY: f64 = 9.806_65;
