//! What can still be read of a file that was set aside, brought into the spool under new numbers.
//!
//! Rely on this: a row counts only when its own check sum and its message's are right; what is brought
//! over is on the disk before the old file gets another name, and a second salvage finds nothing to do.
//! A reading that the server has already is stored there once: its channel and time are known.

use std::path::{Path, PathBuf};

use forewarn_domain::id::AgentId;
use forewarn_domain::reading::{BatchBody, Stream};
use forewarn_wire::payload;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use serde::Serialize;

use super::row::{Row, SEQ_BITS, unsigned};
use super::{Moment, Spool, SpoolError, file};

/// What came of the files that were set aside.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Salvaged {
    /// Files that were looked at.
    pub files: Vec<PathBuf>,
    /// Batches that were brought over.
    pub batches: u64,
    /// Readings in them.
    pub readings: u64,
    /// Rows that were found and are not what was written.
    pub damaged: u64,
    /// Files of which nothing at all can be read; they stay as they are.
    pub unreadable: Vec<PathBuf>,
}

impl Spool {
    /// Brings over what every `spool.corrupt.N` of the folder still holds.
    ///
    /// # Errors
    ///
    /// [`SpoolError`] when the spool itself takes nothing, or a file cannot be renamed.
    pub fn salvage(&mut self, at: Moment) -> Result<Salvaged, SpoolError> {
        let mut salvaged = Salvaged::default();
        for path in file::set_aside_files(&self.folder)? {
            match Wreck::open(&path, &self.agent) {
                Ok(mut wreck) => {
                    self.salvage_file(&mut wreck, at, &mut salvaged)?;
                    drop(wreck);
                    file::rename_with_log(
                        &path,
                        &file::numbered_name(&self.folder, "spool.salvaged")?,
                    )?;
                }
                Err(error) => {
                    let path = path.clone();
                    tracing::warn!(path = %path.display(), %error, "nothing can be read of it");
                    salvaged.unreadable.push(path);
                }
            }
            salvaged.files.push(path);
        }
        Ok(salvaged)
    }

    fn salvage_file(
        &mut self,
        wreck: &mut Wreck,
        at: Moment,
        salvaged: &mut Salvaged,
    ) -> Result<(), SpoolError> {
        for stream in Stream::ALL {
            let mut chunk = Vec::new();
            while let Some(found) = wreck.next(stream) {
                match found {
                    Some(body) => chunk.push((stream, body)),
                    None => salvaged.damaged += 1,
                }
                if CHUNK_BATCHES <= chunk.len() {
                    self.take_over(&std::mem::take(&mut chunk), at, salvaged)?;
                }
            }
            self.take_over(&chunk, at, salvaged)?;
        }
        Ok(())
    }

    fn take_over(
        &mut self,
        bodies: &[(Stream, BatchBody)],
        at: Moment,
        salvaged: &mut Salvaged,
    ) -> Result<(), SpoolError> {
        if bodies.is_empty() {
            return Ok(());
        }
        self.append(bodies, at)?;
        salvaged.batches += u64::try_from(bodies.len()).unwrap_or(u64::MAX);
        salvaged.readings += bodies.iter().map(|(_, body)| super::readings_of(body)).sum::<u64>();
        Ok(())
    }
}

/// A damaged file, read row by row.
struct Wreck {
    connection: Connection,
    agent: AgentId,
    /// The id behind the last one that was looked at, of each stream.
    from: [i64; 3],
    misses: u32,
}

impl Wreck {
    fn open(path: &Path, agent: &AgentId) -> Result<Self, rusqlite::Error> {
        // Reading a log needs to write its index, so the file is not opened read-only.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // A file that is no database at all is found out here.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        let from = Stream::ALL.map(|stream| i64::from(stream.number()) << SEQ_BITS);
        Ok(Self { connection, agent: agent.clone(), from, misses: 0 })
    }

    /// The next row of a stream; `Some(None)` for one that is damaged, `None` at the end.
    fn next(&mut self, stream: Stream) -> Option<Option<BatchBody>> {
        let number = usize::from(stream.number());
        let behind = (i64::from(stream.number()) + 1) << SEQ_BITS;
        loop {
            let from = self.from[number];
            let found = self
                .connection
                .query_row(
                    "SELECT id, n, crc, body FROM batch WHERE ?1 <= id AND id < ?2 ORDER BY id LIMIT 1",
                    [from, behind],
                    |row| {
                        let (id, readings): (i64, i64) = (row.get(0)?, row.get(1)?);
                        let (crc, message): (i64, Vec<u8>) = (row.get(2)?, row.get(3)?);
                        Ok((Row { id, readings: unsigned(readings), message }, crc))
                    },
                )
                .optional();
            match found {
                Ok(None) => return None,
                Ok(Some((row, crc))) => {
                    self.from[number] = row.id + 1;
                    self.misses = 0;
                    let is_whole = i64::from(row.crc()) == crc;
                    let decoded = payload::decode(&self.agent, stream, &row.message);
                    return Some(decoded.ok().filter(|_| is_whole).map(|it| it.batch.body));
                }
                // The page with this row, or one on the way to it, is gone: try behind it.
                Err(_unreadable) => {
                    self.misses += 1;
                    self.from[number] = from + 1;
                    if MISSES_MAX <= self.misses {
                        return None;
                    }
                }
            }
        }
    }
}

/// About 200 KiB in one transaction at the usual size of a batch.
const CHUNK_BATCHES: usize = 16;

/// A page holds some ten batches; behind a thousand unreadable numbers nothing more is expected.
const MISSES_MAX: u32 = 1_000;
