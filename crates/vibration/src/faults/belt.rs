//! Belts: a worn or cracked belt knocks each time round, strongest at the second multiple.
//!
//! Figures: belt frequency = π × pulley diameter × pulley speed / belt length; lines at one to four
//! times it (usual charts of vibration analysts).

use std::f64::consts::PI;

use crate::faults::{Burst, Finding, FoundLine, Machine, VELOCITY_MIN_MM_S};

pub(super) fn look(burst: &Burst<'_>, machine: &Machine) -> Option<Finding> {
    let belt = machine.belt?;
    let hz = PI * belt.pulley_mm * burst.shaft.hz / belt.length_mm;
    let is_own = |order: f64| {
        let turns = order * hz / burst.shaft.hz;
        3.0 * burst.spectrum.df_hz < (turns - turns.round()).abs() * burst.shaft.hz
    };
    let lines: Vec<FoundLine> = [1.0, 2.0, 3.0, 4.0]
        .into_iter()
        .filter(|order| is_own(*order) && PROMINENCE_MIN <= burst.prominence(order * hz))
        .map(|order| FoundLine { order, hz: order * hz, height: burst.velocity_mm_s(order * hz) })
        .collect();
    let velocity = lines.iter().map(|line| line.height.powi(2)).sum::<f64>().sqrt();
    if lines.len() < LINES_MIN || velocity < VELOCITY_MIN_MM_S / 2.0 {
        return None;
    }
    Some(Finding {
        cause: "belt",
        hz,
        strength: velocity / (VELOCITY_MIN_MM_S / 2.0),
        why: format!(
            "{} multiples of the belt's {hz:.2} Hz carry {velocity:.1} mm/s; look for cracks and \
             dust, and compare both pulleys' speeds for slip",
            lines.len()
        ),
        lines,
    })
}

const LINES_MIN: usize = 3;
const PROMINENCE_MIN: f64 = 6.0;
