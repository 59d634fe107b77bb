//! Rows of the table `batch`: their ids, their check sums, their end.

use forewarn_domain::reading::Stream;
use forewarn_wire::payload;
use rusqlite::{Transaction, params};

use super::{Moment, SpoolError};

/// One row of the table `batch`. An empty message stands for one whose check sum did not fit.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) readings: u64,
    pub(super) message: Vec<u8>,
}

impl Row {
    pub(super) fn crc(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.id.to_be_bytes());
        crc.update(&self.readings.to_be_bytes());
        crc.update(&self.message);
        crc.finalize()
    }

    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.message.len()).expect("messages are below 192 KiB")
    }

    pub(super) fn message_if_whole(&self, first_available: u64) -> Option<Vec<u8>> {
        if self.message.is_empty() {
            return None;
        }
        payload::with_first_available(&self.message, first_available).ok()
    }

    pub(super) fn insert(
        &self,
        transaction: &Transaction<'_>,
        at: Moment,
        boot: &[u8],
    ) -> Result<(), SpoolError> {
        transaction
            .prepare_cached(
                "INSERT INTO batch(id, n, bytes, crc, t_mono, boot, t_wall, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.id,
                signed(self.readings),
                signed(self.bytes()),
                i64::from(self.crc()),
                at.monotonic_us,
                boot,
                at.wall.micros(),
                self.message,
            ])?;
        Ok(())
    }
}

/// Deletes rows; gives batches, readings and bytes.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    stream: Stream,
    first: u64,
    last: u64,
) -> Result<(u64, u64, u64), SpoolError> {
    let range = params![row_id(stream, first), row_id(stream, last)];
    let sums: (i64, i64, i64) = transaction
        .prepare_cached(
            "SELECT count(*), coalesce(sum(n), 0), coalesce(sum(bytes), 0) FROM batch \
             WHERE ?1 <= id AND id <= ?2",
        )?
        .query_row(range, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if 0 < sums.0 {
        transaction
            .prepare_cached("DELETE FROM batch WHERE ?1 <= id AND id <= ?2")?
            .execute(range)?;
    }
    Ok((unsigned(sums.0), unsigned(sums.1), unsigned(sums.2)))
}

/// The row of a number: streams lie one behind the other in the table.
pub(super) fn row_id(stream: Stream, seq: u64) -> i64 {
    i64::from(stream.number()) << SEQ_BITS | (signed(seq) & SEQ_MASK)
}

pub(super) fn seq_of(id: i64) -> u64 {
    unsigned(id & SEQ_MASK)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Stream number in the highest byte, number in the others: 2^56 batches outlast any agent.
pub(super) const SEQ_BITS: u32 = 56;
const SEQ_MASK: i64 = (1 << SEQ_BITS) - 1;
