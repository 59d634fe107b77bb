//! What a step of an escalation policy does: who is told, whose the ticket becomes, who is named.
//!
//! Rely on this: a step that was taken tells somebody, if there is anybody at all. Deliberately
//! absent: when a step is due.

use forewarn_domain::id::{GroupId, PersonId};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::course::{Course, Facts, Moment};
use forewarn_domain::ticket::escalation::{Action, Step, Whose};
use forewarn_domain::ticket::{Command, TicketEvent, TicketState};

use crate::dispatch::{self, Candidate, Job};
use crate::handbook::Handbook;
use crate::words;

impl Handbook {
    /// Adds to a course what a step does.
    pub(crate) fn take_step(
        &self,
        ticket: &Facts,
        mut course: Course,
        (step, round): (&Step, u8),
        now: &Moment<'_>,
    ) -> Course {
        let mut ticket = ticket.clone();
        let mut notes = vec![words::because(step.condition, step.after)];
        for action in &step.actions {
            let (note, people) = match action {
                Action::Assign(whose) => self.give(&mut ticket, &mut course, whose, now),
                Action::Dispatch {} => self.name_best(&ticket, &mut course, now),
                Action::Notify(whom) => (Localized::default(), self.resolve(whom, &ticket, now.at)),
                Action::Offer { areas } => self.offer(&ticket, usize::from(*areas), now),
            };
            notes.push(note);
            for person in people {
                if !course.tell.contains(&person) {
                    course.tell.push(person);
                }
            }
        }
        if course.tell.is_empty() {
            course.tell = self.last_resort(&ticket, now.at);
        }
        let names: Vec<String> = course.tell.iter().map(|it| self.person_name(it)).collect();
        notes.push(words::told(&names));
        course.what = Some(TicketEvent::Escalated);
        course.note = words::joined(&notes);
        if round < step.repeat {
            course.timers.extend(self.timer_of(step, round + 1, now.at));
        }
        course
    }

    fn give(
        &self,
        ticket: &mut Facts,
        course: &mut Course,
        whose: &Whose,
        now: &Moment<'_>,
    ) -> (Localized, Vec<PersonId>) {
        let group = match whose {
            Whose::Group(group) => Some(group.clone()),
            Whose::NextGroup => self.next_group(ticket),
            Whose::Standby => self.people().file().standby.clone(),
        };
        // Without another group it stays where it is, and the leads hear of it.
        let Some(group) = group.filter(|it| Some(it) != ticket.group.as_ref()) else {
            return (Localized::default(), self.last_resort(ticket, now.at));
        };
        let note = words::given_to(&self.group_name(&group));
        ticket.group = Some(group.clone());
        let mut people = self.on_duty(&group, now.at);
        if people.is_empty() {
            people = self.last_resort(ticket, now.at);
        }
        course.group = Some(group);
        (note, people)
    }

    fn next_group(&self, ticket: &Facts) -> Option<GroupId> {
        let group = self.people().group(ticket.group.as_ref()?)?;
        group.next.clone().or_else(|| self.people().file().standby.clone())
    }

    fn name_best(
        &self,
        ticket: &Facts,
        course: &mut Course,
        now: &Moment<'_>,
    ) -> (Localized, Vec<PersonId>) {
        let mut ranked = self.candidates(ticket, now);
        // Who had it all the time is not asked once more.
        ranked.retain(|it| ticket.owner.as_deref() != Some(it.person.as_str()));
        let note = words::chosen(&ranked);
        let Some(best) = ranked.first() else {
            return (note, self.last_resort(ticket, now.at));
        };
        let command = Command::Assign { to: best.person.to_string() };
        // Work that goes on is not taken from anybody; the best one hears that help is wanted.
        if matches!(
            ticket.state,
            TicketState::ToAssign | TicketState::Assigned | TicketState::Accepted
        ) {
            course.command = Some(command);
        }
        (note, vec![best.person.clone()])
    }

    /// Everybody who could go to a ticket now, best first.
    #[must_use]
    pub fn candidates(&self, ticket: &Facts, now: &Moment<'_>) -> Vec<Candidate> {
        let job = Job { family: ticket.key.family, area: self.area(ticket), at: now.at };
        dispatch::rank(self.people(), &self.present(now.at), &job, now.crew)
    }

    fn offer(&self, ticket: &Facts, areas: usize, now: &Moment<'_>) -> (Localized, Vec<PersonId>) {
        let people = self.people();
        let near = self.area(ticket).map(|it| people.neighbours(it, areas)).unwrap_or_default();
        let is_near = |it: &PersonId| {
            let area = people.person(it).and_then(|it| it.area.as_ref());
            area.is_some_and(|it| near.contains(it))
        };
        let asked: Vec<PersonId> = self.present(now.at).into_iter().filter(is_near).collect();
        (words::offered(near.len()), asked)
    }
}
