//! Who is told what: a table that is read from the top, every row that fits adds its channels.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use forewarn_domain::family::{FaultFamily, Priority};
use forewarn_domain::id::DeviceId;
use forewarn_domain::ticket::TicketEvent;
use forewarn_domain::ticket::kind::takes;
use forewarn_domain::time::Time;
use serde::Deserialize;

use crate::window::Window;

/// A row of the table. A list that is left out fits everything.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// To which channels.
    pub to: Vec<String>,
    /// What happened.
    #[serde(default)]
    pub events: Vec<TicketEvent>,
    /// How urgent.
    #[serde(default)]
    pub priorities: Vec<Priority>,
    /// On which devices.
    #[serde(default)]
    pub devices: Vec<DeviceId>,
    /// On devices of which class.
    #[serde(default)]
    pub classes: Vec<String>,
    /// In which halls or areas.
    #[serde(default)]
    pub areas: Vec<String>,
    /// On which production lines.
    #[serde(default)]
    pub production_lines: Vec<String>,
    /// Which family of faults.
    #[serde(default)]
    pub families: Vec<FaultFamily>,
    /// Only in these hours.
    pub hours: Option<Window>,
}

/// What a table is asked about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What happened.
    pub event: TicketEvent,
    /// How urgent.
    pub priority: Priority,
    /// On which device.
    pub device: &'a DeviceId,
    /// Of which class.
    pub class: &'a str,
    /// In which area.
    pub area: &'a str,
    /// On which production line.
    pub production_line: &'a str,
    /// Which family of faults.
    pub family: FaultFamily,
    /// When.
    pub at: Time,
}

impl Route {
    fn fits(&self, about: &About<'_>, zone: Tz) -> bool {
        takes(&self.events, &about.event)
            && takes(&self.priorities, &about.priority)
            && takes(&self.devices, about.device)
            && takes(&self.classes, about.class)
            && takes(&self.areas, about.area)
            && takes(&self.production_lines, about.production_line)
            && takes(&self.families, &about.family)
            && self.hours.is_none_or(|it| it.end(about.at, zone).is_some())
    }
}

/// The channels of every row that fits, each once.
#[must_use]
pub fn channels(table: &[Route], about: &About<'_>, zone: Tz) -> BTreeSet<String> {
    let rows = table.iter().filter(|it| it.fits(about, zone));
    rows.flat_map(|it| it.to.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Table {
        route: Vec<Route>,
    }

    fn asked(table: &str, change: impl FnOnce(&mut About<'_>)) -> Vec<String> {
        let table: Table = toml::from_str(table).unwrap();
        let device = "mill-01".parse().unwrap();
        let mut about = About {
            event: TicketEvent::Opened,
            priority: Priority::P2,
            device: &device,
            class: "cnc-mill",
            area: "hall-a",
            production_line: "line-3",
            family: FaultFamily::Bearing,
            at: "2026-11-22T15:00:00Z".parse().unwrap(),
        };
        change(&mut about);
        channels(&table.route, &about, Tz::Asia__Shanghai).into_iter().collect()
    }

    const TABLE: &str = r#"
[[route]]
to = ["all"]
[[route]]
to = ["mechanics", "all"]
events = ["opened"]
priorities = ["P1", "P2"]
areas = ["hall-a"]
families = ["bearing", "rotor"]
[[route]]
to = ["night-call"]
priorities = ["P1"]
hours = { from = "18:00", to = "08:00" }
"#;

    #[test]
    fn every_row_that_fits_adds_its_channels_once() {
        assert_eq!(asked(TABLE, |_| {}), ["all", "mechanics"]);
        assert_eq!(asked(TABLE, |it| it.event = TicketEvent::Cleared), ["all"]);
        assert_eq!(asked(TABLE, |it| it.area = "hall-b"), ["all"]);
        assert_eq!(asked(TABLE, |it| it.family = FaultFamily::Thermal), ["all"]);
        let night = asked(TABLE, |it| it.priority = Priority::P1);
        assert_eq!(night, ["all", "mechanics", "night-call"]);
        let noon = "2026-11-22T04:00:00Z".parse().unwrap();
        let noon = asked(TABLE, |it| (it.priority, it.at) = (Priority::P1, noon));
        assert_eq!(noon, ["all", "mechanics"]);
    }

    #[test]
    fn a_row_with_a_misspelt_word_is_refused() {
        for row in ["to = ['a']\npriorities = ['P9']", "to = ['a']\nprio = ['P1']"] {
            assert!(toml::from_str::<Route>(row).is_err(), "{row}");
        }
    }
}
