//! How well tickets foretold failures: precision, recall, lead time.
//!
//! A ticket counts if the component that it names fails within the time that the site file gives, 72
//! hours without one; a failure is caught if such a ticket came before it. Deliberately absent: any
//! knowledge of how a ticket came about.

use std::collections::BTreeMap;

use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::time::{Span, Time};
use serde::Serialize;

/// A machine broke down.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct Failure {
    pub(super) device: DeviceId,
    /// `None` where nobody says which part it was: a ticket for any part counts then.
    pub(super) component: Option<ComponentId>,
    pub(super) at: Time,
}

/// A ticket, as far as the score looks at it.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) device: DeviceId,
    pub(super) component: ComponentId,
    pub(super) at: Time,
}

/// What the score must know besides tickets and failures.
pub(super) struct Surroundings<'a> {
    /// A ticket counts for so long.
    pub(super) within: Span,
    /// Stretches in which a device was watched.
    pub(super) watched: &'a BTreeMap<DeviceId, Vec<(Time, Time)>>,
    /// When a part was repaired.
    pub(super) repairs: &'a [(DeviceId, ComponentId, Time)],
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Score {
    /// For each ticket the failure that it foretold, by place.
    #[serde(skip)]
    pub(super) foretold: Vec<Option<usize>>,
    /// For each failure its longest lead in hours.
    #[serde(skip)]
    pub(super) lead_h: Vec<Option<f64>>,
    pub(super) matched: usize,
    /// Failures of devices that were watched in the time before.
    pub(super) failures: usize,
    pub(super) failures_unwatched: usize,
    pub(super) precision: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) lead_h_median: Option<f64>,
    pub(super) lead_h_p10: Option<f64>,
    /// Of the tickets before a failure of their device, the share that names the part.
    pub(super) component_right: Option<f64>,
    /// Stretches without a failure in them or soon after, and those of them with a ticket.
    pub(super) quiet_stretches: usize,
    pub(super) quiet_stretches_with_ticket: usize,
    /// Tickets within a day after a repair of the same part.
    pub(super) after_repair: usize,
}

/// Scores tickets against failures.
pub(super) fn score(claims: &[Claim], failures: &[Failure], around: &Surroundings<'_>) -> Score {
    let within = around.within;
    let mut score = Score { lead_h: vec![None; failures.len()], ..Score::default() };
    let mut before_any = 0;
    for claim in claims {
        let is_soon = |it: &&(usize, &Failure)| {
            it.1.device == claim.device && claim.at <= it.1.at && it.1.at <= claim.at + within
        };
        let names = |it: &&(usize, &Failure)| {
            it.1.component.as_ref().is_none_or(|part| *part == claim.component)
        };
        let soon: Vec<(usize, &Failure)> =
            failures.iter().enumerate().filter(|it| is_soon(&it)).collect();
        before_any += usize::from(!soon.is_empty());
        let first = soon.iter().filter(names).min_by_key(|it| it.1.at).map(|it| it.0);
        score.foretold.push(first);
        if let Some(place) = first {
            let lead_h = (failures[place].at - claim.at).secs_f64() / 3_600.0;
            let known = &mut score.lead_h[place];
            *known = Some(known.map_or(lead_h, |it| it.max(lead_h)));
        }
    }
    score.matched = score.foretold.iter().flatten().count();
    let caught = score.lead_h.iter().flatten().count();
    let unseen = |(failure, lead): &(&Failure, &Option<f64>)| {
        lead.is_none() && !was_watched(failure, around)
    };
    score.failures_unwatched = failures.iter().zip(&score.lead_h).filter(unseen).count();
    score.failures = failures.len() - score.failures_unwatched;
    score.precision = share(score.matched, claims.len());
    score.recall = share(caught, score.failures);
    score.component_right = share(score.matched, before_any);
    let mut leads: Vec<f64> = score.lead_h.iter().flatten().copied().collect();
    leads.sort_by(f64::total_cmp);
    score.lead_h_median = quantile(&leads, 0.5);
    score.lead_h_p10 = quantile(&leads, 0.1);
    (score.quiet_stretches, score.quiet_stretches_with_ticket) = quiet(claims, failures, around);
    score.after_repair = claims.iter().filter(|it| is_after_repair(it, around)).count();
    score
}

/// Linear between neighbours; `None` of nothing.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * count(last);
    let below = (0..=last).rev().find(|it| count(*it) <= place)?;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (place - count(below)))
}

fn was_watched(failure: &Failure, around: &Surroundings<'_>) -> bool {
    let stretches = around.watched.get(&failure.device).map_or(&[][..], |it| it);
    stretches.iter().any(|(from, to)| *from <= failure.at && failure.at - around.within <= *to)
}

fn quiet(claims: &[Claim], failures: &[Failure], around: &Surroundings<'_>) -> (usize, usize) {
    let (mut quiet, mut with_ticket) = (0, 0);
    for (device, stretches) in around.watched {
        for (from, to) in stretches {
            let is_in = |t: Time, to: Time| *from <= t && t <= to;
            let fails = |it: &Failure| it.device == *device && is_in(it.at, *to + around.within);
            if failures.iter().any(fails) {
                continue;
            }
            quiet += 1;
            let opens = |it: &Claim| it.device == *device && is_in(it.at, *to);
            with_ticket += usize::from(claims.iter().any(opens));
        }
    }
    (quiet, with_ticket)
}

fn is_after_repair(claim: &Claim, around: &Surroundings<'_>) -> bool {
    around.repairs.iter().any(|(device, component, at)| {
        *device == claim.device
            && *component == claim.component
            && *at < claim.at
            && claim.at <= *at + A_DAY
    })
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole != 0).then(|| count(part) / count(whole))
}

#[expect(clippy::cast_precision_loss, reason = "tickets and failures are far fewer than 2^52")]
fn count(len: usize) -> f64 {
    len as f64
}

const A_DAY: Span = Span::from_secs(24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64) -> Time {
        Time::from_micros(hour * 3_600_000_000)
    }

    fn id(text: &str) -> DeviceId {
        DeviceId::new(text).expect("slug")
    }

    fn part(text: &str) -> ComponentId {
        ComponentId::new(text).expect("slug")
    }

    fn claim(device: &str, component: &str, at: i64) -> Claim {
        Claim { device: id(device), component: part(component), at: hour(at) }
    }

    fn failure(device: &str, component: &str, at: i64) -> Failure {
        Failure { device: id(device), component: Some(part(component)), at: hour(at) }
    }

    fn scored(claims: &[Claim], failures: &[Failure]) -> Score {
        let watched = [("m1", vec![(0, 120), (500, 600)]), ("m2", vec![(0, 120)])];
        let stretch = |(from, to): &(i64, i64)| (hour(*from), hour(*to));
        let watched = watched.map(|(device, it)| (id(device), it.iter().map(stretch).collect()));
        let repairs = [(id("m1"), part("pump"), hour(100))];
        let around = Surroundings {
            within: Span::from_secs(72 * 3_600),
            watched: &watched.into(),
            repairs: &repairs,
        };
        score(claims, failures, &around)
    }

    #[test]
    fn a_ticket_counts_if_its_own_part_fails_within_three_days() {
        let failures = [failure("m1", "pump", 100), failure("m2", "motor", 100)];
        let claims = [
            claim("m1", "pump", 64),
            claim("m1", "pump", 90),
            claim("m1", "motor", 99),
            claim("m2", "motor", 27),
            claim("m2", "motor", 101),
        ];
        let score = scored(&claims, &failures);
        assert_eq!(score.foretold, [Some(0), Some(0), None, None, None]);
        assert_eq!((score.matched, score.precision), (2, Some(0.4)));
        assert_eq!((score.failures, score.recall), (2, Some(0.5)));
        assert_eq!(score.lead_h, [Some(36.0), None], "the first ticket gives the lead");
        assert_eq!(score.component_right, Some(2.0 / 3.0), "one named another part");
    }

    #[test]
    fn failures_that_nobody_could_see_are_counted_apart() {
        let failures = [failure("m1", "pump", 300), failure("m1", "pump", 610)];
        let score = scored(&[claim("m1", "pump", 600)], &failures);
        assert_eq!((score.failures, score.failures_unwatched), (1, 1));
        assert_eq!((score.recall, score.lead_h_median), (Some(1.0), Some(10.0)));
    }

    #[test]
    fn stretches_without_a_failure_and_tickets_after_a_repair_are_counted() {
        let claims =
            [claim("m1", "pump", 110), claim("m1", "motor", 110), claim("m1", "pump", 550)];
        let score = scored(&claims, &[failure("m2", "motor", 130)]);
        assert_eq!((score.quiet_stretches, score.quiet_stretches_with_ticket), (2, 2));
        assert_eq!(score.after_repair, 1, "another part, and a week later, are no relapse");
        assert_eq!((score.precision, score.recall), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn without_tickets_there_is_no_precision_and_without_failures_no_recall() {
        let score = scored(&[], &[]);
        assert_eq!((score.precision, score.recall, score.lead_h_median), (None, None, None));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[0.0, 10.0], 0.1), Some(1.0));
    }
}
