//! A group's rota `forewarn.rota/1`: shifts, who has which, changes, swaps and leave.
//!
//! Rely on this: a change names a shift that exists. A swap is two changes. Deliberately absent: time
//! zones' rules and "now"; who is on duty at a time is worked out in the tickets crate.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::calendar::{DayName, Hours};
use crate::id::{GroupId, PersonId, ShiftId};
use crate::text::Localized;

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.rota/1";

/// A rota as it is written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rota {
    /// Always `forewarn.rota/1`.
    pub schema: String,
    /// Whose rota.
    pub group: GroupId,
    /// IANA time zone of the shifts.
    pub time_zone: String,
    /// Shifts.
    #[serde(rename = "shift")]
    pub shifts: Vec<Shift>,
    /// Who has which.
    #[serde(default, rename = "duty", skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Duty>,
    /// What differs on single days.
    #[serde(default, rename = "change", skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Who is away.
    #[serde(default, rename = "leave", skip_serializing_if = "Vec::is_empty")]
    pub leave: Vec<Leave>,
}

/// A shift.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Its id.
    pub id: ShiftId,
    /// Its name.
    pub name: Localized,
    /// When it is.
    pub hours: Hours,
}

/// People who have a shift, on weekdays or on single dates.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// Which shift.
    pub shift: ShiftId,
    /// Who.
    pub people: Vec<PersonId>,
    /// Every week on these days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<DayName>,
    /// On these dates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<NaiveDate>,
}

/// What differs on a day: somebody goes out, somebody comes in, or both.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The date on which the shift begins.
    pub date: NaiveDate,
    /// Which shift.
    pub shift: ShiftId,
    /// Who does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<PersonId>,
    /// Who works.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub comes: Option<PersonId>,
    /// Why.
    #[serde(default)]
    pub why: String,
}

/// A person is away.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Who.
    pub person: PersonId,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl Rota {
    /// Who has a shift that begins on a date, in the order of the file. Leave takes a person out of
    /// the plan; a change brings even a person on leave in.
    #[must_use]
    pub fn people_of(&self, date: NaiveDate, shift: &ShiftId) -> Vec<PersonId> {
        let mut people: Vec<PersonId> = Vec::new();
        for duty in self.duties.iter().filter(|it| it.shift == *shift) {
            let is_on = duty.dates.contains(&date)
                || duty.days.iter().any(|it| it.weekday() == date.weekday());
            if is_on {
                people.extend(duty.people.iter().cloned());
            }
        }
        people.retain(|it| !self.is_away(it, date));
        for change in self.changes.iter().filter(|it| it.date == date && it.shift == *shift) {
            people.retain(|it| Some(it) != change.out.as_ref());
            people.extend(change.comes.clone());
        }
        let mut seen = Vec::new();
        people.retain(|it| {
            let is_new = !seen.contains(it);
            seen.push(it.clone());
            is_new
        });
        people
    }

    /// Whether a person is on leave.
    #[must_use]
    pub fn is_away(&self, person: &PersonId, date: NaiveDate) -> bool {
        self.leave.iter().any(|it| it.person == *person && it.from <= date && date <= it.to)
    }
}
