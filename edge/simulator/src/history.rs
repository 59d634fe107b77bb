//! The past of a simulated plant as batches, without sockets.
//!
//! The same machines, encodings and bursts as live, asked at a coarser step; what an agent would
//! leave out (unchanged switches, counters between their turns) is left out here too. Numbering is
//! that of an agent of its own, `history-<site>`, whose epoch comes from the seed and the origin.
//!
//! [`History::of`] is the past up to the origin, in which nothing is wrong yet; [`History::between`]
//! goes on from there as fast, with the faults of the plan. Deliberately absent: raw waveforms.

mod sensor;

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{AgentId, PointId};
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey};
use forewarn_domain::site::operating::StateFollower;
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::template::{DeviceTemplate, PointTemplate, Report, WaveformTemplate};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::{BURST_FEATURES, Burst};

use crate::burst::RawBurst;
use crate::chance::Chance;
use crate::convert;
use crate::machine::Machine;
use crate::node;
use crate::plant::SimulatedPlant;
use crate::registers::quantise;
use crate::signal::Signal;
use sensor::{BoxFault, Passed};

/// How much past, and how fine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryOptions {
    /// How far before the origin it begins.
    pub reach: Span,
    /// Time between two readings of a channel.
    pub step: Span,
    /// Time between two bursts of a waveform.
    pub burst_every: Span,
    /// How much time one batch covers.
    pub batch: Span,
}

impl Default for HistoryOptions {
    /// Thirty days, a reading every ten seconds, a burst every hour, half an hour a batch.
    fn default() -> Self {
        Self {
            reach: Span::from_secs(30 * 86_400),
            step: Span::from_secs(10),
            burst_every: Span::from_secs(3_600),
            batch: Span::from_secs(1_800),
        }
    }
}

/// The batches of the past, oldest first.
#[derive(Clone, Debug)]
pub struct History {
    key: StreamKey,
    options: HistoryOptions,
    channels: Vec<ChannelId>,
    recorders: Vec<Recorder>,
    next: Time,
    end: Time,
    seq: u64,
}

impl History {
    /// The past of a plant up to its origin.
    #[must_use]
    pub fn of(plant: &SimulatedPlant, options: HistoryOptions) -> Self {
        Self::between(plant, plant.origin() - options.reach, plant.origin(), options)
    }

    /// Any stretch, the time after the origin with its faults included. Its `reach` is not looked at.
    #[must_use]
    pub fn between(
        plant: &SimulatedPlant,
        begin: Time,
        end: Time,
        options: HistoryOptions,
    ) -> Self {
        let mut channels = Channels::default();
        let recorders = plant
            .machines(begin)
            .into_iter()
            .filter_map(|machine| {
                let device = Arc::clone(plant.site().device(machine.device())?);
                Some(Recorder::new(plant, device, machine, &mut channels))
            })
            .collect();
        let chance = Chance::new(plant.seed()).named("history").with_signed(end.micros());
        let epoch = Epoch(u128::from(chance.bits()) << 64 | u128::from(chance.with(1).bits()));
        let key = StreamKey { agent: agent(plant), epoch, stream: Stream::NORMAL };
        Self { key, options, channels: channels.ids, recorders, next: begin, end, seq: 0 }
    }

    /// The numbering of the batches.
    #[must_use]
    pub fn key(&self) -> &StreamKey {
        &self.key
    }
}

impl Iterator for History {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.end <= self.next {
            return None;
        }
        let until = self.end.min(self.next + self.options.batch);
        let mut readings = Readings { channels: self.channels.clone(), ..Readings::default() };
        while self.next < until {
            for recorder in &mut self.recorders {
                recorder.record(self.next, &self.options, &mut readings);
            }
            self.next = self.next + self.options.step;
        }
        self.seq += 1;
        Some(Batch { key: self.key.clone(), seq: self.seq, body: BatchBody::Readings(readings) })
    }
}

fn agent(plant: &SimulatedPlant) -> AgentId {
    let site: String = plant.site().site.id.as_str().chars().take(SITE_CHARS_MAX).collect();
    AgentId::new(&format!("history-{site}")).expect("a site id has only letters of an agent id")
}

/// An agent id holds 64 letters, and the prefix takes 8.
const SITE_CHARS_MAX: usize = 56;

/// The channels of a batch with their places.
#[derive(Clone, Debug, Default)]
struct Channels {
    ids: Vec<ChannelId>,
    places: BTreeMap<ChannelId, u16>,
}

impl Channels {
    fn place(&mut self, id: ChannelId) -> u16 {
        let next = u16::try_from(self.ids.len()).unwrap_or(u16::MAX);
        *self.places.entry(id).or_insert_with_key(|id| {
            self.ids.push(id.clone());
            next
        })
    }
}

/// One device with everything that is written down of it.
#[derive(Clone, Debug)]
struct Recorder {
    machine: Machine,
    device: Arc<PlantDevice>,
    follower: StateFollower,
    points: Vec<RecordedPoint>,
    waveforms: Vec<RecordedWaveform>,
}

#[derive(Clone, Debug)]
struct RecordedPoint {
    channel: u16,
    signal: Signal,
    template: PointTemplate,
    every: Span,
    /// For points that are reported on change: the longest silence.
    on_change: Option<Span>,
    /// Its place among the inputs of the device's states.
    input: Option<usize>,
    last: Option<(Time, f64)>,
    fault: Option<BoxFault>,
}

#[derive(Clone, Debug)]
struct RecordedWaveform {
    channel: ChannelId,
    template: WaveformTemplate,
    axes: Vec<Axis>,
    /// For each axis, the channels in the order of [`BURST_FEATURES`].
    features: Vec<Vec<u16>>,
    chance: Chance,
    due: Time,
    fault: Option<BoxFault>,
}

impl Recorder {
    fn new(
        plant: &SimulatedPlant,
        device: Arc<PlantDevice>,
        machine: Machine,
        channels: &mut Channels,
    ) -> Self {
        let (mut points, mut waveforms) = (Vec::new(), Vec::new());
        for source in &device.device.sources {
            let Some(template) = plant.site().template(&source.template) else { continue };
            let fault = BoxFault::of(plant, &device, &source.id);
            let id = |point: &PointId| ChannelId::new(&device.device.id, &source.id, point);
            for point in &template.points {
                let Some(signal) = Signal::of(&point.id) else { continue };
                let channel = id(&point.id);
                let input = device.states.inputs().iter().position(|it| *it == channel);
                let channel = channels.place(channel);
                let (every, on_change) = rhythm(template, point);
                let template = point.clone();
                points.push(RecordedPoint {
                    channel,
                    signal,
                    template,
                    every,
                    on_change,
                    input,
                    last: None,
                    fault,
                });
            }
            for waveform in &template.waveforms {
                let features = feature_channels(waveform, &id, channels);
                let chance = Chance::new(plant.seed()).named(id(&waveform.id).as_str());
                waveforms.push(RecordedWaveform {
                    channel: id(&waveform.id),
                    axes: waveform.samples.axes.clone(),
                    template: waveform.clone(),
                    features,
                    chance,
                    due: machine.now() + Span::from_secs(60),
                    fault,
                });
            }
        }
        let follower = device.states.follower();
        Self { machine, device, follower, points, waveforms }
    }

    fn record(&mut self, t: Time, options: &HistoryOptions, readings: &mut Readings) {
        self.machine.advance(t);
        let situation = self.machine.situation();
        for point in &mut self.points {
            let value_of = |signal| self.machine.value_in(signal, &situation);
            let Some(value) = point.due_value(value_of, t) else { continue };
            let Some(passed) = point.pass(t, value) else { continue };
            if let Some(input) = point.input
                && passed.quality == Quality::Good
            {
                self.follower.number(&self.device.states, input, Some(passed.value), t);
            }
            let Passed { t, value, quality } = passed;
            readings.numbers.push(Reading { channel: point.channel, t, value, quality });
        }
        for waveform in &mut self.waveforms {
            if t < waveform.due || !node::is_ready(&waveform.template, &self.machine) {
                continue;
            }
            let state = self.follower.state(&self.device.states, t).clone();
            // An agent polls faster than this and would know the state by now.
            if state == *self.device.states.unknown() {
                continue;
            }
            waveform.put_off(t, options.burst_every);
            let Some(t0) = waveform.fault.map_or(Some(t), |it| it.burst(t)) else { continue };
            let raw = RawBurst { t0, ..RawBurst::capture(&self.machine, &waveform.axes) };
            let burst = raw.features(waveform.channel.clone(), state);
            waveform.write_features(&burst, readings);
            readings.bursts.push(burst);
        }
    }
}

impl RecordedPoint {
    fn pass(&self, t: Time, value: f64) -> Option<Passed> {
        match self.fault {
            Some(fault) => fault.pass(&self.template, t, value),
            None => Some(Passed { t, value, quality: Quality::Good }),
        }
    }

    /// The value that an agent would report now, if it would report one.
    fn due_value(&mut self, value_of: impl Fn(Signal) -> f64, t: Time) -> Option<f64> {
        let age = self.last.map(|(at, _)| t - at);
        let is_early = age.is_some_and(|age| age < self.every);
        if is_early {
            return None;
        }
        let value = quantise(&self.template, value_of(self.signal));
        if let (Some(silence_max), Some((at, last))) = (self.on_change, self.last)
            && last.to_bits() == value.to_bits()
            && t - at < silence_max
        {
            return None;
        }
        self.last = Some((t, value));
        Some(value)
    }
}

impl RecordedWaveform {
    /// The next burst falls anywhere in the next interval, so that it meets every kind of work.
    fn put_off(&mut self, t: Time, every: Span) {
        let begin = t.floor(every) + every;
        let share = self.chance.with_signed(begin.micros()).between(0.0, 0.9);
        let wait = convert::nearest(share * convert::float(every.micros()));
        self.due = begin + Span::from_micros(wait);
    }

    fn write_features(&self, burst: &Burst, readings: &mut Readings) {
        for axis in &burst.axes {
            let place = self.axes.iter().position(|it| *it == axis.axis);
            let Some(channels) = place.and_then(|it| self.features.get(it)) else { continue };
            for (channel, value) in channels.iter().zip(axis.values()) {
                let (channel, t, quality) = (*channel, burst.t0, burst.quality);
                readings.numbers.push(Reading { channel, t, value, quality });
            }
        }
    }
}

fn feature_channels(
    waveform: &WaveformTemplate,
    id: &impl Fn(&PointId) -> ChannelId,
    channels: &mut Channels,
) -> Vec<Vec<u16>> {
    let mut of_axis = |axis: &Axis| {
        let point = |suffix: &str| PointId::new(&format!("{}.{axis}.{suffix}", waveform.id));
        BURST_FEATURES
            .iter()
            .map(|it| {
                channels.place(id(&point(it.suffix).expect("checked when the plant was joined")))
            })
            .collect()
    };
    waveform.samples.axes.iter().map(&mut of_axis).collect()
}

fn rhythm(template: &DeviceTemplate, point: &PointTemplate) -> (Span, Option<Span>) {
    let group = match &point.group {
        Some(id) => template.groups.iter().find(|it| it.id == *id),
        None => template.groups.first(),
    };
    let Some(group) = group else { return (Span::ZERO, None) };
    let on_change = group.report == Report::OnChange;
    let silence_max =
        on_change.then(|| group.at_least_every.unwrap_or(Span::from_secs(i64::from(u32::MAX))));
    (group.every, silence_max)
}
