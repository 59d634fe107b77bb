//! The Hann window, and the two numbers that undo its effect on amplitude and on energy.
//!
//! The periodic form is used, as spectral analysis needs it (Harris 1978, "On the use of windows
//! for harmonic analysis with the discrete Fourier transform").

use std::f64::consts::TAU;

use crate::convert;

/// A periodic Hann window of `len` points: `0.5 - 0.5 cos(2 pi i / len)`.
#[must_use]
pub fn hann(len: usize) -> Vec<f64> {
    let step = TAU / convert::count(len.max(1));
    (0..len).map(|i| 0.5 - 0.5 * (step * convert::count(i)).cos()).collect()
}

/// Mean of the Hann window: a line's amplitude is divided by it to read the true peak.
pub const HANN_COHERENT_GAIN: f64 = 0.5;

/// Equivalent noise bandwidth of the Hann window in bins: power sums are divided by it.
pub const HANN_NOISE_BANDWIDTH_BINS: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_has_the_gain_and_bandwidth_that_its_constants_state() {
        let window = hann(1024);
        let len = convert::count(window.len());
        let sum: f64 = window.iter().sum();
        let power: f64 = window.iter().map(|w| w * w).sum();
        assert!((sum / len - HANN_COHERENT_GAIN).abs() < 1e-12);
        assert!((len * power / (sum * sum) - HANN_NOISE_BANDWIDTH_BINS).abs() < 1e-12);
    }

    #[test]
    fn an_empty_window_is_empty() {
        assert!(hann(0).is_empty());
    }
}
