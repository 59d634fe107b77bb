//! How long readings are kept, by signal class, and what is held as evidence.
//!
//! Raw readings go first and leave hourly summaries behind. A held range of a channel stays until
//! it is no longer named in the holds. The store deletes in whole hours.

use std::collections::BTreeMap;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::time::{Span, Time};

/// The class of a channel that the policy does not name.
pub const DEFAULT_CLASS: &str = "default";

/// Spans by signal class, and the class of each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionPolicy {
    /// Spans by class name.
    pub classes: BTreeMap<String, ClassRetention>,
    /// For every class that is not named.
    pub otherwise: ClassRetention,
    /// Which channel is of which class; others are of [`DEFAULT_CLASS`].
    pub class_of: BTreeMap<ChannelId, String>,
}

impl RetentionPolicy {
    /// One policy for all channels.
    #[must_use]
    pub fn uniform(spans: ClassRetention) -> Self {
        Self { classes: BTreeMap::new(), otherwise: spans, class_of: BTreeMap::new() }
    }

    /// The class of a channel.
    #[must_use]
    pub fn class(&self, channel: &ChannelId) -> &str {
        self.class_of.get(channel).map_or(DEFAULT_CLASS, String::as_str)
    }

    /// The spans of a class.
    #[must_use]
    pub fn spans(&self, class: &str) -> ClassRetention {
        self.classes.get(class).copied().unwrap_or(self.otherwise)
    }
}

/// How long one class is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassRetention {
    /// Single readings and texts.
    pub raw: Span,
    /// Hourly summaries; never shorter than `raw`, whatever is written here.
    pub rollup: Span,
    /// Raw waveform files. Their rows are in the records store, so the caller deletes them.
    pub waveform: Span,
}

impl ClassRetention {
    /// Hours before this one lose their readings.
    pub(crate) fn raw_cutoff(&self, now: Time) -> i64 {
        (now - self.raw).micros().div_euclid(HOUR_US)
    }

    /// Hours before this one lose their summaries.
    pub(crate) fn rollup_cutoff(&self, now: Time) -> i64 {
        (now - self.rollup.max(self.raw)).micros().div_euclid(HOUR_US)
    }
}

/// A range of a channel that a ticket needs as evidence: `from <= t < to`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hold {
    /// Which channel.
    pub channel: ChannelId,
    /// First held time.
    pub from: Time,
    /// First time after it.
    pub to: Time,
}

/// What a retention run did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Retained {
    /// Readings deleted because their span was over.
    pub expired: u64,
    /// Readings deleted to stay within the cap, since the last run.
    pub over_cap: u64,
    /// Hourly summaries deleted.
    pub rollups: u64,
    /// Texts deleted.
    pub texts: u64,
    /// Bytes of the file that were given back to the system.
    pub freed_bytes: u64,
}

impl Retained {
    pub(crate) fn add(&mut self, other: &Self) {
        self.expired += other.expired;
        self.over_cap += other.over_cap;
        self.rollups += other.rollups;
        self.texts += other.texts;
        self.freed_bytes += other.freed_bytes;
    }
}

pub(crate) const HOUR_US: i64 = 3_600_000_000;
