//! What a rule set means for one device: resolved once, then only read.
//!
//! Every channel knows its rules by place, so that a reading needs no lookup by name. A rule that
//! fits a channel but cannot work on it is kept with its reason.

use std::collections::BTreeSet;
use std::sync::Arc;

use forewarn_domain::anomaly::{Normal, RuleRef};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::{ComponentId, RuleId, StateId};
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::time::{Span, Time};
use forewarn_vibration::bearing::Bearing;
use forewarn_vibration::catalogue::Catalogue;

use crate::confirm::Hold;
use crate::device::{ChannelState, DeviceState, Mind, MonitorPlan};
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
use crate::rules::{Detector, Kind, code, together};

/// The rules of one device.
#[derive(Clone, Debug)]
pub struct DevicePlan {
    pub(crate) device: Arc<PlantDevice>,
    pub(crate) version: u32,
    /// Operating states; `unknown` is the last one.
    pub(crate) states: Vec<StateId>,
    pub(crate) channels: Vec<ChannelPlan>,
    pub(crate) waveforms: Vec<WaveformPlan>,
    /// The channels of each source, by place.
    pub(crate) sources: Vec<Vec<usize>>,
    /// The channels on which codes are watched, by place.
    pub(crate) coded: Vec<usize>,
    pub(crate) together: Vec<TogetherPlan>,
    /// Rules over several channels.
    pub(crate) monitors: Vec<MonitorPlan>,
    /// Rules whose findings count only together.
    pub(crate) evidence: BTreeSet<RuleId>,
    /// The longest time that an ended finding still counts.
    pub(crate) linger: Span,
    idle: Vec<RuleStatus>,
}

/// A channel of a plan, to be looked up once and then used for each of its readings.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place(u32);

#[derive(Clone, Debug)]
pub(crate) struct ChannelPlan {
    pub(crate) channel: Channel,
    /// Its place among the inputs of the operating states.
    pub(crate) input: Option<usize>,
    pub(crate) silence: Option<(Head, Gate, NoData)>,
    /// Those about the sensor come first: they mute the others.
    pub(crate) watches: Vec<Watch>,
    pub(crate) codes: Vec<CodeWatch>,
}

/// One rule on one channel.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) head: Head,
    /// Whether its findings count only together with others.
    pub(crate) is_evidence: bool,
    pub(crate) gate: Gate,
    pub(crate) hold: Hold,
    pub(crate) detector: Detector,
}

/// One rule about codes on one channel of texts.
#[derive(Clone, Debug)]
pub(crate) struct CodeWatch {
    pub(crate) head: Head,
    pub(crate) gate: Gate,
    pub(crate) settings: code::Settings,
}

/// One rule over what other rules find.
#[derive(Clone, Debug)]
pub(crate) struct TogetherPlan {
    pub(crate) head: Head,
    pub(crate) settings: together::Settings,
}

/// What a finding of a rule on a channel says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) rule: RuleRef,
    pub(crate) family: FaultFamily,
    pub(crate) severity: Severity,
    pub(crate) component: ComponentId,
}

#[derive(Clone, Debug)]
pub(crate) struct WaveformPlan {
    pub(crate) id: ChannelId,
    pub(crate) watches: Vec<BurstWatch>,
}

#[derive(Clone, Debug)]
pub(crate) struct BurstWatch {
    pub(crate) head: Head,
    pub(crate) gate: Gate,
    pub(crate) hold: Hold,
    pub(crate) detector: BearingMatch,
}

impl DevicePlan {
    /// Resolves rules for a device.
    ///
    /// # Errors
    ///
    /// [`RuleError`] when the rules contradict themselves, or a component names a bearing that is
    /// neither in the catalogue nor a geometry.
    pub fn new(
        device: &Arc<PlantDevice>,
        rules: &RuleSet,
        bearings: &Catalogue,
    ) -> Result<Self, RuleError> {
        rules.check()?;
        let states: Vec<StateId> = device.states.ids().cloned().collect();
        if STATES_MAX < states.len() {
            let (device, states) = (device.device.id.clone(), states.len());
            return Err(RuleError::TooManyStates { device, states });
        }
        let mut plan = Self {
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
        plan.add_together(rules);
        for channel in device.channels.values() {
            plan.add_channel(channel, rules);
        }
        for channel in device.channels.values() {
            plan.add_waveform(channel, rules, bearings)?;
        }
        plan.add_monitors(rules);
        Ok(plan)
    }

    /// The version of the rules.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A state that has seen nothing.
    #[must_use]
    pub fn start(&self) -> DeviceState {
        DeviceState::new(self)
    }

    /// Carries a stored state over to this plan: what fits by channel and rule is kept, everything
    /// else starts anew. A state of this very plan comes back as it was.
    #[must_use]
    pub fn adopt(&self, stored: DeviceState) -> DeviceState {
        stored.moved_to(self)
    }

    /// Where a channel of the device stands; `None` for a channel that the site does not have.
    #[must_use]
    pub fn place(&self, channel: &ChannelId) -> Option<Place> {
        let place = self.channels.binary_search_by(|it| it.channel.id.cmp(channel)).ok()?;
        u32::try_from(place).ok().map(Place)
    }

    /// The state in which the device is at `t`.
    #[must_use]
    pub fn operating_state(&self, state: &DeviceState, t: Time) -> &StateId {
        state.follower.state(&self.device.states, t)
    }

    /// Where each rule stands on each of its channels, and why it does nothing.
    #[must_use]
    pub fn status(&self, state: &DeviceState) -> Vec<RuleStatus> {
        let mut all = Vec::new();
        for (plan, kept) in self.channels.iter().zip(&state.channels) {
            let mut tell = |rule: &RuleRef, condition| {
                let (rule, channel) = (rule.id.clone(), plan.channel.id.clone());
                all.push(RuleStatus { rule, channel, condition });
            };
            if let Some((head, ..)) = &plan.silence {
                let condition = match (kept.silence.is_active(), kept.silence.was_heard()) {
                    (true, _) => Condition::Active,
                    (false, true) => Condition::Armed,
                    (false, false) => Condition::Waiting(WhyNot::NoReadings),
                };
                tell(&head.rule, condition);
            }
            for (watch, mind) in plan.watches.iter().zip(&kept.minds) {
                tell(&watch.head.rule, self.condition(state, kept, (watch, mind)));
            }
            for (watch, memory) in plan.codes.iter().zip(&kept.codes) {
                let is_active = memory.is_active;
                let condition = if is_active { Condition::Active } else { Condition::Armed };
                tell(&watch.head.rule, condition);
            }
        }
        for (plan, kept) in self.waveforms.iter().zip(&state.waveforms) {
            for (watch, mind) in plan.watches.iter().zip(&kept.minds) {
                let condition = if mind.confirm.is_active() {
                    Condition::Active
                } else if let Some(why) = kept.why_not() {
                    Condition::Waiting(why)
                } else {
                    Condition::Armed
                };
                let (rule, channel) = (watch.head.rule.id.clone(), plan.id.clone());
                all.push(RuleStatus { rule, channel, condition });
            }
        }
        all.extend(self.together_status(state));
        all.extend(self.idle.iter().cloned());
        all
    }

    /// The learned normals of a channel, one for each operating state that has one.
    #[must_use]
    pub fn normals(&self, state: &DeviceState, channel: &ChannelId) -> Vec<Normal> {
        let Some(place) = self.place(channel) else {
            return Vec::new();
        };
        let minds = state.channels.get(place.index()).map_or(&[][..], |it| &it.minds);
        (0..=u8::MAX)
            .take(self.states.len())
            .filter_map(|index| {
                minds.iter().find_map(|mind| mind.memory.normal(index, &self.states))
            })
            .collect()
    }

    fn add_channel(&mut self, channel: &Channel, rules: &RuleSet) {
        let source_id = channel.id.source();
        let sources = &self.device.device.sources;
        let source = sources.iter().position(|it| it.id == source_id).unwrap_or_default();
        let inputs = self.device.states.inputs();
        let mut plan = ChannelPlan {
            channel: channel.clone(),
            input: inputs.iter().position(|it| *it == channel.id),
            silence: None,
            watches: Vec::new(),
            codes: Vec::new(),
        };
        let live = rules.rules.iter().filter(|rule| !rule.is_shadow());
        for rule in live.clone().filter(|rule| rule.selector.fits(&self.device, channel)) {
            if let Err(why) = self.add_rule(&mut plan, rule) {
                self.idle.push(idle(rule, &channel.id, why));
            }
        }
        for rule in live {
            if rule.selector.fits_text(&self.device, channel) {
                self.add_code(&mut plan, rule);
            }
        }
        if !plan.codes.is_empty() {
            self.coded.push(self.channels.len());
        }
        plan.watches.sort_by_key(|watch| !watch.detector.is_about_the_sensor());
        if let Some(channels) = self.sources.get_mut(source) {
            channels.push(self.channels.len());
        }
        self.channels.push(plan);
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
                        None => Gate::new(Some(&self.states), &self.states),
                        Some(listed) => Gate::new(Some(listed), &self.states),
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
            Kind::SeverityZone => {
                Detector::SeverityZone(SeverityZone::new(&self.device, &plan.channel)?)
            }
        };
        let gate = self.gate(rule)?;
        let head = self.head(rule, &plan.channel);
        let is_evidence = rule.is_evidence;
        plan.watches.push(Watch { head, is_evidence, gate, hold, detector });
        Ok(())
    }

    fn add_code(&mut self, plan: &mut ChannelPlan, rule: &Rule) {
        let Kind::Code(settings) = &rule.kind else { return };
        match self.gate(rule) {
            Ok(gate) => {
                let head = self.head(rule, &plan.channel);
                plan.codes.push(CodeWatch { head, gate, settings: settings.clone() });
            }
            Err(why) => self.idle.push(idle(rule, &plan.channel.id, why)),
        }
    }

    fn add_together(&mut self, rules: &RuleSet) {
        for rule in rules.rules.iter().filter(|rule| !rule.is_shadow()) {
            if rule.is_evidence {
                self.evidence.insert(rule.id.clone());
            }
            let Kind::Together(settings) = &rule.kind else { continue };
            self.linger = self.linger.max(settings.within);
            // The part is the members'; the head's own component is never looked at.
            let Some(channel) = self.device.channels.values().next() else { continue };
            let head = self.head(rule, channel);
            self.together.push(TogetherPlan { head, settings: settings.clone() });
        }
    }

    /// Adds the bearing rules of the waveform from which a feature channel is computed, once.
    fn add_waveform(
        &mut self,
        channel: &Channel,
        rules: &RuleSet,
        bearings: &Catalogue,
    ) -> Result<(), RuleError> {
        let Some(id) = &channel.waveform else {
            return Ok(());
        };
        if self.waveforms.iter().any(|it| it.id == *id) {
            return Ok(());
        }
        let component = self.device.component(&channel.component);
        let unknown = |source| RuleError::Bearing {
            device: self.device.device.id.clone(),
            component: component.id.clone(),
            source,
        };
        let bearing: Option<Bearing> = component
            .bearing
            .as_deref()
            .map(|it| bearings.resolve(it))
            .transpose()
            .map_err(unknown)?;
        let mut watches = Vec::new();
        for rule in rules.rules.iter().filter(|rule| !rule.is_shadow()) {
            let Kind::BearingMatch(settings) = rule.kind else {
                continue;
            };
            if !rule.selector.fits_component(&component) {
                continue;
            }
            match (&bearing, self.gate(rule)) {
                (None, _) => self.idle.push(idle(rule, id, WhyNot::NoBearing)),
                (_, Err(why)) => self.idle.push(idle(rule, id, why)),
                (Some(bearing), Ok(gate)) => watches.push(BurstWatch {
                    head: self.head(rule, channel),
                    gate,
                    hold: rule.hold,
                    detector: BearingMatch::new(settings, bearing),
                }),
            }
        }
        self.waveforms.push(WaveformPlan { id: id.clone(), watches });
        Ok(())
    }

    fn add_monitors(&mut self, rules: &RuleSet) {
        for rule in rules.rules.iter().filter(|rule| !rule.is_shadow()) {
            let Kind::Monitor(settings) = &rule.kind else { continue };
            let is_member = |it: &ChannelPlan| rule.selector.fits(&self.device, &it.channel);
            let members: Vec<usize> =
                (0..self.channels.len()).filter(|it| is_member(&self.channels[*it])).collect();
            let Some(first) = members.first().map(|it| &self.channels[*it].channel) else {
                continue;
            };
            let interval = |it: &usize| self.channels[*it].channel.interval.unwrap_or_default();
            let row = settings.row_span(members.iter().map(interval).max().unwrap_or_default());
            match self.gate(rule) {
                Err(why) => self.idle.push(idle(rule, &first.id, why)),
                Ok(gate) => self.monitors.push(MonitorPlan {
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
        let gate = Gate::new(rule.states.as_deref(), &self.states);
        if gate.is_shut() { Err(WhyNot::NoSuchState) } else { Ok(gate) }
    }

    fn head(&self, rule: &Rule, channel: &Channel) -> Head {
        Head {
            rule: rule.reference(self.version),
            family: rule.family,
            severity: rule.severity,
            component: rule.component.clone().unwrap_or_else(|| channel.component.clone()),
        }
    }

    fn condition(
        &self,
        state: &DeviceState,
        kept: &ChannelState,
        (watch, mind): (&Watch, &Mind),
    ) -> Condition {
        let now = state.now;
        if mind.confirm.is_active() {
            Condition::Active
        } else if !kept.was_heard() {
            Condition::Waiting(WhyNot::NoReadings)
        } else if !watch.gate.is_open(now) {
            let name = self.states.get(usize::from(now)).unwrap_or(self.device.states.unknown());
            Condition::Waiting(WhyNot::OtherState(name.clone()))
        } else if kept.is_muted() && !watch.detector.is_about_the_sensor() {
            Condition::Waiting(WhyNot::NotTrusted)
        } else {
            let condition = watch.detector.condition(&mind.memory, now);
            condition.unwrap_or(Condition::Waiting(WhyNot::NoReadings))
        }
    }
}

impl Place {
    /// Its place among the device's channels, in the order of their ids.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

fn idle(rule: &Rule, channel: &ChannelId, why: WhyNot) -> RuleStatus {
    let (rule, channel): (RuleId, _) = (rule.id.clone(), channel.clone());
    RuleStatus { rule, channel, condition: Condition::Waiting(why) }
}
