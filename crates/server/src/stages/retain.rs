//! Beside the line: old data goes, evidence stays, the disk keeps its bounds.

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::failpoint;
use forewarn_store::readings::{Hold, ReadingStore, RetentionPolicy, StoreError};
use forewarn_store::records::{EvidenceHold, Records, RecordsError, WaveformRow};
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
        let holds = self.holds(now).await?;
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

    /// What tickets rest on, open ones and those that ended not long ago. A stretch of which no more
    /// readings can come is sealed with their hash before anything goes.
    async fn holds(&self, now: Time) -> Result<Vec<Hold>, RetainError> {
        let held = self.records.evidence_held(now).await?;
        for hold in held.iter().filter(|it| it.seal.is_none() && it.to + SETTLED <= now) {
            let EvidenceHold { channel, from, to, .. } = hold;
            let seal = self.readings.fingerprint(channel, *from, *to).await?;
            self.records.seal_evidence(hold, seal).await?;
        }
        let of = |it: EvidenceHold| Hold { channel: it.channel, from: it.from, to: it.to };
        Ok(held.into_iter().map(of).collect())
    }
}

/// The store deletes in whole hours; looking this often keeps each run short.
const CLEAN_EVERY: Duration = Duration::from_secs(300);

/// Waveforms of a channel removed in one run.
const WAVEFORMS_MAX: i64 = 1_000;

/// The engine has passed the end of a stretch when its ticket is written; what comes after is late, and
/// late readings are not counted. This is only for clocks that differ.
const SETTLED: Span = Span::from_secs(120);

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
