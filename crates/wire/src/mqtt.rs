//! A thin MQTT client over rumqttc, 3.1.1 or 5, the same for everyone who speaks MQTT.
//!
//! Rely on this: whoever publishes or receives never polls the connection; the [`Driver`] does so
//! in a task of its own, reconnects with growing pauses, subscribes again, and starts afresh when
//! the broker owes a PUBACK for too long. A `QoS` 1 message is confirmed to the broker only when
//! [`Incoming::acknowledge`] was called.
//!
//! Deliberately absent: durability. A message waits in memory; batches wait on the agent's disk.

mod driver;
mod session;
mod outbox;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

pub use driver::Driver;

use crate::tls::Tls;

/// How to reach a broker and as whom.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Host name or address of the broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Which version of the protocol.
    pub version: Version,
    /// Encryption; `None` is for loopback and laboratories.
    pub tls: Option<Tls>,
    /// Our name at the broker; two clients of one name push each other out.
    pub client_id: String,
    /// User and password, where the broker wants them.
    pub login: Option<Login>,
    /// What the broker publishes for us when we are lost.
    pub will: Option<Publication>,
    /// What we want to hear.
    pub subscriptions: Vec<Subscription>,
    /// Who sends again what a lost connection may have swallowed.
    pub resend: Resend,
    /// How often the broker is asked whether it is still there; at least a second.
    pub keep_alive: Duration,
}

impl ConnectOptions {
    /// A plain connection without login, will or subscriptions.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            version: Version::V311,
            tls: None,
            client_id: client_id.into(),
            login: None,
            will: None,
            subscriptions: Vec::new(),
            resend: Resend::ByClient,
            keep_alive: KEEP_ALIVE_DEFAULT,
        }
    }

    /// Adds a filter to hear at `QoS` 1.
    #[must_use]
    pub fn subscribe(mut self, filter: impl Into<String>) -> Self {
        self.subscriptions.push(Subscription { filter: filter.into(), qos: Qos::AtLeastOnce });
        self
    }
}

/// A version of MQTT. Only 5 says why a message was refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Version {
    /// 3.1.1, which every broker speaks.
    #[default]
    V311,
    /// 5.
    V5,
}

/// User and password. The password is not shown in logs.
#[derive(Clone)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A topic filter and how surely it is to be heard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// The filter, wildcards allowed.
    pub filter: String,
    /// Up to which quality of service.
    pub qos: Qos,
}

/// How surely a message arrives. `QoS` 2 is not used: readings carry their identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Qos {
    /// It may be lost.
    AtMostOnce,
    /// It may come twice.
    AtLeastOnce,
}

/// Who sends again after a lost connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resend {
    /// The caller, who keeps its messages elsewhere: what was under way is forgotten, and nothing
    /// is taken while there is no connection.
    ByCaller,
    /// This client, for as long as the process lives.
    ByClient,
}

/// A message to be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication {
    /// Where to; no wildcards.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// How surely.
    pub qos: Qos,
    /// Whether the broker keeps it for those who come later.
    pub retain: bool,
}

impl Publication {
    /// A message at `QoS` 1, not retained.
    #[must_use]
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        let (topic, payload) = (topic.into(), payload.into());
        Self { topic, payload, qos: Qos::AtLeastOnce, retain: false }
    }

    /// The same message, kept by the broker.
    #[must_use]
    pub fn retained(self) -> Self {
        Self { retain: true, ..self }
    }

    fn check(&self) -> Result<(), PublishError> {
        let topic = &self.topic;
        if topic.is_empty() || TOPIC_BYTES_MAX < topic.len() || topic.contains(['+', '#', '\0']) {
            return Err(PublishError::Topic { topic: topic.chars().take(80).collect() });
        }
        if PAYLOAD_BYTES_MAX < self.payload.len() {
            let (topic, bytes) = (topic.clone(), self.payload.len());
            return Err(PublishError::TooLong { topic, bytes });
        }
        Ok(())
    }
}

/// A message that arrived.
#[derive(Debug)]
pub struct Incoming {
    /// Where it was published.
    pub topic: String,
    /// What was published.
    pub payload: Bytes,
    /// Whether it is an old message that the broker had kept.
    pub retain: bool,
    puback: Option<Puback>,
}

impl Incoming {
    /// Confirms the message to the broker, which otherwise sends it again after a reconnect and
    /// stops sending when too many are open. Does nothing for `QoS` 0 or after a reconnect.
    pub async fn acknowledge(&mut self) {
        if let Some(Puback { due, session, pkid }) = self.puback.take()
            && let Err(_driver_has_ended) = due.send(PubackDue { session, pkid }).await
        {
            tracing::trace!(topic = self.topic, "the connection ended before a confirmation");
        }
    }
}

#[derive(Debug)]
struct Puback {
    due: mpsc::Sender<PubackDue>,
    session: u64,
    pkid: u16,
}

/// A confirmation that is owed to the broker. It counts only for the connection it came on.
#[derive(Debug)]
struct PubackDue {
    session: u64,
    pkid: u16,
}

/// How the connection stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConnectionState {
    /// Subscribed and ready. Each connection has the next number, from 1.
    Connected {
        /// The connection's number.
        session: u64,
    },
    /// Not there; the client tries again.
    Disconnected {
        /// Why, in the broker's or the system's words; `None` before the first attempt.
        reason: Option<String>,
    },
    /// The driver has ended.
    Stopped,
}

/// The caller's side of a connection.
#[derive(Debug)]
pub struct Connection {
    /// Sends messages; may be cloned.
    pub publisher: Publisher,
    /// The messages that were subscribed to.
    pub incoming: mpsc::Receiver<Incoming>,
    /// How the connection stands.
    pub state: watch::Receiver<ConnectionState>,
    /// What the broker refused; nothing ever under 3.1.1, where it says nothing.
    pub refusals: watch::Receiver<Refusals>,
}

/// Messages that the broker took from the wire and refused.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// Topic and reason of the last one.
    pub last: Option<(String, String)>,
}

/// Opens a connection. Nothing happens until [`Driver::run`] is started as a task.
///
/// # Errors
///
/// [`InvalidOptions`] for what no broker would accept.
pub fn open(options: ConnectOptions) -> Result<(Connection, Driver), InvalidOptions> {
    let id = &options.client_id;
    if id.is_empty() || CLIENT_ID_BYTES_MAX < id.len() {
        return Err(InvalidOptions::ClientId { bytes: id.len() });
    }
    if options.keep_alive < Duration::from_secs(1) {
        return Err(InvalidOptions::KeepAlive { keep_alive: options.keep_alive });
    }
    for Subscription { filter, .. } in &options.subscriptions {
        if !is_filter(filter) {
            return Err(InvalidOptions::Filter { filter: filter.clone() });
        }
    }
    options.will.as_ref().map_or(Ok(()), Publication::check)?;
    let (to_driver, outbound) = mpsc::channel(OUTBOUND_MAX);
    let (to_caller, incoming) = mpsc::channel(INBOUND_MAX);
    let (state_tx, state) = watch::channel(ConnectionState::Disconnected { reason: None });
    let (refusals_tx, refusals) = watch::channel(Refusals::default());
    let driver = Driver::new(options, outbound, to_caller, (state_tx, refusals_tx));
    Ok((Connection { publisher: Publisher { to_driver }, incoming, state, refusals }, driver))
}

/// Sends messages over a connection.
#[derive(Clone, Debug)]
pub struct Publisher {
    to_driver: mpsc::Sender<Outbound>,
}

impl Publisher {
    /// Hands a message over; waits while too many are ahead of it.
    ///
    /// # Errors
    ///
    /// [`PublishError`] when the message can never be sent or the connection has ended.
    pub async fn publish(&self, publication: Publication) -> Result<(), PublishError> {
        self.hand_over(publication, None).await
    }

    /// Hands a message over and waits until the broker has confirmed it (`QoS` 1) or it is on the
    /// wire (`QoS` 0).
    ///
    /// # Errors
    ///
    /// [`PublishError`], also [`PublishError::Lost`] where the caller is to send again, and
    /// [`PublishError::Refused`] where that would be of no use.
    pub async fn publish_confirmed(&self, publication: Publication) -> Result<(), PublishError> {
        let (confirmed, confirmation) = oneshot::channel();
        self.hand_over(publication, Some(confirmed)).await?;
        confirmation.await.unwrap_or(Err(PublishError::Lost))
    }

    async fn hand_over(
        &self,
        publication: Publication,
        confirmed: Option<oneshot::Sender<Result<(), PublishError>>>,
    ) -> Result<(), PublishError> {
        publication.check()?;
        let handed = self.to_driver.send(Outbound { publication, confirmed }).await;
        handed.or(Err(PublishError::Stopped))
    }
}

/// A message on its way out, and who waits for its confirmation.
#[derive(Debug)]
struct Outbound {
    publication: Publication,
    confirmed: Option<oneshot::Sender<Result<(), PublishError>>>,
}

/// Wildcards stand alone in their level, and `#` only at the end.
fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let is_level = |(place, level): (usize, &&str)| match *level {
        "+" => true,
        "#" => place.saturating_add(1) == levels.len(),
        plain => !plain.contains(['+', '#', '\0']),
    };
    !filter.is_empty() && filter.len() <= TOPIC_BYTES_MAX && levels.iter().enumerate().all(is_level)
}

/// Why a connection cannot be opened as asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidOptions {
    /// The client id is empty or too long.
    #[error("MQTT client id is {bytes} bytes long; 1 to {CLIENT_ID_BYTES_MAX} are allowed")]
    ClientId {
        /// Its length.
        bytes: usize,
    },
    /// A filter that is none.
    #[error("`{filter}` is no topic filter; `+` stands alone in a level and `#` alone at the end")]
    Filter {
        /// The filter.
        filter: String,
    },
    /// MQTT counts whole seconds.
    #[error("keep-alive of {keep_alive:?} is too short; at least 1 s is needed")]
    KeepAlive {
        /// What was asked for.
        keep_alive: Duration,
    },
    /// The will could not be published.
    #[error(transparent)]
    Will(#[from] PublishError),
}

/// Why a message was not sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PublishError {
    /// The connection was lost first; the caller keeps the message and sends it again.
    #[error("the connection was lost before the broker confirmed the message; send it again")]
    Lost,
    /// The broker refuses it; only MQTT 5 says so.
    #[error("the broker refused a message for `{topic}`: {reason}; check its access list")]
    Refused {
        /// Where to.
        topic: String,
        /// Why, in the words of the standard.
        reason: String,
    },
    /// The connection's task has ended.
    #[error("the connection to the broker was closed by this process")]
    Stopped,
    /// It would not fit a packet.
    #[error("message for `{topic}` is {bytes} bytes long; {PAYLOAD_BYTES_MAX} are allowed")]
    TooLong {
        /// Where to.
        topic: String,
        /// Its length.
        bytes: usize,
    },
    /// The topic is empty, too long, or has wildcards.
    #[error("`{topic}` is no topic to publish on; wildcards are not allowed")]
    Topic {
        /// Its beginning.
        topic: String,
    },
}

/// The longest payload in either direction: a batch of 192 KiB, and foreign devices' JSON.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// A packet is a payload, a topic and a few bytes.
pub(crate) const PACKET_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 2 * TOPIC_BYTES_MAX;

/// Far above our own topics (at most 150 bytes); a longer one is a mistake.
const TOPIC_BYTES_MAX: usize = 1_024;

/// What MQTT 3.1.1 lets a server refuse is more than 23 bytes; every broker we know takes 64 KiB.
const CLIENT_ID_BYTES_MAX: usize = 256;

/// Messages that wait to be taken by the driver; the next publisher waits with them.
const OUTBOUND_MAX: usize = 64;

/// Messages that wait for the caller. Behind them the driver holds some more, then hangs up.
const INBOUND_MAX: usize = 256;

/// A dead connection is noticed within two of these, and a ping costs four bytes.
const KEEP_ALIVE_DEFAULT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_no_broker_accepts_are_refused_by_name() {
        let check = |change: fn(&mut ConnectOptions), expected: &str| {
            let mut options = ConnectOptions::new("localhost", 1883, "gw-7");
            change(&mut options);
            let refused = open(options).map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        };
        check(|it| it.client_id.clear(), "client id is 0 bytes");
        check(|it| it.keep_alive = Duration::from_millis(999), "too short");
        check(|it| it.will = Some(Publication::new("a/#", "")), "no topic to publish on");
        for filter in ["", "a/#/b", "a#", "a/b+"] {
            let options = ConnectOptions::new("localhost", 1883, "gw-7").subscribe(filter);
            assert!(open(options).is_err(), "{filter} was accepted");
        }
        for filter in ["#", "+/+/x", "a/b/#", "+"] {
            let options = ConnectOptions::new("localhost", 1883, "gw-7").subscribe(filter);
            assert!(open(options).is_ok(), "{filter} was refused");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let login = Login { user: "gw-7".to_owned(), password: "geheim".to_owned() };
        let options = ConnectOptions { login: Some(login), ..ConnectOptions::new("h", 1, "c") };
        let shown = format!("{options:?}");
        assert!(shown.contains("gw-7") && !shown.contains("geheim"), "{shown}");
    }
}
