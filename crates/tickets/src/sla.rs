//! The life of a ticket's clocks: which begin, stand, go on and end with each change of state.
//!
//! Rely on this: no change counts working time twice; a clock whose deadline has passed runs on until
//! it is stopped, and is missed whatever happens later. Deliberately absent: timers and people.

use std::collections::BTreeMap;

use forewarn_domain::id::CalendarId;
use forewarn_domain::ticket::TicketState;
use forewarn_domain::ticket::clock::{Clock, ClockKind, ClockState};
use forewarn_domain::ticket::course::Facts;
use forewarn_domain::ticket::kind::{Sla, TicketType, takes};
use forewarn_domain::time::{Span, Time};

use crate::working_time::WorkingTime;

/// Calendars by id.
pub type Calendars = BTreeMap<CalendarId, WorkingTime>;

/// What a ticket's clocks go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) kind: &'a TicketType,
    pub(crate) sla: Option<&'a Sla>,
    pub(crate) calendars: &'a Calendars,
}

impl<'a> Terms<'a> {
    /// The row of a type that fits a ticket.
    pub(crate) fn new(
        kind: &'a TicketType,
        calendars: &'a Calendars,
        ticket: &Facts,
        criticality: forewarn_domain::family::Criticality,
    ) -> Self {
        let sla = kind.sla.iter().find(|it| {
            takes(&it.priority, &ticket.priority) && takes(&it.criticality, &criticality)
        });
        Self { kind, sla, calendars }
    }

    fn allowed(&self, kind: ClockKind) -> Option<Span> {
        let sla = self.sla?;
        match kind {
            ClockKind::Respond => sla.respond,
            ClockKind::Arrive => sla.arrive,
            ClockKind::Repair => sla.repair,
            ClockKind::Verify => sla.verify,
        }
    }

    fn calendar(&self, id: &CalendarId) -> Option<&WorkingTime> {
        self.calendars.get(id)
    }

    /// The clocks of a ticket after it reached its state at a time.
    pub(crate) fn follow(&self, clocks: &[Clock], ticket: &Facts, at: Time) -> Vec<Clock> {
        let mut clocks = clocks.to_vec();
        for kind in ClockKind::ALL {
            let wanted = wanted(*kind, ticket, self.kind);
            let current = clocks.iter_mut().rev().find(|it| it.kind == *kind);
            match current.filter(|it| it.ended_at.is_none()) {
                Some(clock) => {
                    self.retarget(clock, at);
                    self.bring(clock, wanted, at);
                }
                None if matches!(wanted, Wanted::Running | Wanted::Paused) => {
                    if let Some(clock) = self.begin(*kind, &clocks, at) {
                        clocks.push(clock);
                        let begun = clocks.last_mut().expect("it was pushed just now");
                        self.bring(begun, wanted, at);
                    }
                }
                None => {}
            }
        }
        clocks
    }

    /// A new clock, where the type has one and it was not stopped for good in this life of the ticket.
    fn begin(&self, kind: ClockKind, clocks: &[Clock], at: Time) -> Option<Clock> {
        let allowed = self.allowed(kind)?;
        // Whoever was on the way once has responded; only work and its check are asked for again.
        let was_there = clocks.iter().any(|it| it.kind == kind);
        if was_there && matches!(kind, ClockKind::Respond | ClockKind::Arrive) {
            return None;
        }
        let mut clock = Clock {
            kind,
            state: ClockState::Running,
            calendar: self.sla?.calendar.clone(),
            allowed,
            used: Span::ZERO,
            since: at,
            warn_at: None,
            due_at: None,
            breached_at: None,
            ended_at: None,
            trace: Vec::new(),
        };
        self.aim(&mut clock, at);
        Some(clock)
    }

    /// Another priority may allow another time: what was used stays used.
    fn retarget(&self, clock: &mut Clock, at: Time) {
        let Some(allowed) = self.allowed(clock.kind) else { return };
        let calendar = self.sla.map(|it| it.calendar.clone());
        let calendar = calendar.unwrap_or_else(|| clock.calendar.clone());
        if (allowed, &calendar) == (clock.allowed, &clock.calendar) || clock.breached_at.is_some() {
            return;
        }
        if clock.state == ClockState::Running {
            clock.used = self.used(clock, at);
            clock.since = at;
        }
        clock.allowed = allowed;
        clock.calendar = calendar;
        if clock.state == ClockState::Running {
            self.aim(clock, at);
        }
    }

    fn bring(&self, clock: &mut Clock, wanted: Wanted, at: Time) {
        match (wanted, clock.state) {
            (Wanted::Running, ClockState::Paused) => {
                clock.state = ClockState::Running;
                clock.since = at;
                self.aim(clock, at);
            }
            (Wanted::Paused, ClockState::Running) if clock.breached_at.is_none() => {
                clock.used = self.used(clock, at);
                clock.state = ClockState::Paused;
                clock.since = at;
                (clock.warn_at, clock.due_at) = (None, None);
                clock.trace.clear();
            }
            (Wanted::Ended, ClockState::Running | ClockState::Paused) => {
                let is_late =
                    clock.breached_at.is_some() || clock.due_at.is_some_and(|due| due < at);
                if clock.state == ClockState::Running {
                    clock.used = self.used(clock, at);
                }
                clock.state = if is_late { ClockState::Missed } else { ClockState::Met };
                clock.ended_at = Some(at);
            }
            (Wanted::Dropped, ClockState::Running | ClockState::Paused) => {
                clock.state = ClockState::Dropped;
                clock.ended_at = Some(at);
            }
            (
                Wanted::Running | Wanted::Paused | Wanted::Ended | Wanted::Dropped | Wanted::Absent,
                ClockState::Running
                | ClockState::Paused
                | ClockState::Met
                | ClockState::Missed
                | ClockState::Dropped,
            ) => {}
        }
    }

    fn used(&self, clock: &Clock, at: Time) -> Span {
        let now =
            self.calendar(&clock.calendar).map_or(Span::ZERO, |it| it.worked(clock.since, at));
        Span::from_micros(clock.used.micros() + now.micros())
    }

    /// Sets warning and deadline of a clock that runs from a time on.
    fn aim(&self, clock: &mut Clock, at: Time) {
        let Some(calendar) = self.calendar(&clock.calendar) else { return };
        let percent = i64::from(self.sla.map_or(100, |it| it.warn_percent));
        let left = |micros: i64| Span::from_micros((micros - clock.used.micros()).max(0));
        let warn = calendar.due(at, left(clock.allowed.micros() / 100 * percent));
        let due = calendar.due(at, left(clock.allowed.micros()));
        clock.warn_at = warn.map(|it| it.at);
        clock.due_at = due.as_ref().map(|it| it.at);
        clock.trace = due.map(|it| it.trace).unwrap_or_default();
    }
}

/// What a state wants of a clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    /// Nothing: it has not begun.
    Absent,
    Dropped,
    Ended,
    Paused,
    Running,
}

fn wanted(kind: ClockKind, ticket: &Facts, of: &TicketType) -> Wanted {
    use TicketState as S;
    let waits = || {
        let is_paused = ticket.waiting_for.is_some_and(|it| of.pauses_for.contains(&it));
        if is_paused { Wanted::Paused } else { Wanted::Running }
    };
    match (kind, ticket.state) {
        (_, S::FalseAlarm | S::Duplicate) => Wanted::Dropped,
        (ClockKind::Respond | ClockKind::Arrive | ClockKind::Repair, S::Waiting) => waits(),
        (ClockKind::Respond, S::ToAssign | S::Assigned | S::Accepted)
        | (ClockKind::Arrive, S::ToAssign | S::Assigned | S::Accepted | S::Departed)
        | (
            ClockKind::Repair,
            S::ToAssign | S::Assigned | S::Accepted | S::Departed | S::OnSite | S::InProgress,
        )
        | (ClockKind::Verify, S::Done) => Wanted::Running,
        (ClockKind::Respond, S::Departed | S::OnSite | S::InProgress)
        | (ClockKind::Arrive, S::OnSite | S::InProgress)
        | (
            ClockKind::Respond | ClockKind::Arrive | ClockKind::Repair,
            S::Done | S::Verified | S::Closed,
        )
        | (ClockKind::Verify, S::Verified | S::Closed) => Wanted::Ended,
        // Back from done: the check is not asked for until the work is done again.
        (ClockKind::Verify, S::InProgress) => Wanted::Dropped,
        (
            ClockKind::Verify,
            S::ToAssign | S::Assigned | S::Accepted | S::Departed | S::OnSite | S::Waiting,
        ) => Wanted::Absent,
    }
}
