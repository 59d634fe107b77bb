//! What else shakes a rotating machine: one file for each fault, with its figures and their source.
//!
//! [`look`] asks each of them about one burst. A fault is found only where its pattern stands *and*
//! the machine shakes enough for somebody to act ([`VELOCITY_MIN_MM_S`]); a pattern without force
//! is every machine's signature. A fault that needs a number nobody gave (teeth, vanes) is silent.
//!
//! Deliberately absent: phase, direction, temperature and history, which a single burst lacks.
//! They separate causes that look alike here, and each finding says which test would.

pub mod shape;
pub mod imbalance;
pub mod misalignment;
pub mod looseness;
pub mod gear_mesh;
pub mod belt;
pub mod electrical;
pub mod lubrication;
pub mod cavitation;
pub mod tool;

pub use shape::{Axis, Belt, Burst, Machine};

/// Every finding in a burst, the strongest first; none in a burst of a few turns, whose bins part
/// no multiple of the shaft from the next.
#[must_use]
pub fn look(burst: &Burst<'_>, machine: &Machine) -> Vec<Finding> {
    if burst.shaft.hz < BINS_MIN * burst.spectrum.df_hz {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = [
        imbalance::look(burst),
        misalignment::look(burst, machine),
        looseness::look(burst),
        gear_mesh::look(burst, machine),
        belt::look(burst, machine),
        electrical::look(burst, machine),
        lubrication::look(burst, machine),
        cavitation::look(burst, machine),
        tool::look(burst, machine),
    ]
    .into_iter()
    .flatten()
    .collect();
    findings.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    findings
}

/// A fault that the burst shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The code of the cause, e.g. `imbalance`.
    pub cause: &'static str,
    /// The frequency that carries it; 0 where it is a band.
    pub hz: f64,
    /// Lines that were found, as multiples of `hz` with their height.
    pub lines: Vec<FoundLine>,
    /// How far above what the fault asks for; 1 just meets it.
    pub strength: f64,
    /// What was seen, and which test would settle it.
    pub why: String,
}

/// A line of a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundLine {
    /// Multiple of the finding's frequency; 0.5 for a half.
    pub order: f64,
    pub hz: f64,
    /// RMS velocity for the shaft's own lines; height over the floor for all others.
    pub height: f64,
}

/// RMS velocity from which a pattern of the shaft counts: the limit of zones B and C of ISO 10816-3
/// for group 2 on a rigid support, the strictest of its kind (unverified against the standard).
pub const VELOCITY_MIN_MM_S: f64 = 2.8;

/// Bins between two multiples of the shaft.
const BINS_MIN: f64 = 8.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth;
    use crate::synth::parts::Part;

    const RATE_HZ: f64 = 25_600.0;
    const SHAFT_HZ: f64 = 24.3;

    /// Two seconds of a quiet machine with parts laid over it.
    pub(super) fn found(parts: &[Part], machine: &Machine) -> Vec<Finding> {
        let mut samples = synth::Machine::healthy(SHAFT_HZ).burst(RATE_HZ, 51_200, 8);
        for (seed, part) in (1..).zip(parts) {
            part.add(&mut samples, RATE_HZ, seed);
        }
        look(&Burst::of(&samples, RATE_HZ, SHAFT_HZ).unwrap(), machine)
    }

    #[track_caller]
    fn check(parts: &[Part], machine: &Machine, cause: &str) -> Finding {
        let findings = found(parts, machine);
        assert_eq!(findings.iter().map(|it| it.cause).collect::<Vec<_>>(), [cause], "{findings:?}");
        findings.into_iter().next().unwrap()
    }

    fn all_known() -> Machine {
        Machine {
            gear_teeth: Some(23),
            vanes: Some(5),
            tool_teeth: Some(4),
            line_hz: Some(50.0),
            belt: Some(Belt { pulley_mm: 120.0, length_mm: 1100.0 }),
            ..Machine::default()
        }
    }

    #[test]
    fn a_quiet_machine_has_none_of_them_whatever_is_known_of_it() {
        assert_eq!(found(&[], &Machine::default()), []);
        assert_eq!(found(&[], &all_known()), []);
    }

    #[test]
    fn a_strong_line_at_the_shaft_is_imbalance() {
        let finding = check(&[Part::Tone { hz: SHAFT_HZ, peak_g: 0.2 }], &all_known(), "imbalance");
        assert!((finding.hz / SHAFT_HZ - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_strong_second_multiple_is_misalignment() {
        let parts = [
            Part::Tone { hz: SHAFT_HZ, peak_g: 0.05 },
            Part::Tone { hz: 2.0 * SHAFT_HZ, peak_g: 0.3 },
        ];
        check(&parts, &all_known(), "misalignment");
    }

    #[test]
    fn many_multiples_and_halves_are_looseness() {
        let comb = Part::Comb { hz: SHAFT_HZ, peak_g: 0.15, count: 9, fall: 1.0 };
        check(&[comb], &all_known(), "looseness");
        let halves = Part::Comb { hz: 0.5 * SHAFT_HZ, peak_g: 0.08, count: 16, fall: 1.0 };
        let finding = check(&[halves], &Machine::default(), "looseness");
        assert!(finding.lines.iter().any(|line| (line.order - 0.5).abs() < 1e-9), "{finding:?}");
    }

    #[test]
    fn a_swelling_mesh_is_a_gear_and_a_steady_one_is_none() {
        let mesh =
            |depth| Part::Modulated { hz: 23.0 * SHAFT_HZ, peak_g: 1.0, by_hz: SHAFT_HZ, depth };
        check(&[mesh(0.8)], &all_known(), "gear_mesh");
        assert_eq!(found(&[mesh(0.05)], &all_known()), []);
        assert_eq!(found(&[mesh(0.8)], &Machine::default()), []);
    }

    #[test]
    fn a_comb_of_the_belt_is_the_belt() {
        let belt_hz = std::f64::consts::PI * 120.0 * SHAFT_HZ / 1100.0;
        let parts = [Part::Comb { hz: belt_hz, peak_g: 0.15, count: 4, fall: 1.3 }];
        check(&parts, &all_known(), "belt");
        assert_eq!(found(&parts, &Machine::default()), []);
    }

    #[test]
    fn a_line_at_exactly_twice_the_mains_is_electrical() {
        check(&[Part::Tone { hz: 100.0, peak_g: 0.4 }], &all_known(), "electrical");
        assert_eq!(found(&[Part::Tone { hz: 97.2, peak_g: 0.4 }], &all_known()), []);
    }

    #[test]
    fn a_carpet_without_lines_is_a_want_of_grease_and_one_that_swells_with_the_vanes_cavitation() {
        let carpet = |by_hz, depth| Part::Carpet {
            low_hz: 1500.0,
            high_hz: 9000.0,
            rms_g: 2.0,
            by_hz,
            depth,
        };
        check(&[carpet(0.0, 0.0)], &Machine::default(), "lubrication");
        let pump = Machine { vanes: Some(5), ..Machine::default() };
        check(&[carpet(5.0 * SHAFT_HZ, 0.6)], &pump, "cavitation");
        let known = Machine { healthy_hf_g: Some(1.5), ..Machine::default() };
        assert_eq!(found(&[carpet(0.0, 0.0)], &known), [], "no more than it always had");
    }

    #[test]
    fn a_tool_whose_teeth_cut_unequally_is_named() {
        let cut =
            |depth| Part::Modulated { hz: 4.0 * SHAFT_HZ, peak_g: 0.8, by_hz: SHAFT_HZ, depth };
        check(&[cut(0.9)], &Machine { tool_teeth: Some(4), ..Machine::default() }, "tool");
        let even = found(&[cut(0.05)], &Machine { tool_teeth: Some(4), ..Machine::default() });
        assert_eq!(even, []);
    }
}
