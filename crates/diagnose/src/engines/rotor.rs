//! Rotors: vibration velocity, and work on the part shortly before the trouble began.

use forewarn_domain::quantity::Quantity;
use forewarn_domain::repair::Activity;
use forewarn_domain::text::Localized;
use forewarn_domain::time::Span;

use crate::case::Case;
use crate::change::{moved, stayed};
use crate::figures::days;
use crate::symptom::{Observation, Symptom};

pub(super) fn observe(case: &Case<'_>) -> Vec<Observation> {
    let mut observations = Vec::new();
    observations.extend(moved(case, &VELOCITY, true, Symptom::VelocityUp));
    observations.extend(stayed(case, &VELOCITY, Symptom::VelocityUnchanged));
    observations.extend(work_before(case));
    observations
}

fn work_before(case: &Case<'_>) -> Option<Observation> {
    let onset = case.episode.onset;
    let record = case
        .part_repairs()
        .filter(|it| !matches!(it.activity, Activity::Inspection | Activity::Service))
        .filter(|it| it.at <= onset && onset <= it.at + WORK_WINDOW)
        .max_by_key(|it| it.at)?;
    let before = days(onset - record.at);
    let seen = Localized::new(format!("{before} days before"), format!("异常前 {before} 天"));
    Some(Observation { symptom: Symptom::WorkBeforeOnset, seen, source: record.id.to_string() })
}

const VELOCITY: [Quantity; 3] =
    [Quantity::VelocityRms, Quantity::VelocityPeak, Quantity::Displacement];

/// Mistakes of mounting and alignment show within days of the work.
const WORK_WINDOW: Span = Span::from_secs(7 * 86_400);
