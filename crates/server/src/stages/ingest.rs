//! Stage 1: bytes become checked batches.
//!
//! **ingest** -> store -> decide -> notify
//!
//! What does not parse is refused by name, counted and kept for inspection; it never stops what comes
//! behind it. A full queue to the next stage makes the broker wait, and in the end the agent keep.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use forewarn_domain::id::SiteId;
use forewarn_domain::reading::{Batch, BatchBody};
use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::payload::{AgentStatus, Hello, decode};
use forewarn_wire::server_link::Delivery;
use forewarn_wire::topic::AgentAddress;
use tokio::sync::mpsc;

use crate::health::{Health, Stage, StageState};
use crate::metrics::{Counter, Metrics};
use crate::roster::Roster;

/// What the store stage is asked to do.
#[derive(Debug)]
pub(crate) enum ToStore {
    /// Make this durable, then acknowledge it.
    Batch { from: AgentAddress, batch: Arc<Batch> },
    /// An agent has connected: tell it what is durable already.
    Hello { from: AgentAddress, hello: Hello },
}

/// The stage and what it needs.
pub(crate) struct Ingest {
    pub(crate) site: SiteId,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) quarantine: Arc<Quarantine>,
}

/// The newest refused messages, for a person to look at.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    kept: Mutex<VecDeque<Refused>>,
}

/// A message that was not understood.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) at: Time,
    pub(crate) topic: String,
    pub(crate) reason: String,
    pub(crate) bytes: usize,
}

impl Ingest {
    /// Takes deliveries until the link or the next stage ends.
    pub(crate) async fn run(
        self,
        mut deliveries: mpsc::Receiver<Delivery>,
        to_store: mpsc::Sender<ToStore>,
        stop: CancellationToken,
    ) {
        loop {
            let delivery = tokio::select! {
                () = stop.cancelled() => return,
                delivery = deliveries.recv() => delivery,
            };
            let Some(delivery) = delivery else { return };
            let now = Time::from_micros(self.clock.now_us());
            if let Some(work) = self.take(delivery, now)
                && to_store.send(work).await.is_err()
            {
                return;
            }
        }
    }

    fn take(&self, delivery: Delivery, now: Time) -> Option<ToStore> {
        match delivery {
            Delivery::Batch { from, stream, payload } => {
                if from.site != self.site {
                    self.refuse(now, from.to_string(), "another site", payload.len());
                    return None;
                }
                match decode(&from.agent, stream, &payload) {
                    Ok(decoded) => {
                        self.roster.heard(&from, now);
                        self.count(&decoded.batch, payload.len(), now);
                        Some(ToStore::Batch { from, batch: Arc::new(decoded.batch) })
                    }
                    Err(error) => {
                        self.refuse(now, from.to_string(), &error.to_string(), payload.len());
                        None
                    }
                }
            }
            Delivery::Hello { from, hello } => {
                self.roster.hello(&from, &hello, now);
                Some(ToStore::Hello { from, hello })
            }
            Delivery::Status { from, status, was_kept } => {
                self.status(&from, &status, was_kept, now);
                None
            }
            Delivery::Unreadable { topic, reason, payload } => {
                self.refuse(now, topic, &reason.to_string(), payload.len());
                None
            }
        }
    }

    fn status(&self, from: &AgentAddress, status: &AgentStatus, was_kept: bool, now: Time) {
        self.roster.status(from, status, now, was_kept);
    }

    fn count(&self, batch: &Batch, bytes: usize, now: Time) {
        self.metrics.add(Counter::IngestBytes, u64::try_from(bytes).unwrap_or(u64::MAX));
        self.metrics.add(Counter::IngestBatches, 1);
        if let BatchBody::Readings(readings) = &batch.body {
            let readings = u64::try_from(readings.count()).unwrap_or(u64::MAX);
            self.metrics.add(Counter::IngestReadings, readings);
        }
        self.health.worked(Stage::Ingest, now);
    }

    fn refuse(&self, at: Time, topic: String, reason: &str, bytes: usize) {
        tracing::warn!(stage = "ingest", topic, reason, bytes, "refused a message");
        self.metrics.add(Counter::IngestRefused, 1);
        self.health.set(
            Stage::Ingest,
            StageState::Degraded,
            format!("refused a message on {topic}: {reason}"),
            format!("拒收 {topic} 上的一条消息：{reason}"),
        );
        let reason = reason.to_owned();
        self.quarantine.keep(Refused { at, topic, reason, bytes });
    }
}

impl Quarantine {
    fn keep(&self, refused: Refused) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if QUARANTINE_MAX <= kept.len() {
            kept.pop_front();
        }
        kept.push_back(refused);
    }

    /// The newest refusals, newest last.
    pub(crate) fn newest(&self) -> Vec<Refused> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Enough to see a pattern; the counter has the true number.
const QUARANTINE_MAX: usize = 50;
