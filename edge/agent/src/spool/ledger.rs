//! What the spool knows by heart of each stream, and writes down in the same transaction.

use std::collections::BTreeMap;

use forewarn_domain::reading::Stream;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::SpoolError;
use super::row::{SEQ_BITS, row_id, seq_of, signed, unsigned};

/// One stream: its numbers, its gaps, and what is stored of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StreamLedger {
    pub(super) next_seq: u64,
    /// Lowest number that still has a row.
    pub(super) oldest_row: Option<u64>,
    /// Evicted ranges that the server does not know of yet, by their first number.
    pub(super) gaps: BTreeMap<u64, Gap>,
    pub(super) batches: u64,
    pub(super) readings: u64,
    pub(super) bytes: u64,
}

/// An evicted range.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Gap {
    pub(super) to_seq: u64,
    pub(super) readings: u64,
    pub(super) reason: &'static str,
}

impl Default for StreamLedger {
    fn default() -> Self {
        Self {
            next_seq: 1,
            oldest_row: None,
            gaps: BTreeMap::new(),
            batches: 0,
            readings: 0,
            bytes: 0,
        }
    }
}

impl StreamLedger {
    pub(super) fn read(connection: &Connection, stream: Stream) -> Result<Self, SpoolError> {
        let next_seq: Option<i64> = connection
            .query_row("SELECT next_seq FROM cursor WHERE stream = ?1", [stream.number()], |row| {
                row.get(0)
            })
            .optional()?;
        let mut ledger = Self { next_seq: next_seq.map_or(1, unsigned).max(1), ..Self::default() };
        let sums: (i64, i64, i64, Option<i64>) = connection.query_row(
            "SELECT count(*), coalesce(sum(n), 0), coalesce(sum(bytes), 0), max(id) FROM batch \
             WHERE ?1 <= id AND id < ?2",
            [row_id(stream, 0), row_id(stream, 0) + (1 << SEQ_BITS)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        ledger.batches = unsigned(sums.0);
        ledger.readings = unsigned(sums.1);
        ledger.bytes = unsigned(sums.2);
        if let Some(last) = sums.3 {
            ledger.next_seq = ledger.next_seq.max(seq_of(last) + 1);
        }
        ledger.find_oldest(connection, stream)?;
        let mut select =
            connection.prepare("SELECT seq_from, seq_to, n, reason FROM gap WHERE stream = ?1")?;
        let mut rows = select.query([stream.number()])?;
        while let Some(row) = rows.next()? {
            let reason: String = row.get(3)?;
            let gap = Gap {
                to_seq: unsigned(row.get(1)?),
                readings: unsigned(row.get(2)?),
                reason: if reason == super::REASON_DAMAGED {
                    super::REASON_DAMAGED
                } else {
                    super::quota::REASON_QUOTA
                },
            };
            ledger.gaps.insert(unsigned(row.get(0)?), gap);
        }
        Ok(ledger)
    }

    pub(super) fn write(&self, connection: &Connection, stream: Stream) -> Result<(), SpoolError> {
        let acked = self.first_available().saturating_sub(1);
        connection
            .prepare_cached(
                "INSERT INTO cursor(stream, next_seq, acked) VALUES (?1, ?2, ?3) \
                 ON CONFLICT(stream) DO UPDATE SET next_seq = ?2, acked = ?3",
            )?
            .execute(params![stream.number(), signed(self.next_seq), signed(acked)])?;
        Ok(())
    }

    /// The oldest number that can still be sent; the next one when nothing waits.
    pub(super) fn first_available(&self) -> u64 {
        let gap = self.gaps.keys().next().copied();
        let oldest = self.oldest_row.into_iter().chain(gap).min();
        oldest.unwrap_or(self.next_seq)
    }

    pub(super) fn appended(&mut self, readings: u64, bytes: u64) {
        self.oldest_row.get_or_insert(self.next_seq);
        self.next_seq += 1;
        self.batches += 1;
        self.readings += readings;
        self.bytes += bytes;
    }

    pub(super) fn left(&mut self, batches: u64, readings: u64, bytes: u64) {
        self.batches = self.batches.saturating_sub(batches);
        self.readings = self.readings.saturating_sub(readings);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Forgets the gaps that lie within an acknowledged range; gives how many.
    pub(super) fn gap_delivered(
        &mut self,
        connection: &Connection,
        stream: Stream,
        first: u64,
        last: u64,
    ) -> Result<u64, SpoolError> {
        let known: Vec<u64> = self
            .gaps
            .range(first..=last)
            .filter(|(_, gap)| gap.to_seq <= last)
            .map(|(seq, _)| *seq)
            .collect();
        for seq in &known {
            self.gaps.remove(seq);
            connection.execute(
                "DELETE FROM gap WHERE stream = ?1 AND seq_from = ?2",
                params![stream.number(), signed(*seq)],
            )?;
        }
        Ok(u64::try_from(known.len()).unwrap_or(u64::MAX))
    }

    pub(super) fn find_oldest(
        &mut self,
        connection: &Connection,
        stream: Stream,
    ) -> Result<(), SpoolError> {
        let oldest: Option<i64> = connection
            .prepare_cached("SELECT min(id) FROM batch WHERE ?1 <= id AND id < ?2")?
            .query_row([row_id(stream, 0), row_id(stream, 0) + (1 << SEQ_BITS)], |row| {
                row.get(0)
            })?;
        self.oldest_row = oldest.map(seq_of);
        Ok(())
    }
}

/// What became of all readings under this numbering.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) delivered: u64,
    pub(super) evicted: u64,
    pub(super) rejected: u64,
}

impl Counts {
    pub(super) fn read(connection: &Connection) -> Result<Self, SpoolError> {
        let mut select = connection.prepare("SELECT v FROM counter WHERE name = ?1")?;
        let mut value = |name: &str| -> Result<u64, SpoolError> {
            let found: Option<i64> = select.query_row([name], |row| row.get(0)).optional()?;
            Ok(found.map_or(0, unsigned))
        };
        Ok(Self {
            accepted: value("accepted")?,
            delivered: value("delivered")?,
            evicted: value("evicted")?,
            rejected: value("rejected")?,
        })
    }

    pub(super) fn write(&self, connection: &Connection) -> Result<(), SpoolError> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO counter(name, v) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET v = ?2",
        )?;
        for (name, value) in [
            ("accepted", self.accepted),
            ("delivered", self.delivered),
            ("evicted", self.evicted),
            ("rejected", self.rejected),
        ] {
            upsert.execute(params![name, signed(value)])?;
        }
        Ok(())
    }
}
