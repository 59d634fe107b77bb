//! People, their groups and the halls of a plant: `forewarn.people/1`.
//!
//! Rely on this: a file that was read names only groups, areas and people that are in it. Deliberately
//! absent: who is on duty (that is the rota), and passwords.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::family::FaultFamily;
use crate::id::{AreaId, GroupId, PersonId};
use crate::text::Localized;

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.people/1";

/// Who works in a plant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, try_from = "PeopleFile", into = "PeopleFile")]
pub struct People {
    file: PeopleFile,
}

/// The same as it is written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PeopleFile {
    /// Always `forewarn.people/1`.
    pub schema: String,
    /// Told when a lead does not help.
    #[serde(default)]
    pub managers: Vec<PersonId>,
    /// Told last.
    #[serde(default)]
    pub directors: Vec<PersonId>,
    /// The group that helps out.
    pub standby: Option<GroupId>,
    /// Certificates without which nobody may work on a fault of this family.
    #[serde(default)]
    pub certificates: BTreeMap<FaultFamily, Vec<String>>,
    /// Halls and where they are.
    #[serde(default, rename = "area")]
    pub areas: Vec<Area>,
    /// Groups.
    #[serde(default, rename = "group")]
    pub groups: Vec<Group>,
    /// Everybody.
    #[serde(default, rename = "person")]
    pub persons: Vec<Person>,
}

/// A hall or area; the site file's `area` of a device is its id.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its id.
    pub id: AreaId,
    /// Its name.
    pub name: Localized,
    /// Where it is: metres east and north of any point of the plant.
    pub at_m: [f64; 2],
}

/// People who share work.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its id; its rota has the same.
    pub id: GroupId,
    /// Its name.
    pub name: Localized,
    /// Who leads it.
    #[serde(default)]
    pub leads: Vec<PersonId>,
    /// Who takes over what it does not take.
    pub next: Option<GroupId>,
}

/// A person.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The same as the name of the account.
    pub id: PersonId,
    /// The name.
    pub name: String,
    /// To which groups.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// Where the person usually is.
    pub area: Option<AreaId>,
    /// How good at each family of faults, 1 (learns) to 3 (teaches).
    #[serde(default)]
    pub skills: BTreeMap<FaultFamily, u8>,
    /// Certificates.
    #[serde(default, rename = "certificate")]
    pub certificates: Vec<Certificate>,
    /// How messages call the person.
    #[serde(default)]
    pub reach: Reach,
}

/// How the services that carry messages know a person.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reach {
    /// The telephone number of the `DingTalk` account, where it is not `phone`.
    pub dingtalk: Option<String>,
    /// The mailbox.
    pub email: Option<String>,
    /// The `open_id` of the Feishu account.
    pub feishu: Option<String>,
    /// The telephone number, for text messages and calls.
    pub phone: Option<String>,
    /// The user id of the `WeCom` account.
    pub wecom: Option<String>,
}

impl Reach {
    fn all(&self) -> impl Iterator<Item = &String> {
        let Self { dingtalk, email, feishu, phone, wecom } = self;
        [dingtalk, email, feishu, phone, wecom].into_iter().flatten()
    }
}

/// A certificate of a person.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What it is called.
    pub code: String,
    /// Its last day; `None` never ends.
    pub until: Option<NaiveDate>,
}

impl People {
    /// The file.
    #[must_use]
    pub fn file(&self) -> &PeopleFile {
        &self.file
    }

    /// A person.
    #[must_use]
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.file.persons.iter().find(|it| it.id == *id)
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.file.groups.iter().find(|it| it.id == *id)
    }

    /// Who belongs to a group, in the order of the file.
    pub fn members<'a>(&'a self, group: &'a GroupId) -> impl Iterator<Item = &'a Person> {
        self.file.persons.iter().filter(move |it| it.groups.contains(group))
    }

    /// Metres between two areas; `None` when one is unknown.
    #[must_use]
    pub fn distance_m(&self, from: &AreaId, to: &AreaId) -> Option<f64> {
        let place = |id: &AreaId| self.file.areas.iter().find(|it| it.id == *id);
        let ([x0, y0], [x1, y1]) = (place(from)?.at_m, place(to)?.at_m);
        Some((x1 - x0).hypot(y1 - y0))
    }

    /// The nearest other areas, nearest first.
    #[must_use]
    pub fn neighbours(&self, area: &AreaId, count: usize) -> Vec<AreaId> {
        let mut others: Vec<(f64, &AreaId)> = self
            .file
            .areas
            .iter()
            .filter(|it| it.id != *area)
            .filter_map(|it| Some((self.distance_m(area, &it.id)?, &it.id)))
            .collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        others.into_iter().take(count).map(|(_, id)| id.clone()).collect()
    }
}

impl TryFrom<PeopleFile> for People {
    type Error = InvalidPeople;

    fn try_from(file: PeopleFile) -> Result<Self, InvalidPeople> {
        if file.schema != SCHEMA {
            return Err(InvalidPeople::Schema { found: file.schema });
        }
        let persons = unique(file.persons.iter().map(|it| it.id.as_str()))?;
        let groups = unique(file.groups.iter().map(|it| it.id.as_str()))?;
        let areas = unique(file.areas.iter().map(|it| it.id.as_str()))?;
        let leads = file.groups.iter().flat_map(|it| &it.leads);
        let named = leads.chain(&file.managers).chain(&file.directors);
        known(&persons, named.map(PersonId::as_str))?;
        let next = file.groups.iter().filter_map(|it| it.next.as_ref());
        let of_persons = file.persons.iter().flat_map(|it| &it.groups);
        known(&groups, next.chain(&file.standby).chain(of_persons).map(GroupId::as_str))?;
        known(&areas, file.persons.iter().filter_map(|it| it.area.as_ref()).map(AreaId::as_str))?;
        for person in &file.persons {
            if let Some((_, level)) = person.skills.iter().find(|(_, it)| !(1..=3).contains(*it)) {
                return Err(InvalidPeople::Skill { person: person.id.clone(), level: *level });
            }
            let is_mailbox = |it: &String| it.split('@').filter(|it| !it.is_empty()).count() == 2;
            let odd = person.reach.all().find(|it| !is_address(it));
            let odd = odd.or(person.reach.email.as_ref().filter(|it| !is_mailbox(it)));
            if let Some(found) = odd {
                let (person, found) = (person.id.clone(), found.clone());
                return Err(InvalidPeople::Reach { person, found });
            }
        }
        if let Some(area) = file.areas.iter().find(|it| !it.at_m.iter().all(|x| x.is_finite())) {
            return Err(InvalidPeople::Place { area: area.id.clone() });
        }
        Ok(Self { file })
    }
}

impl From<People> for PeopleFile {
    fn from(people: People) -> Self {
        people.file
    }
}

/// Whether a text can be an address of any service: none of them has markup or blanks in it.
fn is_address(text: &str) -> bool {
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || "+-_.@".contains(it);
    (1..=128).contains(&text.len()) && text.chars().all(is_allowed)
}

fn unique<'a>(ids: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>, InvalidPeople> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(InvalidPeople::Twice { id: id.to_owned() });
        }
    }
    Ok(seen)
}

fn known<'a>(
    all: &BTreeSet<&str>,
    mut named: impl Iterator<Item = &'a str>,
) -> Result<(), InvalidPeople> {
    match named.find(|it| !all.contains(it)) {
        Some(id) => Err(InvalidPeople::Unknown { id: id.to_owned() }),
        None => Ok(()),
    }
}

/// Why a file of people cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPeople {
    /// A place that is no number.
    #[error("area `{area}` is nowhere; give `at_m` as metres east and north")]
    Place {
        /// The area.
        area: AreaId,
    },
    /// An address that is none.
    #[error("`{found}` reaches nobody; look at `reach` of `{person}`")]
    Reach {
        /// Whose.
        person: PersonId,
        /// What it says.
        found: String,
    },
    /// Another schema.
    #[error("schema `{found}` is not read here; this version reads {SCHEMA}")]
    Schema {
        /// What was found.
        found: String,
    },
    /// A skill beyond the scale.
    #[error("`{person}` has skill {level}; 1 (learns) to 3 (teaches) are known")]
    Skill {
        /// Whose.
        person: PersonId,
        /// The level.
        level: u8,
    },
    /// An id that is there twice.
    #[error("`{id}` is there twice")]
    Twice {
        /// The id.
        id: String,
    },
    /// A name of nobody.
    #[error("`{id}` is named, but not described in this file")]
    Unknown {
        /// The id.
        id: String,
    },
}
