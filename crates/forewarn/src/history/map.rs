//! Map files `forewarn.history-map/1`: which column of a foreign table is what in a repair record.
//!
//! Reading is strict: unknown keys, fields and words are refused. `docs/history.md` describes the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use forewarn_domain::cause::CauseCode;
use forewarn_domain::id::SiteId;
use forewarn_domain::repair::{Activity, Outcome};
use forewarn_domain::time::Time;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::files::Text;
use crate::output::Failure;

/// A map file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryMap {
    schema: String,
    /// Name of the source; with the row's own id it makes the id of the record.
    pub(crate) source: SiteId,
    #[serde(default = "comma")]
    pub(crate) separator: char,
    /// Cells that mean nothing, besides empty ones.
    #[serde(default)]
    nothing: BTreeSet<String>,
    /// The header of each field's column.
    pub(crate) columns: BTreeMap<Field, String>,
    /// Fields whose column may be absent from a file.
    #[serde(default)]
    pub(crate) optional: BTreeSet<Field>,
    /// `strftime` format of the date column, or `rfc3339`.
    #[serde(default = "iso_date")]
    date_format: String,
    #[serde(default)]
    device: Names,
    #[serde(default)]
    component: Names,
    /// Parts of words that tell the activity; the first that is found counts.
    #[serde(default)]
    activity: Vec<(String, Activity)>,
    #[serde(default)]
    outcome: Vec<(String, Outcome)>,
    /// Parts of failure modes that tell the cause, a code of `models/failure-modes`.
    #[serde(default)]
    cause: Vec<(String, CauseCode)>,
    #[serde(default)]
    pub(crate) fixed: Fixed,
}

/// What a column can hold.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    Id,
    Date,
    Device,
    Text,
    Work,
    Part,
    UsedPart,
    FailureMode,
    Activity,
    Outcome,
    Hours,
    Cost,
    Ticket,
}

/// How foreign names become ids.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    names: BTreeMap<String, String>,
}

/// Values for what a table does not hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixed {
    pub(crate) date: Option<Time>,
    pub(crate) device: Option<String>,
    pub(crate) component: Option<String>,
    pub(crate) activity: Option<Activity>,
    pub(crate) outcome: Option<Outcome>,
}

impl HistoryMap {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let map: Self = Text::read(path)?.parse()?;
        map.check().map_err(|what| format!("map {}: {what}", path.display()))?;
        Ok(map)
    }

    /// A cell that says something.
    pub(crate) fn said(&self, cell: &str) -> Option<String> {
        let cell = cell.trim();
        (!cell.is_empty() && !self.nothing.contains(cell)).then(|| cell.to_owned())
    }

    pub(crate) fn time(&self, text: &str) -> Result<Time, String> {
        let format = self.date_format.as_str();
        time(text, format).ok_or_else(|| format!("`{text}` is no date of the form `{format}`"))
    }

    pub(crate) fn device_id(&self, label: &str) -> String {
        id_of(label, &self.device)
    }

    pub(crate) fn component_id(&self, label: &str) -> String {
        id_of(label, &self.component)
    }

    pub(crate) fn activity_of(&self, words: Option<&str>) -> Activity {
        let fixed = self.fixed.activity.unwrap_or(Activity::Repair);
        words.and_then(|it| told(it, &self.activity)).unwrap_or(fixed)
    }

    pub(crate) fn outcome_of(&self, words: Option<&str>) -> Outcome {
        let fixed = self.fixed.outcome.unwrap_or(Outcome::Unknown);
        words.and_then(|it| told(it, &self.outcome)).unwrap_or(fixed)
    }

    /// The cause behind a failure mode; without a rule for it, none: a foreign word is no code.
    pub(crate) fn cause_of(&self, failure_mode: Option<&str>) -> Option<CauseCode> {
        told(failure_mode?, &self.cause)
    }

    fn check(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("schema is `{}`; `{SCHEMA}` is expected", self.schema));
        }
        if !self.separator.is_ascii() {
            return Err(format!("separator {:?} is not one ASCII character", self.separator));
        }
        if !self.columns.contains_key(&Field::Text) {
            return Err("[columns] names no column for `text`".to_owned());
        }
        let fixed = [
            (Field::Date, self.fixed.date.is_some()),
            (Field::Device, self.fixed.device.is_some()),
        ];
        for (field, is_fixed) in fixed {
            if !is_fixed && (!self.columns.contains_key(&field) || self.optional.contains(&field)) {
                return Err(format!(
                    "{field:?} has neither a sure column nor a value under [fixed]"
                ));
            }
        }
        if let Some(field) = self.optional.iter().find(|it| !self.columns.contains_key(it)) {
            return Err(format!("`optional` names {field:?}, which has no column"));
        }
        Ok(())
    }
}

/// Reads a time by a format; a date alone is its midnight, UTC.
pub(crate) fn time(text: &str, format: &str) -> Option<Time> {
    if format == "rfc3339" {
        return text.parse().ok();
    }
    let whole = chrono::NaiveDateTime::parse_from_str(text, format).ok();
    let day = || chrono::NaiveDate::parse_from_str(text, format).ok()?.and_hms_opt(0, 0, 0);
    Some(Time::from(whole.or_else(day)?.and_utc()))
}

fn id_of(label: &str, rule: &Names) -> String {
    if let Some(name) = rule.names.get(label) {
        return name.clone();
    }
    let mut id = rule.prefix.clone();
    for letter in label.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => id.push(letter),
            _ if id.ends_with('-') || id.is_empty() => {}
            _ => id.push('-'),
        }
    }
    let id = id.trim_end_matches('-');
    let is_told = label.is_ascii() && id.len() <= ID_LEN_SHOWN && rule.prefix.len() < id.len();
    if is_told {
        return id.to_owned();
    }
    // Letters that an id cannot hold: a fingerprint keeps two names apart.
    let mark: String = Sha256::digest(label).iter().take(4).map(|it| format!("{it:02x}")).collect();
    let start: String = id.chars().take(ID_LEN_SHOWN).collect();
    format!("{start}-{mark}").trim_start_matches('-').to_owned()
}

fn told<T: Clone>(words: &str, rules: &[(String, T)]) -> Option<T> {
    let words = words.to_lowercase();
    rules.iter().find(|(word, _)| words.contains(&word.to_lowercase())).map(|it| it.1.clone())
}

fn comma() -> char {
    ','
}

fn iso_date() -> String {
    "%Y-%m-%d".to_owned()
}

const SCHEMA: &str = "forewarn.history-map/1";

/// With a fingerprint behind it, still an id.
const ID_LEN_SHOWN: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Result<HistoryMap, String> {
        let map: HistoryMap = toml::from_str(text).map_err(|it| it.to_string())?;
        map.check().map(|()| map)
    }

    const GOOD: &str = "schema = 'forewarn.history-map/1'\nsource = 'cmms'\n\
        activity = [['replac', 'replace'], ['check', 'inspection']]\n\
        [columns]\ntext = 'words'\ndate = 'day'\ndevice = 'machine'\n\
        [device]\nprefix = 'press-'\nnames = { old = 'press-00' }\n";

    #[test]
    fn names_become_ids_that_stay_apart() {
        let map = map(GOOD).expect("a good map");
        assert_eq!(map.device_id("7 B"), "press-7-b");
        assert_eq!(map.device_id("old"), "press-00");
        assert_eq!(map.component_id("Gear Box_Oil"), "gear-box-oil");
        let (one, two) = (map.component_id("油缸"), map.component_id("油泵"));
        assert_ne!(one, two);
        for id in [one, two, map.component_id(&"x y".repeat(40))] {
            id.parse::<forewarn_domain::id::ComponentId>().expect("an id");
        }
        assert_eq!(map.activity_of(Some("REMOVED & REPLACED")), Activity::Replace);
        assert_eq!(map.activity_of(None), Activity::Repair);
    }

    #[test]
    fn a_map_that_cannot_be_right_is_refused() {
        for (from, to, named) in [
            ("map/1", "map/2", "is expected"),
            ("text = ", "txt = ", "unknown variant"),
            ("date = 'day'\n", "", "Date has neither"),
            ("source", "optional = ['cost']\nsource", "Cost, which has no column"),
            ("'inspection'", "'glance'", "glance"),
        ] {
            let error = map(&GOOD.replacen(from, to, 1)).expect_err(named);
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn dates_follow_their_format() {
        let day = time("2009-01-05", "%Y-%m-%d").expect("a day");
        assert_eq!(day.to_string(), time("05.01.2009", "%d.%m.%Y").expect("a day").to_string());
        assert!(time("2009-01-05 06:30", "%Y-%m-%d %H:%M").expect("a time") > day);
        assert_eq!(time("won", "%Y-%m-%d"), None);
    }
}
