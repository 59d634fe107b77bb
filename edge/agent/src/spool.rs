//! The agent's disk: what was measured stays here until the server says that it has it.
//!
//! Rely on this: an append that returned is on the disk (SQLite in WAL mode with `synchronous`
//! FULL); numbers are contiguous and never used twice; a row goes only by the server's own
//! acknowledgement or, counted and told to the server, to keep the quota. In readings:
//! accepted = delivered + evicted + stored.
//!
//! Deliberately absent: threads (see [`writer`]) and sending.

mod ballast;
mod file;
mod ledger;
mod quota;
mod renumber;
mod row;
mod salvage;
pub mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};

use forewarn_domain::id::AgentId;
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Evicted, Stream, StreamKey};
use forewarn_domain::time::Time;
use forewarn_wire::payload;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use ballast::Ballast;
pub use file::Opened;
use ledger::{Counts, StreamLedger};
use row::{Row, SEQ_BITS, forget, row_id, seq_of, unsigned};
pub use salvage::Salvaged;

/// The spool of one agent: one file, one owner.
#[derive(Debug)]
pub struct Spool {
    agent: AgentId,
    epoch: Epoch,
    folder: PathBuf,
    connection: Connection,
    limits: Limits,
    /// What the quota is now: less than configured while the disk is full.
    quota_bytes: u64,
    ballast: Ballast,
    streams: [StreamLedger; 3],
    counts: Counts,
    boot: Vec<u8>,
    /// Held while the file is open: two agents on one spool would give out the same numbers.
    _lock: File,
}

/// What the spool may take.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of batches; above it the oldest of the least urgent stream go.
    pub quota_bytes: u64,
    /// A file that only holds space, given up when the disk is full so that the rest still works.
    pub ballast_bytes: u64,
}

/// When an append happens; both clocks are kept with the batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Wall clock.
    pub wall: Time,
    /// Microseconds of the agent's monotonic clock, which means something only within one boot.
    pub monotonic_us: i64,
}

/// A message for the server, as it lies in the spool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parcel {
    /// Its stream.
    pub stream: Stream,
    /// Its first number.
    pub seq: u64,
    /// Its last number; larger only for an evicted range.
    pub last_seq: u64,
    /// The message of [`payload::encode`], with the present `first_available`.
    pub message: Vec<u8>,
}

/// Where the spool stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Depth {
    /// Batches that wait.
    pub batches: u64,
    /// Readings in them.
    pub readings: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Readings ever accepted under this numbering.
    pub accepted: u64,
    /// Readings that the server has.
    pub delivered: u64,
    /// Readings that were dropped for lack of space or because a row was damaged.
    pub evicted: u64,
    /// Readings that could not be stored at all; they are not among the accepted.
    pub rejected: u64,
    /// Whether four fifths of the quota are used.
    pub is_filling: bool,
}

impl Spool {
    /// Opens the spool of a folder, or makes one. A file that cannot be used is renamed, never
    /// deleted, and a new numbering begins.
    ///
    /// # Errors
    ///
    /// [`SpoolError`] when the folder cannot be written or SQLite is not what we rely on.
    pub fn open(
        folder: &Path,
        agent: &AgentId,
        limits: Limits,
    ) -> Result<(Self, Opened), SpoolError> {
        file::open(folder, agent, limits)
    }

    /// The numbering.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Numbers the bodies and stores them all or none. The parts of a waveform learn the number of
    /// their first part here.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Full`] when even evicting brought no room; the bodies are then counted as
    /// rejected. [`SpoolError::Sqlite`] when the file is in trouble: reopen it.
    pub fn append(&mut self, bodies: &[(Stream, BatchBody)], at: Moment) -> Result<(), SpoolError> {
        for _attempt in 0..RELIEFS_MAX {
            match self.try_append(bodies, at) {
                Err(SpoolError::Sqlite { source }) if is_full(&source) => self.try_to_relieve()?,
                Err(error) => return Err(error),
                Ok(()) => {
                    self.recover_quota();
                    return match self.keep_quota() {
                        // What was appended is stored; the quota waits for room to evict in.
                        Err(SpoolError::Sqlite { source }) if is_full(&source) => {
                            self.try_to_relieve()
                        }
                        other => other,
                    };
                }
            }
        }
        self.counts.rejected += bodies.iter().map(|(_, body)| readings_of(body)).sum::<u64>();
        Err(SpoolError::Full { folder: self.folder.clone() })
    }

    fn try_append(&mut self, bodies: &[(Stream, BatchBody)], at: Moment) -> Result<(), SpoolError> {
        let mut streams = self.streams.clone();
        let mut counts = self.counts;
        let transaction = self.connection.transaction()?;
        for (stream, body) in bodies {
            let ledger = &mut streams[usize::from(stream.number())];
            let seq = ledger.next_seq;
            let body = numbered(body, seq);
            let key = StreamKey { agent: self.agent.clone(), epoch: self.epoch, stream: *stream };
            let batch = Batch { key, seq, body };
            let message = payload::encode(&batch, ledger.first_available())?;
            let row = Row { id: row_id(*stream, seq), readings: readings_of(&batch.body), message };
            row.insert(&transaction, at, &self.boot)?;
            ledger.appended(row.readings, row.bytes());
            counts.accepted += row.readings;
        }
        for (stream, ledger) in Stream::ALL.into_iter().zip(&streams) {
            ledger.write(&transaction, stream)?;
        }
        counts.write(&transaction)?;
        transaction.commit()?;
        (self.streams, self.counts) = (streams, counts);
        Ok(())
    }

    /// Forgets what the server has. Gives the number of batches that left; none when the disk has no
    /// room even to forget in, and then the server says it again.
    ///
    /// # Errors
    ///
    /// [`SpoolError::RolledBack`] when the server has numbers that this file has not given out yet:
    /// it is an old copy, and [`Spool::renumber`] must begin a new numbering.
    pub fn acknowledge(&mut self, stream: Stream, received: &SeqRanges) -> Result<u64, SpoolError> {
        match self.forget(stream, received) {
            Err(SpoolError::Sqlite { source }) if is_full(&source) => {
                self.try_to_relieve()?;
                Ok(0)
            }
            other => other,
        }
    }

    fn forget(&mut self, stream: Stream, received: &SeqRanges) -> Result<u64, SpoolError> {
        let next_seq = self.ledger(stream).next_seq;
        if let Some((_, last)) = received.ranges().last()
            && next_seq <= *last
        {
            return Err(SpoolError::RolledBack { stream, server: *last, next_seq });
        }
        let mut ledger = self.ledger(stream).clone();
        let mut counts = self.counts;
        let transaction = self.connection.transaction()?;
        let mut gone = 0;
        for (first, last) in received.ranges() {
            let (batches, readings, bytes) = forget(&transaction, stream, *first, *last)?;
            gone += batches;
            ledger.left(batches, readings, bytes);
            counts.delivered += readings;
            gone += ledger.gap_delivered(&transaction, stream, *first, *last)?;
        }
        if gone == 0 {
            return Ok(0);
        }
        ledger.find_oldest(&transaction, stream)?;
        ledger.write(&transaction, stream)?;
        counts.write(&transaction)?;
        transaction.commit()?;
        *self.ledger_mut(stream) = ledger;
        self.counts = counts;
        Ok(gone)
    }

    /// The next message of a stream with a number of at least `from_seq`. A damaged row is turned
    /// into a gap, counted, and the gap is what is sent.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Sqlite`] when the file cannot be read.
    pub fn next(&mut self, stream: Stream, from_seq: u64) -> Result<Option<Parcel>, SpoolError> {
        loop {
            let gaps = &self.ledger(stream).gaps;
            let gap = gaps.range(from_seq..).next().map(|(seq, it)| (*seq, *it));
            let row = self.row_from(stream, from_seq)?;
            let (seq, row) = match (row, gap) {
                (None, None) => return Ok(None),
                (None, Some((seq, gap))) => return self.gap_parcel(stream, seq, gap).map(Some),
                (Some((seq, _)), Some((gap_seq, gap))) if gap_seq <= seq => {
                    return self.gap_parcel(stream, gap_seq, gap).map(Some);
                }
                (Some(row), _) => row,
            };
            let first = self.ledger(stream).first_available();
            if let Some(message) = row.message_if_whole(first) {
                return Ok(Some(Parcel { stream, seq, last_seq: seq, message }));
            }
            self.drop_range(stream, seq, seq, REASON_DAMAGED)?;
        }
    }

    /// The oldest number that can still be sent, and the next one to be given out.
    #[must_use]
    pub fn bounds(&self, stream: Stream) -> (u64, u64) {
        let ledger = self.ledger(stream);
        (ledger.first_available(), ledger.next_seq)
    }

    /// How full it is, and what became of all readings.
    #[must_use]
    pub fn depth(&self) -> Depth {
        let mut depth = Depth {
            accepted: self.counts.accepted,
            delivered: self.counts.delivered,
            evicted: self.counts.evicted,
            rejected: self.counts.rejected,
            ..Depth::default()
        };
        for ledger in &self.streams {
            depth.batches += ledger.batches;
            depth.readings += ledger.readings;
            depth.bytes += ledger.bytes;
        }
        depth.is_filling = self.limits.quota_bytes / 5 * 4 < depth.bytes;
        depth
    }

    /// Marks the file as closed in order, which spares the next start a full check.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Sqlite`]; nothing is lost by it.
    pub fn close(self) -> Result<(), SpoolError> {
        self.connection.execute("UPDATE meta SET v = 1 WHERE k = 'closed'", [])?;
        self.connection.close().map_err(|(_, source)| SpoolError::Sqlite { source })
    }

    fn gap_parcel(&self, stream: Stream, seq: u64, gap: ledger::Gap) -> Result<Parcel, SpoolError> {
        let key = StreamKey { agent: self.agent.clone(), epoch: self.epoch, stream };
        let evicted =
            Evicted { to_seq: gap.to_seq, readings: gap.readings, reason: gap.reason.to_owned() };
        let batch = Batch { key, seq, body: BatchBody::Evicted(evicted) };
        let message = payload::encode(&batch, self.ledger(stream).first_available())?;
        Ok(Parcel { stream, seq, last_seq: gap.to_seq, message })
    }

    fn row_from(&self, stream: Stream, seq: u64) -> Result<Option<(u64, Row)>, SpoolError> {
        let mut select = self.connection.prepare_cached(
            "SELECT id, n, crc, body FROM batch WHERE ?1 <= id AND id < ?2 ORDER BY id LIMIT 1",
        )?;
        let behind = row_id(stream, 0) + (1_i64 << SEQ_BITS);
        let found = select
            .query_row(params![row_id(stream, seq), behind], |row| {
                let id: i64 = row.get(0)?;
                let readings: i64 = row.get(1)?;
                let crc: i64 = row.get(2)?;
                let message: Vec<u8> = row.get(3)?;
                Ok((Row { id, readings: unsigned(readings), message }, crc))
            })
            .optional()?;
        Ok(found.map(|(mut row, crc)| {
            if i64::from(row.crc()) != crc {
                row.message.clear();
            }
            (seq_of(row.id), row)
        }))
    }

    fn ledger(&self, stream: Stream) -> &StreamLedger {
        &self.streams[usize::from(stream.number())]
    }

    fn ledger_mut(&mut self, stream: Stream) -> &mut StreamLedger {
        &mut self.streams[usize::from(stream.number())]
    }
}

fn numbered(body: &BatchBody, seq: u64) -> BatchBody {
    let mut body = body.clone();
    if let BatchBody::Waveform(part) = &mut body {
        part.first_seq = seq.saturating_sub(u64::from(part.part));
    }
    body
}

fn readings_of(body: &BatchBody) -> u64 {
    match body {
        BatchBody::Readings(readings) => {
            u64::try_from(readings.count()).expect("a count of memory fits")
        }
        BatchBody::Evicted(_) | BatchBody::Waveform(_) => 0,
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// Why the spool did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A body breaks a limit of the wire; it must be cut smaller before it comes here.
    #[error("a batch does not fit into a message")]
    Encode(#[from] payload::EncodeError),
    /// No room even after evicting.
    #[error("no room in `{}`; free the disk or lower `quota_bytes`", folder.display())]
    Full {
        /// The spool's folder.
        folder: PathBuf,
    },
    /// A file could not be made, renamed or read.
    #[error("file `{}` of the spool", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("`{}` is in use by another agent; give each its own `data_dir`", folder.display())]
    Locked {
        /// The spool's folder.
        folder: PathBuf,
    },
    /// SQLite does not hold what we rely on.
    #[error("SQLite reports {name} = {found}; {wanted} is needed, so use the bundled library")]
    Pragma {
        /// Which setting.
        name: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The server knows more than this file.
    #[error(
        "server has batch {server} of stream {stream}, this file would give out {next_seq} next: \
         it is an old copy"
    )]
    RolledBack {
        /// Which stream.
        stream: Stream,
        /// The highest number that the server has.
        server: u64,
        /// The next number of this file.
        next_seq: u64,
    },
    /// The file is in trouble.
    #[error("the spool's file was not read or written")]
    Sqlite {
        /// What SQLite says.
        #[from]
        source: rusqlite::Error,
    },
    /// The writer has ended.
    #[error("the spool's writer has ended")]
    Stopped,
}

/// Ballast, then two evictions; a disk that is still full then has another tenant.
const RELIEFS_MAX: u32 = 3;

/// A row whose check sum did not fit.
const REASON_DAMAGED: &str = "damaged";

#[cfg(test)]
mod tests;
