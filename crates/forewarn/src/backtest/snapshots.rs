//! Raw waveforms of a folder: packed 16-bit samples become what a sensor node would have captured.
//!
//! The features are computed by the agent's own code (`forewarn_agent::burst`), so that a recorded
//! waveform is judged like a live one. Deliberately absent: the raw parts of stream 2, which only amend
//! what people see.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::path::PathBuf;

use forewarn_agent::burst::{Circumstances, process};
use forewarn_agent::decode::Value;
use forewarn_agent::intake::Capture;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{DeviceId, StateId};
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{Batch, BatchBody, Reading, Readings, StreamKey};
use forewarn_domain::site::import::ImportWaveforms;
use forewarn_domain::time::Time;
use indicatif::ProgressBar;

use super::folder::Folder;
use super::table;
use crate::output::Failure as Refusal;
use crate::recording::{self, Row};

/// The snapshots of one machine, in the order of time.
pub(super) struct Snapshots {
    files: VecDeque<Packed>,
    ready: VecDeque<Row>,
}

/// A packed file, and how to read it.
struct Packed {
    path: PathBuf,
    device: DeviceId,
    times: Vec<Time>,
    rate_hz: f64,
    samples: usize,
    scale_g: Vec<f64>,
    shaft_hz: Option<f64>,
    /// For each channel of the file, the waveform and axis that it is.
    axes: Vec<Option<(String, Axis)>>,
}

impl Snapshots {
    /// One feed for each machine that has waveforms.
    pub(super) fn of(folder: &Folder, mapped: &ImportWaveforms) -> Result<Vec<Self>, Refusal> {
        let path = folder.data.join(&mapped.file);
        let columns = [&mapped.path, &mapped.rate_hz, &mapped.samples, &mapped.scale];
        let mut columns: Vec<&str> = columns.into_iter().map(String::as_str).collect();
        columns.push(&mapped.channels);
        let optional = [&mapped.device, &mapped.rpm, &mapped.time];
        columns.extend(optional.into_iter().flatten().map(String::as_str));
        let Some(cells) = table::read(&path, &columns)? else { return Ok(Vec::new()) };
        let mut machines: BTreeMap<DeviceId, VecDeque<Packed>> = BTreeMap::new();
        for row in cells {
            if let Some(packed) = packed(folder, mapped, &row)? {
                machines.entry(packed.device.clone()).or_default().push_back(packed);
            }
        }
        let feed = |mut files: VecDeque<Packed>| {
            files.make_contiguous().sort_by_key(|it| it.times.first().copied());
            Self { files, ready: VecDeque::new() }
        };
        Ok(machines.into_values().map(feed).collect())
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, Refusal> {
        while self.ready.is_empty() {
            let Some(packed) = self.files.pop_front() else { return Ok(None) };
            self.ready = packed.rows()?;
        }
        Ok(self.ready.pop_front())
    }
}

fn packed(
    folder: &Folder,
    mapped: &ImportWaveforms,
    row: &table::Cells,
) -> Result<Option<Packed>, Refusal> {
    let table_path = folder.data.join(&mapped.file);
    let mut more = row.cells.iter().skip(5);
    let mut optional = |wanted: &Option<String>| wanted.as_ref().and_then(|_| more.next());
    let (machine, rpm, time) =
        (optional(&mapped.device), optional(&mapped.rpm), optional(&mapped.time));
    let device = match machine {
        Some(name) => folder.machines.get(name).cloned(),
        None => folder.machines.values().next().cloned(),
    };
    let Some(device) = device else { return Ok(None) };
    let wrong = |what: &str, cell: &str| -> Refusal {
        format!("{}, line {}: `{cell}` is no {what}", table_path.display(), row.line).into()
    };
    let number = |what: &str, cell: &str| cell.parse::<f64>().ok().ok_or_else(|| wrong(what, cell));
    let [path, rate_hz, samples, scale, channels, ..] = &row.cells[..] else { return Ok(None) };
    let scale_g = scale.split('+').map(|it| number("scale", it)).collect::<Result<_, _>>()?;
    let times = match (time, &mapped.marked) {
        (Some(cell), _) => vec![table::time(&table_path, row.line, cell)?],
        (None, Some(marked)) => marked_times(folder, marked, machine)?,
        (None, None) => return Err("[import.waveforms] needs `time` or `marked`".into()),
    };
    let axis = |name: &str| -> Result<Option<(String, Axis)>, Refusal> {
        let Some(place) = mapped.axes.get(name) else { return Ok(None) };
        let (waveform, axis) = place.rsplit_once('.').ok_or_else(|| wrong("axis", place))?;
        Ok(Some((waveform.to_owned(), axis.parse().ok().ok_or_else(|| wrong("axis", place))?)))
    };
    Ok(Some(Packed {
        path: folder.data.join(path),
        device,
        times,
        rate_hz: number("rate", rate_hz)?,
        samples: samples.parse().ok().ok_or_else(|| wrong("number of samples", samples))?,
        scale_g,
        shaft_hz: rpm.map(|it| number("speed", it)).transpose()?.map(|it| it / 60.0),
        axes: channels.split('+').map(axis).collect::<Result<_, _>>()?,
    }))
}

/// Times of the rows of a machine's readings that are marked as being in its packed file.
fn marked_times(
    folder: &Folder,
    marked: &str,
    machine: Option<&String>,
) -> Result<Vec<Time>, Refusal> {
    let Some(readings) = folder.import.readings.first() else { return Ok(Vec::new()) };
    let name = readings.file.replace("{device}", machine.map_or("", |it| it));
    let path = folder.data.join(name);
    let csv = recording::csv_settings(&folder.plant);
    let csv = csv.ok_or("snapshots that are marked in a table need a template with [csv]")?;
    let time = csv.time.as_deref().unwrap_or_default();
    let cells = table::read(&path, &[time, marked])?.unwrap_or_default();
    let mut times = Vec::new();
    for row in cells.iter().filter(|row| row.cells[1] == "1") {
        let at = recording::time_of(&row.cells[0], &csv);
        times.push(at.ok_or_else(|| recording::RecordingError::NoTime {
            path: path.clone(),
            line: row.line,
            text: row.cells[0].clone(),
        })?);
    }
    Ok(times)
}

impl Packed {
    fn rows(&self) -> Result<VecDeque<Row>, Refusal> {
        let unreadable = |source| recording::unreadable(&self.path, source);
        let mut bytes = Vec::new();
        let mut reader = recording::open(&self.path, &ProgressBar::hidden()).map_err(unreadable)?;
        reader.read_to_end(&mut bytes).map_err(unreadable)?;
        let samples: Vec<i16> =
            bytes.chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]])).collect();
        let key = recording::file_key(&self.path)?;
        let length = self.samples * self.axes.len();
        if length == 0 {
            return Err(format!("{} has snapshots of no length", self.path.display()).into());
        }
        let mut rows = VecDeque::new();
        for ((snapshot, t), seq) in samples.chunks_exact(length).zip(&self.times).zip(1_u64..) {
            rows.push_back(self.row(snapshot, *t, (&key, seq))?);
        }
        Ok(rows)
    }

    /// One snapshot as a batch: features as readings, and the bursts themselves.
    fn row(
        &self,
        snapshot: &[i16],
        t: Time,
        (key, seq): (&StreamKey, u64),
    ) -> Result<Row, Refusal> {
        let mut readings = Readings::default();
        let mut waveforms: Vec<&String> =
            self.axes.iter().flatten().map(|(waveform, _)| waveform).collect();
        waveforms.dedup();
        let mut features = Vec::new();
        for waveform in waveforms {
            let channel: ChannelId = format!("{}/{waveform}", self.device).parse()?;
            let at = Circumstances { state: StateId::new("all")?, shaft_hz: self.shaft_hz };
            let done = process(&self.capture(snapshot, t, channel), &at);
            features.extend(done.readings.into_iter().enumerate());
            readings.bursts.extend(done.burst);
        }
        // All nodes were sampled at once: none of them goes ahead of the others.
        features.sort_by_key(|(place, _)| *place);
        for (_, measured) in features {
            let (Value::Number(value), Ok(channel)) =
                (measured.value, u16::try_from(readings.channels.len()))
            else {
                continue;
            };
            readings.channels.push(measured.channel);
            let quality = measured.quality;
            readings.numbers.push(Reading { channel, t, value, quality });
        }
        let body = BatchBody::Readings(readings);
        Ok(Row { t, batch: Batch { key: key.clone(), seq, body } })
    }

    fn capture(&self, snapshot: &[i16], t: Time, channel: ChannelId) -> Capture {
        let name = format!("{}/{}", channel.source(), channel.point_str());
        let places: Vec<(usize, Axis)> = (0..)
            .zip(&self.axes)
            .filter_map(|(place, it)| Some((place, it.as_ref()?)))
            .filter(|(_, (waveform, _))| *waveform == name)
            .map(|(place, (_, axis))| (place, *axis))
            .collect();
        let frames = snapshot.chunks_exact(self.axes.len());
        let samples =
            frames.flat_map(|frame| places.iter().map(|(place, _)| frame[*place])).collect();
        let first = places.first().map_or(0, |(place, _)| *place);
        let scale_g = self.scale_g.get(first).or(self.scale_g.first()).copied().unwrap_or(1.0);
        Capture {
            channel,
            t0: t,
            rate_hz: self.rate_hz,
            axes: places.iter().map(|(_, axis)| *axis).collect(),
            scale_g,
            samples,
            rpm: self.shaft_hz.map(|it| it * 60.0),
            quality: Quality::Good,
        }
    }
}
