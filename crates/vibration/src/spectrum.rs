//! One-sided amplitude spectra, band RMS, and vibration velocity from acceleration.
//!
//! Amplitudes are peaks in the unit of the samples, corrected for the Hann window, so that a sine
//! of 1 g shows as 1 g. RMS values are corrected for the window's noise bandwidth, so that lines
//! and noise add up to the same energy as in the time domain.
//!
//! Deliberately absent: averaging over bursts, and any judgement of the values.

use std::error::Error;
use std::f64::consts::TAU;
use std::fmt;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use crate::convert;
use crate::indicators;
use crate::window;

/// A one-sided amplitude spectrum; `amplitude[k]` belongs to the frequency `k * df_hz`.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    pub df_hz: f64,
    /// Peak amplitude per bin, in the unit of the samples.
    pub amplitude: Vec<f64>,
}

impl Spectrum {
    /// The Hann-windowed spectrum of `samples` taken at `rate_hz`, without their mean.
    ///
    /// # Errors
    ///
    /// [`SpectrumError`] when there are fewer than [`SAMPLES_MIN`] samples, or the rate is not a
    /// positive number.
    pub fn of(samples: &[f64], rate_hz: f64) -> Result<Self, SpectrumError> {
        check(samples.len(), rate_hz)?;
        let mut windowed = indicators::without_mean(samples);
        for (sample, weight) in windowed.iter_mut().zip(window::hann(samples.len())) {
            *sample *= weight;
        }
        let bins = transform(windowed);
        let len = convert::count(samples.len());
        let scale = 2.0 / (len * window::HANN_COHERENT_GAIN);
        let mut amplitude: Vec<f64> =
            bins.iter().map(|bin| bin.norm_sqr().sqrt() * scale).collect();
        halve_unpaired_bins(&mut amplitude, samples.len());
        Ok(Self { df_hz: rate_hz / len, amplitude })
    }

    /// The mean power of as few equal segments of at most `segment_s` as the samples make.
    ///
    /// # Errors
    ///
    /// As [`Spectrum::of`].
    pub fn averaged(samples: &[f64], rate_hz: f64, segment_s: f64) -> Result<Self, SpectrumError> {
        let mut segments = segments(samples, rate_hz, segment_s);
        let mut mean = Self::of(segments.next().unwrap_or(samples), rate_hz)?;
        let mut count = 1;
        mean.amplitude.iter_mut().for_each(|it| *it *= *it);
        for segment in segments {
            let next = Self::of(segment, rate_hz)?;
            mean.amplitude.iter_mut().zip(next.amplitude).for_each(|(sum, it)| *sum += it * it);
            count += 1;
        }
        mean.amplitude.iter_mut().for_each(|sum| *sum = (*sum / convert::count(count)).sqrt());
        Ok(mean)
    }

    /// The highest frequency in the spectrum.
    #[must_use]
    pub fn high_hz(&self) -> f64 {
        self.df_hz * convert::count(self.amplitude.len().saturating_sub(1))
    }

    /// The strongest amplitude between `low_hz` and `high_hz`, or 0 outside the spectrum.
    #[must_use]
    pub fn strongest(&self, low_hz: f64, high_hz: f64) -> f64 {
        self.bins(low_hz, high_hz).map(|(_, amplitude)| amplitude).fold(0.0, f64::max)
    }

    /// Amplitude of the line nearest to `hz`, searched over one bin or 1 % to either side.
    #[must_use]
    pub fn line(&self, hz: f64) -> f64 {
        let reach = self.df_hz.max(hz * 0.01);
        self.strongest(hz - reach, hz + reach)
    }

    /// RMS of the content between `low_hz` and `high_hz`, in the unit of the samples.
    #[must_use]
    pub fn band_rms(&self, low_hz: f64, high_hz: f64) -> f64 {
        self.weighted_rms(low_hz, high_hz, |_| 1.0)
    }

    /// RMS vibration velocity in mm/s of an acceleration spectrum in g, between two frequencies.
    ///
    /// Each bin is integrated by division by `2 pi f`; 0 Hz is left out, since a constant
    /// acceleration is gravity and not vibration. For ISO 20816-3 use
    /// [`VELOCITY_LOW_HZ`]..[`VELOCITY_HIGH_HZ`].
    #[must_use]
    pub fn velocity_rms_mm_s(&self, low_hz: f64, high_hz: f64) -> f64 {
        let low_hz = low_hz.max(self.df_hz);
        self.weighted_rms(low_hz, high_hz, |hz| STANDARD_GRAVITY_MM_S2 / (TAU * hz))
    }

    fn weighted_rms(&self, low_hz: f64, high_hz: f64, weight: impl Fn(f64) -> f64) -> f64 {
        let power: f64 = self
            .bins(low_hz, high_hz)
            .map(|(hz, amplitude)| (amplitude * weight(hz)).powi(2) / 2.0)
            .sum();
        (power / window::HANN_NOISE_BANDWIDTH_BINS).sqrt()
    }

    fn bins(&self, low_hz: f64, high_hz: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        let first = convert::index_above(low_hz / self.df_hz);
        let past = convert::index_below(high_hz / self.df_hz).saturating_add(1);
        let past = past.min(self.amplitude.len());
        (first..past).map(|k| (convert::count(k) * self.df_hz, self.amplitude[k]))
    }
}

/// RMS of everything from `low_hz` up, with every sample of the burst counting alike.
///
/// A windowed spectrum would count an impact in the middle of the burst and forget one at its end;
/// without a window the energy is exact (Parseval), and what leaks from low tones is below 1 % of
/// their amplitude a thousand bins away.
///
/// # Errors
///
/// As [`Spectrum::of`].
pub fn rms_above(samples: &[f64], rate_hz: f64, low_hz: f64) -> Result<f64, SpectrumError> {
    check(samples.len(), rate_hz)?;
    let bins = transform(indicators::without_mean(samples));
    let len = convert::count(samples.len());
    let mut share: Vec<f64> = bins.iter().map(|bin| 2.0 * bin.norm_sqr() / (len * len)).collect();
    halve_unpaired_bins(&mut share, samples.len());
    let first = convert::index_above(low_hz * len / rate_hz);
    Ok(share.iter().skip(first).sum::<f64>().sqrt())
}

/// As few segments of equal length, at most `segment_s` long, as the samples make.
pub(crate) fn segments(
    samples: &[f64],
    rate_hz: f64,
    segment_s: f64,
) -> std::slice::ChunksExact<'_, f64> {
    let count = convert::index_above(convert::count(samples.len()) / (rate_hz * segment_s)).max(1);
    samples.chunks_exact((samples.len() / count).max(1))
}

fn transform(mut samples: Vec<f64>) -> Vec<Complex<f64>> {
    let forward = RealFftPlanner::new().plan_fft_forward(samples.len());
    let mut bins = forward.make_output_vec();
    forward
        .process(&mut samples, &mut bins)
        .expect("both buffers have the lengths that the plan asks for");
    bins
}

/// 0 Hz and, for an even length, half the sampling rate have no mirror image to add.
fn halve_unpaired_bins(amplitude: &mut [f64], samples: usize) {
    if let Some(constant) = amplitude.first_mut() {
        *constant /= 2.0;
    }
    if samples.is_multiple_of(2)
        && let Some(nyquist) = amplitude.last_mut()
    {
        *nyquist /= 2.0;
    }
}

fn check(samples: usize, rate_hz: f64) -> Result<(), SpectrumError> {
    if samples < SAMPLES_MIN {
        return Err(SpectrumError::TooShort { samples });
    }
    if !rate_hz.is_finite() || rate_hz <= 0.0 {
        return Err(SpectrumError::Rate { rate_hz });
    }
    Ok(())
}

/// Why there is no spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SpectrumError {
    Rate { rate_hz: f64 },
    TooShort { samples: usize },
}

impl fmt::Display for SpectrumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { rate_hz } => {
                write!(f, "sampling rate {rate_hz} Hz is not a positive number")
            }
            Self::TooShort { samples } => {
                write!(f, "{samples} samples make no spectrum; at least {SAMPLES_MIN} are needed")
            }
        }
    }
}

impl Error for SpectrumError {}

/// Fewer points than this leave no bins between the constant and half the sampling rate.
pub const SAMPLES_MIN: usize = 16;

/// Lower edge of the velocity band of ISO 20816-3 for machines at 600 rpm and more.
pub const VELOCITY_LOW_HZ: f64 = 10.0;

/// Upper edge of the velocity band of ISO 20816-3.
pub const VELOCITY_HIGH_HZ: f64 = 1000.0;

/// Standard acceleration of gravity (ISO 80000-3).
pub const STANDARD_GRAVITY_MM_S2: f64 = 9806.65;

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn sine(hz: f64, peak: f64, rate_hz: f64, len: usize) -> Vec<f64> {
        (0..len).map(|i| peak * (TAU * hz * convert::count(i) / rate_hz).sin()).collect()
    }

    #[track_caller]
    fn check_close(found: f64, expected: f64, relative: f64) {
        let error = (found - expected).abs() / expected;
        assert!(error < relative, "{found} is {:.2} % off {expected}", error * 100.0);
    }

    #[test]
    fn a_sine_on_a_bin_shows_its_peak_amplitude() {
        let spectrum = Spectrum::of(&sine(50.0, 2.0, 1000.0, 1000), 1000.0).unwrap();
        check_close(spectrum.amplitude[50], 2.0, 1e-9);
        check_close(spectrum.df_hz, 1.0, 1e-12);
        check_close(spectrum.high_hz(), 500.0, 1e-12);
    }

    #[test]
    fn an_offset_does_not_leak_into_the_low_bins() {
        let mut samples = sine(50.0, 1.0, 1000.0, 1000);
        samples.iter_mut().for_each(|sample| *sample += 100.0);
        let spectrum = Spectrum::of(&samples, 1000.0).unwrap();
        assert!(spectrum.strongest(0.0, 20.0) < 1e-9);
    }

    #[test]
    fn one_g_at_159_hz_moves_at_nearly_ten_mm_per_second() {
        // 9806.65 mm/s² over 2 pi 159.155 Hz = 9.807 mm/s peak.
        let hz = 1000.0 / TAU;
        let spectrum = Spectrum::of(&sine(hz, 1.0, 12_800.0, 12_800), 12_800.0).unwrap();
        let velocity = spectrum.velocity_rms_mm_s(VELOCITY_LOW_HZ, VELOCITY_HIGH_HZ);
        check_close(velocity, 9.80665 / 2.0_f64.sqrt(), 0.005);
    }

    #[test]
    fn vibration_outside_the_band_is_not_counted() {
        let mut samples = sine(5.0, 1.0, 8192.0, 8192);
        for (sample, high) in samples.iter_mut().zip(sine(2000.0, 1.0, 8192.0, 8192)) {
            *sample += high;
        }
        let spectrum = Spectrum::of(&samples, 8192.0).unwrap();
        assert!(spectrum.velocity_rms_mm_s(VELOCITY_LOW_HZ, VELOCITY_HIGH_HZ) < 0.01);
    }

    #[test]
    fn too_few_samples_and_a_rate_of_zero_are_refused() {
        assert_eq!(Spectrum::of(&[1.0; 3], 100.0), Err(SpectrumError::TooShort { samples: 3 }));
        let refused = Spectrum::of(&[1.0; 64], 0.0).unwrap_err();
        assert_eq!(refused.to_string(), "sampling rate 0 Hz is not a positive number");
    }

    #[test]
    fn an_impact_counts_alike_wherever_it_falls_in_the_burst() {
        let rms = [2, 512, 1021].map(|place| {
            let mut samples = vec![0.0; 1024];
            samples[place] = 1.0;
            rms_above(&samples, 1024.0, 0.0).unwrap()
        });
        for found in rms {
            check_close(found, (1.0_f64 / 1024.0 - 1.0 / (1024.0 * 1024.0)).sqrt(), 1e-9);
        }
        let high = rms_above(&sine(200.0, 1.0, 1000.0, 1000), 1000.0, 100.0).unwrap();
        check_close(high, 0.5_f64.sqrt(), 1e-9);
        assert!(rms_above(&sine(20.3, 1.0, 1000.0, 1000), 1000.0, 400.0).unwrap() < 0.01);
    }

    proptest! {
        #[test]
        fn the_band_rms_of_a_sine_is_its_peak_over_root_two_wherever_it_falls(
            hz in 20.0..450.0_f64,
            peak in 0.01..10.0_f64,
        ) {
            let spectrum = Spectrum::of(&sine(hz, peak, 1000.0, 2000), 1000.0).unwrap();
            let rms = spectrum.band_rms(10.0, 500.0);
            prop_assert!((rms * 2.0_f64.sqrt() / peak - 1.0).abs() < 0.01);
        }
    }
}
