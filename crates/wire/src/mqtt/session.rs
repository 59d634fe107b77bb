//! One connection: a rumqttc client of its own, from connect to goodbye.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Publish, QoS,
    SubscribeFilter, TlsConfiguration, Transport,
};

use super::outbox::MESSAGES_MAX;
use super::{ConnectOptions, PACKET_BYTES_MAX, PubackDue, Publication, Qos};
use crate::tls;

/// One connection.
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) client: AsyncClient,
    /// A stream keeps rumqttc's future when `select!` turns to something else; dropping that
    /// future half way would lose the packet it was writing.
    pub(super) events: Pin<Box<dyn Stream<Item = Polled> + Send>>,
    pub(super) is_ready: bool,
    pub(super) was_ready: bool,
}

impl Session {
    pub(super) fn new(options: &ConnectOptions, number: u64) -> Self {
        let (client, event_loop) = AsyncClient::new(mqtt_options(options), REQUESTS_MAX);
        let events = stream::unfold(event_loop, |mut event_loop: EventLoop| async move {
            Some((event_loop.poll().await, event_loop))
        });
        Self { number, client, events: Box::pin(events), is_ready: false, was_ready: false }
    }

    pub(super) fn subscribe(&self, options: &ConnectOptions) -> Result<(), String> {
        if options.subscriptions.is_empty() {
            return Ok(());
        }
        let filters = options.subscriptions.iter();
        let filters = filters.map(|it| SubscribeFilter::new(it.filter.clone(), qos_of(it.qos)));
        self.client.try_subscribe_many(filters).map_err(|error| error.to_string())
    }

    pub(super) fn confirm(&self, due: &PubackDue) {
        if due.session != self.number {
            return;
        }
        let mut publish = Publish::new("", QoS::AtLeastOnce, "");
        publish.pkid = due.pkid;
        if let Err(error) = self.client.try_ack(&publish) {
            // Without it the broker sends the message again, which is only a cost.
            tracing::debug!(%error, "a confirmation was not sent");
        }
    }

    /// Ends the connection so that the broker does not take us for lost.
    pub(super) async fn say_goodbye(&mut self) {
        if !self.is_ready || self.client.try_disconnect().is_err() {
            return;
        }
        let gone = async {
            while let Some(Ok(event)) = self.events.next().await {
                if event == Event::Outgoing(rumqttc::Outgoing::Disconnect) {
                    return;
                }
            }
        };
        if tokio::time::timeout(GOODBYE_MAX, gone).await.is_err() {
            tracing::debug!("the broker did not take our goodbye in time");
        }
    }
}

/// What rumqttc tells.
pub(super) type Polled = Result<Event, ConnectionError>;

fn mqtt_options(options: &ConnectOptions) -> MqttOptions {
    let ConnectOptions { client_id, host, port, .. } = options;
    let mut mqtt = MqttOptions::new(client_id, host, *port);
    mqtt.set_keep_alive(options.keep_alive)
        .set_clean_session(false)
        .set_manual_acks(true)
        .set_inflight(IN_FLIGHT_MAX)
        .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    if let Some(login) = &options.login {
        mqtt.set_credentials(&login.user, &login.password);
    }
    if let Some(Publication { topic, payload, qos, retain }) = &options.will {
        mqtt.set_last_will(LastWill::new(topic, payload.clone(), qos_of(*qos), *retain));
    }
    if let Some(tls) = &options.tls {
        tls::install_ring();
        let client = tls.client.as_ref();
        mqtt.set_transport(Transport::tls_with_config(TlsConfiguration::Simple {
            ca: tls.ca_pem.clone(),
            alpn: None,
            client_auth: client.map(|it| (it.chain_pem.clone(), it.key_pem.clone())),
        }));
    }
    mqtt
}

pub(super) fn qos_of(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

/// Enough for one packet on a slow line.
const GOODBYE_MAX: Duration = Duration::from_millis(500);

/// Above [`MESSAGES_MAX`], so that packet ids do not come around while an old one is open.
const IN_FLIGHT_MAX: u16 = 1_000;

/// Every packet id that a broker can have open, our own messages and the rest: `try_` calls on
/// rumqttc's queue then never find it full.
const REQUESTS_MAX: usize = 65_535 + MESSAGES_MAX + 8;
