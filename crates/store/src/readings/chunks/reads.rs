//! Answers from the readings file: open points first, chunks second, so that nothing is missed.
//!
//! Reads have their own connections and never wait for the writer. A long view is answered from
//! hourly summaries and chunk aggregates; readings are unpacked only where a step of the view
//! begins inside a chunk.

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::reading::{Batch, BatchBody, Evicted, ReadingId, StreamKey};
use forewarn_domain::time::Time;
use rusqlite::{Connection, OptionalExtension, params};

use super::seal::{stored_points, summary_of};
use super::state::{State, index};
use super::writer::Shared;
use crate::readings::chunk::{BUCKET_US, BUCKETS_PER_HOUR, Point, settle, summarize};
use crate::readings::error::FileError;
use crate::readings::hot_log;
use crate::readings::retention::HOUR_US;
use crate::readings::sample::{Axis, Bucket, Sample, Summary, TextSample};

/// A series at one moment: what is open is copied here, what is sealed is in the file.
pub(crate) struct View {
    series: u32,
    open: BTreeMap<i64, Vec<Point>>,
    streams: Arc<Vec<StreamKey>>,
}

impl View {
    /// Copies the open points of a channel; `None` for a channel that never had a reading.
    pub(crate) fn of(state: &State, channel: &ChannelId) -> Option<Self> {
        let series = state.series_number(channel)?;
        let open = &state.series.get(index(series))?.open;
        let open = open.iter().map(|open| (open.bucket, open.points.clone())).collect();
        Some(Self { series, open, streams: Arc::clone(&state.streams) })
    }

    /// A view of a series' texts only.
    pub(crate) fn of_texts(state: &State, series: u32) -> Self {
        Self { series, open: BTreeMap::new(), streams: Arc::clone(&state.streams) }
    }

    /// Readings with `from <= t < to` in order of time, at most `limit`.
    pub(crate) fn range(
        &self,
        conn: &Connection,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<Sample>, FileError> {
        let mut samples = Vec::new();
        for hour in self.hours(conn, from.micros(), to.micros())?.into_keys() {
            for bucket in buckets_of(hour) {
                let start = bucket * BUCKET_US;
                if start + BUCKET_US <= from.micros() || to.micros() <= start {
                    continue;
                }
                let points = self.points(conn, bucket)?;
                let inside = points
                    .iter()
                    .map(|point| point.sample(bucket))
                    .filter(|sample| from <= sample.t && sample.t < to);
                samples.extend(inside.take(limit - samples.len()));
                if samples.len() == limit {
                    return Ok(samples);
                }
            }
        }
        Ok(samples)
    }

    /// The range in equal steps.
    pub(crate) fn buckets(&self, conn: &Connection, axis: &Axis) -> Result<Vec<Bucket>, FileError> {
        let mut summaries = axis.summaries();
        for (hour, rollup) in self.hours(conn, axis.from, axis.to)? {
            let start = hour * HOUR_US;
            let is_open = self.open.range(hour * BUCKETS_PER_HOUR..(hour + 1) * BUCKETS_PER_HOUR);
            let is_open = is_open.count() != 0;
            let whole = axis.step_holding(start, start + HOUR_US);
            match (rollup, whole) {
                (Some(rollup), Some(step)) if !is_open => summaries[step].merge(&rollup.summary),
                (Some(Rollup { summary, has_raw: false }), _) => {
                    // Its readings are deleted, so all of it counts where it begins.
                    if let Some(step) = axis.step(start) {
                        summaries[step].merge(&summary);
                    }
                    self.add_open_points(hour, axis, &mut summaries);
                }
                (Some(Rollup { has_raw: true, .. }) | None, _) => {
                    self.add_hour(conn, hour, axis, &mut summaries)?;
                }
            }
        }
        Ok(axis.buckets(&summaries))
    }

    fn add_hour(
        &self,
        conn: &Connection,
        hour: i64,
        axis: &Axis,
        summaries: &mut [Summary],
    ) -> Result<(), FileError> {
        let mut aggregates = conn.prepare_cached(
            "SELECT n, bad, vmin, vmax, vsum FROM chunk WHERE bucket = ?1 AND series = ?2",
        )?;
        for bucket in buckets_of(hour) {
            let start = bucket * BUCKET_US;
            match axis.step_holding(start, start + BUCKET_US) {
                Some(step) if !self.open.contains_key(&bucket) => {
                    let summary = aggregates
                        .query_row(params![bucket, self.series], |row| summary_of(row, 0))
                        .optional()?;
                    summaries[step].merge(&summary.unwrap_or_default());
                }
                Some(step) => summaries[step].merge(&summarize(&self.points(conn, bucket)?)),
                None => add_points(&self.points(conn, bucket)?, bucket, axis, summaries),
            }
        }
        Ok(())
    }

    fn add_open_points(&self, hour: i64, axis: &Axis, summaries: &mut [Summary]) {
        for bucket in buckets_of(hour) {
            let mut points = self.open.get(&bucket).cloned().unwrap_or_default();
            settle(&mut points, &self.streams);
            add_points(&points, bucket, axis, summaries);
        }
    }

    /// All points of a bucket, sealed and open.
    fn points(&self, conn: &Connection, bucket: i64) -> Result<Vec<Point>, FileError> {
        let mut points = stored_points(conn, self.series, bucket)?;
        if let Some(open) = self.open.get(&bucket) {
            points.extend_from_slice(open);
            settle(&mut points, &self.streams);
        }
        Ok(points)
    }

    /// The hours in which the series has anything, with their summaries where these exist.
    fn hours(
        &self,
        conn: &Connection,
        from: i64,
        to: i64,
    ) -> Result<BTreeMap<i64, Option<Rollup>>, FileError> {
        let (first, last) = (from.div_euclid(HOUR_US), to.saturating_sub(1).div_euclid(HOUR_US));
        let mut hours: BTreeMap<i64, Option<Rollup>> = BTreeMap::new();
        if to <= from {
            return Ok(hours);
        }
        let of_open = self.open.keys().map(|bucket| bucket.div_euclid(BUCKETS_PER_HOUR));
        hours.extend(of_open.filter(|hour| first <= *hour && *hour <= last).map(|it| (it, None)));
        let mut rollups = conn.prepare_cached(
            "SELECT n, bad, vmin, vmax, vsum, raw, hour FROM rollup
             WHERE series = ?1 AND ?2 <= hour AND hour <= ?3",
        )?;
        let rows = rollups.query_map(params![self.series, first, last], |row| {
            let rollup = Rollup { summary: summary_of(row, 0)?, has_raw: row.get(5)? };
            Ok((row.get(6)?, Some(rollup)))
        })?;
        for row in rows {
            let (hour, rollup) = row?;
            hours.insert(hour, rollup);
        }
        Ok(hours)
    }

    /// Texts with `from <= t < to` in order of time, at most `limit`.
    pub(crate) fn texts(
        &self,
        conn: &Connection,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<TextSample>, FileError> {
        let mut select = conn.prepare_cached(
            "SELECT t, value, quality, late, stream, seq, idx FROM event
             WHERE series = ?1 AND ?2 <= t AND t < ?3 ORDER BY t LIMIT ?4",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = select.query(params![self.series, from.micros(), to.micros(), limit])?;
        let mut texts = Vec::new();
        while let Some(row) = rows.next()? {
            texts.extend(self.text(row)?);
        }
        Ok(texts)
    }

    /// The newest text.
    pub(crate) fn last_text(&self, conn: &Connection) -> Result<Option<TextSample>, FileError> {
        let mut select = conn.prepare_cached(
            "SELECT t, value, quality, late, stream, seq, idx FROM event
             WHERE series = ?1 ORDER BY t DESC LIMIT 1",
        )?;
        let mut rows = select.query([self.series])?;
        match rows.next()? {
            Some(row) => Ok(self.text(row)?),
            None => Ok(None),
        }
    }

    fn text(&self, row: &rusqlite::Row<'_>) -> Result<Option<TextSample>, rusqlite::Error> {
        let stream: u16 = row.get(4)?;
        let Some(key) = self.streams.get(usize::from(stream)) else { return Ok(None) };
        let seq = row.get::<_, i64>(5)?.cast_unsigned();
        Ok(Some(TextSample {
            t: Time::from_micros(row.get(0)?),
            text: row.get(1)?,
            quality: Quality::from_code(row.get(2)?).unwrap_or(Quality::Bad(Bad::Parse)),
            late: row.get(3)?,
            id: ReadingId { key: key.clone(), seq, idx: row.get(6)? },
        }))
    }
}

#[derive(Clone, Copy)]
struct Rollup {
    summary: Summary,
    /// Whether the hour's readings are still there.
    has_raw: bool,
}

fn buckets_of(hour: i64) -> std::ops::Range<i64> {
    hour * BUCKETS_PER_HOUR..(hour + 1) * BUCKETS_PER_HOUR
}

fn add_points(points: &[Point], bucket: i64, axis: &Axis, summaries: &mut [Summary]) {
    for point in points {
        if let Some(step) = axis.step(point.sample(bucket).t.micros()) {
            summaries[step].add(point.value, point.is_bad());
        }
    }
}

/// Which batches of a numbering a consumer asks for.
pub(crate) struct Wanted {
    pub(crate) stream: u16,
    pub(crate) key: StreamKey,
    pub(crate) span: std::ops::Range<u64>,
}

impl Wanted {
    /// From `next_seq` to the first gap; `None` for an unknown numbering.
    pub(crate) fn of(state: &State, key: &StreamKey, next_seq: u64) -> Option<Self> {
        let stream = state.stream_number(key)?;
        let end = state.numberings.get(usize::from(stream))?.ranges.next_seq();
        Some(Self { stream, key: key.clone(), span: next_seq..end })
    }
}

/// The wanted batches in order of number, at most `limit`.
///
/// A row that is damaged comes back as an eviction notice: the consumer must learn that something
/// is missing, and must not stop there. A row that lies within an eviction before it is left out.
pub(crate) fn unconsumed(
    conn: &Connection,
    shared: &Shared,
    wanted: &Wanted,
    limit: usize,
) -> Result<Vec<Arc<Batch>>, FileError> {
    let Wanted { stream, key, span } = wanted;
    let name = |series| Some(shared.read().series.get(index(series))?.channel.clone());
    let mut select = conn.prepare_cached(
        "SELECT first_seq, last_seq, readings, body FROM hot
         WHERE stream = ?1 AND ?2 <= last_seq AND first_seq < ?3 ORDER BY first_seq, last_seq",
    )?;
    let mut rows =
        select.query(params![stream, span.start.cast_signed(), span.end.cast_signed()])?;
    let mut batches = Vec::new();
    let mut next = span.start;
    while let (true, Some(row)) = (batches.len() < limit, rows.next()?) {
        let seq = row.get::<_, i64>(0)?.cast_unsigned();
        let last_seq = row.get::<_, i64>(1)?.cast_unsigned();
        if last_seq < next {
            continue;
        }
        next = last_seq + 1;
        let body = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        batches.push(hot_log::decode(key.clone(), seq, body, name).or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(agent = %key.agent, seq, error, "a batch of the hot log is damaged");
            let readings = row.get::<_, i64>(2)?.unsigned_abs();
            let reason = "damaged in the readings store".to_owned();
            let body = BatchBody::Evicted(Evicted { to_seq: last_seq, readings, reason });
            Ok::<_, rusqlite::Error>(Arc::new(Batch { key: key.clone(), seq, body }))
        })?);
    }
    Ok(batches)
}
