//! Readings in one SQLite file: a log of whole batches, and ten-minute chunks of each channel.
//!
//! Rely on this: what `append` answers as new is on the disk, together with the ledger that the
//! acknowledgement carries. One thread writes; readers have their own connections. Clones are
//! handles to the same file, which closes when the last one is dropped.
//!
//! Deliberately absent: bursts and raw waveforms. They stay in the log until consumers passed them.

mod append;
mod cap;
mod file;
mod open;
mod reads;
mod retain;
mod seal;
mod state;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};

use forewarn_domain::channel::ChannelId;
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::{Batch, StreamKey};
use forewarn_domain::time::{Span, Time};
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::file::Place;
use self::open::Settings;
use self::reads::{View, Wanted, unconsumed};
use self::writer::{ASKS_MAX, Ask, RetainAsk, Shared, Stage, Weighed};
use super::appended::Appended;
use super::error::{FileError, StoreError};
use super::retention::{Hold, Retained, RetentionPolicy};
use super::sample::{Axis, Bucket, Latest, Sample, TextSample};

/// A handle to a readings file.
#[derive(Clone, Debug)]
pub(crate) struct Chunks {
    asks: mpsc::Sender<Ask>,
    shared: Shared,
    readers: Arc<Readers>,
}

#[derive(Debug)]
struct Readers {
    place: Place,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Chunks {
    /// Opens the file in a folder and starts its writer. Blocks while the hot log is read.
    pub(crate) fn open(
        dir: &Path,
        cap: Option<u64>,
        lateness: Span,
        has_chunks: bool,
    ) -> Result<Self, StoreError> {
        let wal_bytes = cap.map_or(WAL_BYTES_MAX, |cap| (cap / 8).min(WAL_BYTES_MAX));
        let place = Place::in_folder(dir, wal_bytes)?;
        let writer = open::open(place.clone(), Settings { cap, lateness, has_chunks })?;
        let shared = writer.shared.clone();
        let (asks, of_writer) = mpsc::channel(ASKS_MAX);
        std::thread::Builder::new()
            .name("readings-writer".to_owned())
            .spawn(move || writer.run(of_writer))
            .map_err(|error| place.failed(error))?;
        let idle = Mutex::new(Vec::new());
        let readers = Arc::new(Readers { place, idle, permits: Semaphore::new(READERS_MAX) });
        Ok(Self { asks, shared, readers })
    }

    pub(crate) async fn append(
        &self,
        batches: Vec<Arc<Batch>>,
    ) -> Result<Vec<Appended>, StoreError> {
        self.ask(|reply| Ask::Append(batches, reply)).await
    }

    /// The batches that are not stored yet, with the places of their late readings.
    pub(crate) async fn weigh(&self, batches: Vec<Arc<Batch>>) -> Result<Weighed, StoreError> {
        self.ask(|reply| Ask::Weigh(batches, reply)).await
    }

    pub(crate) async fn seal(&self) -> Result<(), StoreError> {
        self.ask(Ask::SealAll).await
    }

    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.ask(Ask::Close).await
    }

    pub(crate) async fn retain(
        &self,
        policy: &RetentionPolicy,
        now: Time,
        holds: &[Hold],
    ) -> Result<Retained, StoreError> {
        let (policy, holds) = (Arc::new(policy.clone()), Arc::new(holds.to_vec()));
        let mut total = Retained::default();
        let mut stage = Some(Stage::TakeOver);
        while let Some(now_due) = stage {
            let ask = RetainAsk {
                policy: Arc::clone(&policy),
                holds: Arc::clone(&holds),
                now,
                stage: now_due,
            };
            let step = self.ask(|reply| Ask::Retain(Box::new(ask), reply)).await?;
            total.add(&step.done);
            stage = step.next;
        }
        Ok(total)
    }

    pub(crate) fn ledger(&self, key: &StreamKey) -> SeqRanges {
        let state = self.shared.read();
        let stream = state.stream_number(key);
        stream
            .and_then(|stream| state.numberings.get(usize::from(stream)))
            .map(|numbering| numbering.ranges.clone())
            .unwrap_or_default()
    }

    pub(crate) fn ledgers(&self) -> Vec<(StreamKey, SeqRanges)> {
        let state = self.shared.read();
        let ranges = state.numberings.iter().map(|numbering| numbering.ranges.clone());
        state.streams.iter().cloned().zip(ranges).collect()
    }

    pub(crate) fn release(&self, passed: &[(StreamKey, u64)]) {
        for (key, next_seq) in passed {
            self.shared.release(key, *next_seq);
        }
    }

    pub(crate) async fn unconsumed(
        &self,
        from: &[(StreamKey, u64)],
        limit: usize,
    ) -> Result<Vec<Arc<Batch>>, StoreError> {
        let wanted: Vec<Wanted> = {
            let state = self.shared.read();
            from.iter().filter_map(|(key, next)| Wanted::of(&state, key, *next)).collect()
        };
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut batches = Vec::new();
            for wanted in wanted {
                let left = limit - batches.len();
                batches.extend(unconsumed(conn, &shared, &wanted, left)?);
            }
            Ok(batches)
        })
        .await
    }

    pub(crate) async fn range(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        let Some(view) = self.view(channel) else { return Ok(Vec::new()) };
        self.read(move |conn| view.range(conn, from, to, limit)).await
    }

    pub(crate) async fn buckets(
        &self,
        channel: &ChannelId,
        axis: Axis,
    ) -> Result<Vec<Bucket>, StoreError> {
        let Some(view) = self.view(channel) else { return Ok(Vec::new()) };
        self.read(move |conn| view.buckets(conn, &axis)).await
    }

    pub(crate) async fn texts(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<TextSample>, StoreError> {
        let Some(view) = self.view(channel) else { return Ok(Vec::new()) };
        self.read(move |conn| view.texts(conn, from, to, limit)).await
    }

    pub(crate) async fn last(&self, channels: &[ChannelId]) -> Result<Vec<Latest>, StoreError> {
        let wanted: Vec<(ChannelId, Option<Sample>, View)> = {
            let state = self.shared.read();
            let newest = |channel: &ChannelId| {
                let series = state.series_number(channel)?;
                let number = state.series.get(state::index(series))?.last.map(|it| it.sample());
                Some((channel.clone(), number, View::of_texts(&state, series)))
            };
            channels.iter().filter_map(newest).collect()
        };
        self.read(move |conn| {
            let latest = wanted.into_iter().map(|(channel, number, view)| {
                Ok(Latest { channel, number, text: view.last_text(conn)? })
            });
            latest.collect()
        })
        .await
    }

    pub(crate) fn channels(&self) -> Vec<ChannelId> {
        let state = self.shared.read();
        let mut channels: Vec<_> = state.series.iter().map(|it| it.channel.clone()).collect();
        channels.sort();
        channels
    }

    fn view(&self, channel: &ChannelId) -> Option<View> {
        View::of(&self.shared.read(), channel)
    }

    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Ask,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(ask(reply)).await.is_err() {
            return Err(StoreError::Closed);
        }
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Reads on a thread that may block, with one of a few connections.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let _permit = self.readers.permits.acquire().await.expect("nobody closes this semaphore");
        let reading = tokio::task::spawn_blocking(move || {
            let outcome = readers.with_connection(read);
            outcome.map_err(|error| readers.place.failed(error))
        });
        reading.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Readers {
    fn with_connection<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let idle = self.idle.lock().expect("no holder of this lock panics").pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.place.open_reader()?,
        };
        let outcome = read(&conn)?;
        self.idle.lock().expect("no holder of this lock panics").push(conn);
        Ok(outcome)
    }
}

/// More would only compete for the same disk.
const READERS_MAX: usize = 4;

/// Some minutes of a large site; a longer log only makes the next start slower.
const WAL_BYTES_MAX: u64 = 64 << 20;
