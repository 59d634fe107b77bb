//! Recorded files as an agent's stream: one row is one batch, in the order of the file.
//!
//! A file plays the agent `file-<sha256>` with epoch 0 and stream 1, so the same file always gives the
//! same reading ids. Cells that are empty or no number become nothing and are counted.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{AgentId, InvalidId};
use forewarn_domain::quality::{Quality, Uncertain};
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey, TextReading,
};
use forewarn_domain::site::plant::Plant;
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
    columns: Vec<Column>,
    channels: Vec<ChannelId>,
    next_time: Time,
    seq: u64,
    unreadable: u64,
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
        path: &Path,
        start: Option<Time>,
        bar: &ProgressBar,
    ) -> Result<Self, RecordingError> {
        let hash = sha256_of(path).map_err(|source| unreadable(path, source))?;
        let agent = AgentId::new(&format!("file-{}", &hash[..32]))?;
        let reader = open(path, bar).map_err(|source| unreadable(path, source))?;
        let settings = csv_settings(plant)
            .ok_or_else(|| RecordingError::NoCsvSource { site: plant.site.id.to_string() })?;
        let separator = u8::try_from(settings.separator).unwrap_or(b',');
        let mut rows =
            csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(reader);
        let header = rows.headers().map_err(|source| broken(path, 1, source))?.clone();
        let find = |name: &str| header.iter().position(|it| it.trim() == name);
        let time_column = match &settings.time {
            None => None,
            Some(name) => Some(find(name).ok_or_else(|| RecordingError::NoColumn {
                path: path.to_owned(),
                column: name.clone(),
                known: header.iter().map(str::to_owned).collect(),
            })?),
        };
        let (columns, channels) = columns_of(plant, &find);
        if columns.is_empty() {
            return Err(RecordingError::NothingKnown {
                path: path.to_owned(),
                known: header.iter().map(str::to_owned).collect(),
            });
        }
        let key = StreamKey { agent, epoch: Epoch(0), stream: Stream::NORMAL };
        let next_time = start.or(settings.start).unwrap_or_default();
        Ok(Self {
            rows,
            record: csv::StringRecord::new(),
            path: path.to_owned(),
            key,
            settings,
            time_column,
            columns,
            channels,
            next_time,
            seq: 0,
            unreadable: 0,
        })
    }

    /// The next row; `None` at the end of the file.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row>, RecordingError> {
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
        let mut readings = Readings { channels: self.channels.clone(), ..Readings::default() };
        for column in &self.columns {
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
        let body = BatchBody::Readings(readings);
        let batch = Batch { key: self.key.clone(), seq: self.seq, body };
        Ok(Some(Row { t, batch }))
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

    fn time_of_row(&self, line: u64) -> Result<Time, RecordingError> {
        let Some(index) = self.time_column else {
            return Ok(self.next_time);
        };
        let cell = self.record.get(index).unwrap_or_default().trim();
        parse_time(cell, self.settings.format.as_deref()).ok_or_else(|| RecordingError::NoTime {
            path: self.path.clone(),
            line,
            text: cell.to_owned(),
        })
    }
}

fn csv_settings(plant: &Plant) -> Option<CsvSettings> {
    let sources = plant.devices().flat_map(|it| it.device.sources.iter());
    sources.filter_map(|it| plant.template(&it.template)?.csv.clone()).next()
}

fn columns_of(
    plant: &Plant,
    find: &dyn Fn(&str) -> Option<usize>,
) -> (Vec<Column>, Vec<ChannelId>) {
    let mut columns = Vec::new();
    let mut channels = Vec::new();
    for device in plant.devices() {
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

fn number(cell: &str, point: &PointTemplate) -> Option<(f64, Quality)> {
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

fn parse_time(cell: &str, format: Option<&str>) -> Option<Time> {
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

fn open(path: &Path, bar: &ProgressBar) -> io::Result<Box<dyn Read>> {
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

/// Runs that carry no time are laid this far apart, so that nothing learned spans two of them.
pub(crate) const BETWEEN_RUNS: Span = Span::from_secs(3_600);

fn unreadable(path: &Path, source: io::Error) -> RecordingError {
    RecordingError::Unreadable { path: path.to_owned(), source }
}

fn broken(path: &Path, line: u64, source: csv::Error) -> RecordingError {
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
