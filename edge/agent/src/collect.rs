//! Gathers what sources hand over, stamps bursts with the machine's state, and commits.
//!
//! Rely on this: whoever asked for a receipt gets it after the commit and not before; readings of
//! one source keep their order. At a stop everything that was handed over is still committed.
//!
//! Deliberately absent: the disk itself (see [`spool`](crate::spool)) and sending.

mod machine;
mod pending;

use std::future::Future;
use std::pin::Pin;

use forewarn_domain::reading::{BatchBody, Readings, Stream};
use forewarn_domain::site::plant::Plant;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::burst::{self, Processed};
use crate::config::CommitLimits;
use crate::intake::{Capture, Intake};
use crate::spool::SpoolError;
use crate::spool::writer::{SpoolHandle, chain};
use machine::Machines;
use pending::Pending;

/// Between the sources and the spool.
pub struct Collector {
    spool: SpoolHandle,
    limits: CommitLimits,
    machines: Machines,
    pending: Pending,
    due: Option<Instant>,
    processing: FuturesUnordered<Processing>,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl Collector {
    /// A collector that holds nothing.
    #[must_use]
    pub fn new(spool: SpoolHandle, limits: CommitLimits, plant: &Plant) -> Self {
        Self {
            spool,
            limits,
            machines: Machines::new(plant),
            pending: Pending::default(),
            due: None,
            processing: FuturesUnordered::new(),
        }
    }

    /// Collects until the last source is gone.
    pub async fn run(mut self, mut intakes: mpsc::Receiver<Intake>) {
        loop {
            // Bursts of a whole plant at once would otherwise pile up in memory.
            let has_room = self.processing.len() < PROCESSING_MAX;
            tokio::select! {
                intake = intakes.recv(), if has_room => match intake {
                    Some(intake) => self.take(intake),
                    None => break,
                },
                Some(processed) = self.processing.next() => self.take_processed(processed),
                () = until(self.due) => {}
            }
            let is_due = self.due.is_some_and(|due| due <= Instant::now());
            if (is_due || self.pending.is_full(&self.limits)) && !self.commit().await {
                return;
            }
        }
        while let Some(processed) = self.processing.next().await {
            self.take_processed(processed);
        }
        self.commit().await;
    }

    fn take(&mut self, intake: Intake) {
        let Intake { readings, capture, receipt } = intake;
        let mut records = Vec::new();
        for measured in &readings {
            self.machines.follow(measured);
            records.extend(self.machines.follow_parts(measured));
        }
        self.pending.add(readings);
        self.pending.add(records);
        match capture {
            Some(capture) => self.process(capture, receipt),
            None => self.pending.receipts.extend(receipt),
        }
        self.note_due();
    }

    fn process(&mut self, capture: Capture, receipt: Option<oneshot::Sender<()>>) {
        let at = self.machines.circumstances(&capture);
        let work = tokio::task::spawn_blocking(move || burst::process(&capture, &at));
        self.processing.push(Box::pin(async move {
            match work.await {
                Ok(processed) => (Some(processed), receipt),
                Err(error) => {
                    tracing::error!(%error, "the features of a burst were not computed");
                    (None, receipt)
                }
            }
        }));
    }

    fn take_processed(&mut self, (processed, receipt): Finished) {
        if let Some(processed) = processed {
            self.pending.add(processed.readings);
            self.pending.bursts.extend(processed.burst);
            self.pending.parts.extend(processed.parts);
        }
        self.pending.receipts.extend(receipt);
        self.note_due();
    }

    fn note_due(&mut self) {
        if self.due.is_none() && !self.pending.is_empty() {
            self.due = Some(Instant::now() + self.limits.every.to_std());
        }
    }

    /// Writes what is pending; false when the spool is gone for good.
    async fn commit(&mut self) -> bool {
        self.due = None;
        let Pending { receipts, .. } = &mut self.pending;
        let receipts = std::mem::take(receipts);
        let bodies = self.pending.take_bodies();
        if bodies.is_empty() {
            give(receipts);
            return true;
        }
        match store(&self.spool.clone(), bodies).await {
            Ok(()) => {
                give(receipts);
                true
            }
            Err(SpoolError::Stopped) => false,
            Err(error) => {
                // Without its receipt a broker keeps the message and sends it again later.
                tracing::error!(error = chain(&error), "readings were refused by the spool");
                true
            }
        }
    }
}

/// Stores bodies; those that are too long for a message are halved until they fit.
async fn store(spool: &SpoolHandle, bodies: Vec<(Stream, BatchBody)>) -> Result<(), SpoolError> {
    let Err(error) = spool.append(bodies.clone()).await else { return Ok(()) };
    if !matches!(error, SpoolError::Encode(_)) {
        return Err(error);
    }
    let mut waiting: Vec<(Stream, BatchBody)> = bodies.into_iter().rev().collect();
    while let Some((stream, body)) = waiting.pop() {
        match spool.append(vec![(stream, body.clone())]).await {
            Err(SpoolError::Encode(error)) => match halves(body) {
                Some((left, right)) => waiting.extend([(stream, right), (stream, left)]),
                None => tracing::error!(%error, "one reading is too long and was left out"),
            },
            other => other?,
        }
    }
    Ok(())
}

fn halves(body: BatchBody) -> Option<(BatchBody, BatchBody)> {
    let BatchBody::Readings(mut left) = body else { return None };
    if left.numbers.len() + left.texts.len() + left.bursts.len() < 2 {
        return None;
    }
    let upper = |length: usize| length.div_ceil(2);
    let right = Readings {
        channels: left.channels.clone(),
        numbers: left.numbers.split_off(upper(left.numbers.len())),
        texts: left.texts.split_off(upper(left.texts.len())),
        bursts: left.bursts.split_off(upper(left.bursts.len())),
    };
    Some((BatchBody::Readings(left), BatchBody::Readings(right)))
}

fn give(receipts: Vec<oneshot::Sender<()>>) {
    for receipt in receipts {
        if receipt.send(()).is_err() {
            tracing::trace!("a source ended before its receipt");
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

type Finished = (Option<Processed>, Option<oneshot::Sender<()>>);
type Processing = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// Two cores compute, two wait; a burst of one second takes about five milliseconds.
const PROCESSING_MAX: usize = 4;

#[cfg(test)]
mod tests;
