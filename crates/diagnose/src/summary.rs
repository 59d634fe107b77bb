//! The root-cause summary: one set of facts, written in two languages.
//!
//! What is said is decided here, once, as facts with their sources; [`en`] and [`zh`] only put a
//! fact into words, so neither language can say more than the other. A fact that is not known is
//! left out or called unknown, never guessed.

mod en;
mod zh;
mod seen;
mod past;
mod todo;

use forewarn_domain::family::{Severity, TicketKind};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{Sentence, Summary};
use forewarn_domain::time::Span;

use crate::case::Case;
use crate::figures::Clock;
use crate::history::Past;
use crate::library::{Blanks, Library, OTHER};
use crate::naming::sentence_case;
use crate::ranking::Ranking;

/// Writes the summary of a case.
#[must_use]
pub fn write(case: &Case<'_>, library: &Library, ranking: &Ranking, past: &Past<'_>) -> Summary {
    let clock = Clock::new(case.utc_offset_minutes, case.now);
    let blanks = Blanks::of(case);
    Summary {
        headline: headline(library, ranking, &blanks),
        urgency: both(&urgency(case), en::urgency, zh::urgency),
        observations: said(seen::observations(case), |it| {
            both(it, |it| en::seen(it, &clock), |it| zh::seen(it, &clock))
        }),
        unchanged: said(seen::unchanged(case), |it| {
            both(it, |it| en::seen(it, &clock), |it| zh::seen(it, &clock))
        }),
        history: said(past::facts(case, ranking, past), |it| {
            both(it, |it| en::past(it, &clock), |it| zh::past(it, &clock))
        }),
        consequence: said(todo::outlook(case), |it| both(it, en::outlook, zh::outlook)).pop(),
        actions: said(todo::actions(case, library, ranking, &blanks), |it| {
            both(it, en::action, zh::action)
        }),
        footer: said(todo::footer(case), |it| both(it, en::footer, zh::footer)),
    }
}

/// A fact with the place where it can be checked.
pub(super) struct Sourced<F> {
    pub(super) fact: F,
    pub(super) source: String,
}

impl<F> Sourced<F> {
    pub(super) fn new(fact: F, source: &dyn ToString) -> Self {
        Self { fact, source: source.to_string() }
    }
}

fn said<F>(facts: Vec<Sourced<F>>, say: impl Fn(&F) -> Localized) -> Vec<Sentence> {
    let sentence = |it: Sourced<F>| {
        let Localized { en, zh } = say(&it.fact);
        Sentence { text: Localized { en: sentence_case(&en), zh }, source: it.source }
    };
    facts.into_iter().map(sentence).collect()
}

fn both<F>(fact: &F, en: impl FnOnce(&F) -> String, zh: impl FnOnce(&F) -> String) -> Localized {
    Localized::new(en(fact), zh(fact))
}

/// What and how sure. Below [`SURE_ENOUGH`] the first line says that it is not clear yet, and
/// names the two likeliest causes.
fn headline(library: &Library, ranking: &Ranking, blanks: &Blanks) -> Localized {
    let Some(first) = ranking.causes.first() else { return Localized::default() };
    let claim = library.mode(&first.code).and_then(|mode| blanks.fill(&mode.headline));
    let claim = claim.unwrap_or_else(|| first.name.clone());
    let rival = ranking.causes.iter().skip(1).find(|it| it.code != OTHER);
    match rival {
        Some(rival) if first.p < SURE_ENOUGH => Localized::new(
            en::unclear(&claim.en, first.p, &rival.name.en, rival.p),
            zh::unclear(&claim.zh, first.p, &rival.name.zh, rival.p),
        ),
        _ => Localized::new(
            format!("{} ({}).", claim.en, percent(first.p)),
            format!("{}（{}）。", claim.zh, percent(first.p)),
        ),
    }
}

/// How urgent, from what is known: who must act is decided by the ticket policy.
pub(super) enum Urgency {
    /// The sensor is suspected; until it works nobody watches the machine here.
    Blind { is_grave: bool },
    /// The machine is suspected.
    Machine { severity: Severity, within: Option<Span> },
    /// The process is suspected.
    Process { severity: Severity },
}

fn urgency(case: &Case<'_>) -> Urgency {
    let severity = case.severity();
    match case.episode.key.family.kind() {
        TicketKind::Instrumentation => Urgency::Blind { is_grave: severity == Severity::Alarm },
        TicketKind::Machine => {
            Urgency::Machine { severity, within: case.outlook.map(|it| it.earliest) }
        }
        TicketKind::Process => Urgency::Process { severity },
    }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// What may come sooner is not said to be "not urgent today".
const TODAY: Span = Span::from_secs(86_400);

/// From here on a first line may name one cause; below it two are named.
const SURE_ENOUGH: f64 = 0.5;

#[cfg(test)]
mod tests;
