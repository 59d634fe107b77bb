//! Want of grease: a raised carpet of high frequencies without lines.
//!
//! Figures: the RMS from 1 kHz up twice that of health (+6 dB) is the usual alarm; without a
//! healthy figure [`HF_MIN_G`] stands in for it. Kurtosis stays near 3 and no train of impacts
//! stands; damage would show both. Cavitation makes the same carpet in a pump.

use crate::convert;
use crate::envelope::LINES_MAX;
use crate::faults::{Burst, Finding, Machine};

pub(super) fn look(burst: &Burst<'_>, machine: &Machine) -> Option<Finding> {
    let carpet = Carpet::of(burst, machine)?;
    let has_lines = burst.envelope.peaks(LINES_MAX).lines.iter().any(|it| LINE_MAX <= it.ratio);
    if machine.vanes.is_some() || has_lines || KURTOSIS_MAX < burst.kurtosis {
        return None;
    }
    Some(Finding {
        cause: "lubrication",
        hz: 0.0,
        lines: Vec::new(),
        strength: carpet.times,
        why: format!(
            "{:.2} g RMS from 1 kHz up without lines or impacts (kurtosis {:.1}), {:.1} times what \
             is allowed; grease by the maker's amount: it should fall within minutes",
            carpet.rms_g, burst.kurtosis, carpet.times
        ),
    })
}

/// A high band that is both strong and even.
pub(super) struct Carpet {
    pub(super) rms_g: f64,
    /// Over what is allowed.
    pub(super) times: f64,
}

impl Carpet {
    pub(super) fn of(burst: &Burst<'_>, machine: &Machine) -> Option<Self> {
        let high_hz = HIGH_HZ.min(burst.rate_hz / 2.56);
        if high_hz < 2.0 * LOW_HZ {
            return None;
        }
        let rms_g = burst.spectrum.band_rms(LOW_HZ, high_hz);
        let allowed_g = machine.healthy_hf_g.map_or(HF_MIN_G, |healthy| TIMES_MIN * healthy);
        let is_even = EVEN_MIN <= evenness(burst, high_hz);
        (allowed_g <= rms_g && is_even).then(|| Self { rms_g, times: rms_g / allowed_g })
    }
}

/// How evenly the band is filled: the share of its thirtieths that reach a tenth of the highest.
fn evenness(burst: &Burst<'_>, high_hz: f64) -> f64 {
    let step_hz = (high_hz - LOW_HZ) / f64::from(BANDS);
    let power: Vec<f64> = (0..BANDS)
        .map(|k| LOW_HZ + f64::from(k) * step_hz)
        .map(|low_hz| burst.spectrum.band_rms(low_hz, low_hz + step_hz).powi(2))
        .collect();
    let highest = power.iter().copied().fold(0.0, f64::max);
    let filled = power.iter().filter(|it| 0.1 * highest <= **it).count();
    convert::count(filled) / f64::from(BANDS)
}

const LOW_HZ: f64 = 1000.0;
const HIGH_HZ: f64 = 10_000.0;
const BANDS: u32 = 30;
const EVEN_MIN: f64 = 0.4;

/// Noise has 3; impacts have more.
const KURTOSIS_MAX: f64 = 4.0;

/// House figure for a sensor without a history (no standard): healthy CWRU, IMS and PRONOSTIA
/// bearings stay below 0.6 g.
pub const HF_MIN_G: f64 = 1.0;

/// The usual +6 dB.
const TIMES_MIN: f64 = 2.0;

/// A line of the envelope this high is a train, and not a carpet.
const LINE_MAX: f64 = 6.0;
