//! Sensor or machine? Asked before a ticket, so that nobody opens a healthy machine for a bad wire.
//!
//! A [`TriagePlan`] watches the raw readings of one device for what no machine can do: values at the
//! end of the converter's range, values that leap and then stand still, temperatures that leap,
//! registers in the wrong order, clocks that step. Each gives an instrumentation anomaly of its own
//! before a rule about the machine can fire. [`TriagePlan::doubt`] then looks at each machine anomaly
//! that does fire: one that the sensor alone explains is turned into one about the sensor.
//!
//! Deliberately absent: flat lines and silence, which are rules (`detect`); clocks and files.

mod sense;
mod clock;
mod agree;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use forewarn_domain::anomaly::{Anomaly, Finding, RuleRef, Signal};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::{FaultFamily, Severity, TicketKind};
use forewarn_domain::id::{ComponentId, RuleId, StateId};
use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::time::{Span, Time};

use clock::{SourceClock, Verdict};
use sense::{Sense, Turn};

/// What no machine can do, by the id of the rule that says so.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SensorFault {
    /// The values of one box carry other times than those of the rest of the device.
    Clock,
    /// A slow quantity leaps.
    Jump,
    /// The value stands at the end of its range.
    Rail,
    /// The value leaped and does not move any more.
    Stuck,
    /// Several values of one box make no sense at once.
    Words,
}

impl SensorFault {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Clock, Self::Jump, Self::Rail, Self::Stuck, Self::Words];

    /// The rule as tickets name it.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Clock => "sensor-clock",
            Self::Jump => "sensor-jump",
            Self::Rail => "sensor-at-its-end",
            Self::Stuck => "sensor-stuck",
            Self::Words => "sensor-registers",
        }
    }

    /// The fault of which an anomaly's rule speaks.
    #[must_use]
    pub fn of(anomaly: &Anomaly) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.rule() == anomaly.rule.id.as_str())
    }

    /// Whether it concerns a whole box and not one sensor.
    #[must_use]
    pub fn is_of_the_box(self) -> bool {
        matches!(self, Self::Clock | Self::Words)
    }
}

/// What changed with the sensors of a device.
#[derive(Clone, Debug, PartialEq)]
pub enum SensorChange {
    /// A sensor or box does what no machine can do.
    Raised(Box<Anomaly>),
    /// It has been well again for long enough.
    Cleared {
        /// The rule that had fired.
        rule: RuleRef,
        /// On which part.
        component: ComponentId,
        /// Its leading channel.
        channel: ChannelId,
        /// Event time of the reading that ended it.
        at: Time,
    },
}

/// One reading, before anything judged it.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The channel's place among the device's channels.
    pub place: usize,
    /// Event time.
    pub t: Time,
    /// The value in the channel's unit.
    pub value: f64,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// What is to be known of a device to doubt its sensors; resolved once.
#[derive(Clone, Debug)]
pub struct TriagePlan {
    device: Arc<PlantDevice>,
    version: u32,
    watched: Vec<Watched>,
    /// The first channel of each source.
    leaders: Vec<usize>,
}

/// What is remembered of the sensors of a device.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TriageState {
    senses: Vec<Sense>,
    clocks: Vec<SourceClock>,
    /// For each source, whether its registers were called mixed up, and good readings since.
    mixed: Vec<Option<u32>>,
    newest: Time,
}

#[derive(Clone, Debug)]
struct Watched {
    channel: Arc<Channel>,
    source: usize,
    /// Whether its values are a measurement that a stuck or clipped converter falsifies.
    is_measured: bool,
}

impl TriagePlan {
    /// The plan of a device; `version` is that of the rules, which anomalies name.
    #[must_use]
    pub fn new(device: &Arc<PlantDevice>, version: u32) -> Self {
        let ids: Vec<_> = device.device.sources.iter().map(|it| it.id.clone()).collect();
        let watched: Vec<Watched> = device
            .channels
            .values()
            .map(|channel| Watched {
                channel: Arc::clone(channel),
                source: ids.iter().position(|it| *it == channel.id.source()).unwrap_or_default(),
                is_measured: is_measured(channel),
            })
            .collect();
        let leader = |source| watched.iter().position(|it| it.source == source).unwrap_or_default();
        let leaders = (0..ids.len()).map(leader).collect();
        Self { device: Arc::clone(device), version, watched, leaders }
    }

    /// Takes a reading before the rules do. `false` means that its time cannot be right, so that no
    /// rule may see it.
    pub fn take(&self, state: &mut TriageState, taken: Taken, out: &mut Vec<SensorChange>) -> bool {
        let Some(watched) = self.watched.get(taken.place) else { return true };
        if state.senses.len() != self.watched.len() || state.clocks.len() != self.leaders.len() {
            *state = self.fresh(state.newest);
        }
        if !self.judge_time(state, watched.source, taken.t, out) {
            return false;
        }
        if watched.channel.waveform.is_some() || watched.channel.is_text {
            return true;
        }
        self.judge_words(state, (taken, watched), out);
        if watched.is_measured && !taken.quality.is_bad() && taken.value.is_finite() {
            let Some(sense) = state.senses.get_mut(taken.place) else { return true };
            match sense.take(&watched.channel, taken.t, taken.value) {
                Some(Turn::Raised(fault, finding, onset)) => {
                    out.push(self.raised(taken.place, fault, finding, (onset, taken.t)));
                }
                Some(Turn::Cleared(fault)) => out.push(self.cleared(taken.place, fault, taken.t)),
                None => {}
            }
        }
        true
    }

    /// Reads something of what a reading of this channel will need; see `DeviceState::touch`.
    #[must_use]
    pub fn touch(&self, state: &TriageState, place: usize) -> u64 {
        let sense = state.senses.get(place).map_or(0, Sense::touch);
        sense ^ self.watched.get(place).map_or(0, |it| u64::from(it.is_measured))
    }

    /// The anomaly as one about the sensor, where the sensor alone explains it. `levels` are the
    /// device's channels with a learned normal, at the time of the anomaly.
    #[must_use]
    pub fn doubt(
        &self,
        state: &TriageState,
        anomaly: &Anomaly,
        levels: impl FnOnce() -> Vec<Signal>,
    ) -> Option<Anomaly> {
        if anomaly.family.kind() != TicketKind::Machine {
            return None;
        }
        let place = self.watched.iter().position(|it| it.channel.id == anomaly.channel)?;
        let watched = self.watched.get(place)?;
        let is_off = self.doubts(state, place, anomaly.confirmed);
        let is_alone = || {
            agree::is_alone(&watched.channel, anomaly, &levels(), |id| {
                self.device.channels.get(id).map(Arc::as_ref)
            })
        };
        (is_off || is_alone())
            .then(|| Anomaly { family: FaultFamily::Instrumentation, ..anomaly.clone() })
    }

    /// Whether the sensor of a channel, by its place, is in doubt at a time.
    #[must_use]
    pub fn doubts(&self, state: &TriageState, place: usize, at: Time) -> bool {
        state.senses.get(place).is_some_and(|it| it.is_suspect(at))
    }

    /// Forgets what was held against the sensors of a part, because it was repaired; all of them for
    /// `machine`.
    pub fn forget(&self, state: &mut TriageState, component: &ComponentId) {
        let is_whole = component.as_str() == "machine";
        for (watched, sense) in self.watched.iter().zip(&mut state.senses) {
            if is_whole || watched.channel.component == *component {
                sense.forgive();
            }
        }
        let touched = |source: usize| {
            let mut of_source = self.watched.iter().filter(|it| it.source == source);
            is_whole || of_source.any(|it| it.channel.component == *component)
        };
        // A device of which nothing was read yet has nothing to forget.
        for (source, mixed) in state.mixed.iter_mut().enumerate().filter(|(it, _)| touched(*it)) {
            *mixed = None;
            if let Some(clock) = state.clocks.get_mut(source) {
                clock.forgive();
            }
        }
    }

    fn fresh(&self, newest: Time) -> TriageState {
        TriageState {
            senses: vec![Sense::default(); self.watched.len()],
            clocks: vec![SourceClock::default(); self.leaders.len()],
            mixed: vec![None; self.leaders.len()],
            newest,
        }
    }

    fn judge_time(
        &self,
        state: &mut TriageState,
        source: usize,
        t: Time,
        out: &mut Vec<SensorChange>,
    ) -> bool {
        let (verdict, newest) = clock::judge(&mut state.clocks, source, t, state.newest);
        state.newest = newest;
        match verdict {
            Verdict::Right => true,
            Verdict::Wrong => false,
            Verdict::Stepped { off } => {
                let finding = Finding::NoData { lasted: off, interval: SECOND };
                let times = (newest, newest);
                out.push(self.raised(self.leaders[source], SensorFault::Clock, finding, times));
                false
            }
            Verdict::RightAgain => {
                out.push(self.cleared(self.leaders[source], SensorFault::Clock, t));
                true
            }
        }
    }

    /// Two values of one box that make no sense at the same time are no accident of one sensor.
    fn judge_words(
        &self,
        state: &mut TriageState,
        (taken, watched): (Taken, &Watched),
        out: &mut Vec<SensorChange>,
    ) {
        let makes_sense = makes_sense(&taken);
        let (Some(sense), Some(mixed)) =
            (state.senses.get_mut(taken.place), state.mixed.get_mut(watched.source))
        else {
            return;
        };
        let was_odd = sense.is_odd();
        sense.note(!makes_sense);
        match mixed {
            None if !makes_sense => {
                let of_box = |place: &usize| self.watched[*place].source == watched.source;
                let odd = (0..self.watched.len()).filter(of_box);
                let odd = odd.filter(|place| state.senses[*place].is_odd()).count();
                if MIXED_MIN <= odd {
                    state.mixed[watched.source] = Some(0);
                    let (value, range) = (taken.value, watched.channel.range.unwrap_or_default());
                    let above = range[1] < value;
                    let limit = if above { range[1] } else { range[0] };
                    let finding = Finding::Limit { value, limit, above };
                    let (onset, place) = (taken.t, self.leaders[watched.source]);
                    out.push(self.raised(place, SensorFault::Words, finding, (onset, taken.t)));
                }
            }
            None => {}
            Some(good) if makes_sense && !was_odd => {
                *good += 1;
                if MIXED_CLEAR <= *good {
                    *mixed = None;
                    let place = self.leaders[watched.source];
                    out.push(self.cleared(place, SensorFault::Words, taken.t));
                }
            }
            Some(good) => *good = 0,
        }
    }

    fn raised(
        &self,
        place: usize,
        fault: SensorFault,
        finding: Finding,
        (onset, confirmed): (Time, Time),
    ) -> SensorChange {
        let channel = &self.watched[place].channel;
        SensorChange::Raised(Box::new(Anomaly {
            rule: self.reference(fault),
            device: self.device.device.id.clone(),
            component: channel.component.clone(),
            family: FaultFamily::Instrumentation,
            channel: channel.id.clone(),
            onset,
            confirmed,
            state: StateId::new("all").expect("the constant is a slug"),
            severity: Severity::Warning,
            finding,
            signals: Vec::new(),
        }))
    }

    fn cleared(&self, place: usize, fault: SensorFault, at: Time) -> SensorChange {
        let channel = &self.watched[place].channel;
        SensorChange::Cleared {
            rule: self.reference(fault),
            component: channel.component.clone(),
            channel: channel.id.clone(),
            at,
        }
    }

    fn reference(&self, fault: SensorFault) -> RuleRef {
        let id = RuleId::new(fault.rule()).expect("the constants are slugs");
        RuleRef { id, version: self.version }
    }
}

/// Numbers that come at a rhythm and measure something; a switch or a counter may well stand still.
fn is_measured(channel: &Channel) -> bool {
    let is_regular = channel.interval.is_some() && !channel.on_change;
    let is_number = !channel.is_text && channel.waveform.is_none();
    is_regular
        && is_number
        && matches!(
            channel.quantity,
            Quantity::AccelerationPeak
                | Quantity::AccelerationRms
                | Quantity::AccelerationRmsHf
                | Quantity::Current
                | Quantity::Displacement
                | Quantity::Flow
                | Quantity::Force
                | Quantity::Load
                | Quantity::Power
                | Quantity::Pressure
                | Quantity::Temperature
                | Quantity::Torque
                | Quantity::VelocityPeak
                | Quantity::VelocityRms
                | Quantity::Voltage
        )
}

/// A single whose words were swapped is most often beyond every range or next to nothing: its sign
/// and exponent come from the noise of the mantissa.
fn makes_sense(taken: &Taken) -> bool {
    let is_in_range =
        !matches!(taken.quality, Quality::Uncertain(Uncertain::Range) | Quality::Bad(Bad::Parse));
    let size = taken.value.abs();
    is_in_range && taken.value.is_finite() && (size == 0.0 || (TINY..HUGE).contains(&size))
}

/// No converter resolves so little, no machine yields so much.
const TINY: f64 = 1e-9;
const HUGE: f64 = 1e12;

/// Channels of one box that must make no sense together.
const MIXED_MIN: usize = 2;

/// Readings that make sense, in a row, before a box is believed again.
const MIXED_CLEAR: u32 = 60;

const SECOND: Span = Span::from_secs(1);
