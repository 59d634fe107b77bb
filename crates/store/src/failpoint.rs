//! Places at which a test may end the process: before each SQL statement and after each commit.
//!
//! Rely on this: without the feature `failpoints`, which no shipped program has, nothing here does
//! anything. With it, the environment says whether passed places are written down and at which of
//! them the process ends at once, as after `kill -9`.
//!
//! Deliberately absent: errors made up for a test. A place is passed, or the process is gone.

#[cfg(feature = "failpoints")]
mod armed;

use rusqlite::Connection;
use sqlx::SqlStr;

/// A place that is not a statement: the end of a commit, or an answer that is about to be given.
pub fn pass(place: &str) {
    #[cfg(feature = "failpoints")]
    armed::pass(place);
    #[cfg(not(feature = "failpoints"))]
    let _not_armed = place;
}

/// Every statement of this connection, just before it runs.
pub(crate) fn watch(conn: &Connection) {
    #[cfg(feature = "failpoints")]
    armed::watch(conn);
    #[cfg(not(feature = "failpoints"))]
    let _not_armed = conn;
}

/// A statement of the records store that is about to run.
pub(crate) fn statement(sql: &SqlStr) {
    #[cfg(feature = "failpoints")]
    armed::statement(sql.as_str());
    #[cfg(not(feature = "failpoints"))]
    let _not_armed = sql;
}

/// Just before and just after the end of a transaction of the records store.
pub(crate) fn records_commit(is_over: bool) {
    #[cfg(feature = "failpoints")]
    armed::records_commit(is_over);
    #[cfg(not(feature = "failpoints"))]
    let _not_armed = is_over;
}

/// Where passed places are written down, one line for each, when the environment names a file.
pub const LOG: &str = "FOREWARN_FAILPOINT_LOG";

/// At which place the process ends.
pub const PLACE: &str = "FOREWARN_FAILPOINT";

/// How often it is passed before that; not at all without this.
pub const PASSES: &str = "FOREWARN_FAILPOINT_PASSES";
