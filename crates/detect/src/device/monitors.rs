//! Channels that are judged together: readings become rows, rows go to the monitor of the operating
//! state, and what it finds becomes one finding led by one channel.
//!
//! A row holds the mean of each channel over its time; a channel without a trusted reading is missing
//! in it. A row in which the operating state changed counts for nobody.

use forewarn_domain::anomaly::{Anomaly, Finding, Normal, Signal};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::{ComponentId, RuleId};
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::{DeviceState, Measured};
use crate::gate::Gate;
use crate::monitor::{Contribution, Monitor, Settings, Verdict};
use crate::outcome::{Condition, Detection, RuleStatus};
use crate::plan::{DevicePlan, Head};
use crate::rules::monitor::family_of;

/// One rule over several channels.
#[derive(Clone, Debug)]
pub(crate) struct MonitorPlan {
    pub(crate) head: Head,
    pub(crate) gate: Gate,
    /// Places of the channels.
    pub(crate) members: Vec<usize>,
    /// Length of a row.
    pub(crate) row: Span,
    pub(crate) learn_rows: usize,
    /// Whether the rule names the part; otherwise it is the leading channel's.
    pub(crate) is_component_fixed: bool,
}

/// What one such rule remembers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct MonitorState {
    rule: RuleId,
    members: Vec<ChannelId>,
    /// One monitor for each operating state that was seen.
    monitors: Vec<Option<Monitor>>,
    frame: Option<Frame>,
    /// The end of the last row of each state.
    seen: Vec<Option<Time>>,
    since: Option<Time>,
    active: Option<Active>,
}

/// A row while its readings come.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Frame {
    start: Time,
    /// `None` once the state changed within the row.
    state: Option<u8>,
    sums: Vec<f64>,
    counts: Vec<u32>,
}

/// A finding that was raised.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Active {
    channel: ChannelId,
    component: ComponentId,
    family: FaultFamily,
}

impl MonitorState {
    pub(super) fn new(plan: &DevicePlan, monitor: &MonitorPlan) -> Self {
        let channel = |place: &usize| Some(plan.channels.get(*place)?.channel.id.clone());
        Self {
            rule: monitor.head.rule.id.clone(),
            members: monitor.members.iter().filter_map(channel).collect(),
            monitors: vec![None; plan.states.len()],
            frame: None,
            seen: vec![None; plan.states.len()],
            since: None,
            active: None,
        }
    }

    /// Whether a stored state watches the same channels by the same rule in the same states.
    pub(super) fn fits(&self, fresh: &Self) -> bool {
        self.rule == fresh.rule
            && self.members == fresh.members
            && self.monitors.len() == fresh.monitors.len()
    }

    pub(super) fn has_learned_nothing(&self) -> bool {
        self.monitors.iter().all(Option::is_none)
    }

    /// What was learned, without what was found.
    pub(super) fn without_finding(&self) -> Self {
        Self { active: None, since: None, ..self.clone() }
    }

    /// Learns again; the end of a finding, if there is one.
    fn forget(&mut self, head: &Head, at: Time) -> Option<Detection> {
        self.monitors.fill(None);
        (self.frame, self.since) = (None, None);
        self.end(head, at)
    }

    fn end(&mut self, head: &Head, at: Time) -> Option<Detection> {
        self.active.take().map(|it| Detection::Cleared {
            rule: head.rule.clone(),
            component: it.component,
            family: it.family,
            channel: it.channel,
            at,
        })
    }

    /// Adds a reading; the row that it completes, with the state in which it was.
    fn add(
        &mut self,
        plan: &MonitorPlan,
        member: usize,
        taken: &Measured,
        now: u8,
    ) -> Option<(Vec<f64>, u8, Time)> {
        let start = taken.t.floor(plan.row);
        if self.frame.as_ref().is_some_and(|it| start < it.start) {
            return None;
        }
        let complete = self.frame.take_if(|it| it.start < start);
        let width = plan.members.len();
        let frame = self.frame.get_or_insert_with(|| Frame {
            start,
            state: Some(now),
            sums: vec![0.0; width],
            counts: vec![0; width],
        });
        if frame.state != Some(now) {
            frame.state = None;
        }
        frame.sums[member] += taken.value;
        frame.counts[member] += 1;
        complete.and_then(|it| Some((it.means(), it.state?, it.start)))
    }
}

impl Frame {
    fn means(&self) -> Vec<f64> {
        let mean = |(sum, count): (&f64, &u32)| {
            if *count == 0 { f64::NAN } else { sum / f64::from(*count) }
        };
        self.sums.iter().zip(&self.counts).map(mean).collect()
    }
}

impl DevicePlan {
    /// Hands a trusted number to the rules that judge its channel together with others.
    pub(super) fn watch_together(
        &self,
        state: &mut DeviceState,
        taken: &Measured,
        out: &mut Vec<Detection>,
    ) {
        let is_muted =
            state.channels.get(taken.place.index()).is_some_and(super::ChannelState::is_muted);
        if is_muted {
            return;
        }
        for (index, plan) in self.monitors.iter().enumerate() {
            let member = plan.members.iter().position(|it| *it == taken.place.index());
            let now = state.now;
            if let Some(member) = member
                && let Some(kept) = state.monitors.get_mut(index)
                && let Some((row, state_of_row, start)) = kept.add(plan, member, taken, now)
                && plan.gate.is_open(state_of_row)
            {
                out.extend(self.judge_row(plan, kept, (&row, state_of_row, start)));
            }
        }
    }

    /// Forgets what was learned together with a part.
    pub(super) fn forget_together(
        &self,
        state: &mut DeviceState,
        (component, is_whole, at): (&ComponentId, bool, Time),
        out: &mut Vec<Detection>,
    ) {
        for (plan, kept) in self.monitors.iter().zip(&mut state.monitors) {
            let is_of = |it: &usize| self.channels[*it].channel.component == *component;
            if is_whole || plan.members.iter().any(is_of) {
                out.extend(kept.forget(&plan.head, at));
            }
        }
    }

    /// Where the rules over several channels stand, one line for each channel.
    pub(crate) fn together_status(&self, state: &DeviceState) -> Vec<RuleStatus> {
        let mut all = Vec::new();
        for (plan, kept) in self.monitors.iter().zip(&state.monitors) {
            let monitor = kept.monitors.get(usize::from(state.now)).and_then(Option::as_ref);
            let condition = match monitor {
                _ if kept.active.is_some() => Condition::Active,
                Some(monitor) if !monitor.is_learning() => Condition::Armed,
                other => {
                    let samples = other.map_or(0, |it| it.progress().0);
                    Condition::Learning { samples: whole(samples), needed: whole(plan.learn_rows) }
                }
            };
            for channel in &kept.members {
                let (rule, channel) = (kept.rule.clone(), channel.clone());
                all.push(RuleStatus { rule, channel, condition: condition.clone() });
            }
        }
        all
    }

    fn judge_row(
        &self,
        plan: &MonitorPlan,
        kept: &mut MonitorState,
        (row, state, start): (&[f64], u8, Time),
    ) -> Option<Detection> {
        let place = usize::from(state);
        let last = kept.seen.get_mut(place)?.replace(start);
        let pause = Span::from_micros(plan.row.micros().saturating_mul(GAP_ROWS));
        let is_after_gap = last.is_some_and(|last| pause < start - last);
        let monitor = kept.monitors.get_mut(place)?.get_or_insert_with(|| {
            Monitor::new(Settings::default(), plan.members.len(), plan.learn_rows)
        });
        let verdict = monitor.update(row, is_after_gap)?;
        let confirmed = start + plan.row;
        if !verdict.is_alarm {
            kept.since = None;
            return kept.end(&plan.head, confirmed);
        }
        if kept.active.is_some() {
            return None;
        }
        let contributions = monitor.contributions();
        let (rows, _) = monitor.progress();
        let since = *kept.since.get_or_insert(start);
        let anomaly =
            self.anomaly(plan, (&verdict, &contributions, rows), state, (since, confirmed))?;
        kept.active = Some(Active {
            channel: anomaly.channel.clone(),
            component: anomaly.component.clone(),
            family: anomaly.family,
        });
        Some(Detection::Raised(anomaly))
    }

    fn anomaly(
        &self,
        plan: &MonitorPlan,
        (verdict, contributions, rows): (&Verdict, &[Contribution], usize),
        state: u8,
        (since, confirmed): (Time, Time),
    ) -> Option<Anomaly> {
        let state = self.states.get(usize::from(state)).unwrap_or(self.device.states.unknown());
        let normal = |it: &Contribution| {
            let reach = if it.z == 0.0 { 0.0 } else { ((it.level - it.normal) / it.z).abs() };
            Normal {
                median: it.normal,
                low: it.normal - 2.0 * reach,
                high: it.normal + 2.0 * reach,
                samples: whole(rows),
                since,
                state: state.clone(),
            }
        };
        let mut parts: Vec<&Contribution> = contributions.iter().collect();
        parts.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.signal.cmp(&b.signal)));
        parts.sort_by_key(|it| it.signal != verdict.leader);
        let leading = *parts.first()?;
        let signals = parts.iter().take(SIGNALS_MAX).filter_map(|it| {
            let channel = &self.channels.get(*plan.members.get(it.signal)?)?.channel;
            Some(Signal {
                channel: channel.id.clone(),
                quantity: channel.quantity,
                weight: it.share,
                value: it.level,
                unit: channel.unit,
                normal: Some(normal(it)),
            })
        });
        let channel = &self.channels.get(*plan.members.get(leading.signal)?)?.channel;
        let is_hydraulic = self.device.component(&channel.component).kind == "hydraulics";
        let component =
            if plan.is_component_fixed { &plan.head.component } else { &channel.component };
        let finding =
            Finding::Level { z: leading.z, value: leading.level, normal: normal(leading) };
        Some(Anomaly {
            rule: plan.head.rule.clone(),
            device: self.device.device.id.clone(),
            component: component.clone(),
            family: family_of(channel.quantity, is_hydraulic).unwrap_or(plan.head.family),
            channel: channel.id.clone(),
            onset: since,
            confirmed,
            state: state.clone(),
            severity: plan.head.severity,
            finding,
            signals: signals.collect(),
        })
    }
}

fn whole(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// So many rows without a row of the same state are a gap.
const GAP_ROWS: i64 = 120;

/// More would not be read.
const SIGNALS_MAX: usize = 8;
