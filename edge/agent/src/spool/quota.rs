//! What goes when there is no room: the oldest of the least urgent stream, counted and told.

use std::ops::RangeInclusive;

use forewarn_domain::reading::Stream;
use rusqlite::params;

use super::ledger::Gap;
use super::row::{SEQ_BITS, forget, row_id, seq_of, signed, unsigned};
use super::{Spool, SpoolError, is_full};

impl Spool {
    /// Evicts until the quota holds. The urgent stream keeps a tenth of it for itself.
    pub(super) fn keep_quota(&mut self) -> Result<(), SpoolError> {
        while let Some(stream) = self.stream_over_quota() {
            let Some(range) = self.oldest_range(stream)? else {
                return Ok(());
            };
            self.drop_range(stream, *range.start(), *range.end(), REASON_QUOTA)?;
        }
        Ok(())
    }

    /// As [`Spool::relieve`]; a disk on which not even that has room is somebody else's to clear, and
    /// no reason to stop.
    pub(super) fn try_to_relieve(&mut self) -> Result<(), SpoolError> {
        match self.relieve() {
            Err(SpoolError::Sqlite { source }) if is_full(&source) => {
                tracing::error!(folder = %self.folder.display(), "no room even to evict in");
                Ok(())
            }
            other => other,
        }
    }

    /// The disk is full: gives up the ballast, makes room, and takes the ballast up again. What is
    /// stored now is more than this disk holds, so the quota shrinks below it.
    fn relieve(&mut self) -> Result<(), SpoolError> {
        tracing::warn!(folder = %self.folder.display(), "the disk of the spool is full");
        self.ballast.release()?;
        let stored = self.depth().bytes;
        self.quota_bytes = self.quota_bytes.min((stored / 10 * 9).max(QUOTA_BYTES_MIN));
        self.keep_quota()?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.ballast.take_up();
        Ok(())
    }

    /// A quota that shrank grows back with each append that succeeds, in about four minutes of
    /// commits; a disk that is still full shrinks it again.
    pub(super) fn recover_quota(&mut self) {
        let configured = self.limits.quota_bytes;
        self.quota_bytes = configured.min(self.quota_bytes.saturating_add(configured / 1_024));
    }

    /// Replaces rows by a gap, in one transaction with the counters.
    pub(super) fn drop_range(
        &mut self,
        stream: Stream,
        first: u64,
        last: u64,
        reason: &'static str,
    ) -> Result<(), SpoolError> {
        let mut ledger = self.ledger(stream).clone();
        let mut counts = self.counts;
        let transaction = self.connection.transaction()?;
        let (batches, readings, bytes) = forget(&transaction, stream, first, last)?;
        transaction.execute(
            "INSERT INTO gap(stream, seq_from, seq_to, n, reason) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT(stream, seq_from) DO UPDATE SET seq_to = ?3, n = n + ?4",
            params![stream.number(), signed(first), signed(last), signed(readings), reason],
        )?;
        let known = ledger.gaps.get(&first).map_or(0, |gap| gap.readings);
        ledger.gaps.insert(first, Gap { to_seq: last, readings: known + readings, reason });
        ledger.left(batches, readings, bytes);
        ledger.find_oldest(&transaction, stream)?;
        ledger.write(&transaction, stream)?;
        counts.evicted += readings;
        counts.write(&transaction)?;
        transaction.commit()?;
        tracing::warn!(%stream, first, last, readings, reason, "readings were dropped at the edge");
        *self.ledger_mut(stream) = ledger;
        self.counts = counts;
        Ok(())
    }

    fn stream_over_quota(&self) -> Option<Stream> {
        let quota = self.quota_bytes;
        let bytes = |stream| self.ledger(stream).bytes;
        let others = bytes(Stream::NORMAL) + bytes(Stream::BULK);
        let is_over = quota < others + bytes(Stream::URGENT) || quota / 10 * 9 < others;
        let fullest_first = [Stream::BULK, Stream::NORMAL, Stream::URGENT];
        is_over.then(|| fullest_first.into_iter().find(|it| 0 < bytes(*it))).flatten()
    }

    /// The oldest rows of a stream that make up one step of eviction.
    fn oldest_range(&self, stream: Stream) -> Result<Option<RangeInclusive<u64>>, SpoolError> {
        let Some(first) = self.ledger(stream).oldest_row else {
            return Ok(None);
        };
        let step = (self.quota_bytes / 16).clamp(1, STEP_BYTES_MAX);
        let mut select = self
            .connection
            .prepare_cached("SELECT id, bytes FROM batch WHERE ?1 <= id AND id < ?2 ORDER BY id")?;
        let behind = row_id(stream, 0) + (1 << SEQ_BITS);
        let mut rows = select.query(params![row_id(stream, first), behind])?;
        let (mut last, mut freed) = (first, 0);
        while let Some(row) = rows.next()? {
            last = seq_of(row.get(0)?);
            freed += unsigned(row.get(1)?);
            if step <= freed {
                break;
            }
        }
        Ok(Some(first..=last))
    }
}

/// The quota was used up.
pub(super) const REASON_QUOTA: &str = "quota";

/// What a full disk leaves in any case, about one commit: with nothing the agent would be blind.
const QUOTA_BYTES_MIN: u64 = 64 * 1024;

/// Small steps would make a gap for every commit during a long outage.
const STEP_BYTES_MAX: u64 = 1024 * 1024;
