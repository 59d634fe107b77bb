//! The server's own condition as it goes out.

use std::collections::BTreeMap;

use forewarn_domain::time::{Span, Time};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MessageChannelView, TextView};
use crate::live::{AgentLive, StageLive, StageStatus};

/// The condition of the server, its agents and its stores.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HealthView {
    /// The stages, in the order in which readings pass them.
    pub stages: Vec<StageView>,
    /// The agents.
    pub agents: Vec<AgentView>,
    /// Figures of the stores.
    pub store: BTreeMap<String, f64>,
    /// How much people are asked for: tickets of the last 24 h, open ones, messages that wait.
    pub alarm_load: BTreeMap<String, i64>,
    /// The channels over which people and systems are told.
    pub message_channels: Vec<MessageChannelView>,
    /// How far the installation is set up.
    pub setup: BTreeMap<String, f64>,
    /// What must be known about this process.
    pub notices: Vec<TextView>,
}

/// A stage of the server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageView {
    /// Its name.
    pub stage: String,
    /// How it is.
    pub status: StageStatus,
    /// When it last did something.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_run: Option<Time>,
    /// Why it is so.
    pub why: TextView,
    /// What it counted.
    pub counters: BTreeMap<String, u64>,
}

impl From<&StageLive> for StageView {
    fn from(stage: &StageLive) -> Self {
        Self {
            stage: stage.stage.clone(),
            status: stage.status,
            last_run: stage.last_run,
            why: (&stage.why).into(),
            counters: stage.counters.clone(),
        }
    }
}

/// An agent at the edge.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentView {
    /// Agent id.
    pub id: String,
    /// Whether it is connected.
    pub online: bool,
    /// When it last sent anything.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen: Option<Time>,
    /// How far its newest reading is behind, in seconds.
    pub lag_s: Option<f64>,
    /// Its version.
    pub version: String,
    /// Figures of its spool.
    pub spool: BTreeMap<String, f64>,
}

impl From<&AgentLive> for AgentView {
    fn from(agent: &AgentLive) -> Self {
        Self {
            id: agent.id.to_string(),
            online: agent.is_online,
            last_seen: agent.last_seen,
            lag_s: agent.lag.map(Span::secs_f64),
            version: agent.version.clone(),
            spool: agent.spool.clone(),
        }
    }
}
