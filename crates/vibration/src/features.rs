//! What the agent keeps of a raw burst: a handful of numbers and the lines of its envelope.
//!
//! A burst that could mislead (too short, broken numbers, no movement, clipped) yields an error
//! and no numbers, so whoever holds a [`Features`] may use all of it.
//!
//! Deliberately absent: thresholds and baselines. Those belong to the machine, not to the burst.

use std::error::Error;
use std::fmt;

use crate::convert;
use crate::envelope::{EnvelopeSpectrum, LINES_MAX, LineList};
use crate::indicators;
use crate::spectrum::{self, Spectrum, SpectrumError, VELOCITY_HIGH_HZ, VELOCITY_LOW_HZ};

/// The features of one burst of acceleration; gravity and offset are removed first.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// RMS velocity over [`Features::velocity_band_hz`].
    pub velocity_rms_mm_s: f64,
    /// The band that the velocity covers: 10 to 1000 Hz, less what the burst cannot resolve below
    /// (two bins) and the sensor cannot pass above (rate / 2.56).
    pub velocity_band_hz: (f64, f64),
    pub acc_rms_g: f64,
    pub acc_peak_g: f64,
    pub crest: f64,
    pub kurtosis: f64,
    /// RMS from 1 kHz up, or from an eighth of the rate up where that is lower: it moves first
    /// when a bearing or its grease wears.
    pub hf_rms_g: f64,
    /// Amplitudes at the shaft's frequency and at twice it, if the speed is known.
    pub shaft: Option<ShaftAmplitudes>,
    /// The strongest lines of the envelope spectrum.
    pub envelope: LineList,
}

/// Peak acceleration of the two lines that imbalance and misalignment move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShaftAmplitudes {
    pub x1_g: f64,
    pub x2_g: f64,
}

impl Features {
    /// The features of `samples_g`, taken at `rate_hz` while the shaft turned `shaft_hz` times a
    /// second.
    ///
    /// # Errors
    ///
    /// [`FeatureError`] for a burst from which nothing should be concluded.
    pub fn of(
        samples_g: &[f64],
        rate_hz: f64,
        shaft_hz: Option<f64>,
    ) -> Result<Self, FeatureError> {
        check(samples_g)?;
        let lines = Spectrum::of(samples_g, rate_hz)?;
        let usable_hz = rate_hz / USABLE_SHARE_OF_RATE;
        let velocity_band_hz =
            (VELOCITY_LOW_HZ.max(2.0 * lines.df_hz), VELOCITY_HIGH_HZ.min(usable_hz));
        let envelope = EnvelopeSpectrum::of(samples_g, rate_hz, envelope_high_hz(shaft_hz))?;
        let centred = indicators::without_mean(samples_g);
        Ok(Self {
            velocity_rms_mm_s: lines.velocity_rms_mm_s(velocity_band_hz.0, velocity_band_hz.1),
            velocity_band_hz,
            acc_rms_g: indicators::rms(&centred),
            acc_peak_g: indicators::peak(&centred),
            crest: indicators::crest_factor(samples_g),
            kurtosis: indicators::kurtosis(samples_g),
            hf_rms_g: spectrum::rms_above(samples_g, rate_hz, HF_LOW_HZ.min(rate_hz / 8.0))?,
            shaft: shaft_hz
                .filter(|hz| 0.0 < *hz)
                .map(|hz| ShaftAmplitudes { x1_g: lines.line(hz), x2_g: lines.line(2.0 * hz) }),
            envelope: envelope.peaks(LINES_MAX),
        })
    }
}

/// How far up the envelope is kept: to the third harmonic of the inner race of a bearing with
/// many rollers, or to 600 Hz where the speed is unknown or low.
#[must_use]
pub fn envelope_high_hz(shaft_hz: Option<f64>) -> f64 {
    shaft_hz.map_or(ENVELOPE_HIGH_MIN_HZ, |hz| (ENVELOPE_ORDERS * hz).max(ENVELOPE_HIGH_MIN_HZ))
}

fn check(samples: &[f64]) -> Result<(), FeatureError> {
    if SAMPLES_MAX < samples.len() {
        return Err(FeatureError::Length { samples: samples.len() });
    }
    check_signal(samples)
}

/// Refuses samples from which nothing should be concluded, whatever their number above the least.
pub(crate) fn check_signal(samples: &[f64]) -> Result<(), FeatureError> {
    let len = samples.len();
    if len < SAMPLES_MIN {
        return Err(FeatureError::Length { samples: len });
    }
    if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
        return Err(FeatureError::NotFinite { index });
    }
    let low = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let high = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = high - low;
    if span <= f64::EPSILON * high.abs().max(low.abs()) {
        return Err(FeatureError::NoMovement);
    }
    let clipped = samples_at_a_rail(samples, low, high);
    if CLIPPED_SHARE_MAX * convert::count(len) < convert::count(clipped) {
        return Err(FeatureError::Saturated { clipped, low, high });
    }
    Ok(())
}

/// Samples that repeat their predecessor at the lowest or highest value of the burst.
///
/// A converter at its rail repeats that value; a mere peak does not, unless the burst spans so few
/// steps of the converter that everything repeats.
fn samples_at_a_rail(samples: &[f64], low: f64, high: f64) -> usize {
    let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let step = steps.filter(|step| 0.0 < *step).fold(f64::INFINITY, f64::min);
    if high - low < STEPS_MIN * step {
        return 0;
    }
    let near = 0.25 * step;
    let is_at_rail = |sample: f64| high - near <= sample || sample <= low + near;
    samples
        .windows(2)
        .filter(|pair| is_at_rail(pair[1]) && (pair[1] - pair[0]).abs() <= near)
        .count()
}

/// Why a burst has no features.
#[derive(Clone, Debug, PartialEq)]
pub enum FeatureError {
    Length { samples: usize },
    NoMovement,
    NotFinite { index: usize },
    Rate { rate_hz: f64 },
    Saturated { clipped: usize, low: f64, high: f64 },
}

impl fmt::Display for FeatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { samples } => {
                write!(f, "burst has {samples} samples; {SAMPLES_MIN} to {SAMPLES_MAX} are allowed")
            }
            Self::NoMovement => {
                f.write_str("burst never changes; check the sensor's supply and cable")
            }
            Self::NotFinite { index } => write!(f, "sample {index} of the burst is no number"),
            Self::Rate { rate_hz } => {
                write!(f, "sampling rate {rate_hz} Hz is not a positive number")
            }
            Self::Saturated { clipped, low, high } => write!(
                f,
                "{clipped} samples stick at the rails {low} and {high}; choose a larger range"
            ),
        }
    }
}

impl Error for FeatureError {}

impl From<SpectrumError> for FeatureError {
    fn from(error: SpectrumError) -> Self {
        match error {
            SpectrumError::Rate { rate_hz } => Self::Rate { rate_hz },
            SpectrumError::TooShort { samples } => Self::Length { samples },
        }
    }
}

/// Shorter bursts resolve neither shaft nor bearing.
pub const SAMPLES_MIN: usize = 1024;

/// About 40 s at 25.6 kHz; a longer burst is a mistake and would cost seconds of an agent.
pub const SAMPLES_MAX: usize = 1 << 20;

/// The usual anti-aliasing filter of vibration sensors leaves this much of the rate.
const USABLE_SHARE_OF_RATE: f64 = 2.56;

/// Above here a bearing rings and imbalance does not.
const HF_LOW_HZ: f64 = 1000.0;

/// Three harmonics of 9 orders: the inner race of a 16-roller bearing.
const ENVELOPE_ORDERS: f64 = 28.0;

/// Three harmonics of the inner race of common bearings at 1800 rpm.
const ENVELOPE_HIGH_MIN_HZ: f64 = 600.0;

/// One sample in two hundred at a rail already bends kurtosis and crest factor.
const CLIPPED_SHARE_MAX: f64 = 0.005;

/// A burst over fewer converter steps repeats its extremes by rounding alone.
const STEPS_MIN: f64 = 32.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Machine;

    const RATE_HZ: f64 = 12_800.0;

    fn burst() -> Vec<f64> {
        Machine::healthy(25.0).burst(RATE_HZ, 12_800, 11)
    }

    #[test]
    fn a_healthy_burst_has_the_features_of_its_parts() {
        let features = Features::of(&burst(), RATE_HZ, Some(25.0)).unwrap();
        let shaft = features.shaft.unwrap();
        assert!((shaft.x1_g - 0.05).abs() < 0.005, "{shaft:?}");
        assert!((shaft.x2_g - 0.02).abs() < 0.005, "{shaft:?}");
        assert_eq!(features.velocity_band_hz, (10.0, 1000.0));
        // 0.05 g at 25 Hz and 0.02 g at 50 Hz are 2.2 and 0.44 mm/s; the noise adds a little.
        assert!((2.2..2.6).contains(&features.velocity_rms_mm_s), "{features:?}");
        assert!((features.hf_rms_g / (0.05 * (5400.0_f64 / 6400.0).sqrt()) - 1.0).abs() < 0.05);
    }

    #[test]
    fn a_short_burst_admits_the_band_that_it_cannot_resolve() {
        let samples = Machine::healthy(25.0).burst(25_600.0, 4096, 11);
        let features = Features::of(&samples, 25_600.0, None).unwrap();
        assert_eq!(features.velocity_band_hz, (12.5, 1000.0));
        assert_eq!(features.shaft, None);
        let slow = Features::of(&burst(), 1600.0, None).unwrap();
        assert_eq!(slow.velocity_band_hz, (10.0, 625.0));
    }

    #[test]
    fn a_burst_that_could_mislead_is_refused() {
        let refused = |samples: &[f64]| Features::of(samples, RATE_HZ, None).unwrap_err();
        assert_eq!(refused(&burst()[..1000]), FeatureError::Length { samples: 1000 });
        assert_eq!(refused(&[0.98; 4096]), FeatureError::NoMovement);
        let mut broken = burst();
        broken[17] = f64::NAN;
        assert_eq!(refused(&broken), FeatureError::NotFinite { index: 17 });
        let clipped: Vec<f64> = burst().iter().map(|sample| sample.clamp(-0.06, 0.06)).collect();
        assert!(matches!(refused(&clipped), FeatureError::Saturated { .. }));
        assert_eq!(
            Features::of(&burst(), f64::NAN, None).unwrap_err().to_string(),
            "sampling rate NaN Hz is not a positive number"
        );
    }

    #[test]
    fn a_coarse_converter_is_not_taken_for_a_clipped_one() {
        for step in [0.05, 0.01, 0.001] {
            let coarse: Vec<f64> =
                burst().iter().map(|sample| (sample / step).round() * step).collect();
            assert!(Features::of(&coarse, RATE_HZ, None).is_ok(), "step {step}");
        }
    }
}
