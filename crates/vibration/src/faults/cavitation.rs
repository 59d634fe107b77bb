//! Cavitation: bubbles collapse in a pump, a broad carpet that swells with the vanes.
//!
//! Figures: random content from 1 kHz up as in [`super::lubrication`], and an envelope line at
//! vanes × shaft; the defect lines of a bearing are elsewhere (`McNulty`, Pearsall 1982, "Cavitation
//! inception in pumps", for the broad band).

use crate::envelope::Heights;
use crate::faults::lubrication::Carpet;
use crate::faults::{Burst, Finding, FoundLine, Machine};

pub(super) fn look(burst: &Burst<'_>, machine: &Machine) -> Option<Finding> {
    let vanes = machine.vanes?;
    let carpet = Carpet::of(burst, machine)?;
    let hz = f64::from(vanes) * burst.shaft.hz;
    let reach_hz = (0.01 * hz).max(burst.envelope.df_hz);
    let line = Heights::strongest(&burst.envelope, hz - reach_hz, hz + reach_hz)?;
    if line.ratio < PASS_MIN || KURTOSIS_MAX < burst.kurtosis {
        return None;
    }
    Some(Finding {
        cause: "cavitation",
        hz,
        lines: vec![FoundLine { order: 1.0, hz: line.hz, height: line.ratio }],
        strength: carpet.times,
        why: format!(
            "{:.2} g RMS from 1 kHz up swell with the {vanes} vanes at {hz:.1} Hz; compare suction \
             pressure with the pump's NPSH, and open the suction valve as a test",
            carpet.rms_g
        ),
    })
}

/// Height of the vane pass in the envelope; a few bins of noise stay below 3.
const PASS_MIN: f64 = 5.0;

/// A carpet that swells has up to 8; single impacts have more.
const KURTOSIS_MAX: f64 = 8.0;
