//! Beside the line: old data goes, evidence stays, the disk keeps its bounds.

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::failpoint;
use forewarn_store::readings::{Hold, ReadingStore, RetentionPolicy, StoreError};
use forewarn_store::records::{Records, RecordsError, StateFilter, TicketFilter, WaveformRow};
use forewarn_store::waveform_files::{WaveformFileError, WaveformFiles};

use crate::health::{Health, Stage, StageState};
use crate::metrics::{Counter, Metrics};

/// The stage and what it needs.
pub(crate) struct Retain {
    pub(crate) readings: ReadingStore,
    pub(crate) records: Records,
    pub(crate) files: WaveformFiles,
    pub(crate) policy: RetentionPolicy,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

impl Retain {
    /// Cleans up at once, since a server may never live long, and then now and then until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = Time::from_micros(self.clock.now_us());
            match self.clean(now).await {
                Ok(()) => {
                    self.metrics.add(Counter::RetainRuns, 1);
                    self.health.worked(Stage::Retain, now);
                }
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(
                        stage = "retain",
                        error = cause,
                        "old data could not be removed"
                    );
                    self.health.set(
                        Stage::Retain,
                        StageState::Failed,
                        format!("old data cannot be removed: {error}"),
                        format!("旧数据无法清理：{error}"),
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CLEAN_EVERY) => {}
            }
        }
    }

    async fn clean(&self, now: Time) -> Result<(), RetainError> {
        let holds = self.holds().await?;
        let retained = self.readings.retain(&self.policy, now, &holds).await?;
        self.metrics.add(Counter::RetainExpired, retained.expired);
        self.metrics.add(Counter::RetainOverCap, retained.over_cap);
        if 0 < retained.over_cap {
            tracing::warn!(
                stage = "retain",
                readings = retained.over_cap,
                "removed readings to stay within the cap"
            );
        }
        self.metrics.add(Counter::RetainRollups, retained.rollups);
        self.metrics.add(Counter::RetainTexts, retained.texts);
        for channel in self.records.waveform_channels().await? {
            let before = now - self.policy.spans(self.policy.class(&channel)).waveform;
            let expired = self.records.expired_waveforms(&channel, before, now, WAVEFORMS_MAX);
            for row in expired.await? {
                self.delete_waveform(&row).await?;
                self.metrics.add(Counter::RetainWaveforms, 1);
            }
        }
        self.records.drop_bursts(now - self.policy.otherwise.raw).await?;
        Ok(self.records.prune(now).await?)
    }

    /// The file goes first: a kill before the row goes leaves a row that is found expired again. A
    /// file that another waveform needs, for it has the same samples, stays.
    async fn delete_waveform(&self, row: &WaveformRow) -> Result<(), RetainError> {
        if !self.records.shares_samples(row).await? {
            let (files, sha256) = (self.files.clone(), row.header.sha256);
            let deleted = tokio::task::spawn_blocking(move || files.delete(&sha256)).await;
            deleted.map_err(|source| RetainError::Thread { source })??;
            failpoint::pass("server: the waveform's file is deleted, its row is not");
        }
        Ok(self.records.forget_waveform(row.id).await?)
    }

    /// What open tickets rest on.
    async fn holds(&self) -> Result<Vec<Hold>, RetainError> {
        let filter = TicketFilter { state: StateFilter::Open, ..TicketFilter::default() };
        let mut holds = Vec::new();
        for row in self.records.tickets(&filter, None, TICKETS_MAX).await? {
            let draft = self.records.ticket_draft(row.id).await?;
            holds.extend(draft.evidence.trends.into_iter().map(|trend| Hold {
                channel: trend.channel,
                from: trend.from,
                to: trend.to,
            }));
        }
        Ok(holds)
    }
}

/// The store deletes in whole hours; looking this often keeps each run short.
const CLEAN_EVERY: Duration = Duration::from_secs(300);

/// Waveforms of a channel removed in one run.
const WAVEFORMS_MAX: i64 = 1_000;

/// A plant with more open tickets than this has other worries than its disk.
const TICKETS_MAX: i64 = 10_000;

#[derive(Debug, thiserror::Error)]
enum RetainError {
    #[error(transparent)]
    File(#[from] WaveformFileError),
    #[error(transparent)]
    Readings(#[from] StoreError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error("the thread that deletes waveforms ended early")]
    Thread { source: tokio::task::JoinError },
}
