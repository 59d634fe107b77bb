//! Imbalance: one strong line at the shaft's speed and little else.
//!
//! Figures: 1× carries the velocity and 2× stays below a fifth of it (ISO 13373-1 annex, and the
//! usual charts of vibration analysts; unverified against the standard).

use crate::faults::{Burst, Finding, FoundLine, VELOCITY_MIN_MM_S};

pub(super) fn look(burst: &Burst<'_>) -> Option<Finding> {
    let hz = burst.shaft.hz;
    let (first, second) = (burst.velocity_mm_s(hz), burst.velocity_mm_s(2.0 * hz));
    let is_alone = SHARE_MIN * burst.velocity_rms_mm_s <= first && second <= SECOND_MAX * first;
    if first < VELOCITY_MIN_MM_S || !is_alone {
        return None;
    }
    Some(Finding {
        cause: "imbalance",
        hz,
        lines: vec![FoundLine { order: 1.0, hz, height: first }],
        strength: first / VELOCITY_MIN_MM_S,
        why: format!(
            "{first:.1} mm/s RMS at 1× {hz:.1} Hz is {:.0} % of the velocity, 2× is {second:.1} \
             mm/s; it should grow with the square of the speed, and a bent shaft would show axially",
            100.0 * (first / burst.velocity_rms_mm_s).min(1.0)
        ),
    })
}

/// Share of the overall velocity that 1× carries.
const SHARE_MIN: f64 = 0.8;

/// 2× over 1×, above which it is no longer imbalance alone.
const SECOND_MAX: f64 = 0.2;
