//! What stands in the files of agent and server, read without their programs' help where that is
//! possible: SQL for the agent's spool and the server's records, the store's own reader for chunks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use forewarn_domain::id::AgentId;
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{BatchBody, Stream};
use forewarn_domain::time::{Span, Time};
use forewarn_store::readings::{ReadingStore, StoreConfig};
use forewarn_wire::payload;
use rusqlite::{Connection, OpenFlags};

use crate::files;

/// Readings by channel and time.
pub(crate) type Readings = BTreeMap<String, BTreeMap<i64, Value>>;

/// What a reading said; a bad one has no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bad(Quality),
    Number(f64),
    Text(String),
}

/// The agent's spool at one moment.
pub(crate) struct SpoolState {
    pub(crate) epoch: String,
    pub(crate) accepted: i64,
    pub(crate) delivered: i64,
    pub(crate) evicted: i64,
    pub(crate) rejected: i64,
    pub(crate) waiting: i64,
    pub(crate) next_seq: u64,
    /// Numbers of the normal stream that still lie there.
    pub(crate) seqs: Vec<u64>,
}

impl SpoolState {
    /// Opens the file read-only; its owner may be writing meanwhile.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut connection = open(&folder.join("spool.db"));
        let transaction = connection.transaction().unwrap();
        let counter = |name: &str| -> i64 {
            let sql = "SELECT coalesce(sum(v), 0) FROM counter WHERE name = ?1";
            transaction.query_row(sql, [name], |row| row.get(0)).unwrap()
        };
        let one = |sql: &str| -> i64 { transaction.query_row(sql, [], |row| row.get(0)).unwrap() };
        let mut ids = transaction.prepare("SELECT id FROM batch ORDER BY id").unwrap();
        let seqs = ids.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        let seqs = seqs.map(|id| stream_and_seq(id.unwrap()));
        let seqs = seqs.filter(|(stream, _)| *stream == Stream::NORMAL).map(|(_, seq)| seq);
        Self {
            epoch: transaction
                .query_row("SELECT lower(hex(v)) FROM meta WHERE k = 'epoch'", [], |row| row.get(0))
                .unwrap(),
            accepted: counter("accepted"),
            delivered: counter("delivered"),
            evicted: counter("evicted"),
            rejected: counter("rejected"),
            waiting: one("SELECT coalesce(sum(n), 0) FROM batch"),
            next_seq: one("SELECT coalesce(max(next_seq), 1) FROM cursor WHERE stream = 1")
                .unsigned_abs(),
            seqs: seqs.collect(),
        }
    }

    /// Numbers that were given out and are gone, so the server must have them.
    pub(crate) fn gone(&self) -> impl Iterator<Item = u64> {
        (1..self.next_seq).filter(|seq| self.seqs.binary_search(seq).is_err())
    }
}

/// Every reading that lies in a spool.
pub(crate) fn readings_in_spool(folder: &Path) -> Readings {
    let connection = open(&folder.join("spool.db"));
    let agent = AgentId::new(files::AGENT).unwrap();
    let mut select = connection.prepare("SELECT id, body FROM batch ORDER BY id").unwrap();
    let mut rows = select.query([]).unwrap();
    let mut found = Readings::new();
    while let Some(row) = rows.next().unwrap() {
        let (stream, seq) = stream_and_seq(row.get(0).unwrap());
        let message: Vec<u8> = row.get(1).unwrap();
        let batch = payload::decode(&agent, stream, &message).unwrap().batch;
        assert_eq!(batch.seq, seq, "a row holds another batch");
        let BatchBody::Readings(readings) = batch.body else { continue };
        for it in &readings.numbers {
            let channel = readings.channel(it.channel).unwrap().as_str().to_owned();
            let value = value_of(it.quality, Value::Number(it.value));
            found.entry(channel).or_default().insert(it.t.micros(), value);
        }
        for it in &readings.texts {
            let channel = readings.channel(it.channel).unwrap().as_str().to_owned();
            let value = value_of(it.quality, Value::Text(it.text.clone()));
            found.entry(channel).or_default().insert(it.t.micros(), value);
        }
    }
    found
}

/// What the server has stored, from a copy of its files.
pub(crate) struct Stored {
    pub(crate) readings: Readings,
    /// How many readings the store says it has, from its own summaries.
    pub(crate) summed: u64,
    /// Which batches of each numbering and stream the server has.
    pub(crate) ledgers: BTreeMap<(String, u8), SeqRanges>,
}

impl Stored {
    pub(crate) fn read(data: &Path, until: Time) -> Self {
        let copy = tempfile::tempdir().unwrap();
        copy_database(data, "readings.db", copy.path());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(Self::read_copy(copy.path(), until))
    }

    async fn read_copy(folder: &Path, until: Time) -> Self {
        let config = StoreConfig::Chunks {
            dir: folder.to_owned(),
            cap_bytes: 4 << 30,
            lateness: Span::from_secs(60),
        };
        let store = ReadingStore::open(&config).await.unwrap();
        let from = Time::from_micros(0);
        let (mut readings, mut summed) = (Readings::new(), 0);
        for channel in store.channels() {
            let of_channel = readings.entry(channel.as_str().to_owned()).or_default();
            for it in store.range(&channel, from, until, usize::MAX).await.unwrap() {
                let value = value_of(it.quality, Value::Number(it.value));
                let before = of_channel.insert(it.t.micros(), value);
                assert_eq!(before, None, "{channel} has two readings at {}", it.t);
            }
            for it in store.texts(&channel, from, until, LIMIT).await.unwrap() {
                let value = value_of(it.quality, Value::Text(it.text));
                let before = of_channel.insert(it.t.micros(), value);
                assert_eq!(before, None, "{channel} has two texts at {}", it.t);
                summed += 1;
            }
            let whole = store.buckets(&channel, from, until, 1).await.unwrap();
            summed += whole.iter().map(|it| it.n + it.bad).sum::<u64>();
        }
        let ledgers = store.ledgers().into_iter();
        let ledgers = ledgers
            .map(|(key, ranges)| ((key.epoch.to_string(), key.stream.number()), ranges))
            .collect();
        store.close().await.unwrap();
        Self { readings, summed, ledgers }
    }

    pub(crate) fn count(&self) -> usize {
        self.readings.values().map(BTreeMap::len).sum()
    }
}

/// The server's ledger of the normal stream, read from a copy of its file: the server is dead.
pub(crate) fn ledger_of_dead_server(data: &Path, epoch: &str) -> SeqRanges {
    let copy = tempfile::tempdir().unwrap();
    copy_database(data, "readings.db", copy.path());
    if fs::metadata(copy.path().join("readings.db")).is_err() {
        return SeqRanges::default();
    }
    let connection = Connection::open(copy.path().join("readings.db")).unwrap();
    let sql = "SELECT ranges FROM stream WHERE epoch = ?1 AND stream = 1";
    let ranges: Result<String, _> = connection.query_row(sql, [epoch], |row| row.get(0));
    ranges.map_or_else(|_none_yet| SeqRanges::default(), |it| serde_json::from_str(&it).unwrap())
}

/// What people would see.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Records {
    /// Device, component, family and state of every ticket, in order.
    pub(crate) tickets: Vec<(String, String, String, String)>,
    /// Keys of all messages, in order.
    pub(crate) messages: Vec<String>,
    /// How far the engine has come, by numbering and stream.
    pub(crate) cursors: BTreeMap<(String, u8), u64>,
}

impl Records {
    /// Reads the file; its owner may be writing meanwhile.
    pub(crate) fn read(data: &Path) -> Self {
        let mut connection = open(&data.join("records.db"));
        let transaction = connection.transaction().unwrap();
        let mut tickets = transaction
            .prepare(
                "SELECT device, component, fault_family, state FROM ticket ORDER BY device, id",
            )
            .unwrap();
        let tickets = tickets
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap();
        let mut messages = transaction.prepare("SELECT key FROM outbox ORDER BY id").unwrap();
        let messages = messages.query_map([], |row| row.get(0)).unwrap();
        let mut cursors =
            transaction.prepare("SELECT epoch, stream, next_seq FROM engine_cursor").unwrap();
        let cursors = cursors
            .query_map([], |row| {
                let next_seq: i64 = row.get(2)?;
                Ok(((row.get(0)?, row.get(1)?), next_seq.unsigned_abs()))
            })
            .unwrap();
        Self {
            tickets: tickets.map(Result::unwrap).collect(),
            messages: messages.map(Result::unwrap).collect(),
            cursors: cursors.map(Result::unwrap).collect(),
        }
    }
}

/// Copies a database with its log; without its index, which is made anew. Nobody may be writing.
pub(crate) fn copy_database(from: &Path, name: &str, to: &Path) {
    for name in [name.to_owned(), format!("{name}-wal")] {
        match fs::copy(from.join(&name), to.join(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{name}: {error}"),
            Ok(_) | Err(_) => {}
        }
    }
}

fn open(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    connection
}

fn stream_and_seq(id: i64) -> (Stream, u64) {
    let stream = u8::try_from(id >> 56).unwrap();
    (Stream::try_from(stream).unwrap(), id.unsigned_abs() & ((1 << 56) - 1))
}

fn value_of(quality: Quality, value: Value) -> Value {
    if quality.is_bad() { Value::Bad(quality) } else { value }
}

/// More texts than any run makes, and fewer than SQLite refuses.
const LIMIT: usize = 1 << 40;
