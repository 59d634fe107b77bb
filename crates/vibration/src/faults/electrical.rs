//! Electrical trouble: the stator pulls at exactly twice the mains.
//!
//! Figures: 100 Hz on 50 Hz mains, 120 Hz on 60 Hz; the line vanishes at once when power is cut
//! (usual charts of vibration analysts). Bins must part it from the shaft's multiples.

use crate::faults::{Burst, Finding, FoundLine, Machine};

pub(super) fn look(burst: &Burst<'_>, machine: &Machine) -> Option<Finding> {
    let hz = 2.0 * machine.line_hz?;
    let df_hz = burst.spectrum.df_hz;
    let turns = hz / burst.shaft.hz;
    let apart_hz = (turns - turns.round()).abs() * burst.shaft.hz;
    if APART_BINS * df_hz + burst.shaft.hz * SPEED_DOUBT < apart_hz {
        let velocity = burst.velocity_mm_s(hz);
        let is_exact = (burst.place_hz(hz) - hz).abs() <= df_hz;
        if VELOCITY_MIN_MM_S <= velocity && is_exact && PROMINENCE_MIN <= burst.prominence(hz) {
            return Some(Finding {
                cause: "electrical",
                hz,
                lines: vec![FoundLine { order: 1.0, hz, height: velocity }],
                strength: velocity / VELOCITY_MIN_MM_S,
                why: format!(
                    "{velocity:.1} mm/s stand at {hz:.1} Hz, twice the mains; cut the power: if the \
                     line goes at once it is electrical, then compare the phase currents"
                ),
            });
        }
    }
    None
}

/// Bins between the line and the next multiple of the shaft.
const APART_BINS: f64 = 3.0;

/// Share of the shaft's speed by which a multiple may be off.
const SPEED_DOUBT: f64 = 0.02;

/// A single line of this height would alone take a machine to zone C of class I of ISO 10816-1
/// (unverified against the standard).
const VELOCITY_MIN_MM_S: f64 = 1.8;
const PROMINENCE_MIN: f64 = 10.0;
