//! The server is away for a minute, the broker is killed every few seconds, and the machines go on:
//! everything arrives once, what is new goes first, and the backlog is gone soon.
//!
//! The agent is the shipped program, the broker a Mosquitto with its default settings, the server a
//! receiver in this program. Rely on this: what is printed was counted in this run.
//!
//! Deliberately absent: a verdict on the figures of time; on what was lost or doubled there is one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program stops at the first surprise, and says what it counted"
)]
#![expect(
    dead_code,
    reason = "the parts of the other programs can do more than this one asks of them"
)]

#[path = "../kill9/broker.rs"]
mod broker;
#[path = "../kill9/bugs.rs"]
mod bugs;
#[path = "../edge_load/files.rs"]
mod files;
#[path = "../kill9/receiver.rs"]
mod receiver;
#[path = "../edge_load/responder.rs"]
mod responder;

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use forewarn_domain::id::AgentId;
use forewarn_lifecycle::Clock;
use forewarn_simulator::chance::Chance;
use forewarn_tests::{own_program, program, skipped};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use broker::{Broker, end};
use receiver::Receiver;
use responder::Responder;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str, usual: u32| {
        let place = words.iter().position(|it| it == name);
        place.and_then(|it| words.get(it + 1)).map_or(Some(usual), |it| it.parse().ok())
    };
    let (Some(devices), Some(points), Some(away)) =
        (after("--devices", 1_000), after("--points", 20), after("--away", 60))
    else {
        eprintln!("usage: edge-drain [--devices 1000] [--points 20] [--away 60]");
        return ExitCode::from(2);
    };
    let Some(mosquitto) = program("mosquitto") else {
        skipped("edge-drain", "peers", "mosquitto");
        return ExitCode::SUCCESS;
    };
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let broker = Broker::start(&mosquitto, folder.path(), port);
    let (receiver, responder) = (Receiver::start(port, None), Responder::start());
    let of = (usize::try_from(devices).unwrap(), usize::try_from(points).unwrap());
    files::write(folder.path(), of, (responder.port(), port));
    let (is_over, kills) = (AtomicBool::new(false), AtomicU32::new(0));
    let line = std::thread::scope(|scope| {
        scope.spawn(|| kill_brokers(&broker, &is_over, &kills));
        let line = run(folder.path(), &receiver, Duration::from_secs(u64::from(away)));
        is_over.store(true, Ordering::Relaxed);
        line
    });
    let (mut line, is_sound) = line;
    line["broker_kills"] = kills.load(Ordering::Relaxed).into();
    println!("{line}");
    ExitCode::from(u8::from(!is_sound))
}

fn run(folder: &Path, receiver: &Receiver, away: Duration) -> (serde_json::Value, bool) {
    let id = AgentId::new("edge-1").unwrap();
    let mut agent = start(folder, "busy");
    std::thread::sleep(SETTLE);
    let before = receiver.of(&id, |store| store.stored());
    std::thread::sleep(LIVE);
    let live = receiver.of(&id, |store| store.stored()) - before;
    receiver.go_away(true);
    std::thread::sleep(away);
    let backlog = Waiting::read(folder);
    let bytes = std::fs::metadata(folder.join("edge/spool.db")).unwrap().len();
    receiver.go_away(false);
    let (began, back_us) = (Instant::now(), Clock::system().now_us());
    while LIVE_BATCHES_MAX < Waiting::read(folder).batches && began.elapsed() < DRAIN_MAX {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (drained_s, drained_us) = (began.elapsed().as_secs_f64(), Clock::system().now_us());
    end(&mut agent);
    let mut agent = start(folder, "idle");
    let ending = Instant::now();
    while 0 < Waiting::read(folder).batches && ending.elapsed() < DRAIN_MAX {
        std::thread::sleep(Duration::from_millis(50));
    }
    end(&mut agent);
    let accepted = Waiting::read(folder).accepted;
    let (received, doubled, mut delays_ms) = receiver.of(&id, |store| {
        let live = store.arrivals.iter().filter(|(at, t, _)| back_us <= *t && *at <= drained_us);
        let delays: Vec<i64> = live.map(|(at, t, _)| (at - t) / 1_000).collect();
        (store.stored() - store.doubled(), store.doubled(), delays)
    });
    delays_ms.sort_unstable();
    let lost = accepted.saturating_sub(received);
    let live_per_s = count(live) / LIVE.as_secs_f64();
    let drain_per_s = count(backlog.readings) / drained_s;
    let line = json!({
        "live_readings_per_s": live_per_s,
        "away_s": away.as_secs(),
        "backlog_readings": backlog.readings,
        "spool_mb": count(bytes) / 1e6,
        "drained_s": drained_s,
        "drain_readings_per_s": drain_per_s,
        "drain_to_live": drain_per_s / live_per_s,
        "live_while_draining": delays_ms.len(),
        "live_delay_p50_ms": delays_ms.get(delays_ms.len() / 2),
        "live_delay_p99_ms": delays_ms.get(delays_ms.len() * 99 / 100),
        "accepted": accepted,
        "received": received,
        "lost": lost,
        "duplicated": doubled,
    });
    (line, lost == 0 && doubled == 0)
}

fn kill_brokers(broker: &Broker, is_over: &AtomicBool, kills: &AtomicU32) {
    let chance = Chance::new(1).named("drain");
    for turn in 0.. {
        let until = Instant::now() + Duration::from_secs_f64(chance.with(turn).between(5.0, 20.0));
        while Instant::now() < until {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        broker.replace();
        kills.fetch_add(1, Ordering::Relaxed);
    }
}

fn start(folder: &Path, config: &str) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("agent.log"));
    let mut command = Command::new(own_program("forewarn-edge"));
    command.args(["run", "--config"]).arg(folder.join(format!("{config}.toml")));
    command.env("RUST_LOG", "error").stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(log.unwrap()).spawn().unwrap()
}

/// What the spool of a living agent holds.
struct Waiting {
    batches: u64,
    readings: u64,
    accepted: u64,
}

impl Waiting {
    fn read(folder: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let spool = Connection::open_with_flags(folder.join("edge/spool.db"), flags).unwrap();
        spool.busy_timeout(Duration::from_secs(5)).unwrap();
        let one = |sql: &str| -> u64 {
            spool.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
        };
        Self {
            batches: one("SELECT count(*) FROM batch"),
            readings: one("SELECT coalesce(sum(n), 0) FROM batch"),
            accepted: one("SELECT coalesce(sum(v), 0) FROM counter WHERE name = 'accepted'"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few minutes are far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

/// A thousand connections are made, and the first broker is found.
const SETTLE: Duration = Duration::from_secs(10);

/// How long the usual rate is watched.
const LIVE: Duration = Duration::from_secs(10);

/// With four commits a second and a broker that may be gone for a moment, more than this is backlog.
const LIVE_BATCHES_MAX: u64 = 40;

/// Ten times the least that is promised.
const DRAIN_MAX: Duration = Duration::from_secs(120);
