//! Rules that cry wolf stop opening tickets by themselves.
//!
//! Each rule may be wrong so often within some days, as its `budget` says. One that overspends goes to
//! shadow: a new version of the rules with its reason, and a numbered input of the engine, so a replay
//! does the same at the same place. Its open tickets stay, what it finds from then on waits for review,
//! and a person may put it back; what was rejected before that no longer counts.
//!
//! Deliberately absent: rules that are right at least as often as wrong, however many they find.

use forewarn_detect::{Budget, Rule, RuleSet};
use forewarn_domain::episode::EpisodeId;
use forewarn_domain::family::TicketKind;
use forewarn_domain::id::RuleId;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::Verdict;
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{ConfigVersion, EpisodeRow, Origin, Standing};

use super::rulebook::parse;

/// A rule that was wrong too often.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Overspent {
    pub(super) rule: RuleId,
    pub(super) budget: Budget,
    /// The false alarms of the window, oldest first.
    pub(super) rejected: Vec<EpisodeId>,
    pub(super) confirmed: usize,
    /// When the first of them was found.
    pub(super) since: Time,
}

/// The first rule in force that has overspent its budget. `versions` are all that the rules have had,
/// oldest first.
pub(super) fn overspent(
    rules: &RuleSet,
    rows: &[EpisodeRow],
    versions: &[ConfigVersion],
    now: Time,
) -> Option<Overspent> {
    let live = rules.rules.iter().filter(|it| !it.is_shadow());
    live.into_iter().find_map(|rule| {
        let first = of_rule(rule, rows, now - LOOK_BACK)?;
        // Only now, since versions have to be read for it.
        let put_back = live_since(rule.id(), versions);
        if put_back <= first.since { Some(first) } else { of_rule(rule, rows, put_back) }
    })
}

impl Overspent {
    /// Why the rule goes to shadow.
    pub(super) fn why(&self) -> Localized {
        let (rule, count, confirmed) = (&self.rule, self.rejected.len(), self.confirmed);
        let (budget, days) = (self.budget.rejected, whole_days(self.budget.within));
        Localized::new(
            format!(
                "rule {rule} was wrong {count} times within {days} days (its budget is {budget}) and \
                 right {confirmed} times: it now runs in shadow, opens no tickets, and what it finds \
                 waits for review; take its `mode` out to put it back"
            ),
            format!(
                "规则 {rule} 在 {days} 天内误报 {count} 次（预算 {budget} 次），正确 {confirmed} 次：\
                 已自动转为影子运行，不再开工单，发现的异常进入复核；删去该规则的 mode 即可恢复"
            ),
        )
    }
}

/// The newest window of a rule that holds more false alarms than its budget, and more than real ones.
fn of_rule(rule: &Rule, rows: &[EpisodeRow], since: Time) -> Option<Overspent> {
    let budget = rule.budget();
    let said = |is_real: bool| {
        let mut found: Vec<(Time, EpisodeId)> = rows
            .iter()
            .filter(|row| row.origin == Origin::Live && since <= row.episode.confirmed)
            .filter(|row| opened_by(row).is_some_and(|it| it == rule.id()))
            .filter(|row| judgement(row) == Some(is_real))
            .map(|row| (row.episode.confirmed, row.episode.id))
            .collect();
        found.sort_unstable();
        found
    };
    let (wrong, right) = (said(false), said(true));
    let more_than = usize::try_from(budget.rejected).ok()?;
    let windows = wrong.windows(more_than + 1).rev();
    let (window, confirmed) = windows
        .filter_map(|window| {
            let (first, last) = (window.first()?.0, window.last()?.0);
            let reach = (last - budget.within).min(first);
            let confirmed = right.iter().filter(|(at, _)| reach <= *at && *at <= last).count();
            (last - first <= budget.within && confirmed < window.len())
                .then_some((window, confirmed))
        })
        .next()?;
    Some(Overspent {
        rule: rule.id().clone(),
        budget,
        rejected: window.iter().map(|(_, id)| *id).collect(),
        confirmed,
        since: window.first()?.0,
    })
}

fn opened_by(row: &EpisodeRow) -> Option<&RuleId> {
    row.episode.anomalies.first().map(|it| &it.rule.id)
}

/// Whether there was what the rule said; `None` while nobody has said so.
fn judgement(row: &EpisodeRow) -> Option<bool> {
    let is_instrument = row.episode.key.family.kind() == TicketKind::Instrumentation;
    let is_sensor_fault = row.label.is_none() && row.verdict == Some(Verdict::SensorFault);
    match row.standing() {
        Standing::Open => None,
        Standing::Confirmed => Some(true),
        // A rule about sensors was right about a broken one.
        Standing::Rejected if is_instrument && is_sensor_fault => Some(true),
        Standing::Rejected if row.is_merged() => None,
        Standing::Rejected => Some(false),
    }
}

/// When the rule last came into force after it had been in shadow.
fn live_since(rule: &RuleId, versions: &[ConfigVersion]) -> Time {
    let is_shadow = |version: &ConfigVersion| {
        let rules = parse(&version.config.toml, version.version);
        let known = rules.ok().and_then(|it| it.rules.into_iter().find(|it| it.id() == rule));
        known.is_some_and(|it| it.is_shadow())
    };
    let last = versions.iter().rposition(is_shadow);
    let next = last.and_then(|it| versions.get(it + 1));
    next.map_or(Time::default(), |it| it.at)
}

fn whole_days(span: Span) -> i64 {
    (span.micros() + DAY_US / 2) / DAY_US
}

const DAY_US: i64 = 86_400_000_000;

/// What lies further back says nothing about the rule as it is.
const LOOK_BACK: Span = Span::from_secs(28 * 86_400);

#[cfg(test)]
mod tests;
