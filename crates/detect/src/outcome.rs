//! What comes out of the rules, and why nothing did.

use forewarn_domain::anomaly::{Anomaly, RuleRef};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::{ComponentId, RuleId, StateId};
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;

/// A change of what is wrong with a device.
#[derive(Clone, Debug, PartialEq)]
pub enum Detection {
    /// A departure was confirmed.
    Raised(Anomaly),
    /// It grew: graver, a fifth larger, or one more burst shows it.
    Updated(Anomaly),
    /// Good readings, for long enough, ended it.
    Cleared {
        /// The rule that had fired.
        rule: RuleRef,
        /// On which part.
        component: ComponentId,
        /// Of which family it was.
        family: FaultFamily,
        /// Its leading channel.
        channel: ChannelId,
        /// Event time of the reading that cleared it.
        at: Time,
    },
}

/// What the rules must know and cannot read from a channel.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceNotice {
    /// The agent has been silent; the rules raise one connectivity finding for the device.
    AgentSilent {
        /// Since when.
        since: Time,
        /// When that was established.
        at: Time,
    },
    /// A repair was closed: what was learned about the component is no longer its normal.
    Rebaseline {
        /// The component; `machine` means all of them.
        component: ComponentId,
        /// When.
        at: Time,
    },
}

/// Where one rule stands on one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleStatus {
    /// The rule.
    pub rule: RuleId,
    /// The channel.
    pub channel: ChannelId,
    /// Where it stands.
    pub condition: Condition,
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Its finding is active.
    Active,
    /// It watches.
    Armed,
    /// It gathers its normal for the present operating state.
    Learning {
        /// Samples so far; learning time counts in, as the share that it would need.
        samples: u64,
        /// Samples that it needs.
        needed: u64,
    },
    /// It does nothing now.
    Waiting(WhyNot),
}

/// Why a rule does nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum WhyNot {
    /// The sensor's band is unknown or too narrow for a severity zone.
    Band,
    /// Fewer siblings than the rule asks for were in the same state, with fresh readings at rest.
    FewSiblings {
        /// How many could be compared.
        comparable: usize,
        /// How many the rule asks for.
        least: usize,
    },
    /// Nothing on the device moved, so an unchanging value means nothing.
    NeverMoves,
    /// The component has no bearing in the site file.
    NoBearing,
    /// The template does not say how often the channel reports.
    NoInterval,
    /// The site file gives no machine group and support.
    NoIsoClass,
    /// Nothing has come yet.
    NoReadings,
    /// The speed at capture was unknown.
    NoSpeed,
    /// The device has none of the states that the rule lists.
    NoSuchState,
    /// The level has not come to rest, so that it says little about other machines.
    NotAtRest,
    /// An instrumentation finding on this channel is active.
    NotTrusted,
    /// The device is in a state in which the rule does not look.
    OtherState(StateId),
    /// Only changes are reported.
    ReportsChanges,
}

impl Condition {
    /// For people.
    #[must_use]
    pub fn text(&self) -> Localized {
        match self {
            Self::Active => Localized::new("active", "已触发"),
            Self::Armed => Localized::new("watching", "监测中"),
            Self::Learning { samples, needed } => Localized::new(
                format!("learning, {samples} of {needed} samples"),
                format!("学习中，{samples}/{needed} 个样本"),
            ),
            Self::Waiting(why) => why.text(),
        }
    }
}

impl WhyNot {
    /// For people.
    #[must_use]
    pub fn text(&self) -> Localized {
        let (en, zh) = match self {
            Self::Band => {
                ("the sensor's band does not cover 10 to 1000 Hz", "传感器频带不足 10–1000 Hz")
            }
            Self::FewSiblings { comparable, least } => {
                return Localized::new(
                    format!(
                        "only {comparable} of the {least} sister machines that it needs can be compared now"
                    ),
                    format!("目前可对比的同型机只有 {comparable} 台，至少需要 {least} 台"),
                );
            }
            Self::NeverMoves => ("this value never changes here", "该数值在此工况下从不变化"),
            Self::NoBearing => ("no bearing is given for this component", "该部件未配置轴承"),
            Self::NoInterval => ("no reporting interval is known", "上报间隔未知"),
            Self::NoIsoClass => {
                ("no ISO 20816-3 group and support are given", "未配置 ISO 20816-3 分组和支承")
            }
            Self::NoReadings => ("no readings yet", "尚无读数"),
            Self::NoSpeed => ("the shaft speed at capture is unknown", "采集时转速未知"),
            Self::NoSuchState => ("the device has no such operating state", "设备没有该工况"),
            Self::NotAtRest => {
                ("the value has not come to rest in this state", "该工况下数值尚未平稳")
            }
            Self::NotTrusted => ("the channel itself is not trusted now", "该测点当前不可信"),
            Self::OtherState(state) => {
                return Localized::new(
                    format!("does not look in state {state}"),
                    format!("工况 {state} 下不判断"),
                );
            }
            Self::ReportsChanges => ("only changes are reported", "仅在变化时上报"),
        };
        Localized::new(en, zh)
    }
}
