//! Working calendars `forewarn.calendar/1`: when people work, as plants write it down.
//!
//! Rely on this: hours are whole minutes, a shift is at most a day long, and a date has one meaning
//! (a make-up day wins over a holiday, a holiday over the week). Deliberately absent: time zones'
//! rules and sums of working time; those are in the tickets crate.

use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use crate::id::CalendarId;
use crate::text::Localized;

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.calendar/1";

/// A working calendar.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Always `forewarn.calendar/1`.
    pub schema: String,
    /// Its id.
    pub id: CalendarId,
    /// Its name.
    pub name: Localized,
    /// IANA time zone of the hours, e.g. `Asia/Shanghai`.
    pub time_zone: String,
    /// Hours of each weekday.
    pub week: Week,
    /// Stretches in which nobody works, first and last day included.
    #[serde(default, rename = "holiday", skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Holiday>,
    /// Days that work like another weekday, whatever the week or a holiday says (调休).
    #[serde(default, rename = "make_up", skip_serializing_if = "Vec::is_empty")]
    pub make_up: Vec<MakeUp>,
}

/// Hours of each weekday; an empty list is a day off.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Week {
    /// Monday.
    pub mon: Vec<Hours>,
    /// Tuesday.
    pub tue: Vec<Hours>,
    /// Wednesday.
    pub wed: Vec<Hours>,
    /// Thursday.
    pub thu: Vec<Hours>,
    /// Friday.
    pub fri: Vec<Hours>,
    /// Saturday.
    pub sat: Vec<Hours>,
    /// Sunday.
    pub sun: Vec<Hours>,
}

impl Week {
    /// The hours of a weekday.
    #[must_use]
    pub fn of(&self, day: Weekday) -> &[Hours] {
        match day {
            Weekday::Mon => &self.mon,
            Weekday::Tue => &self.tue,
            Weekday::Wed => &self.wed,
            Weekday::Thu => &self.thu,
            Weekday::Fri => &self.fri,
            Weekday::Sat => &self.sat,
            Weekday::Sun => &self.sun,
        }
    }
}

/// Days on which nobody works.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// What is celebrated.
    pub name: Localized,
}

/// A day that works like another weekday.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MakeUp {
    /// The day.
    pub date: NaiveDate,
    /// Whose hours it has: `mon` to `sun`.
    pub like: DayName,
    /// For what.
    pub name: Localized,
}

crate::quantity::vocabulary!(
    /// A day of the week as calendars and rotas spell it.
    DayName, UnknownDay, "day of the week", {
        /// Monday.
        Mon = "mon",
        /// Tuesday.
        Tue = "tue",
        /// Wednesday.
        Wed = "wed",
        /// Thursday.
        Thu = "thu",
        /// Friday.
        Fri = "fri",
        /// Saturday.
        Sat = "sat",
        /// Sunday.
        Sun = "sun",
    }
);

impl DayName {
    /// The calendar's own word.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Mon,
            Self::Tue => Weekday::Tue,
            Self::Wed => Weekday::Wed,
            Self::Thu => Weekday::Thu,
            Self::Fri => Weekday::Fri,
            Self::Sat => Weekday::Sat,
            Self::Sun => Weekday::Sun,
        }
    }
}

/// What a date is.
#[derive(Clone, Debug, PartialEq)]
pub enum DayKind<'a> {
    /// A holiday.
    Holiday(&'a Localized),
    /// A make-up day.
    MakeUp(&'a Localized),
    /// A day of the week like any other.
    Ordinary,
}

impl Calendar {
    /// What a date is, and its hours.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> (DayKind<'_>, &[Hours]) {
        if let Some(it) = self.make_up.iter().find(|it| it.date == date) {
            return (DayKind::MakeUp(&it.name), self.week.of(it.like.weekday()));
        }
        if let Some(it) = self.holidays.iter().find(|it| it.from <= date && date <= it.to) {
            return (DayKind::Holiday(&it.name), &[]);
        }
        (DayKind::Ordinary, self.week.of(date.weekday()))
    }
}

/// A stretch of a day in local time, e.g. `08:00-17:00`; `22:00-06:00` ends on the next day and
/// `00:00-24:00` is the whole day.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    from_min: u16,
    to_min: u16,
}

impl Hours {
    /// Minutes after midnight at which it begins, 0 to 1439.
    #[must_use]
    pub fn from_min(self) -> u16 {
        self.from_min
    }

    /// Minutes after the same midnight at which it ends; beyond 1440 it ends on the next day.
    #[must_use]
    pub fn to_min(self) -> u16 {
        self.to_min
    }
}

impl TryFrom<String> for Hours {
    type Error = InvalidHours;

    fn try_from(text: String) -> Result<Self, InvalidHours> {
        let refused = || InvalidHours { text: text.clone() };
        let (from, to) = text.split_once('-').ok_or_else(refused)?;
        let from_min = minutes(from).filter(|it| *it < DAY_MIN).ok_or_else(refused)?;
        let to_min = minutes(to).ok_or_else(refused)?;
        let to_min = if to_min <= from_min { to_min + DAY_MIN } else { to_min };
        Ok(Self { from_min, to_min })
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = if DAY_MIN < self.to_min { self.to_min - DAY_MIN } else { self.to_min };
        let (from, from_rest) = (self.from_min / 60, self.from_min % 60);
        write!(f, "{from:02}:{from_rest:02}-{:02}:{:02}", to / 60, to % 60)
    }
}

/// `HH:MM`, 00:00 to 24:00.
fn minutes(text: &str) -> Option<u16> {
    let (hours, rest) = text.trim().split_once(':')?;
    let is_plain = |it: &str| it.len() == 2 && it.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(hours) || !is_plain(rest) {
        return None;
    }
    let (hours, rest): (u16, u16) = (hours.parse().ok()?, rest.parse().ok()?);
    let minutes = hours * 60 + rest;
    (rest < 60 && minutes <= DAY_MIN).then_some(minutes)
}

/// A text that is no stretch of a day.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is no stretch of a day; write it as 08:00-17:00, or 22:00-06:00 over midnight")]
pub struct InvalidHours {
    /// The refused text.
    pub text: String,
}

const DAY_MIN: u16 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_read_and_print_and_may_pass_midnight() {
        for (text, from, to) in
            [("08:00-17:30", 480, 1050), ("22:00-06:00", 1320, 1800), ("00:00-24:00", 0, 1440)]
        {
            let hours = Hours::try_from(text.to_owned()).expect(text);
            assert_eq!((hours.from_min(), hours.to_min()), (from, to));
            assert_eq!(hours.to_string(), text);
        }
        for text in ["", "8-17", "08:00", "24:00-08:00", "08:60-09:00", "08:00-25:00", "8:00-9:00"]
        {
            assert!(Hours::try_from(text.to_owned()).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_make_up_day_wins_over_a_holiday_and_a_holiday_over_the_week() {
        let calendar: Calendar = toml::from_str(
            r#"
            schema = "forewarn.calendar/1"
            id = "day"
            name = { en = "day", zh = "白班" }
            time_zone = "Asia/Shanghai"
            week = { mon = ["08:00-12:00", "13:00-17:00"], fri = ["08:00-12:00"] }
            [[holiday]]
            from = "2026-10-01"
            to = "2026-10-07"
            name = { en = "National Day", zh = "国庆节" }
            [[make_up]]
            date = "2026-10-07"
            like = "fri"
            name = { en = "for National Day", zh = "国庆调休" }
            "#,
        )
        .expect("a calendar");
        let day = |text: &str| {
            let (kind, hours) = calendar.day(text.parse().expect("a date"));
            (matches!(kind, DayKind::Holiday(_)), hours.len())
        };
        assert_eq!(day("2026-10-05"), (true, 0), "a Monday in the holiday");
        assert_eq!(day("2026-10-07"), (false, 1), "a Wednesday that works like a Friday");
        assert_eq!(day("2026-10-12"), (false, 2), "a Monday");
        assert_eq!(day("2026-10-11"), (false, 0), "a Sunday");
    }
}
