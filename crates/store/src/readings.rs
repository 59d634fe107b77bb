//! Readings, durable: each stored once, found again by channel and time, replayed by number.
//!
//! Rely on this: an append is one transaction of log and ledger, and what it answers as new is on
//! the disk. Of several readings with one channel and one time, the one with the greatest reading
//! id stays. The kinds of store ([`StoreConfig`]) pass one contract suite.
//!
//! Deliberately absent: evaluation. A late reading is stored, flagged and counted, nothing more.

mod appended;
mod chunk;
mod chunks;
mod error;
mod fingerprint;
mod hot_log;
mod influx;
mod judge;
mod memory;
mod numbering;
mod retention;
mod sample;

use std::path::PathBuf;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::DeviceId;
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::{Batch, StreamKey};
use forewarn_domain::time::{Span, Time};
use serde::Deserialize;

pub use self::appended::{Appended, Outcome, Refusal};
use self::chunks::Chunks;
pub use self::error::{FileError, ServerError, StoreError};
use self::influx::Influx;
pub use self::influx::{InfluxServer, Login, Secret};
use self::memory::Memory;
pub use self::retention::{ClassRetention, DEFAULT_CLASS, Hold, Retained, RetentionPolicy};
use self::sample::Axis;
pub use self::sample::{BUCKETS_MAX, Bucket, Latest, Sample, Spread, TextSample};

/// Where readings are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StoreConfig {
    /// One SQLite file `readings.db` with compressed chunks.
    Chunks {
        /// The data folder.
        dir: PathBuf,
        /// Most bytes that the file and its log may take; at least 16 MiB make sense.
        cap_bytes: u64,
        /// How far behind its device a reading may be before it counts as late.
        #[serde(default = "default_lateness")]
        lateness: Span,
    },
    /// Numbers on a server that takes InfluxDB line protocol; ledger, log and texts in a local
    /// file. What such a server cannot do is said at [`InfluxServer`].
    Influx {
        /// `http://host:port` or `https://…`, without a path.
        url: String,
        /// Which server, and whom it lets in.
        server: InfluxServer,
        /// The data folder of the local file.
        dir: PathBuf,
        /// Most bytes that the local file and its log may take.
        cap_bytes: u64,
        /// As above.
        #[serde(default = "default_lateness")]
        lateness: Span,
    },
    /// Nothing survives the process: for tests.
    Memory {
        /// As above.
        #[serde(default = "default_lateness")]
        lateness: Span,
    },
}

/// The readings store. Clones are handles to the same store.
#[derive(Clone, Debug)]
pub struct ReadingStore(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Chunks(Chunks),
    Influx(Influx),
    Memory(Memory),
}

impl ReadingStore {
    /// Opens or makes the store, and replays what a crash has left.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] for a second process, [`StoreError::Unfit`] for a SQLite or a file
    /// that would not be durable, otherwise [`StoreError::File`].
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let kind = match config.clone() {
            StoreConfig::Chunks { dir, cap_bytes, lateness } => {
                let open = move || Chunks::open(&dir, Some(cap_bytes), lateness, true);
                let opened = tokio::task::spawn_blocking(open).await;
                Kind::Chunks(opened.unwrap_or(Err(StoreError::Closed))?)
            }
            StoreConfig::Influx { url, server, dir, cap_bytes, lateness } => {
                let open = move || Influx::open(&url, server, &dir, cap_bytes, lateness);
                let opened = tokio::task::spawn_blocking(open).await;
                Kind::Influx(opened.unwrap_or(Err(StoreError::Closed))?)
            }
            StoreConfig::Memory { lateness } => Kind::Memory(Memory::new(lateness)),
        };
        Ok(Self(kind))
    }

    /// Stores batches in one durable transaction, together with other callers' batches.
    ///
    /// The answers are in the order of the batches. A known batch is not stored again; a refused
    /// one does not hinder the others. Only what an answer's ledger contains may be acknowledged.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; then nothing of this call may be acknowledged, and all of it may be tried
    /// again.
    pub async fn append(&self, batches: Vec<Arc<Batch>>) -> Result<Vec<Appended>, StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.append(batches).await,
            Kind::Influx(influx) => influx.append(batches).await,
            Kind::Memory(memory) => Ok(memory.append(&batches)),
        }
    }

    /// Which sequence numbers of a numbering are durable; empty for an unknown one.
    #[must_use]
    pub fn ledger(&self, key: &StreamKey) -> SeqRanges {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.ledger(key),
            Kind::Influx(influx) => influx.local.ledger(key),
            Kind::Memory(memory) => memory.ledger(key),
        }
    }

    /// All ledgers, in no particular order.
    #[must_use]
    pub fn ledgers(&self) -> Vec<(StreamKey, SeqRanges)> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.ledgers(),
            Kind::Influx(influx) => influx.local.ledgers(),
            Kind::Memory(memory) => memory.ledgers(),
        }
    }

    /// A page of batches that consumers have not passed: numbering by numbering as named, from its
    /// `next_seq` to its first gap in order of number, `limit` batches in all.
    ///
    /// Ask again from the last number received until nothing comes. A batch that is damaged on
    /// disk, or that lies within an eviction before it, is not among them; the damaged one is
    /// replaced by an eviction notice.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub async fn unconsumed(
        &self,
        from: &[(StreamKey, u64)],
        limit: usize,
    ) -> Result<Vec<Arc<Batch>>, StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.unconsumed(from, limit).await,
            Kind::Influx(influx) => influx.local.unconsumed(from, limit).await,
            Kind::Memory(memory) => Ok(memory.unconsumed(from, limit)),
        }
    }

    /// Tells how far consumers have come durably: everything below `next_seq` may leave the log.
    ///
    /// Never goes back. What is written down of it may lag behind by some commits, which keeps
    /// batches longer than needed and never loses one.
    pub fn release(&self, passed: &[(StreamKey, u64)]) {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.release(passed),
            Kind::Influx(influx) => influx.local.release(passed),
            Kind::Memory(memory) => memory.release(passed),
        }
    }

    /// Readings of a channel with `from <= t < to` in order of time, the first `limit` of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] or [`StoreError::Server`].
    pub async fn range(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.range(channel, from, to, limit).await,
            Kind::Influx(influx) => influx.range(channel, from, to, limit).await,
            Kind::Memory(memory) => Ok(memory.range(channel, from, to, limit)),
        }
    }

    /// Summaries of a channel in `count` equal steps of `from <= t < to`; steps without readings
    /// are left out, and more than [`BUCKETS_MAX`] steps are not made.
    ///
    /// Where retention has left only an hour's summary, the hour counts in the step in which it
    /// begins.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] or [`StoreError::Server`].
    pub async fn buckets(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        count: u32,
    ) -> Result<Vec<Bucket>, StoreError> {
        let Some(axis) = Axis::new(from, to, count) else { return Ok(Vec::new()) };
        match &self.0 {
            Kind::Chunks(chunks) => chunks.buckets(channel, axis).await,
            Kind::Influx(influx) => influx.buckets(channel, axis).await,
            Kind::Memory(memory) => Ok(memory.buckets(channel, &axis)),
        }
    }

    /// Texts of a channel with `from <= t < to` in order of time, the first `limit` of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub async fn texts(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<TextSample>, StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.texts(channel, from, to, limit).await,
            Kind::Influx(influx) => influx.local.texts(channel, from, to, limit).await,
            Kind::Memory(memory) => Ok(memory.texts(channel, from, to, limit)),
        }
    }

    /// The newest number and text of each channel; channels without any are left out. A newest
    /// number is still known when retention has deleted it.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub async fn last(&self, channels: &[ChannelId]) -> Result<Vec<Latest>, StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.last(channels).await,
            Kind::Influx(influx) => influx.local.last(channels).await,
            Kind::Memory(memory) => Ok(memory.last(channels)),
        }
    }

    /// As [`ReadingStore::last`] for all channels of a device.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub async fn last_of_device(&self, device: &DeviceId) -> Result<Vec<Latest>, StoreError> {
        let mut channels = self.channels();
        channels.retain(|channel| channel.device_str() == device.as_str());
        self.last(&channels).await
    }

    /// Every channel that ever had a reading or text, in order of name.
    #[must_use]
    pub fn channels(&self) -> Vec<ChannelId> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.channels(),
            Kind::Influx(influx) => influx.local.channels(),
            Kind::Memory(memory) => memory.channels(),
        }
    }

    /// Deletes what the policy no longer keeps, except held ranges, and gives the space back.
    ///
    /// Works in small steps, so appends go on meanwhile. The holds given here also bind the
    /// deletions that the cap forces between two calls.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`]; what was deleted before stays deleted.
    pub async fn retain(
        &self,
        policy: &RetentionPolicy,
        now: Time,
        holds: &[Hold],
    ) -> Result<Retained, StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.retain(policy, now, holds).await,
            Kind::Influx(influx) => influx.local.retain(policy, now, holds).await,
            Kind::Memory(memory) => Ok(memory.retain(policy, now, holds)),
        }
    }

    /// Moves everything into its final form on disk. Needed by nobody for safety; it makes the
    /// next start quicker and tests exact.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub async fn seal(&self) -> Result<(), StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.seal().await,
            Kind::Influx(influx) => influx.seal().await,
            Kind::Memory(_) => Ok(()),
        }
    }

    /// Ends the writer and frees the file; every later call that writes is refused. Dropping all
    /// handles does the same without waiting.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] when it had ended already, or [`StoreError::File`].
    pub async fn close(&self) -> Result<(), StoreError> {
        match &self.0 {
            Kind::Chunks(chunks) => chunks.close().await,
            Kind::Influx(influx) => influx.local.close().await,
            Kind::Memory(_) => Ok(()),
        }
    }
}

fn default_lateness() -> Span {
    Span::from_secs(60)
}
