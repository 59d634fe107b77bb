//! From the spool to the server, and away from the spool once the server has it.
//!
//! Rely on this: what is measured now goes before what waited while the server was away, urgent
//! streams before bulk; nothing is deleted but by the server's own acknowledgement; a new numbering
//! is a new link.
//!
//! Deliberately absent: sending again, which is the link's work.

mod lane;

use std::time::Duration;

use forewarn_domain::reading::{Epoch, Stream};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::agent_link::{
    self, AgentLink, AgentLinkOptions, Notice, OpenError, OutgoingBatch,
};
use forewarn_wire::mqtt::{ConnectOptions, ConnectionState};
use forewarn_wire::payload::{Ack, StreamPosition, Waiting};
use forewarn_wire::topic::AgentAddress;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::spool::writer::{SpoolHandle, Standing, chain};
use crate::spool::{Parcel, SpoolError};
use lane::Lane;

/// Whom to publish to, and as whom.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// Where the agent is at home.
    pub address: AgentAddress,
    /// The broker.
    pub broker: ConnectOptions,
    /// How long the first acknowledgement may take.
    pub resend_after: Duration,
    /// How the connection stands, for whoever asks.
    pub connection: watch::Sender<ConnectionState>,
}

impl Publisher {
    /// Publishes until `stop`.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when the broker's options cannot be used or the spool has ended.
    pub async fn run(
        self,
        spool: SpoolHandle,
        clock: Clock,
        stop: CancellationToken,
    ) -> Result<(), PublishError> {
        while !stop.is_cancelled() {
            let epoch = spool.standing().borrow().epoch;
            let options = AgentLinkOptions {
                address: self.address.clone(),
                epoch,
                software: env!("CARGO_PKG_VERSION").to_owned(),
                broker: self.broker.clone(),
                resend_after: self.resend_after,
            };
            let (link, driver) = agent_link::open(options, clock.clone())?;
            let hang_up = stop.child_token();
            let session = Session::new(link, spool.clone(), epoch);
            let serving = async {
                let outcome = Box::pin(session.serve(&self.connection, &hang_up)).await;
                hang_up.cancel();
                outcome
            };
            let ((), outcome) = tokio::join!(Box::pin(driver.run(hang_up.clone())), serving);
            outcome?;
        }
        Ok(())
    }
}

/// One link, under one numbering.
struct Session {
    link: AgentLink,
    spool: SpoolHandle,
    standing: watch::Receiver<Standing>,
    epoch: Epoch,
    lanes: [Lane; 3],
    is_connected: bool,
    /// A lane of the link was full: try again then.
    retry_at: Option<Instant>,
}

impl Session {
    fn new(link: AgentLink, spool: SpoolHandle, epoch: Epoch) -> Self {
        let standing = spool.standing();
        let bounds = standing.borrow().bounds;
        link.standing.send_replace(standing_for_link(&standing.borrow()));
        let lanes = std::array::from_fn(|index| Lane::new(Stream::ALL[index], bounds[index]));
        Self { link, spool, standing, epoch, lanes, is_connected: false, retry_at: None }
    }

    /// Serves until `stop`, or until the spool begins another numbering.
    async fn serve(
        mut self,
        connection: &watch::Sender<ConnectionState>,
        stop: &CancellationToken,
    ) -> Result<(), PublishError> {
        let mut drain = interval(DRAIN_EVERY);
        drain.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut status = interval(STATUS_EVERY);
        status.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let has_backlog = self.is_connected && self.lanes.iter().any(Lane::has_backlog);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                notice = self.link.notices.recv() => match notice {
                    Some(Notice::Acknowledged(ack)) => self.acknowledge(ack).await?,
                    Some(Notice::Configured(_)) => {
                        tracing::info!("configuration from the server is not used by this version");
                    }
                    None => return Ok(()),
                },
                changed = self.standing.changed() => {
                    if changed.is_err() {
                        return Err(PublishError::Spool(SpoolError::Stopped));
                    }
                    if self.standing.borrow_and_update().epoch != self.epoch {
                        return Ok(());
                    }
                }
                Ok(()) = self.link.connection.changed() => self.note_connection(connection),
                _ = drain.tick(), if has_backlog => self.lanes.iter_mut().for_each(Lane::refill),
                _ = status.tick() => self.tell_status(),
                () = until(self.retry_at) => {}
            }
            if self.is_connected {
                self.fill().await?;
            }
        }
    }

    async fn acknowledge(&mut self, ack: Ack) -> Result<(), PublishError> {
        if ack.epoch != self.epoch {
            return Ok(());
        }
        let lane = &mut self.lanes[usize::from(ack.stream.number())];
        lane.acknowledged(&ack.received);
        Ok(self.spool.acknowledge(ack.stream, ack.received).await?)
    }

    /// After each connect what was measured meanwhile is backlog, and live begins anew.
    fn note_connection(&mut self, connection: &watch::Sender<ConnectionState>) {
        let state = self.link.connection.borrow_and_update().clone();
        self.is_connected = matches!(state, ConnectionState::Connected { .. });
        if self.is_connected {
            let bounds = self.standing.borrow().bounds;
            for (lane, bounds) in self.lanes.iter_mut().zip(bounds) {
                lane.begin_again(bounds);
            }
        }
        connection.send_replace(state);
    }

    /// A status every few seconds is enough for people; the greeting takes the newest one. Gaps
    /// that were made behind the backlog's back are found here, too.
    fn tell_status(&mut self) {
        let standing = self.standing.borrow().clone();
        for (lane, bounds) in self.lanes.iter_mut().zip(standing.bounds) {
            lane.look_back(bounds);
        }
        self.link.standing.send_if_modified(|known| {
            let now = standing_for_link(&standing);
            let is_new = *known != now;
            *known = now;
            is_new
        });
    }

    /// Hands over what there is room for, urgent streams first.
    async fn fill(&mut self) -> Result<(), PublishError> {
        self.retry_at = None;
        let next_seqs = self.standing.borrow().bounds.map(|(_, next)| next);
        for (index, next_seq) in next_seqs.into_iter().enumerate() {
            self.fill_lane(index, next_seq).await?;
        }
        Ok(())
    }

    /// Of one stream: first what is new, then what waited.
    async fn fill_lane(&mut self, index: usize, next_seq: u64) -> Result<(), PublishError> {
        while let Some((from, count)) = self.lanes[index].wanted(next_seq) {
            let parcels = self.spool.next(Stream::ALL[index], from, count).await?;
            if parcels.is_empty() {
                self.lanes[index].nothing_from(from, next_seq);
            }
            for parcel in parcels {
                if !self.hand_over(index, from, parcel) {
                    self.retry_at = Some(Instant::now() + RETRY_AFTER);
                    return Ok(());
                }
                // Lets the link take the batch, so that the next one finds room.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// False when the link has no room for this stream now.
    fn hand_over(&mut self, index: usize, from: u64, parcel: Parcel) -> bool {
        let Parcel { stream, seq, last_seq, message } = parcel;
        let lane = &mut self.lanes[index];
        if !lane.is_new(seq) {
            lane.passed(from, last_seq);
            return true;
        }
        let batch = OutgoingBatch { stream, seq, payload: message.into() };
        let is_taken = self.link.outlet.try_send(batch).is_ok();
        if is_taken {
            lane.sent(from, seq, last_seq);
        }
        is_taken
    }
}

fn standing_for_link(standing: &Standing) -> agent_link::Standing {
    let position = |(stream, (first_available, next_seq)): (Stream, (u64, u64))| StreamPosition {
        stream,
        first_available,
        next_seq,
    };
    let depth = standing.depth;
    agent_link::Standing {
        streams: Stream::ALL.into_iter().zip(standing.bounds).map(position).collect(),
        waiting: Waiting { batches: depth.batches, readings: depth.readings, bytes: depth.bytes },
        evicted_readings: depth.evicted,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Why publishing ended.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The link cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The spool has ended.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl PublishError {
    /// With everything that caused it.
    #[must_use]
    pub fn in_words(&self) -> String {
        chain(self)
    }
}

/// How often the backlog's allowance is renewed.
const DRAIN_EVERY: Duration = Duration::from_millis(100);

/// How often people are told how full the spool is.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// The link takes a batch within a millisecond unless its window is full.
const RETRY_AFTER: Duration = Duration::from_millis(10);
