//! The readings file: its settings, its tables, and the lock that keeps a second writer out.
//!
//! Rely on this: a connection from here has been asked what its settings are, and they are those
//! that survive a power cut. WAL with `synchronous=FULL` does; `NORMAL` loses acknowledged batches.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::failpoint;
use crate::readings::error::{FileError, StoreError};

/// Where the file is and how large its write-ahead log may become.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) wal_bytes: u64,
}

impl Place {
    /// Makes the folder when it is missing.
    pub(crate) fn in_folder(dir: &Path, wal_bytes: u64) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        match std::fs::create_dir_all(dir) {
            Ok(()) => Ok(Self { path, wal_bytes }),
            Err(source) => Err(StoreError::File { path, source: source.into() }),
        }
    }

    pub(crate) fn failed(&self, source: impl Into<FileError>) -> StoreError {
        StoreError::File { path: self.path.clone(), source: source.into() }
    }

    /// Takes the place for one writer; it is free again when the file is dropped.
    pub(crate) fn lock(&self) -> Result<File, StoreError> {
        let path = self.path.with_extension("lock");
        let file = File::create(&path).map_err(|error| self.failed(error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
            Err(TryLockError::Error(error)) => Err(self.failed(error)),
        }
    }

    /// Opens for writing, making the tables at the first time.
    pub(crate) fn open_writer(&self) -> Result<Connection, StoreError> {
        let open = || -> Result<Connection, FileError> {
            let conn = Connection::open(&self.path)?;
            failpoint::watch(&conn);
            // Only an empty file takes this, so it comes before the first table.
            conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            conn.pragma_update(None, "journal_mode", "WAL")?;
            conn.pragma_update(None, "synchronous", "FULL")?;
            let pages = (self.wal_bytes / 2 / PAGE_BYTES).clamp(16, 4_000);
            conn.pragma_update(None, "wal_autocheckpoint", pages.cast_signed())?;
            conn.pragma_update(None, "journal_size_limit", self.wal_bytes.cast_signed())?;
            conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
            Ok(conn)
        };
        let conn = open().map_err(|error| self.failed(error))?;
        self.check(&conn)?;
        let prepare = || -> Result<(), FileError> {
            conn.execute_batch(TABLES)?;
            // The file's name must be as durable as its pages.
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(())
        };
        prepare().map_err(|error| self.failed(error))?;
        Ok(conn)
    }

    /// Opens for reading.
    pub(crate) fn open_reader(&self) -> Result<Connection, FileError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags)?;
        failpoint::watch(&conn);
        conn.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        Ok(conn)
    }

    /// Refuses what would not be durable, by asking instead of believing.
    fn check(&self, conn: &Connection) -> Result<(), StoreError> {
        let unfit = |setting, found: String, needed| StoreError::Unfit {
            path: self.path.clone(),
            setting,
            found,
            needed,
        };
        if rusqlite::version_number() < SQLITE_VERSION_MIN {
            return Err(unfit("SQLite version", rusqlite::version().to_owned(), "3.51.3"));
        }
        let wanted = [("journal_mode", "wal"), ("synchronous", "2"), ("auto_vacuum", "2")];
        for (setting, needed) in wanted {
            let found = conn
                .pragma_query_value(None, setting, |row| row.get::<_, rusqlite::types::Value>(0))
                .map_err(|error| self.failed(error))?;
            let found = match found {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            };
            if found != needed {
                return Err(unfit(setting, found, needed));
            }
        }
        Ok(())
    }
}

/// Bytes that the file's pages take, without those that are free for re-use, and with them.
pub(crate) fn used_and_file_bytes(conn: &Connection) -> Result<(u64, u64), FileError> {
    let ask = |pragma| -> Result<u64, FileError> {
        let value: i64 = conn.pragma_query_value(None, pragma, |row| row.get(0))?;
        Ok(value.unsigned_abs())
    };
    let (pages, free, size) = (ask("page_count")?, ask("freelist_count")?, ask("page_size")?);
    Ok((pages.saturating_sub(free) * size, pages * size))
}

/// Name of the file in the data folder.
pub(crate) const FILE_NAME: &str = "readings.db";

const PAGE_BYTES: u64 = 4_096;

/// The release that fixed a corruption after a WAL reset race.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// The tail of the file, which every commit touches, fits several times.
const WRITER_CACHE_KIB: i64 = 32_768;

/// A day of a dozen channels fits.
const READER_CACHE_KIB: i64 = 8_192;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS stream(
  id INTEGER PRIMARY KEY, agent TEXT NOT NULL, epoch TEXT NOT NULL, stream INTEGER NOT NULL,
  ranges TEXT NOT NULL, released INTEGER NOT NULL DEFAULT 0,
  UNIQUE(agent, epoch, stream)) STRICT;
CREATE TABLE IF NOT EXISTS passed(
  stream INTEGER NOT NULL, device TEXT NOT NULL, t INTEGER NOT NULL,
  PRIMARY KEY(stream, device)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series(
  id INTEGER PRIMARY KEY, channel TEXT NOT NULL UNIQUE, class TEXT NOT NULL DEFAULT 'default',
  last BLOB) STRICT;
CREATE TABLE IF NOT EXISTS class(name TEXT PRIMARY KEY, floor INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS hold(
  series INTEGER NOT NULL, t_from INTEGER NOT NULL, t_to INTEGER NOT NULL,
  PRIMARY KEY(series, t_from, t_to)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hot(
  id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL, readings INTEGER NOT NULL, late BLOB, body BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS hot_by_seq ON hot(stream, first_seq, last_seq);
CREATE TABLE IF NOT EXISTS chunk(
  bucket INTEGER NOT NULL, series INTEGER NOT NULL, n INTEGER NOT NULL, bad INTEGER NOT NULL,
  vmin REAL NOT NULL, vmax REAL NOT NULL, vsum REAL NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(bucket, series)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rollup(
  series INTEGER NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, bad INTEGER NOT NULL,
  vmin REAL NOT NULL, vmax REAL NOT NULL, vsum REAL NOT NULL, raw INTEGER NOT NULL,
  PRIMARY KEY(series, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event(
  series INTEGER NOT NULL, t INTEGER NOT NULL, value TEXT NOT NULL, quality INTEGER NOT NULL,
  late INTEGER NOT NULL, stream INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  PRIMARY KEY(series, t)) STRICT, WITHOUT ROWID;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_the_needed_settings_is_refused() {
        let dir = tempfile::tempdir().expect("temp dir");
        let place = Place::in_folder(dir.path(), 1 << 20).expect("folder");
        let conn = Connection::open(&place.path).expect("opens");
        conn.execute_batch("CREATE TABLE made_elsewhere(a)").expect("sql");
        drop(conn);
        let refused = place.open_writer().expect_err("auto_vacuum cannot be set any more");
        assert!(refused.to_string().contains("auto_vacuum is `0`, needed is `2`"), "{refused}");
    }

    #[test]
    fn a_second_writer_is_refused_until_the_first_has_gone() {
        let dir = tempfile::tempdir().expect("temp dir");
        let place = Place::in_folder(dir.path(), 1 << 20).expect("folder");
        let first = place.lock().expect("free");
        assert!(matches!(place.lock(), Err(StoreError::InUse { .. })));
        drop(first);
        place.lock().expect("free again");
    }
}
