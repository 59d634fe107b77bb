//! Judges a run from the files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use crate::disk::{Readings, Records, SpoolState, Stored, Value};
use crate::testbed::{Kill, Part};
use crate::witness::Witness;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Verdict {
    accepted: u64,
    stored: u64,
    /// Accepted readings that are not in the store, or not as they were.
    lost: u64,
    /// Readings that the store has or counts more often than they were accepted.
    duplicated: u64,
    /// Answers of machines that no reading shows, although no agent was killed then.
    unexplained: Vec<String>,
    bad: usize,
    tickets: usize,
}

impl Verdict {
    pub(crate) fn of(
        witness: &Witness,
        spool: &SpoolState,
        stored: &Stored,
        records: &Records,
    ) -> Self {
        let accepted = spool.accepted.unsigned_abs();
        let count = u64::try_from(stored.count()).unwrap();
        let vanished = u64::try_from(vanished(&witness.accepted, &stored.readings)).unwrap();
        Self {
            accepted,
            stored: count,
            lost: vanished.max(accepted.saturating_sub(count)),
            duplicated: count.max(stored.summed).saturating_sub(accepted),
            unexplained: unexplained(&stored.readings, &witness.agent_kills),
            bad: bad(&stored.readings),
            tickets: records.tickets.len(),
        }
    }

    /// One line for people and for a table.
    pub(crate) fn line(
        &self,
        witness: &Witness,
        seed: usize,
        (took, quiet): (Duration, Duration),
    ) -> String {
        let kills = |part| witness.kills.get(&part).copied().unwrap_or_default();
        json!({
            "type": "crash",
            "seed": seed,
            "kills": {
                "agent": kills(Part::Agent),
                "broker": kills(Part::Broker),
                "server": kills(Part::Server),
                "while_starting": witness.young,
            },
            "accepted": self.accepted,
            "stored": self.stored,
            "witnessed": witness.seen(),
            "acknowledged_batches_checked": witness.acknowledged,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "unexplained_gaps": self.unexplained.len(),
            "bad": self.bad,
            "tickets": self.tickets,
            "quiet_after_seconds": quiet.as_secs_f64(),
            "seconds": took.as_secs_f64(),
        })
        .to_string()
    }

    /// Holds the run against the promises.
    pub(crate) fn check(&self, witness: &Witness, spool: &SpoolState, stored: &Stored) {
        assert!(0 < witness.seen(), "the witness saw nothing, so it proves nothing");
        assert_eq!((spool.waiting, spool.evicted, spool.rejected), (0, 0, 0));
        assert_eq!(spool.delivered, spool.accepted);
        let key = (spool.epoch.clone(), 1);
        let ranges = stored.ledgers.get(&key).map(|it| it.ranges().to_vec());
        assert_eq!(ranges, Some(vec![(1, spool.next_seq - 1)]), "one range without a gap");
        assert_eq!(stored.ledgers.len(), 1, "another numbering appeared: {:?}", stored.ledgers);
        assert_eq!((self.lost, self.duplicated), (0, 0), "{self:?}");
        assert_eq!(self.stored, self.accepted, "{self:?}");
        assert_eq!(self.unexplained, Vec::<String>::new());
    }
}

/// Exactly one open ticket for each machine that overheated, and a person is told of each once.
pub(crate) fn check_tickets(records: &Records, hot: &[String]) {
    let mut tickets = records.tickets.clone();
    tickets.sort();
    let mut expected: Vec<_> = hot
        .iter()
        .map(|device| {
            let words = ["motor", "thermal", "to_assign"].map(str::to_owned);
            let [component, family, state] = words;
            (device.clone(), component, family, state)
        })
        .collect();
    expected.sort();
    assert_eq!(tickets, expected, "one open ticket for each fault, and no other");
    let distinct: BTreeSet<&String> = records.messages.iter().collect();
    assert_eq!(distinct.len(), records.messages.len(), "a message has a twin");
    let opened = records.messages.iter().filter(|it| it.starts_with("opened/")).count();
    assert_eq!(opened, hot.len(), "{:?}", records.messages);
}

/// How many readings are missing or were changed.
fn vanished(accepted: &Readings, stored: &Readings) -> usize {
    let mut vanished = 0;
    for (channel, readings) in accepted {
        let found = stored.get(channel);
        let is_kept = |(t, value): &(&i64, &Value)| found.and_then(|it| it.get(t)) == Some(*value);
        vanished += readings.iter().filter(|it| !is_kept(it)).count();
    }
    vanished
}

/// Every answer of a machine has a number. One that is missing between two stored ones was polled by
/// an agent that was killed before it accepted the reading; any other gap is a loss.
fn unexplained(stored: &Readings, kills: &[Kill]) -> Vec<String> {
    let mut unexplained = Vec::new();
    for (channel, readings) in stored.iter().filter(|(channel, _)| channel.ends_with("/answers")) {
        let mut last: Option<(i64, f64)> = None;
        for (t, value) in readings {
            let Value::Number(number) = value else {
                last = None;
                continue;
            };
            if let Some((before, known)) = last {
                let gap = number - known;
                let has_kill = kills.iter().any(|it| before <= it.until_us && it.from_us <= *t);
                if gap < 0.5 || (1.5 < gap && !has_kill) {
                    unexplained.push(format!("{channel}: {known} at {before}, {number} at {t}"));
                }
            }
            last = Some((*t, *number));
        }
        unexplained.extend(torn(channel, readings, stored));
    }
    unexplained
}

/// The same number stands twice in each answer; both readings must agree.
fn torn(channel: &str, readings: &BTreeMap<i64, Value>, stored: &Readings) -> Vec<String> {
    let low = stored.get(&format!("{channel}_low"));
    let mut torn = Vec::new();
    for (t, value) in readings {
        let Value::Number(number) = value else { continue };
        let other = low.and_then(|it| it.get(t));
        let agrees =
            matches!(other, Some(Value::Number(low)) if (number % 65_536.0 - low).abs() < 0.5);
        if !agrees {
            torn.push(format!("{channel} at {t}: {number}, and beside it {other:?}"));
        }
    }
    torn
}

fn bad(stored: &Readings) -> usize {
    let all = stored.values().flat_map(BTreeMap::values);
    all.filter(|it| matches!(it, Value::Bad(_))).count()
}

#[test]
fn a_reading_that_is_missing_or_changed_is_found() {
    let accepted = numbers("m/plc/answers", &[(10, 1.0), (20, 2.0), (30, 3.0)]);
    let stored = numbers("m/plc/answers", &[(10, 1.0), (20, 2.5)]);
    assert_eq!(vanished(&accepted, &accepted), 0);
    assert_eq!(vanished(&accepted, &stored), 2);
    assert_eq!(vanished(&accepted, &Readings::new()), 3);
}

#[test]
fn a_gap_between_answers_is_excused_by_a_kill_of_the_agent_and_by_nothing_else() {
    let mut stored = numbers("m/plc/answers", &[(10, 1.0), (20, 2.0), (30, 4.0), (40, 5.0)]);
    stored.extend(numbers("m/plc/answers_low", &[(10, 1.0), (20, 2.0), (30, 4.0), (40, 5.0)]));
    let kill = |at| Kill { from_us: at, until_us: at + 1 };
    assert_eq!(unexplained(&stored, &[kill(25)]), Vec::<String>::new());
    assert_eq!(unexplained(&stored, &[kill(12), kill(35)]).len(), 1);
    stored.extend(numbers("m/plc/answers_low", &[(10, 1.0), (20, 9.0), (30, 4.0), (40, 5.0)]));
    assert_eq!(unexplained(&stored, &[kill(25)]).len(), 1, "torn readings are found");
    let twice = numbers("m/plc/answers", &[(10, 1.0), (20, 1.0)]);
    assert_eq!(unexplained(&twice, &[kill(15)]).len(), 3, "an answer stands twice, without twins");
}

#[cfg(test)]
fn numbers(channel: &str, readings: &[(i64, f64)]) -> Readings {
    let readings = readings.iter().map(|(t, number)| (*t, Value::Number(*number))).collect();
    Readings::from([(channel.to_owned(), readings)])
}
