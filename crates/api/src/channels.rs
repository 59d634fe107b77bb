//! The channels over which people are told: what the interface may ask of whoever sends.

use std::fmt;
use std::pin::Pin;

use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;

/// Whoever sends messages.
pub trait MessageChannels: fmt::Debug + Send + Sync {
    /// Every channel with how it is.
    fn list(&self) -> Vec<ChannelState>;

    /// Sends a test message; `None` when there is no such channel.
    fn test(&self, id: &str) -> Option<Trying>;
}

/// A test message on its way.
pub type Trying = Pin<Box<dyn Future<Output = Tested> + Send>>;

/// How a channel is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelState {
    /// Its name.
    pub id: String,
    /// Its kind, e.g. `wecom`.
    pub kind: &'static str,
    /// Whether the last attempt failed.
    pub is_failing: bool,
    /// When something last arrived.
    pub last_ok: Option<Time>,
    /// When something last did not arrive.
    pub last_error_at: Option<Time>,
    /// Why.
    pub last_error: Option<String>,
    /// Why messages wait although it works.
    pub holds: Option<Localized>,
    /// Nothing is sent before this time, because the service asked for it or is down.
    pub paused_until: Option<Time>,
    /// Which channel stands in for it.
    pub stand_in: Option<String>,
    /// Last day of its key.
    pub expires: Option<String>,
}

/// What came of a test message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tested {
    /// Whether it arrived.
    pub is_delivered: bool,
    /// Why it did not.
    pub reason: Option<String>,
    /// It was not sent, since the channel is full or paused until then.
    pub busy_until: Option<Time>,
}

/// No channels at all.
#[derive(Clone, Copy, Debug)]
pub struct NoChannels;

impl MessageChannels for NoChannels {
    fn list(&self) -> Vec<ChannelState> {
        Vec::new()
    }

    fn test(&self, _id: &str) -> Option<Trying> {
        None
    }
}
