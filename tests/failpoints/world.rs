//! One run of the fixed past through a server that dies again and again, until everything is stored,
//! judged and told.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use forewarn_lifecycle::Tasks;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::agent::{Agent, Message};
use crate::child::{self, Orders};
use crate::person::{self, Errand};

/// A mistake that is made on purpose: the harness must find it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mistake {
    /// The agent takes the broker's confirmation for the server's: acknowledged before the commit.
    AcknowledgedBeforeCommit,
    /// After a kill the engine's cursor stands at the end of the ledger: as if it were committed
    /// apart from the tickets, and before them.
    CursorApartFromTickets,
    /// After a kill nothing says which ticket an episode went to: as if that were committed apart.
    LinkApartFromTicket,
    /// After a kill the newest batch of the log is gone although the ledger has its number: as if
    /// the ledger were committed apart from the log, and before it.
    LedgerApartFromLog,
}

/// A folder with a server's files, and an agent.
pub(crate) struct World<'a> {
    folder: TempDir,
    broker: u16,
    agent: Agent<'a>,
    /// What people are still to do.
    errands: VecDeque<Errand>,
    lives: u32,
    mistake: Option<Mistake>,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// At its fatal place.
    Killed,
    /// In order, with nothing left to do.
    Stopped,
    /// By force, since something that was sent never became stored, judged and told.
    Stuck,
}

impl<'a> World<'a> {
    pub(crate) fn new(broker: u16, past: &'a [Message], tasks: &Tasks) -> Self {
        // Memory that looks like a disk, where there is some: a killed process loses neither.
        let memory = Path::new("/dev/shm");
        let home = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("forewarn-failpoints-").tempdir_in(home);
        let folder = folder.unwrap();
        let client_id = child::client_id("agent", folder.path());
        let agent = Agent::connect((broker, client_id), past, tasks);
        let errands = person::errands().into();
        Self { folder, broker, agent, errands, lives: 0, mistake: None }
    }

    pub(crate) fn with(mut self, mistake: Mistake) -> Self {
        self.mistake = Some(mistake);
        if mistake == Mistake::AcknowledgedBeforeCommit {
            self.agent.believe_the_broker();
        }
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("places")
    }

    /// Whether the server has acknowledged nothing yet.
    pub(crate) fn is_young(&self) -> bool {
        self.agent.acknowledged() == 0
    }

    /// A mistake is expected to leave the server waiting, and nobody wants to wait with it.
    fn life_max(&self) -> Duration {
        if self.mistake.is_some() { STUCK_AFTER } else { LIFE_MAX }
    }

    /// One life: fed until it dies at `target`, or until `until` batches were sent and all is quiet.
    pub(crate) async fn live(&mut self, target: Option<(&str, u32)>, until: usize) -> End {
        let orders = Orders {
            folder: self.folder.path(),
            broker: self.broker,
            life: self.lives,
            log: self.log(),
            target,
        };
        // The last life's port says nothing of this one.
        drop(std::fs::remove_file(self.folder.path().join(person::PORT_FILE)));
        let mut child = child::start(&orders);
        self.lives += 1;
        self.agent.greet();
        let began = Instant::now();
        let mut is_asked = false;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                let end = self.end_of(status, is_asked, target);
                self.make_mistake(end);
                return end;
            }
            if self.life_max() < began.elapsed() {
                println!(
                    "stuck in life {} on the way to {target:?}: {} batches begun, {} things left for \
                     people, {} to stop",
                    self.lives,
                    self.agent.begun(),
                    self.errands.len(),
                    if is_asked { "asked" } else { "not asked" },
                );
                child.kill().unwrap();
                child.wait().unwrap();
                return End::Stuck;
            }
            if !is_asked {
                is_asked = self.carry_on(until).await;
            }
            if is_asked {
                ask_to_stop(&mut child);
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }

    /// Feeds, or does what people do; says whether nothing is left to do in this life.
    async fn carry_on(&mut self, until: usize) -> bool {
        let errand = self.errands.front().filter(|it| it.after <= until);
        let pause = errand.map_or(until, |it| it.after);
        self.agent.step(pause).await;
        if self.agent.begun() < pause || !self.agent.is_quiet() || !self.is_judged() {
            return false;
        }
        match errand.map(|it| it.attempt(self.folder.path())) {
            None => true,
            Some(is_done) => {
                if is_done {
                    self.errands.pop_front();
                }
                false
            }
        }
    }

    fn end_of(&self, status: ExitStatus, is_asked: bool, target: Option<(&str, u32)>) -> End {
        if status.signal() == Some(ABORTED) && target.is_some() {
            return End::Killed;
        }
        assert!(is_asked && status.success(), "the server ended by itself: {status}, {target:?}");
        End::Stopped
    }

    /// Whether the engine has passed everything and everybody has been told.
    fn is_judged(&self) -> bool {
        let folder = self.folder.path();
        let Some(mut records) = open(&folder.join("records.db")) else { return false };
        let Ok(records) = records.transaction() else { return false };
        let one = |sql: &str| records.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap_or(-1);
        let next = one("SELECT COALESCE(MAX(next_seq), 1) FROM engine_cursor WHERE stream = 1");
        let unheard = one("SELECT (SELECT COUNT(*) FROM engine_input) -
                 (SELECT COALESCE(MAX(value), 0) FROM counter WHERE name = 'inputs_applied')");
        let untold = one("SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL");
        let waveforms = one("SELECT COUNT(*) FROM waveform");
        let sent = self.agent.sent();
        sent.next_seq == next && (unheard, untold) == (0, 0) && sent.waveforms == waveforms
    }

    fn make_mistake(&self, end: End) {
        let (Some(mistake), End::Killed) = (self.mistake, end) else { return };
        let path = |name: &str| self.folder.path().join(name);
        // A file or table that is not there yet cannot be spoilt.
        let spoil = |name: &str, sql: &str| {
            let Ok(connection) = Connection::open(path(name)) else { return };
            drop(connection.execute_batch(sql));
        };
        match mistake {
            Mistake::AcknowledgedBeforeCommit => {}
            Mistake::CursorApartFromTickets => {
                let attach = format!("ATTACH '{}' AS readings;", path("readings.db").display());
                let sql = "UPDATE engine_cursor SET next_seq = MAX(next_seq, (
                     SELECT COALESCE(MAX(last_seq), 0) + 1 FROM readings.hot
                     WHERE stream = (SELECT id FROM readings.stream WHERE stream.stream = 1)));";
                spoil("records.db", &format!("{attach}{sql}"));
            }
            Mistake::LinkApartFromTicket => spoil("records.db", "DELETE FROM ticket_episode"),
            Mistake::LedgerApartFromLog => {
                let sql = "DELETE FROM hot WHERE id = (SELECT MAX(id) FROM hot)";
                spoil("readings.db", sql);
            }
        }
    }
}

fn ask_to_stop(child: &mut Child) {
    drop(child.stdin.take());
}

/// Opens a file read-only, if it is there; its owner may be writing.
fn open(path: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).ok()
}

/// SIGABRT: how a fatal place ends the process.
const ABORTED: i32 = 6;

const STUCK_AFTER: Duration = Duration::from_secs(5);

/// A life takes a fraction of a second; a loaded machine takes longer.
const LIFE_MAX: Duration = Duration::from_secs(60);
