//! A recording that passes through a readings store gives the tickets that it gives without one.
//!
//! The stores are the embedded one, Debian's `victoria-metrics` and Debian's `influxdb` (1.6), the
//! latter two as real servers on loopback. The recording is made here, so it holds what a store could
//! spoil: an hour that is repeated, digits to the last bit, rows that carry no number.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use forewarn_tests::{own_program, program, root, skipped};
use serde_json::Value;

#[test]
fn the_embedded_store_changes_no_bit_of_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording::write(folder.path());
    let plain = recording.replay(None);
    let named = format!("chunks:{}", folder.path().join("store").display());
    let stored = recording.replay(Some(&named));
    assert_eq!(tickets(&stored), tickets(&plain));
    assert_eq!(passed(&stored)["changed"], 0);
}

#[test]
fn influxdb_changes_no_bit_of_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let Some(peer) = start_influxdb("influxdb", folder.path()) else { return };
    let recording = Recording::write(folder.path());
    let named = format!("influx://127.0.0.1:{}/forewarn", peer.port);
    let refused = recording.command(Some(&named)).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("database not found"), "{told}");

    peer.create_database();
    let stored = recording.replay(Some(&named));
    assert_eq!(tickets(&stored), tickets(&recording.replay(None)));
    assert_eq!(passed(&stored)["changed"], 0);
}

#[test]
fn victoria_metrics_rounds_the_last_digits_and_the_tickets_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let Some(peer) = start_victoria_metrics("victoria-metrics", folder.path()) else { return };
    let recording = Recording::write(folder.path());
    let named = format!("victoria://127.0.0.1:{}", peer.port);
    let stored = recording.replay(Some(&named));
    assert_eq!(ids(&stored), ids(&recording.replay(None)));
    // Of the hour that is told twice this server gives back the greater values.
    let changed = passed(&stored)["changed"].as_u64().unwrap();
    assert!((1..=12).contains(&changed), "{changed} values are others, not rounded ones");
}

/// A temperature that heats up, once in five minutes for ten days.
struct Recording {
    file: PathBuf,
}

impl Recording {
    fn write(folder: &Path) -> Self {
        let mut text = "timestamp,value\n".to_owned();
        for row in 0..2_880_u32 {
            // An hour is told twice, as where a clock is set back; the second telling differs.
            let minute = 5 * if row < 1_200 { row } else { row - 12 };
            let heating = 40.0 * (f64::from(row.saturating_sub(2_000)) / 300.0).min(1.0);
            let value = 80.0 + 3.0 * (f64::from(row) * 0.7).sin() + heating;
            let (day, minute) = (1 + minute / 1_440, minute % 1_440);
            let (hour, minute) = (minute / 60, minute % 60);
            write!(text, "2014-01-{day:02} {hour:02}:{minute:02}:00,").unwrap();
            // Now and then the sensor has nothing to say.
            if row % 97 == 5 { text.push('\n') } else { writeln!(text, "{value}").unwrap() }
        }
        let file = folder.join("heating.csv");
        std::fs::write(&file, text).unwrap();
        Self { file }
    }

    fn command(&self, store: Option<&str>) -> Command {
        let mut command = Command::new(own_program("forewarn"));
        command.arg("replay").arg("--json");
        command.arg("--site").arg(root().join("config/examples/nab-machine/site.toml"));
        command.arg("--csv").arg(&self.file);
        command.args(store.iter().flat_map(|named| ["--store", named]));
        command
    }

    /// The lines that the command prints; the last one is the summary.
    fn replay(&self, store: Option<&str>) -> Vec<Value> {
        let output = self.command(store).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{store:?}: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let summary = lines.last().unwrap();
        let is_other = 0 < summary["store"]["changed"].as_u64().unwrap_or(0);
        assert_eq!(is_other, errors.contains("with other values"), "{store:?}: {errors}");
        assert_eq!(summary["tickets"], 1, "{text}");
        assert_eq!((&summary["late"], &summary["unreadable_cells"]), (&11.into(), &30.into()));
        lines
    }
}

/// Whole tickets, evidence and all.
fn tickets(lines: &[Value]) -> &[Value] {
    &lines[..lines.len() - 1]
}

fn ids(lines: &[Value]) -> Vec<&Value> {
    tickets(lines).iter().map(|it| &it["id"]).collect()
}

/// How the readings came back from the store.
fn passed(lines: &[Value]) -> &Value {
    let passed = &lines.last().unwrap()["store"];
    assert_eq!(passed["returned"], 2_880 - 30, "all but the unreadable cells: {passed}");
    passed
}

/// A server process that ends with the test.
struct Peer {
    process: Child,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Peer {
    fn create_database(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = "POST /query?q=CREATE%20DATABASE%20forewarn HTTP/1.1\r\nHost: localhost\r\n\
                       Connection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

fn start_victoria_metrics(test: &str, folder: &Path) -> Option<Peer> {
    let port = free_port();
    start(test, "victoria-metrics", port, |command| {
        command
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .arg(format!("-storageDataPath={}", folder.join("victoria").display()))
            .args(["-retentionPeriod=100y", "-search.latencyOffset=0s"])
    })
}

fn start_influxdb(test: &str, folder: &Path) -> Option<Peer> {
    let (port, rpc_port) = (free_port(), free_port());
    let folder = folder.join("influx");
    start(test, "influxd", port, |command| {
        command
            .arg("run")
            .env("INFLUXDB_REPORTING_DISABLED", "true")
            .env("INFLUXDB_BIND_ADDRESS", format!("127.0.0.1:{rpc_port}"))
            .env("INFLUXDB_HTTP_BIND_ADDRESS", format!("127.0.0.1:{port}"))
            .env("INFLUXDB_META_DIR", folder.join("meta"))
            .env("INFLUXDB_DATA_DIR", folder.join("data"))
            .env("INFLUXDB_DATA_WAL_DIR", folder.join("wal"))
    })
}

/// Starts a server and waits until it listens; `None` where it is not installed.
fn start(
    test: &str,
    name: &str,
    port: u16,
    set_up: impl FnOnce(&mut Command) -> &mut Command,
) -> Option<Peer> {
    let Some(path) = program(name) else {
        skipped(test, "peers", name);
        return None;
    };
    let mut command = Command::new(path);
    let command = set_up(&mut command).stdout(Stdio::null()).stderr(Stdio::null());
    let peer = Peer { process: command.spawn().unwrap(), port };
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < LISTENS_WITHIN, "{name} does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(peer)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A busy machine starts a server slowly.
const LISTENS_WITHIN: Duration = Duration::from_secs(30);
