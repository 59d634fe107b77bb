//! From rules to the plan of one device: which rule looks at which channel, and why one does nothing.
//!
//! Rely on this: whatever a rule names that the device does not have is said in the plan, never guessed.
//! Deliberately absent: readings. What follows from a plan is in `device`.

use std::collections::BTreeSet;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{RuleId, StateId};
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::time::Span;
use forewarn_vibration::bearing::Bearing;
use forewarn_vibration::catalogue::Catalogue;

use super::{
    BurstWatch, ChannelPlan, CodeWatch, DevicePlan, Head, TogetherPlan, Watch, WaveformPlan,
};
use crate::device::MonitorPlan;
use crate::gate::Gate;
use crate::outcome::{Condition, RuleStatus, WhyNot};
use crate::rule::{Rule, RuleError, RuleSet, STATES_MAX};
use crate::rules::baseline::Baseline;
use crate::rules::bearing_match::BearingMatch;
use crate::rules::flat::Flat;
use crate::rules::no_data::NoData;
use crate::rules::rate::Rate;
use crate::rules::severity_zone::SeverityZone;
use crate::rules::shift::Shift;
use crate::rules::{Detector, Kind};

/// Resolves rules for a device.
pub(super) fn resolve(
    device: &Arc<PlantDevice>,
    rules: &RuleSet,
    bearings: &Catalogue,
) -> Result<DevicePlan, RuleError> {
    rules.check()?;
    let states: Vec<StateId> = device.states.ids().cloned().collect();
    if STATES_MAX < states.len() {
        let (device, states) = (device.device.id.clone(), states.len());
        return Err(RuleError::TooManyStates { device, states });
    }
    let plan = DevicePlan {
        device: Arc::clone(device),
        version: rules.version,
        states,
        channels: Vec::new(),
        waveforms: Vec::new(),
        sources: vec![Vec::new(); device.device.sources.len()],
        coded: Vec::new(),
        together: Vec::new(),
        monitors: Vec::new(),
        evidence: BTreeSet::new(),
        linger: Span::ZERO,
        idle: Vec::new(),
    };
    let mut resolver = Resolver { rules, bearings, plan };
    resolver.add_together();
    for channel in device.channels.values() {
        resolver.add_channel(channel);
    }
    for channel in device.channels.values() {
        resolver.add_waveform(channel)?;
    }
    resolver.add_monitors();
    Ok(resolver.plan)
}

/// A plan while it is made.
struct Resolver<'a> {
    rules: &'a RuleSet,
    bearings: &'a Catalogue,
    plan: DevicePlan,
}

impl Resolver<'_> {
    fn add_channel(&mut self, channel: &Arc<Channel>) {
        let source_id = channel.id.source();
        let sources = &self.plan.device.device.sources;
        let source = sources.iter().position(|it| it.id == source_id).unwrap_or_default();
        let inputs = self.plan.device.states.inputs();
        let mut plan = ChannelPlan {
            channel: Arc::clone(channel),
            input: inputs.iter().position(|it| *it == channel.id),
            silence: None,
            watches: Arc::default(),
            codes: Vec::new(),
        };
        let live = self.rules.rules.iter().filter(|rule| !rule.is_shadow());
        for rule in live.clone().filter(|rule| rule.selector.fits(&self.plan.device, channel)) {
            if let Err(why) = self.add_rule(&mut plan, rule) {
                self.plan.idle.push(idle(rule, &channel.id, why));
            }
        }
        for rule in live {
            if rule.selector.fits_text(&self.plan.device, channel) {
                self.add_code(&mut plan, rule);
            }
        }
        if !plan.codes.is_empty() {
            self.plan.coded.push(self.plan.channels.len());
        }
        Arc::make_mut(&mut plan.watches).sort_by_key(|watch| !watch.detector.is_about_the_sensor());
        if let Some(channels) = self.plan.sources.get_mut(source) {
            channels.push(self.plan.channels.len());
        }
        self.plan.channels.push(plan);
    }

    fn add_rule(&self, plan: &mut ChannelPlan, rule: &Rule) -> Result<(), WhyNot> {
        let mut hold = rule.hold;
        let detector = match &rule.kind {
            Kind::BearingMatch(_) | Kind::Code(_) | Kind::Monitor(_) | Kind::Together(_) => {
                return Ok(());
            }
            Kind::NoData(settings) => {
                let judge = NoData::new(*settings, &hold, &plan.channel)?;
                if plan.silence.is_none() {
                    let gate = match &rule.states {
                        // Without a list silence counts in every state, `unknown` included.
                        None => Gate::new(Some(&self.plan.states), &self.plan.states),
                        Some(listed) => Gate::new(Some(listed), &self.plan.states),
                    };
                    plan.silence = Some((self.head(rule, &plan.channel), gate, judge));
                }
                return Ok(());
            }
            Kind::Baseline(settings) => Detector::Baseline(Baseline { settings: *settings }),
            Kind::Count(judge) => Detector::Count(*judge),
            Kind::Flat(settings) => {
                let judge = Flat::new(*settings, &hold, &plan.channel);
                // The rest itself lasted long enough; it needs no further confirmation.
                (hold.span, hold.samples) = (Span::ZERO, 1);
                Detector::Flat(judge)
            }
            Kind::Limit(judge) => Detector::Limit(*judge),
            Kind::Rate(settings) => Detector::Rate(Rate { settings: *settings }),
            Kind::Shift(settings) => Detector::Shift(Shift { settings: *settings }),
            Kind::Siblings(judge) => Detector::Siblings(*judge),
            Kind::SeverityZone => {
                Detector::SeverityZone(SeverityZone::new(&self.plan.device, &plan.channel)?)
            }
        };
        let gate = self.gate(rule)?;
        let head = self.head(rule, &plan.channel);
        let is_evidence = rule.is_evidence;
        Arc::make_mut(&mut plan.watches).push(Watch { head, is_evidence, gate, hold, detector });
        Ok(())
    }

    fn add_code(&mut self, plan: &mut ChannelPlan, rule: &Rule) {
        let Kind::Code(settings) = &rule.kind else { return };
        match self.gate(rule) {
            Ok(gate) => {
                let head = self.head(rule, &plan.channel);
                plan.codes.push(CodeWatch { head, gate, settings: settings.clone() });
            }
            Err(why) => self.plan.idle.push(idle(rule, &plan.channel.id, why)),
        }
    }

    fn add_together(&mut self) {
        for rule in self.rules.rules.iter().filter(|rule| !rule.is_shadow()) {
            if rule.is_evidence {
                self.plan.evidence.insert(rule.id.clone());
            }
            let Kind::Together(settings) = &rule.kind else { continue };
            self.plan.linger = self.plan.linger.max(settings.within);
            // The part is the members'; the head's own component is never looked at.
            let Some(channel) = self.plan.device.channels.values().next() else { continue };
            let head = self.head(rule, channel);
            self.plan.together.push(TogetherPlan { head, settings: settings.clone() });
        }
    }

    /// Adds the bearing rules of the waveform from which a feature channel is computed, once.
    fn add_waveform(&mut self, channel: &Channel) -> Result<(), RuleError> {
        let Some(id) = &channel.waveform else {
            return Ok(());
        };
        if self.plan.waveforms.iter().any(|it| it.id == *id) {
            return Ok(());
        }
        let component = self.plan.device.component(&channel.component);
        let unknown = |source| RuleError::Bearing {
            device: self.plan.device.device.id.clone(),
            component: component.id.clone(),
            source,
        };
        let bearing: Option<Bearing> = component
            .bearing
            .as_deref()
            .map(|it| self.bearings.resolve(it))
            .transpose()
            .map_err(unknown)?;
        let mut watches = Vec::new();
        for rule in self.rules.rules.iter().filter(|rule| !rule.is_shadow()) {
            let Kind::BearingMatch(settings) = rule.kind else {
                continue;
            };
            if !rule.selector.fits_component(&component) {
                continue;
            }
            match (&bearing, self.gate(rule)) {
                (None, _) => self.plan.idle.push(idle(rule, id, WhyNot::NoBearing)),
                (_, Err(why)) => self.plan.idle.push(idle(rule, id, why)),
                (Some(bearing), Ok(gate)) => watches.push(BurstWatch {
                    head: self.head(rule, channel),
                    gate,
                    hold: rule.hold,
                    detector: BearingMatch::new(settings, bearing),
                }),
            }
        }
        self.plan.waveforms.push(WaveformPlan { id: id.clone(), watches });
        Ok(())
    }

    fn add_monitors(&mut self) {
        for rule in self.rules.rules.iter().filter(|rule| !rule.is_shadow()) {
            let Kind::Monitor(settings) = &rule.kind else { continue };
            let is_member = |it: &ChannelPlan| rule.selector.fits(&self.plan.device, &it.channel);
            let members: Vec<usize> = (0..self.plan.channels.len())
                .filter(|it| is_member(&self.plan.channels[*it]))
                .collect();
            let Some(first) = members.first().map(|it| &self.plan.channels[*it].channel) else {
                continue;
            };
            let interval =
                |it: &usize| self.plan.channels[*it].channel.interval.unwrap_or_default();
            let row = settings.row_span(members.iter().map(interval).max().unwrap_or_default());
            match self.gate(rule) {
                Err(why) => self.plan.idle.push(idle(rule, &first.id, why)),
                Ok(gate) => self.plan.monitors.push(MonitorPlan {
                    head: self.head(rule, first),
                    gate,
                    row,
                    learn_rows: settings.learn_rows(row),
                    is_component_fixed: rule.component.is_some(),
                    members,
                }),
            }
        }
    }

    fn gate(&self, rule: &Rule) -> Result<Gate, WhyNot> {
        let gate = Gate::new(rule.states.as_deref(), &self.plan.states);
        if gate.is_shut() { Err(WhyNot::NoSuchState) } else { Ok(gate) }
    }

    fn head(&self, rule: &Rule, channel: &Channel) -> Head {
        Head {
            rule: rule.reference(self.plan.version),
            family: rule.family,
            severity: rule.severity,
            component: rule.component.clone().unwrap_or_else(|| channel.component.clone()),
        }
    }
}

fn idle(rule: &Rule, channel: &ChannelId, why: WhyNot) -> RuleStatus {
    let (rule, channel): (RuleId, _) = (rule.id.clone(), channel.clone());
    RuleStatus { rule, channel, condition: Condition::Waiting(why) }
}
