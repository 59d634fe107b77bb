//! Escalation policies `forewarn.escalation/1`: what happens when nothing happens.
//!
//! Rely on this: a policy is data. Its steps are independent of each other; each has its own timer.
//! Deliberately absent: who that is on a given night; the rota says so.

use serde::{Deserialize, Serialize};

use super::state::TicketState;
use crate::family::{Criticality, Priority};
use crate::id::{CalendarId, GroupId, PersonId, PolicyId};
use crate::quantity::vocabulary;
use crate::text::Localized;
use crate::time::Span;

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.escalation/1";

/// A policy.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Always `forewarn.escalation/1`.
    pub schema: String,
    /// Its id.
    pub id: PolicyId,
    /// Its name.
    pub name: Localized,
    /// What is done, and when.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name within the policy: `a-z 0-9 -`.
    pub id: String,
    /// As long as this holds.
    #[serde(rename = "while")]
    pub condition: Condition,
    /// How long it must have held.
    pub after: Span,
    /// Whose hours count.
    #[serde(default = "always")]
    pub calendar: CalendarId,
    /// How often it is done again, each time after the same span.
    #[serde(default)]
    pub repeat: u8,
    /// For these priorities; empty for all.
    #[serde(default)]
    pub priority: Vec<Priority>,
    /// For devices of this criticality; empty for all.
    #[serde(default)]
    pub criticality: Vec<Criticality>,
    /// What is done, in this order.
    #[serde(rename = "do")]
    pub actions: Vec<Action>,
}

vocabulary!(
    /// What must hold for a step.
    Condition, UnknownCondition, "condition of a step", {
        /// Nobody is at the machine yet.
        Absent = "absent",
        /// Work has begun and is not done.
        InWork = "in_work",
        /// Nobody has taken it.
        Unaccepted = "unaccepted",
        /// It is not done.
        Unfinished = "unfinished",
        /// It is done and not checked.
        Unverified = "unverified",
    }
);

impl Condition {
    /// Whether it holds for a ticket in a state.
    #[must_use]
    pub fn holds(self, state: TicketState) -> bool {
        use TicketState as S;
        match self {
            Self::Unaccepted => matches!(state, S::ToAssign | S::Assigned),
            Self::Absent => {
                matches!(state, S::ToAssign | S::Assigned | S::Accepted | S::Departed)
            }
            Self::InWork => matches!(state, S::OnSite | S::InProgress),
            Self::Unfinished => state.is_open() && !matches!(state, S::Done | S::Verified),
            Self::Unverified => state == S::Done,
        }
    }
}

/// What a step does.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Gives it to another group.
    Assign(Whose),
    /// Names the best person who is on duty.
    Dispatch {},
    /// Tells people.
    Notify(Whom),
    /// Offers it to everybody on duty in the nearest other areas: whoever accepts first has it.
    Offer {
        /// How many areas.
        areas: u8,
    },
}

/// To which group a ticket goes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Whose {
    /// A group by name, `group:electricians`.
    Group(GroupId),
    /// The next one of the group that has it.
    NextGroup,
    /// The group that helps out.
    Standby,
}

/// Whom to tell.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Whom {
    /// Directors.
    Directors,
    /// Those of a group who are on duty, `group:electricians`.
    Group(GroupId),
    /// The leads of the group that has it.
    Leads,
    /// Managers.
    Managers,
    /// The owner; without one, those of the group who are on duty.
    Owner,
    /// A person, `person:li`.
    Person(PersonId),
    /// Those of the group that has it who are on duty.
    Shift,
    /// Those of the helping group who are on duty.
    Standby,
}

impl TryFrom<String> for Whose {
    type Error = UnknownWhom;

    fn try_from(text: String) -> Result<Self, UnknownWhom> {
        match (text.as_str(), text.split_once(':')) {
            ("next_group", _) => Ok(Self::NextGroup),
            ("standby", _) => Ok(Self::Standby),
            (_, Some(("group", id))) => {
                let group = GroupId::new(id).ok().map(Self::Group);
                group.ok_or_else(|| UnknownWhom { text: text.clone() })
            }
            _ => Err(UnknownWhom { text }),
        }
    }
}

impl From<Whose> for String {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Group(id) => format!("group:{id}"),
            Whose::NextGroup => "next_group".to_owned(),
            Whose::Standby => "standby".to_owned(),
        }
    }
}

impl TryFrom<String> for Whom {
    type Error = UnknownWhom;

    fn try_from(text: String) -> Result<Self, UnknownWhom> {
        let refused = || UnknownWhom { text: text.clone() };
        Ok(match text.as_str() {
            "directors" => Self::Directors,
            "leads" => Self::Leads,
            "managers" => Self::Managers,
            "owner" => Self::Owner,
            "shift" => Self::Shift,
            "standby" => Self::Standby,
            other => match other.split_once(':') {
                Some(("group", id)) => Self::Group(GroupId::new(id).ok().ok_or_else(refused)?),
                Some(("person", id)) => Self::Person(PersonId::new(id).ok().ok_or_else(refused)?),
                Some(_) | None => return Err(refused()),
            },
        })
    }
}

impl From<Whom> for String {
    fn from(whom: Whom) -> Self {
        match whom {
            Whom::Directors => "directors".to_owned(),
            Whom::Group(id) => format!("group:{id}"),
            Whom::Leads => "leads".to_owned(),
            Whom::Managers => "managers".to_owned(),
            Whom::Owner => "owner".to_owned(),
            Whom::Person(id) => format!("person:{id}"),
            Whom::Shift => "shift".to_owned(),
            Whom::Standby => "standby".to_owned(),
        }
    }
}

/// A word that names nobody.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{text}` names nobody; write owner, shift, leads, managers, directors, standby, next_group, \
     group:<id> or person:<id>"
)]
pub struct UnknownWhom {
    /// The refused word.
    pub text: String,
}

fn always() -> CalendarId {
    CalendarId::new("always").expect("the constant is a slug")
}
