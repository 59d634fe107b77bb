//! Who would be called, and when, if nobody did anything: the handbook run ahead of time.
//!
//! Rely on this: the preview takes the same decisions as the real course, since it calls the same
//! functions; only the load of people is taken as it is now.

use forewarn_domain::id::PersonId;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::course::{Course, Crew, Facts, Moment, Process, Standing, Timer};
use forewarn_domain::ticket::{Command, TicketEvent};
use forewarn_domain::time::Time;

use crate::handbook::Handbook;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When.
    pub at: Time,
    /// `opened`, `due_soon`, `overdue`, `escalated` or `unshelved`.
    pub what: TicketEvent,
    /// Why, and what else happens.
    pub note: Localized,
    /// Who is called.
    pub people: Vec<PersonId>,
}

impl Handbook {
    /// The calls of a ticket that opens at a time, oldest first.
    #[must_use]
    pub fn preview_opening(&self, ticket: &Facts, at: Time, crew: &Crew) -> Vec<Call> {
        let course = self.open(ticket, at);
        let called = Call {
            at,
            what: TicketEvent::Opened,
            note: Localized::new("the ticket opens", "工单生成"),
            people: course.tell.clone(),
        };
        let mut ticket = ticket.clone();
        let standing = self.applied(&mut ticket, course);
        let mut calls = vec![called];
        calls.extend(self.preview(&ticket, standing, crew));
        calls
    }

    /// The calls that are still to come for a ticket, oldest first, at most [`CALLS_MAX`].
    #[must_use]
    pub fn preview(&self, ticket: &Facts, mut standing: Standing, crew: &Crew) -> Vec<Call> {
        let mut ticket = ticket.clone();
        let mut calls = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let next = standing.armed.iter().min_by_key(|it| (it.due_at, it.name.clone()));
            let Some(timer): Option<Timer> = next.cloned() else { break };
            let now = Moment { at: timer.due_at, crew };
            let mut course = self.fire(&ticket, &standing, &timer, &now);
            let command = course.command.take();
            if let Some(what) = course.what {
                let (note, people) = (course.note.clone(), course.tell.clone());
                calls.push(Call { at: timer.due_at, what, note, people });
            }
            standing = self.applied(&mut ticket, course);
            if let Some(command) = command {
                standing = self.commanded(&mut ticket, standing, &command, timer.due_at);
            }
            if calls.len() == CALLS_MAX {
                break;
            }
        }
        calls
    }

    fn commanded(
        &self,
        ticket: &mut Facts,
        standing: Standing,
        command: &Command,
        at: Time,
    ) -> Standing {
        let Ok(state) = ticket.state.after(command) else { return standing };
        let before = ticket.clone();
        ticket.state = state;
        if let Command::Assign { to } = command {
            ticket.owner = Some(to.clone());
        }
        let course = self.follow(&before, ticket, &standing, at);
        self.applied(ticket, course)
    }

    /// The ticket after a course, with its clocks and timers.
    fn applied(&self, ticket: &mut Facts, course: Course) -> Standing {
        ticket.ticket_type = course.ticket_type.or(ticket.ticket_type.take());
        ticket.group = course.group.or(ticket.group.take());
        if course.is_unshelved {
            ticket.shelved_until = None;
        }
        Standing { clocks: course.clocks, armed: course.timers }
    }
}

/// More than anybody reads on a page.
pub const CALLS_MAX: usize = 24;

/// A shelved ticket puts timers off without a call; this many rounds are enough for each to come.
const ROUNDS_MAX: usize = 200;
