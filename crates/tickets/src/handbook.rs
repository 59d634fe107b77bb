//! The handbook: people, rotas, calendars, policies and ticket types, read together and checked.
//!
//! Rely on this: every name in a handbook that was read leads to something, one ticket type takes what
//! no other does, and each can be computed with. Reading is the only way in. Deliberately absent:
//! where the texts are kept and who may change them.

mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_domain::family::Criticality;
use forewarn_domain::id::{
    AreaId, CalendarId, DeviceId, GroupId, PersonId, PolicyId, TicketTypeId,
};
use forewarn_domain::people::People;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::clock::Clock;
use forewarn_domain::ticket::course::{Document, Facts, Process, TypeRef};
use forewarn_domain::ticket::escalation::{Policy, Whom};
use forewarn_domain::ticket::kind::TicketType;
use forewarn_domain::time::{Span, Time};

use crate::duty::DutyPlan;
use crate::sla::{Calendars, Terms};
use crate::words;
use crate::working_time::WorkingTime;

pub use read::BadDocument;

/// Everything by which tickets take their course.
#[derive(Clone, Debug)]
pub struct Handbook {
    machines: BTreeMap<DeviceId, Machine>,
    pub(crate) people: People,
    calendars: Calendars,
    rotas: BTreeMap<GroupId, DutyPlan>,
    policies: BTreeMap<PolicyId, Policy>,
    /// Every version that a ticket may have; the newest of each comes last.
    types: BTreeMap<TypeRef, TicketType>,
}

/// What a handbook must know of a machine.
#[derive(Clone, Debug, PartialEq)]
struct Machine {
    criticality: Criticality,
    area: Option<AreaId>,
}

impl Handbook {
    /// The areas and criticalities of a plant's machines.
    fn machines(plant: &Plant) -> BTreeMap<DeviceId, Machine> {
        let machine = |it: &forewarn_domain::site::Device| Machine {
            criticality: it.criticality,
            area: AreaId::new(&it.area).ok(),
        };
        plant.devices().map(|it| (it.device.id.clone(), machine(&it.device))).collect()
    }

    /// Reads the handbook of a plant from documents, for whoever keeps them.
    pub fn reader(
        plant: Arc<Plant>,
    ) -> impl Fn(&[Document]) -> Result<Arc<dyn Process>, String> + Send + Sync {
        move |documents| match Self::read(&plant, documents) {
            Ok(handbook) => Ok(Arc::new(handbook)),
            Err(bad) => Err(bad.to_string()),
        }
    }

    /// How the deadline of a clock was counted, line by line.
    #[must_use]
    pub fn explain(&self, clock: &Clock) -> Vec<Localized> {
        let zone = self.calendars.get(&clock.calendar).map_or(chrono_tz::UTC, WorkingTime::zone);
        let mut lines = Vec::new();
        if Span::ZERO < clock.used && clock.ended_at.is_none() {
            lines.push(words::used_before(clock.used));
        }
        lines.extend(clock.trace.iter().map(|it| words::trace_line(it, zone)));
        lines
    }

    /// A calendar's name.
    #[must_use]
    pub fn calendar_name(&self, id: &CalendarId) -> Localized {
        self.calendars
            .get(id)
            .map_or_else(|| Localized::same(id.as_str()), |it| it.calendar().name.clone())
    }

    /// How much the plant depends on the device of a ticket.
    pub(crate) fn criticality(&self, ticket: &Facts) -> Criticality {
        self.machines.get(&ticket.key.device).map_or(Criticality::Medium, |it| it.criticality)
    }

    /// Where the device of a ticket is.
    pub(crate) fn area(&self, ticket: &Facts) -> Option<&AreaId> {
        self.machines.get(&ticket.key.device)?.area.as_ref()
    }

    /// The newest version of the type that takes a ticket.
    #[must_use]
    pub fn type_for(&self, ticket: &Facts) -> Option<&TypeRef> {
        let criticality = self.criticality(ticket);
        let newest: BTreeMap<&TicketTypeId, (&TypeRef, &TicketType)> =
            self.types.iter().map(|(it, kind)| (&it.id, (it, kind))).collect();
        let fit = newest.into_values().filter(|(_, kind)| {
            kind.when.takes(ticket.source, ticket.kind, criticality, ticket.priority)
        });
        // The last of several equal ones wins, so the order is turned round for the first by id.
        let fit: Vec<_> = fit.collect();
        fit.into_iter().rev().max_by_key(|(_, kind)| kind.when.conditions()).map(|(it, _)| it)
    }

    /// A ticket type in one version.
    #[must_use]
    pub fn ticket_type(&self, named: &TypeRef) -> Option<&TicketType> {
        self.types.get(named)
    }

    /// The type of a ticket.
    pub(crate) fn type_of(&self, ticket: &Facts) -> Option<&TicketType> {
        self.types.get(ticket.ticket_type.as_ref()?)
    }

    /// What the clocks of a ticket go by.
    pub(crate) fn terms<'a>(&'a self, kind: &'a TicketType, ticket: &Facts) -> Terms<'a> {
        Terms::new(kind, &self.calendars, ticket, self.criticality(ticket))
    }

    /// Calendars by id.
    pub(crate) fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// The escalation policy of a ticket.
    pub(crate) fn policy(&self, ticket: &Facts) -> Option<&Policy> {
        self.policies.get(&self.type_of(ticket)?.escalation)
    }

    /// The people.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// A group's rota.
    #[must_use]
    pub fn rota(&self, group: &GroupId) -> Option<&DutyPlan> {
        self.rotas.get(group)
    }

    /// A group's name.
    #[must_use]
    pub fn group_name(&self, group: &GroupId) -> Localized {
        self.people
            .group(group)
            .map_or_else(|| Localized::same(group.as_str()), |it| it.name.clone())
    }

    /// A person's name.
    #[must_use]
    pub fn person_name(&self, person: &PersonId) -> String {
        self.people.person(person).map_or_else(|| person.to_string(), |it| it.name.clone())
    }

    /// Who of a group is on duty; a group without a rota always is.
    #[must_use]
    pub fn on_duty(&self, group: &GroupId, at: Time) -> Vec<PersonId> {
        let present: Vec<PersonId> = match self.rotas.get(group) {
            Some(plan) => plan.on_duty(at).into_iter().map(|it| it.person).collect(),
            None => self.people.members(group).map(|it| it.id.clone()).collect(),
        };
        present.into_iter().filter(|it| !self.is_away(it, at)).collect()
    }

    /// Everybody who is on duty in any group.
    #[must_use]
    pub fn present(&self, at: Time) -> Vec<PersonId> {
        let mut all: Vec<PersonId> = Vec::new();
        for group in &self.people.file().groups {
            for person in self.on_duty(&group.id, at) {
                if !all.contains(&person) {
                    all.push(person);
                }
            }
        }
        all
    }

    fn is_away(&self, person: &PersonId, at: Time) -> bool {
        // Whoever a change brings in is there, whatever the leave says.
        let is_called_in =
            self.rotas.values().any(|plan| plan.on_duty(at).iter().any(|it| it.person == *person));
        !is_called_in && self.rotas.values().any(|plan| plan.is_away(person, at))
    }

    /// The people behind a word of a policy; empty when there is nobody.
    pub(crate) fn resolve(&self, whom: &Whom, ticket: &Facts, at: Time) -> Vec<PersonId> {
        let file = self.people.file();
        let shift = || ticket.group.as_ref().map(|it| self.on_duty(it, at)).unwrap_or_default();
        match whom {
            Whom::Directors => file.directors.clone(),
            Whom::Group(group) => self.on_duty(group, at),
            Whom::Leads => {
                let group = ticket.group.as_ref().and_then(|it| self.people.group(it));
                group.map(|it| it.leads.clone()).unwrap_or_default()
            }
            Whom::Managers => file.managers.clone(),
            Whom::Owner => match ticket.owner.as_deref().and_then(|it| PersonId::new(it).ok()) {
                Some(owner) => vec![owner],
                None => shift(),
            },
            Whom::Person(person) => vec![person.clone()],
            Whom::Shift => shift(),
            Whom::Standby => {
                file.standby.as_ref().map(|it| self.on_duty(it, at)).unwrap_or_default()
            }
        }
    }

    /// Who is left when nobody else is: leads, managers, directors, then everybody.
    pub(crate) fn last_resort(&self, ticket: &Facts, at: Time) -> Vec<PersonId> {
        [Whom::Leads, Whom::Managers, Whom::Directors]
            .iter()
            .map(|it| self.resolve(it, ticket, at))
            .find(|it| !it.is_empty())
            .unwrap_or_else(|| self.people.file().persons.iter().map(|it| it.id.clone()).collect())
    }
}
