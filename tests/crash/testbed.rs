//! A small plant made of real processes: Modbus devices of a foreign make, the agent, Mosquitto with
//! its default settings, and the server. Each can be killed and started again.
//!
//! Rely on this: nobody outlives the testbed, and its folder is kept when the test fails.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use forewarn_lifecycle::Clock;
use forewarn_tests::{own_program, program};
use tempfile::TempDir;

use crate::files;

/// A process that is killed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    Agent,
    Broker,
    Server,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Agent, Self::Broker, Self::Server];
}

/// The peers that the tests need and do not bring along.
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

/// The plant.
pub(crate) struct Testbed {
    folder: Option<TempDir>,
    clock: Clock,
    peers: Peers,
    plant: Plant,
    running: [Option<Process>; 3],
    idles: bool,
}

struct Plant {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<std::process::ChildStdout>,
}

struct Process {
    child: Child,
    since: Instant,
}

/// When a process was killed: it was gone at the latest at the second time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) from_us: i64,
    pub(crate) until_us: i64,
}

impl Testbed {
    /// Writes the files of the plant and starts its machines; nobody looks at them yet.
    pub(crate) fn new(peers: Peers) -> Self {
        let folder = tempfile::Builder::new().prefix("forewarn-crash-").tempdir().unwrap();
        let ports: Vec<u16> = free_ports(files::LINKS + 1);
        files::write(folder.path(), &ports[1..], ports[0]);
        let plant = Plant::start(&peers, folder.path(), &ports[1..]);
        let running = [None, None, None];
        Self { folder: Some(folder), clock: Clock::system(), peers, plant, running, idles: false }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.folder().join("edge")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("server")
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    pub(crate) fn start(&mut self, part: Part) {
        let folder = self.folder().to_owned();
        let mut command = match part {
            Part::Agent => {
                let mut command = Command::new(own_program("forewarn-edge"));
                let config = if self.idles { "agent-idle.toml" } else { "agent.toml" };
                command.args(["run", "--config"]).arg(folder.join(config));
                command
            }
            Part::Broker => {
                let mut command = Command::new(&self.peers.mosquitto);
                command.arg("-c").arg(folder.join("mosquitto.conf"));
                command
            }
            Part::Server => {
                let mut command = Command::new(own_program("forewarn"));
                command.args(["serve", "--config"]).arg(folder.join("server.toml"));
                command
            }
        };
        let log = self.log(part);
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        *self.slot(part) = Some(Process { child, since: Instant::now() });
    }

    /// From now on the agent asks no machine, so that what it holds can run out.
    pub(crate) fn let_the_agent_idle(&mut self) {
        self.idles = true;
    }

    /// Kills with SIGKILL. It must have been running: nobody may stop by itself, whatever happens to
    /// the others.
    pub(crate) fn kill(&mut self, part: Part) -> Kill {
        self.check_runs(part);
        let from_us = self.now_us();
        let mut process = self.slot(part).take().unwrap();
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        Kill { from_us, until_us: self.now_us() }
    }

    /// Asks with SIGTERM, and expects an orderly end.
    pub(crate) fn stop(&mut self, part: Part) {
        self.check_runs(part);
        let mut process = self.slot(part).take().unwrap();
        // Every shell can send a signal; not every machine has a program for it.
        let order = format!("kill -TERM {}", process.child.id());
        let asked = Command::new("sh").args(["-c", &order]).status().unwrap();
        assert!(asked.success(), "{part:?} was not asked to stop");
        let mut status = None;
        wait_until(STOP_MAX, &format!("the end of {part:?}"), || {
            status = process.child.try_wait().unwrap();
            status.is_some()
        });
        let status = status.unwrap();
        // Mosquitto is no program of ours; how it ends is its own affair.
        assert!(status.success() || part == Part::Broker, "{part:?}: {status}{}", self.tail(part));
    }

    pub(crate) fn check_runs(&mut self, part: Part) {
        let process = self.slot(part).as_mut().unwrap();
        if let Some(status) = process.child.try_wait().unwrap() {
            let age = process.since.elapsed();
            panic!("{part:?} ended by itself after {age:?}: {status}{}", self.tail(part));
        }
    }

    /// Overheats a machine for good.
    pub(crate) fn begin_fault(&mut self, device: usize) {
        writeln!(self.plant.orders, "fault {device}").unwrap();
        let mut answer = String::new();
        self.plant.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("fault {device}\n"));
    }

    fn slot(&mut self, part: Part) -> &mut Option<Process> {
        let place = Part::ALL.iter().position(|it| *it == part).unwrap();
        &mut self.running[place]
    }

    fn log(&self, part: Part) -> PathBuf {
        self.folder().join(format!("{part:?}.log").to_lowercase())
    }

    fn tail(&self, part: Part) -> String {
        let text = fs::read(self.log(part)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.len().saturating_sub(TAIL_LINES);
        format!("\n{}", lines[last..].join("\n"))
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        for process in self.running.iter_mut().flatten() {
            end(&mut process.child);
        }
        end(&mut self.plant.child);
        if let Some(folder) = self.folder.take()
            && std::thread::panicking()
        {
            println!("the files of the failed run lie in {}", folder.keep().display());
        }
    }
}

impl Plant {
    fn start(peers: &Peers, folder: &Path, ports: &[u16]) -> Self {
        let log = File::create(folder.join("plant.log")).unwrap();
        let mut child = Command::new(&peers.python)
            .arg(forewarn_tests::root().join("tests/crash/plant.py"))
            .arg(files::UNITS.to_string())
            .args(ports.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        answers.read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "see {}", folder.join("plant.log").display());
        Self { child, orders, answers }
    }
}

/// Waits for a state, looking often.
pub(crate) fn wait_until(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "{what} did not come within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}

fn free_ports(count: usize) -> Vec<u16> {
    let listen = |_| TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let listeners: Vec<TcpListener> = (0..count).map(listen).collect();
    listeners.iter().map(|it| it.local_addr().unwrap().port()).collect()
}

fn end(child: &mut Child) {
    // One that has ended already cannot be killed, and that is as good.
    if child.kill().is_ok() {
        child.wait().unwrap();
    }
}

/// Longer than the grace that agent and server give their own parts.
const STOP_MAX: Duration = Duration::from_secs(20);

const TAIL_LINES: usize = 15;
