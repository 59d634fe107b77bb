//! What the places do in a test: they are counted, written down, and one of them ends the process.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::{LOG, PASSES, PLACE};

/// What the environment asks for.
struct Orders {
    log: Option<File>,
    /// The fatal place.
    place: Option<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: HashSet<String>,
    passes_left: u64,
    /// The newest statement of the records store that writes; a commit is named by it.
    written: String,
}

pub(super) fn pass(place: &str) {
    let orders = orders();
    if orders.log.is_none() && orders.place.is_none() {
        return;
    }
    let mut state = orders.state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.seen.insert(place.to_owned()) {
        orders.write("seen", place);
    }
    if orders.place.as_deref() != Some(place) {
        return;
    }
    if 0 < state.passes_left {
        state.passes_left -= 1;
        return;
    }
    orders.write("hit", place);
    std::process::abort();
}

pub(super) fn watch(conn: &Connection) {
    let orders = orders();
    if orders.log.is_some() || orders.place.is_some() {
        conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(traced));
    }
}

fn traced(event: TraceEvent<'_>) {
    let TraceEvent::Stmt(statement, _) = event else { return };
    let sql = one_line(&statement.sql());
    let place = WRITTEN.with_borrow_mut(|written| {
        if sql == "COMMIT" {
            return format!("readings: COMMIT after {written}");
        }
        let place = format!("readings: {sql}");
        if writes(&sql) {
            *written = sql;
        }
        place
    });
    pass(&place);
}

pub(super) fn statement(sql: &str) {
    let sql = one_line(sql);
    pass(&format!("records: {sql}"));
    if writes(&sql) {
        orders().state.lock().unwrap_or_else(PoisonError::into_inner).written = sql;
    }
}

pub(super) fn records_commit(is_over: bool) {
    let what = if is_over { "committed" } else { "COMMIT" };
    let written = {
        let state = orders().state.lock().unwrap_or_else(PoisonError::into_inner);
        state.written.clone()
    };
    pass(&format!("records: {what} after {written}"));
}

fn writes(sql: &str) -> bool {
    ["INSERT", "UPDATE", "DELETE", "CREATE"].iter().any(|word| sql.starts_with(word))
}

fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn orders() -> &'static Orders {
    static ORDERS: OnceLock<Orders> = OnceLock::new();
    ORDERS.get_or_init(|| {
        let log = std::env::var_os(LOG).map(|path| {
            let opened = File::options().create(true).append(true).open(&path);
            opened.expect("the test that names the file has made its folder")
        });
        let passes = std::env::var(PASSES).ok().and_then(|text| text.parse().ok());
        let state = State { passes_left: passes.unwrap_or_default(), ..State::default() };
        Orders { log, place: std::env::var(PLACE).ok(), state: Mutex::new(state) }
    })
}

impl Orders {
    fn write(&self, what: &str, place: &str) {
        let Some(mut log) = self.log.as_ref() else { return };
        // One call of the system for each line, so that the lines of several threads stay whole.
        let line = format!("{what}\t{place}\n");
        log.write_all(line.as_bytes()).expect("a test watches its disk");
    }
}

thread_local! {
    /// The newest statement of this thread that writes; a commit is named by it.
    static WRITTEN: RefCell<String> = const { RefCell::new(String::new()) };
}
