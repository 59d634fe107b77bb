//! One state takes over from another: after a restart, under other rules, beside another engine.
//!
//! Rely on this: what fits by channel, rule and operating state is kept, everything else starts anew, and
//! a state that moves to its own plan comes back as it was.

use super::{DeviceState, FORMAT};
use crate::plan::DevicePlan;

impl DeviceState {
    pub(crate) fn moved_to(self, plan: &DevicePlan) -> Self {
        let mut fresh = Self::new(plan);
        if self.format != FORMAT {
            return fresh;
        }
        let keeps_states = self.states == fresh.states;
        let inputs_are_kept = keeps_states && self.channels.len() == fresh.channels.len();
        let mut stored = self.channels;
        for channel in &mut fresh.channels {
            if let Some(at) = stored.iter().position(|it| it.id == channel.id) {
                channel.inherit(stored.swap_remove(at), plan, keeps_states);
            }
        }
        let mut stored = self.waveforms;
        for waveform in &mut fresh.waveforms {
            if let Some(at) = stored.iter().position(|it| it.is_same_channel(waveform)) {
                waveform.inherit(stored.swap_remove(at));
            }
        }
        let mut stored = self.monitors;
        for monitor in &mut fresh.monitors {
            if let Some(at) = stored.iter().position(|it| keeps_states && it.fits(monitor)) {
                *monitor = stored.swap_remove(at);
            }
        }
        if inputs_are_kept {
            (fresh.follower, fresh.now) = (self.follower, self.now);
        }
        Self {
            clock: self.clock,
            awake: self.awake,
            step_max: self.step_max,
            next_scan: self.next_scan,
            moves: self.moves,
            disordered: self.disordered,
            agent_silent: self.agent_silent,
            evidence: self.evidence,
            joined: self.joined,
            ticked: self.ticked,
            ..fresh
        }
    }

    /// Takes over what another state has learned by rules of which this one has learned nothing: a rule
    /// that moved from one plan to the other goes on where it was. Findings do not move with it.
    pub(crate) fn learn_missing(&mut self, plan: &DevicePlan, other: &Self) {
        if self.format != other.format || self.states != other.states {
            return;
        }
        let states = plan.states.len();
        for (channel, plan) in self.channels.iter_mut().zip(&plan.channels) {
            if let Some(other) = other.channels.iter().find(|it| it.id == channel.id) {
                channel.learn_missing(plan, other, states);
            }
        }
        for monitor in self.monitors.iter_mut().filter(|it| it.has_learned_nothing()) {
            if let Some(other) = other.monitors.iter().find(|it| it.fits(monitor)) {
                *monitor = other.without_finding();
            }
        }
    }
}

impl DevicePlan {
    /// Takes over what another state has learned by rules of which this one has learned nothing.
    pub fn learn_missing(&self, state: &mut DeviceState, other: &DeviceState) {
        state.learn_missing(self, other);
    }
}
