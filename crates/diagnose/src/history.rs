//! What this part and its sisters had before, and what helped.

use forewarn_domain::repair::{Activity, Outcome, RepairRecord};
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::ticket::{PastRepair, Relation};
use forewarn_domain::time::Span;

use crate::case::Case;

/// The repair history as far as a ticket speaks of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Past<'a> {
    /// Repairs to cite: this device's last three months, its older ones, sister machines'.
    pub cited: Vec<PastRepair>,
    /// Repairs of this part to tell in words, newest first; without the last replacement.
    pub told: Vec<&'a RepairRecord>,
    /// The last replacement of this part.
    pub last_replaced: Option<&'a RepairRecord>,
    /// The newest repair that helped: it held until this trouble began.
    pub last_helped: Option<&'a RepairRecord>,
    /// Repairs of this part within a year, inspections not counted.
    pub repeats: u32,
    /// The same kind of part on sister machines, same cause first.
    pub sisters: Vec<SisterRepair<'a>>,
    /// What was tried against the leading cause, here and on sister machines.
    pub tried: Vec<Tried>,
}

/// A repair on a sister machine.
#[derive(Clone, Copy, Debug)]
pub struct SisterRepair<'a> {
    /// The sister.
    pub device: &'a PlantDevice,
    /// What was done.
    pub record: &'a RepairRecord,
}

/// How often an activity helped against a cause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tried {
    /// What was done.
    pub activity: Activity,
    /// How often it helped.
    pub helped: u32,
    /// How often its outcome is known.
    pub times: u32,
}

/// Looks back from a case, with the cause that leads.
#[must_use]
pub fn look_back<'a>(case: &Case<'a>, leading_code: &str) -> Past<'a> {
    let part = newest_first(case.part_repairs().collect());
    let last_replaced = part.iter().copied().find(|it| it.activity == Activity::Replace);
    let last_helped = part
        .iter()
        .copied()
        .filter(|it| it.at <= case.episode.onset)
        .find(|it| matches!(it.outcome, Outcome::Solved | Outcome::Improved));
    let sisters = sisters(case, leading_code);
    let is_lately = |it: &&RepairRecord| case.now <= it.at + A_YEAR;
    let is_work = |it: &&RepairRecord| it.activity != Activity::Inspection;
    let repeats = part.iter().copied().filter(is_lately).filter(is_work).count();
    Past {
        cited: cite(case, &sisters),
        told: part
            .iter()
            .copied()
            .filter(|it| last_replaced.is_none_or(|replaced| replaced.id != it.id))
            .take(TOLD_MAX)
            .collect(),
        last_replaced,
        last_helped,
        repeats: u32::try_from(repeats).unwrap_or(u32::MAX),
        tried: tried(case, leading_code),
        sisters,
    }
}

fn cite(case: &Case<'_>, sisters: &[SisterRepair<'_>]) -> Vec<PastRepair> {
    let part = &case.episode.key.component;
    let is_recent = |it: &RepairRecord| case.now <= it.at + THREE_MONTHS;
    let own = newest_first(case.own_repairs().collect());
    let (mut recent, older): (Vec<_>, Vec<_>) = own.into_iter().partition(|it| is_recent(it));
    // The same part first; `sort_by_key` is stable, so each half stays newest first.
    recent.sort_by_key(|it| it.component != *part);
    let older = older.into_iter().filter(|it| it.component == *part);
    let with = |relation| move |record: &RepairRecord| past_repair(record, relation);
    recent
        .into_iter()
        .take(CITED_MAX)
        .map(with(Relation::ThisDeviceRecent))
        .chain(older.take(CITED_MAX).map(with(Relation::ThisDevice)))
        .chain(sisters.iter().take(CITED_MAX).map(|it| past_repair(it.record, Relation::Sibling)))
        .collect()
}

fn sisters<'a>(case: &Case<'a>, leading_code: &str) -> Vec<SisterRepair<'a>> {
    let mut found: Vec<SisterRepair<'a>> =
        case.sibling_repairs().map(|(device, record)| SisterRepair { device, record }).collect();
    found.sort_by(|a, b| {
        let is_other = |it: &RepairRecord| it.cause.as_deref() != Some(leading_code);
        is_other(a.record)
            .cmp(&is_other(b.record))
            .then(b.record.at.cmp(&a.record.at))
            .then(a.record.id.cmp(&b.record.id))
    });
    found.truncate(CITED_MAX);
    found
}

fn tried(case: &Case<'_>, leading_code: &str) -> Vec<Tried> {
    let known = case
        .part_repairs()
        .chain(case.sibling_repairs().map(|(_, record)| record))
        .filter(|it| it.cause.as_deref() == Some(leading_code))
        .filter(|it| it.outcome != Outcome::Unknown);
    let mut tried: Vec<Tried> = Vec::new();
    for record in known {
        let helped = u32::from(matches!(record.outcome, Outcome::Solved | Outcome::Improved));
        match tried.iter_mut().find(|it| it.activity == record.activity) {
            Some(entry) => {
                entry.helped += helped;
                entry.times += 1;
            }
            None => tried.push(Tried { activity: record.activity, helped, times: 1 }),
        }
    }
    tried.sort_by(|a, b| b.helped.cmp(&a.helped).then(a.activity.cmp(&b.activity)));
    tried
}

fn newest_first(mut records: Vec<&RepairRecord>) -> Vec<&RepairRecord> {
    records.sort_by(|a, b| b.at.cmp(&a.at).then(a.id.cmp(&b.id)));
    records
}

fn past_repair(record: &RepairRecord, relation: Relation) -> PastRepair {
    PastRepair {
        id: record.id,
        at: record.at,
        device: record.device.clone(),
        component: record.component.clone(),
        part: record.part.clone(),
        text: record.text.clone(),
        outcome: record.outcome,
        ticket: record.ticket.clone(),
        relation,
    }
}

impl PartialEq for SisterRepair<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.device.device.id == other.device.device.id && self.record == other.record
    }
}

/// What "the last three months" means.
pub const THREE_MONTHS: Span = Span::from_secs(92 * 86_400);

const A_YEAR: Span = Span::from_secs(365 * 86_400);

/// Repairs cited for each relation: more than a person reads on a phone is noise.
const CITED_MAX: usize = 5;

/// Repairs of this part told in words.
const TOLD_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Scene, repair};

    #[test]
    fn the_last_three_months_of_this_device_come_first_then_older_then_sisters() {
        let mut scene = Scene::outer_race();
        scene.repairs = vec![
            repair("mill-02", "spindle-front", Activity::Replace, 5),
            repair("mill-01", "spindle-front", Activity::Replace, 253),
            repair("mill-01", "hydraulics", Activity::Service, 3),
            repair("mill-01", "spindle-front", Activity::Inspection, 33),
            repair("mill-01", "hydraulics", Activity::Service, 200),
            repair("mill-02", "hydraulics", Activity::Service, 2),
        ];
        scene.case(|case| {
            let past = look_back(case, "bearing-outer-race");
            let cited: Vec<(&str, &str, Relation)> = past
                .cited
                .iter()
                .map(|it| (it.device.as_str(), it.component.as_str(), it.relation))
                .collect();
            let expected = [
                ("mill-01", "spindle-front", Relation::ThisDeviceRecent),
                ("mill-01", "hydraulics", Relation::ThisDeviceRecent),
                ("mill-01", "spindle-front", Relation::ThisDevice),
                ("mill-02", "spindle-front", Relation::Sibling),
            ];
            assert_eq!(cited, expected);
            assert_eq!(past.repeats, 1, "an inspection is no repair");
            assert!(past.last_replaced.is_some());
        });
    }

    #[test]
    fn what_did_not_help_is_counted_as_tried() {
        let mut scene = Scene::outer_race();
        let mut greased = repair("mill-01", "spindle-front", Activity::Service, 60);
        greased.cause = Some("bearing-outer-race".into());
        greased.outcome = Outcome::NoEffect;
        let mut replaced = repair("mill-02", "spindle-front", Activity::Replace, 40);
        replaced.cause = Some("bearing-outer-race".into());
        scene.repairs = vec![greased, replaced];
        scene.case(|case| {
            let tried = look_back(case, "bearing-outer-race").tried;
            let expected = [
                Tried { activity: Activity::Replace, helped: 1, times: 1 },
                Tried { activity: Activity::Service, helped: 0, times: 1 },
            ];
            assert_eq!(tried, expected);
        });
    }

    #[test]
    fn a_repair_after_the_newest_reading_is_not_known_yet() {
        let mut scene = Scene::outer_race();
        scene.repairs = vec![repair("mill-01", "spindle-front", Activity::Replace, -2)];
        scene.case(|case| assert!(look_back(case, "other").cited.is_empty()));
    }
}
