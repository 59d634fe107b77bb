//! Open buckets become chunks, in small slices between commits.
//!
//! Rely on this: a slice is one transaction, and sealing again what is in a chunk already changes
//! nothing, so a crash between any two steps costs only work. A late reading re-seals its bucket,
//! and its hour's summary with it.

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::reading::StreamKey;
use rusqlite::{OptionalExtension, Transaction, params};

use super::writer::Writer;
use crate::readings::chunk::{
    BUCKET_US, BUCKETS_PER_HOUR, Point, decode, encode, settle, summarize,
};
use crate::readings::error::FileError;
use crate::readings::sample::Summary;

/// An open bucket, copied out of memory.
struct Copied {
    series: u32,
    bucket: i64,
    points: Vec<Point>,
}

impl Writer {
    /// One slice of the work that may wait: sealing, emptying the hot log, keeping the cap.
    pub(crate) fn tend(&mut self) {
        let tended = self.tend_once();
        if let Err(error) = tended {
            self.has_failed |= error.is_fatal();
            tracing::error!(error = &error as &dyn std::error::Error, "readings not tended");
        }
    }

    fn tend_once(&mut self) -> Result<(), FileError> {
        loop {
            if self.has_buckets_to_seal() {
                self.seal_slice()?;
            }
            if self.shared.read().open_points <= OPEN_POINTS_MAX {
                break;
            }
        }
        if PURGE_EVERY <= self.commits - self.purged_at {
            self.purge()?;
        }
        self.keep_cap()
    }

    /// Seals everything that is open and empties the hot log as far as consumers allow.
    pub(crate) fn seal_all(&mut self) -> Result<(), FileError> {
        self.seal_open()?;
        self.purge()?;
        self.keep_cap()
    }

    /// Seals everything that is open.
    pub(crate) fn seal_open(&mut self) -> Result<(), FileError> {
        let state = self.shared.read();
        let numbered = (0_u32..).zip(&state.series);
        self.ready = numbered
            .flat_map(|(series, it)| it.open.iter().map(move |open| (series, open.bucket)))
            .collect();
        drop(state);
        while !self.ready.is_empty() {
            self.seal_slice()?;
        }
        Ok(())
    }

    /// Looks which buckets have become quiet, but not after every commit.
    pub(crate) fn has_buckets_to_seal(&mut self) -> bool {
        let is_crowded = OPEN_POINTS_MAX < self.shared.read().open_points;
        let is_due = SCAN_EVERY <= self.commits - self.scanned_at || is_crowded;
        if self.ready.is_empty() && is_due {
            self.scanned_at = self.commits;
            self.find_quiet_buckets(is_crowded);
        }
        !self.ready.is_empty()
    }

    fn find_quiet_buckets(&mut self, is_crowded: bool) {
        let state = self.shared.read();
        for (number, series) in (0_u32..).zip(&state.series) {
            let newest = series.last.map_or(i64::MIN, |last| last.t());
            for open in &series.open {
                let has_moved_on = (open.bucket + 1) * BUCKET_US + GRACE_US <= newest;
                let is_untouched = QUIET_COMMITS <= self.commits - open.touched;
                let is_silent = SILENT <= open.touched_at.elapsed();
                if is_silent || (has_moved_on && is_untouched) || is_crowded {
                    self.ready.push_back((number, open.bucket));
                }
            }
        }
    }

    fn seal_slice(&mut self) -> Result<(), FileError> {
        let (streams, copied) = self.next_slice();
        let transaction = self.conn.transaction()?;
        for mut copy in copied.iter().map(|it| Copied { points: it.points.clone(), ..*it }) {
            settle(&mut copy.points, &streams);
            let added = summarize(&copy.points);
            let mut points = stored_points(&transaction, copy.series, copy.bucket)?;
            points.append(&mut copy.points);
            settle(&mut points, &streams);
            write_chunk(&transaction, copy.series, copy.bucket, &points)?;
            write_rollup(&transaction, copy.series, copy.bucket, &added)?;
            lower_floor(&transaction, copy.series, copy.bucket)?;
        }
        transaction.commit()?;
        let mut state = self.shared.write();
        for copy in &copied {
            state.close_bucket(copy.series, copy.bucket);
        }
        Ok(())
    }

    /// Copies the next open buckets, so few that their transaction stays a small part of the log.
    fn next_slice(&mut self) -> (Arc<Vec<StreamKey>>, Vec<Copied>) {
        let state = self.shared.read();
        let streams = Arc::clone(&state.streams);
        let (mut copied, mut points) = (Vec::new(), 0);
        while copied.len() < SLICE_BUCKETS && points < SLICE_POINTS {
            let Some((series, bucket)) = self.ready.pop_front() else { break };
            let open = state.series.get(super::state::index(series)).map(|it| &it.open);
            let open = open.and_then(|it| it.iter().find(|open| open.bucket == bucket));
            if let Some(open) = open {
                points += open.points.len();
                copied.push(Copied { series, bucket, points: open.points.clone() });
            }
        }
        (streams, copied)
    }

    /// Deletes what of the hot log is in chunks, consumed and acknowledged, and writes down what
    /// could otherwise only be rebuilt from it.
    pub(crate) fn purge(&mut self) -> Result<(), FileError> {
        self.purged_at = self.commits;
        let state = self.shared.read();
        let sealed = state.oldest_hot().unwrap_or(self.next_hot);
        let transaction = self.conn.transaction()?;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO meta VALUES ('sealed_hot', ?1), ('next_hot', ?2)",
            )?
            .execute(params![sealed, self.next_hot])?;
        for (stream, (numbering, key)) in
            (0_u16..).zip(state.numberings.iter().zip(state.streams.iter()))
        {
            let released = self.shared.released(key);
            transaction
                .prepare_cached("UPDATE stream SET released = ?2 WHERE id = ?1")?
                .execute(params![stream, released.cast_signed()])?;
            for (device, t) in &numbering.passed {
                let name = state.devices.get(super::state::index(*device));
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO passed VALUES (?1, ?2, ?3)")?
                    .execute(params![stream, name, t])?;
            }
            let consumed = numbering.ranges.next_seq().min(released);
            transaction
                .prepare_cached(
                    "DELETE FROM hot WHERE stream = ?1 AND first_seq < ?2 AND last_seq < ?2
                     AND id < ?3",
                )?
                .execute(params![stream, consumed.cast_signed(), sealed])?;
        }
        for (number, series) in (0_u32..).zip(&state.series) {
            if let (true, Some(last)) = (series.is_last_dirty, series.last) {
                let bytes = postcard::to_stdvec(&last)
                    .map_err(|error| FileError::format("newest reading", &error))?;
                transaction
                    .prepare_cached("UPDATE series SET last = ?2 WHERE id = ?1")?
                    .execute(params![number, bytes])?;
            }
        }
        transaction.commit()?;
        drop(state);
        for series in &mut self.shared.write().series {
            series.is_last_dirty = false;
        }
        Ok(())
    }
}

/// The points of a chunk; none when there is no chunk or its bytes are damaged.
pub(crate) fn stored_points(
    conn: &rusqlite::Connection,
    series: u32,
    bucket: i64,
) -> Result<Vec<Point>, FileError> {
    let body: Option<Vec<u8>> = conn
        .prepare_cached("SELECT body FROM chunk WHERE bucket = ?1 AND series = ?2")?
        .query_row(params![bucket, series], |row| row.get(0))
        .optional()?;
    let Some(body) = body else { return Ok(Vec::new()) };
    match decode(&body) {
        Ok(points) => Ok(points),
        Err(error) => {
            // A hole in a curve serves people better than no curve.
            let error = &error as &dyn std::error::Error;
            tracing::error!(series, bucket, error, "a chunk is damaged and left out");
            Ok(Vec::new())
        }
    }
}

fn write_chunk(
    conn: &Transaction<'_>,
    series: u32,
    bucket: i64,
    points: &[Point],
) -> Result<(), FileError> {
    let body = encode(points).map_err(|error| FileError::format("chunk", &error))?;
    let summary = summarize(points);
    conn.prepare_cached(
        "INSERT OR REPLACE INTO chunk(bucket, series, n, bad, vmin, vmax, vsum, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        bucket,
        series,
        summary.n.cast_signed(),
        summary.bad.cast_signed(),
        summary.min,
        summary.max,
        summary.sum,
        body
    ])?;
    Ok(())
}

/// Summarizes the hour anew from its chunks; where retention has deleted those, the new readings
/// are only added.
fn write_rollup(
    conn: &Transaction<'_>,
    series: u32,
    bucket: i64,
    added: &Summary,
) -> Result<(), FileError> {
    let hour = bucket.div_euclid(BUCKETS_PER_HOUR);
    let known: Option<(Summary, bool)> = conn
        .prepare_cached(
            "SELECT n, bad, vmin, vmax, vsum, raw FROM rollup WHERE series = ?1 AND hour = ?2",
        )?
        .query_row(params![series, hour], |row| Ok((summary_of(row, 0)?, row.get(5)?)))
        .optional()?;
    let (summary, has_raw) = match known {
        Some((mut summary, false)) => {
            summary.merge(added);
            (summary, false)
        }
        Some((_, true)) | None => {
            let mut summary = Summary::default();
            let mut chunk = conn.prepare_cached(
                "SELECT n, bad, vmin, vmax, vsum FROM chunk WHERE bucket = ?1 AND series = ?2",
            )?;
            for bucket in hour * BUCKETS_PER_HOUR..(hour + 1) * BUCKETS_PER_HOUR {
                let of_chunk = chunk
                    .query_row(params![bucket, series], |row| summary_of(row, 0))
                    .optional()?;
                summary.merge(&of_chunk.unwrap_or_default());
            }
            (summary, true)
        }
    };
    conn.prepare_cached(
        "INSERT OR REPLACE INTO rollup(series, hour, n, bad, vmin, vmax, vsum, raw)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        series,
        hour,
        summary.n.cast_signed(),
        summary.bad.cast_signed(),
        summary.min,
        summary.max,
        summary.sum,
        has_raw
    ])?;
    Ok(())
}

/// Retention looks only above its floor, so a chunk below it takes the floor down.
fn lower_floor(conn: &Transaction<'_>, series: u32, bucket: i64) -> Result<(), FileError> {
    conn.prepare_cached(
        "UPDATE class SET floor = ?2 WHERE ?2 < floor
         AND name = (SELECT class FROM series WHERE id = ?1)",
    )?
    .execute(params![series, bucket.div_euclid(BUCKETS_PER_HOUR)])?;
    Ok(())
}

/// Five columns of a row as a summary.
pub(crate) fn summary_of(
    row: &rusqlite::Row<'_>,
    first: usize,
) -> Result<Summary, rusqlite::Error> {
    Ok(Summary {
        n: row.get::<_, i64>(first)?.cast_unsigned(),
        bad: row.get::<_, i64>(first + 1)?.cast_unsigned(),
        min: row.get(first + 2)?,
        max: row.get(first + 3)?,
        sum: row.get(first + 4)?,
    })
}

/// About five milliseconds of work, which a waiting commit does not notice.
const SLICE_BUCKETS: usize = 64;

/// Half a megabyte of the noisiest readings.
const SLICE_POINTS: usize = 65_536;

/// Looking at all open buckets of a large site takes 0.1 ms.
const SCAN_EVERY: u64 = 16;

/// A bucket that was touched within so many commits is still being filled, e.g. by a backlog.
const QUIET_COMMITS: u64 = 16;

/// Stragglers within this time after a bucket's end do not make it sealed twice.
const GRACE_US: i64 = 60_000_000;

/// A device that fell silent is sealed after this time, lest its readings keep the hot log long.
const SILENT: Duration = Duration::from_mins(15);

/// At 24 bytes a point, 200 MB; beyond it sealing goes before new batches.
const OPEN_POINTS_MAX: usize = 8_000_000;

/// Writing down the newest reading of each series costs as much as a commit.
const PURGE_EVERY: u64 = 64;
