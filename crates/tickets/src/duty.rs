//! Who is on duty: a rota at a point in time, and its import from a table.
//!
//! Rely on this: a person on a night shift is on duty until it ends, on whatever date that is. Groups
//! without a rota are always on duty; that is the caller's rule, not one of this file.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use forewarn_domain::id::{PersonId, ShiftId};
use forewarn_domain::rota::{Change, Duty, Rota, SCHEMA};
use forewarn_domain::time::Time;

use crate::working_time::{UnfitCalendar, local_date, stretch, zone};

/// A rota that can be asked.
#[derive(Clone, Debug)]
pub struct DutyPlan {
    rota: Rota,
    zone: Tz,
}

/// A person on duty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnDuty {
    /// Who.
    pub person: PersonId,
    /// In which shift.
    pub shift: ShiftId,
    /// Until when.
    pub until: Time,
}

impl DutyPlan {
    /// Checks a rota.
    ///
    /// # Errors
    ///
    /// [`UnfitRota`] names what contradicts itself.
    pub fn new(rota: Rota) -> Result<Self, UnfitRota> {
        if rota.schema != SCHEMA {
            return Err(UnfitCalendar::Schema { found: rota.schema }.into());
        }
        let zone = zone(&rota.time_zone)?;
        let named = rota.duties.iter().map(|it| &it.shift);
        for shift in named.chain(rota.changes.iter().map(|it| &it.shift)) {
            if !rota.shifts.iter().any(|it| it.id == *shift) {
                return Err(UnfitRota::Shift { shift: shift.clone() });
            }
        }
        if let Some(it) = rota.leave.iter().find(|it| it.to < it.from) {
            return Err(UnfitCalendar::Backwards { from: it.from, to: it.to }.into());
        }
        Ok(Self { rota, zone })
    }

    /// The rota as it was written.
    #[must_use]
    pub fn rota(&self) -> &Rota {
        &self.rota
    }

    /// Who is on duty, in the order of the shifts and of the file.
    #[must_use]
    pub fn on_duty(&self, at: Time) -> Vec<OnDuty> {
        let today = local_date(self.zone, at);
        let mut all: Vec<OnDuty> = Vec::new();
        for date in [today.pred_opt(), Some(today)].into_iter().flatten() {
            for shift in &self.rota.shifts {
                let (from, until) = stretch(self.zone, date, shift.hours);
                if at < from || until <= at {
                    continue;
                }
                let mut people = self.rota.people_of(date, &shift.id);
                people.retain(|person| all.iter().all(|it| it.person != *person));
                let on_duty = |person| OnDuty { person, shift: shift.id.clone(), until };
                all.extend(people.into_iter().map(on_duty));
            }
        }
        all
    }

    /// Whether a person is on leave at a time.
    #[must_use]
    pub fn is_away(&self, person: &PersonId, at: Time) -> bool {
        self.rota.is_away(person, local_date(self.zone, at))
    }
}

/// Reads the text of a rota.
///
/// # Errors
///
/// [`UnfitRota::Text`] says where it is wrong.
pub fn read(text: &str) -> Result<Rota, UnfitRota> {
    toml::from_str(text).map_err(|error| UnfitRota::Text { why: error.to_string() })
}

/// Writes a rota as text.
///
/// # Errors
///
/// [`UnfitRota::Text`] when it cannot be written.
pub fn write(rota: &Rota) -> Result<String, UnfitRota> {
    toml::to_string(rota).map_err(|error| UnfitRota::Text { why: error.to_string() })
}

/// Adds a change to a rota; an earlier change of the same person in the same shift stays, and this
/// one comes after it.
///
/// # Errors
///
/// [`UnfitRota`] when the shift is unknown, nobody changes, or who goes out does not have the shift.
pub fn with_change(mut rota: Rota, change: Change) -> Result<Rota, UnfitRota> {
    if !rota.shifts.iter().any(|it| it.id == change.shift) {
        return Err(UnfitRota::Shift { shift: change.shift });
    }
    if change.out.is_none() && change.comes.is_none() {
        return Err(UnfitRota::Nobody);
    }
    let planned = rota.people_of(change.date, &change.shift);
    if let Some(out) = change.out.as_ref().filter(|it| !planned.contains(it)) {
        let (person, shift, date) = (out.clone(), change.shift, change.date);
        return Err(UnfitRota::NotPlanned { person, shift, date });
    }
    rota.changes.push(change);
    Ok(rota)
}

/// Replaces the dates of a rota by those of a table with the columns `date`, `shift` and `person`
/// (in any order; 日期, 班次 and 人员 in Chinese). Weekly duties of the shifts in the table end.
///
/// # Errors
///
/// Every row that cannot be read, with its line; nothing is imported then.
pub fn import(mut rota: Rota, table: &str) -> Result<Rota, Vec<RowProblem>> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(table.trim_start_matches('\u{feff}').as_bytes());
    let columns = columns(&mut reader).map_err(|problem| vec![problem])?;
    let mut dates: BTreeMap<(ShiftId, PersonId), Vec<NaiveDate>> = BTreeMap::new();
    let mut problems = Vec::new();
    for row in reader.records() {
        match row.map_err(|error| RowProblem { line: line_of(&error), detail: error.to_string() }) {
            Ok(row) => {
                let line = row.position().map_or(0, csv::Position::line);
                match entry(&rota, &row, columns) {
                    Ok((date, shift, person)) => {
                        let dates = dates.entry((shift, person)).or_default();
                        if !dates.contains(&date) {
                            dates.push(date);
                        }
                    }
                    Err(detail) => problems.push(RowProblem { line, detail }),
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    rota.duties.retain(|it| !dates.keys().any(|(shift, _)| *shift == it.shift));
    for ((shift, person), mut dates) in dates {
        dates.sort_unstable();
        rota.duties.push(Duty { shift, people: vec![person], days: Vec::new(), dates });
    }
    Ok(rota)
}

/// Where date, shift and person are.
fn columns(reader: &mut csv::Reader<&[u8]>) -> Result<[usize; 3], RowProblem> {
    let at_head = |detail: String| RowProblem { line: 1, detail };
    let head = reader.headers().map_err(|error| at_head(error.to_string()))?.clone();
    let place = |names: [&str; 2]| {
        let found = head.iter().position(|it| names.contains(&it.to_lowercase().as_str()));
        found.ok_or_else(|| at_head(format!("there is no column `{}` ({})", names[0], names[1])))
    };
    Ok([place(["date", "日期"])?, place(["shift", "班次"])?, place(["person", "人员"])?])
}

fn entry(
    rota: &Rota,
    row: &csv::StringRecord,
    [date, shift, person]: [usize; 3],
) -> Result<(NaiveDate, ShiftId, PersonId), String> {
    let cell = |place: usize| row.get(place).unwrap_or_default();
    let day = cell(date).replace('/', "-");
    let day: NaiveDate =
        day.parse().map_err(|_bad| format!("`{}` is no date such as 2026-11-27", cell(date)))?;
    let named = cell(shift);
    let shift = rota
        .shifts
        .iter()
        .find(|it| it.id.as_str() == named || it.name.en == named || it.name.zh == named);
    let shift = shift.ok_or_else(|| format!("`{named}` is no shift of this rota"))?;
    let person = PersonId::new(cell(person)).map_err(|error| error.to_string())?;
    Ok((day, shift.id.clone(), person))
}

fn line_of(error: &csv::Error) -> u64 {
    error.position().map_or(0, csv::Position::line)
}

/// A row that cannot be imported.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RowProblem {
    /// Line of the table, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub detail: String,
}

/// Why a rota cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnfitRota {
    /// Its time zone, schema or leave.
    #[error(transparent)]
    Calendar(#[from] UnfitCalendar),
    /// A change of nobody.
    #[error("name who goes out, who comes in, or both")]
    Nobody,
    /// Who is taken out is not there.
    #[error("`{person}` does not have shift `{shift}` on {date}")]
    NotPlanned {
        /// Who.
        person: PersonId,
        /// The shift.
        shift: ShiftId,
        /// The date.
        date: NaiveDate,
    },
    /// Its text.
    #[error("{why}")]
    Text {
        /// What is wrong, and where.
        why: String,
    },
    /// An unknown shift.
    #[error("shift `{shift}` is not described in this rota")]
    Shift {
        /// The shift.
        shift: ShiftId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rota() -> Rota {
        toml::from_str(
            r#"
            schema = "forewarn.rota/1"
            group = "mechanics"
            time_zone = "Asia/Shanghai"
            [[shift]]
            id = "day"
            name = { en = "day", zh = "白班" }
            hours = "08:00-20:00"
            [[shift]]
            id = "night"
            name = { en = "night", zh = "夜班" }
            hours = "20:00-08:00"
            [[duty]]
            shift = "day"
            people = ["li", "wang"]
            days = ["thu", "fri"]
            [[duty]]
            shift = "night"
            people = ["zhao"]
            days = ["thu"]
            [[leave]]
            person = "wang"
            from = "2026-11-27"
            to = "2026-11-30"
            "#,
        )
        .expect("a rota")
    }

    fn at(text: &str) -> Time {
        text.parse().expect("a time")
    }

    #[track_caller]
    fn check(rota: Rota, when: &str, expected: &[&str]) {
        let plan = DutyPlan::new(rota).expect("fit");
        let on: Vec<String> =
            plan.on_duty(at(when)).into_iter().map(|it| it.person.to_string()).collect();
        assert_eq!(on, expected, "{when}");
    }

    #[test]
    fn the_night_shift_lasts_into_the_next_day_and_leave_takes_people_out() {
        check(rota(), "2026-11-26T08:00:00+08:00", &["li", "wang"]);
        check(rota(), "2026-11-26T20:00:00+08:00", &["zhao"]);
        check(rota(), "2026-11-27T07:59:00+08:00", &["zhao"]);
        check(rota(), "2026-11-27T08:00:00+08:00", &["li"]);
        check(rota(), "2026-11-28T09:00:00+08:00", &[]);
    }

    #[test]
    fn a_swap_is_two_changes_and_only_those_who_have_a_shift_go_out() {
        let change = |date: &str, shift: &str, out: &str, comes: &str| Change {
            date: date.parse().expect("a date"),
            shift: shift.parse().expect("a shift"),
            out: Some(out.parse().expect("a person")),
            comes: Some(comes.parse().expect("a person")),
            why: "wedding".to_owned(),
        };
        let swapped = with_change(rota(), change("2026-11-26", "night", "zhao", "li"));
        let swapped =
            swapped.and_then(|it| with_change(it, change("2026-11-27", "day", "li", "zhao")));
        let swapped = swapped.expect("both have their shifts");
        check(swapped.clone(), "2026-11-26T21:00:00+08:00", &["li"]);
        check(swapped, "2026-11-27T09:00:00+08:00", &["zhao"]);
        let refused = with_change(rota(), change("2026-11-27", "day", "wang", "zhao"));
        let refused = refused.expect_err("wang is on leave").to_string();
        assert_eq!(refused, "`wang` does not have shift `day` on 2026-11-27");
    }

    #[test]
    fn a_table_replaces_the_shifts_that_it_names_and_bad_rows_are_told_by_line() {
        let table = "\u{feff}日期,人员,班次\n2026/12/01,zhao,夜班\n2026-12-02,li,night\n";
        let imported = import(rota(), table).expect("good rows");
        check(imported.clone(), "2026-12-01T22:00:00+08:00", &["zhao"]);
        check(imported.clone(), "2026-12-03T02:00:00+08:00", &["li"]);
        check(imported.clone(), "2026-11-26T22:00:00+08:00", &[]);
        check(imported, "2026-11-26T09:00:00+08:00", &["li", "wang"]);
        let bad = "date,shift,person\n2026-12-01,late,li\nsoon,night,li\n2026-12-01,night,Li Q\n";
        let problems = import(rota(), bad).expect_err("three bad rows");
        assert_eq!(problems.iter().map(|it| it.line).collect::<Vec<_>>(), [2, 3, 4]);
        let headless = import(rota(), "day,who\n").expect_err("no columns");
        assert!(headless[0].detail.contains("no column `date`"), "{headless:?}");
    }
}
