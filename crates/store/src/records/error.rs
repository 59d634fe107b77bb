//! Why the records store did not do what was asked: one variant for each thing a caller does about it.

use forewarn_domain::ticket::IllegalTransition;
use forewarn_domain::ticket::course::Refusal;

/// Why the records store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// An account of that name is there already.
    #[error("there is an account `{name}` already; take another name")]
    AccountTaken {
        /// Its name.
        name: String,
    },
    /// The address is neither a SQLite file nor a PostgreSQL server.
    #[error("`{url}` is no records store; write sqlite://<path> or postgres://<server>/<database>")]
    Address {
        /// What was given.
        url: String,
    },
    /// A stored text does not read back; the store was written by a newer version or by hand.
    #[error(
        "column `{column}` of the records store holds `{text}`, which this version cannot read: {reason}"
    )]
    Corrupt {
        /// The column.
        column: &'static str,
        /// The start of what it holds.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database did not answer, or refused.
    #[error("the records store did not answer")]
    Database(#[from] sqlx::Error),
    /// The ticket has ended; nothing is added to it.
    #[error("ticket {number} has ended; reopen it first")]
    Ended {
        /// Its number.
        number: String,
    },
    /// The plant's rules of tickets cannot be read with a new text.
    #[error("the handbook cannot come into force: {why}")]
    Handbook {
        /// What is wrong, and where.
        why: String,
    },
    /// The command does not fit the ticket's state.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The same request key came with another body.
    #[error("idempotency key `{key}` was used for another request; take a new key")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// Nobody could manage the accounts any more.
    #[error("`{name}` is the last admin who can come in; make another account admin first")]
    LastAdmin {
        /// Its name.
        name: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema of the records store could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The file does not keep what it is told to keep.
    #[error(
        "the records file has journal mode `{journal}` and synchronous {synchronous}, not `wal` \
         and 2; put it on a local disk"
    )]
    Promises {
        /// Journal mode found.
        journal: String,
        /// Synchronous level found.
        synchronous: i64,
    },
    /// The ticket changed since the caller looked.
    #[error("ticket {number} is at revision {found}, not {expected}; load it again")]
    Stale {
        /// The ticket's number.
        number: String,
        /// What the caller saw.
        expected: i64,
        /// Where it is.
        found: i64,
    },
    /// The ticket's type refuses the command.
    #[error("ticket {number} does not take `{command}`: {refusal}")]
    Refused {
        /// The ticket's number.
        number: String,
        /// What was asked.
        command: &'static str,
        /// Why not.
        refusal: Refusal,
    },
    /// The rules changed since the caller looked, or a proposal is decided already.
    #[error("{what} changed meanwhile; load it again")]
    Overtaken {
        /// What.
        what: String,
    },
    /// Reopening would make a second open ticket for the same trouble.
    #[error("ticket {number} is open for the same part and fault family; work on that one")]
    TwinOpen {
        /// The other ticket's number.
        number: String,
    },
    /// There is no such anomaly.
    #[error("there is no anomaly `{named}`")]
    UnknownEpisode {
        /// The id that was asked for.
        named: String,
    },
    /// There is no such thing under that number.
    #[error("there is no {what} {number}")]
    UnknownNumber {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        number: i64,
    },
    /// There is no such thing of that name.
    #[error("there is no {what} `{named}`")]
    UnknownName {
        /// What was asked for.
        what: &'static str,
        /// Its name.
        named: String,
    },
    /// There is no such ticket.
    #[error("there is no ticket `{named}`")]
    UnknownTicket {
        /// The id or number that was asked for.
        named: String,
    },
    /// A value could not be written as JSON.
    #[error("{what} could not be written as JSON")]
    Unwritable {
        /// What.
        what: &'static str,
        /// Why not.
        source: serde_json::Error,
    },
}
