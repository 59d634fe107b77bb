//! Sees, at each kill, what an agent had accepted, from its file and not from its word.
//!
//! Rely on this: what the witness has seen in a spool was accepted, so it must be with the server in
//! the end, value by value; a number that has left the spool must be with the server at that moment.

use std::collections::HashMap;
use std::iter::Sum;
use std::path::Path;

use forewarn_domain::id::AgentId;
use forewarn_domain::reading::{BatchBody, Epoch, Stream};
use forewarn_wire::payload;
use rusqlite::Connection;

use crate::receiver::{Receiver, Store, digest};

/// What came of the kills.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) runs: usize,
    pub(crate) while_starting: usize,
    pub(crate) accepted: u64,
    pub(crate) received: u64,
    pub(crate) witnessed: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) violations: Vec<String>,
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |mut all, it| {
            all.runs += it.runs;
            all.while_starting += it.while_starting;
            all.accepted += it.accepted;
            all.received += it.received;
            all.witnessed += it.witnessed;
            all.lost += it.lost;
            all.duplicated += it.duplicated;
            all.violations.extend(it.violations);
            all
        })
    }
}

/// The witness of one agent.
pub(crate) struct Witness {
    agent: AgentId,
    /// Batches seen in spools: digest and readings.
    seen: HashMap<(Epoch, Stream, u64), (u64, u64)>,
    last: Option<SpoolState>,
    violations: Vec<String>,
}

/// A spool at one moment.
struct SpoolState {
    epoch: Epoch,
    accepted: u64,
    balanced: bool,
    next_seqs: [u64; 3],
    rows: Vec<(Stream, u64, u64, Vec<u8>)>,
}

impl Witness {
    pub(crate) fn new(agent: &AgentId) -> Self {
        Self { agent: agent.clone(), seen: HashMap::new(), last: None, violations: Vec::new() }
    }

    /// Looks at the files of an agent that was just killed.
    pub(crate) fn look(&mut self, spool: &Path, receiver: &Receiver) {
        let Some(state) = SpoolState::read(spool) else { return };
        if !state.balanced {
            self.blame("accepted is not delivered + evicted + waiting");
        }
        if let Some(last) = self.last.take() {
            self.compare(&last, &state);
        }
        let agent = self.agent.clone();
        receiver.of(&agent, |store| self.look_at_rows(&state, store));
        self.last = Some(state);
    }

    /// Everything is over: what is missing, and what is there twice.
    pub(crate) fn judge(mut self, mut tally: Tally, receiver: &Receiver) -> Tally {
        tally.accepted = self.last.as_ref().map_or(0, |it| it.accepted);
        let waiting = self.last.as_ref().map_or(0, |it| it.rows.len());
        if 0 < waiting {
            self.blame(&format!("{waiting} batches were never delivered"));
        }
        tally.witnessed = self.seen.values().map(|(_, readings)| readings).sum();
        receiver.of(&self.agent, |store| {
            tally.received = store.stored() - store.doubled();
            tally.duplicated = store.doubled();
            let missing = self.seen.iter().filter(|((epoch, stream, seq), (digest, _))| {
                store.digest(*epoch, *stream, *seq) != Some(*digest)
            });
            let missing: u64 = missing.map(|(_, (_, readings))| readings).sum();
            tally.lost = missing.max(tally.accepted.saturating_sub(tally.received));
            if 0 < store.unreadable {
                self.violations.push(format!("{} messages were unreadable", store.unreadable));
            }
        });
        if tally.witnessed == 0 {
            self.blame("nothing was seen in the spool, so this proves nothing");
        }
        tally.violations.extend(self.violations);
        tally
    }

    fn compare(&mut self, last: &SpoolState, now: &SpoolState) {
        if now.epoch != last.epoch {
            self.blame(&format!("numbering {} became {}", last.epoch, now.epoch));
            return;
        }
        if now.accepted < last.accepted {
            self.blame(&format!("accepted fell from {} to {}", last.accepted, now.accepted));
        }
        if now.next_seqs.iter().zip(&last.next_seqs).any(|(now, last)| now < last) {
            self.blame(&format!("numbers fell from {:?} to {:?}", last.next_seqs, now.next_seqs));
        }
    }

    fn look_at_rows(&mut self, state: &SpoolState, store: &Store) {
        for (stream, seq, readings, message) in &state.rows {
            let (stream, seq) = (*stream, *seq);
            match payload::decode(&self.agent, stream, message) {
                Ok(decoded) if decoded.batch.seq == seq => {
                    let digest = digest(&decoded.batch.body);
                    let known = self.seen.insert((state.epoch, stream, seq), (digest, *readings));
                    let is_evicted = matches!(decoded.batch.body, BatchBody::Evicted(_));
                    if is_evicted || known.is_some_and(|(before, _)| before != digest) {
                        self.blame(&format!("batch {seq} of stream {stream} has changed"));
                    }
                }
                Ok(_) => self.blame(&format!("row {seq} of stream {stream} holds another batch")),
                Err(error) => self.blame(&format!("row {seq} of stream {stream}: {error}")),
            }
        }
        for stream in Stream::ALL {
            let next = state.next_seqs[usize::from(stream.number())];
            for seq in store.next_seq(state.epoch, stream)..next {
                let is_there = state.rows.iter().any(|it| (it.0, it.1) == (stream, seq));
                if !is_there && !store.has(state.epoch, stream, seq) {
                    self.blame(&format!("batch {seq} of stream {stream} is nowhere"));
                }
            }
        }
    }

    fn blame(&mut self, what: &str) {
        self.violations.push(format!("{}: {what}", self.agent));
    }
}

impl SpoolState {
    /// From a copy, so that nothing is repaired behind the agent's back. `None` when the agent died
    /// before there was a file.
    fn read(spool: &Path) -> Option<Self> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["spool.db", "spool.db-wal"] {
            if spool.join(name).try_exists().unwrap() {
                std::fs::copy(spool.join(name), copy.path().join(name)).unwrap();
            }
        }
        let connection = Connection::open(copy.path().join("spool.db")).unwrap();
        let epoch: Vec<u8> = connection
            .query_row("SELECT v FROM meta WHERE k = 'epoch'", [], |row| row.get(0))
            .ok()?;
        let epoch = Epoch(u128::from_be_bytes(epoch.try_into().unwrap()));
        let counter = |name: &str| -> u64 {
            let sql = "SELECT coalesce(sum(v), 0) FROM counter WHERE name = ?1";
            connection.query_row(sql, [name], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
        };
        let mut select = connection.prepare("SELECT id, n, body FROM batch ORDER BY id").unwrap();
        let rows = select.query_map([], |row| {
            let (id, readings): (i64, i64) = (row.get(0)?, row.get(1)?);
            let stream = Stream::try_from(u8::try_from(id >> 56).unwrap()).unwrap();
            let seq = id.unsigned_abs() & ((1 << 56) - 1);
            Ok((stream, seq, readings.unsigned_abs(), row.get(2)?))
        });
        let rows: Vec<(Stream, u64, u64, Vec<u8>)> = rows.unwrap().map(Result::unwrap).collect();
        let waiting: u64 = rows.iter().map(|it| it.2).sum();
        let next = |stream: Stream| -> u64 {
            let sql = "SELECT coalesce(max(next_seq), 1) FROM cursor WHERE stream = ?1";
            let next = connection.query_row(sql, [stream.number()], |row| row.get::<_, i64>(0));
            next.unwrap().unsigned_abs()
        };
        let accepted = counter("accepted");
        Some(Self {
            epoch,
            accepted,
            balanced: accepted == counter("delivered") + counter("evicted") + waiting,
            next_seqs: Stream::ALL.map(next),
            rows,
        })
    }
}
