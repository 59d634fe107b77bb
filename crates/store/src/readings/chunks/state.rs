//! What the readings file has in memory: ledgers, names, and the points that are not in chunks yet.
//!
//! Rely on this: only what is committed stands here, so a reader that copies the open points first
//! and reads the chunks second misses nothing. Points may then be seen twice; they settle to one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::reading::StreamKey;
use serde::{Deserialize, Serialize};

use crate::readings::chunk::{BUCKET_US, Point, place};
use crate::readings::numbering::Numbering;
use crate::readings::sample::Sample;

#[derive(Debug, Default)]
pub(crate) struct State {
    /// By series number.
    pub(crate) series: Vec<Series>,
    series_of: HashMap<ChannelId, u32>,
    /// By device number.
    pub(crate) devices: Vec<String>,
    device_of: HashMap<String, u32>,
    /// By stream number; shared with readers, who need them to order reading ids.
    pub(crate) streams: Arc<Vec<StreamKey>>,
    stream_of: HashMap<StreamKey, u16>,
    /// By stream number.
    pub(crate) numberings: Vec<Numbering>,
    /// How many points are in open buckets.
    pub(crate) open_points: usize,
}

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) channel: ChannelId,
    pub(crate) device: u32,
    pub(crate) open: Vec<OpenBucket>,
    pub(crate) last: Option<Last>,
    /// Whether `last` differs from what the file says.
    pub(crate) is_last_dirty: bool,
}

/// Points that wait to become a chunk.
#[derive(Debug)]
pub(crate) struct OpenBucket {
    pub(crate) bucket: i64,
    /// The oldest row of the hot log that has a point here.
    pub(crate) first_hot: i64,
    /// The commit that touched it last, and when.
    pub(crate) touched: u64,
    pub(crate) touched_at: Instant,
    /// In order of arrival.
    pub(crate) points: Vec<Point>,
}

/// The newest number of a series.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Last {
    pub(crate) bucket: i64,
    pub(crate) offset: u32,
    pub(crate) value: f64,
    pub(crate) quality: u8,
    pub(crate) late: bool,
    pub(crate) stream: u16,
    pub(crate) seq: u64,
}

impl Last {
    fn of(bucket: i64, point: &Point) -> Self {
        Self {
            bucket,
            offset: point.offset,
            value: point.value,
            quality: point.quality,
            late: point.late,
            stream: point.stream,
            seq: point.seq,
        }
    }

    pub(crate) fn sample(&self) -> Sample {
        let point = Point {
            value: self.value,
            seq: self.seq,
            offset: self.offset,
            stream: self.stream,
            quality: self.quality,
            late: self.late,
        };
        point.sample(self.bucket)
    }

    pub(crate) fn t(&self) -> i64 {
        self.bucket * BUCKET_US + i64::from(self.offset)
    }
}

/// When and by what a point entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) hot: i64,
    pub(crate) commit: u64,
    pub(crate) at: Instant,
}

impl State {
    pub(crate) fn series_number(&self, channel: &ChannelId) -> Option<u32> {
        self.series_of.get(channel).copied()
    }

    pub(crate) fn stream_number(&self, key: &StreamKey) -> Option<u16> {
        self.stream_of.get(key).copied()
    }

    /// The number of a channel, which it gets now if it is new.
    pub(crate) fn number_series(&mut self, channel: &ChannelId) -> u32 {
        if let Some(series) = self.series_of.get(channel) {
            return *series;
        }
        let device = self.number_device(channel.device_str());
        let series = small(self.series.len());
        self.series_of.insert(channel.clone(), series);
        self.series.push(Series {
            channel: channel.clone(),
            device,
            open: Vec::new(),
            last: None,
            is_last_dirty: false,
        });
        series
    }

    pub(crate) fn number_device(&mut self, device: &str) -> u32 {
        if let Some(number) = self.device_of.get(device) {
            return *number;
        }
        let number = small(self.devices.len());
        self.devices.push(device.to_owned());
        self.device_of.insert(device.to_owned(), number);
        number
    }

    /// The number of a numbering, which it gets now if it is new; `None` when all are given away.
    pub(crate) fn number_stream(&mut self, key: &StreamKey) -> Option<u16> {
        if let Some(stream) = self.stream_of.get(key) {
            return Some(*stream);
        }
        let stream = u16::try_from(self.streams.len()).ok().filter(|it| *it < u16::MAX)?;
        Arc::make_mut(&mut self.streams).push(key.clone());
        self.stream_of.insert(key.clone(), stream);
        self.numberings.push(Numbering::default());
        Some(stream)
    }

    /// Takes names back that a failed transaction had given.
    pub(crate) fn forget_names(&mut self, series: usize, streams: usize) {
        for forgotten in self.series.drain(series..) {
            self.series_of.remove(&forgotten.channel);
        }
        for forgotten in Arc::make_mut(&mut self.streams).drain(streams..) {
            self.stream_of.remove(&forgotten);
        }
        self.numberings.truncate(streams);
    }

    /// Adds a committed point to its open bucket.
    pub(crate) fn open_point(&mut self, series: u32, t: i64, mut point: Point, entry: Entry) {
        let (bucket, offset) = place(t);
        point.offset = offset;
        let Some(series) = self.series.get_mut(index(series)) else { return };
        // The newest bucket stands last and takes nearly every reading.
        let found = series.open.iter_mut().rev().find(|open| open.bucket == bucket);
        match found {
            Some(open) => {
                open.touched = entry.commit;
                open.touched_at = entry.at;
                open.points.push(point);
            }
            None => series.open.push(OpenBucket {
                bucket,
                first_hot: entry.hot,
                touched: entry.commit,
                touched_at: entry.at,
                points: vec![point],
            }),
        }
        self.open_points += 1;
    }

    /// Remembers a point as its series' newest, if it is.
    pub(crate) fn note_last(&mut self, series: u32, t: i64, mut point: Point) {
        let (bucket, offset) = place(t);
        point.offset = offset;
        let streams = Arc::clone(&self.streams);
        let key = |stream: u16| streams.get(usize::from(stream));
        let Some(series) = self.series.get_mut(index(series)) else { return };
        let is_newer = series.last.is_none_or(|last| {
            let (known, new) = (last.t(), t);
            known < new
                || (known == new && (key(last.stream), last.seq) <= (key(point.stream), point.seq))
        });
        if is_newer {
            series.last = Some(Last::of(bucket, &point));
            series.is_last_dirty = true;
        }
    }

    /// Removes a bucket whose points are in a chunk now.
    pub(crate) fn close_bucket(&mut self, series: u32, bucket: i64) {
        let Some(series) = self.series.get_mut(index(series)) else { return };
        if let Some(at) = series.open.iter().position(|open| open.bucket == bucket) {
            let closed = series.open.remove(at);
            self.open_points -= closed.points.len();
        }
    }

    /// The oldest row of the hot log that is still needed to rebuild the open buckets.
    pub(crate) fn oldest_hot(&self) -> Option<i64> {
        let open = self.series.iter().flat_map(|series| &series.open);
        open.map(|bucket| bucket.first_hot).min()
    }
}

/// A number of a series or device as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).expect("pointers have at least 32 bits on every target")
}

fn small(len: usize) -> u32 {
    u32::try_from(len).expect("names for 2^32 channels would not fit into memory")
}
