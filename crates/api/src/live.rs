//! What the stages of the server know right now, as plain data.
//!
//! The server fills a new one about once a second and puts it in place of the old one. Nothing here
//! is stored; after a restart it fills again.

use std::collections::BTreeMap;

use forewarn_domain::anomaly::Normal;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{AgentId, DeviceId, RuleId, StateId};
use forewarn_domain::quality::Quality;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use serde::Serialize;
use utoipa::ToSchema;

/// What is known of the plant and of the server itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveView {
    /// Devices of which anything is known.
    pub devices: BTreeMap<DeviceId, DeviceLive>,
    /// The stages, in the order in which readings pass them.
    pub stages: Vec<StageLive>,
    /// The agents.
    pub agents: Vec<AgentLive>,
    /// Figures of the stores: bytes, readings, days.
    pub store: BTreeMap<String, f64>,
    /// How far the installation is set up: channels that learn, that are armed, and the like.
    pub setup: BTreeMap<String, f64>,
    /// What a reader of the health page must know about this process, e.g. that it is a demo.
    pub notices: Vec<Localized>,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceLive {
    /// Its operating state.
    pub state: Option<StateId>,
    /// Event time of its newest reading.
    pub last_reading: Option<Time>,
    /// How it is.
    pub health: DeviceHealth,
    /// Its channels.
    pub channels: BTreeMap<ChannelId, ChannelLive>,
}

/// How a device is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceHealth {
    /// Nothing is out of its normal.
    Ok,
    /// Worth a look.
    Watch,
    /// Plan work.
    Warn,
    /// Act now.
    Alarm,
    /// Nothing is known: it is silent, or still learned.
    #[default]
    Unknown,
}

/// A channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelLive {
    /// Its newest reading.
    pub last: Option<LastReading>,
    /// Its normal in the present state.
    pub normal: Option<Normal>,
    /// The rules that look at it.
    pub rules: Vec<RuleLive>,
}

/// A newest reading: a number or a text.
#[derive(Clone, Debug, PartialEq)]
pub struct LastReading {
    /// Event time.
    pub t: Time,
    /// The number.
    pub value: Option<f64>,
    /// The text.
    pub text: Option<String>,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// A rule on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleLive {
    /// Which rule.
    pub rule: RuleId,
    /// Where it stands.
    pub status: RuleStatus,
    /// Why.
    pub why: Localized,
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleStatus {
    /// It fired.
    Active,
    /// It watches.
    Armed,
    /// It learns what is normal.
    Learning,
    /// It waits, e.g. for the state in which it looks.
    Waiting,
}

/// A stage of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct StageLive {
    /// Its name: `ingest`, `store`, `engine`, `ticket`, `notify`.
    pub stage: String,
    /// How it is.
    pub status: StageStatus,
    /// When it last did something.
    pub last_run: Option<Time>,
    /// Why it is so, or why it did nothing.
    pub why: Localized,
    /// What it counted.
    pub counters: BTreeMap<String, u64>,
}

/// How a stage is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// It works, with something wrong.
    Degraded,
    /// It does not work.
    Failed,
    /// It has nothing to do.
    Idle,
    /// It works.
    Ok,
}

/// An agent at the edge.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentLive {
    /// Its id.
    pub id: AgentId,
    /// Whether it is connected.
    pub is_online: bool,
    /// When it last sent anything.
    pub last_seen: Option<Time>,
    /// How far its newest reading is behind.
    pub lag: Option<Span>,
    /// Its version.
    pub version: String,
    /// Figures of its spool.
    pub spool: BTreeMap<String, f64>,
}
