//! What was before, as facts.

use forewarn_domain::repair::{Activity, RepairRecord};
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;

use super::Sourced;
use crate::case::Case;
use crate::figures::days;
use crate::history::{Past, Tried};
use crate::naming::whole;
use crate::ranking::Ranking;

/// A fact about earlier repairs.
pub(super) enum Told<'a> {
    /// What the probabilities rest on.
    Basis { own: u32, sisters: u32, is_enough: bool },
    /// The last lubrication, against the plan.
    Lubricated { at: Time, days: i64, planned: u32, is_overdue: bool },
    /// There is nothing on record.
    NothingOnRecord,
    /// A repair of this part. `held_days` is there for the newest that helped.
    Own { record: &'a RepairRecord, held_days: Option<i64> },
    /// Several repairs within a year.
    Repeats(u32),
    /// The last replacement of this part.
    Replaced { record: &'a RepairRecord, name: Localized, held_days: Option<i64> },
    /// A repair on a sister machine.
    Sister { device: Localized, record: &'a RepairRecord },
    /// What helped against the leading cause, and what did not.
    Tried { cause: Localized, tried: Vec<Tried> },
}

pub(super) fn facts<'a>(
    case: &Case<'a>,
    ranking: &Ranking,
    past: &Past<'a>,
) -> Vec<Sourced<Told<'a>>> {
    let mut facts: Vec<Sourced<Told<'a>>> = Vec::new();
    let held = |record: &RepairRecord| {
        let is_last = past.last_helped.is_some_and(|it| it.id == record.id);
        is_last.then(|| days(case.episode.onset - record.at))
    };
    for record in past.told.iter().copied() {
        facts.push(Sourced::new(Told::Own { record, held_days: held(record) }, &record.id));
    }
    if let Some(record) = past.last_replaced {
        let name = whole(&case.component().name);
        facts.push(Sourced::new(
            Told::Replaced { record, name, held_days: held(record) },
            &record.id,
        ));
    }
    if facts.is_empty() {
        facts.push(Sourced::new(Told::NothingOnRecord, &case.episode.key.device));
    }
    if 2 <= past.repeats {
        facts.push(Sourced::new(Told::Repeats(past.repeats), &case.episode.key.device));
    }
    facts.extend(lubricated(case, past));
    for sister in past.sisters.iter().take(SISTERS_MAX) {
        let device = whole(&sister.device.device.name);
        let fact = Told::Sister { device, record: sister.record };
        facts.push(Sourced::new(fact, &sister.record.id));
    }
    if let Some(cause) = ranking.causes.first().filter(|_| !past.tried.is_empty()) {
        let fact = Told::Tried { cause: cause.name.clone(), tried: past.tried.clone() };
        facts.push(Sourced::new(fact, &cause.code));
    }
    let basis = Told::Basis {
        own: ranking.device_closes,
        sisters: ranking.sibling_closes,
        is_enough: ranking.is_history_enough(),
    };
    facts.push(Sourced::new(basis, &"failure-modes"));
    facts
}

/// Within the plan it is worth a line only if the service is not told anyway.
fn lubricated<'a>(case: &Case<'a>, past: &Past<'a>) -> Option<Sourced<Told<'a>>> {
    let planned = case.component().lubrication_days?;
    let newest =
        case.part_repairs().filter(|it| it.activity == Activity::Service).max_by_key(|it| it.at)?;
    let days = days(case.now - newest.at);
    let is_overdue = i64::from(planned) < days;
    let is_told = past.told.iter().any(|it| it.id == newest.id);
    let fact = Told::Lubricated { at: newest.at, days, planned, is_overdue };
    (is_overdue || !is_told).then(|| Sourced::new(fact, &newest.id))
}

/// Sister machines told in words.
const SISTERS_MAX: usize = 2;
