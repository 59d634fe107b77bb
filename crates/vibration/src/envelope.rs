//! The squared-envelope spectrum after cepstrum pre-whitening, and the lines that travel.
//!
//! Dividing a burst's spectrum by its own magnitude removes shaft and gear tones as well as the
//! colour of every resonance; what repeats in the envelope afterwards is a train of impacts
//! (Borghesani, Pennacchi, Randall, Sawalhi, Ricci 2013, "Application of cepstrum pre-whitening
//! for the diagnosis of bearing faults under variable speed conditions").
//!
//! Heights are ratios over the median of the spectrum: noise has a median of 1 whatever the
//! sensor's gain. Deliberately absent: choosing a band, and knowing any bearing.

use std::f64::consts::PI;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use crate::convert;
use crate::indicators;
use crate::spectrum::{self, SAMPLES_MIN, SpectrumError};

/// A squared-envelope spectrum; `ratio[k]` belongs to the frequency `k * df_hz`.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvelopeSpectrum {
    pub df_hz: f64,
    /// Height over the median of the lines from [`LOW_HZ`] up.
    pub ratio: Vec<f64>,
}

impl EnvelopeSpectrum {
    /// The envelope spectrum of `samples` taken at `rate_hz`, up to `high_hz`.
    ///
    /// `high_hz` is lowered to a quarter of the rate, above which a squared envelope has little
    /// left to show. A last odd sample is left out.
    ///
    /// # Errors
    ///
    /// [`SpectrumError`] when there are fewer than [`SAMPLES_MIN`] samples, or the rate is not a
    /// positive number.
    pub fn of(samples: &[f64], rate_hz: f64, high_hz: f64) -> Result<Self, SpectrumError> {
        if samples.len() < SAMPLES_MIN {
            return Err(SpectrumError::TooShort { samples: samples.len() });
        }
        if !rate_hz.is_finite() || rate_hz <= 0.0 {
            return Err(SpectrumError::Rate { rate_hz });
        }
        let even = samples.len() - samples.len() % 2;
        let df_hz = rate_hz / convert::count(even);
        let past = convert::index_below(high_hz.min(rate_hz / 4.0) / df_hz) + 1;
        let mut ratio = squared_envelope_spectrum(&samples[..even], past);
        divide_by_median(&mut ratio, convert::index_above(LOW_HZ / df_hz));
        Ok(Self { df_hz, ratio })
    }

    /// The mean of the spectra of as few equal segments of at most `segment_s` as the samples
    /// make; a long record shows more of a train when its speed may drift between segments.
    ///
    /// # Errors
    ///
    /// As [`EnvelopeSpectrum::of`].
    pub fn averaged(
        samples: &[f64],
        rate_hz: f64,
        high_hz: f64,
        segment_s: f64,
    ) -> Result<Self, SpectrumError> {
        let mut segments = spectrum::segments(samples, rate_hz, segment_s);
        let first = segments.next().unwrap_or(samples);
        let mut mean = Self::of(first, rate_hz, high_hz)?;
        let mut count = 1;
        mean.ratio.iter_mut().for_each(|ratio| *ratio *= *ratio);
        for segment in segments {
            let next = Self::of(segment, rate_hz, high_hz)?;
            mean.ratio.iter_mut().zip(next.ratio).for_each(|(sum, ratio)| *sum += ratio * ratio);
            count += 1;
        }
        mean.ratio.iter_mut().for_each(|sum| *sum = (*sum / convert::count(count)).sqrt());
        divide_by_median(&mut mean.ratio, convert::index_above(LOW_HZ / mean.df_hz));
        Ok(mean)
    }

    /// The `lines_max` highest local maxima from [`LOW_HZ`] up, highest first.
    ///
    /// [`LINES_MAX`] of them carry what the bearing match needs from a second of signal.
    #[must_use]
    pub fn peaks(&self, lines_max: usize) -> LineList {
        let first = convert::index_above(LOW_HZ / self.df_hz).max(1);
        let mut lines: Vec<Line> = (first..self.ratio.len().saturating_sub(1))
            .filter(|&k| self.ratio[k - 1] < self.ratio[k] && self.ratio[k + 1] <= self.ratio[k])
            .map(|k| Line { hz: self.refined_hz(k), ratio: self.ratio[k] })
            .collect();
        lines.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then(a.hz.total_cmp(&b.hz)));
        lines.truncate(lines_max);
        LineList { df_hz: self.df_hz, lines }
    }

    /// Every bin from [`LOW_HZ`] up as a line, for a match that loses nothing.
    #[must_use]
    pub fn all_lines(&self) -> LineList {
        let first = convert::index_above(LOW_HZ / self.df_hz).max(1);
        let lines = (first..self.ratio.len())
            .map(|k| Line { hz: convert::count(k) * self.df_hz, ratio: self.ratio[k] })
            .collect();
        LineList { df_hz: self.df_hz, lines }
    }

    /// The vertex of the parabola through a maximum and its two neighbours.
    fn refined_hz(&self, k: usize) -> f64 {
        let (left, top, right) = (self.ratio[k - 1], self.ratio[k], self.ratio[k + 1]);
        let curvature = left - 2.0 * top + right;
        let shift = if curvature < 0.0 { 0.5 * (left - right) / curvature } else { 0.0 };
        (convert::count(k) + shift) * self.df_hz
    }
}

/// The strongest lines of an envelope spectrum: what an agent sends instead of the spectrum.
#[derive(Clone, Debug, PartialEq)]
pub struct LineList {
    /// Distance of the bins of the spectrum that the lines come from.
    pub df_hz: f64,
    pub lines: Vec<Line>,
}

impl LineList {
    /// The highest line between two frequencies, both included.
    #[must_use]
    pub fn strongest(&self, low_hz: f64, high_hz: f64) -> Option<Line> {
        self.lines
            .iter()
            .filter(|line| low_hz <= line.hz && line.hz <= high_hz)
            .max_by(|a, b| a.ratio.total_cmp(&b.ratio))
            .copied()
    }
}

/// What a match needs to know of an envelope, whether it has all of it or the strongest lines.
pub(crate) trait Heights {
    fn df_hz(&self) -> f64;

    /// The highest line between two frequencies, both included.
    fn strongest(&self, low_hz: f64, high_hz: f64) -> Option<Line>;
}

impl Heights for LineList {
    fn df_hz(&self) -> f64 {
        self.df_hz
    }

    fn strongest(&self, low_hz: f64, high_hz: f64) -> Option<Line> {
        Self::strongest(self, low_hz, high_hz)
    }
}

impl Heights for EnvelopeSpectrum {
    fn df_hz(&self) -> f64 {
        self.df_hz
    }

    fn strongest(&self, low_hz: f64, high_hz: f64) -> Option<Line> {
        let first = convert::index_above(low_hz.max(LOW_HZ) / self.df_hz);
        let past = convert::index_below(high_hz / self.df_hz).saturating_add(1);
        let bins = self.ratio.get(first..past.min(self.ratio.len()))?;
        let (place, ratio) = bins.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        let top = first + place;
        let is_peak = 0 < top
            && self.ratio.get(top + 1).is_some_and(|right| right < ratio)
            && self.ratio[top - 1] < *ratio;
        let hz = if is_peak { self.refined_hz(top) } else { convert::count(top) * self.df_hz };
        Some(Line { hz, ratio: *ratio })
    }
}

/// One line of an envelope spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub hz: f64,
    /// Height over the median of the spectrum.
    pub ratio: f64,
}

/// Spectrum of `x² + hilbert(x)²`, where `x` is the burst with every bin scaled to magnitude 1.
///
/// Its first `past` bins; those above are not asked for and cost as much as the transform.
fn squared_envelope_spectrum(samples: &[f64], past: usize) -> Vec<f64> {
    let mut planner = RealFftPlanner::new();
    let forward = planner.plan_fft_forward(samples.len());
    let inverse = planner.plan_fft_inverse(samples.len());

    let mut time = with_soft_ends(samples);
    let mut bins = forward.make_output_vec();
    forward.process(&mut time, &mut bins).expect(LENGTHS_FIT);
    whiten(&mut bins);

    // A quarter turn of every bin is the Hilbert transform.
    let mut turned: Vec<Complex<f64>> = bins.iter().map(|bin| bin * -Complex::i()).collect();
    let mut quadrature = inverse.make_output_vec();
    inverse.process(&mut bins, &mut time).expect(LENGTHS_FIT);
    inverse.process(&mut turned, &mut quadrature).expect(LENGTHS_FIT);

    for (in_phase, quadrature) in time.iter_mut().zip(quadrature) {
        *in_phase = *in_phase * *in_phase + quadrature * quadrature;
    }
    silence_ends(&mut time);
    forward.process(&mut time, &mut bins).expect(LENGTHS_FIT);
    bins.iter().take(past).map(|bin| bin.norm_sqr().sqrt()).collect()
}

/// The samples without their mean, with both ends faded by half a cosine.
///
/// The transform sees the burst as a ring. Where its ends do not meet, a step stands, which
/// whitening would turn into the sharpest impact of all: one second of a clearly damaged bearing
/// then looks like noise one time in five (CWRU, 41 of 190 windows; none with faded ends).
fn with_soft_ends(samples: &[f64]) -> Vec<f64> {
    let mut faded = indicators::without_mean(samples);
    let end = faded_samples(samples.len());
    let step = PI / convert::count(end.max(1));
    let weights = (0..end).map(|i| 0.5 - 0.5 * (step * convert::count(i)).cos());
    for (i, weight) in weights.enumerate() {
        faded[i] *= weight;
        faded[samples.len() - 1 - i] *= weight;
    }
    faded
}

/// Removes the mean, and from the ends their dip, which would itself be a line of a few Hz.
fn silence_ends(squared: &mut [f64]) {
    let end = faded_samples(squared.len());
    let middle = end..squared.len() - end;
    let mean = indicators::mean(&squared[middle.clone()]);
    for (i, value) in squared.iter_mut().enumerate() {
        *value = if middle.contains(&i) { *value - mean } else { 0.0 };
    }
}

fn faded_samples(samples: usize) -> usize {
    convert::index_below(FADED_SHARE * convert::count(samples))
}

/// Scales every bin to magnitude 1, except for the two that have no imaginary part.
fn whiten(bins: &mut [Complex<f64>]) {
    for bin in bins.iter_mut() {
        // `norm` guards against overflow, at ten times the cost.
        let magnitude = bin.norm_sqr().sqrt();
        *bin = if 0.0 < magnitude { *bin / magnitude } else { Complex::default() };
    }
    // 0 Hz and half the rate cannot be turned by a quarter, and carry nothing of a bearing.
    if let Some(first) = bins.first_mut() {
        *first = Complex::default();
    }
    if let Some(last) = bins.last_mut() {
        *last = Complex::default();
    }
}

fn divide_by_median(heights: &mut [f64], first: usize) {
    let mut sorted = heights.get(first..).unwrap_or_default().to_vec();
    if sorted.is_empty() {
        return;
    }
    let middle = sorted.len() / 2;
    let (_, median, _) = sorted.select_nth_unstable_by(middle, f64::total_cmp);
    let median = *median;
    if 0.0 < median {
        heights.iter_mut().for_each(|height| *height /= median);
    }
}

const LENGTHS_FIT: &str = "all buffers have the lengths that the plan asks for, and the two bins \
                           without a mirror image are zero";

/// Share of the burst that is faded at either end; twice as much changes no verdict.
const FADED_SHARE: f64 = 0.05;

/// Below lie the constant and the slow breathing of load and speed, not impacts.
pub const LOW_HZ: f64 = 5.0;

/// Three harmonics with their sidebands for each of four defects fit several times over.
pub const LINES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::synth::Random;

    /// Noise that swells `hz` times a second.
    fn breathing_noise(hz: f64, rate_hz: f64, len: usize) -> Vec<f64> {
        let mut random = Random::new(7);
        (0..len)
            .map(|i| {
                let swell = 1.0 + 0.9 * (TAU * hz * convert::count(i) / rate_hz).sin();
                random.normal() * swell
            })
            .collect()
    }

    #[test]
    fn the_frequency_at_which_noise_swells_is_the_highest_line() {
        let samples = breathing_noise(87.3, 12_000.0, 12_000);
        let spectrum = EnvelopeSpectrum::of(&samples, 12_000.0, 600.0).unwrap();
        let peaks = spectrum.peaks(LINES_MAX);
        assert_eq!(peaks.lines.len(), LINES_MAX);
        assert!((peaks.lines[0].hz - 87.3).abs() < 0.5, "{:?}", peaks.lines[0]);
        assert!(5.0 < peaks.lines[0].ratio, "{:?}", peaks.lines[0]);
        assert!((spectrum.df_hz - 1.0).abs() < 1e-12);
    }

    #[test]
    fn gain_and_offset_do_not_change_the_ratios() {
        let samples = breathing_noise(87.0, 12_000.0, 8192);
        let louder: Vec<f64> = samples.iter().map(|sample| 40.0 * sample - 3.0).collect();
        let quiet = EnvelopeSpectrum::of(&samples, 12_000.0, 600.0).unwrap().peaks(1);
        let loud = EnvelopeSpectrum::of(&louder, 12_000.0, 600.0).unwrap().peaks(1);
        assert!((quiet.lines[0].ratio - loud.lines[0].ratio).abs() < 1e-6);
    }

    #[test]
    fn plain_noise_has_a_median_of_one_and_no_tall_line() {
        let mut random = Random::new(3);
        let samples: Vec<f64> = (0..16_384).map(|_| random.normal()).collect();
        let spectrum = EnvelopeSpectrum::of(&samples, 16_384.0, 600.0).unwrap();
        let mut heights = spectrum.ratio[5..].to_vec();
        heights.sort_by(f64::total_cmp);
        assert!((heights[heights.len() / 2] - 1.0).abs() < 1e-9);
        assert!(spectrum.peaks(1).lines[0].ratio < 4.5);
    }

    #[test]
    fn an_odd_length_and_a_silent_burst_are_harmless() {
        let silent = EnvelopeSpectrum::of(&[0.0; 4097], 4096.0, 600.0).unwrap();
        assert!(silent.peaks(LINES_MAX).lines.is_empty());
    }
}
