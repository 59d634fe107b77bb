//! Devices that publish by themselves: JSON by pointer to points, binary bursts to waveforms.
//!
//! Rely on this: a message is confirmed to the broker only when its readings are on our disk; one
//! that cannot be understood is counted, confirmed and left out; retained messages are old and are
//! left out; a source that falls silent gets bad readings.
//!
//! Deliberately absent: Sparkplug, and publishing.

pub mod json;
pub mod layout;
pub mod topic;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::template::{MessageTemplate, PayloadKind, PointAddress, WaveformSource};
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::mqtt::{ConnectOptions, Incoming};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use crate::decode::{self, Decoded};
use crate::intake::{Inlet, Intake, Measured};
use crate::poll::report::Reporter;
use crate::source::SourcePoints;
use crate::status::StatusBoard;

/// The sources behind one broker.
#[derive(Debug)]
pub struct Listener {
    sources: Vec<Heard>,
    board: StatusBoard,
}

/// One source, and when it was last heard.
#[derive(Debug)]
struct Heard {
    points: SourcePoints,
    /// What `{asset}` stands for.
    address: String,
    reporter: Reporter,
    stale_after: Option<Span>,
    last_heard: Option<Time>,
}

impl Listener {
    /// Prepares the sources of a link.
    #[must_use]
    pub fn new(sources: Vec<SourcePoints>, board: StatusBoard) -> Self {
        let heard = |points: SourcePoints| Heard {
            address: points.source.address.clone().unwrap_or_else(|| points.device.to_string()),
            reporter: Reporter::new(&points),
            stale_after: points.template.mqtt.as_ref().and_then(|it| it.stale_after),
            last_heard: None,
            points,
        };
        Self { sources: sources.into_iter().map(heard).collect(), board }
    }

    /// Adds what must be heard to the options of the connection, each filter once.
    #[must_use]
    pub fn subscribe(&self, options: ConnectOptions) -> ConnectOptions {
        let mut filters: Vec<String> = self
            .sources
            .iter()
            .flat_map(|heard| {
                let template = &heard.points.template;
                let messages = template.messages.iter().map(|it| it.topic.as_str());
                let bursts = template.waveforms.iter().filter_map(|it| match &it.source {
                    WaveformSource::Mqtt(filter) => Some(filter.as_str()),
                    WaveformSource::ModbusBlock(_) | WaveformSource::ModbusFifo(_) => None,
                });
                messages.chain(bursts).map(|it| topic::filter(it, &heard.address))
            })
            .collect();
        filters.sort();
        filters.dedup();
        filters.into_iter().fold(options, ConnectOptions::subscribe)
    }

    /// Listens until `stop`.
    pub async fn run(
        mut self,
        mut incoming: mpsc::Receiver<Incoming>,
        inlet: Inlet,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let mut unconfirmed: FuturesUnordered<Confirmation> = FuturesUnordered::new();
        let mut watch = tokio::time::interval(STALE_CHECK_EVERY);
        let began = Time::from_micros(clock.now_us());
        loop {
            let has_room = unconfirmed.len() < UNCONFIRMED_MAX;
            let intake = tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = unconfirmed.next() => continue,
                message = incoming.recv(), if has_room => {
                    let Some(mut message) = message else { return };
                    let now = Time::from_micros(clock.now_us());
                    let Some(intake) = self.take(&message, now) else {
                        message.acknowledge().await;
                        continue;
                    };
                    let (receipt, stored) = oneshot::channel();
                    unconfirmed.push(Box::pin(confirm(message, stored)));
                    Intake { receipt: Some(receipt), ..intake }
                }
                _ = watch.tick() => self.silence(began, Time::from_micros(clock.now_us())),
            };
            let is_empty = intake.readings.is_empty() && intake.receipt.is_none();
            if !is_empty && inlet.send(intake).await.is_err() {
                return;
            }
        }
    }

    /// What a message brings; `None` when there is nothing to store.
    pub fn take(&mut self, message: &Incoming, now: Time) -> Option<Intake> {
        if message.retain {
            return None;
        }
        let mut intake = Intake::default();
        let mut is_expected = false;
        for heard in &mut self.sources {
            let template = std::sync::Arc::clone(&heard.points.template);
            let address = heard.address.clone();
            let fits =
                |filter: &str| topic::matches(&topic::filter(filter, &address), &message.topic);
            if let Some(found) = template.messages.iter().find(|it| fits(&it.topic)) {
                is_expected = true;
                let to = (now, &mut intake, &self.board);
                heard.take_message(found, &message.payload, &message.topic, to);
            }
            let burst = template.waveforms.iter().find(|it| match &it.source {
                WaveformSource::Mqtt(filter) => fits(filter),
                WaveformSource::ModbusBlock(_) | WaveformSource::ModbusFifo(_) => false,
            });
            if let Some(waveform) = burst {
                is_expected = true;
                heard.take_burst(waveform, message, (now, &mut intake, &self.board));
            }
        }
        if !is_expected {
            tracing::debug!(topic = message.topic, "nobody expects this message");
        }
        (!intake.readings.is_empty() || intake.capture.is_some()).then_some(intake)
    }

    /// Bad readings for the sources that have been silent for too long.
    fn silence(&mut self, began: Time, now: Time) -> Intake {
        let mut intake = Intake::default();
        for heard in &mut self.sources {
            let since = heard.last_heard.unwrap_or(began);
            if heard.stale_after.is_some_and(|limit| limit < now - since) {
                heard.go_stale(now, &mut intake);
            }
        }
        intake
    }
}

impl Heard {
    fn take_message(
        &mut self,
        message_template: &MessageTemplate,
        payload: &[u8],
        topic: &str,
        (now, intake, board): (Time, &mut Intake, &StatusBoard),
    ) {
        if message_template.payload != PayloadKind::Json {
            board.count(&self.points.device, self.points.id(), "unsupported_payload");
            return;
        }
        let parsed = match json::parse(payload) {
            Ok(parsed) => parsed,
            Err(error) => {
                let device = &self.points.device;
                tracing::debug!(%device, topic, %error, "message left out");
                board.count(device, self.points.id(), "parse");
                return;
            }
        };
        let (t, is_off) = match json::time(message_template.time.as_ref(), &parsed, now) {
            Ok(found) => found,
            Err(kind) => {
                board.count(&self.points.device, self.points.id(), kind);
                (now, true)
            }
        };
        self.last_heard = Some(now);
        let mut has_good = false;
        for index in 0..self.points.points.len() {
            let Some(decoded) = self.decode(index, message_template, &parsed) else { continue };
            let decoded = if is_off { with_doubtful_time(decoded) } else { decoded };
            has_good |= !decoded.quality.is_bad();
            self.report(index, decoded, t, intake);
        }
        board.update(&self.points.device, self.points.id(), |it| {
            it.answers += 1;
            it.last_good = if has_good { Some(t) } else { it.last_good };
        });
    }

    fn decode(
        &self,
        index: usize,
        message: &MessageTemplate,
        parsed: &serde_json::Value,
    ) -> Option<Decoded> {
        let point = self.points.template.points.get(index)?;
        let PointAddress::Json(pointer) = &point.at else { return None };
        // Gateways that have several messages for one device send each point in one of them.
        if json::has_error(message.errors.as_deref(), pointer, parsed) {
            return Some(decode::missing(point, Bad::Exception));
        }
        let found = parsed.pointer(pointer)?;
        let range = self.points.points.get(index)?.range;
        Some(decode::against_range(decode::json(point, found), range))
    }

    fn take_burst(
        &mut self,
        waveform: &forewarn_domain::template::WaveformTemplate,
        message: &Incoming,
        (now, intake, board): (Time, &mut Intake, &StatusBoard),
    ) {
        let channel = ChannelId::new(&self.points.device, self.points.id(), &waveform.id);
        match layout::capture(waveform, channel, &message.payload, now) {
            Ok(capture) => {
                self.last_heard = Some(now);
                intake.capture = Some(capture);
                board.update(&self.points.device, self.points.id(), |it| {
                    it.answers += 1;
                    it.last_good = Some(now);
                });
            }
            Err(error) => {
                let device = &self.points.device;
                tracing::warn!(%device, topic = message.topic, %error, "burst left out");
                board.count(device, self.points.id(), "burst");
            }
        }
    }

    fn go_stale(&mut self, now: Time, intake: &mut Intake) {
        for index in 0..self.points.points.len() {
            let point = self.points.template.points.get(index);
            if let Some(point) = point.filter(|it| matches!(it.at, PointAddress::Json(_))) {
                self.report(index, decode::missing(point, Bad::Stale), now, intake);
            }
        }
    }

    fn report(&mut self, index: usize, decoded: Decoded, t: Time, intake: &mut Intake) {
        if let Some(point) = self.points.points.get(index)
            && self.reporter.is_due(index, &decoded, t)
        {
            let channel = point.channel.clone();
            let (value, quality) = (decoded.value, decoded.quality);
            intake.readings.push(Measured { channel, t, value, quality });
        }
    }
}

fn with_doubtful_time(decoded: Decoded) -> Decoded {
    if decoded.quality.is_bad() {
        return decoded;
    }
    Decoded { quality: Quality::Uncertain(Uncertain::Clock), ..decoded }
}

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

#[cfg(test)]
mod tests;
