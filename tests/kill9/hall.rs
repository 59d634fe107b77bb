//! The peers of the killed agents: machines, a broker; and the agents themselves.
//!
//! Rely on this: nobody outlives the hall, and its folder is kept when the program fails.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use forewarn_domain::id::AgentId;
use forewarn_tests::{own_program, program, root};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::broker::{Broker, end};
use crate::files::{self, LINKS, UNITS};

/// What the machine must have.
pub(crate) struct Peers {
    mosquitto: PathBuf,
    python: PathBuf,
}

impl Peers {
    pub(crate) fn find() -> Option<Self> {
        let peers = Self { mosquitto: program("mosquitto")?, python: program("python")? };
        let mut check = Command::new(&peers.python);
        check.args(["-c", "import pymodbus.simulator"]).stderr(Stdio::null());
        check.status().is_ok_and(|it| it.success()).then_some(peers)
    }
}

/// The machines and the broker.
pub(crate) struct Hall {
    folder: Option<TempDir>,
    modbus: Vec<u16>,
    broker: Broker,
    machines: Child,
    /// The machines end when this is closed.
    _orders: ChildStdin,
}

impl Hall {
    pub(crate) fn new(peers: &Peers, agents: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("forewarn-kill9-").tempdir().unwrap();
        let mut ports = free_ports(LINKS * agents + 1);
        let broker = ports.pop().unwrap();
        let broker = Broker::start(&peers.mosquitto, folder.path(), broker);
        let log = |name: &str| File::create(folder.path().join(name)).unwrap();
        let mut machines = Command::new(&peers.python)
            .arg(root().join("tests/crash/plant.py"))
            .arg(UNITS.to_string())
            .args(ports.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log("machines.err"))
            .spawn()
            .unwrap();
        let orders = machines.stdin.take().unwrap();
        let mut ready = String::new();
        BufReader::new(machines.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "see {}", folder.path().display());
        let folder = Some(folder);
        Self { folder, modbus: ports, broker, machines, _orders: orders }
    }

    /// Kills the broker, which forgets everything, and starts another at once.
    pub(crate) fn replace_broker(&self) {
        self.broker.replace();
    }

    pub(crate) fn broker(&self) -> u16 {
        self.broker.port()
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        end(&mut self.machines);
        if let Some(folder) = self.folder.take()
            && std::thread::panicking()
        {
            println!("the files of the failed run lie in {}", folder.keep().display());
        }
    }
}

/// One agent, alive or dead.
pub(crate) struct Agent {
    id: AgentId,
    folder: PathBuf,
    config: &'static str,
    running: Option<Child>,
}

impl Agent {
    pub(crate) fn new(hall: &Hall, number: usize) -> Self {
        let name = format!("edge-{number}");
        let folder = hall.folder().join(&name);
        let modbus = &hall.modbus[number * LINKS..(number + 1) * LINKS];
        files::write(&folder, &name, modbus, hall.broker());
        Self { id: AgentId::new(&name).unwrap(), folder, config: "busy.toml", running: None }
    }

    pub(crate) fn id(&self) -> &AgentId {
        &self.id
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.join("edge")
    }

    pub(crate) fn idle(&mut self) {
        self.config = "idle.toml";
    }

    pub(crate) fn start(&mut self) {
        let log = self.folder.join("agent.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(own_program("forewarn-edge"))
            .args(["run", "--config"])
            .arg(self.folder.join(self.config))
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running = Some(child);
    }

    /// Kills it.
    ///
    /// # Errors
    ///
    /// It had ended by itself, which no agent may.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        let Some(mut child) = self.running.take() else { return Ok(()) };
        let ended = child.try_wait().unwrap();
        end(&mut child);
        match ended {
            None => Ok(()),
            Some(status) => Err(format!(
                "{} ended by itself with {status}: {}",
                self.id,
                std::fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
            )),
        }
    }

    /// Readings that wait in the spool of the living agent; what cannot be read yet counts as one.
    pub(crate) fn waiting(&self) -> i64 {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let path = self.spool().join("spool.db");
        let count = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.query_row("SELECT count(*) FROM batch", [], |row| row.get(0))
        });
        count.unwrap_or(1)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.running.iter_mut().for_each(end);
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let listen = |_| TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let listeners: Vec<TcpListener> = (0..count).map(listen).collect();
    listeners.iter().map(|it| it.local_addr().unwrap().port()).collect()
}
