//! Beside the line: parts of raw waveforms become files.
//!
//! Parts are durable in the readings store before they come here, and stay there until the file and
//! its row are durable too; so a kill at any point costs nothing but doing it again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::reading::{Batch, BatchBody, Stream, StreamKey};
use forewarn_domain::time::Time;
use forewarn_domain::waveform::{WaveformHeader, WaveformPart};
use forewarn_engine::inbox::Inbox;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::failpoint;
use forewarn_store::readings::{ReadingStore, StoreError};
use forewarn_store::records::{Records, RecordsError};
use forewarn_store::waveform_files::{WaveformFileError, WaveformFiles};
use tokio::sync::mpsc;

use crate::health::{Health, Stage, StageState};
use crate::metrics::{Counter, Metrics};

/// The stage and what it needs.
pub(crate) struct Assemble {
    pub(crate) readings: ReadingStore,
    pub(crate) records: Records,
    pub(crate) files: WaveformFiles,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

/// A waveform of which some parts have come.
struct Unfinished {
    header: WaveformHeader,
    parts: Vec<WaveformPart>,
}

#[derive(Default)]
struct Work {
    inbox: Inbox,
    unfinished: BTreeMap<StreamKey, Unfinished>,
}

impl Assemble {
    /// Works until `stop`.
    pub(crate) async fn run(
        self,
        mut from_store: mpsc::Receiver<Arc<Batch>>,
        stop: CancellationToken,
    ) {
        let mut work = Work::default();
        let mut is_behind = true;
        loop {
            let taken = tokio::select! {
                () = stop.cancelled() => return,
                taken = from_store.recv() => taken,
                () = tokio::time::sleep(LOOK_EVERY) => { is_behind = true; None }
            };
            let outcome = async {
                // First: only the store knows where a stream goes on after a start.
                if is_behind {
                    self.fetch(&mut work).await?;
                    is_behind = false;
                }
                if let Some(batch) = taken {
                    self.offer(&mut work, batch).await?;
                }
                Ok::<(), AssembleError>(())
            };
            if let Err(error) = outcome.await {
                let cause = &error as &dyn std::error::Error;
                tracing::error!(stage = "assemble", error = cause, "a waveform was not stored");
                self.health.set(
                    Stage::Assemble,
                    StageState::Failed,
                    format!("waveforms cannot be stored: {error}"),
                    format!("波形无法写入：{error}"),
                );
            }
        }
    }

    /// Takes what the store still holds: after a start, and what did not fit into the queue.
    async fn fetch(&self, work: &mut Work) -> Result<(), AssembleError> {
        let known = work.inbox.cursors();
        let mut from = Vec::new();
        let ledgers = self.readings.ledgers();
        for (key, _) in &ledgers {
            if key.stream == Stream::BULK {
                let next = known.iter().find(|(it, _)| it == key).map_or(1, |(_, next)| *next);
                from.push((key.clone(), next));
            }
        }
        let page = self.readings.unconsumed(&from, PAGE_BATCHES).await?;
        if page.is_empty() {
            // Everything was passed before the last stop: what comes next is new.
            for (key, ledger) in ledgers.iter().filter(|(key, _)| key.stream == Stream::BULK) {
                if !known.iter().any(|(it, _)| it == key) {
                    work.inbox.skip_to(key, ledger.next_seq());
                }
            }
        }
        for batch in page {
            // What was passed before the last stop is gone from the log; begin at what is left.
            if !work.inbox.cursors().iter().any(|(key, _)| *key == batch.key) {
                work.inbox.skip_to(&batch.key, batch.seq);
            }
            self.offer(work, batch).await?;
        }
        Ok(())
    }

    async fn offer(&self, work: &mut Work, batch: Arc<Batch>) -> Result<(), AssembleError> {
        for batch in work.inbox.offer(batch) {
            self.take(work, &batch).await?;
        }
        Ok(())
    }

    async fn take(&self, work: &mut Work, batch: &Batch) -> Result<(), AssembleError> {
        let BatchBody::Waveform(part) = &batch.body else {
            // Dropped at the edge: what was begun can never be finished.
            work.unfinished.remove(&batch.key);
            self.readings.release(&[(batch.key.clone(), batch.last_seq() + 1)]);
            return Ok(());
        };
        if part.part == 0 {
            let header = part.header.clone();
            work.unfinished.insert(batch.key.clone(), Unfinished { header, parts: Vec::new() });
        }
        let Some(unfinished) = work.unfinished.get_mut(&batch.key) else { return Ok(()) };
        unfinished.parts.push(part.clone());
        if unfinished.parts.len() < usize::from(part.parts) {
            return Ok(());
        }
        if let Some(finished) = work.unfinished.remove(&batch.key) {
            self.finish(&batch.key, part.first_seq, finished).await?;
        }
        self.readings.release(&[(batch.key.clone(), batch.seq + 1)]);
        Ok(())
    }

    async fn finish(
        &self,
        key: &StreamKey,
        first_seq: u64,
        finished: Unfinished,
    ) -> Result<(), AssembleError> {
        let now = Time::from_micros(self.clock.now_us());
        let bytes: Vec<u8> = finished.parts.into_iter().flat_map(|it| it.bytes).collect();
        let files = self.files.clone();
        let stored = tokio::task::spawn_blocking(move || files.put(&bytes)).await;
        let sha256 = stored.map_err(|source| AssembleError::Thread { source })??;
        if sha256 != finished.header.sha256 {
            let expected = finished.header.sha256;
            tracing::warn!(stage = "assemble", %expected, "a waveform does not match its hash");
            self.metrics.add(Counter::AssembleDamaged, 1);
            return Ok(());
        }
        failpoint::pass("server: the waveform's file is written, its row is not");
        let id = WaveformHeader::id(key, first_seq);
        self.records.insert_waveform(id, &finished.header, now).await?;
        self.metrics.add(Counter::AssembleWaveforms, 1);
        self.health.worked(Stage::Assemble, now);
        Ok(())
    }
}

/// Parts that did not fit into the queue wait in the store; nobody is in a hurry for them.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Parts of 184 KiB each; a page stays below 12 MiB.
const PAGE_BATCHES: usize = 64;

#[derive(Debug, thiserror::Error)]
enum AssembleError {
    #[error(transparent)]
    File(#[from] WaveformFileError),
    #[error(transparent)]
    Readings(#[from] StoreError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error("the thread that writes waveforms ended early")]
    Thread { source: tokio::task::JoinError },
}
