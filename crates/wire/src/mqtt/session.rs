//! One connection: a rumqttc client of its own, from connect to goodbye.
//!
//! Rely on this: the two versions of the protocol tell the same things in the same words; what only
//! version 5 can say, a refusal of a message, is a reason there and never comes from 3.1.1.

mod v311;
mod v5;

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use super::outbox::MESSAGES_MAX;
use super::{ConnectOptions, PubackDue, Publication, Version};

/// One connection.
pub(super) struct Session {
    pub(super) number: u64,
    client: Client,
    /// A stream keeps rumqttc's future when `select!` turns to something else; dropping that
    /// future half way would lose the packet it was writing.
    pub(super) events: Pin<Box<dyn Stream<Item = Polled> + Send>>,
    pub(super) is_ready: bool,
    pub(super) was_ready: bool,
}

enum Client {
    V311(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

/// What a connection tells; an error ends it.
pub(super) type Polled = Result<Happened, String>;

/// What happened on a connection.
#[derive(Debug)]
pub(super) enum Happened {
    /// The broker has taken us.
    Connected,
    /// The broker has answered our subscriptions; a refusal in its words.
    Subscribed { refused: Option<String> },
    /// A message came. Its packet id is owed a confirmation; `QoS` 0 has none.
    Arrived { topic: String, payload: Bytes, retain: bool, pkid: Option<u16> },
    /// Our message of this packet id is on the wire.
    Sent { pkid: u16 },
    /// The broker has it, or refuses it.
    Confirmed { pkid: u16, refused: Option<String> },
    /// Our goodbye is on the wire.
    SaidGoodbye,
    /// Nothing that concerns us.
    Other,
}

impl Session {
    pub(super) fn new(options: &ConnectOptions, number: u64) -> Self {
        let (client, events) = match options.version {
            Version::V311 => {
                let (client, events) = v311::open(options, REQUESTS_MAX);
                (Client::V311(client), events)
            }
            Version::V5 => {
                let (client, events) = v5::open(options, REQUESTS_MAX);
                (Client::V5(client), events)
            }
        };
        Self { number, client, events, is_ready: false, was_ready: false }
    }

    pub(super) fn subscribe(&self, options: &ConnectOptions) -> Result<(), String> {
        if options.subscriptions.is_empty() {
            return Ok(());
        }
        match &self.client {
            Client::V311(client) => v311::subscribe(client, options),
            Client::V5(client) => v5::subscribe(client, options),
        }
    }

    pub(super) fn publish(&self, publication: Publication) -> Result<(), String> {
        let Publication { topic, payload, qos, retain } = publication;
        match &self.client {
            Client::V311(client) => client
                .try_publish(topic, v311::qos_of(qos), retain, payload)
                .map_err(|error| error.to_string()),
            Client::V5(client) => client
                .try_publish(topic, v5::qos_of(qos), retain, payload)
                .map_err(|error| error.to_string()),
        }
    }

    pub(super) fn confirm(&self, due: &PubackDue) {
        if due.session != self.number {
            return;
        }
        let sent = match &self.client {
            Client::V311(client) => v311::confirm(client, due.pkid),
            Client::V5(client) => v5::confirm(client, due.pkid),
        };
        if let Err(error) = sent {
            // Without it the broker sends the message again, which is only a cost.
            tracing::debug!(error, "a confirmation was not sent");
        }
    }

    /// Ends the connection so that the broker does not take us for lost.
    pub(super) async fn say_goodbye(&mut self) {
        let is_asked = match &self.client {
            Client::V311(client) => client.try_disconnect().is_ok(),
            Client::V5(client) => client.try_disconnect().is_ok(),
        };
        if !self.is_ready || !is_asked {
            return;
        }
        let gone = async {
            while let Some(Ok(event)) = self.events.next().await {
                if matches!(event, Happened::SaidGoodbye) {
                    return;
                }
            }
        };
        if tokio::time::timeout(GOODBYE_MAX, gone).await.is_err() {
            tracing::debug!("the broker did not take our goodbye in time");
        }
    }
}

/// Enough for one packet on a slow line.
const GOODBYE_MAX: Duration = Duration::from_millis(500);

/// Above [`MESSAGES_MAX`], so that packet ids do not come around while an old one is open.
const IN_FLIGHT_MAX: u16 = 1_000;

/// Every packet id that a broker can have open, our own messages and the rest: `try_` calls on
/// rumqttc's queue then never find it full.
const REQUESTS_MAX: usize = 65_535 + MESSAGES_MAX + 8;
