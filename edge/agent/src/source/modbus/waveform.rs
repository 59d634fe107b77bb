//! Raw waveforms that are fetched over Modbus: from a queue (function 24) or a block of registers.
//!
//! Rely on this: a waveform is whole or not there; fetching it gives way to other devices of the
//! line after every [`ASKS_PER_STEP`] questions. What the registers mean is the template's layout,
//! the same as for bursts over MQTT, with the high byte of a register first.
//!
//! Deliberately absent: features and the disk; see [`collect`](crate::collect).

use std::time::Duration;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::expression::Operand;
use forewarn_domain::template::{DeviceTemplate, Table, WaveformSource, WaveformTemplate};
use forewarn_domain::time::{Span, Time};

use super::line::{Answer, Ask, Line};
use crate::intake::Capture;
use crate::plan::{PlanError, block};
use crate::source::SourcePoints;
use crate::source::mqtt::layout;

/// A waveform that is fetched now and then.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Which waveform of the template.
    index: usize,
    unit: u8,
    /// How often.
    pub every: Span,
    asks: Asks,
    limit: Duration,
    words_max: usize,
    words: Vec<u16>,
    /// When the first question of the present one was asked.
    began: Option<Time>,
    /// Since when its condition holds.
    holds_since: Option<Time>,
}

#[derive(Clone, Debug)]
enum Asks {
    /// In order, each once.
    Block(Vec<Ask>),
    /// Again and again until it is empty.
    Queue(Ask),
}

/// What a step of fetching brought.
#[derive(Debug)]
pub enum Step {
    /// The whole waveform.
    Done(Box<Capture>),
    /// It failed, in one word for counters; what was fetched of it is thrown away.
    Failed(&'static str),
    /// There is more to fetch.
    More,
    /// The queue is empty, or the machine is not in the state in which it is to be fetched.
    NotNow,
}

impl Fetch {
    /// Every waveform of a template that is fetched over Modbus.
    ///
    /// # Errors
    ///
    /// [`PlanError`] for a place that is none.
    pub fn all(unit: u8, template: &DeviceTemplate) -> Result<Vec<Self>, PlanError> {
        let Some(settings) = &template.modbus else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for (index, waveform) in template.waveforms.iter().enumerate() {
            let asks = match &waveform.source {
                WaveformSource::Mqtt(_) => continue,
                WaveformSource::ModbusFifo(place) => Asks::Queue(queue(place)?),
                WaveformSource::ModbusBlock(place) => Asks::Block(block(settings, place)?),
            };
            let samples = waveform.limits.as_ref().and_then(|it| it.max_samples);
            let samples = samples.map_or(WORDS_MAX, |it| usize::try_from(it).unwrap_or(WORDS_MAX));
            all.push(Self {
                index,
                unit,
                every: waveform.capture.as_ref().map_or(EVERY, |it| it.every),
                asks,
                limit: settings.timeout.to_std(),
                words_max: samples.min(WORDS_MAX),
                words: Vec::new(),
                began: None,
                holds_since: None,
            });
        }
        Ok(all)
    }

    /// Notes whether the condition of the capture holds; `value` knows the points of the source.
    pub fn follow(
        &mut self,
        template: &DeviceTemplate,
        t: Time,
        value: impl Fn(&str) -> Option<f64>,
    ) {
        let condition =
            self.waveform(template).and_then(|it| it.capture.as_ref()?.only_when.as_ref());
        let holds = condition.is_none_or(|condition| {
            let values: Vec<_> =
                condition.names().iter().map(|it| value(it).map(Operand::Number)).collect();
            condition.holds(&values) == Some(true)
        });
        self.holds_since = if holds { self.holds_since.or(Some(t)) } else { None };
    }

    /// Fetches the next few registers.
    pub async fn step(&mut self, line: &mut Line, points: &SourcePoints, now: Time) -> Step {
        let Some(waveform) = self.waveform(&points.template).cloned() else { return Step::NotNow };
        if self.began.is_none() && !self.may_begin(&waveform, now) {
            return Step::NotNow;
        }
        let t0 = *self.began.get_or_insert(now);
        for _ in 0..ASKS_PER_STEP {
            let Some(ask) = self.next_ask() else { break };
            let came = match line.ask(self.unit, ask, self.limit).await {
                Ok(Answer::Words(words)) => words,
                Ok(Answer::Bits(_)) => return self.give_up("waveform"),
                Err(error) => return self.give_up(error.kind()),
            };
            let is_empty = came.is_empty();
            self.words.extend(came);
            if matches!(self.asks, Asks::Queue(_))
                && (is_empty || self.words_max <= self.words.len())
            {
                return self.finish(&waveform, points, t0);
            }
        }
        if self.next_ask().is_none() { self.finish(&waveform, points, t0) } else { Step::More }
    }

    fn may_begin(&self, waveform: &WaveformTemplate, now: Time) -> bool {
        let capture = waveform.capture.as_ref();
        let settle = capture.and_then(|it| it.settle).unwrap_or(Span::ZERO);
        let has_condition = capture.is_some_and(|it| it.only_when.is_some());
        !has_condition || self.holds_since.is_some_and(|since| settle <= now - since)
    }

    /// The next question; a block knows how far it is by what it has.
    fn next_ask(&self) -> Option<Ask> {
        match &self.asks {
            Asks::Queue(ask) => Some(*ask),
            Asks::Block(asks) => {
                let mut end = 0;
                asks.iter().copied().find(|ask| {
                    end += ask.data_bytes().unwrap_or(0) / 2;
                    self.words.len() < end
                })
            }
        }
    }

    fn finish(&mut self, waveform: &WaveformTemplate, points: &SourcePoints, t0: Time) -> Step {
        let mut words = std::mem::take(&mut self.words);
        self.began = None;
        if words.is_empty() {
            return Step::NotNow;
        }
        words.truncate(self.words_max);
        let bytes: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
        let channel = ChannelId::new(&points.device, points.id(), &waveform.id);
        match layout::capture(waveform, channel, &bytes, t0) {
            Ok(capture) => Step::Done(Box::new(capture)),
            Err(error) => {
                tracing::warn!(device = %points.device, waveform = %waveform.id, %error, "left out");
                Step::Failed("waveform")
            }
        }
    }

    fn give_up(&mut self, kind: &'static str) -> Step {
        self.words.clear();
        self.began = None;
        Step::Failed(kind)
    }

    fn waveform<'a>(&self, template: &'a DeviceTemplate) -> Option<&'a WaveformTemplate> {
        template.waveforms.get(self.index)
    }
}

/// `fifo:1246`: the address of a queue's pointer on the wire.
fn queue(place: &str) -> Result<Ask, PlanError> {
    let address = place.strip_prefix("fifo:").and_then(|it| it.parse().ok());
    let address = address.ok_or_else(|| PlanError::Block { text: place.to_owned() })?;
    Ok(Ask::Fifo { address })
}

/// The questions for a block, none longer than the device allows.
pub(crate) fn asks_for(table: Table, first: u16, count: usize, longest: u16) -> Vec<Ask> {
    let step = usize::from(longest.max(1));
    (0..count)
        .step_by(step)
        .filter_map(|done| {
            let address = first.checked_add(u16::try_from(done).ok()?)?;
            let count = u16::try_from((count - done).min(step)).ok()?;
            Some(Ask::Table { table, address, count })
        })
        .collect()
}

/// A dozen questions hold a serial line of 19,200 baud for about half a second.
const ASKS_PER_STEP: usize = 12;

/// As many registers as Modbus has addresses.
const WORDS_MAX: usize = 65_536;

/// Where the template does not say how often.
const EVERY: Span = Span::from_secs(3_600);
