//! Looseness: what knocks once a turn rings at many multiples, and in its third stage at halves.
//!
//! Figures: five or more of the multiples from 3× to 10×, each a fifth of the strongest and more
//! (usual charts of vibration analysts). A rub looks alike and comes with temperature.

use crate::faults::{Burst, Finding, FoundLine, VELOCITY_MIN_MM_S};

pub(super) fn look(burst: &Burst<'_>) -> Option<Finding> {
    if burst.velocity_rms_mm_s < VELOCITY_MIN_MM_S || !is_comb(burst) {
        return None;
    }
    let hz = burst.shaft.hz;
    let halves: Vec<f64> = HALVES.into_iter().filter(|order| stands(burst, *order)).collect();
    let multiples = (1..=LAST).map(f64::from).filter(|order| stands(burst, *order));
    let lines: Vec<FoundLine> = halves
        .iter()
        .copied()
        .chain(multiples)
        .map(|order| FoundLine { order, hz: order * hz, height: burst.velocity_mm_s(order * hz) })
        .collect();
    let stage = if halves.len() < 2 { "" } else { ", with halves of it: something moves freely" };
    Some(Finding {
        cause: "looseness",
        hz,
        strength: burst.velocity_rms_mm_s / VELOCITY_MIN_MM_S,
        why: format!(
            "{} multiples of the shaft's {hz:.1} Hz stand at {:.1} mm/s overall{stage}; check bolts, \
             feet and fits, and whether it changes when a foot is loosened",
            lines.len(),
            burst.velocity_rms_mm_s
        ),
        lines,
    })
}

/// Whether the higher multiples of the shaft stand in a comb.
pub(super) fn is_comb(burst: &Burst<'_>) -> bool {
    let hz = burst.shaft.hz;
    let highest = (1..=LAST).map(|k| burst.peak_g(f64::from(k) * hz)).fold(0.0, f64::max);
    let standing = (FIRST..=LAST)
        .map(f64::from)
        .filter(|order| SHARE_MIN * highest <= burst.peak_g(order * hz) && stands(burst, *order));
    STANDING_MIN <= standing.count()
}

fn stands(burst: &Burst<'_>, order: f64) -> bool {
    PROMINENCE_MIN <= burst.prominence(order * burst.shaft.hz)
}

const HALVES: [f64; 3] = [0.5, 1.5, 2.5];
const FIRST: u32 = 3;
const LAST: u32 = 10;
const STANDING_MIN: usize = 5;

/// Share of the strongest multiple's acceleration.
const SHARE_MIN: f64 = 0.2;

/// Over the floor beside it; noise reaches about 4.
const PROMINENCE_MIN: f64 = 6.0;
