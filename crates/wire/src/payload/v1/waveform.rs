//! Waveform parts and burst features in version 1. Frozen, like everything below `v1`.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::StateId;
use forewarn_domain::time::Time;
use forewarn_domain::waveform as domain;
use serde::{Deserialize, Serialize};

use super::{InvalidBody, quality};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    header: Header,
    first_seq: u64,
    part: u16,
    parts: u16,
    bytes: Vec<u8>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    channel: String,
    t0_us: i64,
    rate_hz: f64,
    axes: Vec<String>,
    samples: u32,
    scale_g: f64,
    rpm: Option<f64>,
    state: String,
    quality: u8,
    sha256: [u8; 32],
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Burst {
    channel: String,
    t0_us: i64,
    rate_hz: f64,
    samples: u32,
    state: String,
    shaft_hz: Option<f64>,
    sha256: [u8; 32],
    quality: u8,
    axes: Vec<AxisFeatures>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AxisFeatures {
    axis: String,
    velocity_rms: f64,
    acc_rms: f64,
    hf_rms: f64,
    acc_peak: f64,
    crest: f64,
    kurtosis: f64,
    envelope_df_hz: f64,
    /// Hz, ratio.
    envelope: Vec<(f64, f64)>,
}

impl From<&domain::WaveformPart> for Part {
    fn from(part: &domain::WaveformPart) -> Self {
        Self {
            header: Header::from(&part.header),
            first_seq: part.first_seq,
            part: part.part,
            parts: part.parts,
            bytes: part.bytes.clone(),
        }
    }
}

impl Part {
    pub(crate) fn into_domain(self) -> Result<domain::WaveformPart, InvalidBody> {
        let Self { header, first_seq, part, parts, bytes } = self;
        if parts <= part {
            return Err(InvalidBody::Column { what: "waveform parts" });
        }
        let header = header.into_domain()?;
        Ok(domain::WaveformPart { header, first_seq, part, parts, bytes })
    }
}

impl From<&domain::WaveformHeader> for Header {
    fn from(header: &domain::WaveformHeader) -> Self {
        Self {
            channel: header.channel.to_string(),
            t0_us: header.t0.micros(),
            rate_hz: header.rate_hz,
            axes: header.axes.iter().map(ToString::to_string).collect(),
            samples: header.samples,
            scale_g: header.scale_g,
            rpm: header.rpm,
            state: header.state.to_string(),
            quality: header.quality.code(),
            sha256: header.sha256.0,
        }
    }
}

impl Header {
    fn into_domain(self) -> Result<domain::WaveformHeader, InvalidBody> {
        let axes = self.axes.iter().map(|axis| axis.parse());
        Ok(domain::WaveformHeader {
            channel: ChannelId::try_from(self.channel)?,
            t0: Time::from_micros(self.t0_us),
            rate_hz: finite(self.rate_hz)?,
            axes: axes.collect::<Result<_, _>>()?,
            samples: self.samples,
            scale_g: finite(self.scale_g)?,
            rpm: self.rpm.map(finite).transpose()?,
            state: StateId::new(&self.state)?,
            quality: quality(self.quality)?,
            sha256: domain::Sha256(self.sha256),
        })
    }
}

impl From<&domain::Burst> for Burst {
    fn from(burst: &domain::Burst) -> Self {
        Self {
            channel: burst.channel.to_string(),
            t0_us: burst.t0.micros(),
            rate_hz: burst.rate_hz,
            samples: burst.samples,
            state: burst.state.to_string(),
            shaft_hz: burst.shaft_hz,
            sha256: burst.sha256.0,
            quality: burst.quality.code(),
            axes: burst.axes.iter().map(AxisFeatures::from).collect(),
        }
    }
}

impl Burst {
    pub(crate) fn into_domain(self) -> Result<domain::Burst, InvalidBody> {
        let axes = self.axes.into_iter().map(AxisFeatures::into_domain);
        Ok(domain::Burst {
            channel: ChannelId::try_from(self.channel)?,
            t0: Time::from_micros(self.t0_us),
            rate_hz: finite(self.rate_hz)?,
            samples: self.samples,
            state: StateId::new(&self.state)?,
            shaft_hz: self.shaft_hz.map(finite).transpose()?,
            sha256: domain::Sha256(self.sha256),
            quality: quality(self.quality)?,
            axes: axes.collect::<Result<_, _>>()?,
        })
    }
}

impl From<&domain::AxisFeatures> for AxisFeatures {
    fn from(features: &domain::AxisFeatures) -> Self {
        Self {
            axis: features.axis.to_string(),
            velocity_rms: features.velocity_rms,
            acc_rms: features.acc_rms,
            hf_rms: features.hf_rms,
            acc_peak: features.acc_peak,
            crest: features.crest,
            kurtosis: features.kurtosis,
            envelope_df_hz: features.envelope_df_hz,
            envelope: features.envelope.iter().map(|line| (line.hz, line.ratio)).collect(),
        }
    }
}

impl AxisFeatures {
    fn into_domain(self) -> Result<domain::AxisFeatures, InvalidBody> {
        let line =
            |(hz, ratio)| Ok(domain::EnvelopeLine { hz: finite(hz)?, ratio: finite(ratio)? });
        let envelope = self.envelope.into_iter().map(line);
        Ok(domain::AxisFeatures {
            axis: self.axis.parse()?,
            velocity_rms: finite(self.velocity_rms)?,
            acc_rms: finite(self.acc_rms)?,
            hf_rms: finite(self.hf_rms)?,
            acc_peak: finite(self.acc_peak)?,
            crest: finite(self.crest)?,
            kurtosis: finite(self.kurtosis)?,
            envelope_df_hz: finite(self.envelope_df_hz)?,
            envelope: envelope.collect::<Result<_, InvalidBody>>()?,
        })
    }
}

/// Physical descriptions are numbers; NaN or infinity would spread into every spectrum.
fn finite(value: f64) -> Result<f64, InvalidBody> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(InvalidBody::Column { what: "waveform numbers" })
    }
}
