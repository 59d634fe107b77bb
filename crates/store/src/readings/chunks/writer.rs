//! The one thread that writes the readings file.
//!
//! It commits what is asked for, several callers' batches in one transaction, and uses the time
//! between for a small slice of other work: sealing buckets, deleting what is over. When the disk
//! fails it ends; believing a second `fsync` on the same file has lost data elsewhere.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use forewarn_domain::reading::{Batch, BatchBody, StreamKey};
use forewarn_domain::time::{Span, Time};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::append::plan;
use super::file::Place;
use super::state::{Entry, State};
use crate::readings::appended::Appended;
use crate::readings::error::{FileError, StoreError};
use crate::readings::retention::{Hold, Retained, RetentionPolicy};

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum Ask {
    Append(Vec<Arc<Batch>>, Reply<Vec<Appended>>),
    /// Ends the writer; answered when the file is free for another one.
    Close(Reply<()>),
    /// One step of retention; the answer says whether more is to do.
    Retain(Box<RetainAsk>, Reply<RetainStep>),
    /// Seals all open buckets and empties the hot log as far as consumers allow.
    SealAll(Reply<()>),
    /// Judges batches without storing them.
    Weigh(Vec<Arc<Batch>>, Reply<Weighed>),
}

/// New batches with the places of their late readings.
pub(crate) type Weighed = Vec<(Arc<Batch>, Vec<u32>)>;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

#[derive(Clone, Debug)]
pub(crate) struct RetainAsk {
    pub(crate) policy: Arc<RetentionPolicy>,
    pub(crate) holds: Arc<Vec<Hold>>,
    pub(crate) now: Time,
    pub(crate) stage: Stage,
}

/// Parts of a retention run, in order; a part may take several steps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Classes and holds are written down.
    TakeOver,
    /// One hour's readings go.
    Readings,
    /// Summaries and texts go.
    Summaries,
    /// Free pages go back to the system.
    Space,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct RetainStep {
    pub(crate) done: Retained,
    /// What to ask for next; `None` at the end.
    pub(crate) next: Option<Stage>,
}

/// The state that the writer shares with readers. Only the writer changes it, so it may read it
/// through a whole transaction without anybody waiting.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    state: Arc<RwLock<State>>,
    released: Arc<Mutex<HashMap<StreamKey, u64>>>,
}

impl Shared {
    pub(crate) fn new(state: State, released: HashMap<StreamKey, u64>) -> Self {
        Self { state: Arc::new(RwLock::new(state)), released: Arc::new(Mutex::new(released)) }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("no holder of this lock panics: it only moves memory")
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("no holder of this lock panics: it only moves memory")
    }

    /// Notes that consumers have passed everything below `next_seq`; it never goes back.
    pub(crate) fn release(&self, key: &StreamKey, next_seq: u64) {
        let mut released = self.released.lock().expect("no holder of this lock panics");
        let known = released.entry(key.clone()).or_default();
        *known = (*known).max(next_seq);
    }

    pub(crate) fn released(&self, key: &StreamKey) -> u64 {
        let released = self.released.lock().expect("no holder of this lock panics");
        released.get(key).copied().unwrap_or_default()
    }
}

/// What the writer thread owns.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) place: Place,
    pub(crate) shared: Shared,
    pub(crate) lateness: Span,
    /// Bytes that the pages may take; `None` for no cap.
    pub(crate) cap: Option<u64>,
    /// Whether this file holds the readings themselves, or only ledger and log.
    pub(crate) has_chunks: bool,
    /// Number of the next row of the hot log.
    pub(crate) next_hot: i64,
    pub(crate) commits: u64,
    pub(crate) purged_at: u64,
    pub(crate) scanned_at: u64,
    /// Buckets that may be sealed.
    pub(crate) ready: VecDeque<(u32, i64)>,
    pub(crate) has_failed: bool,
    pub(crate) _lock: File,
}

impl Writer {
    /// Works until all askers are gone or the disk fails.
    pub(crate) fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        while let Some(ask) = asks.blocking_recv() {
            let mut next = Some(ask);
            while let Some(ask) = next {
                if let Ask::Close(reply) = ask {
                    let closed = self.close();
                    return answer(reply, closed);
                }
                next = self.answer(ask, &mut asks);
            }
            self.tend();
            while asks.is_empty() && !self.has_failed && self.has_buckets_to_seal() {
                self.tend();
            }
            if self.has_failed {
                return;
            }
        }
    }

    /// Writes down what a crash would make the next start rebuild, and frees the file.
    fn close(mut self) -> Result<(), StoreError> {
        self.purge().map_err(|error| self.failed(error))
    }

    /// Answers, and returns an ask of another kind that it met while gathering batches.
    fn answer(&mut self, ask: Ask, asks: &mut mpsc::Receiver<Ask>) -> Option<Ask> {
        let mut met = None;
        match ask {
            Ask::Close(_) => met = Some(ask),
            Ask::Append(batches, reply) => met = self.append_group(batches, reply, asks),
            Ask::Retain(ask, reply) => {
                let step = self.retain_step(&ask);
                self.reply(reply, step);
            }
            Ask::SealAll(reply) => {
                let sealed = self.seal_all();
                self.reply(reply, sealed);
            }
            Ask::Weigh(batches, reply) => {
                let weighed = self.weigh(&batches);
                answer(reply, weighed);
            }
        }
        met
    }

    /// Commits the batches of all callers who are waiting, up to a limit, together.
    fn append_group(
        &mut self,
        batches: Vec<Arc<Batch>>,
        reply: Reply<Vec<Appended>>,
        asks: &mut mpsc::Receiver<Ask>,
    ) -> Option<Ask> {
        let mut met = None;
        let mut replies = vec![(batches.len(), reply)];
        let mut group = batches;
        while readings_in(&group) < GROUP_READINGS_MAX {
            match asks.try_recv() {
                Ok(Ask::Append(batches, reply)) => {
                    replies.push((batches.len(), reply));
                    group.extend(batches);
                }
                Ok(other) => {
                    met = Some(other);
                    break;
                }
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => {
                    break;
                }
            }
        }
        match self.append(&group) {
            Ok(appended) => {
                let mut appended = appended.into_iter();
                for (count, reply) in replies {
                    answer(reply, Ok(appended.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "batches not stored");
                let (_, first) = replies.swap_remove(0);
                answer(first, Err(error));
                // The others get no answer of their own: they see `Closed` or try again.
                for (_, reply) in replies {
                    answer(reply, Err(self.refused_again()));
                }
            }
        }
        met
    }

    fn append(&mut self, batches: &[Arc<Batch>]) -> Result<Vec<Appended>, StoreError> {
        self.refuse_when_full(bytes_of(batches))?;
        let mut plan = plan(&mut self.shared.write(), batches, self.lateness)?;
        let appended = std::mem::take(&mut plan.appended);
        if plan.rows.is_empty() {
            // Nothing new, so there is nothing to commit; but a numbering may have been named.
            plan.take_back(&mut self.shared.write());
            return Ok(appended);
        }
        let committed = plan.commit(&mut self.conn, &self.shared.read(), self.next_hot);
        if let Err(error) = committed {
            plan.take_back(&mut self.shared.write());
            return Err(self.failed(error));
        }
        self.commits += 1;
        let entry = Entry { hot: self.next_hot, commit: self.commits, at: Instant::now() };
        self.next_hot += super::append::number(plan.rows.len());
        plan.apply(&mut self.shared.write(), entry, self.has_chunks);
        Ok(appended)
    }

    /// Which batches are new, with the places of their late readings.
    fn weigh(&self, batches: &[Arc<Batch>]) -> Result<Weighed, StoreError> {
        let mut state = self.shared.write();
        let plan = plan(&mut state, batches, self.lateness)?;
        plan.take_back(&mut state);
        Ok(plan.rows.into_iter().map(|row| (row.batch, row.late)).collect())
    }

    /// Turns what went wrong into the caller's error, and remembers a failed disk.
    pub(crate) fn failed(&mut self, error: FileError) -> StoreError {
        self.has_failed |= error.is_fatal();
        self.place.failed(error)
    }

    fn refused_again(&self) -> StoreError {
        if self.has_failed {
            return StoreError::Closed;
        }
        let text = "a batch of the same commit could not be written".to_owned();
        self.place.failed(FileError::Format { what: "commit", text })
    }

    fn reply<T>(&mut self, reply: Reply<T>, outcome: Result<T, FileError>) {
        let outcome = outcome.map_err(|error| self.failed(error));
        answer(reply, outcome);
    }
}

fn readings_in(batches: &[Arc<Batch>]) -> usize {
    let count =
        |batch: &Arc<Batch>| crate::readings::judge::readings(batch).map_or(0, |it| it.count());
    batches.iter().map(count).sum()
}

/// What batches take in the file at most, with the pages that a commit touches besides.
fn bytes_of(batches: &[Arc<Batch>]) -> u64 {
    let of = |batch: &Arc<Batch>| match &batch.body {
        BatchBody::Readings(it) => {
            let texts: usize = it.texts.iter().map(|it| 2 * it.text.len()).sum();
            READING_BYTES_MAX * it.count() + texts
        }
        BatchBody::Waveform(it) => it.bytes.len(),
        BatchBody::Evicted(_) => 0,
    };
    let bytes: usize = batches.iter().map(|batch| of(batch) + BATCH_BYTES_MAX).sum();
    bytes.try_into().unwrap_or(u64::MAX)
}

/// A caller who has gone does not wait for the answer; what was asked is done all the same.
fn answer<T>(reply: Reply<T>, outcome: Result<T, StoreError>) {
    drop(reply.send(outcome));
}

/// A commit that callers share ends here, so that the first of them does not wait too long.
const GROUP_READINGS_MAX: usize = 20_000;

/// A time, a value, a channel and a quality before compression.
const READING_BYTES_MAX: usize = 24;

/// A batch's own row, and its index.
const BATCH_BYTES_MAX: usize = 256;

/// Callers waiting for the writer; the next one waits for a place.
pub(crate) const ASKS_MAX: usize = 64;
