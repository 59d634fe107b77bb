//! Devices that publish by themselves: JSON by pointer to points, binary bursts to waveforms, and
//! Sparkplug edge nodes.
//!
//! Rely on this: a message is confirmed to the broker only when its readings are on our disk; one
//! that cannot be understood is counted, confirmed and left out; retained messages are old and are
//! left out; a source that falls silent gets bad readings.
//!
//! Deliberately absent: publishing, but for Sparkplug's request for a birth.

pub mod json;
pub mod layout;
pub mod pointer;
pub mod topic;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Bad;
use forewarn_domain::template::{
    MessageTemplate, MessageTime, PayloadKind, PointAddress, WaveformSource,
};
use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::mqtt::{
    ConnectOptions, Connection, ConnectionState, Incoming, Publication, Publisher, Qos,
};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::oneshot;

use crate::decode::Decoded;
use crate::intake::{Inlet, Intake};
use crate::source::SourcePoints;
use crate::source::heard::{Heard, with_doubtful_time};
use crate::source::sparkplug::{self, Host, Speaker, Told};
use crate::status::StatusBoard;

/// The sources behind one broker.
#[derive(Debug)]
pub struct Listener {
    sources: Vec<Heard>,
    /// Who a source is where it speaks Sparkplug, in the order of the sources.
    speakers: Vec<Option<Speaker>>,
    host: Host,
}

impl Listener {
    /// Prepares the sources of a link.
    #[must_use]
    pub fn new(sources: Vec<SourcePoints>, board: &StatusBoard) -> Self {
        let sources: Vec<Heard> = sources.into_iter().map(|it| Heard::new(it, board)).collect();
        let speakers = sources.iter().map(speaker).collect();
        Self { sources, speakers, host: Host::default() }
    }

    /// Adds what must be heard to the options of the connection, each filter once.
    #[must_use]
    pub fn subscribe(&self, options: ConnectOptions) -> ConnectOptions {
        let mut filters: Vec<String> = self.sources.iter().flat_map(filters).collect();
        filters.extend(self.speakers.iter().flatten().map(Speaker::filter));
        filters.sort();
        filters.dedup();
        filters.into_iter().fold(options, ConnectOptions::subscribe)
    }

    /// Listens until `stop`.
    pub async fn run(
        mut self,
        connection: Connection,
        inlet: Inlet,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let Connection { publisher, mut incoming, mut state, .. } = connection;
        let mut unconfirmed: FuturesUnordered<Confirmation> = FuturesUnordered::new();
        let mut watch = tokio::time::interval(STALE_CHECK_EVERY);
        let now = || Time::from_micros(clock.now_us());
        let began = now();
        loop {
            let has_room = unconfirmed.len() < UNCONFIRMED_MAX;
            let intake = tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = unconfirmed.next() => continue,
                Ok(()) = state.changed() => {
                    let is_there = matches!(*state.borrow_and_update(), ConnectionState::Connected { .. });
                    if is_there {
                        self.ask_for_births(now());
                    }
                    Intake::default()
                }
                message = incoming.recv(), if has_room => {
                    let Some(mut message) = message else { return };
                    match self.take(&message, now()) {
                        Some(intake) => {
                            let (receipt, stored) = oneshot::channel();
                            unconfirmed.push(Box::pin(confirm(message, stored)));
                            Intake { receipt: Some(receipt), ..intake }
                        }
                        None => {
                            message.acknowledge().await;
                            Intake::default()
                        }
                    }
                }
                _ = watch.tick() => self.silence(began, now()),
            };
            self.send_requests(&publisher, now()).await;
            let is_empty = intake.readings.is_empty() && intake.receipt.is_none();
            if !is_empty && inlet.send(intake).await.is_err() {
                return;
            }
        }
    }

    /// What a message brings; `None` when there is nothing to store. What a broker had kept is old.
    pub fn take(&mut self, message: &Incoming, now: Time) -> Option<Intake> {
        if message.retain {
            return None;
        }
        self.hear(&message.topic, &message.payload, now)
    }

    /// As [`Listener::take`], for the bytes alone.
    pub fn hear(&mut self, topic: &str, payload: &[u8], now: Time) -> Option<Intake> {
        let mut intake = Intake::default();
        let is_expected = if sparkplug::is_topic(topic) {
            let told = self.host.take(topic, payload, now);
            self.take_told(&told, now, &mut intake)
        } else {
            self.take_plain(topic, payload, (now, &mut intake))
        };
        if !is_expected {
            tracing::debug!(topic, "nobody expects this message");
        }
        (!intake.readings.is_empty() || intake.capture.is_some()).then_some(intake)
    }

    fn take_plain(
        &mut self,
        topic: &str,
        payload: &[u8],
        (now, intake): (Time, &mut Intake),
    ) -> bool {
        let mut is_expected = false;
        for heard in &mut self.sources {
            let template = std::sync::Arc::clone(&heard.points.template);
            let address = heard.address.clone();
            let fits = |filter: &str| topic::matches(&topic::filter(filter, &address), topic);
            if let Some(found) = template.messages.iter().find(|it| fits(&it.topic)) {
                is_expected = true;
                heard.take_message(found, payload, topic, (now, intake));
            }
            let burst = template.waveforms.iter().find(|it| match &it.source {
                WaveformSource::Mqtt(filter) => fits(filter),
                WaveformSource::ModbusBlock(_) | WaveformSource::ModbusFifo(_) => false,
            });
            if let Some(waveform) = burst {
                is_expected = true;
                heard.take_burst(waveform, (topic, payload), (now, intake));
            }
        }
        is_expected
    }

    /// Gives what a node or device told to the sources that stand for it.
    fn take_told(&mut self, told: &Told, now: Time, intake: &mut Intake) -> bool {
        let Some(about) = &told.about else { return told.trouble.is_none() };
        let mut is_expected = false;
        for (heard, speaker) in self.sources.iter_mut().zip(&self.speakers) {
            let Some(speaker) = speaker.as_ref().filter(|it| it.node == about.node) else {
                continue;
            };
            is_expected = true;
            if let Some(trouble) = told.trouble {
                heard.count(trouble);
            }
            let is_meant = speaker.device == about.device;
            if told.is_dead && (is_meant || about.device.is_none()) {
                heard.go_stale(now, intake);
            } else if is_meant && !told.values.is_empty() {
                let has_good = heard.take_named(&told.values, told.is_doubtful, intake);
                heard.note(now, has_good.then_some(now));
            }
        }
        is_expected
    }

    /// What nodes said while nobody listened is lost, their births among it.
    fn ask_for_births(&mut self, now: Time) {
        for speaker in self.speakers.iter().flatten() {
            self.host.ask(speaker.node.clone(), now);
        }
    }

    async fn send_requests(&mut self, publisher: &Publisher, now: Time) {
        for node in self.host.requests() {
            let publication = Publication {
                qos: Qos::AtMostOnce,
                ..Publication::new(node.command_topic(), sparkplug::rebirth(now))
            };
            if let Err(error) = publisher.publish(publication).await {
                tracing::warn!(?node, %error, "a node was not asked for its birth");
            }
        }
    }

    /// Bad readings for the sources that have been silent for too long.
    fn silence(&mut self, began: Time, now: Time) -> Intake {
        let mut intake = Intake::default();
        for heard in self.sources.iter_mut().filter(|it| it.is_silent(began, now)) {
            heard.go_stale(now, &mut intake);
        }
        intake
    }
}

impl Heard {
    fn take_message(
        &mut self,
        message: &MessageTemplate,
        payload: &[u8],
        topic: &str,
        (now, intake): (Time, &mut Intake),
    ) {
        if message.payload != PayloadKind::Json {
            self.count("unsupported_payload");
            return;
        }
        let parsed = match json::parse(payload) {
            Ok(parsed) => parsed,
            Err(error) => {
                tracing::debug!(device = %self.points.device, topic, %error, "message left out");
                self.count("parse");
                return;
            }
        };
        let path = message.time.as_ref().map(|it| it.path.as_str());
        let (samples, prefix) = pointer::samples(&parsed, path, &self.address);
        let mut last_good = None;
        for sample in samples.into_iter().take(SAMPLES_MAX) {
            let good = self.take_sample(message, (sample, &parsed, &prefix), now, intake);
            last_good = good.or(last_good);
        }
        self.note(now, last_good);
    }

    /// One sample of a message; gives its time when something in it was good.
    fn take_sample(
        &mut self,
        message: &MessageTemplate,
        (sample, whole, prefix): (&serde_json::Value, &serde_json::Value, &str),
        now: Time,
        intake: &mut Intake,
    ) -> Option<Time> {
        let mut last_good = None;
        let of_message = match &message.time {
            None => Some((now, false)),
            // Each value has one of its own.
            Some(time) if time.path.starts_with("../") => None,
            Some(time) => {
                Some(self.time_at(time, pointer::within(&time.path, prefix), sample, now))
            }
        };
        for index in 0..self.points.points.len() {
            let Some(PointAddress::Json(at)) =
                self.points.template.points.get(index).map(|it| it.at.clone())
            else {
                continue;
            };
            let within = pointer::within(&at, prefix);
            // Gateways that have several messages for one device send each point in one of them.
            let found: Vec<Found> = if json::has_error(message.errors.as_deref(), &at, whole) {
                vec![(self.missing(index, Bad::Exception), of_message)]
            } else if let (Some((parent, last)), true) =
                (within.rsplit_once('/'), within.contains("/**/"))
            {
                let parents = pointer::find_all(sample, parent, &self.address).into_iter();
                let values = parents.filter_map(|it| it.get(last).map(|value| (it, value)));
                values
                    .map(|(parent, value)| {
                        let t = of_message.or_else(|| self.beside(message, parent, last, now));
                        (self.decode(index, value), t)
                    })
                    .collect()
            } else {
                let value = pointer::find(sample, within, &self.address);
                let t = of_message.or_else(|| self.beside(message, sample, within, now));
                vec![(value.and_then(|it| self.decode(index, it)), t)]
            };
            for (decoded, t) in found {
                let (Some(decoded), Some((t, is_off))) = (decoded, t) else { continue };
                let decoded = if is_off { with_doubtful_time(decoded) } else { decoded };
                if !decoded.quality.is_bad() {
                    last_good = Some(t);
                }
                self.report(index, decoded, t, intake);
            }
        }
        last_good
    }

    fn time_at(
        &self,
        time: &MessageTime,
        path: &str,
        sample: &serde_json::Value,
        now: Time,
    ) -> (Time, bool) {
        let found = pointer::find(sample, path, &self.address);
        json::time(time, found, now).unwrap_or_else(|kind| {
            self.count(kind);
            (now, true)
        })
    }

    /// The time that stands beside a value.
    fn beside(
        &self,
        message: &MessageTemplate,
        within: &serde_json::Value,
        at: &str,
        now: Time,
    ) -> Option<(Time, bool)> {
        let time = message.time.as_ref()?;
        let path = pointer::beside(at, &time.path)?;
        Some(self.time_at(time, &path, within, now))
    }

    fn take_burst(
        &mut self,
        waveform: &forewarn_domain::template::WaveformTemplate,
        (topic, payload): (&str, &[u8]),
        (now, intake): (Time, &mut Intake),
    ) {
        let channel = ChannelId::new(&self.points.device, self.points.id(), &waveform.id);
        match layout::capture(waveform, channel, payload, now) {
            Ok(capture) => {
                intake.capture = Some(capture);
                self.note(now, Some(now));
            }
            Err(error) => {
                let device = &self.points.device;
                tracing::warn!(%device, topic, %error, "burst left out");
                self.count("burst");
            }
        }
    }
}

fn filters(heard: &Heard) -> Vec<String> {
    let template = &heard.points.template;
    let plain = template.messages.iter().filter(|it| it.payload != PayloadKind::Sparkplug);
    let bursts = template.waveforms.iter().filter_map(|it| match &it.source {
        WaveformSource::Mqtt(filter) => Some(filter.as_str()),
        WaveformSource::ModbusBlock(_) | WaveformSource::ModbusFifo(_) => None,
    });
    let all = plain.map(|it| it.topic.as_str()).chain(bursts);
    all.map(|it| topic::filter(it, &heard.address)).collect()
}

/// Who a source is in Sparkplug: its address is `group/node` or `group/node/device`.
fn speaker(heard: &Heard) -> Option<Speaker> {
    let messages = &heard.points.template.messages;
    if !messages.iter().any(|it| it.payload == PayloadKind::Sparkplug) {
        return None;
    }
    let speaker = Speaker::from_address(&heard.address);
    if speaker.is_none() {
        let (device, address) = (&heard.points.device, &heard.address);
        tracing::error!(%device, address, "a Sparkplug source needs `address = \"group/node\"` or \"group/node/device\"");
        heard.count("sparkplug_address");
    }
    speaker
}

/// A value where there is one, and its time with whether that is doubtful.
type Found = (Option<Decoded>, Option<(Time, bool)>);

type Confirmation = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Confirms a message once it is stored; one that was refused stays with the broker.
async fn confirm(mut message: Incoming, stored: oneshot::Receiver<()>) {
    if stored.await.is_ok() {
        message.acknowledge().await;
    }
}

/// Four commits of a device that sends fast; a broker sends no more than its own window anyway.
const UNCONFIRMED_MAX: usize = 1_000;

/// A silence is found within a second of its limit.
const STALE_CHECK_EVERY: Duration = Duration::from_secs(1);

/// What a gateway keeps through an outage and sends in one message.
const SAMPLES_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
