//! Recorded files as an agent's stream: one row is one batch, in the order of the file.
//!
//! A file plays the agent `file-<sha256>` with epoch 0 and stream 1, so the same file always gives the
//! same reading ids. Cells that are empty or no number become nothing and are counted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{AgentId, DeviceId, InvalidId};
use forewarn_domain::quality::{Quality, Uncertain};
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey, TextReading,
};
use forewarn_domain::site::plant::{Plant, PlantDevice};
use forewarn_domain::template::{CsvSettings, PointAddress, PointTemplate};
use forewarn_domain::time::{Span, Time};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

/// One recorded file, read row by row.
pub(crate) struct Recording {
    rows: csv::Reader<Box<dyn Read>>,
    record: csv::StringRecord,
    path: PathBuf,
    key: StreamKey,
    settings: CsvSettings,
    time_column: Option<usize>,
    /// Column of the machine's name, where the file holds several.
    machine_column: Option<usize>,
    lanes: Vec<Lane>,
    next_time: Time,
    seq: u64,
    unreadable: u64,
    unknown: u64,
}

/// A file, and whose it is.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    /// Where the rows begin when they carry no time.
    pub(crate) start: Option<Time>,
    pub(crate) whose: Whose<'a>,
}

/// Whose readings a file holds.
pub(crate) enum Whose<'a> {
    /// Every device has its columns.
    All,
    /// The one that a column names.
    Named { column: &'a str, devices: &'a BTreeMap<String, DeviceId> },
    /// One device's.
    One(&'a DeviceId),
}

/// The columns of a row, and the channels that they are.
struct Lane {
    /// Whose, as the file calls it.
    machine: String,
    columns: Vec<Column>,
    channels: Vec<ChannelId>,
}

/// One row of a file.
pub(crate) struct Row {
    /// Its time.
    pub(crate) t: Time,
    /// What it holds; its number is that of the row.
    pub(crate) batch: Batch,
}

struct Column {
    index: usize,
    channel: u16,
    point: PointTemplate,
}

impl Recording {
    /// Opens a file for the plant's CSV sources; without a time column its rows begin at `start`, or
    /// where the template says. The bar counts the bytes of the file as it lies on disk.
    pub(crate) fn open(
        plant: &Plant,
        source: Source<'_>,
        bar: &ProgressBar,
    ) -> Result<Self, RecordingError> {
        let Source { path, start, whose } = source;
        let reader = open(path, bar).map_err(|source| unreadable(path, source))?;
        let settings = csv_settings(plant)
            .ok_or_else(|| RecordingError::NoCsvSource { site: plant.site.id.to_string() })?;
        let separator = u8::try_from(settings.separator).unwrap_or(b',');
        let mut rows =
            csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(reader);
        let header = rows.headers().map_err(|source| broken(path, 1, source))?.clone();
        let find = |name: &str| header.iter().position(|it| it.trim() == name);
        let known = || header.iter().map(str::to_owned).collect();
        let need = |name: &str| {
            let missing = || RecordingError::NoColumn {
                path: path.to_owned(),
                column: name.to_owned(),
                known: known(),
            };
            find(name).ok_or_else(missing)
        };
        let time_column = settings.time.as_deref().map(need).transpose()?;
        let machine_column = match &whose {
            Whose::Named { column, .. } => Some(need(column)?),
            Whose::All | Whose::One(_) => None,
        };
        let lanes = lanes(plant, &whose, &find);
        if lanes.iter().all(|it| it.columns.is_empty()) {
            return Err(RecordingError::NothingKnown { path: path.to_owned(), known: known() });
        }
        Ok(Self {
            rows,
            record: csv::StringRecord::new(),
            path: path.to_owned(),
            key: file_key(path)?,
            next_time: start.or(settings.start).unwrap_or_default(),
            settings,
            time_column,
            machine_column,
            lanes,
            seq: 0,
            unreadable: 0,
            unknown: 0,
        })
    }

    /// The next row; `None` at the end of the file.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row>, RecordingError> {
        loop {
            let line = self.seq + 2;
            let has_row = self
                .rows
                .read_record(&mut self.record)
                .map_err(|source| broken(&self.path, line, source))?;
            if !has_row {
                return Ok(None);
            }
            self.seq += 1;
            let t = self.time_of_row(line)?;
            self.next_time = t + self.settings.interval;
            if let Some(readings) = self.readings(t) {
                let body = BatchBody::Readings(readings);
                let batch = Batch { key: self.key.clone(), seq: self.seq, body };
                return Ok(Some(Row { t, batch }));
            }
            self.unknown += 1;
        }
    }

    /// What the present row holds; `None` for a machine that the site does not have.
    fn readings(&mut self, t: Time) -> Option<Readings> {
        let lane = match self.machine_column {
            None => self.lanes.first()?,
            Some(column) => {
                let machine = self.record.get(column).unwrap_or_default().trim();
                let place =
                    self.lanes.binary_search_by(|it| it.machine.as_str().cmp(machine)).ok()?;
                self.lanes.get(place)?
            }
        };
        let mut readings = Readings { channels: lane.channels.clone(), ..Readings::default() };
        for column in &lane.columns {
            let cell = self.record.get(column.index).unwrap_or_default().trim();
            if column.point.kind.is_text() {
                let text = cell.to_owned();
                let quality = Quality::Good;
                readings.texts.push(TextReading { channel: column.channel, t, text, quality });
            } else if let Some((value, quality)) = number(cell, &column.point) {
                readings.numbers.push(Reading { channel: column.channel, t, value, quality });
            } else {
                self.unreadable += 1;
            }
        }
        Some(readings)
    }

    /// The time after the last row read.
    pub(crate) fn end(&self) -> Time {
        self.next_time
    }

    /// Whether rows carry their own time.
    pub(crate) fn has_time(&self) -> bool {
        self.time_column.is_some()
    }

    /// Cells that held no number.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Rows of machines that the site does not have.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown
    }

    fn time_of_row(&self, line: u64) -> Result<Time, RecordingError> {
        let Some(index) = self.time_column else {
            return Ok(self.next_time);
        };
        let cell = self.record.get(index).unwrap_or_default().trim();
        let found = time_of(cell, &self.settings);
        found.ok_or_else(|| RecordingError::NoTime {
            path: self.path.clone(),
            line,
            text: cell.to_owned(),
        })
    }
}

/// How the plant's recorded files are read: as its first template with `[csv]` says.
pub(crate) fn csv_settings(plant: &Plant) -> Option<CsvSettings> {
    let sources = plant.devices().flat_map(|it| it.device.sources.iter());
    sources.filter_map(|it| plant.template(&it.template)?.csv.clone()).next()
}

/// One lane for each machine that the file may name, in the order of their names; otherwise one.
fn lanes(plant: &Plant, whose: &Whose<'_>, find: &dyn Fn(&str) -> Option<usize>) -> Vec<Lane> {
    let lane = |machine: &str, devices: &mut dyn Iterator<Item = &Arc<PlantDevice>>| {
        let (columns, channels) = columns_of(plant, devices, find);
        Lane { machine: machine.to_owned(), columns, channels }
    };
    match whose {
        Whose::All => vec![lane("", &mut plant.devices())],
        Whose::One(device) => vec![lane("", &mut plant.device(device).into_iter())],
        Whose::Named { devices, .. } => devices
            .iter()
            .map(|(machine, device)| lane(machine, &mut plant.device(device).into_iter()))
            .collect(),
    }
}

fn columns_of(
    plant: &Plant,
    devices: &mut dyn Iterator<Item = &Arc<PlantDevice>>,
    find: &dyn Fn(&str) -> Option<usize>,
) -> (Vec<Column>, Vec<ChannelId>) {
    let mut columns = Vec::new();
    let mut channels = Vec::new();
    for device in devices {
        for source in &device.device.sources {
            let Some(template) = plant.template(&source.template) else { continue };
            for point in &template.points {
                let PointAddress::Csv(name) = &point.at else { continue };
                let (Some(index), Ok(channel)) = (find(name), u16::try_from(channels.len())) else {
                    continue;
                };
                channels.push(ChannelId::new(&device.device.id, &source.id, &point.id));
                columns.push(Column { index, channel, point: point.clone() });
            }
        }
    }
    (columns, channels)
}

/// The numbering of a file: it plays an agent that is named after its content.
pub(crate) fn file_key(path: &Path) -> Result<StreamKey, RecordingError> {
    let hash = sha256_of(path).map_err(|source| unreadable(path, source))?;
    let agent = AgentId::new(&format!("file-{}", &hash[..32]))?;
    Ok(StreamKey { agent, epoch: Epoch(0), stream: Stream::NORMAL })
}

#[expect(clippy::cast_possible_truncation, reason = "a finite number of seconds, saturated")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

pub(crate) fn number(cell: &str, point: &PointTemplate) -> Option<(f64, Quality)> {
    let raw: f64 = match cell {
        "true" | "True" => 1.0,
        "false" | "False" => 0.0,
        other => other.parse().ok()?,
    };
    let value = raw * point.scale + point.offset;
    if !value.is_finite() {
        return None;
    }
    let is_outside = point.range.is_some_and(|[low, high]| value < low || high < value);
    let quality = if is_outside { Quality::Uncertain(Uncertain::Range) } else { Quality::Good };
    Some((value, quality))
}

/// The time in a cell, as the template says.
pub(crate) fn time_of(cell: &str, settings: &CsvSettings) -> Option<Time> {
    if settings.format.as_deref() == Some(SECONDS) {
        let after = cell.parse::<f64>().ok().filter(|it| it.is_finite())?;
        return Some(settings.start.unwrap_or_default() + Span::from_micros(micros(after)));
    }
    parse_time(cell, settings.format.as_deref())
}

pub(crate) fn parse_time(cell: &str, format: Option<&str>) -> Option<Time> {
    if let Some(format) = format {
        let naive = NaiveDateTime::parse_from_str(cell, format).ok()?;
        return Some(Time::from(naive.and_utc()));
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(cell) {
        return Some(Time::from(at.to_utc()));
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f"];
    let naive = formats.iter().find_map(|it| NaiveDateTime::parse_from_str(cell, it).ok())?;
    Some(Time::from(naive.and_utc()))
}

pub(crate) fn open(path: &Path, bar: &ProgressBar) -> io::Result<Box<dyn Read>> {
    let file = BufReader::new(bar.wrap_read(File::open(path)?));
    if path.extension().is_some_and(|it| it == "gz") {
        return Ok(Box::new(flate2::read::GzDecoder::new(file)));
    }
    Ok(Box::new(file))
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut open(path, &ProgressBar::hidden())?, &mut hash)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The word for a time column that counts seconds after the template's `start`.
const SECONDS: &str = "seconds";

/// Runs that carry no time are laid this far apart, so that nothing learned spans two of them.
pub(crate) const BETWEEN_RUNS: Span = Span::from_secs(3_600);

pub(crate) fn unreadable(path: &Path, source: io::Error) -> RecordingError {
    RecordingError::Unreadable { path: path.to_owned(), source }
}

pub(crate) fn broken(path: &Path, line: u64, source: csv::Error) -> RecordingError {
    RecordingError::Broken { path: path.to_owned(), line, source }
}

/// Why a recorded file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingError {
    #[error("{}, line {line}: not a row of the table", path.display())]
    Broken { path: PathBuf, line: u64, source: csv::Error },
    #[error(transparent)]
    Id(#[from] InvalidId),
    #[error("{} has no column `{column}`; it has: {}", path.display(), known.join(", "))]
    NoColumn { path: PathBuf, column: String, known: Vec<String> },
    #[error("site `{site}` has no source with [csv] settings; give its template a [csv] section")]
    NoCsvSource { site: String },
    #[error("{}, line {line}: `{text}` is no time; set `format` in the template's [csv]", path.display())]
    NoTime { path: PathBuf, line: u64, text: String },
    #[error("{} has none of the site's columns; it has: {}", path.display(), known.join(", "))]
    NothingKnown { path: PathBuf, known: Vec<String> },
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
}
