//! What the files say at the end of a run, and how it differs from a run in which nobody died.

use std::collections::BTreeMap;
use std::path::Path;

use forewarn_domain::reading::Stream;
use forewarn_domain::time::{Span, Time};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::child;
use crate::plant::{self, Said};

/// Everything that must not depend on deaths; no time of the server's clock is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// Readings by channel and time.
    pub(crate) stored: Said,
    /// How many readings the store counts in its own summaries, by channel.
    summed: BTreeMap<String, u64>,
    /// Received numbers of each stream.
    ledgers: BTreeMap<u8, Vec<(u64, u64)>>,
    /// Rows of the records by table.
    tables: BTreeMap<&'static str, Vec<String>>,
}

impl Outcome {
    /// Reads the files of a server that has ended.
    pub(crate) async fn read(folder: &Path) -> Self {
        let (readings, records) = child::open(folder).await;
        records.close().await;
        let (from, to) = (Time::from_micros(0), plant::BEGIN + Span::from_secs(10 * 86_400));
        let (mut stored, mut summed) = (Said::new(), BTreeMap::new());
        for channel in readings.channels() {
            let name = channel.as_str().to_owned();
            let said = stored.entry(name.clone()).or_default();
            let mut count = 0;
            for it in readings.range(&channel, from, to, usize::MAX).await.unwrap() {
                let before = said.insert(it.t.micros(), plant::number(it.value));
                assert_eq!(before, None, "{channel} has two readings at {}", it.t);
            }
            for it in readings.texts(&channel, from, to, TEXTS_MAX).await.unwrap() {
                let before = said.insert(it.t.micros(), it.text);
                assert_eq!(before, None, "{channel} has two texts at {}", it.t);
                count += 1;
            }
            let whole = readings.buckets(&channel, from, to, 1).await.unwrap();
            count += whole.iter().map(|it| it.n + it.bad).sum::<u64>();
            summed.insert(name, count);
        }
        let ledgers = readings.ledgers().into_iter();
        let ledgers =
            ledgers.map(|(key, it)| (key.stream.number(), it.ranges().to_vec())).collect();
        readings.close().await.unwrap();
        let records = Connection::open(folder.join("records.db")).unwrap();
        let tables = TABLES.iter().map(|(table, sql)| (*table, rows(&records, sql))).collect();
        Self { stored, summed, ledgers, tables }
    }

    /// Device and fault family of each ticket, in order.
    pub(crate) fn tickets(&self) -> Vec<(String, String)> {
        let rows = self.rows("ticket").iter().map(|row| {
            let mut cells = row.split(" | ").map(str::to_owned);
            let (device, _component) = (cells.next().unwrap(), cells.next().unwrap());
            (device, cells.next().unwrap())
        });
        let mut tickets: Vec<_> = rows.collect();
        tickets.sort();
        tickets
    }

    fn rows(&self, table: &str) -> &[String] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// What is lost, doubled or different; nothing when all is well.
    pub(crate) fn violations(&self, expected: &Self) -> Vec<String> {
        let mut violations = Vec::new();
        for (channel, said) in &expected.stored {
            let found = self.stored.get(channel);
            let is_there = |t: &i64, value: &String| found.and_then(|it| it.get(t)) == Some(value);
            let lost = said.iter().filter(|(t, value)| !is_there(t, value)).count();
            let more = found.map_or(0, BTreeMap::len).saturating_sub(said.len());
            if 0 < lost + more {
                violations.push(format!("{channel}: {lost} readings lost, {more} too many"));
            }
        }
        if self.summed != expected.summed {
            violations.push(format!("counted {:?}, not {:?}", self.summed, expected.summed));
        }
        if self.ledgers != expected.ledgers {
            violations.push(format!("ledgers {:?}, not {:?}", self.ledgers, expected.ledgers));
        }
        for (table, wanted) in &expected.tables {
            let found = self.rows(table);
            if found != wanted.as_slice() {
                violations.push(difference(table, found, wanted));
            }
        }
        violations
    }
}

/// One range of numbers for each stream, and exactly what was said.
pub(crate) fn check_complete(outcome: &Outcome, said: &Said) {
    assert_eq!(&outcome.stored, said, "what is stored is not what was said");
    let counts: BTreeMap<String, u64> =
        said.iter().map(|(name, it)| (name.clone(), u64::try_from(it.len()).unwrap())).collect();
    assert_eq!(outcome.summed, counts, "the store counts otherwise");
    for stream in [Stream::NORMAL, Stream::BULK] {
        assert_eq!(outcome.ledgers[&stream.number()].len(), 1, "one range without a gap");
    }
}

fn difference(table: &str, found: &[String], wanted: &[String]) -> String {
    let short = |row: &String| row.chars().take(ROW_SHOWN).collect::<String>();
    let only = |these: &[String], others: &[String]| -> Vec<String> {
        these.iter().filter(|it| !others.contains(it)).map(short).take(2).collect()
    };
    format!(
        "{table}: {} rows, not {}; only here {:?}; missing {:?}",
        found.len(),
        wanted.len(),
        only(found, wanted),
        only(wanted, found)
    )
}

fn rows(records: &Connection, sql: &str) -> Vec<String> {
    let mut select = records.prepare(sql).unwrap();
    let columns = select.column_count();
    let row = |row: &rusqlite::Row<'_>| -> Result<String, rusqlite::Error> {
        let cell = |column| {
            Ok(match row.get::<_, Value>(column)? {
                Value::Text(text) => text,
                other => format!("{other:?}"),
            })
        };
        Ok((0..columns).map(cell).collect::<Result<Vec<_>, rusqlite::Error>>()?.join(" | "))
    };
    select.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// What of each table must be the same: ids, keys, numbers, event times and words.
const TABLES: &[(&str, &str)] = &[
    (
        "ticket",
        "SELECT device, component, fault_family, id, number, episode, kind, priority, state, onset_at,
             detected_at, cleared_at, confidence, headline_en, occurrences, revision, verdict
         FROM ticket ORDER BY id",
    ),
    ("ticket_episode", "SELECT episode, ticket, draft_revision, cleared_at FROM ticket_episode ORDER BY 1"),
    ("timeline", "SELECT ticket, revision, actor, what, state, note_en FROM timeline ORDER BY 1, 2"),
    ("repair", "SELECT device, component, activity, words, cause, outcome, ticket FROM repair ORDER BY 1, 4"),
    // Behind which batch an input counts depends on when a person came; that it does must hold.
    (
        "engine_input",
        "SELECT number, kind, applies_after IS NOT NULL FROM engine_input ORDER BY number",
    ),
    ("idempotency", "SELECT account, route, key, body_sha256 FROM idempotency ORDER BY 1, 2, 3"),
    ("episode", "SELECT id, onset, confirmed, updated, phase, recurrences FROM episode ORDER BY id"),
    ("outbox", "SELECT key, channel, kind, ticket, sent_at IS NOT NULL, dead_at FROM outbox ORDER BY id"),
    ("event_log", "SELECT seq, kind, subject, device FROM event_log ORDER BY seq"),
    ("engine_cursor", "SELECT agent, epoch, stream, next_seq FROM engine_cursor ORDER BY 1, 2, 3"),
    ("waveform", "SELECT id, channel, t0, sha256 FROM waveform ORDER BY id"),
    ("counter", "SELECT name, value FROM counter ORDER BY name"),
];

/// More texts than any run makes, and fewer than SQLite refuses.
const TEXTS_MAX: usize = 1 << 40;

const ROW_SHOWN: usize = 160;
