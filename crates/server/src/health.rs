//! How each stage is: when it last did something, and why it does nothing.

use std::sync::{Mutex, PoisonError};

use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;

/// A stage of the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Bytes to batches.
    Ingest,
    /// Batches to disk.
    Store,
    /// Readings to tickets.
    Decide,
    /// Parts to waveforms.
    Assemble,
    /// Outbox to people.
    Notify,
    /// Old data away.
    Retain,
    /// Deadlines of tickets.
    Timers,
}

impl Stage {
    /// All stages, in the order in which a reading passes them.
    pub const ALL: [Self; 7] = [
        Self::Ingest,
        Self::Store,
        Self::Decide,
        Self::Assemble,
        Self::Notify,
        Self::Retain,
        Self::Timers,
    ];

    /// The name in logs, metrics and on pages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Store => "store",
            Self::Decide => "decide",
            Self::Assemble => "assemble",
            Self::Notify => "notify",
            Self::Retain => "retain",
            Self::Timers => "timers",
        }
    }

    fn place(self) -> usize {
        Self::ALL.iter().position(|it| *it == self).unwrap_or(0)
    }
}

/// How a stage is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StageState {
    /// It works, with a remark.
    Degraded,
    /// It cannot work.
    Failed,
    /// It has nothing to do.
    Idle,
    /// It works.
    Ok,
}

impl StageState {
    /// The word on pages and in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Idle => "idle",
            Self::Ok => "ok",
        }
    }
}

/// One stage's last word.
#[derive(Clone, Debug)]
pub struct StageReport {
    /// How it is.
    pub state: StageState,
    /// When it last did something.
    pub last_run: Option<Time>,
    /// Why it does nothing, or what is wrong.
    pub why: Localized,
}

/// All stages.
#[derive(Debug)]
pub struct Health {
    stages: Mutex<Vec<StageReport>>,
}

impl Default for Health {
    fn default() -> Self {
        let waiting = |stage| StageReport {
            state: StageState::Idle,
            last_run: None,
            why: match stage {
                Stage::Retain => Localized::new("it looks every five minutes", "每五分钟检查一次"),
                Stage::Timers => Localized::new("no deadline yet", "暂无时限"),
                Stage::Notify => Localized::new("nothing to tell yet", "暂无待发消息"),
                Stage::Ingest | Stage::Store | Stage::Decide | Stage::Assemble => {
                    Localized::new("nothing has come yet", "尚无数据")
                }
            },
        };
        Self { stages: Mutex::new(Stage::ALL.into_iter().map(waiting).collect()) }
    }
}

impl Health {
    /// A stage did its work just now.
    pub(crate) fn worked(&self, stage: Stage, at: Time) {
        self.change(stage, |report| {
            report.last_run = Some(at);
            if report.state != StageState::Ok {
                report.state = StageState::Ok;
                report.why = Localized::default();
            }
        });
    }

    /// A stage does nothing, or something is wrong with it.
    pub(crate) fn set(
        &self,
        stage: Stage,
        state: StageState,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) {
        let why = Localized::new(en, zh);
        self.change(stage, |report| {
            report.state = state;
            report.why = why;
        });
    }

    /// Every stage with its last word.
    #[must_use]
    pub fn reports(&self) -> Vec<(Stage, StageReport)> {
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        Stage::ALL.into_iter().zip(stages.iter().cloned()).collect()
    }

    fn change(&self, stage: Stage, change: impl FnOnce(&mut StageReport)) {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = stages.get_mut(stage.place()) {
            change(report);
        }
    }
}
