//! Tools in a spindle: teeth that cut unequally, from runout or a broken edge.
//!
//! Figures: tooth pass = teeth × spindle; equal teeth leave 1× and the sidebands low, a missing edge
//! lifts them to half of the tooth pass and more (Altintas, "Manufacturing Automation", ch. on tool
//! breakage: the force of unequal teeth repeats once a turn).

use crate::faults::{Burst, Finding, FoundLine, Machine, looseness};

pub(super) fn look(burst: &Burst<'_>, machine: &Machine) -> Option<Finding> {
    let teeth = machine.tool_teeth.filter(|teeth| 2 <= *teeth)?;
    let hz = f64::from(teeth) * burst.shaft.hz;
    let pass_g = burst.peak_g(hz);
    if pass_g < PASS_MIN_G || burst.prominence(hz) < PROMINENCE_MIN {
        return None;
    }
    let beside = [hz - burst.shaft.hz, hz + burst.shaft.hz];
    let sum_g: f64 = beside.iter().map(|side_hz| burst.peak_g(*side_hz)).sum();
    if sum_g < SIDES_SHARE_MIN * pass_g || looseness::is_comb(burst) {
        return None;
    }
    Some(Finding {
        cause: "tool",
        hz,
        lines: beside
            .map(|side_hz| FoundLine {
                order: side_hz / hz,
                hz: side_hz,
                height: burst.prominence(side_hz),
            })
            .to_vec(),
        strength: sum_g / pass_g / SIDES_SHARE_MIN,
        why: format!(
            "the pass of {teeth} teeth at {hz:.1} Hz swells once a turn, by {:.0} % of it; look at \
             the edges and the runout, and repeat in air: what stays is the spindle's",
            100.0 * sum_g / pass_g
        ),
    })
}

/// Below it nothing is being cut (house figure, no standard).
const PASS_MIN_G: f64 = 0.1;
const PROMINENCE_MIN: f64 = 6.0;
const SIDES_SHARE_MIN: f64 = 0.5;
