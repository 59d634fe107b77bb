//! Known deadlines, and random ones beside an oracle that walks through them minute by minute.

use std::collections::VecDeque;

use super::*;

/// Walks from minute to minute. The clock on the wall is never believed when it goes back.
struct Oracle {
    start_min: i64,
    is_working: Vec<bool>,
}

impl Oracle {
    fn new(calendar: &Calendar, zone: Tz, start_min: i64, minutes: i64) -> Self {
        let mut highest = NaiveDateTime::MIN;
        let walk_from = start_min - 3 * 1_440;
        let mut is_working = Vec::new();
        for minute in walk_from..start_min + minutes {
            let shown = Time::from_micros(minute * MINUTE_US).to_utc().with_timezone(&zone);
            highest = highest.max(shown.naive_local());
            if start_min <= minute {
                is_working.push(Self::is_on(calendar, highest));
            }
        }
        Self { start_min, is_working }
    }

    /// Whether a shift of today, or one of yesterday that passes midnight, is on.
    fn is_on(calendar: &Calendar, wall: NaiveDateTime) -> bool {
        let minute = (wall - wall.date().and_time(NaiveTime::MIN)).num_minutes();
        let is_in = |hours: &Hours, minute: i64| {
            i64::from(hours.from_min()) <= minute && minute < i64::from(hours.to_min())
        };
        let yesterday = wall.date().pred_opt().expect("a date of this age");
        calendar.day(wall.date()).1.iter().any(|it| is_in(it, minute))
            || calendar.day(yesterday).1.iter().any(|it| is_in(it, minute + 1_440))
    }

    fn due(&self, start: i64, minutes: i64) -> Option<i64> {
        let mut left = minutes;
        for minute in start.. {
            if left == 0 {
                return Some(minute);
            }
            let place = usize::try_from(minute - self.start_min).expect("after the start");
            left -= i64::from(*self.is_working.get(place)?);
        }
        None
    }

    fn worked(&self, from: i64, to: i64) -> i64 {
        let place = |it: i64| usize::try_from(it - self.start_min).expect("after the start");
        let minutes = &self.is_working[place(from)..place(to)];
        i64::try_from(minutes.iter().filter(|it| **it).count()).expect("few")
    }
}

/// splitmix64: the same cases in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((mixed ^ (mixed >> 31)) >> 1).expect("63 bits") % sides
    }

    fn hours(&mut self) -> Vec<Hours> {
        let mut all = Vec::new();
        for _ in 0..self.below(4) {
            let (from, long) = (self.below(288) * 5, 5 + self.below(200) * 5);
            let to = (from + long.min(1_440)) % 1_440;
            let text = format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60);
            all.push(Hours::try_from(text).expect("whole minutes"));
        }
        all
    }

    fn calendar(&mut self, start: NaiveDate) -> Calendar {
        let zones = i64::try_from(ZONES.len()).expect("few");
        let zone = ZONES[usize::try_from(self.below(zones)).expect("small")];
        let mut week: VecDeque<Vec<Hours>> = (0..7).map(|_| self.hours()).collect();
        let mut next = || week.pop_front().expect("seven days");
        let name = forewarn_domain::text::Localized::same("x");
        let mut calendar = Calendar {
            schema: SCHEMA.to_owned(),
            id: "random".parse().expect("a slug"),
            name: name.clone(),
            time_zone: zone.to_owned(),
            week: forewarn_domain::calendar::Week {
                mon: next(),
                tue: next(),
                wed: next(),
                thu: next(),
                fri: next(),
                sat: next(),
                sun: next(),
            },
            holidays: Vec::new(),
            make_up: Vec::new(),
        };
        for _ in 0..self.below(8) {
            let from = days_after(start, self.below(200));
            let to = days_after(from, self.below(6));
            calendar.holidays.push(forewarn_domain::calendar::Holiday {
                from,
                to,
                name: name.clone(),
            });
        }
        for _ in 0..self.below(8) {
            let days = forewarn_domain::calendar::DayName::ALL;
            let date = days_after(start, self.below(200));
            let like = days[usize::try_from(self.below(7)).expect("small")];
            let name = name.clone();
            calendar.make_up.push(forewarn_domain::calendar::MakeUp { date, like, name });
        }
        calendar
    }
}

/// Whole zones, half hours, a half-hour summer time, skipped dates, and repeated midnights.
const ZONES: [&str; 10] = [
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "UTC",
];

const MINUTE_US: i64 = 60_000_000;

/// Beginnings: the years around rules that changed, and the skipped 2011-12-30 of Samoa.
const STARTS: [&str; 4] = ["2026-01-20", "2026-08-15", "2011-11-20", "2025-09-20"];

fn days_after(date: NaiveDate, days: i64) -> NaiveDate {
    date + TimeDelta::days(days)
}

fn compare(calendars: u64, cases: i64) {
    let mut late = 0_u64;
    for number in 0..calendars {
        let mut dice = Dice(number);
        let start: NaiveDate =
            STARTS[usize::try_from(number % 4).expect("small")].parse().expect("a date");
        let calendar = dice.calendar(start);
        let working = WorkingTime::new(calendar.clone()).expect("a calendar");
        let start_min = start.and_time(NaiveTime::MIN).and_utc().timestamp() / 60;
        let oracle = Oracle::new(&calendar, working.zone(), start_min, SPAN_MIN);
        for _ in 0..cases {
            let from = start_min + dice.below(SPAN_MIN - 1);
            let (long, to) = (dice.below(6_000), from + dice.below(SPAN_MIN + start_min - from));
            let at = |minute: i64| Time::from_micros(minute * MINUTE_US);
            let worked = working.worked(at(from), at(to)).micros() / MINUTE_US;
            assert_eq!(worked, oracle.worked(from, to), "calendar {number}: {from} to {to}");
            let Some(expected) = oracle.due(from, long) else {
                late += 1;
                continue;
            };
            let due = working.due(at(from), Span::from_secs(long * 60)).expect("within bounds");
            assert_eq!(due.at, at(expected), "calendar {number}: {long} min from {from}");
            let traced: i64 = due
                .trace
                .iter()
                .filter_map(|it| Some((it.to? - it.from?).micros() / MINUTE_US))
                .sum();
            assert_eq!(traced, long, "the trace adds up");
        }
    }
    let total = calendars * cases.unsigned_abs();
    assert!(late * 4 < total, "{late} of {total} cases ran out of the oracle's sight");
}

/// Seven months: both changes of the clock are in them.
const SPAN_MIN: i64 = 210 * 1_440;

#[test]
fn ten_thousand_random_deadlines_are_those_of_the_slow_oracle() {
    compare(40, 250);
}

#[test]
#[ignore = "takes a minute; `cargo test -p forewarn-tickets -- --ignored`"]
fn a_hundred_thousand_random_deadlines_are_those_of_the_slow_oracle() {
    compare(400, 375);
}

fn shipped() -> WorkingTime {
    let text = include_str!("../../../../config/calendars/day.toml");
    WorkingTime::new(toml::from_str(text).expect("a calendar")).expect("fit")
}

#[track_caller]
fn check(start: &str, span: &str, expected: &str) -> Due {
    let due = shipped().due(start.parse().expect("a time"), span.parse().expect("a span"));
    let due = due.expect("the calendar works");
    assert_eq!(due.at, expected.parse().expect("a time"), "{:#?}", due.trace);
    due
}

#[test]
fn eight_hours_before_the_national_day_end_after_it() {
    let due = check("2026-09-30T14:00:00+08:00", "8h", "2026-10-08T14:00:00+08:00");
    let days: Vec<_> = due.trace.iter().map(|it| (it.day, it.to_date.to_string())).collect();
    assert_eq!(
        days,
        [
            (TraceDay::Working, "2026-09-30".to_owned()),
            (TraceDay::Holiday, "2026-10-07".to_owned()),
            (TraceDay::Working, "2026-10-08".to_owned()),
            (TraceDay::Working, "2026-10-08".to_owned()),
        ]
    );
}

#[test]
fn a_make_up_saturday_counts_and_an_ordinary_one_does_not() {
    check("2026-10-09T16:00:00+08:00", "2h", "2026-10-10T09:00:00+08:00");
    check("2026-10-16T16:00:00+08:00", "2h", "2026-10-19T09:00:00+08:00");
}

#[test]
fn a_deadline_at_the_end_of_a_shift_is_that_end_and_no_span_is_at_once() {
    check("2026-11-23T13:00:00+08:00", "4h", "2026-11-23T17:00:00+08:00");
    check("2026-11-22T13:00:00+08:00", "0s", "2026-11-22T13:00:00+08:00");
}

#[test]
fn a_calendar_that_never_works_has_no_deadline() {
    let mut calendar = shipped().calendar().clone();
    calendar.week = Default::default();
    calendar.make_up.clear();
    let never = WorkingTime::new(calendar).expect("fit");
    assert_eq!(never.due(Time::from_micros(0), Span::from_secs(1)), None);
}

#[test]
fn an_unknown_zone_and_a_backward_holiday_are_named() {
    let mut calendar = shipped().calendar().clone();
    calendar.time_zone = "Asia/Peking".to_owned();
    let refused = WorkingTime::new(calendar).expect_err("no such zone").to_string();
    assert!(refused.contains("`Asia/Peking` is no time zone"), "{refused}");
    let mut calendar = shipped().calendar().clone();
    let holiday = calendar.holidays.first_mut().expect("the shipped one has holidays");
    (holiday.from, holiday.to) = (holiday.to, holiday.from);
    let refused = WorkingTime::new(calendar).expect_err("backwards").to_string();
    assert!(refused.contains("end before they begin"), "{refused}");
}
