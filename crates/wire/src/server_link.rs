//! The server's end of the line: everything that agents send, and acknowledgements back.
//!
//! Rely on this: what arrives is handed over in a bounded queue and confirmed to the broker only
//! then, so a slow server makes the broker wait and not the memory grow. The broker's confirmation
//! promises nothing to an agent; only [`Answers::acknowledge`] does, after the commit.
//!
//! Deliberately absent: what was stored, and when to acknowledge.

use bytes::Bytes;
use forewarn_domain::reading::Stream;
use forewarn_lifecycle::CancellationToken;
use tokio::sync::{mpsc, watch};

use crate::mqtt::{
    self, ConnectOptions, ConnectionState, Driver, Incoming, InvalidOptions, Publication,
    PublishError, Publisher,
};
use crate::payload::{Ack, AgentStatus, DecodeError, EncodeError, Hello};
use crate::topic::{AgentAddress, InvalidTopic, Purpose, Topic, server_filters};
use crate::twins::Twins;

/// Something that an agent sent.
#[derive(Debug)]
pub enum Delivery {
    /// A batch: a message for [`crate::payload::decode`].
    Batch {
        /// Who sent it.
        from: AgentAddress,
        /// On which stream.
        stream: Stream,
        /// The message.
        payload: Bytes,
    },
    /// An agent has connected; answer with an acknowledgement for each of its streams.
    Hello {
        /// Who.
        from: AgentAddress,
        /// What it says of itself.
        hello: Hello,
    },
    /// An agent's status has changed, or was kept by the broker.
    Status {
        /// Whose.
        from: AgentAddress,
        /// How it is.
        status: AgentStatus,
        /// Whether the broker had kept it from before we connected.
        was_kept: bool,
    },
    /// Not understood: to be counted and kept for inspection.
    Unreadable {
        /// Where it was published.
        topic: String,
        /// Why it was not understood.
        reason: UnreadableReason,
        /// What was published.
        payload: Bytes,
    },
}

/// Why a delivery was not understood.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableReason {
    /// The message.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// The topic.
    #[error(transparent)]
    Topic(#[from] InvalidTopic),
    /// A topic on which agents do not send.
    #[error("agents do not send on this topic")]
    WrongWay,
}

/// The server's side of the link.
#[derive(Debug)]
pub struct ServerLink {
    /// What agents sent.
    pub deliveries: mpsc::Receiver<Delivery>,
    /// The way back to the agents; may be cloned.
    pub answers: Answers,
    /// How the connection to the broker stands.
    pub connection: watch::Receiver<ConnectionState>,
}

/// The way back to the agents.
#[derive(Clone, Debug)]
pub struct Answers {
    publisher: Publisher,
}

impl Answers {
    /// Tells an agent what is durable. Call it after the commit, never before.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] when the link has ended; the agent then sends again.
    pub async fn acknowledge(&self, to: &AgentAddress, ack: &Ack) -> Result<(), AnswerError> {
        let topic = to.topic(Purpose::Ack).to_string();
        Ok(self.publisher.publish(Publication::new(topic, ack.encode()?)).await?)
    }

    /// Leaves configuration for an agent at the broker, in place of what was left before.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] when it is too long or the link has ended.
    pub async fn configure(
        &self,
        to: &AgentAddress,
        configuration: Bytes,
    ) -> Result<(), AnswerError> {
        let topic = to.topic(Purpose::Config).to_string();
        Ok(self.publisher.publish(Publication::new(topic, configuration).retained()).await?)
    }
}

/// Makes a link. Nothing happens until [`ServerLinkDriver::run`] is started as a task.
///
/// # Errors
///
/// [`InvalidOptions`] when the broker's options cannot be used.
pub fn open(broker: ConnectOptions) -> Result<(ServerLink, ServerLinkDriver), InvalidOptions> {
    let broker = ConnectOptions { subscriptions: Vec::new(), ..broker };
    let broker = server_filters().into_iter().fold(broker, ConnectOptions::subscribe);
    let (connection, mqtt) = mqtt::open(broker)?;
    let (to_server, deliveries) = mpsc::channel(DELIVERIES_MAX);
    let answers = Answers { publisher: connection.publisher };
    let incoming = connection.incoming;
    let link = ServerLink { deliveries, answers, connection: connection.state };
    Ok((link, ServerLinkDriver { mqtt, incoming, to_server }))
}

/// Runs a link. Made by [`open`].
#[derive(Debug)]
pub struct ServerLinkDriver {
    mqtt: Driver,
    incoming: mpsc::Receiver<Incoming>,
    to_server: mpsc::Sender<Delivery>,
}

impl ServerLinkDriver {
    /// Delivers until `stop`, or until nobody takes deliveries any more; then hangs up.
    pub async fn run(self, stop: CancellationToken) {
        let Self { mqtt, mut incoming, to_server } = self;
        let mut twins = Twins::default();
        let hang_up = stop.child_token();
        let delivering = async {
            while let Some(mut arrived) = incoming.recv().await {
                // Confirmed only once it is in the queue: this is what holds the broker back.
                let delivery = read(&arrived);
                if let Delivery::Hello { from, hello } = &delivery
                    && twins.greeted(from, hello.epoch)
                {
                    tracing::error!(agent = %from, "two gateways take turns under one name; \
                        give one of them a name and a spool of its own");
                }
                if to_server.send(delivery).await.is_err() {
                    break;
                }
                arrived.acknowledge().await;
            }
            hang_up.cancel();
        };
        let until_stopped = async {
            tokio::select! {
                () = delivering => {}
                () = stop.cancelled() => {}
            }
        };
        tokio::join!(mqtt.run(hang_up.clone()), until_stopped);
    }
}

fn read(arrived: &Incoming) -> Delivery {
    let (payload, was_kept) = (arrived.payload.clone(), arrived.retain);
    match understand(&arrived.topic, payload.clone(), was_kept) {
        Ok(delivery) => delivery,
        Err(reason) => Delivery::Unreadable { topic: arrived.topic.clone(), reason, payload },
    }
}

fn understand(topic: &str, payload: Bytes, was_kept: bool) -> Result<Delivery, UnreadableReason> {
    let Topic { address: from, purpose } = topic.parse()?;
    match purpose {
        Purpose::Data(stream) => Ok(Delivery::Batch { from, stream, payload }),
        Purpose::Hello => Ok(Delivery::Hello { from, hello: Hello::decode(&payload)? }),
        Purpose::Status => {
            let status = AgentStatus::decode(&payload)?;
            Ok(Delivery::Status { from, status, was_kept })
        }
        Purpose::Ack | Purpose::Config => Err(UnreadableReason::WrongWay),
    }
}

/// Why an answer did not get out.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It could not be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// It could not be sent.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Deliveries that wait for the server: a few commits' worth. Behind them the broker waits.
const DELIVERIES_MAX: usize = 64;
