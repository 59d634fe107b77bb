//! Beside the line: timers of tickets fire when their time has come, storms and planned stops end.
//!
//! The rows decide what is due, the wall clock when. A wall clock that jumps against the monotonic one
//! is not believed: nothing fires until it is back, or until a restart takes it as it is, and the
//! health page says so. So no deadline is missed by a jump, only told later.

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::records::{Records, RecordsError};

use crate::health::{Health, Stage, StageState};
use crate::metrics::{Counter, Metrics};

/// The stage and what it needs.
pub(crate) struct Timers {
    pub(crate) records: Records,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

impl Timers {
    /// Fires what is due until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut guard = JumpGuard::new(&self.clock);
        loop {
            let pause = match guard.look(&self.clock) {
                Seen::Jumped { by } => {
                    self.complain(by);
                    LOOK_EVERY
                }
                Seen::Held => LOOK_EVERY,
                Seen::Steady { now } => self.round(now).await,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Ends what is over and fires what is due; returns how long to wait for what comes next.
    async fn round(&self, now: Time) -> Duration {
        let done = async {
            self.end_others(now).await?;
            self.fire_due(now).await
        };
        match done.await {
            Ok(next) => {
                self.health.worked(Stage::Timers, now);
                let wait = next.map_or(LOOK_EVERY, |it| (it - now).to_std());
                wait.clamp(SHORTEST, LOOK_EVERY)
            }
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::error!(stage = "timers", error = cause, "timers could not be fired");
                self.metrics.add(Counter::TimersFailures, 1);
                self.health.set(
                    Stage::Timers,
                    StageState::Failed,
                    format!("deadlines cannot be watched: {error}"),
                    format!("无法检查时限：{error}"),
                );
                LOOK_EVERY
            }
        }
    }

    /// Ends storms that are calm and planned stops whose time is over.
    async fn end_others(&self, now: Time) -> Result<(), RecordsError> {
        for incident in self.records.end_calm_incidents(now).await? {
            tracing::info!(stage = "timers", incident, "the incident is over");
        }
        for stop in self.records.end_outlived_stops(now).await? {
            tracing::info!(stage = "timers", stop, "the planned stop is over");
        }
        Ok(())
    }

    async fn fire_due(&self, now: Time) -> Result<Option<Time>, RecordsError> {
        loop {
            let next = self.records.next_timer().await?;
            if next.is_none_or(|it| now < it) {
                return Ok(next);
            }
            let fired = self.records.fire_timers(now, BATCH).await?;
            self.metrics.add(Counter::TimersFired, u64::try_from(fired.len()).unwrap_or(0));
            for it in fired {
                let late_ms = it.late.micros() / 1_000;
                tracing::info!(
                    stage = "timers",
                    ticket.id = %it.ticket,
                    timer = it.name,
                    late_ms,
                    "timer `{}` of {} fired",
                    it.name,
                    it.number
                );
            }
        }
    }

    fn complain(&self, by: Span) {
        let by_s = by.micros() / 1_000_000;
        tracing::warn!(stage = "timers", by_s, "the wall clock jumped; deadlines are held");
        self.metrics.add(Counter::TimersJumps, 1);
        self.health.set(
            Stage::Timers,
            StageState::Degraded,
            format!(
                "the clock of this computer jumped by {by_s} s; deadlines are held until it is set \
                 right, or until a restart takes the new time"
            ),
            format!("本机时钟跳变 {by_s} 秒，时限计时已冻结；请校正时钟，或重启服务以采用新时间"),
        );
    }
}

/// Compares the wall clock with the monotonic one.
#[derive(Debug)]
struct JumpGuard {
    wall: Time,
    monotonic: Duration,
    is_held: bool,
}

/// What the guard saw.
#[derive(Debug, PartialEq)]
enum Seen {
    /// The clock has not come back yet.
    Held,
    /// The clock jumped just now.
    Jumped { by: Span },
    /// The clock runs as it should.
    Steady { now: Time },
}

impl JumpGuard {
    fn new(clock: &Clock) -> Self {
        let wall = Time::from_micros(clock.now_us());
        Self { wall, monotonic: clock.monotonic(), is_held: false }
    }

    fn look(&mut self, clock: &Clock) -> Seen {
        let (now, monotonic) = (Time::from_micros(clock.now_us()), clock.monotonic());
        let passed = monotonic.saturating_sub(self.monotonic).as_micros();
        let expected = self.wall + Span::from_micros(i64::try_from(passed).unwrap_or(i64::MAX));
        let by = now - expected;
        if by <= JUMP && Span::from_micros(-JUMP.micros()) <= by {
            // Small steps are the work of a time server; the guard goes along with them.
            *self = Self { wall: now, monotonic, is_held: false };
            return Seen::Steady { now };
        }
        if std::mem::replace(&mut self.is_held, true) { Seen::Held } else { Seen::Jumped { by } }
    }
}

/// What a time server never corrects at once.
const JUMP: Span = Span::from_secs(30);

/// A timer is late by no more than this, and the time of its commit.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Spares the processor when a timer is due but cannot be fired.
const SHORTEST: Duration = Duration::from_millis(20);

/// One commit for so many: after a long stop there may be thousands.
const BATCH: i64 = 200;

#[cfg(test)]
mod tests;
