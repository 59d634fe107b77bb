//! What a device publishes over MQTT: on which topics, in which encoding, where its time stands.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// What an MQTT device publishes where.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MqttSettings {
    /// Topic filters; `{asset}` stands for the source's address in the site file.
    pub topics: Vec<String>,
    /// Silence after which the last values are stale.
    pub stale_after: Option<Span>,
}

/// One kind of MQTT message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MessageTemplate {
    /// Topic filter that it arrives on.
    #[serde(rename = "match")]
    pub topic: String,
    /// How it is encoded.
    pub payload: PayloadKind,
    /// Where its time stands; without one, the time of arrival counts.
    pub time: Option<MessageTime>,
    /// JSON pointer to per-tag error codes.
    pub errors: Option<String>,
}

/// Encoding of an MQTT message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadKind {
    /// Bytes with a header.
    Binary,
    /// JSON.
    Json,
    /// Sparkplug B.
    Sparkplug,
}

/// Where a message says its time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MessageTime {
    /// JSON pointer.
    pub path: String,
    /// `ms`, `s`, `us` or `rfc3339`.
    pub unit: String,
    /// Largest difference to the agent's clock before the time counts as uncertain.
    pub max_skew: Option<Span>,
}
