//! Bursts of one waveform channel, through the same confirmation as numbers.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{ComponentId, RuleId};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Burst;
use serde::{Deserialize, Serialize};

use super::report::{Found, cleared};
use super::{DeviceState, is_usable};
use crate::cadence::Cadence;
use crate::confirm::{Confirm, Look, Turn};
use crate::outcome::{Detection, WhyNot};
use crate::plan::{BurstWatch, DevicePlan, WaveformPlan};
use crate::rules::bearing_match;
use crate::sample::Sample;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct WaveformState {
    id: ChannelId,
    last: Option<Time>,
    cadence: Cadence,
    index: u64,
    breaks: u32,
    /// Whether the last burst came without a speed.
    lacks_speed: bool,
    pub(crate) minds: Vec<BurstMind>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct BurstMind {
    rule: RuleId,
    pub(crate) confirm: Confirm,
    memory: bearing_match::Memory,
    /// When the active finding was confirmed.
    confirmed: Option<(Time, Time)>,
}

impl WaveformState {
    pub(super) fn new(plan: &WaveformPlan) -> Self {
        let mind = |watch: &BurstWatch| BurstMind {
            rule: watch.head.rule.id.clone(),
            confirm: Confirm::default(),
            memory: bearing_match::Memory::default(),
            confirmed: None,
        };
        Self {
            id: plan.id.clone(),
            last: None,
            cadence: Cadence::default(),
            index: 0,
            breaks: 0,
            lacks_speed: false,
            minds: plan.watches.iter().map(mind).collect(),
        }
    }

    pub(super) fn is_same_channel(&self, other: &Self) -> bool {
        self.id == other.id
    }

    pub(super) fn inherit(&mut self, stored: Self) {
        let mut minds = stored.minds;
        for mind in &mut self.minds {
            if let Some(at) = minds.iter().position(|it| it.rule == mind.rule) {
                *mind = minds.swap_remove(at);
            }
        }
        let minds = std::mem::take(&mut self.minds);
        *self = Self { minds, ..stored };
    }

    pub(crate) fn why_not(&self) -> Option<WhyNot> {
        match self.last {
            None => Some(WhyNot::NoReadings),
            Some(_) => self.lacks_speed.then_some(WhyNot::NoSpeed),
        }
    }

    /// Numbers a burst; `None` for one that is not newer than the last.
    fn sample(&mut self, burst: &Burst, state: u8) -> Option<Sample> {
        if self.last.is_some_and(|last| burst.t0 <= last) {
            return None;
        }
        self.last = Some(burst.t0);
        let gap = self.cadence.take(burst.t0, Span::ZERO);
        self.index = self.index.saturating_add(1);
        self.lacks_speed = burst.shaft_hz.is_none();
        Some(Sample {
            t: burst.t0,
            value: 0.0,
            gap: gap.span,
            index: self.index,
            // Bursts are captured when the machine allows it, so a long wait is no break.
            breaks: self.breaks,
            state,
            run: 1,
            moves: 0,
        })
    }
}

impl DevicePlan {
    /// Takes the features of a captured waveform. Its operating state is the one stamped on it.
    pub fn burst(&self, state: &mut DeviceState, burst: &Burst, out: &mut Vec<Detection>) {
        let Some(place) = self.waveforms.iter().position(|it| it.id == burst.channel) else {
            return;
        };
        let (Some(plan), Some(kept)) = (self.waveforms.get(place), state.waveforms.get_mut(place))
        else {
            return;
        };
        let in_state = self.states.iter().position(|it| *it == burst.state);
        let in_state = u8::try_from(in_state.unwrap_or(self.states.len() - 1)).unwrap_or_default();
        let Some(sample) = kept.sample(burst, in_state) else {
            state.disordered = state.disordered.saturating_add(1);
            return;
        };
        if !is_usable(burst.quality) {
            return;
        }
        let from = out.len();
        let mut found = Vec::new();
        for (watch, mind) in plan.watches.iter().zip(&mut kept.minds) {
            if watch.gate.is_open(in_state)
                && let Some(turn) = mind.step(watch, burst, &sample)
            {
                found.push((watch, turn, mind.memory.line.clone()));
            }
        }
        for (watch, turn, line) in found {
            let channel = self
                .channels
                .iter()
                .position(|it| it.channel.waveform.as_ref() == Some(&burst.channel));
            match (turn, channel, line) {
                (Turn::Cleared, _, _) => out.push(cleared(&watch.head, &plan.id, burst.t0)),
                (turn, Some(place), Some(line)) => {
                    let finding = Finding::BearingLine(line);
                    let found = Found { place, head: &watch.head, finding, value: 0.0 };
                    out.extend(self.tell_burst(state, found, (turn, burst)));
                }
                _ => {}
            }
        }
        self.join(state, burst.t0, from, out);
    }

    pub(super) fn forget_waveform(
        &self,
        state: &mut DeviceState,
        (place, plan): (usize, &WaveformPlan),
        (component, is_whole, at): (&ComponentId, bool, Time),
        out: &mut Vec<Detection>,
    ) {
        let Some(kept) = state.waveforms.get_mut(place) else {
            return;
        };
        for (watch, mind) in plan.watches.iter().zip(&mut kept.minds) {
            if (is_whole || watch.head.component == *component) && mind.confirm.reset() {
                mind.memory = bearing_match::Memory::default();
                out.push(cleared(&watch.head, &plan.id, at));
            }
        }
    }

    /// The leading channel of a bearing finding is the waveform; its signals are the features of
    /// the same axis set.
    fn tell_burst(
        &self,
        state: &DeviceState,
        found: Found<'_>,
        (turn, burst): (Turn, &Burst),
    ) -> Option<Detection> {
        let value = state.channels.get(found.place).map_or(0.0, |it| it.value);
        let mut told = self.tell(state, Found { value, ..found }, turn, burst.t0)?;
        if let Detection::Raised(anomaly) | Detection::Updated(anomaly) = &mut told {
            anomaly.channel = burst.channel.clone();
            anomaly.state = burst.state.clone();
        }
        Some(told)
    }
}

impl BurstMind {
    fn step(&mut self, watch: &BurstWatch, burst: &Burst, sample: &Sample) -> Option<Turn> {
        let look = watch.detector.look(&mut self.memory, burst, self.confirm.is_normal())?;
        let severity = watch.head.severity;
        let turn = self.confirm.step(&watch.hold, severity, look, sample);
        match (turn, look) {
            (Some(Turn::Raised { onset, .. }), _) => self.confirmed = Some((onset, sample.t)),
            (Some(Turn::Cleared), _) => self.confirmed = None,
            // One more burst that shows it is worth telling even without growth.
            (None, Look::Over { .. }) => {
                let (onset, confirmed) = self.confirmed.filter(|_| self.confirm.is_active())?;
                let severity = self.confirm.severity().unwrap_or(severity);
                return Some(Turn::Updated { onset, confirmed, severity });
            }
            _ => {}
        }
        turn
    }
}
