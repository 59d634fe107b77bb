//! Readings, codes and repairs of a folder in one order: that of event time.
//!
//! At the same moment readings come first, then codes, then repairs: what was measured at the hour of a
//! repair is still the old part's. The order of the folder's files does not matter.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use forewarn_domain::id::DeviceId;
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::site::import::{ImportReadings, ReadingsFormat};
use forewarn_domain::time::Time;
use indicatif::ProgressBar;

use super::folder::Folder;
use super::shdr::Shdr;
use super::snapshots::Snapshots;
use crate::output::Failure as Refusal;
use crate::recording::{BETWEEN_RUNS, Recording, Row, Source, Whose};

/// One thing that reaches the engine.
pub(super) enum Step {
    Readings(Row),
    Repair(RepairRecord),
}

/// Everything of a folder, step by step.
pub(super) struct Timeline<'a> {
    feeds: Vec<Feed<'a>>,
    heads: Vec<Option<(Time, Step)>>,
    /// Rows of machines that the site does not have.
    pub(super) unknown: u64,
}

/// A source of steps that is in order by itself.
enum Feed<'a> {
    Events(VecDeque<Row>),
    Files(Box<Files<'a>>),
    Repairs(VecDeque<RepairRecord>),
    Snapshots(Box<Snapshots>),
}

/// Recorded files, one after another.
struct Files<'a> {
    folder: &'a Folder,
    mapped: &'a ImportReadings,
    device: Option<DeviceId>,
    paths: VecDeque<PathBuf>,
    open: Option<Opened>,
    start: Option<Time>,
    bar: ProgressBar,
    unknown: u64,
}

enum Opened {
    Csv(Box<Recording>),
    Shdr(Box<Shdr>),
}

impl<'a> Timeline<'a> {
    pub(super) fn of(folder: &'a Folder, bar: &ProgressBar) -> Result<Self, Refusal> {
        let mut feeds = Vec::new();
        for mapped in &folder.import.readings {
            feeds.extend(files_of(folder, mapped, bar)?);
        }
        if let Some(mapped) = &folder.import.waveforms {
            for snapshots in Snapshots::of(folder, mapped)? {
                feeds.push(Feed::Snapshots(Box::new(snapshots)));
            }
        }
        let (events, unknown_events) = folder.events()?;
        let (repairs, unknown_repairs) = folder.repairs()?;
        feeds.push(Feed::Events(events.into()));
        feeds.push(Feed::Repairs(repairs.into()));
        let mut timeline = Self { feeds, heads: Vec::new(), unknown: 0 };
        timeline.unknown = unknown_events + unknown_repairs;
        for feed in &mut timeline.feeds {
            timeline.heads.push(feed.next()?);
        }
        Ok(timeline)
    }

    /// The next step; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Time, Step)>, Refusal> {
        let order = |place: &usize| self.heads[*place].as_ref().map(|(t, step)| (*t, step.rank()));
        let due = (0..self.heads.len()).filter(|it| self.heads[*it].is_some()).min_by_key(order);
        let Some(place) = due else {
            let of_files = self.feeds.iter().map(|it| match it {
                Feed::Files(files) => files.unknown,
                Feed::Events(_) | Feed::Repairs(_) | Feed::Snapshots(_) => 0,
            });
            self.unknown += of_files.sum::<u64>();
            return Ok(None);
        };
        let next = self.feeds[place].next()?;
        Ok(std::mem::replace(&mut self.heads[place], next))
    }
}

impl Step {
    fn rank(&self) -> u8 {
        match self {
            Self::Readings(row) => u8::from(is_text_only(row)),
            Self::Repair(_) => 2,
        }
    }
}

fn is_text_only(row: &Row) -> bool {
    let forewarn_domain::reading::BatchBody::Readings(readings) = &row.batch.body else {
        return false;
    };
    readings.numbers.is_empty() && readings.bursts.is_empty()
}

impl Feed<'_> {
    fn next(&mut self) -> Result<Option<(Time, Step)>, Refusal> {
        Ok(match self {
            Self::Events(rows) => rows.pop_front().map(|row| (row.t, Step::Readings(row))),
            Self::Files(files) => files.next()?.map(|row| (row.t, Step::Readings(row))),
            Self::Repairs(repairs) => repairs.pop_front().map(|it| (it.at, Step::Repair(it))),
            Self::Snapshots(snapshots) => snapshots.next()?.map(|row| (row.t, Step::Readings(row))),
        })
    }
}

/// One feed for the files of a pattern, or one for each machine that the pattern names.
fn files_of<'a>(
    folder: &'a Folder,
    mapped: &'a ImportReadings,
    bar: &ProgressBar,
) -> Result<Vec<Feed<'a>>, Refusal> {
    let files = |pattern: &str, device: Option<DeviceId>| -> Result<Feed<'a>, Refusal> {
        let (paths, bar) = (folder.files(pattern)?.into(), bar.clone());
        let (open, start, unknown) = (None, None, 0);
        let files = Files { folder, mapped, device, paths, open, start, bar, unknown };
        Ok(Feed::Files(Box::new(files)))
    };
    if !mapped.file.contains(MACHINE) {
        return Ok(vec![files(&mapped.file, None)?]);
    }
    let machines = folder.machines.iter();
    machines
        .map(|(name, id)| files(&mapped.file.replace(MACHINE, name), Some(id.clone())))
        .collect()
}

impl Files<'_> {
    fn next(&mut self) -> Result<Option<Row>, Refusal> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.paths.pop_front() else { return Ok(None) };
                self.open = Some(self.open(&path)?);
            }
            let (row, ended) = match self.open.as_mut() {
                Some(Opened::Csv(recording)) => {
                    let row = recording.next_row()?;
                    let end = (!recording.has_time()).then(|| recording.end() + BETWEEN_RUNS);
                    (row, (end, recording.unknown()))
                }
                Some(Opened::Shdr(lines)) => (lines.next_row(), (None, 0)),
                None => return Ok(None),
            };
            if row.is_some() {
                return Ok(row);
            }
            (self.start, self.open) = (ended.0, None);
            self.unknown += ended.1;
        }
    }

    fn open(&self, path: &std::path::Path) -> Result<Opened, Refusal> {
        let plant: &Arc<_> = &self.folder.plant;
        if self.mapped.format == ReadingsFormat::Shdr {
            return Ok(Opened::Shdr(Box::new(Shdr::open(plant, path, &self.bar)?)));
        }
        let whose = match (&self.device, &self.mapped.device) {
            (Some(device), _) => Whose::One(device),
            (None, Some(column)) => Whose::Named { column, devices: &self.folder.machines },
            (None, None) => Whose::All,
        };
        let source = Source { path, start: self.start, whose };
        Ok(Opened::Csv(Box::new(Recording::open(plant, source, &self.bar)?)))
    }
}

/// Stands in a pattern for the machine's name.
const MACHINE: &str = "{device}";
