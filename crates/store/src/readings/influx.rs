//! Readings on a server that takes InfluxDB line protocol; ledger, log and texts in a local file.
//!
//! Rely on this: numbers are on the server before the local commit that the acknowledgement
//! follows, so a crash between the two only writes the same points again. Texts stay in the local
//! file, since not every such server holds strings.
//!
//! What the servers cannot do is written at
//! [`InfluxServer`].

mod answer;
mod http;
mod line;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::reading::Batch;
use forewarn_domain::time::{Span, Time};
use serde::Deserialize;
use tokio::sync::Mutex;

use self::http::Server;
use super::appended::Appended;
use super::chunks::Chunks;
use super::error::StoreError;
use super::sample::{Axis, Bucket, Sample};

/// Which server it is, and whom it lets in.
///
/// None of them knows reading ids: of two readings with one channel and one time InfluxDB keeps
/// the one written last; VictoriaMetrics keeps both (run it with `-dedup.minScrapeInterval=1ms`)
/// and the greater value is returned. VictoriaMetrics shows new points after about a second, in
/// [`ReadingStore::buckets`](super::ReadingStore::buckets) after its `-search.latencyOffset`. It
/// has about 15 significant digits for all values of a channel together: beside 1e300 a 7.25 reads
/// back as 0.
///
/// How long numbers are kept is the server's own setting, which holds do not bind. Flux is not
/// used and untested: InfluxDB 2 is read through `InfluxQL`, which needs a DBRP mapping.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InfluxServer {
    /// InfluxDB 1: `/write` and `/query`.
    Influx1 {
        /// The database; it must exist.
        database: String,
        /// Name and password, where the server asks for them.
        login: Option<Login>,
    },
    /// InfluxDB 2: `/api/v2/write`, and `/query` through a DBRP mapping.
    Influx2 {
        /// The organisation.
        org: String,
        /// The bucket; also the database name of its DBRP mapping.
        bucket: String,
        /// A token that may read and write it.
        token: Secret,
    },
    /// VictoriaMetrics, single node: `/api/v2/write` and `/api/v1/export`.
    VictoriaMetrics,
}

/// Name and password of a user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A text that no log shows.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A handle to a server and its local file.
#[derive(Clone, Debug)]
pub(crate) struct Influx {
    pub(crate) local: Chunks,
    server: Server,
    /// Between weighing and committing nobody else may commit, or a late flag could differ.
    turn: Arc<Mutex<()>>,
}

impl Influx {
    /// Opens the local file; the server is asked only when there is something to ask.
    pub(crate) fn open(
        url: &str,
        server: InfluxServer,
        dir: &Path,
        cap: u64,
        lateness: Span,
    ) -> Result<Self, StoreError> {
        let server = Server::new(url, server)?;
        let local = Chunks::open(dir, Some(cap), lateness, false)?;
        Ok(Self { local, server, turn: Arc::default() })
    }

    pub(crate) async fn append(
        &self,
        batches: Vec<Arc<Batch>>,
    ) -> Result<Vec<Appended>, StoreError> {
        let _turn = self.turn.lock().await;
        let new = self.local.weigh(batches.clone()).await?;
        for lines in line::bodies(&new) {
            self.server.write(lines).await?;
        }
        self.local.append(batches).await
    }

    pub(crate) async fn range(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Result<Vec<Sample>, StoreError> {
        if to <= from || limit == 0 {
            return Ok(Vec::new());
        }
        self.server.range(channel, from, to, limit).await
    }

    pub(crate) async fn buckets(
        &self,
        channel: &ChannelId,
        axis: Axis,
    ) -> Result<Vec<Bucket>, StoreError> {
        self.server.buckets(channel, &axis).await
    }

    /// Makes what was written visible to reads, where the server delays that.
    pub(crate) async fn seal(&self) -> Result<(), StoreError> {
        self.server.flush().await?;
        self.local.seal().await
    }
}
