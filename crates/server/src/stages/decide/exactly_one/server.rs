//! The server of the world: the real stage on what was committed, and its death.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use forewarn_api::LiveView;
use forewarn_domain::reading::{Batch, StreamKey};
use forewarn_engine::Engine;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::readings::ReadingStore;
use forewarn_store::records::Records;
use tokio::sync::{mpsc, watch};

use super::super::{Beside, Decide, DecideError, Work};
use super::part::Part;
use super::plant::{knowledge, plant};
use crate::bench::rulebook::Rulebook;
use crate::health::Health;
use crate::live::Live;
use crate::metrics::Metrics;

/// A server process: what dies with it.
pub(super) struct Server {
    decide: Decide,
    work: Work,
    entrance: mpsc::Sender<Arc<Batch>>,
    from_store: mpsc::Receiver<Arc<Batch>>,
}

impl Server {
    /// A new process on what was committed.
    pub(super) async fn start(
        records: &Records,
        readings: ReadingStore,
        clock: Clock,
        without: Option<Part>,
    ) -> Self {
        let repairs = records.repairs_all().await.unwrap();
        let knowledge = knowledge(without);
        let engine = || Engine::new(plant(), knowledge.clone(), repairs.clone()).unwrap();
        let (health, metrics) = (Arc::<Health>::default(), Arc::<Metrics>::default());
        let (view, _seen) = watch::channel(Arc::new(LiveView::default()));
        let live = Live {
            view,
            readings: readings.clone(),
            health: Arc::clone(&health),
            metrics: Arc::clone(&metrics),
            roster: Arc::default(),
            quarantine: Arc::default(),
            notices: Vec::new(),
        };
        let book = Rulebook { plant: plant(), knowledge: knowledge.clone() };
        let mut decide = Decide {
            engine: engine(),
            readings: readings.clone(),
            records: records.clone(),
            clock: clock.clone(),
            metrics,
            health,
            live: Arc::new(live),
            is_behind: Arc::new(AtomicBool::new(without != Some(Part::Ledger))),
            beside: Beside::new(book, &knowledge.rules, &[]).unwrap(),
        };
        let resumed = decide.resume().await.unwrap();
        if without == Some(Part::Memory) {
            decide.engine = engine();
        }
        let work = Work::new(resumed, &clock);
        let (entrance, from_store) = mpsc::channel(QUEUE_MAX);
        Self { decide, work, entrance, from_store }
    }

    pub(super) fn pass_on(&self, batch: &Arc<Batch>) {
        if self.entrance.try_send(Arc::clone(batch)).is_err() {
            self.decide.is_behind.store(true, Ordering::Release);
        }
    }

    /// Without a ledger and an order.
    pub(super) async fn take_as_it_comes(&mut self, batch: &Batch) {
        let decisions = self.decide.engine.advance(batch);
        self.decide.commit(&decisions).await.unwrap();
    }

    /// Where the engine stands.
    pub(super) fn cursors(&self) -> Vec<(StreamKey, u64)> {
        self.work.inbox.cursors()
    }

    /// `false` when the process died at one of so many awaits.
    pub(super) async fn lives_through_a_round(&mut self, polls: usize) -> bool {
        let outcome = (Mortal { work: Box::pin(self.round()), polls }).await;
        outcome.map(Result::unwrap).is_some()
    }

    /// What one turn of the thread does, without waiting for more.
    async fn round(&mut self) -> Result<(), DecideError> {
        let stop = CancellationToken::new();
        if self.decide.is_behind.swap(false, Ordering::AcqRel) {
            self.decide.catch_up(&mut self.work, &stop).await?;
        }
        if !self.from_store.is_empty() {
            return self.decide.step(&mut self.work, &mut self.from_store, &stop).await;
        }
        // A step would wait for batches; what else it does is done at once here.
        if self.decide.take_inputs(&mut self.work).await? {
            self.decide.save(&mut self.work).await?;
        }
        self.decide.breathe(&mut self.work, false).await
    }
}

/// Work that ends with the process, at one of its awaits.
struct Mortal<'a, T> {
    work: Pin<Box<dyn Future<Output = T> + 'a>>,
    polls: usize,
}

impl<T> Future for Mortal<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.work.as_mut().poll(context).map(Some)
    }
}

/// Small, so that the engine falls behind and fetches from the store.
const QUEUE_MAX: usize = 8;
