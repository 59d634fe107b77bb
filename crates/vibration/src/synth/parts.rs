//! Parts of a machine's vibration to lay over a synthetic burst: tones, combs, modulation, noise.
//!
//! Imbalance, couplings, gears, belts, motors, pumps and tools are all made of these four. Phases
//! and noise come from the seed; the same seed gives the same samples.
//!
//! Deliberately absent: which part means which fault. Tests and simulators say that.

use std::f64::consts::TAU;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use crate::convert;
use crate::indicators;
use crate::synth::Random;

/// One part; accelerations in g, frequencies in Hz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// A sine of the given peak.
    Tone { hz: f64, peak_g: f64 },
    /// Sines at `count` multiples of `hz`, each lower than the one before by `fall`.
    Comb { hz: f64, peak_g: f64, count: u8, fall: f64 },
    /// A sine whose height swells by `depth` at `by_hz`: a line with sidebands.
    Modulated { hz: f64, peak_g: f64, by_hz: f64, depth: f64 },
    /// Noise of the given RMS between two frequencies, that swells by `depth` at `by_hz`.
    Carpet { low_hz: f64, high_hz: f64, rms_g: f64, by_hz: f64, depth: f64 },
}

impl Part {
    /// Adds the part to samples taken at `rate_hz`.
    pub fn add(&self, samples: &mut [f64], rate_hz: f64, seed: u64) {
        let mut random = Random::new(seed);
        match *self {
            Self::Tone { hz, peak_g } => add_tone(samples, hz / rate_hz, peak_g, &mut random),
            Self::Comb { hz, peak_g, count, fall } => {
                let mut height = peak_g;
                for k in 1..=count {
                    add_tone(samples, f64::from(k) * hz / rate_hz, height, &mut random);
                    height *= fall;
                }
            }
            Self::Modulated { hz, peak_g, by_hz, depth } => {
                let phase = TAU * random.unit();
                for (i, sample) in samples.iter_mut().enumerate() {
                    let time = TAU * convert::count(i) / rate_hz;
                    let swell = 1.0 + depth * (by_hz * time).cos();
                    *sample += peak_g * swell * (hz * time + phase).sin();
                }
            }
            Self::Carpet { low_hz, high_hz, rms_g, by_hz, depth } => {
                let carpet = band_noise(samples.len(), (low_hz, high_hz), rate_hz, &mut random);
                for (i, (sample, noise)) in samples.iter_mut().zip(carpet).enumerate() {
                    let swell = 1.0 + depth * (TAU * by_hz * convert::count(i) / rate_hz).cos();
                    *sample += rms_g * swell * noise;
                }
            }
        }
    }
}

fn add_tone(samples: &mut [f64], cycles_per_sample: f64, peak_g: f64, random: &mut Random) {
    let phase = TAU * random.unit();
    for (i, sample) in samples.iter_mut().enumerate() {
        *sample += peak_g * (TAU * cycles_per_sample * convert::count(i) + phase).sin();
    }
}

/// Gaussian noise of RMS 1 between two frequencies: white noise without the other bins.
fn band_noise(
    len: usize,
    (low_hz, high_hz): (f64, f64),
    rate_hz: f64,
    random: &mut Random,
) -> Vec<f64> {
    let mut noise: Vec<f64> = (0..len).map(|_| random.normal()).collect();
    let mut planner = RealFftPlanner::new();
    let forward = planner.plan_fft_forward(len);
    let mut bins = forward.make_output_vec();
    forward.process(&mut noise, &mut bins).expect(LENGTHS_FIT);
    let last = bins.len().saturating_sub(1);
    for (k, bin) in bins.iter_mut().enumerate() {
        let hz = convert::count(k) * rate_hz / convert::count(len);
        // 0 Hz and half the rate may not be complex.
        if !(low_hz..=high_hz).contains(&hz) || k == 0 || k == last {
            *bin = Complex::default();
        }
    }
    planner.plan_fft_inverse(len).process(&mut bins, &mut noise).expect(LENGTHS_FIT);
    let rms = indicators::rms(&noise);
    if 0.0 < rms {
        noise.iter_mut().for_each(|sample| *sample /= rms);
    }
    noise
}

const LENGTHS_FIT: &str = "all buffers have the lengths that the plan asks for, and the two bins \
                           without a mirror image are zero";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::Spectrum;

    const RATE_HZ: f64 = 12_800.0;

    fn alone(part: Part) -> Vec<f64> {
        let mut samples = vec![0.0; 12_800];
        part.add(&mut samples, RATE_HZ, 4);
        samples
    }

    #[test]
    fn a_comb_has_its_lines_and_a_modulated_tone_its_sidebands() {
        let comb = alone(Part::Comb { hz: 25.0, peak_g: 1.0, count: 3, fall: 0.5 });
        let spectrum = Spectrum::of(&comb, RATE_HZ).unwrap();
        for (bin, peak) in [(25, 1.0), (50, 0.5), (75, 0.25), (100, 0.0)] {
            assert!((spectrum.amplitude[bin] - peak).abs() < 1e-9, "{bin}");
        }
        let swelling = alone(Part::Modulated { hz: 500.0, peak_g: 1.0, by_hz: 25.0, depth: 0.6 });
        let spectrum = Spectrum::of(&swelling, RATE_HZ).unwrap();
        assert!((spectrum.amplitude[500] - 1.0).abs() < 1e-9);
        assert!((spectrum.amplitude[475] - 0.3).abs() < 1e-9);
    }

    #[test]
    fn a_carpet_has_its_rms_in_its_band_and_looks_like_noise() {
        let (low_hz, high_hz) = (2000.0, 5000.0);
        let carpet = alone(Part::Carpet { low_hz, high_hz, rms_g: 0.5, by_hz: 0.0, depth: 0.0 });
        assert!((indicators::rms(&carpet) - 0.5).abs() < 0.02);
        assert!((indicators::kurtosis(&carpet) - 3.0).abs() < 0.3);
        let spectrum = Spectrum::of(&carpet, RATE_HZ).unwrap();
        assert!(spectrum.band_rms(0.0, 1950.0) < 0.01);
    }
}
