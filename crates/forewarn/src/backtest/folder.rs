//! A recorded folder as the plant would have seen it: machines, readings, codes, repairs, failures.
//!
//! What lies where stands in `[import]` of the site file. Rows of machines that the site does not have
//! are counted, never dropped in silence; failures are read for the score and shown to no rule.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Readings, TextReading};
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::import::{
    Import, ImportEvents, ImportFailures, ImportReadings, ImportRepairs, Listed, ReadingsFormat,
    slug,
};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Language;
use forewarn_domain::time::{Span, Time};

use super::score::Failure;
use super::table;
use crate::files;
use crate::output::Failure as Refusal;
use crate::recording::{self, Row, file_key};

/// A folder with the site that it belongs to.
pub(super) struct Folder {
    pub(super) plant: Arc<Plant>,
    pub(super) import: Import,
    pub(super) data: PathBuf,
    /// The folder of the site file.
    pub(super) beside: PathBuf,
    /// Machines as the folder calls them.
    pub(super) machines: BTreeMap<String, DeviceId>,
}

impl Folder {
    pub(super) fn open(site: &Path, data: &Path) -> Result<Self, Refusal> {
        let (file, templates) = files::site_file(site)?;
        let import = file.import.clone().unwrap_or_else(usual_layout);
        let (file, machines) = with_machines(file, &import, data)?;
        let plant = Arc::new(Plant::new(file, templates)?);
        let beside = site.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self { plant, import, data: data.to_owned(), beside, machines })
    }

    /// The rules in force: those that the site file names, or the shipped ones.
    pub(super) fn rules(&self) -> Option<PathBuf> {
        self.import.rules.as_ref().map(|it| self.beside.join(it))
    }

    /// How long without readings ends a stretch that was watched.
    pub(super) fn gap(&self) -> Span {
        let sources = self.plant.devices().flat_map(|it| it.device.sources.iter());
        let templates = sources.filter_map(|it| self.plant.template(&it.template));
        let longest = templates.filter_map(|it| Some(it.csv.as_ref()?.interval)).max();
        let three = Span::from_micros(longest.unwrap_or_default().micros().saturating_mul(3));
        three.max(GAP_LEAST)
    }

    /// Files of the folder that a pattern names, in the order of their names.
    pub(super) fn files(&self, pattern: &str) -> Result<Vec<PathBuf>, Refusal> {
        let Some((head, tail)) = pattern.split_once('*') else {
            return Ok(vec![self.data.join(pattern)]);
        };
        let mut found = Vec::new();
        let unreadable = |source| recording::unreadable(&self.data, source);
        for entry in fs::read_dir(&self.data).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
            let fits = name.len() >= head.len() + tail.len();
            if fits && name.starts_with(head) && name.ends_with(tail) {
                found.push(self.data.join(name));
            }
        }
        found.sort();
        if found.is_empty() {
            let (data, pattern) = (self.data.display(), pattern);
            return Err(format!("{data} holds no file `{pattern}`").into());
        }
        Ok(found)
    }

    /// Codes that machines reported, those of one moment in one text; and rows of unknown machines.
    pub(super) fn events(&self) -> Result<(Vec<Row>, u64), Refusal> {
        let Some(mapped) = &self.import.events else { return Ok((Vec::new(), 0)) };
        let ImportEvents { file, time, device, code, channel } = mapped;
        let path = self.data.join(file);
        let Some(cells) = table::read(&path, &[time, device, code])? else {
            return Ok((Vec::new(), 0));
        };
        let mut unknown = 0;
        let mut codes: BTreeMap<(Time, DeviceId), Vec<String>> = BTreeMap::new();
        for row in cells {
            let [time, device, code] = &row.cells[..] else { continue };
            match self.machines.get(device) {
                None => unknown += 1,
                Some(device) => {
                    let key = (table::time(&path, row.line, time)?, device.clone());
                    codes.entry(key).or_default().push(code.clone());
                }
            }
        }
        let key = file_key(&path)?;
        let mut rows = Vec::new();
        for (((t, device), codes), seq) in codes.into_iter().zip(1_u64..) {
            let channel: ChannelId = format!("{device}/{channel}").parse()?;
            let (text, quality) = (codes.join(","), Quality::Good);
            let texts = vec![TextReading { channel: 0, t, text, quality }];
            let readings = Readings { channels: vec![channel], texts, ..Readings::default() };
            let body = BatchBody::Readings(readings);
            rows.push(Row { t, batch: Batch { key: key.clone(), seq, body } });
        }
        Ok((rows, unknown))
    }

    /// Repairs in the order of time, and rows of unknown machines.
    pub(super) fn repairs(&self) -> Result<(Vec<RepairRecord>, u64), Refusal> {
        let Some(mapped) = &self.import.repairs else { return Ok((Vec::new(), 0)) };
        let ImportRepairs { file, time, device, component, text, activity } = mapped;
        let path = self.data.join(file);
        let text_column = text.as_deref();
        let mut columns = vec![time.as_str(), device.as_str(), component.as_str()];
        columns.extend(text_column);
        let Some(cells) = table::read(&path, &columns)? else { return Ok((Vec::new(), 0)) };
        let (mut repairs, mut unknown) = (Vec::new(), 0);
        for row in cells {
            let at = table::time(&path, row.line, &row.cells[0])?;
            let Some(device) = self.machines.get(&row.cells[1]).cloned() else {
                unknown += 1;
                continue;
            };
            let part = &row.cells[2];
            let component = ComponentId::new(&slug(part))?;
            let said = row.cells.get(3).filter(|it| !it.is_empty()).cloned();
            let text = said.unwrap_or_else(|| format!("{activity} {part}"));
            repairs.push(RepairRecord {
                id: RepairId::derive(&device, at, &text),
                at,
                device,
                component,
                activity: *activity,
                part: None,
                text,
                language: Language::En,
                cause: None,
                outcome: Outcome::Unknown,
                hours: None,
                ticket: None,
                shape: None,
            });
        }
        repairs.sort_by(|a, b| a.at.cmp(&b.at).then(a.id.cmp(&b.id)));
        Ok((repairs, unknown))
    }

    /// What failed; `None` where the folder does not say it, or where machines fail at their end.
    pub(super) fn failures(&self) -> Result<Option<Vec<Failure>>, Refusal> {
        let Some(mapped) = &self.import.failures else { return Ok(None) };
        let ImportFailures { file, time, device, component, .. } = mapped;
        let Some(file) = file else { return Ok(None) };
        let path = self.data.join(file);
        let mut columns = vec![time.as_str(), device.as_str()];
        columns.extend(component.as_deref());
        let Some(cells) = table::read(&path, &columns)? else { return Ok(None) };
        let mut failures = Vec::new();
        for row in cells {
            let at = table::time(&path, row.line, &row.cells[0])?;
            let Some(device) = self.machines.get(&row.cells[1]).cloned() else { continue };
            let component = row.cells.get(2).map(|it| ComponentId::new(&slug(it))).transpose()?;
            failures.push(Failure { device, component, at });
        }
        failures.sort();
        Ok(Some(failures))
    }
}

/// Makes devices of the machines that the folder lists; without a list the site's own devices are
/// the machines.
fn with_machines(
    file: SiteFile,
    import: &Import,
    data: &Path,
) -> Result<(SiteFile, BTreeMap<String, DeviceId>), Refusal> {
    let Some(devices) = &import.devices else {
        let own = file.devices.iter().map(|it| (it.id.to_string(), it.id.clone())).collect();
        return Ok((file, own));
    };
    let path = data.join(&devices.file);
    let mut columns = vec![devices.id.as_str()];
    columns.extend(devices.class.as_deref());
    let cells = table::read(&path, &columns)?;
    let cells = cells.ok_or_else(|| format!("{} is not there", path.display()))?;
    let (mut listed, mut machines) = (Vec::new(), BTreeMap::new());
    for row in cells {
        let (name, class) = (row.cells[0].clone(), row.cells.get(1).map(|it| slug(it)));
        let id = devices.id_of(&name)?;
        if machines.insert(name.clone(), id).is_none() {
            listed.push(Listed { name, class });
        }
    }
    Ok((file.with_listed(&listed)?, machines))
}

/// What a folder looks like to a site file that does not say it.
fn usual_layout() -> Import {
    let (time, device, component) = ("time", "device", "component");
    Import {
        readings: vec![ImportReadings {
            file: "readings*".to_owned(),
            device: None,
            format: ReadingsFormat::Csv,
        }],
        repairs: Some(ImportRepairs {
            file: "repairs.csv".to_owned(),
            time: time.to_owned(),
            device: device.to_owned(),
            component: component.to_owned(),
            text: Some("text".to_owned()),
            activity: Activity::Repair,
        }),
        failures: Some(ImportFailures {
            file: Some("failures.csv".to_owned()),
            time: time.to_owned(),
            device: device.to_owned(),
            component: Some(component.to_owned()),
            within: Span::from_secs(72 * 3_600),
        }),
        ..Import::default()
    }
}

/// Shorter pauses are part of watching.
const GAP_LEAST: Span = Span::from_secs(600);
