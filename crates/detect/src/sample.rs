//! One trusted number, with what the rules need to know about its surroundings.

use forewarn_domain::time::{Span, Time};

/// A number of good quality, in the order of time of its channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) t: Time,
    pub(crate) value: f64,
    /// Since the channel's previous sample.
    pub(crate) gap: Span,
    /// Running number of the channel's samples.
    pub(crate) index: u64,
    /// How many breaks the channel has had; a change tells that one lies between.
    pub(crate) breaks: u32,
    /// Place of the operating state among the device's states.
    pub(crate) state: u8,
    /// How many samples in a row have had this very value, this one included.
    pub(crate) run: u32,
    /// How many changes of value the device has shown on all channels.
    pub(crate) moves: u64,
}
