//! Messages to people and the channels they go over, as they go out.

use forewarn_domain::time::Time;
use forewarn_store::records::{ChannelCounts, MessageRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::TextView;
use crate::channels::ChannelState;

/// A channel over which people or systems are told.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MessageChannelView {
    /// Its name.
    pub id: String,
    /// `wecom`, `dingtalk`, `feishu`, `email`, `provider` or `webhook`.
    pub kind: String,
    /// Whether the last attempt failed.
    pub failing: bool,
    /// When something last arrived, since the server started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_ok: Option<Time>,
    /// When something last did not arrive, since the server started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_error_at: Option<Time>,
    /// Why, without secrets.
    pub last_error: Option<String>,
    /// Why messages wait although it works: quiet hours, the cap, a storm.
    pub holds: Option<TextView>,
    /// Nothing is sent before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_until: Option<Time>,
    /// Which channel stands in for it.
    pub stand_in: Option<String>,
    /// Last day of its key.
    pub expires: Option<String>,
    /// Messages that wait.
    pub waiting: i64,
    /// Since when the oldest of them waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_waiting: Option<Time>,
    /// Messages that were given up.
    pub given_up: i64,
    /// Messages that were delivered within the last month.
    pub delivered: i64,
}

impl MessageChannelView {
    /// A channel's state with its counts.
    #[must_use]
    pub fn new(state: ChannelState, counts: &[ChannelCounts]) -> Self {
        let counts = counts.iter().find(|it| it.channel == state.id).cloned().unwrap_or_default();
        Self {
            id: state.id,
            kind: state.kind.to_owned(),
            failing: state.is_failing,
            last_ok: state.last_ok,
            last_error_at: state.last_error_at,
            last_error: state.last_error,
            holds: state.holds.map(TextView::from),
            paused_until: state.paused_until,
            stand_in: state.stand_in,
            expires: state.expires,
            waiting: counts.waiting,
            oldest_waiting: counts.oldest,
            given_up: counts.dead,
            delivered: counts.sent,
        }
    }
}

/// A message with where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MessageView {
    /// Its number.
    pub id: i64,
    /// What a receiver knows a repeat by.
    pub key: String,
    /// Over which channel.
    pub channel: String,
    /// What happened.
    pub event: String,
    /// The ticket's number; empty for a notice.
    pub number: String,
    /// What it says.
    pub headline: TextView,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// `waiting`, `delivered` or `given_up`.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was delivered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Time>,
    /// When it is tried next.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Time>,
    /// What went wrong last, without secrets.
    pub last_error: Option<String>,
    /// The key of the digest in which it went.
    pub digest: Option<String>,
}

impl From<MessageRow> for MessageView {
    fn from(row: MessageRow) -> Self {
        let state = match (row.sent_at, row.dead_at) {
            (Some(_), _) => "delivered",
            (None, Some(_)) => "given_up",
            (None, None) => "waiting",
        };
        Self {
            id: row.message.id,
            key: row.message.key,
            channel: row.message.channel,
            event: row.message.what,
            number: row.message.facts.number,
            headline: (&row.message.facts.headline).into(),
            created_at: row.message.created_at,
            state,
            attempts: row.message.attempts,
            delivered_at: row.sent_at,
            next_at: (state == "waiting").then_some(row.next_at),
            last_error: row.last_error,
            digest: row.digest.filter(|it| !it.is_empty()),
        }
    }
}
