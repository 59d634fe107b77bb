//! Hours of the day in the plant's time zone, such as the night, over midnight and clock changes.

use chrono::{Days, NaiveDate, NaiveTime, TimeZone as _};
use chrono_tz::Tz;
use forewarn_domain::time::Time;
use serde::{Deserialize, Deserializer, de};

/// From one time of day to another; over midnight when `to` comes first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Beginning, `HH:MM`.
    #[serde(deserialize_with = "time_of_day")]
    from: NaiveTime,
    /// End, not in it.
    #[serde(deserialize_with = "time_of_day")]
    to: NaiveTime,
}

impl Window {
    /// When the window ends that `now` is in; `None` outside of it.
    #[must_use]
    pub fn end(&self, now: Time, zone: Tz) -> Option<Time> {
        let local = now.to_utc().with_timezone(&zone).naive_local();
        let (date, time) = (local.date(), local.time());
        let is_in = if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        };
        if !is_in {
            return None;
        }
        let date =
            if time < self.to { date } else { date.checked_add_days(Days::new(1)).unwrap_or(date) };
        let end = date.and_time(self.to);
        // An hour that a clock change leaves out ends when the clocks have moved.
        let moved = end + chrono::Duration::hours(1);
        let end = zone.from_local_datetime(&end).earliest();
        let end = end.or_else(|| zone.from_local_datetime(&moved).earliest())?;
        Some(Time::from_micros(end.timestamp_micros()))
    }
}

/// A time of day at which something is done once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OnceADay {
    /// At what time,
    pub at: NaiveTime,
    /// and where.
    pub zone: Tz,
}

impl OnceADay {
    /// The day of which it is time now, and when that day began.
    #[must_use]
    pub fn due(&self, now: Time) -> Option<(NaiveDate, Time)> {
        let local = now.to_utc().with_timezone(&self.zone).naive_local();
        let today = local.date();
        // Where clocks leave midnight out, the day begins later.
        let mut hours = (0..24).filter_map(|hour| today.and_hms_opt(hour, 0, 0));
        let first = hours.find_map(|it| self.zone.from_local_datetime(&it).earliest())?;
        (self.at <= local.time()).then(|| (today, Time::from_micros(first.timestamp_micros())))
    }
}

pub(crate) fn time_of_day<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refused = |_| de::Error::custom(format!("`{text}` is no time of day; write e.g. 22:00"));
    NaiveTime::parse_from_str(&text, "%H:%M").map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(window: &str, now: &str, zone: &str) -> Option<String> {
        let window: Window = toml::from_str(window).unwrap();
        let end = window.end(now.parse().unwrap(), zone.parse().unwrap());
        end.map(|it| it.to_string())
    }

    #[test]
    fn a_night_ends_in_the_morning_of_the_plant() {
        let night = "from = '22:00'\nto = '06:00'";
        let morning = Some("2026-11-20T22:00:00.000Z".to_owned());
        assert_eq!(end(night, "2026-11-20T14:00:00Z", "Asia/Shanghai"), morning);
        assert_eq!(end(night, "2026-11-20T21:59:59Z", "Asia/Shanghai"), morning);
        assert_eq!(end(night, "2026-11-20T22:00:00Z", "Asia/Shanghai"), None);
        assert_eq!(end(night, "2026-11-20T13:59:00Z", "Asia/Shanghai"), None);
        let noon = "from = '12:00'\nto = '13:00'";
        let one = Some("2026-11-20T13:00:00.000Z".to_owned());
        assert_eq!(end(noon, "2026-11-20T12:30:00Z", "UTC"), one);
    }

    #[test]
    fn a_day_is_due_from_its_time_on_and_began_when_the_clocks_let_it() {
        let due = |now: &str, zone: &str| {
            let at = NaiveTime::from_hms_opt(18, 0, 0).unwrap();
            let once = OnceADay { at, zone: zone.parse().unwrap() };
            once.due(now.parse().unwrap()).map(|(day, began)| format!("{day} {began}"))
        };
        assert_eq!(due("2026-11-26T09:59:59Z", "Asia/Shanghai"), None);
        let began = Some("2026-11-26 2026-11-25T16:00:00.000Z".to_owned());
        assert_eq!(due("2026-11-26T10:00:00Z", "Asia/Shanghai"), began);
        // Beirut's clocks went from 00:00 to 01:00 that night.
        let began = Some("2022-03-27 2022-03-26T22:00:00.000Z".to_owned());
        assert_eq!(due("2022-03-27T16:00:00Z", "Asia/Beirut"), began);
    }

    #[test]
    fn a_window_that_ends_in_a_left_out_hour_ends_all_the_same() {
        let night = "from = '22:00'\nto = '02:30'";
        let moved = Some("2026-03-29T01:30:00.000Z".to_owned());
        assert_eq!(end(night, "2026-03-28T23:00:00Z", "Europe/Berlin"), moved);
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for text in ["from = '24:00'\nto = '06:00'", "from = 'ten'\nto = '06:00'"] {
            assert!(toml::from_str::<Window>(text).is_err(), "{text}");
        }
    }
}
