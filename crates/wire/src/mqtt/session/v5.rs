//! MQTT 5 by rumqttc: as 3.1.1, and the broker says why it refuses something.

use std::pin::Pin;

use futures::{Stream, stream};
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Filter, LastWill, Packet, PubAckReason, Publish, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};

use super::{Happened, IN_FLIGHT_MAX, Polled, v311};
use crate::mqtt::{ConnectOptions, PACKET_BYTES_MAX, Publication, Qos};

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
    let filters = filters.map(|it| Filter::new(it.filter.clone(), qos_of(it.qos)));
    client.try_subscribe_many(filters).map_err(|error| error.to_string())
}

pub(super) fn confirm(client: &AsyncClient, pkid: u16) -> Result<(), String> {
    let mut publish = Publish::new("", QoS::AtLeastOnce, "", None);
    publish.pkid = pkid;
    client.try_ack(&publish).map_err(|error| error.to_string())
}

pub(super) fn qos_of(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

fn told(polled: Result<Event, ConnectionError>) -> Polled {
    let event = polled.map_err(|error| error.to_string())?;
    Ok(match event {
        Event::Outgoing(Outgoing::Publish(pkid)) => Happened::Sent { pkid },
        Event::Outgoing(Outgoing::Disconnect) => Happened::SaidGoodbye,
        Event::Outgoing(_) => Happened::Other,
        Event::Incoming(Packet::ConnAck(_)) => Happened::Connected,
        Event::Incoming(Packet::SubAck(granted)) => {
            Happened::Subscribed { refused: refused_filter(&granted) }
        }
        Event::Incoming(Packet::PubAck(puback)) => {
            Happened::Confirmed { pkid: puback.pkid, refused: refused_message(puback.reason) }
        }
        Event::Incoming(Packet::Publish(publish)) => {
            let Publish { topic, payload, retain, qos, pkid, .. } = publish;
            let topic = String::from_utf8_lossy(&topic).into_owned();
            let pkid = (qos != QoS::AtMostOnce).then_some(pkid);
            Happened::Arrived { topic, payload, retain, pkid }
        }
        Event::Incoming(_) => Happened::Other,
    })
}

fn refused_filter(granted: &SubAck) -> Option<String> {
    let is_refusal = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
    granted.return_codes.iter().find(is_refusal).map(|code| format!("{code:?}"))
}

/// In the words of the standard (MQTT 5, section 3.4.2.1). That nobody has subscribed is no refusal.
fn refused_message(reason: PubAckReason) -> Option<String> {
    let words = match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => return None,
        PubAckReason::UnspecifiedError => "unspecified error",
        PubAckReason::ImplementationSpecificError => "implementation specific error",
        PubAckReason::NotAuthorized => "not authorized",
        PubAckReason::TopicNameInvalid => "topic name invalid",
        PubAckReason::PacketIdentifierInUse => "packet identifier in use",
        PubAckReason::QuotaExceeded => "quota exceeded",
        PubAckReason::PayloadFormatInvalid => "payload format invalid",
    };
    Some(words.to_owned())
}

fn mqtt_options(options: &ConnectOptions) -> MqttOptions {
    let ConnectOptions { client_id, host, port, .. } = options;
    let mut mqtt = MqttOptions::new(client_id, host, *port);
    let packet_bytes_max = u32::try_from(PACKET_BYTES_MAX).expect("far below 2^32");
    mqtt.set_keep_alive(options.keep_alive)
        .set_clean_start(false)
        .set_session_expiry_interval(Some(SESSION_EXPIRY_S))
        .set_max_packet_size(Some(packet_bytes_max))
        .set_outgoing_inflight_upper_limit(IN_FLIGHT_MAX);
    mqtt.set_manual_acks(true);
    if let Some(login) = &options.login {
        mqtt.set_credentials(&login.user, &login.password);
    }
    if let Some(Publication { topic, payload, qos, retain }) = &options.will {
        let will = LastWill::new(topic, payload.clone(), qos_of(*qos), *retain, None);
        mqtt.set_last_will(will);
    }
    if let Some(transport) = v311::transport(options) {
        mqtt.set_transport(transport);
    }
    mqtt
}

/// What a broker keeps for us while we are away: a long weekend and a day.
const SESSION_EXPIRY_S: u32 = 4 * 24 * 3_600;
