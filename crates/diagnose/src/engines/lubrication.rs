//! Lubrication: what the repair history says about grease and oil, against the plan.

use forewarn_domain::repair::{Activity, Outcome, RepairRecord};
use forewarn_domain::text::Localized;

use crate::case::Case;
use crate::figures::days;
use crate::symptom::{Observation, Symptom};

pub(super) fn observe(case: &Case<'_>) -> Vec<Observation> {
    let services: Vec<&RepairRecord> =
        case.part_repairs().filter(|it| it.activity == Activity::Service).collect();
    let mut observations = Vec::new();
    let newest = services.iter().max_by_key(|it| it.at);
    observations.extend(newest.and_then(|it| against_plan(case, it)));
    let failed: Vec<&RepairRecord> =
        services.iter().copied().filter(|it| it.outcome == Outcome::NoEffect).collect();
    // A service that helped against something else, a fouled cooler say, tells nothing about grease.
    let helped: Vec<&RepairRecord> = services
        .iter()
        .copied()
        .filter(|it| is_lubrication(it.cause.as_deref()))
        .filter(|it| matches!(it.outcome, Outcome::Solved | Outcome::Improved))
        .collect();
    let tried = failed.len() + helped.len();
    let told = |symptom, records: &[&RepairRecord]| {
        let (count, newest) = (records.len(), records.iter().max_by_key(|it| it.at)?);
        let seen =
            Localized::new(format!("{count} of {tried}"), format!("{tried} 次中 {count} 次"));
        Some(Observation { symptom, seen, source: newest.id.to_string() })
    };
    observations.extend(told(Symptom::GreasingFailed, &failed));
    observations.extend(told(Symptom::GreasingHelped, &helped));
    observations
}

fn is_lubrication(cause: Option<&str>) -> bool {
    cause.is_none_or(|code| matches!(code, "poor-lubrication" | "oil-low"))
}

fn against_plan(case: &Case<'_>, newest: &RepairRecord) -> Option<Observation> {
    let planned = i64::from(case.component().lubrication_days?);
    let passed = days(case.now - newest.at);
    let symptom = if planned < passed { Symptom::GreaseOverdue } else { Symptom::GreasedLately };
    let seen = Localized::new(
        format!("{passed} days ago, due every {planned}"),
        format!("距今 {passed} 天，周期 {planned} 天"),
    );
    Some(Observation { symptom, seen, source: newest.id.to_string() })
}
