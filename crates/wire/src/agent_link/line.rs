//! The loop of an agent's link: window, greeting, status, acknowledgements.
//!
//! Rely on this: it never waits for the agent, so an agent that hands over batches and reads
//! notices in one task cannot lock itself in.

use bytes::Bytes;
use forewarn_domain::reading::{Epoch, Stream};
use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Notice, OutgoingBatch, Standing};
use crate::mqtt::{Connection, ConnectionState, Incoming, Publication, PublishError};
use crate::payload::{Ack, AgentState, AgentStatus, DecodeError, EncodeError, Hello};
use crate::topic::{AgentAddress, Purpose, Topic};
use crate::window::Window;

#[derive(Debug)]
pub(super) struct Line {
    pub(super) about: About,
    pub(super) window: Window,
    pub(super) connection: Connection,
    pub(super) lanes: Lanes,
    pub(super) to_agent: mpsc::Sender<Notice>,
    /// The newest configuration, when the agent was too busy to take it at once.
    pub(super) configuration: Option<Bytes>,
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) started: Instant,
    /// The connection on which the agent has greeted.
    pub(super) session: Option<u64>,
}

/// One lane for each stream, so that bulk cannot hold up what is urgent.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) urgent: mpsc::Receiver<OutgoingBatch>,
    pub(super) normal: mpsc::Receiver<OutgoingBatch>,
    pub(super) bulk: mpsc::Receiver<OutgoingBatch>,
}

impl Line {
    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let talking = async {
            loop {
                if let Err(error) = self.step().await {
                    tracing::warn!(agent = %self.about.address, %error, "the link stumbled");
                }
                if *self.connection.state.borrow() == ConnectionState::Stopped {
                    return;
                }
            }
        };
        tokio::select! {
            () = talking => {}
            () = stop.cancelled() => {}
        }
        if let Err(error) = self.say_stopped().await {
            tracing::debug!(%error, "the agent's last word was not sent");
        }
    }

    /// Does whatever comes first.
    async fn step(&mut self) -> Result<(), LineError> {
        self.greet_if_new().await?;
        self.send_due().await?;
        let next_due = self.session.and(self.window.next_due_at());
        let next_due = next_due.and_then(|due| self.started.checked_add(due));
        let has_room = |stream| self.window.has_room(stream);
        let (urgent, normal) = (has_room(Stream::URGENT), has_room(Stream::NORMAL));
        let bulk = has_room(Stream::BULK);
        let to_agent = self.to_agent.clone();
        tokio::select! {
            biased;
            // A new state is looked at when the next step begins.
            changed = self.connection.state.changed() => changed.or(Err(LineError::Stopped)),
            Some(incoming) = self.connection.incoming.recv() => self.on_incoming(incoming).await,
            Some(batch) = self.lanes.urgent.recv(), if urgent => self.take(batch),
            Some(batch) = self.lanes.normal.recv(), if normal => self.take(batch),
            Some(batch) = self.lanes.bulk.recv(), if bulk => self.take(batch),
            Ok(permit) = to_agent.reserve(), if self.configuration.is_some() => {
                if let Some(configuration) = self.configuration.take() {
                    permit.send(Notice::Configured(configuration));
                }
                Ok(())
            }
            Ok(()) = self.standing.changed() => self.say_online().await,
            () = until(next_due) => Ok(()),
        }
    }

    /// After each connect: who we are, and everything unacknowledged once more.
    async fn greet_if_new(&mut self) -> Result<(), LineError> {
        let session = match *self.connection.state.borrow_and_update() {
            ConnectionState::Connected { session } => Some(session),
            ConnectionState::Disconnected { .. } | ConnectionState::Stopped => None,
        };
        if self.session == session {
            return Ok(());
        }
        self.session = session;
        if session.is_some() {
            let hello = self.about.hello(&self.standing.borrow())?;
            self.connection.publisher.publish(hello).await?;
            self.say_online().await?;
            self.window.reconnected(self.started.elapsed());
        }
        Ok(())
    }

    async fn send_due(&mut self) -> Result<(), LineError> {
        if self.session.is_none() {
            return Ok(());
        }
        for _ in 0..SENDINGS_PER_STEP {
            let Some(due) = self.window.next_due(self.started.elapsed()) else { return Ok(()) };
            let topic = self.about.address.topic(Purpose::Data(due.stream)).to_string();
            self.connection.publisher.publish(Publication::new(topic, due.payload)).await?;
        }
        Ok(())
    }

    fn take(&mut self, batch: OutgoingBatch) -> Result<(), LineError> {
        let OutgoingBatch { stream, seq, payload } = batch;
        let now = self.started.elapsed();
        self.window.append(stream, seq, payload, now).expect("its lane opens only with room");
        Ok(())
    }

    async fn on_incoming(&mut self, mut incoming: Incoming) -> Result<(), LineError> {
        let topic = incoming.topic.parse::<Topic>().map(|topic| topic.purpose);
        match topic {
            Ok(Purpose::Ack) => self.on_ack(&incoming.payload),
            Ok(Purpose::Config) => self.configuration = Some(incoming.payload.clone()),
            Ok(Purpose::Data(_) | Purpose::Hello | Purpose::Status) | Err(_) => {
                tracing::warn!(topic = incoming.topic, "a message that is not for an agent");
            }
        }
        incoming.acknowledge().await;
        Ok(())
    }

    fn on_ack(&mut self, message: &[u8]) {
        let ack = match Ack::decode(message) {
            Ok(ack) => ack,
            Err(error) => {
                tracing::warn!(%error, "an acknowledgement was not understood");
                return;
            }
        };
        match self.to_agent.try_send(Notice::Acknowledged(ack.clone())) {
            Ok(()) => {
                self.window.acknowledge(&ack);
            }
            Err(_busy_or_gone) => tracing::debug!("the agent is too busy for an acknowledgement"),
        }
    }

    async fn say_online(&mut self) -> Result<(), LineError> {
        if self.session.is_none() {
            return Ok(());
        }
        let status = self.about.status(AgentState::Online, &self.standing.borrow_and_update())?;
        Ok(self.connection.publisher.publish(status).await?)
    }

    async fn say_stopped(&mut self) -> Result<(), LineError> {
        if !matches!(*self.connection.state.borrow(), ConnectionState::Connected { .. }) {
            return Ok(());
        }
        let status = self.about.status(AgentState::Stopped, &self.standing.borrow())?;
        Ok(self.connection.publisher.publish(status).await?)
    }
}

/// What an agent says of itself.
#[derive(Debug)]
pub(super) struct About {
    pub(super) address: AgentAddress,
    pub(super) epoch: Epoch,
    pub(super) software: String,
    pub(super) clock: Clock,
}

impl About {
    fn hello(&self, standing: &Standing) -> Result<Publication, EncodeError> {
        let hello = Hello {
            epoch: self.epoch,
            software: self.software.clone(),
            sent_at: self.now(),
            streams: standing.streams.clone(),
        };
        let topic = self.address.topic(Purpose::Hello).to_string();
        Ok(Publication::new(topic, hello.encode()?))
    }

    pub(super) fn status(
        &self,
        state: AgentState,
        standing: &Standing,
    ) -> Result<Publication, DecodeError> {
        let status = AgentStatus {
            state,
            epoch: self.epoch,
            software: self.software.clone(),
            at: self.now(),
            waiting: standing.waiting,
            evicted_readings: standing.evicted_readings,
        };
        let topic = self.address.topic(Purpose::Status).to_string();
        Ok(Publication::new(topic, status.encode()?).retained())
    }

    fn now(&self) -> Time {
        Time::from_micros(self.clock.now_us())
    }
}

/// Why a step of the link brought nothing; the next step tries again.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error(transparent)]
    Greeting(#[from] EncodeError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Status(#[from] DecodeError),
    #[error("the connection was closed")]
    Stopped,
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Between so many sendings the link looks at what has arrived.
const SENDINGS_PER_STEP: usize = 8;
