//! Recorded lines of an `MTConnect` adapter (SHDR): `time|key|value|key|value…`.
//!
//! An adapter that was restarted may have set its clock back, so the lines are put in order of time. The
//! template's `csv:` addresses name the keys. A condition stands on a line of its own as
//! `key|level|code|severity|qualifier|text`; its native code becomes the text, an empty one while the
//! level is normal. Lines without a time (assets) and `UNAVAILABLE` values are left out and counted.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Reading, Readings, StreamKey, TextReading};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::{PointAddress, PointTemplate};
use forewarn_domain::time::Time;
use indicatif::ProgressBar;

use crate::recording::{self, RecordingError, Row};

/// One recorded file, in the order of time.
pub(super) struct Shdr {
    rows: VecDeque<Row>,
}

/// How the lines of a file are read.
struct Keys {
    key: StreamKey,
    points: HashMap<String, Vec<(u16, PointTemplate)>>,
    channels: Vec<ChannelId>,
}

impl Shdr {
    pub(super) fn open(
        plant: &Plant,
        path: &Path,
        bar: &ProgressBar,
    ) -> Result<Self, RecordingError> {
        let unreadable = |source| recording::unreadable(path, source);
        let lines = BufReader::new(recording::open(path, bar).map_err(unreadable)?);
        let keys = Keys::of(plant, recording::file_key(path)?);
        let mut rows = Vec::new();
        for line in lines.lines() {
            rows.extend(keys.row(&line.map_err(unreadable)?));
        }
        rows.sort_by_key(|it| it.t);
        for (row, seq) in rows.iter_mut().zip(1_u64..) {
            row.batch.seq = seq;
        }
        Ok(Self { rows: rows.into() })
    }

    /// The next line that says something of the site's points; `None` at the end.
    pub(super) fn next_row(&mut self) -> Option<Row> {
        self.rows.pop_front()
    }
}

impl Keys {
    fn of(plant: &Plant, key: StreamKey) -> Self {
        let mut points: HashMap<String, Vec<(u16, PointTemplate)>> = HashMap::new();
        let mut channels = Vec::new();
        let sources = plant.devices().flat_map(|device| {
            device.device.sources.iter().map(move |source| (&device.device.id, source))
        });
        for (device, source) in sources {
            let Some(template) = plant.template(&source.template) else { continue };
            for point in &template.points {
                let PointAddress::Csv(key) = &point.at else { continue };
                let Ok(place) = u16::try_from(channels.len()) else { continue };
                channels.push(ChannelId::new(device, &source.id, &point.id));
                points.entry(key.clone()).or_default().push((place, point.clone()));
            }
        }
        Self { key, points, channels }
    }

    fn row(&self, line: &str) -> Option<Row> {
        let fields: Vec<&str> = line.trim_end().split('|').collect();
        let (time, items) = fields.split_first()?;
        let t = recording::parse_time(time, None)?;
        let mut readings = Readings { channels: self.channels.clone(), ..Readings::default() };
        if let [key, level @ ("NORMAL" | "WARNING" | "FAULT"), code, _, _, _] = items {
            let text = if *level == "NORMAL" { "" } else { code };
            self.put(&mut readings, key, text, t);
        } else {
            for pair in items.chunks_exact(2) {
                self.put(&mut readings, pair[0], pair[1], t);
            }
        }
        if readings.count() == 0 {
            return None;
        }
        let body = BatchBody::Readings(readings);
        Some(Row { t, batch: Batch { key: self.key.clone(), seq: 0, body } })
    }

    fn put(&self, readings: &mut Readings, key: &str, value: &str, t: Time) {
        if value == "UNAVAILABLE" {
            return;
        }
        for (channel, point) in self.points.get(key).into_iter().flatten() {
            let channel = *channel;
            if point.kind.is_text() {
                let (text, quality) = (value.to_owned(), Quality::Good);
                readings.texts.push(TextReading { channel, t, text, quality });
            } else if let Some((value, quality)) = recording::number(value.trim(), point) {
                readings.numbers.push(Reading { channel, t, value, quality });
            }
        }
    }
}
