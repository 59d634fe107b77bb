//! Opens the readings file and rebuilds in memory what a crash has taken away.
//!
//! Rely on this: after it, memory is as if the process had never stopped. Rows of the hot log that
//! are not in chunks fill the open buckets again; the ledgers stand in the file as committed.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::reading::{Epoch, Stream, StreamKey};
use forewarn_domain::time::Span;
use rusqlite::{Connection, OptionalExtension};

use super::append::Row;
use super::file::Place;
use super::state::{Entry, State, index};
use super::writer::{Shared, Writer};
use crate::readings::error::{FileError, StoreError};
use crate::readings::hot_log;
use crate::readings::judge::readings;

/// What is decided before the file is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) cap: Option<u64>,
    pub(crate) lateness: Span,
    /// Whether the readings themselves are kept here, or only ledger, texts and log.
    pub(crate) has_chunks: bool,
}

/// Opens for writing; the thread is not started yet.
pub(crate) fn open(place: Place, settings: Settings) -> Result<Writer, StoreError> {
    let lock = lock_soon(&place)?;
    let conn = place.open_writer()?;
    let mut state = State::default();
    let loaded = load(&conn, &mut state, settings.has_chunks);
    let (released, next_hot) = loaded.map_err(|error| place.failed(error))?;
    Ok(Writer {
        conn,
        cap: settings.cap.map(|cap| cap.saturating_sub(2 * place.wal_bytes)),
        place,
        shared: Shared::new(state, released),
        lateness: settings.lateness,
        has_chunks: settings.has_chunks,
        next_hot,
        commits: 0,
        purged_at: 0,
        scanned_at: 0,
        ready: Default::default(),
        has_failed: false,
        _lock: lock,
    })
}

/// Waits a little for a predecessor that is just ending.
fn lock_soon(place: &Place) -> Result<File, StoreError> {
    let started = Instant::now();
    loop {
        match place.lock() {
            Err(StoreError::InUse { .. }) if started.elapsed() < PREDECESSOR_ENDS_WITHIN => {
                std::thread::sleep(Duration::from_millis(20));
            }
            outcome => return outcome,
        }
    }
}

type Loaded = (HashMap<StreamKey, u64>, i64);

fn load(conn: &Connection, state: &mut State, opens_points: bool) -> Result<Loaded, FileError> {
    load_series(conn, state)?;
    let released = load_streams(conn, state)?;
    load_passed(conn, state)?;
    let meta = |name: &str| -> Result<i64, FileError> {
        let value = conn
            .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
            .optional()?;
        Ok(value.unwrap_or(1))
    };
    let sealed = if opens_points { meta("sealed_hot")? } else { i64::MAX };
    // An emptied log must not number its rows from the beginning: they would count as sealed.
    let next_hot = load_hot(conn, state, sealed)?.max(meta("next_hot")?);
    Ok((released, next_hot))
}

fn load_series(conn: &Connection, state: &mut State) -> Result<(), FileError> {
    let mut select = conn.prepare("SELECT channel, last FROM series ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let channel: String = row.get(0)?;
        let channel: ChannelId =
            channel.parse().map_err(|error| FileError::format("channel", &error))?;
        let series = state.number_series(&channel);
        if let Some(last) = row.get::<_, Option<Vec<u8>>>(1)? {
            let last = postcard::from_bytes(&last)
                .map_err(|error| FileError::format("newest reading", &error))?;
            state.series[index(series)].last = Some(last);
        }
    }
    Ok(())
}

fn load_streams(
    conn: &Connection,
    state: &mut State,
) -> Result<HashMap<StreamKey, u64>, FileError> {
    let mut released = HashMap::new();
    let mut select =
        conn.prepare("SELECT agent, epoch, stream, ranges, released FROM stream ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (agent, epoch): (String, String) = (row.get(0)?, row.get(1)?);
        let epoch: Epoch = epoch.parse().map_err(|error| FileError::format("epoch", &error))?;
        let key = StreamKey {
            agent: AgentId::new(&agent).map_err(|error| FileError::format("agent", &error))?,
            epoch,
            stream: Stream::try_from(row.get::<_, u8>(2)?)
                .map_err(|error| FileError::format("stream", &error))?,
        };
        let ranges: String = row.get(3)?;
        let ranges =
            serde_json::from_str(&ranges).map_err(|error| FileError::format("ledger", &error))?;
        if let Some(stream) = state.number_stream(&key) {
            state.numberings[usize::from(stream)].ranges = ranges;
        }
        released.insert(key, row.get::<_, i64>(4)?.cast_unsigned());
    }
    Ok(released)
}

fn load_passed(conn: &Connection, state: &mut State) -> Result<(), FileError> {
    let mut select = conn.prepare("SELECT stream, device, t FROM passed")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let device = state.number_device(&row.get::<_, String>(1)?);
        if let Some(numbering) = state.numberings.get_mut(usize::from(row.get::<_, u16>(0)?)) {
            numbering.passed.insert(device, row.get(2)?);
        }
    }
    Ok(())
}

/// Shows the rows of the hot log again, those below `sealed` without opening buckets for them;
/// returns the number of the next row.
fn load_hot(conn: &Connection, state: &mut State, sealed: i64) -> Result<i64, FileError> {
    let at = Instant::now();
    let mut next = 1;
    let mut select =
        conn.prepare("SELECT id, stream, first_seq, late, body FROM hot ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let hot: i64 = row.get(0)?;
        next = hot + 1;
        let stream = usize::from(row.get::<_, u16>(1)?);
        let Some(key) = state.streams.get(stream).cloned() else { continue };
        let seq = row.get::<_, i64>(2)?.cast_unsigned();
        let body = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        let name = |series| Some(state.series.get(index(series))?.channel.clone());
        let batch = match hot_log::decode(key, seq, body, name) {
            Ok(batch) => batch,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(hot, seq, error, "a batch of the hot log is damaged");
                continue;
            }
        };
        let late: Option<Vec<u8>> = row.get(3)?;
        let late = late.map_or(Ok(Vec::new()), |bytes| postcard::from_bytes(&bytes));
        let late = late.map_err(|error| FileError::format("late flags", &error))?;
        let Some(shown) = Row::replayed(state, Arc::clone(&batch), late) else { continue };
        let newest = shown.newest_of_devices(state);
        if let Some(stream) = state.stream_number(&batch.key) {
            state.numberings[usize::from(stream)].advance(seq, newest);
        }
        if let Some(readings) = readings(&batch) {
            let entry = Entry { hot, commit: 0, at };
            shown.show(state, readings, entry, sealed <= hot);
        }
    }
    Ok(next)
}

/// A process that is asked to stop has its grace time, of which this is the end.
const PREDECESSOR_ENDS_WITHIN: Duration = Duration::from_secs(3);
