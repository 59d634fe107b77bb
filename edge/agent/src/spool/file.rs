//! Opening the spool's file: settings read back, a damaged file set aside, a numbering drawn.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use forewarn_domain::id::AgentId;
use forewarn_domain::reading::{Epoch, Stream};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};

use super::ballast::Ballast;
use super::ledger::{Counts, StreamLedger};
use super::{Limits, Spool, SpoolError};

/// How a spool came to be open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Opened {
    /// As it was left.
    Existing,
    /// There was none.
    Fresh,
    /// The file could not be used; it was set aside and a new numbering began.
    Replaced {
        /// Where the old file lies now.
        kept: PathBuf,
        /// What was wrong with it.
        why: String,
    },
}

pub(super) fn open(
    folder: &Path,
    agent: &AgentId,
    limits: Limits,
) -> Result<(Spool, Opened), SpoolError> {
    let io = |path: &Path, source| SpoolError::Io { path: path.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
    let lock = lock(folder)?;
    let path = folder.join(FILE);
    let was_there = path.try_exists().map_err(|source| io(&path, source))?;
    if !was_there {
        sync_names_above(folder);
    }
    let [lock_again, lock_once_more] = [lock.try_clone(), lock.try_clone()];
    let lock_again = lock_again.map_err(|source| io(folder, source))?;
    let lock_once_more = lock_once_more.map_err(|source| io(folder, source))?;
    let opened = match open_file(&path, (folder, lock), agent, limits) {
        // A start writes as well, and must come about on a full disk.
        Err(Refused::Fatal(SpoolError::Sqlite { source })) if super::is_full(&source) => {
            Ballast::give_up(folder.join(BALLAST))?;
            open_file(&path, (folder, lock_once_more), agent, limits)
        }
        other => other,
    };
    match opened {
        Ok(spool) if was_there => Ok((spool, Opened::Existing)),
        Ok(spool) => Ok((spool, Opened::Fresh)),
        Err(Refused::Fatal(error)) => Err(error),
        Err(Refused::Damaged { why }) => {
            let kept = set_aside(&path)?;
            tracing::error!(kept = %kept.display(), why, "the spool was damaged and is kept aside");
            match open_file(&path, (folder, lock_again), agent, limits) {
                Ok(spool) => Ok((spool, Opened::Replaced { kept, why })),
                Err(Refused::Fatal(error)) => Err(error),
                Err(Refused::Damaged { why }) => Err(SpoolError::Io {
                    path,
                    source: std::io::Error::other(format!("a new file is damaged as well: {why}")),
                }),
            }
        }
    }
}

fn open_file(
    path: &Path,
    (folder, lock): (&Path, File),
    agent: &AgentId,
    limits: Limits,
) -> Result<Spool, Refused> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_MAX)?;
    set_pragmas(&connection)?;
    connection.execute_batch(SCHEMA)?;
    let epoch = epoch_of(&connection)?;
    check_if_unclean(&connection, path)?;
    connection.execute(
        "INSERT INTO meta(k, v) VALUES ('closed', 0) ON CONFLICT(k) DO UPDATE SET v = 0",
        [],
    )?;
    let mut streams: [StreamLedger; 3] = std::array::from_fn(|_| StreamLedger::default());
    for (ledger, stream) in streams.iter_mut().zip(Stream::ALL) {
        *ledger = StreamLedger::read(&connection, stream)?;
    }
    let counts = Counts::read(&connection)?;
    Ok(Spool {
        agent: agent.clone(),
        epoch,
        folder: folder.to_owned(),
        connection,
        limits,
        quota_bytes: limits.quota_bytes,
        ballast: Ballast::new(folder.join(BALLAST), limits.ballast_bytes),
        streams,
        counts,
        boot: boot_id(),
        _lock: lock,
    })
}

/// SQLite sees to the names in its folder. The folder's own name, and those of the folders above
/// that were made with it, are on the disk for sure only when what holds them was synced; without
/// its folder a synced file is lost. This comes before there is a file, so a file that is there
/// needs it no more.
fn sync_names_above(folder: &Path) {
    let synced = folder.canonicalize().and_then(|folder| {
        folder.ancestors().skip(1).try_for_each(|it| File::open(it)?.sync_all())
    });
    if let Err(error) = synced {
        // Someone else's folder may not be readable. Then the system syncs the names by itself,
        // within some seconds.
        tracing::warn!(folder = %folder.display(), %error, "the folders above were not synced");
    }
}

/// The lock goes with the process, however that ends.
fn lock(folder: &Path) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    let io = |source| SpoolError::Io { path: path.clone(), source };
    let file = File::create(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SpoolError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Sets what durability rests on, and reads it back: a library built otherwise ignores a pragma
/// without a word.
fn set_pragmas(connection: &Connection) -> Result<(), SpoolError> {
    connection.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216; \
         PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON;",
    )?;
    let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if journal != "wal" {
        return Err(SpoolError::Pragma { name: "journal_mode", found: journal, wanted: "wal" });
    }
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if synchronous < 2 {
        let found = synchronous.to_string();
        return Err(SpoolError::Pragma { name: "synchronous", found, wanted: "2 (FULL)" });
    }
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        let found = rusqlite::version().to_owned();
        return Err(SpoolError::Pragma {
            name: "sqlite_version",
            found,
            wanted: "3.51.3 or later",
        });
    }
    Ok(())
}

fn epoch_of(connection: &Connection) -> Result<Epoch, Refused> {
    let found: Option<Vec<u8>> = connection
        .query_row("SELECT v FROM meta WHERE k = 'epoch'", [], |row| row.get(0))
        .optional()?;
    if let Some(bytes) = found {
        return match <[u8; 16]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Ok(Epoch(u128::from_be_bytes(bytes))),
            Err(_short) => Err(Refused::Damaged { why: "its numbering is not 16 bytes".into() }),
        };
    }
    let epoch = random_epoch()?;
    connection.execute(
        "INSERT INTO meta(k, v) VALUES ('epoch', ?1), ('schema', ?2)",
        params![epoch.0.to_be_bytes(), 1],
    )?;
    Ok(epoch)
}

/// A file that was closed in order needs no check; one too large to be checked at every start is
/// checked row by row when it is read.
fn check_if_unclean(connection: &Connection, path: &Path) -> Result<(), Refused> {
    let closed: Option<i64> = connection
        .query_row("SELECT v FROM meta WHERE k = 'closed'", [], |row| row.get(0))
        .optional()?;
    let bytes = std::fs::metadata(path).map_or(0, |it| it.len());
    if closed != Some(0) || CHECKED_BYTES_MAX < bytes {
        return Ok(());
    }
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if answer == "ok" { Ok(()) } else { Err(Refused::Damaged { why: answer }) }
}

/// Renames the file and its log to the first free `spool.corrupt.N`.
fn set_aside(path: &Path) -> Result<PathBuf, SpoolError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let kept = numbered_name(folder, CORRUPT)?;
    rename_with_log(path, &kept)?;
    Ok(kept)
}

/// The files that were set aside, the oldest first.
pub(super) fn set_aside_files(folder: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let io = |source| SpoolError::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        let number = name.strip_prefix(CORRUPT).and_then(|it| it.strip_prefix('.'));
        if let Some(number) = number.and_then(|it| it.parse::<u32>().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The first free `NAME.N`.
pub(super) fn numbered_name(folder: &Path, name: &str) -> Result<PathBuf, SpoolError> {
    let mut number = 1;
    loop {
        let path = folder.join(format!("{name}.{number}"));
        match path.try_exists() {
            Ok(true) => number += 1,
            Ok(false) => return Ok(path),
            Err(source) => return Err(SpoolError::Io { path, source }),
        }
    }
}

pub(super) fn rename_with_log(path: &Path, to: &Path) -> Result<(), SpoolError> {
    let io = |path: &Path, source| SpoolError::Io { path: path.to_owned(), source };
    std::fs::rename(path, to).map_err(|source| io(path, source))?;
    for suffix in ["-wal", "-shm"] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(to, suffix));
        match std::fs::rename(&from, &to) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(io(&from, source));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn random_epoch() -> Result<Epoch, SpoolError> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|source| SpoolError::Io { path: path.to_owned(), source })?;
    Ok(Epoch(u128::from_be_bytes(bytes)))
}

/// Names this boot of the machine, to interpret monotonic times; empty where the kernel has none.
fn boot_id() -> Vec<u8> {
    std::fs::read("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_no_such_file| Vec::new(), |text| text.trim_ascii().to_vec())
}

/// Why a file was not opened.
#[derive(Debug)]
enum Refused {
    Damaged { why: String },
    Fatal(SpoolError),
}

impl From<rusqlite::Error> for Refused {
    fn from(source: rusqlite::Error) -> Self {
        let is_damage = match &source {
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..) => true,
            rusqlite::Error::SqliteFailure(failure, message) => match failure.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => true,
                // Nothing that is written while opening contradicts a file of ours: a row that was
                // not found is there all the same.
                ErrorCode::ConstraintViolation => true,
                ErrorCode::Unknown => message.as_deref().is_some_and(is_about_the_file),
                _ => false,
            },
            rusqlite::Error::SqlInputError { msg, .. } => is_about_the_file(msg),
            _ => false,
        };
        if is_damage {
            Self::Damaged { why: source.to_string() }
        } else {
            Self::Fatal(SpoolError::Sqlite { source })
        }
    }
}

/// A table of ours that has other columns, or a header that names no format.
fn is_about_the_file(message: &str) -> bool {
    message.contains("no such") || message.contains("unsupported file format")
}

impl From<SpoolError> for Refused {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Sqlite { source } => source.into(),
            other => Self::Fatal(other),
        }
    }
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta(k TEXT PRIMARY KEY, v) ;
CREATE TABLE IF NOT EXISTS batch(
    id INTEGER PRIMARY KEY, n INT, bytes INT, crc INT,
    t_mono INT, boot BLOB, t_wall INT, body BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS gap(
    stream INT, seq_from INT, seq_to INT, n INT, reason TEXT,
    PRIMARY KEY(stream, seq_from)
) STRICT;
CREATE TABLE IF NOT EXISTS cursor(stream INTEGER PRIMARY KEY, next_seq INT, acked INT) STRICT;
CREATE TABLE IF NOT EXISTS counter(name TEXT PRIMARY KEY, v INT) STRICT;
";

/// The file that only holds space.
const BALLAST: &str = "ballast";

/// A file that was set aside, before its number.
const CORRUPT: &str = "spool.corrupt";

/// The spool's file in its folder.
pub(super) const FILE: &str = "spool.db";

/// The first release with the fix of a WAL bug that could lose a checkpointed commit.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Checking reads the whole file; above this a start would take seconds on an SD card.
const CHECKED_BYTES_MAX: u64 = 200 * 1024 * 1024;

/// Only a person with `sqlite3` ever holds a lock here.
const BUSY_MAX: std::time::Duration = std::time::Duration::from_secs(5);
