//! The one thread that touches the spool's file, and the handle by which others ask it.
//!
//! Rely on this: orders are carried out one after the other; a file in trouble is closed, opened
//! again and the order repeated; after three troubles in a row the thread ends, and with it the
//! process, because a disk that lies is no buffer.

use std::path::PathBuf;

use forewarn_domain::id::AgentId;
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::{BatchBody, Epoch, Stream};
use forewarn_domain::time::Time;
use forewarn_lifecycle::{Clock, Tasks};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Depth, Limits, Moment, Opened, Parcel, Spool, SpoolError};

/// Asks the spool's thread. When the last handle is gone, the thread closes the file and ends.
#[derive(Clone, Debug)]
pub struct SpoolHandle {
    orders: mpsc::Sender<Order>,
    standing: watch::Receiver<Standing>,
}

/// Where the spool stands after the last order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The numbering.
    pub epoch: Epoch,
    /// For each stream, the oldest number that can be sent and the next one to be given out.
    pub bounds: [(u64, u64); 3],
    /// How full it is.
    pub depth: Depth,
}

impl SpoolHandle {
    /// Stores the bodies for good; returns when they are on the disk.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Full`] and [`SpoolError::Encode`] when they were refused and counted;
    /// [`SpoolError::Stopped`] when the thread has ended.
    pub async fn append(&self, bodies: Vec<(Stream, BatchBody)>) -> Result<(), SpoolError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Append { bodies, reply }).await?;
        answer.await.unwrap_or(Err(SpoolError::Stopped))
    }

    /// Forgets what the server has. After a rollback the spool has a new numbering, which shows in
    /// [`SpoolHandle::standing`].
    ///
    /// # Errors
    ///
    /// [`SpoolError::Stopped`] when the thread has ended.
    pub async fn acknowledge(&self, stream: Stream, received: SeqRanges) -> Result<(), SpoolError> {
        self.order(Order::Acknowledge { stream, received }).await
    }

    /// Up to `count_max` messages of a stream from a number on, in order.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Stopped`] when the thread has ended.
    pub async fn next(
        &self,
        stream: Stream,
        from_seq: u64,
        count_max: usize,
    ) -> Result<Vec<Parcel>, SpoolError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Next { stream, from_seq, count_max, reply }).await?;
        answer.await.or(Err(SpoolError::Stopped))
    }

    /// Where the spool stands; changes after each order.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    async fn order(&self, order: Order) -> Result<(), SpoolError> {
        self.orders.send(order).await.or(Err(SpoolError::Stopped))
    }
}

/// What [`start`] needs.
#[derive(Clone, Debug)]
pub struct SpoolPlace {
    /// The folder of the file.
    pub folder: PathBuf,
    /// Whose it is.
    pub agent: AgentId,
    /// What it may take.
    pub limits: Limits,
}

/// Opens the spool and starts its thread.
///
/// # Errors
///
/// [`SpoolError`] when it cannot be opened or the system grants no thread.
pub fn start(
    place: SpoolPlace,
    clock: Clock,
    tasks: &Tasks,
) -> Result<(SpoolHandle, Opened), SpoolError> {
    let (spool, opened) = Spool::open(&place.folder, &place.agent, place.limits)?;
    let (orders, from_handles) = mpsc::channel(ORDERS_MAX);
    let (to_handles, standing) = watch::channel(standing_of(&spool));
    let path = place.folder.clone();
    let writer = Writer { place, clock, spool: Some(spool), standing: to_handles };
    // The thread ends when its last handle is gone, so that whoever still has readings at a stop
    // can store them; the stop itself is no reason to end.
    tasks
        .start_blocking("spool", move |_stop| writer.run(from_handles))
        .map_err(|source| SpoolError::Io { path, source })?;
    Ok((SpoolHandle { orders, standing }, opened))
}

#[derive(Debug)]
enum Order {
    Acknowledge { stream: Stream, received: SeqRanges },
    Append { bodies: Vec<(Stream, BatchBody)>, reply: oneshot::Sender<Result<(), SpoolError>> },
    Next { stream: Stream, from_seq: u64, count_max: usize, reply: oneshot::Sender<Vec<Parcel>> },
}

struct Writer {
    place: SpoolPlace,
    clock: Clock,
    spool: Option<Spool>,
    standing: watch::Sender<Standing>,
}

impl Writer {
    fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.blocking_recv() {
            if let Err(error) = self.carry_out(order) {
                tracing::error!(error = chain(&error), "the spool gives up");
                return;
            }
        }
        if let Some(spool) = self.spool.take()
            && let Err(error) = spool.close()
        {
            tracing::warn!(error = chain(&error), "the spool was not closed in order");
        }
    }

    fn carry_out(&mut self, order: Order) -> Result<(), SpoolError> {
        match order {
            Order::Acknowledge { stream, received } => {
                self.insist(|spool| match spool.acknowledge(stream, &received) {
                    Err(error @ SpoolError::RolledBack { .. }) => {
                        tracing::error!(error = chain(&error), "a new numbering begins");
                        spool.renumber()
                    }
                    other => other.map(drop),
                })?;
                self.tell();
                Ok(())
            }
            Order::Append { bodies, reply } => {
                let at = Moment {
                    wall: Time::from_micros(self.clock.now_us()),
                    monotonic_us: i64::try_from(self.clock.monotonic().as_micros())
                        .unwrap_or(i64::MAX),
                };
                let mut refused = None;
                self.insist(|spool| match spool.append(&bodies, at) {
                    Err(error @ (SpoolError::Full { .. } | SpoolError::Encode(_))) => {
                        refused = Some(error);
                        Ok(())
                    }
                    other => other,
                })?;
                self.tell();
                answer(reply, refused.map_or(Ok(()), Err));
                Ok(())
            }
            Order::Next { stream, from_seq, count_max, reply } => {
                let mut parcels = Vec::new();
                self.insist(|spool| {
                    parcels.clear();
                    let mut from = from_seq;
                    while parcels.len() < count_max
                        && let Some(parcel) = spool.next(stream, from)?
                    {
                        from = parcel.last_seq + 1;
                        parcels.push(parcel);
                    }
                    Ok(())
                })?;
                self.tell();
                answer(reply, parcels);
                Ok(())
            }
        }
    }

    /// Shows where the spool stands, before whoever asked hears that it is done.
    fn tell(&self) {
        let Some(spool) = &self.spool else { return };
        let standing = standing_of(spool);
        self.standing.send_if_modified(|known| {
            let is_new = *known != standing;
            *known = standing;
            is_new
        });
    }

    /// Carries out one order; a file in trouble is opened anew. An fsync that failed once may
    /// claim success the next time although the pages are gone, so the old handle is not asked
    /// again.
    fn insist(
        &mut self,
        mut order: impl FnMut(&mut Spool) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        let mut troubles = 0;
        loop {
            let outcome = match &mut self.spool {
                Some(spool) => order(spool),
                None => Err(SpoolError::Stopped),
            };
            let Err(error) = outcome else { return Ok(()) };
            troubles += 1;
            if TROUBLES_MAX <= troubles {
                return Err(error);
            }
            tracing::error!(error = chain(&error), troubles, "the spool is opened anew");
            self.spool = None;
            let SpoolPlace { folder, agent, limits } = &self.place;
            self.spool = Some(Spool::open(folder, agent, *limits)?.0);
        }
    }
}

fn standing_of(spool: &Spool) -> Standing {
    Standing {
        epoch: spool.epoch(),
        bounds: Stream::ALL.map(|stream| spool.bounds(stream)),
        depth: spool.depth(),
    }
}

/// Whoever asked may have gone; the order was carried out all the same.
fn answer<T>(reply: oneshot::Sender<T>, with: T) {
    if reply.send(with).is_err() {
        tracing::debug!("nobody waits for the spool's answer any more");
    }
}

/// An error with everything that caused it, for a log line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Each asker waits for its answer, so this is about the number of askers.
const ORDERS_MAX: usize = 16;

/// A loose plug gives one trouble; three in a row are a broken disk.
const TROUBLES_MAX: u32 = 3;
