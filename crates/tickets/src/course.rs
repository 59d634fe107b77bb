//! The course of a ticket by the handbook: the decision at each change, and at each timer.
//!
//! Rely on this: the same facts, clocks, timers and time give the same course. A ticket always has a
//! group, and when a step finds nobody to tell, the last resort is told. Deliberately absent: writing.

use forewarn_domain::ticket::clock::{Clock, ClockKind};
use forewarn_domain::ticket::course::{
    Asked, Course, Facts, Moment, Permit, Process, Refusal, Standing, Timer,
};
use forewarn_domain::ticket::escalation::{Step, Whom};
use forewarn_domain::ticket::kind::{EvidenceKind, takes};
use forewarn_domain::ticket::{Command, TicketEvent, TicketState};
use forewarn_domain::time::Time;

use crate::handbook::Handbook;
use crate::{permit, words};

impl Process for Handbook {
    fn open(&self, ticket: &Facts, at: Time) -> Course {
        let Some(named) = self.type_for(ticket).cloned() else { return Course::default() };
        let group = self.ticket_type(&named).map(|it| it.owner_group.clone());
        let ticket =
            Facts { ticket_type: Some(named.clone()), group: group.clone(), ..ticket.clone() };
        let clocks = self.clocks(&[], &ticket, at);
        let timers = self.timers(None, &ticket, (&clocks, &[]), at);
        let mut tell = self.resolve(&Whom::Shift, &ticket, at);
        if tell.is_empty() {
            tell = self.last_resort(&ticket, at);
        }
        Course { ticket_type: Some(named), group, clocks, timers, tell, ..Course::default() }
    }

    fn permit(&self, asked: &Asked<'_>) -> Result<Permit, Refusal> {
        match self.type_of(asked.ticket) {
            Some(kind) => permit::check(kind, asked),
            None => Ok(Permit::default()),
        }
    }

    fn follow(&self, before: &Facts, after: &Facts, standing: &Standing, at: Time) -> Course {
        let clocks = self.clocks(&standing.clocks, after, at);
        let timers = self.timers(Some(before), after, (&clocks, &standing.armed), at);
        let tell = self.resolve(&Whom::Owner, after, at);
        Course { clocks, timers, tell, ..Course::default() }
    }

    fn fire(&self, ticket: &Facts, standing: &Standing, timer: &Timer, now: &Moment<'_>) -> Course {
        let rest = standing.armed.iter().filter(|it| it.name != timer.name).cloned().collect();
        let course = Course { clocks: standing.clocks.clone(), timers: rest, ..Course::default() };
        if timer.name == UNSHELVE {
            let (what, note) = (Some(TicketEvent::Unshelved), words::unshelved());
            let tell = self.resolve(&Whom::Owner, ticket, now.at);
            return Course { is_unshelved: true, what, note, tell, ..course };
        }
        if let Some(until) = ticket.shelved_until.filter(|it| now.at < *it)
            && !timer.name.ends_with(DUE)
        {
            let later = Timer { name: timer.name.clone(), due_at: until };
            return Course { timers: [course.timers, vec![later]].concat(), ..course };
        }
        if let Some((kind, is_due)) = clock_of(&timer.name) {
            return self.clock_rings(ticket, course, (kind, is_due), now);
        }
        match self.step_of(ticket, &timer.name) {
            Some((step, round)) => self.take_step(ticket, course, (step, round), now),
            None => course,
        }
    }
}

impl Handbook {
    fn clocks(&self, clocks: &[Clock], ticket: &Facts, at: Time) -> Vec<Clock> {
        match self.type_of(ticket) {
            Some(kind) => self.terms(kind, ticket).follow(clocks, ticket, at),
            None => clocks.to_vec(),
        }
    }

    /// Every timer that a ticket needs from now on.
    fn timers(
        &self,
        before: Option<&Facts>,
        after: &Facts,
        (clocks, armed): (&[Clock], &[Timer]),
        at: Time,
    ) -> Vec<Timer> {
        let mut timers = Vec::new();
        if !after.state.is_open() {
            return timers;
        }
        for clock in clocks.iter().filter(|it| it.ended_at.is_none() && it.breached_at.is_none()) {
            let is_news = |name: &str, due: Time| {
                // A warning that was given is not given again unless its time has moved.
                at < due || armed.iter().any(|it| it.name == name)
            };
            let warn = format!("{}{WARN}", clock.kind);
            if let Some(due_at) = clock.warn_at.filter(|it| is_news(&warn, *it)) {
                timers.push(Timer { name: warn, due_at });
            }
            if let Some(due_at) = clock.due_at {
                timers.push(Timer { name: format!("{}{DUE}", clock.kind), due_at });
            }
        }
        if let Some(until) = after.shelved_until {
            timers.push(Timer { name: UNSHELVE.to_owned(), due_at: until });
        }
        let steps = self.policy(after).map(|it| it.steps.as_slice()).unwrap_or_default();
        for step in steps.iter().filter(|it| self.applies(it, after)) {
            let known = armed.iter().filter(|it| is_timer_of(&it.name, &step.id));
            let known: Vec<Timer> = known.cloned().collect();
            let is_new = !before.is_some_and(|it| self.applies(step, it));
            if is_new && known.is_empty() {
                timers.extend(self.timer_of(step, 0, at));
            }
            timers.extend(known);
        }
        timers
    }

    /// Whether a step waits for a ticket as it is.
    fn applies(&self, step: &Step, ticket: &Facts) -> bool {
        step.condition.holds(ticket.state)
            && takes(&step.priority, &ticket.priority)
            && takes(&step.criticality, &self.criticality(ticket))
    }

    /// The timer of a step's first or repeated round; none in a calendar that never works.
    pub(crate) fn timer_of(&self, step: &Step, round: u8, at: Time) -> Option<Timer> {
        let calendar = self.calendars().get(&step.calendar)?;
        let due_at = calendar.due(at, step.after)?.at;
        let id = &step.id;
        let name = if round == 0 { format!("{STEP}{id}") } else { format!("{STEP}{id}#{round}") };
        Some(Timer { name, due_at })
    }

    fn step_of(&self, ticket: &Facts, timer: &str) -> Option<(&Step, u8)> {
        let named = timer.strip_prefix(STEP)?;
        let (id, round) = named.split_once('#').unwrap_or((named, "0"));
        let step = self.policy(ticket)?.steps.iter().find(|it| it.id == id)?;
        // The policy may have changed since the timer was armed.
        self.applies(step, ticket).then_some((step, round.parse().ok()?))
    }

    fn clock_rings(
        &self,
        ticket: &Facts,
        mut course: Course,
        (kind, is_due): (ClockKind, bool),
        now: &Moment<'_>,
    ) -> Course {
        let current = course.clocks.iter_mut().rev().find(|it| it.kind == kind);
        let Some(clock) = current.filter(|it| it.ended_at.is_none()) else { return course };
        let Some(due) = clock.due_at else { return course };
        let zone =
            self.calendars().get(&clock.calendar).map(crate::working_time::WorkingTime::zone);
        let due = words::moment(due, zone.unwrap_or(chrono_tz::UTC));
        let is_shelved = ticket.shelved_until.is_some_and(|it| now.at < it);
        if is_due {
            clock.breached_at = Some(now.at);
            course.note = words::overdue(kind, &due);
            course.what = (!is_shelved).then_some(TicketEvent::Overdue);
            course.tell = self.resolve(&Whom::Owner, ticket, now.at);
            for lead in self.resolve(&Whom::Leads, ticket, now.at) {
                if !course.tell.contains(&lead) {
                    course.tell.push(lead);
                }
            }
        } else {
            course.note = words::due_soon(kind, &due);
            course.what = Some(TicketEvent::DueSoon);
            course.tell = self.resolve(&Whom::Owner, ticket, now.at);
        }
        if course.tell.is_empty() {
            course.tell = self.last_resort(ticket, now.at);
        }
        course
    }
}

/// Which clock a timer belongs to, and whether it is its deadline.
fn clock_of(timer: &str) -> Option<(ClockKind, bool)> {
    let (name, is_due) = match timer.strip_suffix(DUE) {
        Some(name) => (name, true),
        None => (timer.strip_suffix(WARN)?, false),
    };
    Some((name.parse().ok()?, is_due))
}

fn is_timer_of(timer: &str, step: &str) -> bool {
    timer.strip_prefix(STEP).is_some_and(|it| it.split_once('#').map_or(it, |(id, _)| id) == step)
}

/// Whether evidence comes with a command itself.
pub(crate) fn brings(command: &Command, evidence: EvidenceKind) -> bool {
    let Command::Finish { cause, note, part } = command else { return false };
    match evidence {
        EvidenceKind::Cause => !cause.is_empty(),
        EvidenceKind::Note => !note.trim().is_empty(),
        EvidenceKind::Part => part.as_deref().is_some_and(|it| !it.trim().is_empty()),
        EvidenceKind::Checklist
        | EvidenceKind::Measurement
        | EvidenceKind::Photo
        | EvidenceKind::Position
        | EvidenceKind::Signature
        | EvidenceKind::Video => false,
    }
}

/// The usual way of a ticket, with the command that leads to each state.
pub(crate) const WAY: [(TicketState, &str); 7] = [
    (TicketState::Accepted, "accept"),
    (TicketState::Departed, "depart"),
    (TicketState::OnSite, "arrive"),
    (TicketState::InProgress, "start"),
    (TicketState::Done, "finish"),
    (TicketState::Verified, "verify"),
    (TicketState::Closed, "close"),
];

/// Prefix of a step's timer.
const STEP: &str = "step.";

/// Suffix of a clock's warning.
const WARN: &str = ".warn";

/// Suffix of a clock's deadline.
const DUE: &str = ".due";

/// The timer that brings a ticket back from the shelf.
const UNSHELVE: &str = "unshelve";
