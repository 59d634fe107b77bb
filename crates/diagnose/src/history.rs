//! What this part and its sisters had before, and what helped. A sensor in doubt is no concern of the
//! part that it watches: its ticket looks back on sensors, cables and links only.

use forewarn_domain::family::TicketKind;
use forewarn_domain::repair::{Activity, Outcome, RepairRecord};
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::ticket::{PastRepair, Relation};
use forewarn_domain::time::Span;

use crate::case::Case;
use crate::library::{FailureMode, Library};

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

/// The repairs that a diagnosis looks at, out of all that are known: those of this part, the last
/// three months of the whole device, and the newest of the same kind of part on sister machines.
#[must_use]
pub fn looked_at(case: &Case<'_>) -> Vec<RepairRecord> {
    let part = &case.episode.key.component;
    let is_near = |it: &&RepairRecord| it.component == *part || case.now <= it.at + THREE_MONTHS;
    let own = newest_first(case.own_repairs().filter(is_near).collect());
    let sisters = newest_first(case.sibling_repairs().map(|(_, record)| record).collect());
    let all = own.into_iter().take(OWN_MAX).chain(sisters.into_iter().take(SISTERS_MAX));
    // The words and figures are cited; the shape has had its say when similar cases were found.
    all.map(|it| RepairRecord { shape: None, ..it.clone() }).collect()
}

/// Looks back from a case, with the cause that leads.
#[must_use]
pub fn look_back<'a>(case: &Case<'a>, library: &Library, leading_code: &str) -> Past<'a> {
    let is_wanted = |it: &RepairRecord| is_of_kind(case, library, it);
    let part = newest_first(case.part_repairs().filter(|it| is_wanted(it)).collect());
    let last_replaced = part.iter().copied().find(|it| it.activity == Activity::Replace);
    let last_helped = part
        .iter()
        .copied()
        .filter(|it| it.at <= case.episode.onset)
        .find(|it| matches!(it.outcome, Outcome::Solved | Outcome::Improved));
    let sisters = sisters(case, is_wanted, leading_code);
    let is_lately = |it: &&RepairRecord| case.now <= it.at + A_YEAR;
    let is_work = |it: &&RepairRecord| it.activity != Activity::Inspection;
    let repeats = part.iter().copied().filter(is_lately).filter(is_work).count();
    Past {
        cited: cite(case, is_wanted, &sisters),
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

fn cite(
    case: &Case<'_>,
    is_wanted: impl Fn(&RepairRecord) -> bool,
    sisters: &[SisterRepair<'_>],
) -> Vec<PastRepair> {
    let part = &case.episode.key.component;
    let is_recent = |it: &RepairRecord| case.now <= it.at + THREE_MONTHS;
    let own = newest_first(case.own_repairs().filter(|it| is_wanted(it)).collect());
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

fn sisters<'a>(
    case: &Case<'a>,
    is_wanted: impl Fn(&RepairRecord) -> bool,
    leading_code: &str,
) -> Vec<SisterRepair<'a>> {
    let of_sisters = case.sibling_repairs().filter(|(_, record)| is_wanted(record));
    let mut found: Vec<SisterRepair<'a>> =
        of_sisters.map(|(device, record)| SisterRepair { device, record }).collect();
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

/// Whether a repair is of the kind of trouble that the case is about. Records without a cause are
/// judged by their words; one without either may be of any kind.
pub(crate) fn is_of_kind(case: &Case<'_>, library: &Library, record: &RepairRecord) -> bool {
    if case.episode.key.family.kind() != TicketKind::Instrumentation {
        return true;
    }
    match record.cause.as_deref().and_then(|code| library.mode(code)) {
        Some(mode) => is_of_sensor(mode),
        None => {
            let text = record.text.to_lowercase();
            text.is_empty() || SENSOR_WORDS.iter().any(|word| text.contains(word))
        }
    }
}

/// A failure mode belongs to the family as which it is seen most.
fn is_of_sensor(mode: &FailureMode) -> bool {
    let most = mode.seen_as.iter().max_by(|a, b| a.1.total_cmp(b.1));
    most.is_some_and(|(family, _)| family.kind() == TicketKind::Instrumentation)
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

/// As people write of sensors and their wiring where no cause was chosen.
const SENSOR_WORDS: [&str; 10] = [
    "sensor",
    "probe",
    "pt100",
    "encoder",
    "thermocouple",
    "gateway",
    "传感器",
    "探头",
    "编码器",
    "网关",
];

/// What "the last three months" means.
pub const THREE_MONTHS: Span = Span::from_secs(92 * 86_400);

/// Ten years of a part that is worked on each month.
const OWN_MAX: usize = 120;

/// More closes of sister machines than this change no probability that people can tell apart.
const SISTERS_MAX: usize = 80;

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
            let past = look_back(case, &Library::built_in(), "bearing-outer-race");
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
            let tried = look_back(case, &Library::built_in(), "bearing-outer-race").tried;
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
        scene.case(|case| assert!(look_back(case, &Library::built_in(), "other").cited.is_empty()));
    }

    #[test]
    fn a_stuck_sensor_looks_back_on_sensors_and_not_on_the_bearing_that_it_watches() {
        let mut scene = Scene::flat_sensor();
        let of = |cause: Option<&str>, text: &str, age: i64| RepairRecord {
            cause: cause.map(str::to_owned),
            text: text.to_owned(),
            ..repair("mill-01", "spindle-front", Activity::Replace, age)
        };
        scene.repairs = vec![
            of(Some("bearing-outer-race"), "front bearing, sensor put back", 20),
            of(Some("sensor-flat"), "new Pt100", 40),
            of(None, "温度传感器更换", 60),
            of(None, "greased", 10),
        ];
        scene.case(|case| {
            let past = look_back(case, &Library::built_in(), "sensor-flat");
            let cited: Vec<&str> = past.cited.iter().map(|it| it.text.as_str()).collect();
            assert_eq!(cited, ["new Pt100", "温度传感器更换"]);
            assert_eq!(past.last_replaced.map(|it| it.text.as_str()), Some("new Pt100"));
            assert_eq!(past.repeats, 2);
        });
    }
}
