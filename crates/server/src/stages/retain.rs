//! Beside the line: old data goes, evidence stays, the disk keeps its bounds.

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::readings::{Hold, ReadingStore, RetentionPolicy, StoreError};
use forewarn_store::records::{Records, RecordsError, StateFilter, TicketFilter};
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
    /// Cleans up now and then until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CLEAN_EVERY) => {}
            }
            let now = Time::from_micros(self.clock.now_us());
            match self.clean(now).await {
                Ok(()) => self.health.worked(Stage::Retain, now),
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
        let before = now - self.policy.otherwise.waveform;
        for row in self.records.expired_waveforms(before, now, WAVEFORMS_MAX).await? {
            self.records.forget_waveform(row.id).await?;
            let (files, sha256) = (self.files.clone(), row.header.sha256);
            let deleted = tokio::task::spawn_blocking(move || files.delete(&sha256)).await;
            deleted.map_err(|source| RetainError::Thread { source })??;
        }
        Ok(self.records.prune(now).await?)
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

/// Waveforms removed in one run.
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
