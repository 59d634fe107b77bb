//! Misalignment: the coupling pulls twice a turn.
//!
//! Figures: 2× at half of 1× and more, severe from one and a half (usual charts of vibration
//! analysts); axial direction supports it. Many higher multiples speak for looseness instead.

use crate::faults::{Axis, Burst, Finding, FoundLine, Machine, VELOCITY_MIN_MM_S, looseness};

pub(super) fn look(burst: &Burst<'_>, machine: &Machine) -> Option<Finding> {
    let hz = burst.shaft.hz;
    let heights = [1.0, 2.0, 3.0].map(|order| burst.velocity_mm_s(order * hz));
    let [first, second, third] = heights;
    let is_force = VELOCITY_MIN_MM_S <= burst.velocity_rms_mm_s && third <= second;
    let carries = SHARE_MIN * burst.velocity_rms_mm_s <= first.hypot(second);
    if !is_force || !carries || second < SECOND_MIN * first {
        return None;
    }
    if second < VELOCITY_MIN_MM_S / 2.0 || looseness::is_comb(burst) || is_mains(burst, machine) {
        return None;
    }
    let direction = match machine.axis {
        Some(Axis::Axial) => "; the sensor stands axially, which supports it",
        Some(Axis::Radial) | None => "; a sensor along the shaft would confirm it",
    };
    Some(Finding {
        cause: "misalignment",
        hz,
        lines: (1_u8..)
            .zip(heights)
            .map(|(k, height)| {
                let order = f64::from(k);
                FoundLine { order, hz: order * hz, height }
            })
            .collect(),
        strength: second / first.max(VELOCITY_MIN_MM_S / 2.0) / SECOND_MIN,
        why: format!(
            "2× is {second:.1} mm/s against {first:.1} mm/s at 1×{direction}; check the coupling's \
             temperature and its faces"
        ),
    })
}

/// On a two-pole motor 2× and twice the mains cannot be told apart by bins this wide.
fn is_mains(burst: &Burst<'_>, machine: &Machine) -> bool {
    let near_hz = 2.0 * burst.spectrum.df_hz;
    machine.line_hz.is_some_and(|line| (2.0 * line - 2.0 * burst.shaft.hz).abs() <= near_hz)
}

const SECOND_MIN: f64 = 0.5;

/// Share of the overall velocity that 1× and 2× carry together.
const SHARE_MIN: f64 = 0.7;
