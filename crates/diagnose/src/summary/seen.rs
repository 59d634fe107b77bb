//! What is seen, and what did not change, as facts.

use forewarn_domain::anomaly::{Anomaly, BearingLine, Finding, Normal};
use forewarn_domain::episode::{Episode, Phase};
use forewarn_domain::family::TicketKind;
use forewarn_domain::id::StateId;
use forewarn_domain::quantity::{Quantity, Unit};
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};

use super::Sourced;
use crate::case::Case;
use crate::change::{Change, changes};
use crate::naming::{name_of, state_of};

/// A fact about signals. `since` is there where it is news: on the first fact, and where another
/// anomaly began at another time.
pub(super) enum Seen<'a> {
    /// A signal that moved together with the leading one.
    Also { name: Localized, value: f64, unit: Unit, normal: &'a Normal },
    /// The signal went back to normal and stays there.
    BackToNormal { since: Time },
    /// Lines at a bearing's fault frequency.
    BearingLine { since: Option<Time>, line: &'a BearingLine, state: Option<Localized> },
    /// The trouble went away and came back.
    CameBack(u32),
    /// Codes of the machine itself.
    Code { since: Option<Time>, code: &'a str, times: u32, window: Span },
    /// Beyond a limit again and again.
    Count(CountSeen),
    /// A stuck value.
    Flat { since: Option<Time>, name: Localized, value: f64, unit: Unit, lasted: Span },
    /// Out of the learned normal.
    Level(LevelSeen<'a>),
    /// Beyond a fixed limit.
    Limit { since: Option<Time>, name: Localized, value: f64, limit: f64, unit: Unit, above: bool },
    /// Silence.
    NoData { since: Option<Time>, name: Localized, lasted: Span, interval: Span },
    /// Signals of a machine whose sensor is suspected.
    MachineNormal(Vec<NormalSeen>),
    /// Signals that stayed normal.
    Normal(Vec<NormalSeen>),
    /// Nothing comes from the machine at all.
    NoContact { since: Option<Time>, lasted: Span },
    /// No other signal has a normal to compare with.
    NothingToCompare,
    /// Changing too fast.
    Rate(RateSeen),
    /// Unlike its sister machines.
    Siblings(SiblingsSeen<'a>),
    /// In a bad zone of the standard.
    Zone { since: Option<Time>, name: Localized, zone: char, value: f64, limit: f64 },
}

pub(super) struct LevelSeen<'a> {
    pub(super) since: Option<Time>,
    pub(super) name: Localized,
    pub(super) value: f64,
    pub(super) unit: Unit,
    pub(super) normal: &'a Normal,
    /// Since when the normal was learned, until the trouble began.
    pub(super) learned_over: Span,
    pub(super) state: Option<Localized>,
}

pub(super) struct SiblingsSeen<'a> {
    pub(super) since: Option<Time>,
    pub(super) name: Localized,
    pub(super) quantity: Quantity,
    pub(super) unit: Unit,
    pub(super) value: f64,
    /// Of the sister machines' values.
    pub(super) median: f64,
    pub(super) siblings: u32,
    pub(super) expected: &'a Normal,
    /// Since when the usual difference was learned, until the trouble began.
    pub(super) learned_over: Span,
    pub(super) state: Option<Localized>,
}

pub(super) struct CountSeen {
    pub(super) since: Option<Time>,
    pub(super) name: Localized,
    pub(super) unit: Unit,
    pub(super) limit: f64,
    pub(super) above: bool,
    pub(super) times: u32,
    pub(super) window: Span,
}

pub(super) struct RateSeen {
    pub(super) since: Option<Time>,
    pub(super) name: Localized,
    pub(super) quantity: Quantity,
    pub(super) unit: Unit,
    pub(super) rate: f64,
    pub(super) limit: f64,
    /// The value now, unless a later finding of the same signal tells it.
    pub(super) value: Option<f64>,
}

pub(super) struct NormalSeen {
    pub(super) name: Localized,
    pub(super) value: f64,
    pub(super) unit: Unit,
    pub(super) band: Option<[f64; 2]>,
}

pub(super) fn observations<'a>(case: &Case<'a>) -> Vec<Sourced<Seen<'a>>> {
    let mut facts: Vec<Sourced<Seen<'a>>> = Vec::new();
    let mut told_since: Option<Time> = None;
    for anomaly in &case.episode.anomalies {
        let is_news = told_since.is_none_or(|told| SAME_ONSET < apart(told, anomaly.onset));
        let since = is_news.then_some(anomaly.onset);
        told_since = since.or(told_since);
        facts.push(observed(case, anomaly, since));
    }
    let also = changes(case).into_iter().filter(|it| !it.is_leading);
    facts.extend(also.filter_map(|it| contributed(case, &it)).take(ALSO_MAX));
    let Episode { recurrences, phase, updated, .. } = *case.episode;
    if 0 < recurrences {
        facts.push(Sourced::new(Seen::CameBack(recurrences), &case.episode.id));
    }
    if phase == Phase::Cleared {
        facts.push(Sourced::new(Seen::BackToNormal { since: updated }, &case.episode.id));
    }
    facts
}

pub(super) fn unchanged<'a>(case: &Case<'a>) -> Vec<Sourced<Seen<'a>>> {
    let changed = changes(case);
    let normal: Vec<_> = case
        .normal_signals()
        .filter(|signal| !changed.iter().any(|it| *it.channel == signal.channel))
        .take(UNCHANGED_MAX)
        .collect();
    let Some(first) = normal.first() else {
        return vec![Sourced::new(Seen::NothingToCompare, &case.episode.key.device)];
    };
    let source = first.channel.to_string();
    let told = normal
        .iter()
        .map(|signal| NormalSeen {
            name: name_of(case, &signal.channel, signal.quantity),
            value: signal.value,
            unit: signal.unit,
            band: signal.normal.as_ref().map(|it| [it.low, it.high]),
        })
        .collect();
    let fact = match case.episode.key.family.kind() {
        TicketKind::Instrumentation => Seen::MachineNormal(told),
        TicketKind::Machine | TicketKind::Process => Seen::Normal(told),
    };
    vec![Sourced { fact, source }]
}

fn observed<'a>(case: &Case<'a>, anomaly: &'a Anomaly, since: Option<Time>) -> Sourced<Seen<'a>> {
    let (quantity, unit) = case.measured(anomaly).unwrap_or((Quantity::ControllerValue, Unit::One));
    let name = name_of(case, &anomaly.channel, quantity);
    let state = worth_naming(&anomaly.state).map(|it| state_of(case, it));
    let fact = match &anomaly.finding {
        Finding::BearingLine(line) => {
            let fact = Seen::BearingLine { since, line, state };
            return Sourced::new(fact, &line.waveform);
        }
        Finding::Code { code, times, window } => {
            Seen::Code { since: Some(anomaly.onset), code, times: *times, window: *window }
        }
        Finding::Count { limit, above, times, window, .. } => {
            let (limit, above, times, window) = (*limit, *above, *times, *window);
            Seen::Count(CountSeen { since, name, unit, limit, above, times, window })
        }
        Finding::Flat { value, lasted } => {
            Seen::Flat { since, name, value: *value, unit, lasted: *lasted }
        }
        Finding::Level { value, normal, .. } => {
            let learned_over = anomaly.onset - normal.since;
            let value = *value;
            Seen::Level(LevelSeen { since, name, value, unit, normal, learned_over, state })
        }
        Finding::Limit { value, limit, above } => {
            Seen::Limit { since, name, value: *value, limit: *limit, unit, above: *above }
        }
        Finding::NoData { lasted, interval: Span::ZERO } => {
            Seen::NoContact { since, lasted: *lasted }
        }
        Finding::NoData { lasted, interval } => {
            Seen::NoData { since, name, lasted: *lasted, interval: *interval }
        }
        Finding::Rate { per_minute: rate, limit, value } => {
            let is_told = case
                .episode
                .anomalies
                .iter()
                .any(|it| it.channel == anomaly.channel && anomaly.confirmed < it.confirmed);
            let (rate, limit, value) = (*rate, *limit, (!is_told).then_some(*value));
            Seen::Rate(RateSeen { since, name, quantity, unit, rate, limit, value })
        }
        Finding::Siblings { value, median, siblings, expected, .. } => {
            let learned_over = anomaly.onset - expected.since;
            let (value, median, siblings) = (*value, *median, *siblings);
            Seen::Siblings(SiblingsSeen {
                since,
                name,
                quantity,
                unit,
                value,
                median,
                siblings,
                expected,
                learned_over,
                state,
            })
        }
        Finding::Zone { zone, value, limit } => {
            Seen::Zone { since, name, zone: *zone, value: *value, limit: *limit }
        }
    };
    Sourced::new(fact, &anomaly.channel)
}

fn contributed<'a>(case: &Case<'a>, change: &Change<'a>) -> Option<Sourced<Seen<'a>>> {
    let normal = change.normal?;
    let name = name_of(case, change.channel, change.quantity);
    let (value, unit) = (change.value, change.unit);
    Some(Sourced::new(Seen::Also { name, value, unit, normal }, change.channel))
}

/// A machine with one state has nothing to tell about it.
fn worth_naming(state: &StateId) -> Option<&StateId> {
    (!matches!(state.as_str(), "all" | "unknown")).then_some(state)
}

fn apart(one: Time, other: Time) -> Span {
    if one < other { other - one } else { one - other }
}

/// Anomalies that began within this time of each other began together, as people speak.
const SAME_ONSET: Span = Span::from_secs(600);

/// Contributing signals told in words; the rest stand in the table of signals.
const ALSO_MAX: usize = 3;

/// Unchanged signals told in words.
const UNCHANGED_MAX: usize = 4;
