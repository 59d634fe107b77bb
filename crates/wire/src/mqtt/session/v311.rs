//! MQTT 3.1.1 by rumqttc.

use std::pin::Pin;

use futures::{Stream, stream};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet,
    Publish, QoS, SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};

use super::{Happened, IN_FLIGHT_MAX, Polled};
use crate::mqtt::{ConnectOptions, PACKET_BYTES_MAX, Publication, Qos};
use crate::tls;

pub(super) fn open(
    options: &ConnectOptions,
    requests_max: usize,
) -> (AsyncClient, Pin<Box<dyn Stream<Item = Polled> + Send>>) {
    let (client, event_loop) = AsyncClient::new(mqtt_options(options), requests_max);
    let events = stream::unfold(event_loop, |mut event_loop: EventLoop| async move {
        let polled = event_loop.poll().await;
        Some((told(polled), event_loop))
    });
    (client, Box::pin(events))
}

pub(super) fn subscribe(client: &AsyncClient, options: &ConnectOptions) -> Result<(), String> {
    let filters = options.subscriptions.iter();
    let filters = filters.map(|it| SubscribeFilter::new(it.filter.clone(), qos_of(it.qos)));
    client.try_subscribe_many(filters).map_err(|error| error.to_string())
}

pub(super) fn confirm(client: &AsyncClient, pkid: u16) -> Result<(), String> {
    let mut publish = Publish::new("", QoS::AtLeastOnce, "");
    publish.pkid = pkid;
    client.try_ack(&publish).map_err(|error| error.to_string())
}

pub(super) fn qos_of(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

/// The encryption of either version.
pub(super) fn transport(options: &ConnectOptions) -> Option<Transport> {
    let tls = options.tls.as_ref()?;
    tls::install_ring();
    let client = tls.client.as_ref();
    Some(Transport::tls_with_config(TlsConfiguration::Simple {
        ca: tls.ca_pem.clone(),
        alpn: None,
        client_auth: client.map(|it| (it.chain_pem.clone(), it.key_pem.clone())),
    }))
}

fn told(polled: Result<Event, ConnectionError>) -> Polled {
    let event = polled.map_err(|error| error.to_string())?;
    Ok(match event {
        Event::Outgoing(Outgoing::Publish(pkid)) => Happened::Sent { pkid },
        Event::Outgoing(Outgoing::Disconnect) => Happened::SaidGoodbye,
        Event::Outgoing(_) => Happened::Other,
        Event::Incoming(Packet::ConnAck(_)) => Happened::Connected,
        Event::Incoming(Packet::SubAck(granted)) => {
            let is_refused = granted.return_codes.contains(&SubscribeReasonCode::Failure);
            Happened::Subscribed { refused: is_refused.then(|| "no reason given".to_owned()) }
        }
        Event::Incoming(Packet::PubAck(puback)) => {
            Happened::Confirmed { pkid: puback.pkid, refused: None }
        }
        Event::Incoming(Packet::Publish(publish)) => {
            let Publish { topic, payload, retain, qos, pkid, .. } = publish;
            let pkid = (qos != QoS::AtMostOnce).then_some(pkid);
            Happened::Arrived { topic, payload, retain, pkid }
        }
        Event::Incoming(_) => Happened::Other,
    })
}

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
    if let Some(transport) = transport(options) {
        mqtt.set_transport(transport);
    }
    mqtt
}
