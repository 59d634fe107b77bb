//! The contract of the readings store against real servers on loopback: Debian's
//! `victoria-metrics` and `influxdb` (1.6). No InfluxDB 2 is packaged there, so its paths are
//! covered only as far as they are the same.

#[path = "readings_suite/contract.rs"]
#[expect(dead_code, reason = "the suite serves several test programs")]
mod contract;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forewarn_domain::quality::Quality;
use forewarn_domain::time::Span;
use forewarn_store::readings::{InfluxServer, ReadingStore, StoreConfig, StoreError};

use self::contract::{SECOND, Subject, append, at, channel, every_part_holds, key, numbers};

/// A server process that ends with the test.
struct Peer {
    process: Child,
    url: String,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Starts a server and waits until it answers; `None` when it is not installed.
#[expect(clippy::print_stdout, reason = "a skipped test says so where people look")]
fn start(test: &str, needs: &str, mut command: Command, port: u16) -> Option<Peer> {
    let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(process) = spawned else {
        println!("SKIPPED {test}: needs {needs}");
        let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
        assert!(!required.contains("peers"), "{needs} is required here");
        return None;
    };
    let peer = Peer { process, url: format!("http://127.0.0.1:{port}") };
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "{needs} does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(peer)
}

fn start_victoria_metrics(test: &str, dir: &Path) -> Option<Peer> {
    let port = free_port();
    let mut command = Command::new("victoria-metrics");
    command
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", dir.display()))
        .args(["-retentionPeriod=100y", "-search.latencyOffset=0s"]);
    start(test, "victoria-metrics", command, port)
}

fn start_influxdb(test: &str, dir: &Path) -> Option<Peer> {
    let (port, rpc_port) = (free_port(), free_port());
    let mut command = Command::new("influxd");
    command
        .arg("run")
        .env("INFLUXDB_REPORTING_DISABLED", "true")
        .env("INFLUXDB_BIND_ADDRESS", format!("127.0.0.1:{rpc_port}"))
        .env("INFLUXDB_HTTP_BIND_ADDRESS", format!("127.0.0.1:{port}"))
        .env("INFLUXDB_META_DIR", dir.join("meta"))
        .env("INFLUXDB_DATA_DIR", dir.join("data"))
        .env("INFLUXDB_DATA_WAL_DIR", dir.join("wal"));
    start(test, "influxdb", command, port)
}

fn config(url: &str, server: InfluxServer, dir: &Path) -> StoreConfig {
    let dir = dir.join("local");
    let lateness = Span::from_secs(60);
    StoreConfig::Influx { url: url.to_owned(), server, dir, cap_bytes: 1 << 30, lateness }
}

#[tokio::test(flavor = "multi_thread")]
async fn victoria_metrics_keeps_the_contract() {
    let dir = tempfile::tempdir().expect("temp dir");
    let test = "victoria_metrics_keeps_the_contract";
    let Some(peer) = start_victoria_metrics(test, &dir.path().join("peer")) else { return };
    let config = config(&peer.url, InfluxServer::VictoriaMetrics, dir.path());
    let store = ReadingStore::open(&config).await.expect("opens");
    every_part_holds(&Subject { store: &store, salt: "x", shows_at_once: false }).await;
    drop(store);
    let store = ReadingStore::open(&config).await.expect("opens again");
    every_part_holds(&Subject { store: &store, salt: "y", shows_at_once: false }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn influxdb_keeps_the_contract() {
    let dir = tempfile::tempdir().expect("temp dir");
    let test = "influxdb_keeps_the_contract";
    let Some(peer) = start_influxdb(test, &dir.path().join("peer")) else { return };
    let server = InfluxServer::Influx1 { database: "plant".to_owned(), login: None };
    let config = config(&peer.url, server, dir.path());
    let store = ReadingStore::open(&config).await.expect("opens");
    let batch = numbers(&key("agent"), 1, &channel("mill/s/p"), &[(0, 1.0, Quality::Good)]);
    let refused = store.append(vec![batch]).await;
    assert!(matches!(refused, Err(StoreError::Server { .. })), "there is no database yet");
    assert!(store.ledger(&key("agent")).ranges().is_empty(), "so nothing is acknowledged");
    create_database(&peer.url).await;
    every_part_holds(&Subject { store: &store, salt: "x", shows_at_once: true }).await;
    drop(store);
    let store = ReadingStore::open(&config).await.expect("opens again");
    every_part_holds(&Subject { store: &store, salt: "y", shows_at_once: true }).await;
}

async fn create_database(url: &str) {
    let made = reqwest::Client::new()
        .post(format!("{url}/query?q=CREATE%20DATABASE%20plant"))
        .send()
        .await
        .expect("answered");
    assert!(made.status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_keeps_batches_unacknowledged_until_it_is_back() {
    let dir = tempfile::tempdir().expect("temp dir");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let config = config(&nobody, InfluxServer::VictoriaMetrics, dir.path());
    let store = ReadingStore::open(&config).await.expect("opens without the server");
    let (key, channel) = (key("agent"), channel("mill/s/p"));
    let batch = numbers(&key, 1, &channel, &[(SECOND, 1.0, Quality::Good)]);
    let refused = store.append(vec![Arc::clone(&batch)]).await;
    assert!(matches!(refused, Err(StoreError::Server { .. })));
    assert!(store.ledger(&key).ranges().is_empty());
    store.close().await.expect("closed");
    let test = "a_server_that_is_away_keeps_batches_unacknowledged_until_it_is_back";
    let Some(peer) = start_victoria_metrics(test, &dir.path().join("peer")) else { return };
    let config = self::config(&peer.url, InfluxServer::VictoriaMetrics, dir.path());
    let store = ReadingStore::open(&config).await.expect("opens");
    append(&store, batch).await;
    store.seal().await.expect("shown");
    let stored = store.range(&channel, at(0), at(9 * SECOND), 9).await.expect("read");
    assert_eq!(stored.len(), 1);
}
