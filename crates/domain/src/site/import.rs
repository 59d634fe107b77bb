//! `[import]` of a site file: how a folder of recorded tables becomes what the plant would have seen.
//!
//! A table that lists machines makes one device of each row, as a copy of a pattern device; readings,
//! events, repairs, failures and waveforms are found by file and column names. So the same file serves
//! every folder of the same layout. Deliberately absent: reading files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SiteFile;
use crate::id::{DeviceId, InvalidId};
use crate::repair::Activity;
use crate::text::Localized;
use crate::time::Span;

/// What lies where in a folder.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Rule file beside the site file, where the shipped rules are not the ones.
    pub rules: Option<String>,
    /// The table that lists machines.
    pub devices: Option<ImportDevices>,
    /// Recorded readings.
    #[serde(default)]
    pub readings: Vec<ImportReadings>,
    /// Codes that machines reported.
    pub events: Option<ImportEvents>,
    /// What was repaired.
    pub repairs: Option<ImportRepairs>,
    /// What failed: never seen by the rules, only by the score.
    pub failures: Option<ImportFailures>,
    /// Raw waveforms.
    pub waveforms: Option<ImportWaveforms>,
}

/// One device for each row of a table.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportDevices {
    /// The table.
    pub file: String,
    /// Column that names the machine.
    pub id: String,
    /// The device of the site file that is copied; it does not exist itself.
    pub pattern: DeviceId,
    /// What stands before the name in the device's id; the pattern's id and `-` without one.
    pub prefix: Option<String>,
    /// Column of the class, where machines differ; the pattern's class without one.
    pub class: Option<String>,
}

/// Recorded readings.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportReadings {
    /// File name with `*` for any run of letters; `{device}` stands for the machine's name.
    pub file: String,
    /// Column that names the machine; without one, and without `{device}`, every device is meant.
    pub device: Option<String>,
    /// How the file is written.
    #[serde(default)]
    pub format: ReadingsFormat,
}

/// How recorded readings are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingsFormat {
    /// A table with a head.
    #[default]
    Csv,
    /// Lines of an `MTConnect` adapter: `time|key|value|key|value…`.
    Shdr,
}

/// Codes that machines reported, one in a row.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportEvents {
    /// The table; it may be missing from a folder.
    pub file: String,
    /// Column of the time.
    pub time: String,
    /// Column of the machine.
    pub device: String,
    /// Column of the code.
    pub code: String,
    /// `source/point` of the text channel that takes the codes.
    pub channel: String,
}

/// Repairs, one in a row.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRepairs {
    /// The table; it may be missing from a folder.
    pub file: String,
    /// Column of the time.
    pub time: String,
    /// Column of the machine.
    pub device: String,
    /// Column of the component.
    pub component: String,
    /// Column of the record's own words.
    pub text: Option<String>,
    /// What was done in each row.
    #[serde(default = "replace")]
    pub activity: Activity,
}

/// Failures, one in a row.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportFailures {
    /// The table; without one, every machine fails at its last reading.
    pub file: Option<String>,
    /// Column of the time.
    #[serde(default)]
    pub time: String,
    /// Column of the machine.
    #[serde(default)]
    pub device: String,
    /// Column of the component; without one, a ticket for any component counts.
    pub component: Option<String>,
    /// A ticket counts if the failure follows within this time.
    #[serde(default = "within")]
    pub within: Span,
}

/// Raw waveforms: 16-bit little-endian samples, channels interleaved, in packed files.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportWaveforms {
    /// The table that lists the files.
    pub file: String,
    /// Column of the file's name.
    pub path: String,
    /// Column of the machine; every device without one.
    pub device: Option<String>,
    /// Column of the sampling rate in Hz.
    pub rate_hz: String,
    /// Column of the samples of one snapshot and channel.
    pub samples: String,
    /// Column of the scale to g; several joined by `+`.
    pub scale: String,
    /// Column of the channels' names, joined by `+`.
    pub channels: String,
    /// Column of the speed.
    pub rpm: Option<String>,
    /// Column of the time of a file's only snapshot.
    pub time: Option<String>,
    /// Column of the readings table that marks with `1` the rows whose snapshots are in the file.
    pub marked: Option<String>,
    /// `source/waveform.axis` for each channel of a file that is wanted.
    pub axes: BTreeMap<String, String>,
}

/// A machine of the table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// As the folder's files call it.
    pub name: String,
    /// Its class, where the table has one.
    pub class: Option<String>,
}

impl ImportDevices {
    /// The id of a machine.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] for a name of which nothing is left.
    pub fn id_of(&self, name: &str) -> Result<DeviceId, InvalidId> {
        let prefix = self.prefix.clone().unwrap_or_else(|| format!("{}-", self.pattern));
        DeviceId::new(&slug(&format!("{prefix}{name}")))
    }
}

impl SiteFile {
    /// The site file with one device for each listed machine in place of the pattern. Machines of
    /// one class are sisters.
    ///
    /// # Errors
    ///
    /// [`ImportError`] when there is no such pattern, or a name makes no id.
    pub fn with_listed(mut self, listed: &[Listed]) -> Result<Self, ImportError> {
        let Some(devices) = self.import.as_ref().and_then(|it| it.devices.clone()) else {
            return Ok(self);
        };
        let found = self.devices.iter().position(|it| it.id == devices.pattern);
        let place =
            found.ok_or_else(|| ImportError::NoPattern { pattern: devices.pattern.clone() })?;
        let pattern = self.devices.remove(place);
        let mut made = Vec::new();
        for machine in listed {
            let id = devices
                .id_of(&machine.name)
                .map_err(|source| ImportError::Name { name: machine.name.clone(), source })?;
            let name = Localized::new(
                format!("{} {}", pattern.name.en, machine.name),
                format!("{} {}", pattern.name.zh, machine.name),
            );
            let class = machine.class.clone().unwrap_or_else(|| pattern.class.clone());
            made.push(super::Device { id, name, class, ..pattern.clone() });
        }
        for place in 0..made.len() {
            let is_sister =
                |it: &&super::Device| it.class == made[place].class && it.id != made[place].id;
            let sisters = made.iter().filter(is_sister).map(|it| it.id.clone()).collect();
            made[place].siblings = sisters;
        }
        self.devices.extend(made);
        Ok(self)
    }
}

/// Lower case, with `-` for whatever may not stand in an id.
#[must_use]
pub fn slug(text: &str) -> String {
    let letters = text.trim().chars().map(|letter| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    });
    letters.collect()
}

fn replace() -> Activity {
    Activity::Replace
}

/// What three days ahead means to a planner: parts can come and a shift can be found.
fn within() -> Span {
    Span::from_secs(72 * 3_600)
}

/// Why a table of machines makes no devices.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ImportError {
    /// A name makes no id.
    #[error("`{name}` makes no device id")]
    Name {
        /// The name.
        name: String,
        /// Why.
        source: InvalidId,
    },
    /// There is no such device to copy.
    #[error("`pattern` of [import.devices] is `{pattern}`, which no [[device]] is called")]
    NoPattern {
        /// The pattern.
        pattern: DeviceId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = r#"
        schema = "forewarn.site/1"
        [site]
        id = "plant"
        name = { en = "plant" }
        time_zone = "UTC"
        [[link]]
        id = "files"
        via = { csv = {} }
        [[device]]
        id = "machine"
        name = { en = "machine", zh = "设备" }
        class = "press"
        [[device.source]]
        id = "plc"
        template = "press"
        link = "files"
        [import.devices]
        file = "machines.csv"
        id = "machineID"
        pattern = "machine"
    "#;

    fn listed(name: &str, class: Option<&str>) -> Listed {
        Listed { name: name.to_owned(), class: class.map(str::to_owned) }
    }

    #[test]
    fn each_listed_machine_is_a_copy_of_the_pattern_and_a_sister_of_its_class() {
        let file: SiteFile = toml::from_str(SITE).expect("a site file");
        let machines = [listed("1", None), listed("Press 2", None), listed("3", Some("mill"))];
        let site = file.with_listed(&machines).expect("the pattern is there");
        let ids: Vec<&str> = site.devices.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["machine-1", "machine-press-2", "machine-3"]);
        assert_eq!(site.devices[0].name.zh, "设备 1");
        let sisters: Vec<usize> = site.devices.iter().map(|it| it.siblings.len()).collect();
        assert_eq!(sisters, [1, 1, 0]);
    }

    #[test]
    fn a_pattern_that_does_not_exist_is_named() {
        let text = SITE.replace("pattern = \"machine\"", "pattern = \"lathe\"");
        let file: SiteFile = toml::from_str(&text).expect("a site file");
        let error = file.with_listed(&[]).expect_err("there is no lathe");
        assert!(error.to_string().contains("`lathe`"), "{error}");
    }
}
