//! A new numbering for what is still stored, when the file turns out to be an old copy.

use forewarn_domain::id::AgentId;
use forewarn_domain::reading::{Batch, Epoch, Stream, StreamKey};
use forewarn_wire::payload;
use rusqlite::{Transaction, params};

use super::ledger::StreamLedger;
use super::row::{Row, row_id, signed, unsigned};
use super::{Spool, SpoolError, file, numbered};

impl Spool {
    /// Begins a new numbering for everything that is still stored, after the server turned out to
    /// know more of the old one than this file does.
    ///
    /// # Errors
    ///
    /// [`SpoolError`] when the rows cannot be rewritten; then nothing has changed.
    pub fn renumber(&mut self) -> Result<(), SpoolError> {
        let epoch = file::random_epoch()?;
        let mut streams: [StreamLedger; 3] = std::array::from_fn(|_| StreamLedger::default());
        let mut waiting = Vec::new();
        for stream in Stream::ALL {
            let mut from = 0;
            while let Some((seq, row)) = self.row_from(stream, from)? {
                waiting.push((stream, seq, row.readings));
                from = seq + 1;
            }
        }
        let transaction = self.connection.transaction()?;
        for (stream, seq, readings) in waiting {
            let ledger = &mut streams[usize::from(stream.number())];
            renumber_row(&transaction, &self.agent, (stream, seq), (epoch, ledger.next_seq))?;
            let bytes: i64 = transaction.query_row(
                "SELECT bytes FROM batch WHERE id = ?1",
                [row_id(stream, ledger.next_seq)],
                |row| row.get(0),
            )?;
            ledger.appended(readings, unsigned(bytes));
        }
        transaction.execute("DELETE FROM gap", [])?;
        for (stream, ledger) in Stream::ALL.into_iter().zip(&streams) {
            ledger.write(&transaction, stream)?;
        }
        transaction.execute("UPDATE meta SET v = ?1 WHERE k = 'epoch'", [epoch.0.to_be_bytes()])?;
        transaction.commit()?;
        (self.epoch, self.streams) = (epoch, streams);
        Ok(())
    }
}

fn renumber_row(
    transaction: &Transaction<'_>,
    agent: &AgentId,
    (stream, old_seq): (Stream, u64),
    (epoch, seq): (Epoch, u64),
) -> Result<(), SpoolError> {
    let (message, readings): (Vec<u8>, i64) = transaction.query_row(
        "SELECT body, n FROM batch WHERE id = ?1",
        [row_id(stream, old_seq)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let message = match payload::decode(agent, stream, &message) {
        Ok(decoded) => {
            let key = StreamKey { epoch, ..decoded.batch.key };
            let body = numbered(&decoded.batch.body, seq);
            payload::encode(&Batch { key, seq, body }, 1)?
        }
        // A damaged row keeps its place, and becomes a gap when it is read.
        Err(_damaged) => message,
    };
    let row = Row { id: row_id(stream, seq), readings: unsigned(readings), message };
    transaction.execute(
        "UPDATE batch SET id = ?1, bytes = ?2, crc = ?3, body = ?4 WHERE id = ?5",
        params![
            row.id,
            signed(row.bytes()),
            i64::from(row.crc()),
            row.message,
            row_id(stream, old_seq)
        ],
    )?;
    Ok(())
}
