//! Drafts, episodes and headers for the tests of the records store.

use forewarn_domain::episode::{Episode, Phase};
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::{Span, Time};

#[path = "../../../../tests/plants/draft.rs"]
mod shared;

/// 2026-11-22T08:00:00Z.
pub(crate) const NOW: Time = Time::from_micros(1_795_334_400_000_000);

/// So many minutes into the day before [`NOW`].
pub(crate) fn at(minute: i64) -> Time {
    NOW - Span::from_secs(86_400) + Span::from_secs(60 * minute)
}

/// A bearing draft of one episode, confirmed at a minute.
pub(crate) fn draft(device: &str, minute: i64) -> TicketDraft {
    shared::draft(device, at(minute))
}

/// The episode behind a draft.
pub(crate) fn episode(draft: &TicketDraft) -> Episode {
    Episode {
        id: draft.episode,
        key: draft.key.clone(),
        onset: draft.onset_at,
        confirmed: draft.detected_at,
        updated: draft.detected_at,
        phase: Phase::Active,
        anomalies: Vec::new(),
        recurrences: 0,
    }
}
