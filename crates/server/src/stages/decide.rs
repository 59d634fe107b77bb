//! Stage 3: readings become anomalies, episodes and tickets.
//!
//! ingest -> store -> **decide** (detect, diagnose, ticket) -> notify
//!
//! One thread calls the pure engine and commits what it says: ticket, timeline, outbox and episode in
//! one transaction. The cursor and the engine's memory follow every few seconds, also in one. A kill
//! in between makes the same decisions again, and the store recognises them.

mod inputs;
mod learn;
mod rules;
#[cfg(test)]
mod exactly_one;

pub(crate) use inputs::{AGENT_SILENT, AgentSilent, notice_of};
pub(crate) use rules::Beside;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forewarn_domain::episode::Episode;
use forewarn_domain::reading::{Batch, Stream, StreamKey};
use forewarn_domain::time::Time;
use forewarn_engine::inbox::Inbox;
use forewarn_engine::{Decision, Engine, EngineError, SnapshotError};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::readings::{ReadingStore, StoreError};
use forewarn_store::records::{Commit, Records, RecordsError, Snapshot, TicketWrite};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::bench::rulebook::RulebookError;
use crate::health::{Health, Stage, StageState};
use crate::live::Live;
use crate::metrics::{Counter, Metrics};

/// The stage and what it needs.
pub(crate) struct Decide {
    pub(crate) engine: Engine,
    pub(crate) readings: ReadingStore,
    pub(crate) records: Records,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) live: Arc<Live>,
    pub(crate) is_behind: Arc<AtomicBool>,
    pub(crate) beside: Beside,
}

/// What the thread keeps between two batches.
struct Work {
    inbox: Inbox,
    inputs_applied: i64,
    looked_at: Duration,
    saved_at: Duration,
    save_after: Duration,
    shown_at: Duration,
    show_cost: Duration,
    is_moved: bool,
}

impl Decide {
    /// Takes up where the last process stopped.
    ///
    /// # Errors
    ///
    /// [`DecideError`] when the stores do not answer or the snapshot is damaged.
    pub(crate) async fn resume(&mut self) -> Result<Resumed, DecideError> {
        let snapshot = self.records.load_snapshot().await?.unwrap_or_default();
        self.engine.restore(&snapshot.parts)?;
        let inbox = Inbox::resume(&snapshot.cursors);
        Ok(Resumed { inbox, inputs_applied: snapshot.inputs_applied })
    }

    /// Works until `stop`; then commits once more.
    pub(crate) fn run(
        mut self,
        resumed: Resumed,
        mut from_store: mpsc::Receiver<Arc<Batch>>,
        runtime: &Handle,
        stop: &CancellationToken,
    ) {
        let mut work = Work::new(resumed, &self.clock);
        let mut is_catching_up = true;
        while !stop.is_cancelled() {
            let outcome = runtime.block_on(async {
                if std::mem::take(&mut is_catching_up)
                    || self.is_behind.swap(false, Ordering::AcqRel)
                {
                    self.catch_up(&mut work, stop).await?;
                }
                self.step(&mut work, &mut from_store, stop).await
            });
            if let Err(error) = outcome {
                self.report(&error);
                is_catching_up = true;
                std::thread::sleep(RETRY_AFTER);
            }
        }
        if let Err(error) = runtime.block_on(self.save(&mut work)) {
            self.report(&error);
        }
    }

    /// One round: what has arrived, what people did, and now and then the cursor.
    async fn step(
        &mut self,
        work: &mut Work,
        from_store: &mut mpsc::Receiver<Arc<Batch>>,
        stop: &CancellationToken,
    ) -> Result<(), DecideError> {
        let mut arrived = Vec::with_capacity(ROUND_BATCHES_MAX);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            taken = from_store.recv_many(&mut arrived, ROUND_BATCHES_MAX) => {
                if taken == 0 {
                    // The store stage has ended, so the whole process is about to.
                    stop.cancelled().await;
                    return Ok(());
                }
            }
            () = tokio::time::sleep(ROUND) => {}
        }
        let has_work = !arrived.is_empty();
        for batch in arrived {
            self.offer(work, batch).await?;
        }
        let mut missing = work.inbox.missing();
        missing.extend(self.passed_over(work));
        if !missing.is_empty() {
            self.fetch(work, &missing, stop).await?;
        }
        if self.take_inputs(work).await? {
            self.save(work).await?;
        }
        self.breathe(work, has_work).await
    }

    /// Streams whose next batch is stored and will not come by itself: an earlier process stored it
    /// behind a gap, and the gap has closed since.
    fn passed_over(&self, work: &mut Work) -> Vec<(StreamKey, u64)> {
        let now = self.clock.monotonic();
        if now.saturating_sub(work.looked_at) < LOOK_EVERY {
            return Vec::new();
        }
        work.looked_at = now;
        let mut cursors = work.inbox.cursors();
        cursors.retain(|(key, next)| self.readings.ledger(key).contains(*next));
        cursors
    }

    /// Fetches everything that the store holds beyond the cursors.
    async fn catch_up(
        &mut self,
        work: &mut Work,
        stop: &CancellationToken,
    ) -> Result<(), DecideError> {
        let known = work.inbox.cursors();
        let mut from: Vec<(StreamKey, u64)> = Vec::new();
        for (key, _) in self.readings.ledgers() {
            if key.stream == Stream::BULK {
                continue;
            }
            let next = known.iter().find(|(it, _)| *it == key).map_or(1, |(_, next)| *next);
            from.push((key, next));
        }
        self.fetch(work, &from, stop).await
    }

    async fn fetch(
        &mut self,
        work: &mut Work,
        from: &[(StreamKey, u64)],
        stop: &CancellationToken,
    ) -> Result<(), DecideError> {
        let mut from = from.to_vec();
        while !stop.is_cancelled() {
            let page = self.readings.unconsumed(&from, PAGE_BATCHES).await?;
            let before = from.clone();
            for batch in page {
                self.offer(work, batch).await?;
            }
            let cursors = work.inbox.cursors();
            for (key, next) in &mut from {
                if let Some((_, reached)) = cursors.iter().find(|(it, _)| it == key) {
                    *next = (*next).max(*reached);
                }
            }
            self.breathe(work, true).await?;
            if from == before {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn offer(&mut self, work: &mut Work, batch: Arc<Batch>) -> Result<(), DecideError> {
        for batch in work.inbox.offer(batch) {
            work.is_moved = true;
            let decisions = self.engine.advance(&batch);
            self.commit(&decisions).await?;
            self.beside.advance(&batch, &self.records).await;
        }
        Ok(())
    }

    /// Makes decisions durable. They are not made again by the engine in this process, so a store
    /// that does not answer is asked until it does, or until the process dies and replays.
    pub(crate) async fn commit(&self, decisions: &[Decision]) -> Result<(), DecideError> {
        if decisions.is_empty() {
            return Ok(());
        }
        let mut episodes: Vec<Episode> = Vec::new();
        for decision in decisions {
            if let Some(episode) = decision.episode().and_then(|it| self.engine.episode(it)) {
                episodes.retain(|it| it.id != episode.id);
                episodes.push(episode.clone());
            }
        }
        let tickets = decisions.iter().map(ticket_write).collect();
        let commit = Commit { tickets, episodes, snapshot: None, at: self.now() };
        loop {
            match self.records.commit(&commit).await {
                Ok(committed) => {
                    let opened = u64::try_from(committed.opened.len()).unwrap_or(u64::MAX);
                    self.metrics.add(Counter::DecideTickets, opened);
                    for (id, number) in &committed.opened {
                        tracing::info!(stage = "decide", ticket.id = %id, "opened ticket {number}");
                    }
                    return Ok(());
                }
                Err(error) => self.report(&DecideError::Records(error)),
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Shows how things stand every second, and saves the cursor every few.
    async fn breathe(&mut self, work: &mut Work, has_work: bool) -> Result<(), DecideError> {
        let now = self.clock.monotonic();
        if has_work {
            self.health.worked(Stage::Decide, self.now());
        }
        let tally = self.engine.tally();
        self.metrics.set(Counter::DecideReadings, tally.readings);
        self.metrics.set(Counter::DecideLate, tally.late);
        self.metrics.set(Counter::DecideUnknown, tally.unknown);
        let show_every = SHOW_EVERY.max(SHOW_SHARE * work.show_cost);
        if show_every <= now.saturating_sub(work.shown_at) {
            work.shown_at = now;
            self.live.show(&self.engine, self.now()).await;
            work.show_cost = self.clock.monotonic().saturating_sub(now);
        }
        if work.is_moved && work.save_after <= now.saturating_sub(work.saved_at) {
            self.save(work).await?;
        }
        Ok(())
    }

    /// Cursor and memory in one transaction; then the store may forget what was passed.
    async fn save(&mut self, work: &mut Work) -> Result<(), DecideError> {
        let cursors = work.inbox.cursors();
        self.beside.keep_bursts(&self.records).await?;
        let mut parts = self.engine.changed_parts()?;
        parts.extend(self.beside.changed_parts()?);
        let bytes: usize = parts.iter().map(|(_, text)| text.len()).sum();
        let snapshot =
            Snapshot { parts, cursors: cursors.clone(), inputs_applied: work.inputs_applied };
        let commit = Commit { snapshot: Some(snapshot), at: self.now(), ..Commit::default() };
        if let Err(error) = self.records.commit(&commit).await {
            self.engine.mark_all_changed();
            return Err(error.into());
        }
        work.saved_at = self.clock.monotonic();
        work.save_after = SAVE_EVERY.max(SAVE_MEBIBYTE_EVERY * mebibytes(bytes));
        work.is_moved = false;
        self.readings.release(&cursors);
        Ok(())
    }

    fn report(&self, error: &DecideError) {
        let cause = error as &dyn std::error::Error;
        tracing::error!(stage = "decide", error = cause, "the engine's work was not committed");
        self.metrics.add(Counter::DecideFailures, 1);
        self.health.set(
            Stage::Decide,
            StageState::Failed,
            format!("decisions cannot be stored: {error}"),
            format!("判定结果无法写入：{error}"),
        );
    }

    fn now(&self) -> Time {
        Time::from_micros(self.clock.now_us())
    }
}

impl Work {
    fn new(resumed: Resumed, clock: &Clock) -> Self {
        Self {
            inbox: resumed.inbox,
            inputs_applied: resumed.inputs_applied,
            looked_at: clock.monotonic(),
            saved_at: clock.monotonic(),
            save_after: SAVE_EVERY,
            shown_at: Duration::ZERO,
            show_cost: Duration::ZERO,
            is_moved: false,
        }
    }
}

/// Where the last process stopped.
#[derive(Default)]
pub(crate) struct Resumed {
    inbox: Inbox,
    inputs_applied: i64,
}

fn ticket_write(decision: &Decision) -> TicketWrite {
    match decision {
        Decision::Amend { draft, because } => {
            tracing::info!(stage = "decide", trace = %draft.evidence.trace, ticket.id = %draft.id, because, "amended a ticket");
            TicketWrite::Amend(draft.clone())
        }
        Decision::Checked { episode, check } => {
            tracing::info!(stage = "decide", %episode, repair = %check.repair, verdict = %check.verdict, "checked a repair");
            TicketWrite::Checked { episode: *episode, check: check.clone() }
        }
        Decision::Cleared { episode, at } => {
            TicketWrite::EpisodeCleared { episode: *episode, at: *at }
        }
        Decision::Open { draft, because } => {
            tracing::info!(stage = "decide", trace = %draft.evidence.trace, ticket.id = %draft.id, because, "opening a ticket");
            TicketWrite::Open(draft.clone())
        }
        Decision::SetAside { stop, anomaly } => {
            tracing::info!(stage = "decide", stop, rule = %anomaly.rule.id, channel = %anomaly.channel, "set aside in a planned stop");
            TicketWrite::SetAside { stop: stop.clone(), anomaly: anomaly.clone() }
        }
    }
}

/// A round never waits longer, so that what people did takes effect within it.
const ROUND: Duration = Duration::from_millis(250);

/// Bounds the work between two looks at what people did.
const ROUND_BATCHES_MAX: usize = 64;

/// A batch that is only on its way here is then fetched in vain, which is cheap once a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whole mebibytes of a snapshot.
fn mebibytes(bytes: usize) -> u32 {
    u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
}

/// The memory of a large plant is tens of mebibytes; written more often it would wear out the disk.
const SAVE_MEBIBYTE_EVERY: Duration = Duration::from_secs(1);

/// A crash of a small plant replays at most this much, in a fraction of the time.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Pages look about as often.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Showing a large plant takes time itself; at most a twentieth goes into it.
const SHOW_SHARE: u32 = 20;

/// Bounds the memory of a catch-up; a page is decoded at once.
const PAGE_BATCHES: usize = 256;

/// Long enough for a busy disk, short enough that a repaired one is noticed at once.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Why the engine's work could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// An input of the engine cannot be read.
    #[error("input {number} of the engine cannot be read")]
    Input {
        /// Its number.
        number: i64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The rules that are to come into force.
    #[error(transparent)]
    Rules(#[from] RulebookError),
    /// The plant does not take the rules.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The readings store.
    #[error(transparent)]
    Readings(#[from] StoreError),
    /// The records store.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The engine's memory.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}
