//! Bearings: fault frequencies in the envelope spectrum, high-frequency vibration, impulses.

use forewarn_domain::anomaly::{BearingDefect, BearingLine};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::text::Localized;

use crate::case::Case;
use crate::change::{moved, stayed};
use crate::symptom::{Observation, Symptom};

pub(super) fn observe(case: &Case<'_>) -> Vec<Observation> {
    let mut observations: Vec<Observation> = case.lines().map(|(_, it)| line(it)).collect();
    if observations.is_empty() {
        observations.extend(no_line(case));
    }
    observations.extend(moved(case, &HF, true, Symptom::HfUp));
    observations.extend(stayed(case, &HF, Symptom::HfUnchanged));
    observations.extend(moved(case, &IMPULSES, true, Symptom::ImpulsesUp));
    observations.extend(stayed(case, &IMPULSES, Symptom::ImpulsesUnchanged));
    observations
}

fn line(line: &BearingLine) -> Observation {
    let symptom = match line.defect {
        BearingDefect::Cage => Symptom::LineCage,
        BearingDefect::InnerRace => Symptom::LineInnerRace,
        BearingDefect::OuterRace => Symptom::LineOuterRace,
        BearingDefect::RollingElement => Symptom::LineRollingElement,
    };
    let (hz, order, count) = (line.found_hz, line.order, line.harmonics.len());
    let plural = if count == 1 { "" } else { "s" };
    let seen = Localized::new(
        format!("{hz:.1} Hz, {order:.2} × shaft speed, {count} harmonic{plural}"),
        format!("{hz:.1} Hz，转频 {order:.2} 倍，谐波 {count} 个"),
    );
    Observation { symptom, seen, source: line.waveform.to_string() }
}

/// Only a spectrum in which the fault frequencies were looked for can speak against damage.
fn no_line(case: &Case<'_>) -> Option<Observation> {
    let spectrum = case.spectrum?;
    let is_clean = !spectrum.cursors.is_empty() && spectrum.cursors.iter().all(|it| !it.matched);
    is_clean.then(|| Observation {
        symptom: Symptom::NoBearingLine,
        seen: Localized::default(),
        source: spectrum.waveform.to_string(),
    })
}

const HF: [Quantity; 1] = [Quantity::AccelerationRmsHf];
const IMPULSES: [Quantity; 2] = [Quantity::AccelerationCrest, Quantity::AccelerationKurtosis];
