//! Reads the documents of a handbook, and refuses what does not hold together.

use std::collections::BTreeMap;

use forewarn_domain::calendar::Calendar;
use forewarn_domain::id::{CalendarId, GroupId, TicketTypeId};
use forewarn_domain::people::People;
use forewarn_domain::rota::Rota;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::ticket::TicketEvent;
use forewarn_domain::ticket::course::{
    CALENDAR, Document, ESCALATION, PEOPLE, ROTA, TICKET_TYPE, TypeRef,
};
use forewarn_domain::ticket::escalation::{self, Action, Policy, Whom, Whose};
use forewarn_domain::ticket::kind::{self, Matches, REQUIRED_MAX, TicketType};
use forewarn_domain::time::Span;
use serde::de::DeserializeOwned;

use super::Handbook;
use crate::duty::DutyPlan;
use crate::sla::Calendars;
use crate::working_time::WorkingTime;

impl Handbook {
    /// Reads a handbook for a plant. Of each document the newest version counts; of ticket types
    /// every version does.
    ///
    /// # Errors
    ///
    /// [`BadDocument`] names the document, and what is wrong.
    pub fn read(plant: &Plant, documents: &[Document]) -> Result<Self, BadDocument> {
        let mut handbook = Self {
            machines: Self::machines(plant),
            people: people(documents)?,
            calendars: calendars(documents)?,
            rotas: BTreeMap::new(),
            policies: BTreeMap::new(),
            types: BTreeMap::new(),
        };
        for document in newest(documents, ROTA) {
            let rota: Rota = parsed(document)?;
            handbook.check_rota(document, &rota)?;
            let group = rota.group.clone();
            let plan = DutyPlan::new(rota).map_err(|it| bad(document, &it))?;
            handbook.rotas.insert(group, plan);
        }
        for document in newest(documents, ESCALATION) {
            let policy: Policy = parsed(document)?;
            handbook.check_policy(document, &policy)?;
            handbook.policies.insert(policy.id.clone(), policy);
        }
        for document in documents.iter().filter(|it| it.kind == TICKET_TYPE) {
            let kind: TicketType = parsed(document)?;
            handbook.check_type(document, &kind)?;
            let named = TypeRef { id: kind.id.clone(), version: document.version };
            handbook.types.insert(named, kind);
        }
        handbook.check_default()?;
        Ok(handbook)
    }

    fn check_rota(&self, document: &Document, rota: &Rota) -> Result<(), BadDocument> {
        require(document, document.id == rota.group.as_str(), || {
            format!("it is the rota of `{}`, so that must be its name", rota.group)
        })?;
        self.check_group(document, &rota.group)?;
        let of_duties = rota.duties.iter().flat_map(|it| &it.people);
        let of_changes = rota.changes.iter().flat_map(|it| it.out.iter().chain(&it.comes));
        let mut named = of_duties.chain(of_changes).chain(rota.leave.iter().map(|it| &it.person));
        match named.find(|it| self.people.person(it).is_none()) {
            Some(id) => Err(bad(document, &format!("`{id}` is none of the people"))),
            None => Ok(()),
        }
    }

    fn check_policy(&self, document: &Document, policy: &Policy) -> Result<(), BadDocument> {
        require(document, policy.schema == escalation::SCHEMA, || {
            format!("schema `{}` is not read here", policy.schema)
        })?;
        require(document, document.id == policy.id.as_str(), || {
            format!("its id is `{}`, so that must be its name", policy.id)
        })?;
        for (place, step) in policy.steps.iter().enumerate() {
            let is_slug = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
            require(document, !step.id.is_empty() && step.id.chars().all(is_slug), || {
                format!("step id `{}` must be of a-z, 0-9 and `-`", step.id)
            })?;
            require(document, policy.steps[..place].iter().all(|it| it.id != step.id), || {
                format!("step `{}` is there twice", step.id)
            })?;
            require(document, Span::ZERO <= step.after && !step.actions.is_empty(), || {
                format!("step `{}` does nothing", step.id)
            })?;
            self.check_calendar(document, &step.calendar)?;
            for action in &step.actions {
                self.check_action(document, action)?;
            }
        }
        Ok(())
    }

    fn check_action(&self, document: &Document, action: &Action) -> Result<(), BadDocument> {
        match action {
            Action::Assign(Whose::Group(group)) | Action::Notify(Whom::Group(group)) => {
                self.check_group(document, group)
            }
            Action::Notify(Whom::Person(id)) => {
                require(document, self.people.person(id).is_some(), || {
                    format!("`{id}` is none of the people")
                })
            }
            Action::Assign(Whose::NextGroup | Whose::Standby)
            | Action::Dispatch {}
            | Action::Notify(
                Whom::Directors
                | Whom::Leads
                | Whom::Managers
                | Whom::Owner
                | Whom::Shift
                | Whom::Standby,
            )
            | Action::Offer { .. } => Ok(()),
        }
    }

    fn check_type(&self, document: &Document, kind: &TicketType) -> Result<(), BadDocument> {
        require(document, kind.schema == kind::SCHEMA, || {
            format!("schema `{}` is not read here", kind.schema)
        })?;
        require(document, document.id == kind.id.as_str(), || {
            format!("its id is `{}`, so that must be its name", kind.id)
        })?;
        self.check_group(document, &kind.owner_group)?;
        require(document, self.policies.contains_key(&kind.escalation), || {
            format!("there is no escalation policy `{}`", kind.escalation)
        })?;
        require(document, kind.required.len() <= REQUIRED_MAX, || {
            format!("{} fields are required; {REQUIRED_MAX} are the most", kind.required.len())
        })?;
        for sla in &kind.sla {
            self.check_calendar(document, &sla.calendar)?;
            require(document, (1..=100).contains(&sla.warn_percent), || {
                format!("warn_percent = {} is not 1 to 100", sla.warn_percent)
            })?;
        }
        match kind.evidence.keys().find(|it| !it.parse().is_ok_and(TicketEvent::is_command)) {
            Some(word) => Err(bad(document, &format!("`{word}` is no command of tickets"))),
            None => Ok(()),
        }
    }

    /// A ticket that no other type takes must not be without one.
    fn check_default(&self) -> Result<(), BadDocument> {
        let newest: BTreeMap<&TicketTypeId, &TicketType> =
            self.types.iter().map(|(it, kind)| (&it.id, kind)).collect();
        if newest.values().any(|it| it.when == Matches::default()) {
            return Ok(());
        }
        Err(BadDocument {
            kind: TICKET_TYPE.to_owned(),
            id: "*".to_owned(),
            detail: "one type must be without conditions, so that every ticket has one".to_owned(),
        })
    }

    fn check_group(&self, document: &Document, group: &GroupId) -> Result<(), BadDocument> {
        require(document, self.people.group(group).is_some(), || {
            format!("there is no group `{group}`")
        })
    }

    fn check_calendar(&self, document: &Document, id: &CalendarId) -> Result<(), BadDocument> {
        require(document, self.calendars().contains_key(id), || {
            format!("there is no calendar `{id}`")
        })
    }
}

fn people(documents: &[Document]) -> Result<People, BadDocument> {
    match newest(documents, PEOPLE).next() {
        Some(document) => parsed(document),
        None => Err(BadDocument {
            kind: PEOPLE.to_owned(),
            id: "*".to_owned(),
            detail: "there is no file of people".to_owned(),
        }),
    }
}

fn calendars(documents: &[Document]) -> Result<Calendars, BadDocument> {
    let mut calendars = Calendars::new();
    for document in newest(documents, CALENDAR) {
        let calendar: Calendar = parsed(document)?;
        require(document, document.id == calendar.id.as_str(), || {
            format!("its id is `{}`, so that must be its name", calendar.id)
        })?;
        let id = calendar.id.clone();
        let calendar = WorkingTime::new(calendar).map_err(|it| bad(document, &it))?;
        calendars.insert(id, calendar);
    }
    Ok(calendars)
}

/// The newest version of each document of a kind.
fn newest<'a>(documents: &'a [Document], kind: &str) -> impl Iterator<Item = &'a Document> {
    let mut newest: BTreeMap<&str, &Document> = BTreeMap::new();
    for document in documents.iter().filter(|it| it.kind == kind) {
        let known = newest.entry(&document.id).or_insert(document);
        if known.version < document.version {
            *known = document;
        }
    }
    newest.into_values()
}

fn parsed<T: DeserializeOwned>(document: &Document) -> Result<T, BadDocument> {
    toml::from_str(&document.toml).map_err(|error| bad(document, &error))
}

fn require(
    document: &Document,
    holds: bool,
    otherwise: impl FnOnce() -> String,
) -> Result<(), BadDocument> {
    if holds { Ok(()) } else { Err(bad(document, &otherwise())) }
}

fn bad(document: &Document, detail: &dyn std::fmt::Display) -> BadDocument {
    let (kind, id) = (document.kind.clone(), document.id.clone());
    BadDocument { kind, id, detail: detail.to_string().trim_end().to_owned() }
}

/// A document that cannot be part of a handbook.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} `{id}`: {detail}")]
pub struct BadDocument {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub id: String,
    /// What is wrong, and where.
    pub detail: String,
}
