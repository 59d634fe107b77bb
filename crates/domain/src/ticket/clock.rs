//! The clocks of a ticket: how long people may take to respond, arrive, repair and verify.
//!
//! Rely on this: a clock that stands keeps what was used, so nothing is counted twice or lost. Each
//! carries the days by which its deadline was counted, so that anybody can check it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::CalendarId;
use crate::quantity::vocabulary;
use crate::text::Localized;
use crate::time::{Span, Time};

vocabulary!(
    /// What a clock measures.
    ClockKind, UnknownClock, "clock", {
        /// From opening until somebody is on the way or there; accepting does not stop it.
        Respond = "respond",
        /// From opening until somebody is at the machine.
        Arrive = "arrive",
        /// From opening until the work is done.
        Repair = "repair",
        /// From done until the check.
        Verify = "verify",
    }
);

vocabulary!(
    /// How a clock is.
    ClockState, UnknownClockState, "state of a clock", {
        /// It runs towards its deadline.
        Running = "running",
        /// It stands while the ticket waits for something outside.
        Paused = "paused",
        /// It was stopped in time.
        Met = "met",
        /// It was stopped after its deadline.
        Missed = "missed",
        /// What it measured is no longer asked for.
        Dropped = "dropped",
    }
);

/// A clock of a ticket.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Clock {
    /// What it measures.
    pub kind: ClockKind,
    /// How it is.
    pub state: ClockState,
    /// Which hours count.
    pub calendar: CalendarId,
    /// Working time that is allowed.
    pub allowed: Span,
    /// Working time that was used before `since`.
    pub used: Span,
    /// Since when it runs, or stands.
    pub since: Time,
    /// When it warns, while it runs.
    pub warn_at: Option<Time>,
    /// Its deadline, while it runs; the last one, once it was stopped.
    pub due_at: Option<Time>,
    /// When the deadline passed.
    pub breached_at: Option<Time>,
    /// When it was stopped for good.
    pub ended_at: Option<Time>,
    /// How the deadline was counted, from `since` on.
    pub trace: Vec<TraceLine>,
}

/// A stretch of days in the count of a deadline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TraceLine {
    /// First local date.
    pub from_date: NaiveDate,
    /// Last local date; the same, but for days without work.
    pub to_date: NaiveDate,
    /// What kind of day.
    pub day: TraceDay,
    /// The name of the holiday or make-up day.
    pub name: Localized,
    /// From when it was counted; `None` when nothing was.
    pub from: Option<Time>,
    /// Until when.
    pub to: Option<Time>,
}

vocabulary!(
    /// What kind of day a line of a trace is about.
    TraceDay, UnknownTraceDay, "kind of day", {
        /// A day of the week with work.
        Working = "working",
        /// A make-up day (调休).
        MakeUp = "make_up",
        /// A holiday.
        Holiday = "holiday",
        /// A day of the week without work, or whose hours are over.
        Off = "off",
    }
);
