//! What to do, where it leads if nothing is done, and how good the data is, as facts.

use forewarn_domain::evidence::QualityReport;
use forewarn_domain::family::TicketKind;
use forewarn_domain::repair::{Activity, Outcome, RepairRecord};
use forewarn_domain::text::Localized;

use super::Sourced;
use crate::case::{Case, Outlook};
use crate::library::{Blanks, FailureMode, Library};
use crate::naming::whole;
use crate::ranking::{ChosenTest, Ranking};

/// A thing to do.
pub(super) enum Action {
    /// The test that separates the first two causes.
    Decide(ChosenTest),
    /// What to do in any case.
    Do(Localized),
    /// What to do if the first cause is confirmed.
    IfConfirmed(Localized),
    /// What comes after that.
    Then(Localized),
    /// What the work needs.
    Work { parts: Vec<Localized>, hours: Option<Hours> },
}

/// How long the work takes, and where that is known from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hours {
    pub(super) hours: f64,
    /// Own repairs behind it; none means general experience.
    pub(super) repairs: usize,
}

/// A fact about the data.
pub(super) enum Foot {
    /// No readings were counted.
    NoQuality,
    /// How good the readings were.
    Quality(QualityReport),
    /// Which rules, each with its version.
    Rules(Vec<(String, u32)>),
    /// Where the shaft speed came from.
    Speed(Option<Localized>),
}

pub(super) fn outlook<'a>(case: &Case<'a>) -> Vec<Sourced<&'a Outlook>> {
    case.outlook.map(|it| Sourced::new(it, &it.channel)).into_iter().collect()
}

pub(super) fn actions(
    case: &Case<'_>,
    library: &Library,
    ranking: &Ranking,
    blanks: &Blanks,
) -> Vec<Sourced<Action>> {
    let Some(mode) = library.mode(ranking.leading_code()) else { return Vec::new() };
    let source = &mode.code;
    let mut actions: Vec<Sourced<Action>> = Vec::new();
    actions
        .extend(ranking.deciding.iter().map(|it| Sourced::new(Action::Decide(it.clone()), source)));
    let meanwhile = mode.meanwhile.iter().filter_map(|it| blanks.fill(it));
    actions.extend(meanwhile.map(|it| Sourced::new(Action::Do(it), source)));
    let is_machine = case.episode.key.family.kind() == TicketKind::Machine;
    let needs_proof = is_machine && ranking.deciding.is_some();
    for (place, text) in mode.actions.iter().filter_map(|it| blanks.fill(it)).enumerate() {
        let action = match (needs_proof, place) {
            (true, 0) => Action::IfConfirmed(text),
            (true, _) => Action::Then(text),
            (false, _) => Action::Do(text),
        };
        actions.push(Sourced::new(action, source));
    }
    let hours = hours(case, mode);
    let parts = parts(case, mode, blanks);
    if hours.is_some() || !parts.is_empty() {
        actions.push(Sourced::new(Action::Work { parts, hours }, source));
    }
    actions
}

pub(super) fn footer(case: &Case<'_>) -> Vec<Sourced<Foot>> {
    let mut facts: Vec<Sourced<Foot>> = Vec::new();
    let quality = case.quality;
    let is_known = 0 < quality.good + quality.uncertain + quality.bad;
    let fact = if is_known { Foot::Quality(quality) } else { Foot::NoQuality };
    facts.push(Sourced::new(fact, &case.episode.key.device));
    if case.lines().next().is_some() {
        let channel = case.device.speed.as_ref().and_then(|it| case.device.channels.get(it));
        let name = channel.map(|it| whole(&it.name));
        let source = case.device.speed.as_ref().map_or("speed_source", |it| it.as_str());
        facts.push(Sourced::new(Foot::Speed(name), &source));
    }
    let mut told: Vec<(String, u32)> = Vec::new();
    for rule in case.episode.anomalies.iter().map(|it| &it.rule) {
        let rule = (rule.id.to_string(), rule.version);
        if !told.contains(&rule) {
            told.push(rule);
        }
    }
    if let Some((id, version)) = told.first() {
        let source = format!("rule {id} v{version}");
        facts.push(Sourced { fact: Foot::Rules(told), source });
    }
    facts
}

/// The median of repairs of this kind of part for this cause, here and on sister machines.
fn hours(case: &Case<'_>, mode: &FailureMode) -> Option<Hours> {
    let is_same = |it: &&RepairRecord| {
        it.cause.as_ref() == Some(&mode.code)
            && matches!(it.outcome, Outcome::Solved | Outcome::Improved)
    };
    let sisters = case.sibling_repairs().map(|(_, record)| record);
    let mut known: Vec<f64> = case
        .part_repairs()
        .chain(sisters)
        .filter(is_same)
        .filter_map(|it| it.hours)
        .filter(|it| it.is_finite())
        .collect();
    known.sort_by(f64::total_cmp);
    let half = known.len() / 2;
    match known.as_slice() {
        [] => mode.hours.map(|hours| Hours { hours, repairs: 0 }),
        all if all.len() % 2 == 1 => Some(Hours { hours: all[half], repairs: all.len() }),
        all => Some(Hours { hours: f64::midpoint(all[half - 1], all[half]), repairs: all.len() }),
    }
}

/// Where this cause was mostly cured by a new part, the part that was fitted last is the one that fits;
/// else what the library knows. A valve that was replaced once is nothing to bring for a cooler that
/// is cleaned as a rule.
fn parts(case: &Case<'_>, mode: &FailureMode, blanks: &Blanks) -> Vec<Localized> {
    let sisters = case.sibling_repairs().map(|(_, record)| record);
    let cured = case.part_repairs().chain(sisters).filter(|it| {
        it.cause.as_ref() == Some(&mode.code)
            && matches!(it.outcome, Outcome::Solved | Outcome::Improved)
    });
    let (new, other): (Vec<_>, Vec<_>) = cured.partition(|it| it.activity == Activity::Replace);
    let own = new.iter().filter(|it| it.device == case.device.device.id);
    let fitted = own
        .max_by_key(|it| it.at)
        .filter(|_| other.len() < new.len())
        .and_then(|it| it.part.as_deref());
    match fitted {
        Some(part) => vec![Localized::same(part)],
        None => mode.parts.iter().filter_map(|it| blanks.fill(it)).collect(),
    }
}
