//! Recorded rows by way of a readings store: written, read back, and numbered as before.
//!
//! Rely on this: values, qualities and texts are what the store returned; of the file only the
//! numbering of the rows and the times to ask for are kept. A reading that does not come back is an
//! error, one that comes back otherwise is counted.
//!
//! Deliberately absent: the order of rows that a store does not keep. Of two rows with one time it
//! keeps the later one, so rows are read back before time goes back.

use std::collections::HashMap;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::reading::{BatchBody, Readings};
use forewarn_domain::time::{Span, Time};
use forewarn_store::readings::{Outcome, ReadingStore, Refusal, Sample, StoreError, TextSample};
use serde::Serialize;
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::output::Failure;
use crate::recording::Row;
use crate::stores;

/// A store that rows pass through.
pub(crate) struct ThroughStore {
    store: ReadingStore,
    /// Rows to be written and read back together; their times rise.
    window: Vec<Row>,
    passed: Passed,
    /// What a store on a server keeps locally ends with the replay.
    _local: TempDir,
}

/// How readings came back.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Passed {
    /// Readings that came back.
    returned: u64,
    /// How many of them a store with fewer digits has rounded.
    rounded: u64,
    /// How many of them had another value, quality or text than was written: of several readings
    /// with one channel and one time a store gives back one.
    changed: u64,
}

impl ThroughStore {
    /// Opens the named store.
    pub(crate) fn open(named: &str) -> Result<Self, Failure> {
        let local = tempfile::tempdir()?;
        let config = stores::readings_config(Some(named), local.path())?;
        let store = wait(ReadingStore::open(&config))?;
        Ok(Self { store, window: Vec::new(), passed: Passed::default(), _local: local })
    }

    /// Takes a row, and gives the rows that are through.
    pub(crate) fn pass(&mut self, row: Row) -> Result<Vec<Row>, ThroughStoreError> {
        let turns_back = self.window.last().is_some_and(|last| row.t <= last.t);
        let is_over = turns_back || WINDOW_ROWS <= self.window.len();
        let through = if is_over { self.rest()? } else { Vec::new() };
        self.window.push(row);
        Ok(through)
    }

    /// Gives the rows that are not through yet; a recording ends with it.
    pub(crate) fn rest(&mut self) -> Result<Vec<Row>, ThroughStoreError> {
        let mut rows = std::mem::take(&mut self.window);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(rows) };
        let (from, to) = (first.t, last.t + Span::from_micros(1));
        let stored = wait(async {
            self.write(&rows).await?;
            let channels = readings(first).map_or(&[][..], |it| &it.channels);
            Stored::read(&self.store, channels, from, to).await
        })?;
        let passed = self.passed.returned;
        let mut missing = 0;
        for row in &mut rows {
            missing += stored.put_into(row, &mut self.passed);
        }
        if 0 < missing {
            let written = self.passed.returned - passed + missing;
            return Err(ThroughStoreError::Missing { missing, written, from, to: last_of(&rows) });
        }
        Ok(rows)
    }

    /// How readings came back so far.
    pub(crate) fn passed(&self) -> Passed {
        self.passed
    }

    async fn write(&self, rows: &[Row]) -> Result<(), ThroughStoreError> {
        let batches = rows.iter().map(|row| Arc::new(row.batch.clone())).collect();
        for appended in self.store.append(batches).await? {
            if let Outcome::Refused(source) = appended.outcome {
                return Err(ThroughStoreError::Refused { seq: appended.seq, source });
            }
            self.store.release(&[(appended.key, appended.seq + 1)]);
        }
        // A server may hold new points back for a moment.
        self.store.seal().await?;
        Ok(())
    }
}

/// What a store returned for the time of some rows, by place in the rows' channel list and by time.
#[derive(Default)]
struct Stored {
    numbers: HashMap<(u16, Time), Sample>,
    texts: HashMap<(u16, Time), TextSample>,
}

impl Stored {
    async fn read(
        store: &ReadingStore,
        channels: &[ChannelId],
        from: Time,
        to: Time,
    ) -> Result<Self, ThroughStoreError> {
        let mut stored = Self::default();
        for (place, channel) in (0_u16..).zip(channels) {
            let numbers = store.range(channel, from, to, SAMPLES_MAX).await?;
            stored.numbers.extend(numbers.into_iter().map(|it| ((place, it.t), it)));
            let texts = store.texts(channel, from, to, SAMPLES_MAX).await?;
            stored.texts.extend(texts.into_iter().map(|it| ((place, it.t), it)));
        }
        Ok(stored)
    }

    /// Replaces a row's readings by the stored ones; the answer is how many of them are missing.
    fn put_into(&self, row: &mut Row, passed: &mut Passed) -> u64 {
        let BatchBody::Readings(readings) = &mut row.batch.body else { return 0 };
        let mut missing = 0;
        for reading in &mut readings.numbers {
            let Some(stored) = self.numbers.get(&(reading.channel, reading.t)) else {
                missing += 1;
                continue;
            };
            let is_same = stored.value.to_bits() == reading.value.to_bits();
            let difference = (stored.value - reading.value).abs();
            let is_rounded = !is_same && difference <= ROUNDING_MAX * reading.value.abs();
            let is_changed = !(is_same || is_rounded) || stored.quality != reading.quality;
            (reading.value, reading.quality) = (stored.value, stored.quality);
            passed.returned += 1;
            passed.rounded += u64::from(is_rounded && !is_changed);
            passed.changed += u64::from(is_changed);
        }
        for text in &mut readings.texts {
            let Some(stored) = self.texts.get(&(text.channel, text.t)) else {
                missing += 1;
                continue;
            };
            let is_changed = stored.text != text.text || stored.quality != text.quality;
            (text.text, text.quality) = (stored.text.clone(), stored.quality);
            passed.returned += 1;
            passed.changed += u64::from(is_changed);
        }
        missing
    }
}

impl Passed {
    /// What must be said about readings that came back as others; nothing when there are none.
    pub(crate) fn remark(self) -> Option<String> {
        let Self { returned, changed, .. } = self;
        (0 < changed).then(|| {
            format!(
                "{changed} of {returned} readings came back from the store with other values: it \
                 holds several for their channel and time. Tickets may differ from a replay without it."
            )
        })
    }
}

fn readings(row: &Row) -> Option<&Readings> {
    match &row.batch.body {
        BatchBody::Readings(readings) => Some(readings),
        BatchBody::Evicted(_) | BatchBody::Waveform(_) => None,
    }
}

fn last_of(rows: &[Row]) -> Time {
    rows.last().map_or_else(Time::default, |row| row.t)
}

/// A replay is plain work on one thread, which has nothing else to do while the store answers.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| Handle::current().block_on(answer))
}

/// A few megabytes with fifty columns; more would not make a server quicker.
const WINDOW_ROWS: usize = 2_000;

/// A window of one recording needs no more than its rows; the rest is room for what other
/// recordings left between them.
const SAMPLES_MAX: usize = 1 << 20;

/// VictoriaMetrics keeps numbers as decimals of about twelve digits; it is off by less than this share.
const ROUNDING_MAX: f64 = 1e-11;

/// Why rows did not pass through the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThroughStoreError {
    #[error(
        "{missing} of {written} readings between {from} and {to} did not come back from the store; \
         does its own retention reach back to them?"
    )]
    Missing { missing: u64, written: u64, from: Time, to: Time },
    #[error("row {seq} was refused by the store")]
    Refused { seq: u64, source: Refusal },
    #[error(transparent)]
    Store(#[from] StoreError),
}
