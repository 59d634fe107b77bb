//! Stage 4: what happened to tickets reaches people and systems.
//!
//! ingest -> store -> decide -> **notify**
//!
//! The outbox was written together with what it tells, so nothing is told that is not committed, and
//! what is committed is told at least once; a receiver that honours the key sees it once. Each channel
//! has a worker of its own: a receiver that hangs, or a message that nobody takes, delays no other.

mod day;
pub(crate) mod desk;
pub(crate) mod lines;
pub(crate) mod routes;
mod words;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::family::Priority;
use forewarn_domain::people::People;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::records::{
    DEFAULT_CHANNEL, Message, MessageNotice, Parcel, Records, RecordsError,
};
use forewarn_tickets::Handbook;

use crate::health::{Health, Stage, StageState};
use crate::metrics::{Counter, Metrics};
use lines::{Line, Lines};
use worker::Worker;

/// The stage and what it needs.
#[derive(Debug)]
pub struct Notify {
    /// Where it happens, and what people call the devices.
    pub plant: Arc<Plant>,
    /// The outbox.
    pub records: Records,
    /// The channels.
    pub lines: Arc<Lines>,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How the stage is.
    pub health: Arc<Health>,
}

impl Notify {
    /// Sends what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        if self.lines.all().is_empty() {
            self.health.set(
                Stage::Notify,
                StageState::Idle,
                "no channel is set up; what happens is written to the log only",
                "未配置通知渠道，事件仅写入日志",
            );
        }
        let workers = self.lines.all().iter().map(|line| Worker::new(&self, line).run(&stop));
        let workers = futures::future::join_all(workers);
        tokio::join!(workers, self.watch(&stop));
    }

    /// What belongs to no channel: the log, channels that are gone, keys that expire.
    async fn watch(&self, stop: &CancellationToken) {
        let (mut looked_for_keys, mut told) = (None, day::Told::default());
        while !stop.is_cancelled() {
            let now = self.now();
            let mut done = self.sweep().await;
            let today = now.to_utc().date_naive();
            if done.is_ok() && looked_for_keys != Some(today) {
                done = self.warn_of_keys(today).await;
                looked_for_keys = done.is_ok().then_some(today);
            }
            if done.is_ok() {
                done = self.tell_the_day(&mut told).await;
            }
            if let Err(error) = done {
                let cause = &error as &dyn std::error::Error;
                tracing::error!(stage = "notify", error = cause, "the outbox could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Tells the log what is for the log, and gives up what is for channels that are set up no more.
    async fn sweep(&self) -> Result<(), RecordsError> {
        for counts in self.records.channel_counts().await? {
            let channel = counts.channel.as_str();
            if counts.waiting == 0 || self.lines.get(channel).is_some() {
                continue;
            }
            if channel == DEFAULT_CHANNEL {
                self.tell_the_log().await?;
                continue;
            }
            let why = "no channel of this name is set up";
            let given_up = self.records.abandon_messages(channel, self.now(), why).await?;
            self.metrics.add(Counter::NotifyDead, given_up);
            tracing::warn!(stage = "notify", channel, given_up, "messages were given up: {why}");
        }
        Ok(())
    }

    async fn tell_the_log(&self) -> Result<(), RecordsError> {
        let now = self.now();
        for due in self.records.due_messages(DEFAULT_CHANNEL, now, LOGGED_MAX).await? {
            let claimed = self.records.claim_messages(&[due.id], None, now, worker::LEASE).await?;
            for message in claimed {
                let number = message.facts.number.as_str();
                tracing::info!(
                    stage = "notify",
                    ticket = number,
                    what = message.what,
                    "told the log"
                );
                self.records.message_sent(Parcel::One(message.id), now).await?;
            }
        }
        Ok(())
    }

    /// Who works in the plant, where messages call somebody by name and there is a handbook.
    async fn people(&self, messages: &[Message]) -> Result<Option<People>, RecordsError> {
        if messages.iter().all(|it| it.facts.to.is_empty()) {
            return Ok(None);
        }
        let documents = self.records.documents().await?;
        let handbook = Handbook::read(&self.plant, &documents).ok();
        Ok(handbook.map(|it| it.people().clone()))
    }

    /// A week before a key expires its own channel says so, and another one, since the first may be
    /// the one that nobody reads any more.
    async fn warn_of_keys(&self, today: chrono::NaiveDate) -> Result<(), RecordsError> {
        for line in self.lines.all() {
            let Some(expires) = line.outlet.expires else { continue };
            let days = (expires - today).num_days();
            if KEY_WARNING_DAYS < days {
                continue;
            }
            let id = line.outlet.id.as_str();
            let headline = Localized::new(
                format!("the key of message channel {id} expires on {expires}"),
                format!("消息渠道 {id} 的密钥将于 {expires} 到期"),
            );
            for channel in std::iter::once(id).chain(self.second(line)) {
                let notice = MessageNotice {
                    what: "notice",
                    key: format!("expiry/{id}/{expires}/{channel}"),
                    channel: channel.to_owned(),
                    headline: headline.clone(),
                    priority: Some(Priority::P2),
                };
                self.records.give_notice(&notice, self.now()).await?;
            }
        }
        Ok(())
    }

    /// The stand-in of a channel, or another channel to people.
    fn second(&self, line: &Line) -> Option<&str> {
        if let Some(fallback) = &line.outlet.fallback {
            return self.lines.get(&fallback.to).map(|it| it.outlet.id.as_str());
        }
        let mut others = self.lines.all().iter().filter(|it| it.outlet.id != line.outlet.id);
        others.find(|it| it.outlet.channel.is_for_people()).map(|it| it.outlet.id.as_str())
    }

    fn now(&self) -> Time {
        Time::from_micros(self.clock.now_us())
    }
}

/// Retries and held messages become due without any change that would wake the stage.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// As many at a time; the next look takes the rest.
const LOGGED_MAX: i64 = 100;

const KEY_WARNING_DAYS: i64 = 7;
