//! Gears: the mesh swells with the shaft that carries the damage.
//!
//! Figures: mesh = teeth × shaft; sidebands at the shaft's distance that together reach half of
//! the mesh line speak for a damaged or eccentric wheel (Randall 1982, "A new method of modeling
//! gear faults"; one pair alone: eccentric).

use crate::faults::{Burst, Finding, FoundLine, Machine};

pub(super) fn look(burst: &Burst<'_>, machine: &Machine) -> Option<Finding> {
    let teeth = machine.gear_teeth?;
    let hz = f64::from(teeth) * burst.shaft.hz;
    let mesh_g = burst.peak_g(hz);
    if mesh_g < MESH_MIN_G || burst.prominence(hz) < PROMINENCE_MIN {
        return None;
    }
    let beside: Vec<FoundLine> = [-2.0, -1.0, 1.0, 2.0]
        .map(|step| hz + step * burst.shaft.hz)
        .into_iter()
        .filter(|side_hz| PROMINENCE_MIN <= burst.prominence(*side_hz))
        .map(|side_hz| FoundLine {
            order: side_hz / hz,
            hz: side_hz,
            height: burst.prominence(side_hz),
        })
        .collect();
    let sum_g: f64 = beside.iter().map(|line| burst.peak_g(line.hz)).sum();
    if beside.len() < SIDES_MIN || sum_g < SIDES_SHARE_MIN * mesh_g {
        return None;
    }
    Some(Finding {
        cause: "gear_mesh",
        hz,
        strength: sum_g / mesh_g / SIDES_SHARE_MIN,
        why: format!(
            "the mesh of {teeth} teeth at {hz:.1} Hz has {} sidebands at the shaft's distance, \
             together {:.0} % of it; look at the flanks of the wheel on this shaft and at the oil",
            beside.len(),
            100.0 * sum_g / mesh_g
        ),
        lines: beside,
    })
}

/// Below it the mesh is quiet whatever it looks like (house figure, no standard).
const MESH_MIN_G: f64 = 0.1;
const PROMINENCE_MIN: f64 = 6.0;
const SIDES_MIN: usize = 2;
const SIDES_SHARE_MIN: f64 = 0.5;
