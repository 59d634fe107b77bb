//! What is over is deleted, hour by hour, between commits.
//!
//! Rely on this: a held range keeps its readings and summaries; an hourly summary outlives its
//! readings; nothing in the hot log is touched. Deliberately absent: the cap, see `cap.rs`.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::file::used_and_file_bytes;
use super::writer::{RetainAsk, RetainStep, Stage, Writer};
use crate::readings::chunk::BUCKETS_PER_HOUR;
use crate::readings::error::FileError;
use crate::readings::retention::{HOUR_US, Hold, Retained, RetentionPolicy};

impl Writer {
    /// Does a small part of a retention run.
    pub(crate) fn retain_step(&mut self, ask: &RetainAsk) -> Result<RetainStep, FileError> {
        let mut done = Retained::default();
        let next = match ask.stage {
            Stage::TakeOver => {
                done.over_cap = self.take_over(&ask.policy, &ask.holds)?;
                Some(Stage::Readings)
            }
            Stage::Readings => {
                let mut next = Stage::Summaries;
                for (class, floor) in classes(&self.conn)? {
                    let cutoff = ask.policy.spans(&class).raw_cutoff(ask.now);
                    if let Some(expired) = self.delete_next_hour(&class, floor, cutoff)? {
                        done.expired = expired;
                        next = Stage::Readings;
                        break;
                    }
                }
                Some(next)
            }
            Stage::Summaries => {
                for (class, _) in classes(&self.conn)? {
                    self.delete_rollups_and_texts(&class, ask, &mut done)?;
                }
                Some(Stage::Space)
            }
            Stage::Space => {
                done.freed_bytes = self.vacuum_step()?;
                self.has_free_pages()?.then_some(Stage::Space)
            }
        };
        Ok(RetainStep { done, next })
    }

    /// Stores the class of each series and the holds, and lets retention look again where either
    /// of them changed. Returns how many readings went for the cap since this was last asked.
    fn take_over(&mut self, policy: &RetentionPolicy, holds: &[Hold]) -> Result<u64, FileError> {
        let state = self.shared.read();
        let transaction = self.conn.transaction()?;
        let known: Vec<String> = {
            let mut select = transaction.prepare_cached("SELECT class FROM series ORDER BY id")?;
            select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for (id, (series, known)) in (0_i64..).zip(state.series.iter().zip(&known)) {
            let class = policy.class(&series.channel);
            if class != known {
                transaction
                    .prepare_cached("UPDATE series SET class = ?2 WHERE id = ?1")?
                    .execute(params![id, class])?;
                transaction
                    .prepare_cached("DELETE FROM class WHERE name = ?1")?
                    .execute([class])?;
            }
        }
        let wanted: BTreeSet<(u32, i64, i64)> = holds
            .iter()
            .filter_map(|hold| {
                let series = state.series_number(&hold.channel)?;
                Some((series, hold.from.micros(), hold.to.micros()))
            })
            .collect();
        let held: BTreeSet<(u32, i64, i64)> = {
            let mut select = transaction.prepare_cached("SELECT series, t_from, t_to FROM hold")?;
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        for (series, from, to) in held.difference(&wanted) {
            transaction
                .prepare_cached("DELETE FROM hold WHERE series = ?1 AND t_from = ?2 AND t_to = ?3")?
                .execute(params![series, from, to])?;
            transaction
                .prepare_cached(
                    "UPDATE class SET floor = MIN(floor, ?2)
                     WHERE name = (SELECT class FROM series WHERE id = ?1)",
                )?
                .execute(params![series, from.div_euclid(HOUR_US)])?;
        }
        for (series, from, to) in wanted.difference(&held) {
            transaction
                .prepare_cached("INSERT INTO hold VALUES (?1, ?2, ?3)")?
                .execute(params![series, from, to])?;
        }
        let over_cap: Option<i64> = transaction
            .prepare_cached("DELETE FROM meta WHERE name = 'over_cap' RETURNING value")?
            .query_row([], |row| row.get(0))
            .optional()?;
        transaction.commit()?;
        Ok(over_cap.unwrap_or(0).unsigned_abs())
    }

    /// Deletes the readings of one hour of a class; `None` when none is over.
    fn delete_next_hour(
        &mut self,
        class: &str,
        floor: i64,
        cutoff: i64,
    ) -> Result<Option<u64>, FileError> {
        let next: Option<i64> = self
            .conn
            .prepare_cached(&format!(
                "SELECT bucket FROM chunk WHERE ?2 <= bucket AND bucket < ?3
                 AND series IN (SELECT id FROM series WHERE class = ?1)
                 AND {CHUNK_NOT_HELD} ORDER BY bucket LIMIT 1"
            ))?
            .query_row(params![class, first_bucket(floor), first_bucket(cutoff)], |row| row.get(0))
            .optional()?;
        let hour = next.map(|bucket| bucket.div_euclid(BUCKETS_PER_HOUR));
        let transaction = self.conn.transaction()?;
        let deleted = match hour {
            Some(hour) => Some(delete_hour(&transaction, hour, Some(class))?),
            None => None,
        };
        let floor = hour.map_or(cutoff, |hour| hour + 1);
        transaction
            .prepare_cached("INSERT OR REPLACE INTO class(name, floor) VALUES (?1, ?2)")?
            .execute(params![class, floor])?;
        transaction.commit()?;
        Ok(deleted)
    }

    fn delete_rollups_and_texts(
        &mut self,
        class: &str,
        ask: &RetainAsk,
        done: &mut Retained,
    ) -> Result<(), FileError> {
        let spans = ask.policy.spans(class);
        let transaction = self.conn.transaction()?;
        done.rollups += count(
            transaction
                .prepare_cached(&format!(
                    "DELETE FROM rollup WHERE hour < ?2 AND raw = 0 AND {ROLLUP_NOT_HELD}
                     AND series IN (SELECT id FROM series WHERE class = ?1)"
                ))?
                .execute(params![class, spans.rollup_cutoff(ask.now)])?,
        );
        done.texts += count(
            transaction
                .prepare_cached(
                    "DELETE FROM event WHERE t < ?2
                     AND series IN (SELECT id FROM series WHERE class = ?1)
                     AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.series = event.series
                       AND t_from <= event.t AND event.t < t_to)",
                )?
                .execute(params![class, spans.raw_cutoff(ask.now).saturating_mul(HOUR_US)])?,
        );
        Ok(transaction.commit()?)
    }

    fn has_free_pages(&self) -> Result<bool, FileError> {
        let (used, file) = used_and_file_bytes(&self.conn)?;
        Ok(used < file)
    }

    /// Gives some free pages back to the system; the statement frees only while it is stepped.
    fn vacuum_step(&mut self) -> Result<u64, FileError> {
        let (_, before) = used_and_file_bytes(&self.conn)?;
        {
            let mut vacuum = self.conn.prepare_cached(VACUUM)?;
            let mut pages = vacuum.query([])?;
            while pages.next()?.is_some() {}
        }
        let (_, after) = used_and_file_bytes(&self.conn)?;
        if !self.has_free_pages()? {
            // Only a checkpoint shortens the file; a busy reader puts it off to the next one.
            let mut checkpoint = self.conn.prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)")?;
            let mut answer = checkpoint.query([])?;
            while answer.next()?.is_some() {}
        }
        Ok(before.saturating_sub(after))
    }
}

/// Classes that have series, with the hour below which retention has deleted already.
fn classes(conn: &Connection) -> Result<Vec<(String, i64)>, FileError> {
    let mut select = conn.prepare_cached(
        "SELECT DISTINCT series.class, COALESCE(class.floor, ?1) FROM series
         LEFT JOIN class ON class.name = series.class ORDER BY series.class",
    )?;
    let rows = select.query_map([i64::MIN], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Deletes the readings of an hour, of one class or of all, and marks its summaries as alone.
pub(super) fn delete_hour(
    conn: &Connection,
    hour: i64,
    class: Option<&str>,
) -> Result<u64, FileError> {
    const OF_CLASS: &str =
        "(?3 IS NULL OR series IN (SELECT id FROM series AS s WHERE s.class = ?3))";
    let first = first_bucket(hour);
    let mut delete = conn.prepare_cached(&format!(
        "DELETE FROM chunk WHERE ?1 <= bucket AND bucket < ?2 AND {OF_CLASS} AND {CHUNK_NOT_HELD}
         RETURNING n + bad"
    ))?;
    let counts =
        delete.query_map(params![first, first + BUCKETS_PER_HOUR, class], |row| row.get(0))?;
    let mut deleted = 0_u64;
    for readings in counts {
        let readings: i64 = readings?;
        deleted += readings.unsigned_abs();
    }
    conn.prepare_cached(&format!(
        "UPDATE rollup SET raw = 0 WHERE hour = ?1 AND raw = 1 AND {ROLLUP_NOT_HELD}
         AND series IN (SELECT id FROM series AS s WHERE ?2 IS NULL OR s.class = ?2)"
    ))?
    .execute(params![hour, class])?;
    Ok(deleted)
}

fn first_bucket(hour: i64) -> i64 {
    hour.saturating_mul(BUCKETS_PER_HOUR)
}

fn count(rows: usize) -> u64 {
    rows.try_into().unwrap_or(u64::MAX)
}

/// A hold keeps whole hours, so that an hour's summary is of all its readings or of none.
pub(super) const CHUNK_NOT_HELD: &str =
    "NOT EXISTS (SELECT 1 FROM hold WHERE hold.series = chunk.series
  AND t_from < (chunk.bucket / 6 + 1) * 3600000000 AND chunk.bucket / 6 * 3600000000 < t_to)";

pub(super) const ROLLUP_NOT_HELD: &str =
    "NOT EXISTS (SELECT 1 FROM hold WHERE hold.series = rollup.series
  AND t_from < (rollup.hour + 1) * 3600000000 AND rollup.hour * 3600000000 < t_to)";

/// Two thousand pages: some ten milliseconds.
const VACUUM: &str = "PRAGMA incremental_vacuum(2000)";
