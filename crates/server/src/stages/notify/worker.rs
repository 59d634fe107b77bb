//! One channel's worker: takes what is due, sends it, and writes down what came of it.
//!
//! The order is take, send, mark. A death after sending sends once more, with the same key; a death
//! before it loses nothing, since what was taken is due again after its lease.

use std::sync::atomic::{AtomicU32, Ordering};

use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::CancellationToken;
use forewarn_notify::Outcome;
use forewarn_notify::pace::{DIGEST_MAX, Due, Sent, Step};
use forewarn_store::failpoint;
use forewarn_store::records::{DueMessage, Message, Parcel, RecordsError};

use super::lines::Line;
use super::{LOOK_EVERY, Notify, words};
use crate::health::{Stage, StageState};
use crate::metrics::Counter;

pub(super) struct Worker<'a> {
    stage: &'a Notify,
    line: &'a Line,
    /// Attempts that failed one after another.
    strikes: AtomicU32,
}

/// What to take next.
enum Next {
    /// These messages, as a digest when there is a key.
    Take(Vec<i64>, Option<String>),
    /// Nothing before this time.
    Wait(Time),
}

impl<'a> Worker<'a> {
    pub(super) fn new(stage: &'a Notify, line: &'a Line) -> Self {
        Self { stage, line, strikes: AtomicU32::new(0) }
    }

    pub(super) async fn run(self, stop: &CancellationToken) {
        let mut changes = self.stage.records.changes();
        loop {
            let until = match self.send_due(stop).await {
                Ok(until) => until,
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(stage = "notify", error = cause, "the outbox did not answer");
                    None
                }
            };
            let pause = until.map_or(LOOK_EVERY, |it| (it - self.stage.now()).to_std());
            tokio::select! {
                () = stop.cancelled() => return,
                _changed = changes.changed() => {}
                () = tokio::time::sleep(pause.min(LOOK_EVERY)) => {}
            }
        }
    }

    /// Sends until nothing is due, or nothing may be sent before the time that is returned.
    async fn send_due(&self, stop: &CancellationToken) -> Result<Option<Time>, RecordsError> {
        let Notify { records, .. } = self.stage;
        let id = self.line.outlet.id.as_str();
        while !stop.is_cancelled() {
            let now = self.stage.now();
            let limit = i64::try_from(DIGEST_MAX).unwrap_or(i64::MAX);
            let due = records.due_messages(id, now, limit).await?;
            let Some(next) = self.next(&due, now).await? else { return Ok(None) };
            let (ids, digest) = match next {
                Next::Take(ids, digest) => (ids, digest),
                Next::Wait(until) => return Ok(Some(until)),
            };
            if let Err(free) = self.line.take(now) {
                return Ok(Some(free));
            }
            let taken = records.claim_messages(&ids, digest.as_deref(), now, LEASE).await?;
            if !taken.is_empty() {
                self.send(&taken, digest.as_deref()).await?;
            }
        }
        Ok(None)
    }

    async fn next(&self, due: &[DueMessage], now: Time) -> Result<Option<Next>, RecordsError> {
        // What was tried before comes first, in the same company.
        if let Some(key) =
            due.iter().filter_map(|it| it.digest.as_deref()).find(|it| !it.is_empty())
        {
            let members = due.iter().filter(|it| it.digest.as_deref() == Some(key));
            let ids = members.map(|it| it.id).collect();
            return Ok(Some(Next::Take(ids, Some(key.to_owned()))));
        }
        if let Some(alone) = due.iter().find(|it| it.digest.is_some()) {
            return Ok(Some(Next::Take(vec![alone.id], None)));
        }
        let pace = &self.line.outlet.pace;
        let mut sent = Vec::new();
        if !due.is_empty() && Span::ZERO < pace.memory() {
            let since = now - pace.memory();
            let parcels = self.stage.records.sent_parcels(&self.line.outlet.id, since).await?;
            let count = |messages| usize::try_from(messages).unwrap_or(usize::MAX);
            sent = parcels.into_iter().map(|(at, it)| Sent { at, count: count(it) }).collect();
        }
        let due: Vec<Due> = due
            .iter()
            .map(|it| Due { id: it.id, since: it.created_at, priority: it.priority })
            .collect();
        let step = pace.next(&due, &sent, now);
        self.line.holds(match &step {
            Step::Wait { why, .. } => Some(why.text()),
            Step::Idle | Step::Send(_) => None,
        });
        Ok(match step {
            Step::Idle => None,
            Step::Wait { until, .. } => Some(Next::Wait(until)),
            Step::Send(ids) => {
                let digest = digest_key(&self.line.outlet.id, &ids);
                Some(Next::Take(ids, digest))
            }
        })
    }

    async fn send(&self, taken: &[Message], digest: Option<&str>) -> Result<(), RecordsError> {
        let Line { outlet, .. } = self.line;
        let links = outlet.links.as_deref();
        let people = self.stage.people(taken).await?;
        let message = words::message(self.stage, taken, digest, links, people.as_ref());
        let seconds = self.stage.now().micros().div_euclid(1_000_000);
        let outcome = outlet.channel.send(&message, seconds).await;
        failpoint::pass("server: told, not marked as told");
        let parcel = match digest {
            Some(key) => Parcel::Digest { channel: &outlet.id, key },
            None => Parcel::One(taken.first().map_or(0, |it| it.id)),
        };
        match outcome {
            Outcome::Delivered => self.delivered(parcel, taken.len()).await,
            Outcome::Locked { reason } => self.locked(parcel, taken, &reason).await,
            Outcome::Refused { reason } => self.refused(parcel, &reason).await,
            Outcome::Retry { after, reason } => {
                let after = after
                    .map(|it| Span::from_millis(i64::try_from(it.as_millis()).unwrap_or(i64::MAX)));
                self.try_later(parcel, taken, (after, &reason)).await
            }
        }
    }

    async fn delivered(&self, parcel: Parcel<'_>, count: usize) -> Result<(), RecordsError> {
        let now = self.stage.now();
        self.strikes.store(0, Ordering::Relaxed);
        self.line.delivered(now);
        self.stage.metrics.add(Counter::NotifySent, u64::try_from(count).unwrap_or(0));
        self.show();
        self.stage.records.message_sent(parcel, now).await
    }

    /// The receiver does not know us: a stand-in gets it at once, where there is one.
    async fn locked(
        &self,
        parcel: Parcel<'_>,
        taken: &[Message],
        reason: &str,
    ) -> Result<(), RecordsError> {
        if self.line.outlet.fallback.is_some() {
            return self.give_up(parcel, reason).await;
        }
        self.try_later(parcel, taken, (None, reason)).await
    }

    /// The receiver does not want it. One message of a digest may be the reason, so each goes alone.
    async fn refused(&self, parcel: Parcel<'_>, reason: &str) -> Result<(), RecordsError> {
        let Parcel::Digest { channel, key } = parcel else {
            return self.give_up(parcel, reason).await;
        };
        self.complain(reason);
        self.stage.metrics.add(Counter::NotifyRetried, 1);
        self.stage.records.digest_apart(channel, key, reason).await
    }

    async fn try_later(
        &self,
        parcel: Parcel<'_>,
        taken: &[Message],
        (after, reason): (Option<Span>, &str),
    ) -> Result<(), RecordsError> {
        let now = self.stage.now();
        let attempts = taken.iter().map(|it| it.attempts).max().unwrap_or(1);
        let since = taken.iter().map(|it| it.created_at).min().unwrap_or(now);
        let is_too_late =
            self.line.outlet.fallback.as_ref().is_some_and(|it| it.after <= now - since);
        if is_too_late || ATTEMPTS_MAX <= attempts {
            return self.give_up(parcel, reason).await;
        }
        self.complain(reason);
        self.stage.metrics.add(Counter::NotifyRetried, 1);
        let strikes = self.strikes.fetch_add(1, Ordering::Relaxed);
        // A service that says when to come again means everybody; one that fails again and again is
        // down for everybody. A single failure may be about one message, and holds nobody else up.
        if let Some(after) = after {
            self.line.pause(now + after);
        } else if STRIKES_MAX <= strikes {
            self.line.pause(now + RESPITE);
        }
        let next = now + pause(attempts).max(after.unwrap_or(Span::ZERO));
        self.stage.records.message_failed(parcel, next, reason).await
    }

    async fn give_up(&self, parcel: Parcel<'_>, reason: &str) -> Result<(), RecordsError> {
        self.complain(reason);
        self.stage.metrics.add(Counter::NotifyDead, 1);
        let stand_in = self.line.outlet.fallback.as_ref().map(|it| it.to.as_str());
        let reason = match stand_in {
            Some(stand_in) => format!("{reason}; handed over to {stand_in}"),
            None => reason.to_owned(),
        };
        self.stage.records.message_dead(parcel, self.stage.now(), &reason, stand_in).await
    }

    fn complain(&self, reason: &str) {
        let channel = self.line.outlet.id.as_str();
        tracing::warn!(stage = "notify", channel, reason, "a message was not delivered");
        self.line.failed(self.stage.now(), reason);
        self.show();
    }

    /// The stage is as well as its worst channel.
    fn show(&self) {
        let Notify { health, lines, .. } = self.stage;
        let failing = lines.failing();
        if failing.is_empty() {
            return health.worked(Stage::Notify, self.stage.now());
        }
        let list = failing.iter().map(|(id, why)| format!("{id}: {why}"));
        let list = list.collect::<Vec<_>>().join("; ");
        health.set(
            Stage::Notify,
            StageState::Degraded,
            format!("messages do not arrive over {list}"),
            format!("消息无法送达：{list}"),
        );
    }
}

/// The same for the same messages; one message alone has its own key.
fn digest_key(channel: &str, ids: &[i64]) -> Option<String> {
    let (first, last) = (ids.first()?, ids.last()?);
    (1 < ids.len()).then(|| format!("digest/{first}-{last}/{}/{channel}", ids.len()))
}

/// 5 s, then fourfold, at most an hour.
fn pause(attempts: i64) -> Span {
    let exponent = u32::try_from(attempts.clamp(1, 8) - 1).unwrap_or(0);
    Span::from_secs((5 * 4_i64.pow(exponent)).min(3_600))
}

/// About a day of attempts; after it the message stands on the health page as given up.
const ATTEMPTS_MAX: i64 = 28;

/// A sender that dies loses nothing for longer than this, which is twice the longest attempt.
pub(super) const LEASE: Span = Span::from_secs(60);

/// After this many failures in a row the whole channel is left alone for a while.
const STRIKES_MAX: u32 = 3;

const RESPITE: Span = Span::from_secs(30);
