//! What is remembered of one channel: its rhythm, its last value, and one mind for each rule.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::RuleId;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::Measured;
use crate::cadence::Cadence;
use crate::confirm::{Confirm, Look, Turn};
use crate::course::{Course, Point};
use crate::plan::{ChannelPlan, DevicePlan, Watch};
use crate::rules::baseline::{self, Baseline};
use crate::rules::{Detector, Memory, code, no_data};
use crate::sample::Sample;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct ChannelState {
    pub(super) id: ChannelId,
    /// The newest reading of any quality.
    pub(super) last: Option<Time>,
    /// The newest trusted one.
    pub(super) trusted: Option<Time>,
    pub(super) cadence: Cadence,
    pub(super) index: u64,
    pub(super) breaks: u32,
    pub(super) value: f64,
    pub(super) run: u32,
    pub(crate) silence: no_data::Memory,
    /// Whether a rule about the sensor has an active finding.
    pub(super) is_doubted: bool,
    pub(crate) minds: Vec<Mind>,
    #[serde(default)]
    pub(crate) codes: Vec<code::Memory>,
    /// How far it has been from its learned normal. (An older form, `course`, held means.)
    #[serde(default)]
    pub(crate) heading: Course,
}

/// What one rule remembers of one channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Mind {
    rule: RuleId,
    pub(crate) confirm: Confirm,
    pub(crate) memory: Memory,
    /// The channel's breaks when the finding was told last.
    #[serde(default)]
    pub(super) told_breaks: u32,
}

impl Mind {
    /// Takes what the rule says about the next sample. A finding that only adds to others is told
    /// again after a break: what was seen before it may be of another month.
    pub(super) fn step(&mut self, watch: &Watch, look: Look, sample: &Sample) -> Option<Turn> {
        let turn = self.confirm.step(&watch.hold, watch.head.severity, look, sample);
        let is_over = matches!(look, Look::Over { .. });
        let is_old = watch.is_evidence && is_over && self.told_breaks != sample.breaks;
        let turn = turn.or_else(|| self.confirm.again(sample.t).filter(|_| is_old));
        if turn.is_some() {
            self.told_breaks = sample.breaks;
        }
        turn
    }
}

impl ChannelState {
    pub(super) fn new(plan: &ChannelPlan, states: usize) -> Self {
        let mind = |watch: &Watch| Mind {
            rule: watch.head.rule.id.clone(),
            confirm: Confirm::default(),
            memory: watch.detector.start(states),
            told_breaks: 0,
        };
        Self {
            id: plan.channel.id.clone(),
            last: None,
            trusted: None,
            cadence: Cadence::default(),
            index: 0,
            breaks: 0,
            value: 0.0,
            run: 0,
            silence: no_data::Memory::default(),
            is_doubted: false,
            minds: plan.watches.iter().map(mind).collect(),
            codes: vec![code::Memory::default(); plan.codes.len()],
            heading: Course::default(),
        }
    }

    pub(super) fn inherit(&mut self, stored: Self, plan: &DevicePlan, keeps_states: bool) {
        let watches = plan.channels.iter().find(|it| it.channel.id == self.id);
        let watches = watches.map_or(&[][..], |it| it.watches.as_slice());
        let states = plan.states.len();
        let mut minds = stored.minds;
        for (mind, watch) in self.minds.iter_mut().zip(watches) {
            let found = minds.iter().position(|it| it.rule == mind.rule);
            let Some(at) = found.filter(|_| keeps_states) else {
                continue;
            };
            let old = minds.swap_remove(at);
            if watch.detector.fits(&old.memory, states) {
                *mind = old;
            }
        }
        let minds = std::mem::take(&mut self.minds);
        // Codes of other rules mean nothing to these; the same rules go on where they were.
        let mut codes = std::mem::take(&mut self.codes);
        if codes.len() == stored.codes.len() {
            codes = stored.codes;
        }
        *self = Self { minds, codes, ..stored };
    }

    /// Takes over what another state of the channel has learned by rules that know nothing here.
    pub(super) fn learn_missing(&mut self, plan: &ChannelPlan, other: &Self, states: usize) {
        for (mind, watch) in self.minds.iter_mut().zip(plan.watches.iter()) {
            let known = other.minds.iter().find(|it| it.rule == mind.rule);
            if let Some(known) = known
                && mind.memory == watch.detector.start(states)
                && watch.detector.fits(&known.memory, states)
            {
                mind.memory = known.memory.clone();
            }
        }
        if self.heading == Course::default() {
            self.heading = other.heading.clone();
        }
    }

    /// Numbers a trusted reading and measures what lies between it and the one before. The state
    /// and the device's changes of value are filled in by the device.
    pub(super) fn sample(&mut self, plan: &ChannelPlan, taken: &Measured) -> Sample {
        let gap = self.cadence.take(taken.t, plan.least_interval());
        if self.run == 0 || self.value.to_bits() != taken.value.to_bits() {
            (self.value, self.run) = (taken.value, 0);
        }
        self.run = self.run.saturating_add(1);
        self.index = self.index.saturating_add(1);
        self.trusted = Some(taken.t);
        if gap.is_break {
            self.breaks = self.breaks.wrapping_add(1);
        }
        Sample {
            t: taken.t,
            value: taken.value,
            gap: gap.span,
            index: self.index,
            breaks: self.breaks,
            state: 0,
            run: self.run,
            moves: 0,
        }
    }

    /// Notes how far the channel is from its normal, as long as it can be believed.
    pub(super) fn follow_course(
        &mut self,
        plan: &ChannelPlan,
        (t, now): (Time, u8),
        is_muted: bool,
    ) {
        let is_baseline = |watch: &&Watch| matches!(watch.detector, Detector::Baseline(_));
        let is_open =
            plan.watches.iter().find(is_baseline).is_some_and(|watch| watch.gate.is_open(now));
        if is_muted || !is_open {
            return;
        }
        let heading = self.baseline(plan).and_then(|(_, memory)| memory.heading());
        if let Some((distance, level)) = heading {
            self.heading.take(t, Point(distance, level));
        }
    }

    /// The first rule about the learned normal, and what it remembers.
    pub(crate) fn baseline<'a>(
        &'a self,
        plan: &'a ChannelPlan,
    ) -> Option<(&'a Baseline, &'a baseline::Memory)> {
        let mut pairs = plan.watches.iter().zip(&self.minds);
        pairs.find_map(|(watch, mind)| match (&watch.detector, &mind.memory) {
            (Detector::Baseline(judge), Memory::Baseline(memory)) => Some((judge, memory)),
            _ => None,
        })
    }

    /// See [`super::DeviceState::touch`].
    pub(super) fn touch(&self) -> u64 {
        let own = self.index
            ^ u64::from(self.is_doubted)
            ^ u64::from(self.run)
            ^ u64::from(self.silence.is_active())
            ^ u64::from(self.trusted.is_some())
            ^ u64::from(self.heading.newest().is_some());
        let of_mind = |it: &Mind| u64::from(it.confirm.is_normal()) ^ it.memory.touch();
        self.minds.iter().fold(own, |all, it| all ^ of_mind(it))
    }

    /// The time of the newest trusted reading.
    pub(crate) fn trusted_at(&self) -> Option<Time> {
        self.trusted
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.trusted.is_some()
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.is_doubted || self.silence.is_active()
    }
}

impl ChannelPlan {
    /// How often the template expects a reading. A channel that reports only changes may rest.
    pub(super) fn least_interval(&self) -> Span {
        let promised = self.channel.interval.unwrap_or_default();
        if self.channel.on_change { promised.max(ON_CHANGE_REST) } else { promised }
    }
}

/// A third of the longest rest between two reports of changes that does not break a duration.
const ON_CHANGE_REST: Span = Span::from_secs(60);
