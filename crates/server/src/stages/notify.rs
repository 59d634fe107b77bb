//! Stage 4: what happened to tickets reaches people and systems.
//!
//! ingest -> store -> decide -> **notify**
//!
//! The outbox was written together with what it tells, so nothing is told that is not committed, and
//! what is committed is told at least once; a receiver that honours the key sees it once.

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::id::SiteId;
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_notify::{Channel, Message as Notification, Outcome};
use forewarn_store::failpoint;
use forewarn_store::records::{Message, Records, RecordsError, TicketRow};

use crate::health::{Health, Stage, StageState};
use crate::metrics::{Counter, Metrics};

/// The stage and what it needs.
pub(crate) struct Notify {
    pub(crate) site: SiteId,
    pub(crate) records: Records,
    /// Channels by the name under which the outbox addresses them.
    pub(crate) channels: Vec<(String, Channel)>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

impl Notify {
    /// Sends what is due until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        if self.channels.is_empty() {
            self.health.set(
                Stage::Notify,
                StageState::Idle,
                "no channel is set up; what happens is written to the log only",
                "未配置通知渠道，事件仅写入日志",
            );
        }
        let mut changes = self.records.changes();
        loop {
            if let Err(error) = self.send_due().await {
                let cause = &error as &dyn std::error::Error;
                tracing::error!(stage = "notify", error = cause, "the outbox could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _changed = changes.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn send_due(&self) -> Result<(), RecordsError> {
        loop {
            let due = self.records.claim_messages(self.now(), LEASE, CLAIM_MAX).await?;
            if due.is_empty() {
                return Ok(());
            }
            for message in due {
                self.send(&message).await?;
            }
        }
    }

    async fn send(&self, message: &Message) -> Result<(), RecordsError> {
        let ticket = self.records.ticket(&message.ticket.to_string()).await?;
        let channel = self.channels.iter().find(|(name, _)| *name == message.channel);
        let Some((_, channel)) = channel else {
            tracing::info!(stage = "notify", ticket.id = %message.ticket, what = message.what, "told the log");
            return self.records.message_sent(message.id, self.now()).await;
        };
        let seconds = self.now().micros().div_euclid(1_000_000);
        let outcome = channel.send(&self.notification(message, &ticket), seconds).await;
        failpoint::pass("server: told, not marked as told");
        match outcome {
            Outcome::Delivered => {
                self.metrics.add(Counter::NotifySent, 1);
                self.health.worked(Stage::Notify, self.now());
                self.records.message_sent(message.id, self.now()).await
            }
            Outcome::Retry { reason, after } if message.attempts < ATTEMPTS_MAX => {
                self.metrics.add(Counter::NotifyRetried, 1);
                self.complain(message, &reason);
                let asked = after.map_or(Span::ZERO, |it| {
                    Span::from_millis(i64::try_from(it.as_millis()).unwrap_or(i64::MAX))
                });
                let next = self.now() + pause(message.attempts).max(asked);
                self.records.message_failed(message.id, next, &reason).await
            }
            Outcome::Retry { reason, .. } | Outcome::Refused { reason } => {
                self.metrics.add(Counter::NotifyDead, 1);
                self.complain(message, &reason);
                self.records.message_dead(message.id, self.now(), &reason).await
            }
        }
    }

    fn complain(&self, message: &Message, reason: &str) {
        let Message { channel, .. } = message;
        tracing::warn!(stage = "notify", channel, reason, "a message was not delivered");
        self.health.set(
            Stage::Notify,
            StageState::Degraded,
            format!("channel {channel} does not take messages: {reason}"),
            format!("渠道 {channel} 无法送达：{reason}"),
        );
    }

    fn notification(&self, message: &Message, ticket: &TicketRow) -> Notification {
        let body = serde_json::json!({
            "ticket": ticket.id,
            "number": ticket.number,
            "device": ticket.key.device,
            "component": ticket.key.component,
            "fault_family": ticket.key.family,
            "priority": ticket.priority,
            "state": ticket.state,
            "headline": ticket.headline,
        });
        Notification {
            id: message.key.clone(),
            site: self.site.clone(),
            kind: format!("ticket.{}.v1", message.what),
            subject: ticket.number.clone(),
            at: message.created_at,
            body,
        }
    }

    fn now(&self) -> Time {
        Time::from_micros(self.clock.now_us())
    }
}

/// 5 s, then fourfold, at most an hour.
fn pause(attempts: i64) -> Span {
    let exponent = u32::try_from(attempts.clamp(1, 8) - 1).unwrap_or(0);
    Span::from_secs((5 * 4_i64.pow(exponent)).min(3_600))
}

/// About a day of attempts; after it the message stands on the health page as given up.
const ATTEMPTS_MAX: i64 = 28;

/// A sender that dies loses nothing for longer than this.
const LEASE: Span = Span::from_secs(60);

const CLAIM_MAX: i64 = 20;

/// Retries become due without any change that would wake the stage.
const LOOK_EVERY: Duration = Duration::from_secs(2);
