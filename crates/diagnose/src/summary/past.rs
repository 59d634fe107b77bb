//! What was before, as facts.

use forewarn_domain::evidence::SimilarCase;
use forewarn_domain::family::TicketKind;
use forewarn_domain::id::DeviceId;
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;

use super::Sourced;
use crate::case::Case;
use crate::figures::days;
use crate::history::{Past, Tried};
use crate::naming::{mid_sentence, whole};
use crate::ranking::{CLOSES_ENOUGH, Ranking};

/// A fact about earlier repairs.
pub(super) enum Told<'a> {
    /// What the probabilities rest on; `needed` closes are enough to learn from.
    Basis { own: u32, sisters: u32, needed: u32 },
    /// The last lubrication, against the plan.
    Lubricated { at: Time, days: i64, planned: u32, is_overdue: bool },
    /// There is nothing on record of this part, or of its sensors.
    NothingOnRecord { is_sensor: bool },
    /// A repair of this part. `held_days` is there for the newest that helped.
    Own { record: &'a RepairRecord, held_days: Option<i64> },
    /// Several repairs within a year.
    Repeats { count: u32, is_sensor: bool },
    /// The last replacement of this part.
    Replaced { record: &'a RepairRecord, name: Localized, held_days: Option<i64> },
    /// A case that looked alike, here or elsewhere.
    Similar { device: Localized, case: &'a SimilarCase },
    /// A repair on a sister machine.
    Sister { device: Localized, record: &'a RepairRecord },
    /// What helped against the leading cause, and what did not.
    Tried { cause: Localized, tried: Vec<Tried> },
}

/// What was done and what came of it, whoever keeps it.
pub(super) struct Work<'a> {
    pub(super) activity: Activity,
    pub(super) part: Option<&'a str>,
    pub(super) text: &'a str,
    pub(super) outcome: Outcome,
    pub(super) hours: Option<f64>,
    pub(super) ticket: Option<&'a str>,
}

impl<'a> From<&'a RepairRecord> for Work<'a> {
    fn from(record: &'a RepairRecord) -> Self {
        let RepairRecord { activity, part, text, outcome, hours, ticket, .. } = record;
        let (activity, outcome, hours) = (*activity, *outcome, *hours);
        Self { activity, part: part.as_deref(), text, outcome, hours, ticket: ticket.as_deref() }
    }
}

impl<'a> From<&'a SimilarCase> for Work<'a> {
    fn from(case: &'a SimilarCase) -> Self {
        let SimilarCase { activity, part, text, outcome, hours, ticket, .. } = case;
        let (activity, outcome, hours) = (*activity, *outcome, *hours);
        Self { activity, part: part.as_deref(), text, outcome, hours, ticket: ticket.as_deref() }
    }
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
    let is_sensor = case.episode.key.family.kind() == TicketKind::Instrumentation;
    if let Some(record) = past.last_replaced {
        let name = whole(&case.component().name);
        let name = if is_sensor && record.part.is_none() { sensor_of(&name) } else { name };
        facts.push(Sourced::new(
            Told::Replaced { record, name, held_days: held(record) },
            &record.id,
        ));
    }
    if facts.is_empty() {
        facts.push(Sourced::new(Told::NothingOnRecord { is_sensor }, &case.episode.key.device));
    }
    if 2 <= past.repeats {
        let fact = Told::Repeats { count: past.repeats, is_sensor };
        facts.push(Sourced::new(fact, &case.episode.key.device));
    }
    if !is_sensor {
        facts.extend(lubricated(case, past));
    }
    let similar = similar(case, past);
    let is_similar = |id| similar.iter().any(|it| it.id == id);
    let sisters = past.sisters.iter().filter(|it| !is_similar(it.record.id));
    for similar in &similar {
        let device = name_of(case, &similar.device);
        facts.push(Sourced::new(Told::Similar { device, case: similar }, &similar.id));
    }
    let own = &case.device.device.id;
    let elsewhere = similar.iter().filter(|it| it.device != *own).count();
    for sister in sisters.take(SISTERS_MAX.saturating_sub(elsewhere)) {
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
        needed: CLOSES_ENOUGH,
    };
    facts.push(Sourced::new(basis, &"failure-modes"));
    facts
}

/// Similar cases that are not told already.
fn similar<'a>(case: &Case<'a>, past: &Past<'a>) -> Vec<&'a SimilarCase> {
    let told = past.told.iter().map(|it| it.id).chain(past.last_replaced.map(|it| it.id));
    let told: Vec<RepairId> = told.collect();
    case.similar.iter().filter(|it| !told.contains(&it.id)).take(SIMILAR_MAX).collect()
}

fn name_of(case: &Case<'_>, device: &DeviceId) -> Localized {
    let known = case.siblings.iter().copied().chain([case.device]);
    let named = known.into_iter().find(|it| it.device.id == *device);
    named.map_or_else(|| Localized::same(device.as_str()), |it| whole(&it.device.name))
}

fn sensor_of(part: &Localized) -> Localized {
    let en = mid_sentence(&part.en);
    Localized::new(format!("sensor of the {en}"), format!("{}的传感器", part.zh))
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

/// Similar cases told in words.
const SIMILAR_MAX: usize = 3;

/// Sister machines told in words.
const SISTERS_MAX: usize = 2;
