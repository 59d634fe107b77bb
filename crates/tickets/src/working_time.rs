//! Working time: when so much of it will have passed, and how much passed between two times.
//!
//! Rely on this: a boundary of a shift is the first instant at which the local clock shows it or more.
//! So an hour that a clock repeats in autumn belongs to the shift that was on when it began, and an
//! hour that it skips in spring is nobody's. Overlapping shifts count once.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use forewarn_domain::calendar::{Calendar, DayKind, Hours, SCHEMA};
use forewarn_domain::ticket::clock::{TraceDay, TraceLine};
use forewarn_domain::time::{Span, Time};

/// A calendar whose time zone is known.
#[derive(Clone, Debug)]
pub struct WorkingTime {
    calendar: Calendar,
    zone: Tz,
}

/// When a span of working time will have passed, and how it was counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// The first instant at which all of it has passed.
    pub at: Time,
    /// Day by day.
    pub trace: Vec<TraceLine>,
}

impl WorkingTime {
    /// Checks a calendar.
    ///
    /// # Errors
    ///
    /// [`UnfitCalendar`] names what cannot be computed with.
    pub fn new(calendar: Calendar) -> Result<Self, UnfitCalendar> {
        if calendar.schema != SCHEMA {
            return Err(UnfitCalendar::Schema { found: calendar.schema });
        }
        let zone = zone(&calendar.time_zone)?;
        if let Some(it) = calendar.holidays.iter().find(|it| it.to < it.from) {
            return Err(UnfitCalendar::Backwards { from: it.from, to: it.to });
        }
        Ok(Self { calendar, zone })
    }

    /// The calendar as it was written.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The zone of its hours.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first instant at which `span` of working time has passed since `start`; `None` when the
    /// calendar does not hold so much within [`DAYS_MAX`] days.
    #[must_use]
    pub fn due(&self, start: Time, span: Span) -> Option<Due> {
        let mut trace = Vec::new();
        let mut left = span.micros();
        if left <= 0 {
            return Some(Due { at: start, trace });
        }
        let mut cursor = start;
        let first = local_date(self.zone, start).pred_opt()?;
        for date in first.iter_days().take(DAYS_MAX) {
            let (kind, hours) = self.calendar.day(date);
            let is_before = date == first;
            let mut counted = false;
            for hours in in_order(hours) {
                let (from, to) = stretch(self.zone, date, hours);
                let (from, to) = (from.max(cursor), to);
                if to <= from {
                    continue;
                }
                let used = (to - from).micros().min(left);
                let end = from + Span::from_micros(used);
                trace.push(line(date, &kind, Some((from, end))));
                (left, cursor, counted) = (left - used, end, true);
                if left == 0 {
                    return Some(Due { at: end, trace });
                }
            }
            if !counted && !is_before {
                note_idle(&mut trace, line(date, &kind, None));
            }
        }
        None
    }

    /// How much working time lies between two times; none when `to` is not after `from`.
    #[must_use]
    pub fn worked(&self, from: Time, to: Time) -> Span {
        let mut sum = 0_i64;
        let mut cursor = from;
        let last = local_date(self.zone, to);
        let mut date = local_date(self.zone, from).pred_opt();
        while let Some(day) = date.filter(|it| *it <= last) {
            for hours in in_order(self.calendar.day(day).1) {
                let (start, end) = stretch(self.zone, day, hours);
                let (start, end) = (start.max(cursor), end.min(to));
                if start < end {
                    sum += (end - start).micros();
                    cursor = end;
                }
            }
            date = day.succ_opt();
        }
        Span::from_micros(sum)
    }
}

/// Shifts of a day by their beginning, so that a cursor can run over them.
fn in_order(hours: &[Hours]) -> Vec<Hours> {
    let mut hours = hours.to_vec();
    hours.sort_unstable();
    hours
}

fn line(date: NaiveDate, kind: &DayKind<'_>, stretch: Option<(Time, Time)>) -> TraceLine {
    let (day, name) = match kind {
        DayKind::Holiday(name) => (TraceDay::Holiday, (*name).clone()),
        DayKind::MakeUp(name) => (TraceDay::MakeUp, (*name).clone()),
        DayKind::Ordinary if stretch.is_some() => (TraceDay::Working, Default::default()),
        DayKind::Ordinary => (TraceDay::Off, Default::default()),
    };
    TraceLine {
        from_date: date,
        to_date: date,
        day,
        name,
        from: stretch.map(|(from, _)| from),
        to: stretch.map(|(_, to)| to),
    }
}

/// Days without work in a row are one line.
fn note_idle(trace: &mut Vec<TraceLine>, idle: TraceLine) {
    match trace.last_mut() {
        Some(last) if last.from.is_none() && (last.day, &last.name) == (idle.day, &idle.name) => {
            last.to_date = idle.to_date;
        }
        _ => trace.push(idle),
    }
}

/// The zone of a name.
///
/// # Errors
///
/// [`UnfitCalendar::Zone`] when there is none of that name.
pub(crate) fn zone(name: &str) -> Result<Tz, UnfitCalendar> {
    name.parse().ok().ok_or_else(|| UnfitCalendar::Zone { name: name.to_owned() })
}

/// The date that a local clock shows.
pub(crate) fn local_date(zone: Tz, at: Time) -> NaiveDate {
    at.to_utc().with_timezone(&zone).date_naive()
}

/// From which instant to which a stretch of a date lasts.
pub(crate) fn stretch(zone: Tz, date: NaiveDate, hours: Hours) -> (Time, Time) {
    (boundary(zone, date, hours.from_min()), boundary(zone, date, hours.to_min()))
}

/// The first instant at which the local clock shows so many minutes after the midnight of a date, or
/// more.
fn boundary(zone: Tz, date: NaiveDate, minutes: u16) -> Time {
    let wall = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(minutes));
    match zone.from_local_datetime(&wall).earliest() {
        Some(at) => Time::from(at.to_utc()),
        None => end_of_gap(zone, wall),
    }
}

/// The local clock never shows `wall`: the instant at which it jumps over it.
fn end_of_gap(zone: Tz, wall: NaiveDateTime) -> Time {
    // No zone jumps twice within two days, so what is shown is rising here but for the jump.
    let mut before = shown_before(wall, 1);
    let mut after = shown_before(wall, -1);
    while before + Span::from_micros(1) < after {
        let middle = Time::from_micros(before.micros() + (after - before).micros() / 2);
        if middle.to_utc().with_timezone(&zone).naive_local() < wall {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

/// An instant that is surely so many days before a local time, in any zone: none is a day off UTC.
fn shown_before(wall: NaiveDateTime, days: i64) -> Time {
    let moved = wall - TimeDelta::days(days) - TimeDelta::hours(days * 3);
    Time::from(DateTime::from_naive_utc_and_offset(moved, chrono::Utc))
}

/// Bounds the search in a calendar that never works: three years.
pub const DAYS_MAX: usize = 3 * 366;

/// Why a calendar or rota cannot be computed with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnfitCalendar {
    /// A stretch of days that ends before it begins.
    #[error("the days {from} to {to} end before they begin")]
    Backwards {
        /// First day.
        from: NaiveDate,
        /// Last day.
        to: NaiveDate,
    },
    /// Another schema.
    #[error("schema `{found}` is not read here")]
    Schema {
        /// What was found.
        found: String,
    },
    /// No such zone.
    #[error("`{name}` is no time zone of the IANA list, such as Asia/Shanghai")]
    Zone {
        /// What was given.
        name: String,
    },
}

#[cfg(test)]
mod tests;
