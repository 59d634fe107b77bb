//! Raw waveforms and the features that the edge computes from them.
//!
//! Features ride with the readings and may open a ticket; the raw samples follow in parts and only
//! amend its evidence. The two are tied by the SHA-256 of the sample bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::channel::ChannelId;
use crate::id::StateId;
use crate::quality::Quality;
use crate::quantity::{Axis, Quantity, Unit};
use crate::reading::StreamKey;
use crate::time::Time;

/// SHA-256 of some bytes, 64 hexadecimal digits as text.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, InvalidSha256> {
        let refused = || InvalidSha256 { text: text.to_owned() };
        let mut bytes = [0_u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(refused());
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(pair, 16).ok().ok_or_else(refused)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

/// What a waveform is and how to read its samples: `i16` little-endian, axes interleaved.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct WaveformHeader {
    /// `device/source/waveform`.
    pub channel: ChannelId,
    /// Time of the first sample.
    pub t0: Time,
    /// Samples per second and axis.
    pub rate_hz: f64,
    /// Axes in the order in which they are interleaved.
    pub axes: Vec<Axis>,
    /// Samples per axis.
    pub samples: u32,
    /// Sample × scale = acceleration in g.
    pub scale_g: f64,
    /// Speed at capture, where known.
    pub rpm: Option<f64>,
    /// Operating state at capture.
    pub state: StateId,
    /// How far the samples may be trusted.
    pub quality: Quality,
    /// SHA-256 of all sample bytes.
    pub sha256: Sha256,
}

impl WaveformHeader {
    /// The waveform's id, from the numbering and the sequence number of its first part.
    #[must_use]
    pub fn id(key: &StreamKey, first_seq: u64) -> Uuid {
        let cause = format!("waveform/{}/{}/{first_seq}", key.agent, key.epoch);
        Uuid::new_v5(&NAMESPACE, cause.as_bytes())
    }
}

/// A piece of a raw waveform, small enough for one message.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveformPart {
    /// The whole waveform.
    pub header: WaveformHeader,
    /// Sequence number of part 0; names the waveform together with the numbering.
    pub first_seq: u64,
    /// Which part, from 0.
    pub part: u16,
    /// How many parts there are.
    pub parts: u16,
    /// The sample bytes of this part.
    pub bytes: Vec<u8>,
}

/// The features of one captured waveform.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Burst {
    /// `device/source/waveform`.
    pub channel: ChannelId,
    /// Time of the first sample.
    pub t0: Time,
    /// Samples per second.
    pub rate_hz: f64,
    /// Samples per axis.
    pub samples: u32,
    /// Operating state at capture.
    pub state: StateId,
    /// Shaft frequency at capture, where the speed is known.
    pub shaft_hz: Option<f64>,
    /// SHA-256 of the raw sample bytes.
    pub sha256: Sha256,
    /// How far the samples may be trusted.
    pub quality: Quality,
    /// One entry for each axis.
    pub axes: Vec<AxisFeatures>,
}

/// What is computed for one axis of a burst.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AxisFeatures {
    /// Which axis.
    pub axis: Axis,
    /// Velocity RMS in mm/s, 10 to 1000 Hz.
    pub velocity_rms: f64,
    /// Acceleration RMS in g.
    pub acc_rms: f64,
    /// Acceleration RMS of the high band in g.
    pub hf_rms: f64,
    /// Acceleration peak in g.
    pub acc_peak: f64,
    /// Crest factor.
    pub crest: f64,
    /// Kurtosis, 3 for Gaussian noise.
    pub kurtosis: f64,
    /// Resolution of the envelope spectrum in Hz.
    pub envelope_df_hz: f64,
    /// Strongest lines of the envelope spectrum, strongest first.
    pub envelope: Vec<EnvelopeLine>,
}

/// A line of an envelope spectrum.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct EnvelopeLine {
    /// Where, in Hz.
    pub hz: f64,
    /// Height over the spectrum's floor.
    pub ratio: f64,
}

/// A feature that also travels as an ordinary reading, on the point `<waveform>.<axis>.<suffix>`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BurstFeature {
    /// Last part of the point's name.
    pub suffix: &'static str,
    /// What it measures.
    pub quantity: Quantity,
    /// In which unit.
    pub unit: Unit,
}

/// The features that become channels.
pub const BURST_FEATURES: [BurstFeature; 6] = [
    BurstFeature { suffix: "vel_rms", quantity: Quantity::VelocityRms, unit: Unit::MmPerS },
    BurstFeature { suffix: "acc_rms", quantity: Quantity::AccelerationRms, unit: Unit::G },
    BurstFeature { suffix: "hf_rms", quantity: Quantity::AccelerationRmsHf, unit: Unit::G },
    BurstFeature { suffix: "acc_peak", quantity: Quantity::AccelerationPeak, unit: Unit::G },
    BurstFeature { suffix: "crest", quantity: Quantity::AccelerationCrest, unit: Unit::One },
    BurstFeature { suffix: "kurtosis", quantity: Quantity::AccelerationKurtosis, unit: Unit::One },
];

impl AxisFeatures {
    /// The values in the order of [`BURST_FEATURES`].
    #[must_use]
    pub fn values(&self) -> [f64; 6] {
        [self.velocity_rms, self.acc_rms, self.hf_rms, self.acc_peak, self.crest, self.kurtosis]
    }
}

/// Namespace of every derived id of Forewarn (itself UUIDv5 of `forewarn` in the OID namespace).
pub(crate) const NAMESPACE: Uuid = Uuid::from_u128(0x5b0b_7a3e_62f1_5c1e_9d5a_0f5a_4f0e_11d7);

/// A text that is no SHA-256.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is no SHA-256; 64 hexadecimal digits are expected")]
pub struct InvalidSha256 {
    /// The refused text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_from_its_text() {
        let hash = Sha256([0xa5; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("a5".parse::<Sha256>().is_err());
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }
}
