//! Batches become durable: judged, written in one transaction, then shown.
//!
//! Rely on this: memory changes only after the commit. A failed transaction leaves ledgers, names
//! and points as they were, so the caller may try the same batches again.

use std::collections::HashMap;
use std::sync::Arc;

use forewarn_domain::ledger::Inserted;
use forewarn_domain::reading::{Batch, Readings};
use forewarn_domain::time::Span;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::state::{Entry, State, index};
use crate::readings::appended::{Appended, Outcome, Refusal};
use crate::readings::chunk::Point;
use crate::readings::error::{FileError, StoreError};
use crate::readings::hot_log;
use crate::readings::judge::{Judged, check, judge, readings};
use crate::readings::numbering::Numbering;

/// What a group of batches will change.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) appended: Vec<Appended>,
    pub(crate) rows: Vec<Row>,
    numberings: HashMap<u16, Numbering>,
    series_before: usize,
    streams_before: usize,
}

/// A batch that is new.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) batch: Arc<Batch>,
    pub(crate) late: Vec<u32>,
    stream: u16,
    /// By the batch's own channel index.
    series: Vec<u32>,
    /// By the same index; every reading's index was checked when the batch was judged.
    newest: Vec<Option<i64>>,
}

/// Decides what is new, naming new channels and numberings on the way.
///
/// # Errors
///
/// [`StoreError::TooManyStreams`]; the names given so far are taken back.
pub(crate) fn plan(
    state: &mut State,
    batches: &[Arc<Batch>],
    lateness: Span,
) -> Result<Plan, StoreError> {
    let mut plan = Plan {
        series_before: state.series.len(),
        streams_before: state.streams.len(),
        ..Plan::default()
    };
    for batch in batches {
        let Some(stream) = state.number_stream(&batch.key) else {
            plan.take_back(state);
            return Err(StoreError::TooManyStreams { key: Box::new(batch.key.clone()) });
        };
        let outcome = plan.judge_batch(state, batch, stream, lateness);
        plan.appended.push(Appended {
            key: batch.key.clone(),
            seq: batch.seq,
            outcome,
            ledger: Default::default(),
        });
    }
    for (batch, appended) in batches.iter().zip(&mut plan.appended) {
        let stream = state.stream_number(&batch.key);
        if let Some(numbering) = stream.and_then(|stream| plan.numberings.get(&stream)) {
            appended.ledger = numbering.ranges.clone();
        }
    }
    Ok(plan)
}

impl Plan {
    fn judge_batch(
        &mut self,
        state: &mut State,
        batch: &Arc<Batch>,
        stream: u16,
        lateness: Span,
    ) -> Outcome {
        let numbering = self
            .numberings
            .entry(stream)
            .or_insert_with(|| state.numberings[usize::from(stream)].clone());
        if let Some(Err(refusal)) = readings(batch).map(check) {
            return Outcome::Refused(refusal);
        }
        // Before any channel gets a number: a batch that is known or refused must leave no name.
        match numbering.insert(batch.seq, batch.last_seq()) {
            Inserted::Known => return Outcome::Known,
            Inserted::TooManyGaps => return Outcome::Refused(Refusal::TooManyGaps),
            Inserted::New => {}
        }
        let (mut series, mut judged) = (Vec::new(), Judged::default());
        if let Some(readings) = readings(batch) {
            series = readings.channels.iter().map(|it| state.number_series(it)).collect();
            let passed: Vec<Option<i64>> = series
                .iter()
                .map(|it| numbering.passed.get(&state.series[index(*it)].device).copied())
                .collect();
            judged = judge(readings, &passed, lateness);
        }
        let late = u32::try_from(judged.late.len()).unwrap_or(u32::MAX);
        let Judged { late: late_places, newest } = judged;
        let row = Row { batch: Arc::clone(batch), late: late_places, stream, series, newest };
        numbering.advance(batch.seq, row.newest_of_devices(state));
        self.rows.push(row);
        Outcome::New { late }
    }

    /// Undoes the naming.
    pub(crate) fn take_back(&self, state: &mut State) {
        state.forget_names(self.series_before, self.streams_before);
    }

    /// Writes everything that is new in one transaction; returns after the disk has it.
    pub(crate) fn commit(
        &self,
        conn: &mut Connection,
        state: &State,
        first_hot: i64,
    ) -> Result<(), FileError> {
        let transaction = conn.transaction()?;
        self.write_names(&transaction, state)?;
        for (hot, row) in (first_hot..).zip(&self.rows) {
            write_hot(&transaction, hot, row)?;
            if let Some(readings) = readings(&row.batch) {
                write_texts(&transaction, state, row, readings)?;
            }
        }
        let mut ledger =
            transaction.prepare_cached("UPDATE stream SET ranges = ?2 WHERE id = ?1")?;
        for (stream, numbering) in &self.numberings {
            let ranges = serde_json::to_string(&numbering.ranges)
                .map_err(|error| FileError::format("ledger", &error))?;
            ledger.execute(params![stream, ranges])?;
        }
        drop(ledger);
        Ok(transaction.commit()?)
    }

    fn write_names(&self, conn: &Transaction<'_>, state: &State) -> Result<(), FileError> {
        for (id, series) in state.series.iter().enumerate().skip(self.series_before) {
            conn.prepare_cached("INSERT INTO series(id, channel) VALUES (?1, ?2)")?
                .execute(params![number(id), series.channel.as_str()])?;
        }
        for (id, key) in state.streams.iter().enumerate().skip(self.streams_before) {
            conn.prepare_cached(
                "INSERT INTO stream(id, agent, epoch, stream, ranges) VALUES (?1, ?2, ?3, ?4, '[]')",
            )?
            .execute(params![
                number(id),
                key.agent.as_str(),
                key.epoch.to_string(),
                key.stream.number()
            ])?;
        }
        Ok(())
    }

    /// Shows what was committed.
    pub(crate) fn apply(self, state: &mut State, entry: Entry, opens_points: bool) {
        for (stream, numbering) in self.numberings {
            state.numberings[usize::from(stream)] = numbering;
        }
        for (hot, row) in (entry.hot..).zip(&self.rows) {
            if let Some(readings) = readings(&row.batch) {
                row.show(state, readings, Entry { hot, ..entry }, opens_points);
            }
        }
    }
}

impl Row {
    /// A row that was read back from the hot log.
    pub(crate) fn replayed(state: &mut State, batch: Arc<Batch>, late: Vec<u32>) -> Option<Self> {
        let stream = state.stream_number(&batch.key)?;
        readings(&batch).map_or(Ok(()), check).ok()?;
        let (mut series, mut newest) = (Vec::new(), Vec::new());
        if let Some(readings) = readings(&batch) {
            series = readings.channels.iter().map(|it| state.number_series(it)).collect();
            let nothing_passed = vec![None; series.len()];
            newest = judge(readings, &nothing_passed, Span::ZERO).newest;
        }
        Some(Self { batch, late, stream, series, newest })
    }

    /// How far the devices of this row have come.
    pub(crate) fn newest_of_devices(&self, state: &State) -> HashMap<u32, i64> {
        let mut newest: HashMap<u32, i64> = HashMap::new();
        for (series, t) in self.series.iter().zip(&self.newest) {
            if let Some(t) = t {
                let device = newest.entry(state.series[index(*series)].device).or_insert(*t);
                *device = (*device).max(*t);
            }
        }
        newest
    }

    pub(crate) fn show(
        &self,
        state: &mut State,
        readings: &Readings,
        entry: Entry,
        opens_points: bool,
    ) {
        let mut late = self.late.iter().copied().peekable();
        let mut newest: Vec<Option<(i64, Point)>> = vec![None; self.series.len()];
        for (idx, reading) in (0_u32..).zip(&readings.numbers) {
            let point = Point {
                value: reading.value,
                seq: self.batch.seq,
                offset: 0,
                stream: self.stream,
                quality: reading.quality.code(),
                late: late.next_if_eq(&idx).is_some(),
            };
            let channel = usize::from(reading.channel);
            let (t, series) = (reading.t.micros(), self.series[channel]);
            if opens_points {
                state.open_point(series, t, point, entry);
            }
            if newest[channel].is_none_or(|(known, _)| known <= t) {
                newest[channel] = Some((t, point));
            }
        }
        for (series, newest) in self.series.iter().zip(newest) {
            if let Some((t, point)) = newest {
                state.note_last(*series, t, point);
            }
        }
    }
}

fn write_hot(conn: &Transaction<'_>, hot: i64, row: &Row) -> Result<(), FileError> {
    let body = hot_log::encode(&row.batch.body, &row.series)
        .map_err(|error| FileError::format("batch", &error))?;
    let late = match row.late.as_slice() {
        [] => None,
        late => {
            let bytes = postcard::to_stdvec(late);
            Some(bytes.map_err(|error| FileError::format("late flags", &error))?)
        }
    };
    let count = readings(&row.batch).map_or(0, Readings::count);
    conn.prepare_cached(
        "INSERT INTO hot(id, stream, first_seq, last_seq, readings, late, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        hot,
        row.stream,
        row.batch.seq.cast_signed(),
        row.batch.last_seq().cast_signed(),
        number(count),
        late,
        body
    ])?;
    Ok(())
}

/// Texts are few, so they go to their table at once.
fn write_texts(
    conn: &Transaction<'_>,
    state: &State,
    row: &Row,
    readings: &Readings,
) -> Result<(), FileError> {
    let first_idx = u32::try_from(readings.numbers.len()).unwrap_or(u32::MAX);
    for (idx, text) in (first_idx..).zip(&readings.texts) {
        let Some(&series) = row.series.get(usize::from(text.channel)) else { continue };
        let t = text.t.micros();
        let known: Option<(u16, i64, u32)> = conn
            .prepare_cached("SELECT stream, seq, idx FROM event WHERE series = ?1 AND t = ?2")?
            .query_row(params![series, t], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let id =
            |stream: u16, seq: u64, idx: u32| (state.streams.get(usize::from(stream)), seq, idx);
        let is_older = known.is_some_and(|(stream, seq, known_idx)| {
            id(row.stream, row.batch.seq, idx) < id(stream, seq.cast_unsigned(), known_idx)
        });
        if is_older {
            continue;
        }
        conn.prepare_cached(
            "INSERT OR REPLACE INTO event(series, t, value, quality, late, stream, seq, idx)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            series,
            t,
            text.text,
            text.quality.code(),
            row.late.binary_search(&idx).is_ok(),
            row.stream,
            row.batch.seq.cast_signed(),
            idx
        ])?;
    }
    Ok(())
}

/// A length as SQLite's integer.
pub(crate) fn number(len: usize) -> i64 {
    i64::try_from(len).expect("nothing in memory is longer than 2^63")
}
