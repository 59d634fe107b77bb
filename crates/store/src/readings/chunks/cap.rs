//! The readings file and its write-ahead log stay within their cap.
//!
//! Rely on this: for room, what is in chunks and consumed leaves the hot log first; then the oldest
//! readings of all classes go, then the oldest summaries; held ranges stay, and what went is
//! counted. History never goes for a log that consumers are about to pass: then batches are refused
//! until they have, and the agents keep them.

use rusqlite::{Connection, OptionalExtension, params};

use super::file::used_and_file_bytes;
use super::retain::{CHUNK_NOT_HELD, ROLLUP_NOT_HELD, delete_hour};
use super::writer::Writer;
use crate::readings::chunk::BUCKETS_PER_HOUR;
use crate::readings::error::{FileError, StoreError};

impl Writer {
    /// Makes room in good time, so that the next commits find it.
    pub(crate) fn keep_cap(&mut self) -> Result<(), FileError> {
        let Some(cap) = self.cap else { return Ok(()) };
        if enough(cap) < self.used()? {
            self.make_room(enough(cap))?;
        }
        self.shorten_log()
    }

    /// Refuses batches of so many bytes that do not fit, after trying to make room for them. Looks
    /// again each time, since a consumer or a person may have let something go.
    pub(crate) fn refuse_when_full(&mut self, bytes: u64) -> Result<(), StoreError> {
        let Some(cap) = self.cap else { return Ok(()) };
        let limit = cap.saturating_sub(bytes);
        let fitted = self.fit(limit);
        let used = fitted.map_err(|error| self.failed(error))?;
        if used <= limit { Ok(()) } else { Err(StoreError::Full { used, cap }) }
    }

    fn fit(&mut self, limit: u64) -> Result<u64, FileError> {
        if limit < self.used()? {
            self.make_room(limit.min(enough(self.cap.unwrap_or(u64::MAX))))?;
        }
        self.used()
    }

    /// Lets go of what may go until the pages in use are few enough.
    fn make_room(&mut self, limit: u64) -> Result<(), FileError> {
        self.purge()?;
        // What waits stands twice: in the log, and in the chunks that it was sealed into.
        if self.used()? <= limit || limit / 4 < self.evaluable_bytes()? {
            return Ok(());
        }
        self.seal_open()?;
        self.purge()?;
        while limit < self.used()? && self.delete_oldest()? {}
        Ok(())
    }

    /// Bytes of the hot log that consumers have not passed but can: no batch is missing before them.
    fn evaluable_bytes(&self) -> Result<u64, FileError> {
        let state = self.shared.read();
        let mut sum = self.conn.prepare_cached(
            "SELECT COALESCE(SUM(LENGTH(body)), 0) FROM hot
             WHERE stream = ?1 AND ?2 <= first_seq AND first_seq < ?3",
        )?;
        let mut bytes = 0;
        for (stream, (numbering, key)) in
            (0_u16..).zip(state.numberings.iter().zip(state.streams.iter()))
        {
            let (from, to) = (self.shared.released(key), numbering.ranges.next_seq());
            if from < to {
                let range = params![stream, from.cast_signed(), to.cast_signed()];
                bytes += sum.query_row(range, |row| row.get::<_, i64>(0))?.unsigned_abs();
            }
        }
        Ok(bytes)
    }

    /// Deletes the oldest hour of readings, else the oldest day of summaries; false when there is
    /// neither.
    fn delete_oldest(&mut self) -> Result<bool, FileError> {
        let oldest: Option<i64> = self
            .conn
            .prepare_cached(&format!(
                "SELECT bucket FROM chunk WHERE {CHUNK_NOT_HELD} ORDER BY bucket LIMIT 1"
            ))?
            .query_row([], |row| row.get(0))
            .optional()?;
        let transaction = self.conn.transaction()?;
        let has_deleted = match oldest {
            Some(bucket) => {
                let hour = bucket.div_euclid(BUCKETS_PER_HOUR);
                let deleted = delete_hour(&transaction, hour, None)?;
                count_over_cap(&transaction, deleted)?;
                true
            }
            None => delete_oldest_rollups(&transaction)?,
        };
        transaction.commit()?;
        Ok(has_deleted)
    }

    /// Copies a long write-ahead log into the file. Where a reader held up SQLite's own turn at it,
    /// this one waits for him, and the next commit waits with it.
    fn shorten_log(&mut self) -> Result<(), FileError> {
        let log = self.place.path.with_extension("db-wal");
        let bytes = std::fs::metadata(log).map_or(0, |it| it.len());
        if self.place.wal_bytes < bytes {
            let mut checkpoint = self.conn.prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)")?;
            let mut answer = checkpoint.query([])?;
            while answer.next()?.is_some() {}
        }
        Ok(())
    }

    fn used(&self) -> Result<u64, FileError> {
        used_and_file_bytes(&self.conn).map(|(used, _)| used)
    }
}

/// Pages in use from which room is made.
fn enough(cap: u64) -> u64 {
    cap / 10 * 9
}

/// Remembers, in the transaction that deletes, what nobody has been told of yet.
fn count_over_cap(conn: &Connection, deleted: u64) -> Result<(), FileError> {
    conn.prepare_cached(
        "INSERT INTO meta VALUES ('over_cap', ?1)
         ON CONFLICT(name) DO UPDATE SET value = value + excluded.value",
    )?
    .execute([deleted.cast_signed()])?;
    Ok(())
}

/// Deletes a day of summaries whose readings are gone; false when there are none.
fn delete_oldest_rollups(conn: &Connection) -> Result<bool, FileError> {
    let deleted = conn
        .prepare_cached(&format!(
            "DELETE FROM rollup WHERE raw = 0 AND {ROLLUP_NOT_HELD} AND hour < 24 +
             (SELECT MIN(hour) FROM rollup WHERE raw = 0 AND {ROLLUP_NOT_HELD})"
        ))?
        .execute([])?;
    Ok(0 < deleted)
}
