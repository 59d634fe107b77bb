//! Time-domain indicators of a burst: RMS, peak, crest factor, kurtosis.
//!
//! All but [`rms`] and [`peak`] work on deviations from the mean themselves; those two take
//! samples as they are, so remove gravity first with [`without_mean`]. An empty or constant burst
//! yields 0 and never a NaN.

use crate::convert;

/// Arithmetic mean; 0 for no samples.
#[must_use]
pub fn mean(samples: &[f64]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    samples.iter().sum::<f64>() / convert::count(samples.len())
}

/// The samples as deviations from their mean.
#[must_use]
pub fn without_mean(samples: &[f64]) -> Vec<f64> {
    let mean = mean(samples);
    samples.iter().map(|sample| sample - mean).collect()
}

/// Root mean square of the samples as they are.
#[must_use]
pub fn rms(samples: &[f64]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let power: f64 = samples.iter().map(|sample| sample * sample).sum();
    (power / convert::count(samples.len())).sqrt()
}

/// Largest magnitude of the samples as they are.
#[must_use]
pub fn peak(samples: &[f64]) -> f64 {
    samples.iter().fold(0.0, |peak, sample| sample.abs().max(peak))
}

/// Peak over RMS of the deviations from the mean: 1.41 for a sine, about 3 to 4 for a healthy
/// bearing, above 5 or 6 with impacts.
#[must_use]
pub fn crest_factor(samples: &[f64]) -> f64 {
    let centred = without_mean(samples);
    ratio(peak(&centred), rms(&centred))
}

/// Fourth standardised moment: 3 for Gaussian noise, 1.5 for a sine, more with impacts.
///
/// It falls again when damage spreads over the race, so a low value alone clears nothing.
#[must_use]
pub fn kurtosis(samples: &[f64]) -> f64 {
    let centre = mean(samples);
    let (mut second, mut fourth) = (0.0, 0.0);
    for sample in samples {
        let square = (sample - centre).powi(2);
        second += square;
        fourth += square * square;
    }
    ratio(fourth * convert::count(samples.len()), second * second)
}

fn ratio(numerator: f64, denominator: f64) -> f64 {
    if 0.0 < denominator { numerator / denominator } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;
    use crate::synth::Random;

    fn whole_sine() -> Vec<f64> {
        (0..1000).map(|i| 3.0 + 2.0 * (TAU * convert::count(i) / 100.0).sin()).collect()
    }

    #[test]
    fn a_sine_on_an_offset_has_the_textbook_indicators() {
        let samples = whole_sine();
        let centred = without_mean(&samples);
        assert!((mean(&samples) - 3.0).abs() < 1e-12);
        assert!((rms(&centred) - 2.0_f64.sqrt()).abs() < 1e-12);
        assert!((peak(&centred) - 2.0).abs() < 1e-12);
        assert!((crest_factor(&samples) - 2.0_f64.sqrt()).abs() < 1e-12);
        assert!((kurtosis(&samples) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn gaussian_noise_has_a_kurtosis_of_three() {
        let mut random = Random::new(1);
        let samples: Vec<f64> = (0..200_000).map(|_| random.normal()).collect();
        assert!((kurtosis(&samples) - 3.0).abs() < 0.05);
    }

    #[test]
    fn nothing_and_a_constant_give_zero_and_not_nan() {
        for samples in [&[][..], &[0.5; 8][..]] {
            assert!(kurtosis(samples).abs() < f64::EPSILON);
            assert!(crest_factor(samples).abs() < f64::EPSILON);
        }
        assert!(rms(&[]).abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn kurtosis_and_crest_do_not_depend_on_gain_or_offset(
            samples in prop::collection::vec(-1.0..1.0_f64, 16..200),
            gain in 0.1..10.0_f64,
            offset in -5.0..5.0_f64,
        ) {
            prop_assume!(rms(&without_mean(&samples)) > 0.05);
            let moved: Vec<f64> = samples.iter().map(|sample| sample * gain + offset).collect();
            prop_assert!((kurtosis(&moved) / kurtosis(&samples) - 1.0).abs() < 1e-6);
            prop_assert!((crest_factor(&moved) / crest_factor(&samples) - 1.0).abs() < 1e-6);
        }
    }
}
