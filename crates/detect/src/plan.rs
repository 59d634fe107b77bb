//! What a rule set means for one device: resolved once, then only read.
//!
//! Every channel knows its rules by place, so that a reading needs no lookup by name. A rule that
//! fits a channel but cannot work on it is kept with its reason.

mod resolve;

use std::collections::BTreeSet;
use std::sync::Arc;

use forewarn_domain::anomaly::{Normal, RuleRef};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::{ComponentId, RuleId, StateId};
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::time::{Span, Time};
use forewarn_vibration::catalogue::Catalogue;

use crate::confirm::Hold;
use crate::device::{ChannelState, DeviceState, Mind, MonitorPlan};
use crate::gate::Gate;
use crate::outcome::{Condition, RuleStatus, WhyNot};
use crate::rule::{RuleError, RuleSet};
use crate::rules::bearing_match::BearingMatch;
use crate::rules::no_data::NoData;
use crate::rules::{Detector, code, together};

/// Rules that many channels have alike. A plant of like machines then reads a few of them all the time
/// instead of thousands of copies, which no cache holds.
#[derive(Debug, Default)]
pub struct Alike(Vec<Arc<Vec<Watch>>>);

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
    pub(crate) channel: Arc<Channel>,
    /// Its place among the inputs of the operating states.
    pub(crate) input: Option<usize>,
    pub(crate) silence: Option<(Head, Gate, NoData)>,
    /// Those about the sensor come first: they mute the others. Channels of like machines share them.
    pub(crate) watches: Arc<Vec<Watch>>,
    pub(crate) codes: Vec<CodeWatch>,
}

/// One rule on one channel.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
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
        resolve::resolve(device, rules, bearings)
    }

    /// Takes the rules of each channel from those that are known to be alike, or adds them.
    pub fn share(&mut self, alike: &mut Alike) {
        for channel in &mut self.channels {
            match alike.0.iter().find(|it| **it == channel.watches) {
                Some(known) => channel.watches = Arc::clone(known),
                None if alike.0.len() < ALIKE_MAX => alike.0.push(Arc::clone(&channel.watches)),
                None => {}
            }
        }
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

/// Bounds the search; a plant with more kinds of channels keeps the rest as they are.
const ALIKE_MAX: usize = 1_024;

impl Place {
    /// Its place among the device's channels, in the order of their ids.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}
