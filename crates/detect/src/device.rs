//! One device, reading by reading: what is remembered, and the order in which rules are asked.
//!
//! Readings of one channel are taken in order of time; an earlier or equal one is counted and left
//! alone, so a repeated batch changes nothing. A step allocates nothing unless something is found.
//!
//! Deliberately absent: a clock. The device's own time is the newest reading's.

mod channel;
mod code;
mod inherit;
mod monitors;
mod report;
mod siblings;
mod silence;
mod together;
mod waveform;

use forewarn_domain::id::StateId;
use forewarn_domain::quality::{Quality, Uncertain};
use forewarn_domain::site::operating::StateFollower;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::confirm::{Look, Turn};
use crate::outcome::{Detection, DeviceNotice};
use crate::plan::{ChannelPlan, DevicePlan, Place};
use crate::sample::Sample;
pub(crate) use channel::{ChannelState, Mind};
pub(crate) use monitors::MonitorPlan;
use monitors::MonitorState;
use report::Found;
pub use siblings::{Compared, Standing};
use silence::AgentSilence;
use together::{Evidence, Joined};
use waveform::WaveformState;

/// Everything that the rules remember of one device.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceState {
    format: u32,
    states: Vec<StateId>,
    pub(crate) follower: StateFollower,
    /// Place of the present operating state.
    pub(crate) now: u8,
    /// The newest reading's time.
    clock: Option<Time>,
    /// Time that has passed while readings came.
    awake: Span,
    /// The longest step of `awake`.
    step_max: Span,
    next_scan: Option<Time>,
    /// Changes of value on all channels.
    moves: u64,
    disordered: u64,
    agent_silent: Option<AgentSilence>,
    pub(crate) channels: Vec<ChannelState>,
    pub(crate) waveforms: Vec<WaveformState>,
    #[serde(default)]
    evidence: Vec<Evidence>,
    #[serde(default)]
    joined: Vec<Joined>,
    #[serde(default)]
    monitors: Vec<MonitorState>,
    /// The newest tick that was entered, where the device is compared with others.
    #[serde(default)]
    ticked: Option<Time>,
}

/// A number of one channel.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Of which channel.
    pub place: Place,
    /// Event time.
    pub t: Time,
    /// The value in the channel's unit.
    pub value: f64,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// A text of one channel.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredText<'a> {
    /// Of which channel.
    pub place: Place,
    /// Event time.
    pub t: Time,
    /// The text.
    pub text: &'a str,
    /// How far it may be trusted.
    pub quality: Quality,
}

impl DeviceState {
    pub(crate) fn new(plan: &DevicePlan) -> Self {
        let states = plan.states.len();
        let channels = plan.channels.iter().map(|it| ChannelState::new(it, states)).collect();
        Self {
            format: FORMAT,
            states: plan.states.clone(),
            follower: plan.device.states.follower(),
            now: u8::try_from(states.saturating_sub(1)).unwrap_or(0),
            clock: None,
            awake: Span::ZERO,
            step_max: STEP_MAX,
            next_scan: None,
            moves: 0,
            disordered: 0,
            agent_silent: None,
            channels,
            waveforms: plan.waveforms.iter().map(WaveformState::new).collect(),
            evidence: Vec::new(),
            joined: Vec::new(),
            monitors: plan.monitors.iter().map(|it| MonitorState::new(plan, it)).collect(),
            ticked: None,
        }
    }

    /// How many readings were left alone because a newer one of their channel had been seen.
    #[must_use]
    pub fn disordered(&self) -> u64 {
        self.disordered
    }

    /// Reads something of everything that a reading of this channel will need, and returns a number
    /// that means nothing. What a thousand machines remember fits into no cache; asked for several
    /// channels at once, the memory answers all of them in the time of a few.
    #[must_use]
    pub fn touch(&self, place: Place) -> u64 {
        self.channels.get(place.index()).map_or(0, ChannelState::touch)
    }

    /// Whether the reading is newer than its channel's last one; moves the device's clock.
    fn admit(&mut self, place: Place, t: Time) -> bool {
        let Some(channel) = self.channels.get_mut(place.index()) else {
            return false;
        };
        if channel.last.is_some_and(|last| t <= last) {
            self.disordered = self.disordered.saturating_add(1);
            return false;
        }
        channel.last = Some(t);
        let passed = self.clock.map_or(Span::ZERO, |clock| t - clock);
        if Span::ZERO < passed || self.clock.is_none() {
            self.clock = Some(t);
            let step = passed.min(self.step_max).micros();
            self.awake = Span::from_micros(self.awake.micros().saturating_add(step));
        }
        true
    }

    fn refresh_state(&mut self, plan: &DevicePlan, t: Time) {
        let id = self.follower.state(&plan.device.states, t);
        let is_same = plan.states.get(usize::from(self.now)).is_some_and(|it| it == id);
        if !is_same {
            let place = plan.states.iter().position(|it| it == id).unwrap_or_default();
            self.now = u8::try_from(place).unwrap_or_default();
        }
    }
}

impl DevicePlan {
    /// Takes a number. Readings of a device come in order of time, up to the site's lateness.
    pub fn number(&self, state: &mut DeviceState, taken: Measured, out: &mut Vec<Detection>) {
        let Some(plan) = self.channels.get(taken.place.index()) else {
            return;
        };
        if !state.admit(taken.place, taken.t) {
            return;
        }
        let from = out.len();
        let is_trusted = taken.value.is_finite() && is_usable(taken.quality);
        if let Some(input) = plan.input
            && is_trusted
        {
            state.follower.number(&self.device.states, input, Some(taken.value), taken.t);
        }
        state.refresh_state(self, taken.t);
        if is_trusted {
            self.trusted(state, plan, taken, out);
            self.watch_together(state, &taken, out);
        } else if let Some(channel) = state.channels.get_mut(taken.place.index()) {
            channel.silence.untrusted = Some(taken.quality);
            channel.silence.keep();
        }
        self.after(state, taken.t, from, out);
    }

    /// Takes a text; only the operating state and the search for silences look at it.
    pub fn text(&self, state: &mut DeviceState, taken: MeasuredText<'_>, out: &mut Vec<Detection>) {
        let Some(plan) = self.channels.get(taken.place.index()) else {
            return;
        };
        if !state.admit(taken.place, taken.t) {
            return;
        }
        let from = out.len();
        if let Some(input) = plan.input
            && is_usable(taken.quality)
        {
            state.follower.text(&self.device.states, input, Some(taken.text), taken.t);
        }
        state.refresh_state(self, taken.t);
        if is_usable(taken.quality) {
            self.codes(state, (taken.place.index(), taken.t, taken.text), out);
        }
        self.after(state, taken.t, from, out);
    }

    /// Takes what is no reading.
    pub fn notice(&self, state: &mut DeviceState, notice: &DeviceNotice, out: &mut Vec<Detection>) {
        match notice {
            DeviceNotice::AgentSilent { since, at } => {
                self.agent_silent(state, (*since, *at), out);
            }
            DeviceNotice::Rebaseline { component, at } => {
                let is_whole = component.as_str() == WHOLE_MACHINE;
                let from = out.len();
                for (place, plan) in self.channels.iter().enumerate() {
                    if is_whole || plan.channel.component == *component {
                        self.forget(state, (place, *at), out);
                    }
                }
                for (place, plan) in self.waveforms.iter().enumerate() {
                    self.forget_waveform(state, (place, plan), (component, is_whole, *at), out);
                }
                self.forget_codes(state, (component, is_whole, *at), out);
                self.forget_together(state, (component, is_whole, *at), out);
                self.join(state, *at, from, out);
                state.forget_evidence(component, is_whole);
            }
        }
    }

    fn trusted(
        &self,
        state: &mut DeviceState,
        plan: &ChannelPlan,
        taken: Measured,
        out: &mut Vec<Detection>,
    ) {
        let place = taken.place.index();
        let (now, awake) = (state.now, state.awake);
        let Some(kept) = state.channels.get_mut(place) else {
            return;
        };
        let sample = kept.sample(plan, &taken);
        state.moves = state.moves.saturating_add(u64::from(sample.run == 1));
        let sample = Sample { state: now, moves: state.moves, ..sample };
        if let Some((head, _, judge)) = &plan.silence
            && judge.hear(&mut kept.silence, taken.t, awake)
        {
            out.push(report::cleared(head, &plan.channel.id, taken.t));
        }
        let mut turns: Vec<(usize, Turn)> = Vec::new();
        let mut is_muted = kept.silence.is_active();
        for (index, (watch, mind)) in plan.watches.iter().zip(&mut kept.minds).enumerate() {
            if !watch.gate.is_open(now) {
                continue;
            }
            let is_about_the_sensor = watch.detector.is_about_the_sensor();
            if is_muted && !is_about_the_sensor {
                mind.confirm.unsettle();
                continue;
            }
            let is_calm = mind.confirm.is_normal() && !is_muted;
            let look = watch.detector.look(&mut mind.memory, &sample, is_calm);
            if let Some(look) = look
                && let Some(turn) = mind.step(watch, look, &sample)
            {
                turns.push((index, turn));
            }
            if is_about_the_sensor {
                // A value at rest for half of what is too long is not yet evidence of a machine.
                kept.is_doubted = mind.confirm.is_active();
                is_muted |= kept.is_doubted || look == Some(Look::Between);
            }
        }
        kept.follow_course(plan, (taken.t, now), is_muted);
        for (index, turn) in turns {
            self.report(state, (place, index), (turn, &sample), out);
        }
    }

    fn report(
        &self,
        state: &DeviceState,
        (place, index): (usize, usize),
        (turn, sample): (Turn, &Sample),
        out: &mut Vec<Detection>,
    ) {
        let (Some(plan), Some(kept)) = (self.channels.get(place), state.channels.get(place)) else {
            return;
        };
        let (Some(watch), Some(mind)) = (plan.watches.get(index), kept.minds.get(index)) else {
            return;
        };
        if turn == Turn::Cleared {
            out.push(report::cleared(&watch.head, &plan.channel.id, sample.t));
            return;
        }
        let Some(finding) = watch.detector.finding(&mind.memory, sample, &self.states) else {
            return;
        };
        let found = Found { place, head: &watch.head, finding, value: sample.value };
        out.extend(self.tell(state, found, turn, sample.t));
    }

    /// What follows from any reading; what was found since `from` is its own.
    fn after(&self, state: &mut DeviceState, t: Time, from: usize, out: &mut Vec<Detection>) {
        self.pass_codes(state, t, out);
        self.agent_heard(state, t, out);
        self.scan_if_due(state, out);
        self.join(state, t, from, out);
    }

    fn forget(
        &self,
        state: &mut DeviceState,
        (place, at): (usize, Time),
        out: &mut Vec<Detection>,
    ) {
        let (Some(plan), Some(kept)) = (self.channels.get(place), state.channels.get_mut(place))
        else {
            return;
        };
        for (watch, mind) in plan.watches.iter().zip(&mut kept.minds) {
            mind.memory.forget();
            if mind.confirm.reset() {
                out.push(report::cleared(&watch.head, &plan.channel.id, at));
            }
        }
        kept.is_doubted = false;
        kept.heading.clear();
    }
}

/// A clamped value still says "at least this much", and an old configuration is one; what lies
/// outside the physical range or was filled in is no measurement.
fn is_usable(quality: Quality) -> bool {
    match quality {
        Quality::Good => true,
        Quality::Uncertain(why) => !matches!(why, Uncertain::Range | Uncertain::Interpolated),
        Quality::Bad(_) => false,
    }
}

/// The layout of a stored [`DeviceState`].
const FORMAT: u32 = 1;

/// Of a device of which no interval is known.
const STEP_MAX: Span = Span::from_secs(30);

/// The component that stands for all of them.
const WHOLE_MACHINE: &str = "machine";
