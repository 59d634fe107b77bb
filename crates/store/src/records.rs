//! Tickets, episodes, repairs and the outbox: what must never be half written.
//!
//! Rely on this: every method that writes is one transaction, durable when it returns; saying the
//! same thing twice changes nothing; at most one ticket is open for a device, part and fault family,
//! and an index of the database says so too. SQLite in one process, PostgreSQL for larger sites.
//!
//! Deliberately absent: why a ticket opens, whom to tell, and any clock; the time is an argument.

mod accounts;
mod act;
pub mod audit;
mod bursts;
mod checks;
mod commit;
mod config;
mod course;
mod day;
mod desk;
mod engine;
mod episodes;
mod error;
mod evidence;
mod handbook;
mod incidents;
mod journal;
mod label_rows;
mod label_words;
mod labels;
mod list;
mod origins;
mod outbox;
mod proposals;
mod repairs;
mod requests;
mod row;
mod keys;
mod sessions;
mod shown;
mod sites;
mod stops;
mod timers;
mod trials;
mod waveforms;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyPoolOptions, install_default_drivers};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Row, SqlSafeStr, Transaction};
use tokio::sync::watch;

use crate::failpoint;

pub use accounts::UnknownRole;
pub use accounts::{Account, AccountChange, NewAccount, PasswordHash, Role, SETUP_TOKEN_LASTS};
pub use act::{Act, Acted, Finish};
pub use commit::{Commit, Committed, Snapshot, TicketWrite};
pub use config::{ConfigVersion, NewConfig};
pub use day::Day;
pub use engine::{EngineInput, Notice};
pub use episodes::{EpisodeFilter, EpisodeRow, Origin, RuleScore, ShadowEpisode, Standing};
pub use error::RecordsError;
pub use evidence::EvidenceHold;
pub use handbook::ReadHandbook;
pub use incidents::Incident;
pub use journal::LoggedChange;
pub use keys::{Key, NewKey};
pub use label_words::{Judgement, Reason, UnknownWord};
pub use labels::{Label, LabelFilter, Marked, Said, Saying};
pub use list::{OpenCount, PageKey, StateFilter, TicketFilter, TicketRow};
pub use origins::{ImportedRepair, Imports, RepairOrigin};
pub use outbox::sending::{DueMessage, Message, Parcel};
pub use outbox::standing::{ChannelCounts, MessageFilter, MessageRow, OutboxCounts};
pub use outbox::{Addressed, Facts, LikelyCause, Notice as MessageNotice, Routes};
pub use proposals::{NewProposal, NewRules, Proposal, RULES, RULES_CHANGED};
pub use repairs::record_of_close;
pub use requests::RequestKey;
pub use sessions::{NewSession, Session};
pub use shown::Shown;
pub use sites::Sites;
pub use stops::{NewStop, SetAside, StopRow};
pub use timers::{Fired, TimerRow};
pub use trials::{NewTrial, Trial, TrialState};
pub use waveforms::{WaveformQuery, WaveformRow};

/// The records store. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Records {
    /// Everything that writes; on SQLite exactly one connection.
    writer: AnyPool,
    reader: AnyPool,
    kind: Kind,
    /// To which channels of people each change of a ticket is addressed.
    notify: Routes,
    /// What makes of the stored documents the course of tickets.
    handbook: Option<handbook::Slot>,
    /// What it finds, lists and changes for callers of the API.
    sites: Sites,
    /// The newest number of the change log, for whoever waits for changes.
    newest: Arc<watch::Sender<i64>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Postgres,
    Sqlite,
}

impl Records {
    /// Opens the store at `sqlite://path` or `postgres://…`, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the address is of another kind, the store does not answer, or a SQLite
    /// file does not keep its promises (write-ahead log, full synchronisation).
    pub async fn open(url: &str) -> Result<Self, RecordsError> {
        install_default_drivers();
        let (kind, url) = match url.split_once("://") {
            Some(("sqlite", path)) => (Kind::Sqlite, format!("sqlite://{path}?mode=rwc")),
            Some(("postgres" | "postgresql", _)) => (Kind::Postgres, url.to_owned()),
            Some(_) | None => return Err(RecordsError::Address { url: url.to_owned() }),
        };
        let (writers, readers) = match kind {
            Kind::Sqlite => (1, READERS),
            Kind::Postgres => (WRITERS, READERS),
        };
        let writer = pool(kind, &url, writers).await?;
        // The folder of migrations is compiled in, so a moved binary still knows its schema.
        failpoint::pass("records: before the migrations");
        sqlx::migrate!("./migrations").run(&writer).await?;
        failpoint::pass("records: after the migrations");
        if kind == Kind::Sqlite {
            check_promises(&writer).await?;
        }
        let reader = pool(kind, &url, readers).await?;
        let newest = query("SELECT COALESCE(MAX(seq), 0) AS seq FROM event_log")
            .fetch_one(&reader)
            .await?
            .try_get("seq")?;
        let notify = Routes::all_to(vec![DEFAULT_CHANNEL.to_owned()]);
        let newest = Arc::new(watch::Sender::new(newest));
        Ok(Self { writer, reader, kind, notify, handbook: None, sites: Sites::All, newest })
    }

    /// Opens a SQLite file, whatever letters its path holds.
    ///
    /// # Errors
    ///
    /// As [`Records::open`].
    pub async fn open_file(path: &Path) -> Result<Self, RecordsError> {
        let mut url = "sqlite://".to_owned();
        for byte in path.as_os_str().as_encoded_bytes() {
            match *byte {
                b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    url.push(char::from(*byte));
                }
                other => write!(url, "%{other:02X}").expect("a text takes every letter"),
            }
        }
        Self::open(&url).await
    }

    /// The same store, addressing each change of a ticket to these channels of people.
    #[must_use]
    pub fn with_channels(self, channels: Vec<String>) -> Self {
        self.with_routes(Routes::all_to(channels))
    }

    /// The same store, addressing each change of a ticket by a table.
    #[must_use]
    pub fn with_routes(mut self, routes: Routes) -> Self {
        self.notify = routes;
        self
    }

    /// The number of the newest entry of the change log, and its successors as they are committed by
    /// this process.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Whether the store answers.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), RecordsError> {
        query("SELECT 1 AS one").fetch_one(&self.reader).await?;
        Ok(())
    }

    /// Closes all connections; on SQLite this also folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins a transaction that is alone in writing, so that what it reads stays true until it ends.
    async fn begin(&self) -> Result<Transaction<'static, Any>, RecordsError> {
        failpoint::pass("records: BEGIN");
        match self.kind {
            Kind::Sqlite => Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?),
            Kind::Postgres => {
                let mut tx = self.writer.begin().await?;
                query("UPDATE counter SET value = value WHERE name = 'writer'")
                    .execute(&mut *tx)
                    .await?;
                Ok(tx)
            }
        }
    }

    /// Ends a transaction and wakes whoever waits for changes.
    async fn finish(&self, mut tx: Transaction<'static, Any>) -> Result<(), RecordsError> {
        let newest = counter(&mut tx, journal::COUNTER).await?;
        failpoint::records_commit(false);
        tx.commit().await?;
        failpoint::records_commit(true);
        self.newest.send_if_modified(|known| {
            let is_newer = *known < newest;
            *known = newest.max(*known);
            is_newer
        });
        Ok(())
    }
}

async fn pool(kind: Kind, url: &str, connections: u32) -> Result<AnyPool, RecordsError> {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if kind == Kind::Sqlite {
                    for pragma in PRAGMAS {
                        query(pragma).execute(&mut *connection).await?;
                    }
                }
                Ok(())
            })
        });
    Ok(options.connect(url).await?)
}

/// Reads back what the pragmas should have set: a network file system may refuse one silently.
async fn check_promises(pool: &AnyPool) -> Result<(), RecordsError> {
    let journal = query("PRAGMA journal_mode").fetch_one(pool).await?;
    let journal: String = journal.try_get(0)?;
    let synchronous = query("PRAGMA synchronous").fetch_one(pool).await?;
    let synchronous: i64 = synchronous.try_get(0)?;
    if journal != "wal" || synchronous != SYNCHRONOUS_FULL {
        return Err(RecordsError::Promises { journal, synchronous });
    }
    Ok(())
}

/// The value of a counter, 0 before its first use.
async fn counter(tx: &mut AnyConnection, name: &str) -> Result<i64, RecordsError> {
    let row = query("SELECT value FROM counter WHERE name = $1")
        .bind(name.to_owned())
        .fetch_optional(tx)
        .await?;
    Ok(row.map(|row| row.try_get("value")).transpose()?.unwrap_or(0))
}

/// Takes the next number of a counter: dense, and in the order of commits.
async fn next(tx: &mut AnyConnection, name: &str) -> Result<i64, RecordsError> {
    let row = query(
        "INSERT INTO counter (name, value) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET value = counter.value + 1
         RETURNING value",
    )
    .bind(name.to_owned())
    .fetch_one(tx)
    .await?;
    Ok(row.try_get("value")?)
}

/// A statement that is about to run. Every statement of this store passes here.
fn query<'q>(sql: impl SqlSafeStr) -> Query<'q, Any, AnyArguments> {
    let sql = sql.into_sql_str();
    failpoint::statement(&sql);
    sqlx::query(sql)
}

/// A statement that is put together from parts that are constants of this crate.
fn built(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// Where messages go when nobody set up a channel: the log of the server.
pub const DEFAULT_CHANNEL: &str = "log";

/// Pages and the notifier read at the same time; more than this many only wait for the same disk.
const READERS: u32 = 4;

/// Writers queue for one row anyway; a second connection only hides the time of connecting.
const WRITERS: u32 = 2;

/// Longer than any transaction of ours; a caller that waited this long is better told.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);

/// What `PRAGMA synchronous` answers for FULL.
const SYNCHRONOUS_FULL: i64 = 2;

const PRAGMAS: [&str; 4] = [
    "PRAGMA busy_timeout = 10000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
];
