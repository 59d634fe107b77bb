//! Rows of a table become repair records; whatever cannot is told by line, column and remedy.

use std::collections::{BTreeMap, HashMap};

use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::repair::{RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::time::Time;
use forewarn_store::records::{ImportedRepair, RepairOrigin};
use sha2::{Digest, Sha256};

use super::map::{Field, HistoryMap};
use super::rows::{BadRow, Row, Table};

/// What a table holds.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    pub(crate) rows: usize,
    pub(crate) good: Vec<ImportedRepair>,
    pub(crate) bad: Vec<BadRow>,
}

/// Where each field stands in a table.
pub(crate) struct Places<'m> {
    map: &'m HistoryMap,
    header: Vec<String>,
    of: BTreeMap<Field, usize>,
}

/// Reads every row of a table by a map.
pub(crate) fn harvest(table: Table, map: &HistoryMap) -> Result<Harvest, String> {
    let places = Places::find(&table.header, map, &[])?;
    let mut harvest = Harvest { rows: table.rows.len(), ..Harvest::default() };
    let mut seen = Seen::default();
    for row in table.rows {
        match row.and_then(|row| places.repair(&row, &mut seen)) {
            Ok(repair) => harvest.good.push(repair),
            Err(bad) => harvest.bad.push(bad),
        }
    }
    Ok(harvest)
}

/// What was met before in the same table.
#[derive(Default)]
struct Seen {
    /// Line of each id.
    ids: HashMap<String, usize>,
    /// How often the same cells came without an id.
    twins: HashMap<String, usize>,
}

impl<'m> Places<'m> {
    /// Finds the columns; fields of `excused` may be absent too.
    pub(crate) fn find(
        header: &[String],
        map: &'m HistoryMap,
        excused: &[Field],
    ) -> Result<Self, String> {
        let mut of = BTreeMap::new();
        for (field, name) in &map.columns {
            match header.iter().position(|it| it == name) {
                Some(place) => {
                    of.insert(*field, place);
                }
                None if map.optional.contains(field) || excused.contains(field) => {}
                None => {
                    return Err(format!(
                        "the table has no column `{name}`, which the map names for {field:?}; it has {}",
                        header.join(", ")
                    ));
                }
            }
        }
        Ok(Self { map, header: header.to_vec(), of })
    }

    /// What a row says in a field.
    pub(crate) fn said(&self, row: &Row, field: Field) -> Option<String> {
        self.map.said(row.cells.get(*self.of.get(&field)?)?)
    }

    /// The row's own time.
    pub(crate) fn time(&self, row: &Row) -> Result<Option<Time>, BadRow> {
        let Some(text) = self.said(row, Field::Date) else { return Ok(None) };
        let remedy = "correct the date, or `date_format` in the map";
        self.map.time(&text).map(Some).map_err(|reason| self.bad(row, Field::Date, reason, remedy))
    }

    /// A refusal of one cell.
    pub(crate) fn bad(&self, row: &Row, field: Field, reason: String, remedy: &str) -> BadRow {
        let column = self.of.get(&field).and_then(|it| self.header.get(*it)).cloned();
        BadRow { line: row.line, column, reason, remedy: remedy.to_owned() }
    }

    fn repair(&self, row: &Row, seen: &mut Seen) -> Result<ImportedRepair, BadRow> {
        let fixed = &self.map.fixed;
        let missing =
            |field, what: &str, remedy| self.bad(row, field, format!("there is no {what}"), remedy);
        let observed = self
            .said(row, Field::Text)
            .ok_or_else(|| missing(Field::Text, "text", "write what was observed"))?;
        let at = self
            .time(row)?
            .or(fixed.date)
            .ok_or_else(|| missing(Field::Date, "date", "write when the work was done"))?;
        let label = self
            .said(row, Field::Device)
            .or_else(|| fixed.device.clone())
            .ok_or_else(|| missing(Field::Device, "device", "write on which machine"))?;
        let device = self.device(row, &label)?;
        let part = self.said(row, Field::Part);
        let component = self.component(row, part.as_deref())?;
        let cost = self.number(row, Field::Cost)?;
        let hours = self.number(row, Field::Hours)?;
        let source_id = self.source_id(row, seen)?;
        let work = self.said(row, Field::Work);
        let failure_mode = self.said(row, Field::FailureMode);
        let text = match &work {
            Some(work) => format!("{observed} → {work}"),
            None => observed.clone(),
        };
        let activity = self.said(row, Field::Activity).or(work);
        let id = RepairId::of_source(self.map.source.as_str(), &source_id);
        let is_zh = text.chars().any(|it| matches!(it, '\u{4e00}'..='\u{9fff}'));
        let record = RepairRecord {
            id,
            at,
            device,
            component,
            activity: self.map.activity_of(activity.as_deref()),
            part: self.said(row, Field::UsedPart),
            text,
            language: if is_zh { Language::Zh } else { Language::En },
            cause: self.map.cause_of(failure_mode.as_deref()),
            outcome: self.map.outcome_of(self.said(row, Field::Outcome).as_deref()),
            hours,
            ticket: self.said(row, Field::Ticket),
            shape: None,
        };
        let origin = RepairOrigin {
            repair: id,
            source: self.map.source.to_string(),
            source_id,
            device: label,
            part,
            failure_mode,
            observed,
            cost,
            row_sha256: self.fingerprint(row),
        };
        Ok(ImportedRepair { record, origin })
    }

    fn device(&self, row: &Row, label: &str) -> Result<DeviceId, BadRow> {
        let remedy = "give it a name under [device.names] in the map";
        DeviceId::new(&self.map.device_id(label))
            .map_err(|error| self.bad(row, Field::Device, error.to_string(), remedy))
    }

    fn component(&self, row: &Row, part: Option<&str>) -> Result<ComponentId, BadRow> {
        let fixed = self.map.fixed.component.as_deref().unwrap_or(NO_PART);
        let id = part.map_or_else(|| fixed.to_owned(), |part| self.map.component_id(part));
        let remedy = "give it a name under [component.names] in the map";
        ComponentId::new(&id).map_err(|error| self.bad(row, Field::Part, error.to_string(), remedy))
    }

    fn number(&self, row: &Row, field: Field) -> Result<Option<f64>, BadRow> {
        let Some(text) = self.said(row, field) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            Ok(_) | Err(_) => {
                let remedy = "write a plain number; or the row's cells are shifted: quote cells that \
                              hold the separator or an apostrophe";
                Err(self.bad(row, field, format!("`{text}` is no number"), remedy))
            }
        }
    }

    /// The row's own id; without one a fingerprint of its cells, counted where several are the same.
    fn source_id(&self, row: &Row, seen: &mut Seen) -> Result<String, BadRow> {
        if !self.of.contains_key(&Field::Id) {
            let print = self.fingerprint(row);
            let twins = seen.twins.entry(print.clone()).or_insert(0);
            *twins += 1;
            return Ok(format!("{}-{twins}", print.get(..16).unwrap_or(&print)));
        }
        let Some(id) = self.said(row, Field::Id) else {
            let remedy = "give every row its id";
            return Err(self.bad(row, Field::Id, "there is no id".to_owned(), remedy));
        };
        if let Some(line) = seen.ids.insert(id.clone(), row.line) {
            seen.ids.insert(id.clone(), line);
            let reason = format!("id `{id}` stands on line {line} already");
            return Err(self.bad(row, Field::Id, reason, "keep one of them, or give it a new id"));
        }
        Ok(id)
    }

    /// Of the cells that the map names, in the order of the fields.
    fn fingerprint(&self, row: &Row) -> String {
        let mut hash = Sha256::new();
        for (field, place) in &self.of {
            let cell = row.cells.get(*place).map_or("", |it| it.trim());
            hash.update(format!("{field:?}\u{1f}{cell}\u{1e}"));
        }
        hash.finalize().iter().map(|it| format!("{it:02x}")).collect()
    }
}

/// The component of a repair whose part nobody wrote down.
const NO_PART: &str = "machine";
