//! When a channel speaks: at once, later, or once for many.
//!
//! A pure function of what waits, what was sent and the time, so it is the same after a restart. Rely
//! on this: nothing is dropped here. What is held back is sent later, and a digest lists all of it.
//!
//! The order of the questions: quiet hours, a moment to gather, the pause after a storm, the cap.

use chrono_tz::Tz;
use forewarn_domain::family::Priority;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use serde::Deserialize;

use crate::window::Window;

/// How a channel speaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// A message waits this long for company, so that the first of a storm does not go alone.
    pub gather: Span,
    /// More than this many at once become one digest.
    pub coalesce_above: usize,
    /// A digest of more than this many is a storm.
    pub storm_above: usize,
    /// After a storm's digest nothing is sent for this long.
    pub storm_pause: Span,
    /// Most messages in a while.
    pub cap: Option<Cap>,
    /// Hours in which only urgent messages are sent.
    pub quiet: Option<Quiet>,
    /// Where the hours are read.
    pub zone: Tz,
}

/// Most messages in a while; `P1` is exempt.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// How many.
    pub messages: usize,
    /// In how long.
    pub per: Span,
}

/// Hours in which only urgent messages are sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The hours.
    pub hours: Window,
    /// As urgent as this, or more, is sent all the same.
    #[serde(default = "p1")]
    pub except: Priority,
}

/// A message that could be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// Its number in the outbox.
    pub id: i64,
    /// Since when it waits.
    pub since: Time,
    /// How urgent; `None` is not urgent.
    pub priority: Option<Priority>,
}

/// Something that was sent: one message, or a digest of many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent {
    /// When.
    pub at: Time,
    /// How many messages were in it.
    pub count: usize,
}

/// What a channel does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// There is nothing to say.
    Idle,
    /// Sends these: one as it is, several as a digest.
    Send(Vec<i64>),
    /// Says nothing before this time.
    Wait {
        /// Until when.
        until: Time,
        /// Why.
        why: Why,
    },
}

/// Why a channel says nothing although something waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The cap is reached.
    Capped,
    /// More may come in a moment.
    Gathering,
    /// It is night.
    Quiet,
    /// A storm was told a moment ago.
    Storm,
}

impl Why {
    /// The reason in words, for the health page.
    #[must_use]
    pub fn text(self) -> Localized {
        match self {
            Self::Capped => Localized::new(
                "as many messages as allowed were sent; the rest waits for a digest",
                "已达发送上限，其余消息将汇总发送",
            ),
            Self::Gathering => Localized::new("waiting a moment for more", "稍候以合并消息"),
            Self::Quiet => Localized::new("quiet hours", "免打扰时段"),
            Self::Storm => Localized::new(
                "a digest of many tickets was just sent; the next one follows",
                "刚发送过大量工单汇总，稍后继续",
            ),
        }
    }
}

impl Pace {
    /// How systems are told: everything at once, one by one.
    #[must_use]
    pub fn for_systems() -> Self {
        Self {
            gather: Span::ZERO,
            coalesce_above: usize::MAX,
            storm_above: usize::MAX,
            storm_pause: Span::ZERO,
            cap: None,
            quiet: None,
            zone: Tz::UTC,
        }
    }

    /// How people are told unless they want it otherwise: at most six messages an hour, and one in ten
    /// minutes while many machines fail. The numbers follow ISA-18.2: a flood begins at more than ten
    /// in ten minutes.
    #[must_use]
    pub fn for_people(zone: Tz) -> Self {
        Self {
            gather: Span::from_secs(5),
            coalesce_above: 3,
            storm_above: 10,
            storm_pause: Span::from_secs(600),
            cap: Some(Cap { messages: 6, per: Span::from_secs(3_600) }),
            quiet: None,
            zone,
        }
    }

    /// What to do now with what is due, oldest first, given what was sent within [`Pace::memory`].
    #[must_use]
    pub fn next(&self, due: &[Due], sent: &[Sent], now: Time) -> Step {
        let (due, quiet_until) = self.awake(due, now);
        let Some(since) = due.iter().map(|it| it.since).min() else {
            return quiet_until.map_or(Step::Idle, |until| Step::Wait { until, why: Why::Quiet });
        };
        if now < since + self.gather {
            return Step::Wait { until: since + self.gather, why: Why::Gathering };
        }
        let storms = sent.iter().filter(|it| self.storm_above < it.count).map(|it| it.at);
        if let Some(storm) = storms.max()
            && now < storm + self.storm_pause
        {
            return Step::Wait { until: storm + self.storm_pause, why: Why::Storm };
        }
        self.within_cap(due, sent, now)
    }

    /// How long what was sent matters.
    #[must_use]
    pub fn memory(&self) -> Span {
        self.cap.map_or(Span::ZERO, |it| it.per).max(self.storm_pause)
    }

    /// What may be said at this hour, and until when the rest may not.
    fn awake(&self, due: &[Due], now: Time) -> (Vec<Due>, Option<Time>) {
        let Some((quiet, end)) =
            self.quiet.and_then(|it| it.hours.end(now, self.zone).map(|end| (it, end)))
        else {
            return (due.to_vec(), None);
        };
        let is_urgent = |it: &&Due| it.priority.is_some_and(|it| it <= quiet.except);
        let urgent: Vec<Due> = due.iter().filter(is_urgent).copied().collect();
        let is_all = urgent.len() == due.len();
        (urgent, (!is_all).then_some(end))
    }

    fn within_cap(&self, mut due: Vec<Due>, sent: &[Sent], now: Time) -> Step {
        let mut left = usize::MAX;
        if let Some(cap) = self.cap {
            let recent: Vec<Time> =
                sent.iter().map(|it| it.at).filter(|at| now < *at + cap.per).collect();
            left = cap.messages.saturating_sub(recent.len());
            if left == 0 {
                due.retain(|it| it.priority == Some(Priority::P1));
                if due.is_empty() {
                    let first = recent.into_iter().min().unwrap_or(now);
                    return Step::Wait { until: first + cap.per, why: Why::Capped };
                }
            }
        }
        let is_digest = self.coalesce_above < due.len() || (left == 1 && 1 < due.len());
        let count = if is_digest { DIGEST_MAX } else { 1 };
        Step::Send(due.iter().take(count).map(|it| it.id).collect())
    }
}

fn p1() -> Priority {
    Priority::P1
}

/// Most messages in a digest; more than this in one moment become two.
pub const DIGEST_MAX: usize = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Time = Time::from_micros(1_795_334_400_000_000);

    fn at(seconds: i64) -> Time {
        T0 + Span::from_secs(seconds)
    }

    fn due(id: i64, seconds: i64, priority: Priority) -> Due {
        Due { id, since: at(seconds), priority: Some(priority) }
    }

    fn people() -> Pace {
        Pace::for_people(Tz::Asia__Shanghai)
    }

    #[test]
    fn a_single_message_waits_a_moment_and_goes() {
        let one = [due(1, 0, Priority::P3)];
        let waiting = Step::Wait { until: at(5), why: Why::Gathering };
        assert_eq!(people().next(&one, &[], at(1)), waiting);
        assert_eq!(people().next(&one, &[], at(5)), Step::Send(vec![1]));
        assert_eq!(people().next(&[], &[], at(5)), Step::Idle);
        assert_eq!(Pace::for_systems().next(&one, &[], at(0)), Step::Send(vec![1]));
    }

    #[test]
    fn a_thousand_failures_in_five_seconds_are_one_message_in_ten_minutes_that_lists_all() {
        let all: Vec<Due> = (0..1000).map(|it| due(it, it / 250, Priority::P1)).collect();
        let Step::Send(told) = people().next(&all, &[], at(5)) else { unreachable!() };
        assert_eq!(told.len(), 1000);
        let sent = [Sent { at: at(5), count: told.len() }];
        let late = [due(1000, 6, Priority::P1)];
        let paused = Step::Wait { until: at(605), why: Why::Storm };
        assert_eq!(people().next(&late, &sent, at(60)), paused);
        assert_eq!(people().next(&late, &sent, at(605)), Step::Send(vec![1000]));
    }

    #[test]
    fn the_cap_holds_back_what_is_not_urgent_and_the_last_place_takes_all() {
        let sent = |count: i64| {
            (0..count).map(|it| Sent { at: at(it * 60), count: 1 }).collect::<Vec<_>>()
        };
        let now = at(1_000);
        let two = [due(1, 0, Priority::P2), due(2, 1, Priority::P2)];
        assert_eq!(people().next(&two, &sent(4), now), Step::Send(vec![1]));
        assert_eq!(people().next(&two, &sent(5), now), Step::Send(vec![1, 2]));
        let held = Step::Wait { until: at(3_600), why: Why::Capped };
        assert_eq!(people().next(&two, &sent(6), now), held);
        let urgent = [two[0], due(3, 2, Priority::P1)];
        assert_eq!(people().next(&urgent, &sent(6), now), Step::Send(vec![3]));
    }

    #[test]
    fn quiet_hours_let_the_urgent_through_and_keep_the_rest_for_the_morning() {
        let hours = toml::from_str("from = '22:00'\nto = '06:00'").unwrap();
        let quiet = Some(Quiet { hours, except: Priority::P2 });
        let pace = Pace { quiet, ..people() };
        // 23:00 in Shanghai.
        let night: Time = "2026-11-22T15:00:00Z".parse().unwrap();
        let waiting = |id, priority| Due { id, since: night - Span::from_secs(60), priority };
        let plan = [waiting(1, Some(Priority::P3)), waiting(2, None)];
        let morning = "2026-11-22T22:00:00Z".parse().unwrap();
        assert_eq!(pace.next(&plan, &[], night), Step::Wait { until: morning, why: Why::Quiet });
        let mixed = [plan[0], waiting(3, Some(Priority::P2))];
        assert_eq!(pace.next(&mixed, &[], night), Step::Send(vec![3]));
        assert_eq!(pace.next(&plan, &[], morning), Step::Send(vec![1]));
    }

    #[test]
    fn whatever_waits_is_told_in_the_end() {
        // Every second a message for an hour, then silence: all are sent, never more than the cap.
        let pace = people();
        let (mut waiting, mut sent, mut told) = (Vec::new(), Vec::<Sent>::new(), 0);
        for second in 0..4 * 3_600 {
            if second < 3_600 {
                waiting.push(due(second, second, Priority::P3));
            }
            let now = at(second);
            if let Step::Send(ids) = pace.next(&waiting, &sent, now) {
                waiting.retain(|it| !ids.contains(&it.id));
                told += ids.len();
                sent.push(Sent { at: now, count: ids.len() });
            }
            let recent = sent.iter().filter(|it| now - it.at < Span::from_secs(3_600)).count();
            assert!(recent <= 6, "{recent} at {second}");
        }
        assert_eq!((told, waiting.len()), (3_600, 0));
    }
}
