//! Runs of candidate rules over stored history: asked for, worked on, reported.
//!
//! Rely on this: a run that is asked for is a row, so a restart forgets none; what was under way when
//! a process ended is marked as failed at the next start. Deliberately absent: how a run is done.

use forewarn_domain::time::Time;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::journal::{self, Change};
use super::row::{parsed, time, time_opt};
use super::{Records, RecordsError, next, query};

/// A run over stored history.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Dense, in the order of asking.
    pub number: i64,
    /// When it was asked for.
    pub at: Time,
    /// What was asked.
    pub asked: NewTrial,
    /// How far it has come.
    pub state: TrialState,
    /// Share of the history that is done, 0 to 1.
    pub progress: f64,
    /// Why it failed.
    pub why: Option<String>,
    /// What came out, as JSON.
    pub report: Option<String>,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// A run that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTrial {
    /// Who asks.
    pub author: String,
    /// What for: `diff`, `proposal`, `shadow`.
    pub purpose: String,
    /// The version of the rules beside which it runs.
    pub base_version: i64,
    /// The candidate rules.
    pub toml: String,
    /// From when findings count; what came before only teaches.
    pub since: Time,
    /// Until when.
    pub until: Time,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TrialState {
    /// A person asked for its end.
    Cancelled,
    /// It reported.
    Done,
    /// It could not be done.
    Failed,
    /// It waits for the one before.
    Queued,
    /// It runs.
    Running,
}

impl TrialState {
    /// The word under which it is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Queued => "queued",
            Self::Running => "running",
        }
    }
}

impl std::str::FromStr for TrialState {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Cancelled, Self::Done, Self::Failed, Self::Queued, Self::Running]
            .into_iter()
            .find(|it| it.as_str() == word)
            .ok_or_else(|| format!("`{word}` is no state of a run"))
    }
}

impl Records {
    /// Asks for a run.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn ask_trial(&self, asked: &NewTrial, at: Time) -> Result<i64, RecordsError> {
        let mut tx = self.begin().await?;
        let number = next(&mut tx, "backtest").await?;
        query(
            "INSERT INTO backtest (number, at, author, purpose, base_version, toml, since, until,
                 state, progress)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', 0.0)",
        )
        .bind(number)
        .bind(at.micros())
        .bind(asked.author.as_str())
        .bind(asked.purpose.as_str())
        .bind(asked.base_version)
        .bind(asked.toml.as_str())
        .bind(asked.since.micros())
        .bind(asked.until.micros())
        .execute(&mut *tx)
        .await?;
        self.finish(tx).await?;
        Ok(number)
    }

    /// The oldest run that waits; it is marked as running.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn take_trial(&self) -> Result<Option<Trial>, RecordsError> {
        let row = query("SELECT MIN(number) AS number FROM backtest WHERE state = 'queued'")
            .fetch_one(&self.reader)
            .await?;
        let number: Option<i64> = row.try_get("number")?;
        let Some(number) = number else { return Ok(None) };
        let mut tx = self.begin().await?;
        let taken =
            query("UPDATE backtest SET state = 'running' WHERE number = $1 AND state = 'queued'")
                .bind(number)
                .execute(&mut *tx)
                .await?;
        self.finish(tx).await?;
        if taken.rows_affected() == 0 { Ok(None) } else { self.trial(number).await.map(Some) }
    }

    /// Notes how far a run has come; `false` when it was cancelled meanwhile.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn trial_progress(&self, number: i64, share: f64) -> Result<bool, RecordsError> {
        let noted =
            query("UPDATE backtest SET progress = $1 WHERE number = $2 AND state = 'running'")
                .bind(share)
                .bind(number)
                .execute(&self.writer)
                .await?;
        Ok(noted.rows_affected() == 1)
    }

    /// Ends a run with its report, or with the reason why there is none. A cancelled run stays so.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn end_trial(
        &self,
        number: i64,
        outcome: Result<String, String>,
        at: Time,
    ) -> Result<(), RecordsError> {
        let (state, report, why) = match outcome {
            Ok(report) => (TrialState::Done, Some(report), None),
            Err(why) => (TrialState::Failed, None, Some(why)),
        };
        let mut tx = self.begin().await?;
        query(
            "UPDATE backtest SET state = $1, report = $2, why = $3, ended_at = $4,
                 progress = CASE WHEN $1 = 'done' THEN 1.0 ELSE progress END
             WHERE number = $5 AND state = 'running'",
        )
        .bind(state.as_str())
        .bind(report)
        .bind(why)
        .bind(at.micros())
        .bind(number)
        .execute(&mut *tx)
        .await?;
        let subject = number.to_string();
        let change = Change { at, kind: "backtest.ended", subject: &subject, device: "" };
        journal::write_change(&mut tx, change).await?;
        self.finish(tx).await
    }

    /// Cancels a run that has not ended.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownNumber`].
    pub async fn cancel_trial(&self, number: i64, at: Time) -> Result<Trial, RecordsError> {
        let mut tx = self.begin().await?;
        query(
            "UPDATE backtest SET state = 'cancelled', ended_at = $1
             WHERE number = $2 AND state IN ('queued', 'running')",
        )
        .bind(at.micros())
        .bind(number)
        .execute(&mut *tx)
        .await?;
        self.finish(tx).await?;
        self.trial(number).await
    }

    /// Marks what an earlier process left under way.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn drop_broken_trials(&self, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query(
            "UPDATE backtest SET state = 'failed', why = $1, ended_at = $2 WHERE state = 'running'",
        )
        .bind("the server was restarted; ask again")
        .bind(at.micros())
        .execute(&mut *tx)
        .await?;
        self.finish(tx).await
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownNumber`].
    pub async fn trial(&self, number: i64) -> Result<Trial, RecordsError> {
        let row = query("SELECT * FROM backtest WHERE number = $1")
            .bind(number)
            .fetch_optional(&self.reader)
            .await?;
        trial(&row.ok_or(RecordsError::UnknownNumber { what: "backtest", number })?)
    }

    /// Runs, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn trials(&self, limit: i64) -> Result<Vec<Trial>, RecordsError> {
        query("SELECT * FROM backtest ORDER BY number DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(trial)
            .collect()
    }
}

fn trial(row: &AnyRow) -> Result<Trial, RecordsError> {
    Ok(Trial {
        number: row.try_get("number")?,
        at: time(row, "at")?,
        asked: NewTrial {
            author: row.try_get("author")?,
            purpose: row.try_get("purpose")?,
            base_version: row.try_get("base_version")?,
            toml: row.try_get("toml")?,
            since: time(row, "since")?,
            until: time(row, "until")?,
        },
        state: parsed(row, "state")?,
        progress: row.try_get("progress")?,
        why: row.try_get("why")?,
        report: row.try_get("report")?,
        ended_at: time_opt(row, "ended_at")?,
    })
}
