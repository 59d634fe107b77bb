//! The speed of a shaft as its own vibration tells it.
//!
//! Name plates and speed signals are off by a per cent or two, which is as much as lies between a
//! defect and a harmonic of the shaft. Imbalance, couplings and fans draw a comb of lines at
//! multiples of the true speed; the spacing on which most of them agree is that speed.
//!
//! Deliberately absent: finding a speed that nobody stated. Any comb would do then.

use crate::convert;
use crate::spectrum::Spectrum;

/// A speed in turns per second, and whether it was read from the vibration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShaftSpeed {
    pub hz: f64,
    pub is_measured: bool,
}

impl ShaftSpeed {
    /// A speed that somebody states, within some 2 %.
    #[must_use]
    pub fn stated(hz: f64) -> Self {
        Self { hz, is_measured: false }
    }

    /// The speed near `stated_hz` whose first [`HARMONICS`] multiples stand out of the spectrum of
    /// an acceleration; the stated one where no comb does.
    #[must_use]
    pub fn measured(spectrum: &Spectrum, stated_hz: f64) -> Self {
        let highest_hz = stated_hz * (1.0 + REACH) * f64::from(HARMONICS + 1);
        if !(BINS_MIN * spectrum.df_hz <= stated_hz && highest_hz < spectrum.high_hz()) {
            return Self::stated(stated_hz);
        }
        let prominence = log_prominence(spectrum, highest_hz);
        let step_hz = spectrum.df_hz / (2.0 * f64::from(HARMONICS));
        let steps = convert::index_above(stated_hz * REACH / step_hz).min(STEPS_MAX);
        let candidates: Vec<(f64, f64)> = (0..=2 * steps)
            .map(|step| stated_hz + (convert::count(step) - convert::count(steps)) * step_hz)
            .map(|hz| (hz, comb_height(&prominence, hz / spectrum.df_hz)))
            .collect();
        let highest = candidates.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some(&(hz, height)) = highest else { return Self::stated(stated_hz) };
        // A short burst may show a second comb nearly as well: that of the mains, or a neighbour's.
        let is_short = stated_hz < BINS_PLENTY * spectrum.df_hz;
        let is_rivalled = is_short
            && candidates.iter().any(|(other_hz, other)| {
                3.0 * spectrum.df_hz / f64::from(HARMONICS) < (other_hz - hz).abs()
                    && RIVAL_SHARE_MIN * height <= *other
            });
        if height < PROMINENCE_MIN || is_rivalled {
            return Self::stated(stated_hz);
        }
        Self { hz, is_measured: true }
    }
}

/// Mean logarithm of the prominence at the multiples of `spacing` bins.
fn comb_height(prominence: &[f64], spacing: f64) -> f64 {
    let heights = (1..=HARMONICS).map(|k| {
        let place = f64::from(k) * spacing;
        let below = convert::index_below(place);
        let share = place - convert::count(below);
        let at = |bin: usize| prominence.get(bin).copied().unwrap_or(0.0);
        // One huge line must not outvote nineteen.
        ((1.0 - share) * at(below) + share * at(below + 1)).clamp(-LOG_MAX, LOG_MAX)
    });
    heights.sum::<f64>() / f64::from(HARMONICS)
}

/// Logarithm of each amplitude over the median of its neighbourhood.
fn log_prominence(spectrum: &Spectrum, high_hz: f64) -> Vec<f64> {
    let past = convert::index_above(high_hz / spectrum.df_hz).min(spectrum.amplitude.len());
    let amplitude = &spectrum.amplitude[..past];
    let mut near = Vec::with_capacity(2 * NEIGHBOURS);
    (0..past)
        .map(|bin| {
            near.clear();
            let first = bin.saturating_sub(NEIGHBOURS);
            near.extend_from_slice(&amplitude[first..past.min(bin + NEIGHBOURS)]);
            let middle = near.len() / 2;
            let (_, median, _) = near.select_nth_unstable_by(middle, f64::total_cmp);
            let ratio = if 0.0 < *median { amplitude[bin] / *median } else { 1.0 };
            ratio.max(f64::MIN_POSITIVE).ln()
        })
        .collect()
}

/// Enough of them that one line of the mains cannot stand for a comb.
const HARMONICS: u32 = 20;

/// Turns in a burst, below which the lines are too wide: half a second of a 1800 rpm motor already
/// takes its neighbours for it.
const BINS_MIN: f64 = 20.0;

/// Turns from which a comb is sharp enough to part the shaft from its neighbours.
const BINS_PLENTY: f64 = 60.0;

/// How far off a stated speed may be.
const REACH: f64 = 0.025;

/// Mean logarithm from which a comb counts; the healthy IMS rig, whose shaft makes no lines, stays
/// below 0.5, and the CWRU motor shows 1 to 2.6.
const PROMINENCE_MIN: f64 = 0.8;

/// A second comb this high beside the first leaves the speed open.
const RIVAL_SHARE_MIN: f64 = 0.85;

const LOG_MAX: f64 = 3.0;

/// Bins to either side that make the floor of a line.
const NEIGHBOURS: usize = 15;

/// Bounds the search when the bins are tiny against the speed.
const STEPS_MAX: usize = 5_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Machine;
    use crate::synth::parts::Part;

    fn burst(has_comb: bool) -> Vec<f64> {
        let mut samples = Machine::healthy(24.6).burst(12_800.0, 51_200, 3);
        if has_comb {
            Part::Comb { hz: 24.6, peak_g: 0.02, count: 20, fall: 0.98 }.add(
                &mut samples,
                12_800.0,
                5,
            );
        }
        samples
    }

    fn measured(has_comb: bool, stated_hz: f64) -> ShaftSpeed {
        ShaftSpeed::measured(&Spectrum::of(&burst(has_comb), 12_800.0).unwrap(), stated_hz)
    }

    #[test]
    fn a_comb_of_the_shaft_corrects_a_stated_speed() {
        for stated_hz in [24.2, 24.6, 25.1] {
            let speed = measured(true, stated_hz);
            assert!(speed.is_measured);
            assert!((speed.hz / 24.6 - 1.0).abs() < 0.001, "{stated_hz}: {speed:?}");
        }
    }

    #[test]
    fn without_a_comb_the_stated_speed_stands() {
        assert_eq!(measured(false, 25.0), ShaftSpeed::stated(25.0));
        assert!(!measured(false, f64::NAN).is_measured);
    }
}
