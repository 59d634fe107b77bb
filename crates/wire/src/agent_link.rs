//! The agent's end of the line: batches out, acknowledgements in.
//!
//! Rely on this: a batch that was handed over is sent again and again until the server's own
//! acknowledgement covers it; urgent streams go first; after each connect the agent greets, and
//! whatever is not acknowledged goes out again from the lowest number.
//!
//! Deliberately absent: the disk. Until the acknowledgement the caller keeps every batch itself,
//! and hands the unacknowledged ones over again after a restart.

mod line;

use std::time::Duration;

use bytes::Bytes;
use forewarn_domain::reading::{Epoch, Stream};
use forewarn_lifecycle::{CancellationToken, Clock};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::backoff::seed_of;
use crate::mqtt::{self, ConnectOptions, ConnectionState, Driver, InvalidOptions, Resend};
use crate::payload::{Ack, AgentState, DecodeError, StreamPosition, Waiting};
use crate::topic::{AgentAddress, agent_filters};
use crate::window::Window;
use line::{About, Lanes, Line};

/// Who the agent is and how it reaches the broker.
#[derive(Clone, Debug)]
pub struct AgentLinkOptions {
    /// Where the agent is at home.
    pub address: AgentAddress,
    /// The numbering of its spool file.
    pub epoch: Epoch,
    /// Its program version, for the greeting.
    pub software: String,
    /// The broker; will, subscriptions and the choice who sends again are set by the link.
    pub broker: ConnectOptions,
    /// How long the first acknowledgement may take.
    pub resend_after: Duration,
}

/// A batch for the server: the message of [`crate::payload::encode`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutgoingBatch {
    /// Its stream.
    pub stream: Stream,
    /// Its number.
    pub seq: u64,
    /// The message.
    pub payload: Bytes,
}

/// Where the agent stands, for its greeting and its status.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// Where each stream stands.
    pub streams: Vec<StreamPosition>,
    /// What waits on disk.
    pub waiting: Waiting,
    /// Readings dropped because the disk was full.
    pub evicted_readings: u64,
}

/// What the link tells the agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// The server has these batches; they may be deleted.
    Acknowledged(Ack),
    /// The server sent configuration.
    Configured(Bytes),
}

/// The agent's side of the link.
#[derive(Debug)]
pub struct AgentLink {
    /// Takes batches.
    pub outlet: Outlet,
    /// Acknowledgements and configuration.
    pub notices: mpsc::Receiver<Notice>,
    /// Where the agent stands; a change is published.
    pub standing: watch::Sender<Standing>,
    /// How the connection to the broker stands.
    pub connection: watch::Receiver<ConnectionState>,
}

/// Takes batches for the link; may be cloned.
#[derive(Clone, Debug)]
pub struct Outlet {
    lanes: [mpsc::Sender<OutgoingBatch>; 3],
}

impl Outlet {
    /// Hands a batch over; waits while its stream's window is full. Streams do not wait for each
    /// other.
    ///
    /// # Errors
    ///
    /// [`LinkStopped`] when the link has ended; the batch is still the caller's.
    pub async fn send(&self, batch: OutgoingBatch) -> Result<(), LinkStopped> {
        let lane = self.lanes.get(usize::from(batch.stream.number())).ok_or(LinkStopped)?;
        lane.send(batch).await.or(Err(LinkStopped))
    }

    /// Hands a batch over if its stream has room at once.
    ///
    /// # Errors
    ///
    /// The batch itself, when its window is full or the link has ended.
    pub fn try_send(&self, batch: OutgoingBatch) -> Result<(), OutgoingBatch> {
        match self.lanes.get(usize::from(batch.stream.number())) {
            Some(lane) => lane.try_send(batch).map_err(mpsc::error::TrySendError::into_inner),
            None => Err(batch),
        }
    }
}

/// The link has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the link to the server was closed by this process; the batch stays on disk")]
pub struct LinkStopped;

/// Makes a link. Nothing happens until [`AgentLinkDriver::run`] is started as a task.
///
/// # Errors
///
/// [`OpenError`] when the broker's options cannot be used.
pub fn open(
    options: AgentLinkOptions,
    clock: Clock,
) -> Result<(AgentLink, AgentLinkDriver), OpenError> {
    let AgentLinkOptions { address, epoch, software, broker, resend_after } = options;
    let seed = seed_of(&address.to_string());
    let about = About { address, epoch, software, clock };
    let (standing, standing_rx) = watch::channel(Standing::default());
    let will = about.status(AgentState::Lost, &Standing::default())?;
    let subscriptions = Vec::new();
    let broker =
        ConnectOptions { will: Some(will), resend: Resend::ByCaller, subscriptions, ..broker };
    let broker = agent_filters(&about.address).into_iter().fold(broker, ConnectOptions::subscribe);
    let (connection, mqtt) = mqtt::open(broker)?;
    let (to_urgent, urgent) = mpsc::channel(LANE_MAX);
    let (to_normal, normal) = mpsc::channel(LANE_MAX);
    let (to_bulk, bulk) = mpsc::channel(LANE_MAX);
    let (to_agent, notices) = mpsc::channel(NOTICES_MAX);
    let connected = connection.state.clone();
    let outlet = Outlet { lanes: [to_urgent, to_normal, to_bulk] };
    let link = AgentLink { outlet, notices, standing, connection: connected };
    let line = Line {
        window: Window::new(epoch, resend_after, seed),
        about,
        connection,
        lanes: Lanes { urgent, normal, bulk },
        to_agent,
        configuration: None,
        standing: standing_rx,
        started: Instant::now(),
        session: None,
    };
    Ok((link, AgentLinkDriver { mqtt, line }))
}

/// Runs a link. Made by [`open`].
#[derive(Debug)]
pub struct AgentLinkDriver {
    mqtt: Driver,
    line: Line,
}

impl AgentLinkDriver {
    /// Sends and listens until `stop`; then says that the agent was stopped, and hangs up.
    pub async fn run(self, stop: CancellationToken) {
        let hang_up = CancellationToken::new();
        let talking = async {
            self.line.run(&stop).await;
            hang_up.cancel();
        };
        tokio::join!(self.mqtt.run(hang_up.clone()), talking);
    }
}

/// Why a link cannot be opened as asked.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The broker's options are not usable.
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    /// The agent's last word could not be written.
    #[error("the agent's status was not written")]
    Status(#[from] DecodeError),
}

/// One batch waits in each lane while the window is full; more would only hide the pressure.
const LANE_MAX: usize = 1;

/// Acknowledgements that wait for the agent. One that finds no room is not taken for received:
/// the batch stays in the window, and sending it again brings another.
const NOTICES_MAX: usize = 64;
