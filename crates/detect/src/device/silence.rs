//! The search for channels, sources and agents that have fallen silent.

use forewarn_domain::anomaly::{Finding, RuleRef};
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::{ComponentId, RuleId};
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::report::{Found, cleared};
use super::{DeviceState, WHOLE_MACHINE};
use crate::confirm::Turn;
use crate::outcome::Detection;
use crate::plan::{DevicePlan, Head};

/// The agent has been silent, as far as the device knows.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct AgentSilence {
    since: Time,
    back_since: Option<Time>,
}

impl DevicePlan {
    pub(super) fn agent_silent(
        &self,
        state: &mut DeviceState,
        (since, at): (Time, Time),
        out: &mut Vec<Detection>,
    ) {
        let is_known = state.agent_silent.is_some();
        state.agent_silent = Some(AgentSilence { since, back_since: None });
        if !is_known {
            let found = Found {
                place: 0,
                head: &self.agent_head(),
                finding: Finding::NoData { lasted: at - since, interval: Span::ZERO },
                value: 0.0,
            };
            let turn = Turn::Raised { onset: since, severity: Severity::Warning };
            out.extend(self.tell(state, found, turn, at).map(without_signals));
        }
    }

    pub(super) fn agent_heard(&self, state: &mut DeviceState, t: Time, out: &mut Vec<Detection>) {
        let Some(silence) = &mut state.agent_silent else {
            return;
        };
        // Backlog from before the silence says nothing about its end.
        if t <= silence.since {
            return;
        }
        let since = *silence.back_since.get_or_insert(t);
        if AGENT_BACK_FOR <= t - since {
            state.agent_silent = None;
            if let Some(first) = self.channels.first() {
                out.push(cleared(&self.agent_head(), &first.channel.id, t));
            }
        }
    }

    pub(super) fn scan_if_due(&self, state: &mut DeviceState, out: &mut Vec<Detection>) {
        let Some(clock) = state.clock else {
            return;
        };
        if state.next_scan.is_some_and(|due| clock < due) {
            return;
        }
        state.next_scan = Some(clock + SCAN_EVERY);
        self.forget_stale_inputs(state, clock);
        self.measure_step(state);
        for channels in &self.sources {
            self.scan_source(state, channels, out);
        }
    }

    /// An operating state must not rest on a value that no longer comes.
    fn forget_stale_inputs(&self, state: &mut DeviceState, clock: Time) {
        let mut has_changed = false;
        for (plan, kept) in self.channels.iter().zip(&state.channels) {
            let (Some(input), Some(trusted)) = (plan.input, kept.trusted) else {
                continue;
            };
            if plan.channel.on_change || plan.channel.is_text || plan.channel.interval.is_none() {
                continue;
            }
            let interval = kept.cadence.interval(plan.least_interval()).max(SCAN_EVERY);
            if interval.micros().saturating_mul(STALE_INTERVALS) < (clock - trusted).micros() {
                state.follower.number(&self.device.states, input, None, clock);
                has_changed = true;
            }
        }
        if has_changed {
            state.refresh_state(self, clock);
        }
    }

    /// The device's clock may run on for three intervals of its fastest live channel.
    fn measure_step(&self, state: &mut DeviceState) {
        let live = self.channels.iter().zip(&state.channels).filter_map(|(plan, kept)| {
            let (_, _, judge) = plan.silence.as_ref()?;
            let interval = kept.cadence.interval(plan.least_interval());
            let is_live = judge.silence(&kept.silence, state.awake, interval) < 0.5;
            (kept.was_heard() && is_live).then_some(interval)
        });
        let fastest = live.min().map(|it| Span::from_micros(it.micros().saturating_mul(3)));
        state.step_max = fastest.unwrap_or(super::STEP_MAX).max(STEP_LEAST);
    }

    fn scan_source(&self, state: &mut DeviceState, places: &[usize], out: &mut Vec<Detection>) {
        let mut silent: Vec<usize> = Vec::new();
        let (mut judged, mut quiet, mut is_known, mut is_sensor) = (0, 0, false, false);
        for place in places {
            let (Some(plan), Some(kept)) = (self.channels.get(*place), state.channels.get(*place))
            else {
                continue;
            };
            let Some((_, gate, judge)) = &plan.silence else {
                continue;
            };
            is_known |= kept.silence.is_for_the_whole_source();
            if !gate.is_open(state.now) || !kept.silence.was_heard() {
                continue;
            }
            let interval = kept.cadence.interval(plan.least_interval());
            let silence = judge.silence(&kept.silence, state.awake, interval);
            judged += 1;
            quiet += usize::from(0.5 <= silence);
            if 1.0 <= silence {
                is_sensor |= kept.silence.is_sensor_talking();
                silent.push(*place);
            }
        }
        if is_known || silent.is_empty() {
            return;
        }
        if quiet == judged {
            // A part of the source is likely to follow in a moment.
            if silent.len() == judged && silent.iter().all(|it| !state.is_silence_told(*it)) {
                let leader = silent[0];
                self.raise_silence(state, leader, (true, is_sensor), out);
            }
            return;
        }
        for place in silent {
            if !state.is_silence_told(place) {
                self.raise_silence(state, place, (false, true), out);
            }
        }
    }

    fn raise_silence(
        &self,
        state: &mut DeviceState,
        place: usize,
        (is_whole_source, is_sensor): (bool, bool),
        out: &mut Vec<Detection>,
    ) {
        let (Some(plan), Some(clock)) = (self.channels.get(place), state.clock) else {
            return;
        };
        let (Some((head, ..)), Some(kept)) = (&plan.silence, state.channels.get_mut(place)) else {
            return;
        };
        kept.silence.raise(is_whole_source);
        let onset = kept.trusted.unwrap_or(clock);
        let interval = kept.cadence.interval(plan.least_interval());
        let value = kept.value;
        let mut head = head.clone();
        if is_whole_source && !is_sensor {
            head.family = FaultFamily::Connectivity;
        }
        let finding = Finding::NoData { lasted: clock - onset, interval };
        let found = Found { place, head: &head, finding, value };
        let turn = Turn::Raised { onset, severity: head.severity };
        out.extend(self.tell(state, found, turn, clock));
    }

    fn agent_head(&self) -> Head {
        Head {
            rule: RuleRef {
                id: RuleId::new("agent-silent").expect("the constant is a slug"),
                version: self.version,
            },
            family: FaultFamily::Connectivity,
            severity: Severity::Warning,
            component: ComponentId::new(WHOLE_MACHINE).expect("the constant is a slug"),
        }
    }
}

impl DeviceState {
    fn is_silence_told(&self, place: usize) -> bool {
        self.channels.get(place).is_some_and(|it| it.silence.is_active())
    }
}

/// No channel in particular is silent.
fn without_signals(mut detection: Detection) -> Detection {
    if let Detection::Raised(anomaly) = &mut detection {
        anomaly.signals.clear();
    }
    detection
}

/// Silences are looked for this often, in event time.
const SCAN_EVERY: Span = Span::from_secs(5);

/// A value of an operating state's condition older than this many intervals is missing.
const STALE_INTERVALS: i64 = 4;

/// Channels of one poll arrive at almost the same time.
const STEP_LEAST: Span = Span::from_secs(1);

/// Readings for this long end an agent's silence.
const AGENT_BACK_FOR: Span = Span::from_secs(10);
