//! What an agent costs: the shipped program polls a thousand Modbus TCP devices once a second, on one
//! core, and is watched from outside; and how many windows of vibration one core turns into features.
//!
//! The devices are connections to a responder of this program's own, which notes when each request
//! comes: the jitter is what a machine sees. Rely on this: a broker that is not there costs the agent
//! what it would in the field, the spool is on the disk, and what is printed was measured in this run.
//!
//! Deliberately absent: a verdict. It prints figures; `docs/edge.md` holds those of one machine.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench stops at the first surprise, and says what it measured"
)]

mod files;
mod responder;

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use forewarn_simulator::chance::Chance;
use forewarn_tests::{own_program, program};
use forewarn_vibration::features::Features;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use responder::Responder;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str, usual: usize| {
        let place = words.iter().position(|it| it == name);
        place.and_then(|it| words.get(it + 1)).map_or(Some(usual), |it| it.parse().ok())
    };
    let known = ["--devices", "--points", "--seconds"];
    let is_known = |it: &String| known.contains(&it.as_str()) || it.parse::<usize>().is_ok();
    let (Some(devices), Some(points), Some(seconds), true) = (
        after("--devices", 1_000),
        after("--points", 12),
        after("--seconds", 30),
        words.iter().all(is_known),
    ) else {
        eprintln!("usage: edge-load [--devices 1000] [--points 12] [--seconds 30]");
        return ExitCode::from(2);
    };
    println!("{}", polling(devices, points, Duration::from_secs(seconds.try_into().unwrap())));
    println!("{}", features());
    ExitCode::SUCCESS
}

fn polling(devices: usize, points: usize, watched: Duration) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let responder = Responder::start();
    // Nobody listens there, as in a plant whose server is away.
    files::write(folder.path(), (devices, points), (responder.port(), 9));
    let mut agent = start(folder.path());
    std::thread::sleep(SETTLE);
    responder.begin();
    let (cpu, began) = (cpu_seconds(&agent), Instant::now());
    std::thread::sleep(watched);
    let (cpu, took) = (cpu_seconds(&agent) - cpu, began.elapsed().as_secs_f64());
    let seen = responder.end();
    let (rss, peak) = memory_mb(&agent);
    let has_ended = agent.try_wait().unwrap().is_some();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(!has_ended, "the agent ended by itself");
    let mut late_ms: Vec<f64> = seen.gaps_s.iter().map(|it| (it - 1.0).abs() * 1_000.0).collect();
    late_ms.sort_by(f64::total_cmp);
    let share = |per_mille: usize| late_ms.get(late_ms.len() * per_mille / 1_000).copied();
    json!({
        "type": "polling",
        "devices": devices,
        "points": points,
        "seconds": took,
        "connections": seen.connections,
        "requests_per_s": f64::from(seen.requests) / took,
        "readings_in_spool": accepted(folder.path()),
        "jitter_p50_ms": share(500),
        "jitter_p99_ms": share(990),
        "jitter_max_ms": late_ms.last(),
        "cpu_share_of_one_core": cpu / took,
        "rss_mb": rss,
        "rss_peak_mb": peak,
        "pinned_to_one_core": program("taskset").is_some(),
        "profile": if cfg!(debug_assertions) { "with assertions" } else { "release" },
    })
}

fn features() -> serde_json::Value {
    let chance = Chance::new(1).named("window");
    let window = |number: u64| -> Vec<f64> {
        (0..4_096).map(|it| chance.with(number).with(it).normal() * 0.5).collect()
    };
    let windows: Vec<Vec<f64>> = (0..16).map(window).collect();
    let (began, cpu, mut done) = (Instant::now(), on_cpu_s(), 0_u32);
    while began.elapsed() < Duration::from_secs(5) {
        for window in &windows {
            std::hint::black_box(Features::of(window, 12_800.0, Some(25.0)).unwrap());
            done += 1;
        }
    }
    let (took, cpu) = (began.elapsed().as_secs_f64(), on_cpu_s() - cpu);
    json!({
        "type": "features",
        "window": 4_096,
        "windows_per_cpu_s": f64::from(done) / cpu,
        "windows_per_s": f64::from(done) / took,
    })
}

/// What this thread has had of a core; on a busy machine that is less than the time that went by.
fn on_cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// On one core where the machine can do that.
fn start(folder: &Path) -> Child {
    let agent = own_program("forewarn-edge");
    let mut command = match program("taskset") {
        Some(taskset) => {
            let mut command = Command::new(taskset);
            command.args(["-c", "0"]).arg(agent);
            command
        }
        None => Command::new(agent),
    };
    let log = std::fs::File::create(folder.join("agent.log")).unwrap();
    command.args(["run", "--config"]).arg(folder.join("busy.toml"));
    command.env("RUST_LOG", "error").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap()
}

/// User and system time, from the kernel's own count of a hundredth of a second.
fn cpu_seconds(agent: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", agent.id())).unwrap();
    // The name may hold anything, so counting begins behind it.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    f64::from(ticks) / 100.0
}

fn memory_mb(agent: &Child) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    let kib = |name: &str| {
        let line = status.lines().find(|it| it.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
    };
    (kib("VmRSS:"), kib("VmHWM:"))
}

fn accepted(folder: &Path) -> i64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let spool = Connection::open_with_flags(folder.join("edge/spool.db"), flags).unwrap();
    spool.query_row("SELECT v FROM counter WHERE name = 'accepted'", [], |row| row.get(0)).unwrap()
}

/// A thousand connections are made one after the other.
const SETTLE: Duration = Duration::from_secs(8);
