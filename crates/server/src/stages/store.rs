//! Stage 2: batches become durable, and only then are acknowledged.
//!
//! ingest -> **store** -> decide -> notify
//!
//! Batches of several agents share a commit. A failing store makes this stage wait and try again; the
//! queue behind it fills, acknowledgements stop, and the agents keep what they have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forewarn_domain::reading::{Batch, BatchBody, Epoch, Evicted, Stream, StreamKey};
use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::failpoint;
use forewarn_store::readings::{Appended, Outcome, ReadingStore, StoreError};
use forewarn_wire::payload::{Ack, StreamPosition};
use forewarn_wire::server_link::Answers;
use forewarn_wire::topic::AgentAddress;
use tokio::sync::mpsc;

use crate::health::{Health, Stage, StageState};
use crate::metrics::{Counter, Metrics};
use crate::stages::ingest::ToStore;

/// The stage and what it needs.
pub(crate) struct Store {
    pub(crate) readings: ReadingStore,
    pub(crate) answers: Answers,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) next: Next,
}

/// The stages behind. A full queue is no loss: they fetch what they missed from the store.
#[derive(Clone)]
pub(crate) struct Next {
    pub(crate) decide: mpsc::Sender<Arc<Batch>>,
    pub(crate) assemble: mpsc::Sender<Arc<Batch>>,
    /// Set when a batch did not fit into the queue of `decide`.
    pub(crate) is_behind: Arc<AtomicBool>,
}

impl Store {
    /// Stores until the entrance closes; what was taken in is still stored.
    pub(crate) async fn run(
        self,
        mut from_ingest: mpsc::Receiver<ToStore>,
        stop: CancellationToken,
    ) {
        let mut work = Vec::with_capacity(COMMIT_BATCHES_MAX);
        loop {
            tokio::select! {
                () = stop.cancelled(), if !from_ingest.is_closed() => {
                    from_ingest.close();
                    continue;
                }
                taken = from_ingest.recv_many(&mut work, COMMIT_BATCHES_MAX) => {
                    if taken == 0 {
                        return;
                    }
                }
            }
            let mut waiting = self.sort(&mut work).await.into_iter().peekable();
            while waiting.peek().is_some() {
                if !self.store(next_commit(&mut waiting), &stop).await {
                    return;
                }
            }
        }
    }

    /// Answers greetings; what is left are batches.
    async fn sort(&self, work: &mut Vec<ToStore>) -> Vec<(AgentAddress, Arc<Batch>)> {
        let mut batches = Vec::with_capacity(work.len());
        for piece in work.drain(..) {
            match piece {
                ToStore::Batch { from, batch } => batches.push((from, batch)),
                ToStore::Hello { from, hello } => {
                    for position in &hello.streams {
                        self.greet(&from, hello.epoch, position).await;
                    }
                }
            }
        }
        batches
    }

    /// Commits, acknowledges, passes on. `false` when the process stops before the store answers.
    async fn store(
        &self,
        batches: Vec<(AgentAddress, Arc<Batch>)>,
        stop: &CancellationToken,
    ) -> bool {
        let only: Vec<Arc<Batch>> = batches.iter().map(|(_, batch)| Arc::clone(batch)).collect();
        let appended = loop {
            match self.readings.append(only.clone()).await {
                Ok(appended) => break appended,
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(stage = "store", error = cause, "readings were not stored");
                    self.metrics.add(Counter::StoreFailures, 1);
                    self.health.set(
                        Stage::Store,
                        StageState::Failed,
                        format!("the readings store does not take readings: {error}"),
                        format!("读数存储无法写入：{error}"),
                    );
                    if matches!(error, StoreError::Closed) {
                        // The writer is gone for good; a new process opens the file afresh.
                        return false;
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        };
        failpoint::pass("server: committed, not acknowledged");
        self.health.worked(Stage::Store, Time::from_micros(self.clock.now_us()));
        for ((from, batch), answer) in batches.iter().zip(&appended) {
            self.count(batch, answer);
            if !matches!(answer.outcome, Outcome::Refused(_)) {
                self.acknowledge(from, answer).await;
                failpoint::pass("server: acknowledged, not passed on");
            }
            if matches!(answer.outcome, Outcome::New { .. }) {
                tracing::debug!(stage = "store", trace = %batch.trace(), "a batch is durable");
                self.pass_on(batch);
            }
        }
        true
    }

    fn count(&self, batch: &Batch, answer: &Appended) {
        match answer.outcome {
            Outcome::Known => self.metrics.add(Counter::StoreKnown, 1),
            Outcome::New { late } => {
                self.metrics.add(Counter::StoreBatches, 1);
                self.metrics.add(Counter::StoreLate, u64::from(late));
                if let BatchBody::Readings(readings) = &batch.body {
                    let readings = u64::try_from(readings.count()).unwrap_or(u64::MAX);
                    self.metrics.add(Counter::StoreReadings, readings);
                }
            }
            Outcome::Refused(why) => {
                self.metrics.add(Counter::StoreRefused, 1);
                tracing::warn!(stage = "store", agent = %answer.key.agent, seq = answer.seq, %why, "refused a batch");
            }
        }
    }

    async fn acknowledge(&self, to: &AgentAddress, answer: &Appended) {
        let ack = Ack {
            epoch: answer.key.epoch,
            stream: answer.key.stream,
            received: answer.ledger.clone(),
        };
        if let Err(error) = self.answers.acknowledge(to, &ack).await {
            // The agent sends the batch again and is answered then.
            tracing::debug!(stage = "store", agent = %to.agent, %error, "an acknowledgement was not sent");
        }
    }

    /// Tells an agent what of a stream is durable, even when that is nothing yet.
    ///
    /// An agent deletes only what was acknowledged. When it begins beyond what this ledger knows, the
    /// ledger is older than the agent (restored from a backup), and what lies between is lost for good:
    /// it is noted as evicted, so that the line moves on and the loss is counted.
    async fn greet(&self, to: &AgentAddress, epoch: Epoch, position: &StreamPosition) {
        let stream = position.stream;
        let key = StreamKey { agent: to.agent.clone(), epoch, stream };
        let next_seq = self.readings.ledger(&key).next_seq();
        if next_seq < position.first_available {
            let to_seq = position.first_available - 1;
            tracing::error!(stage = "store", agent = %to.agent, next_seq, to_seq, "the ledger is older than the agent: batches {next_seq} to {to_seq} are lost");
            self.metrics.add(Counter::StoreLostBatches, position.first_available - next_seq);
            let reason = "the server's ledger is older than the agent".to_owned();
            let body = BatchBody::Evicted(Evicted { to_seq, readings: 0, reason });
            let lost = Arc::new(Batch { key: key.clone(), seq: next_seq, body });
            match self.readings.append(vec![Arc::clone(&lost)]).await {
                Ok(_appended) => self.pass_on(&lost),
                Err(error) => {
                    tracing::error!(stage = "store", %error, "a loss could not be noted");
                }
            }
        }
        let ack = Ack { epoch, stream, received: self.readings.ledger(&key) };
        if let Err(error) = self.answers.acknowledge(to, &ack).await {
            tracing::debug!(stage = "store", agent = %to.agent, %error, "a greeting was not answered");
        }
    }

    fn pass_on(&self, batch: &Arc<Batch>) {
        let is_waveform = matches!(batch.body, BatchBody::Waveform(_));
        if is_waveform || batch.key.stream == Stream::BULK {
            if self.next.assemble.try_send(Arc::clone(batch)).is_err() {
                self.metrics.add(Counter::AssembleBehind, 1);
            }
        } else if self.next.decide.try_send(Arc::clone(batch)).is_err() {
            self.next.is_behind.store(true, Ordering::Release);
        }
    }
}

/// As many of the waiting batches as may share a commit; at least one.
fn next_commit(
    waiting: &mut impl Iterator<Item = (AgentAddress, Arc<Batch>)>,
) -> Vec<(AgentAddress, Arc<Batch>)> {
    let (mut commit, mut readings) = (Vec::new(), 0);
    while readings < COMMIT_READINGS_MAX {
        let Some((from, batch)) = waiting.next() else { break };
        if let BatchBody::Readings(body) = &batch.body {
            readings += body.count();
        }
        commit.push((from, batch));
    }
    commit
}

/// Batches taken from the queue at once.
const COMMIT_BATCHES_MAX: usize = 64;

/// Keeps a commit well below a second, and the store's log well below its limit.
const COMMIT_READINGS_MAX: usize = 20_000;

/// Long enough for a busy disk, short enough that a repaired one is noticed at once.
const RETRY_AFTER: Duration = Duration::from_millis(500);
