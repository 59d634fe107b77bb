//! The server's process: broker, stores in a fresh folder, every stage, and the watch on them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use forewarn_api::Access;
use forewarn_domain::ticket::TicketId;
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_server::metrics::Counter;
use forewarn_server::{Running, Setup};
use forewarn_store::readings::{ClassRetention, ReadingStore, RetentionPolicy, StoreConfig};
use forewarn_store::records::{Commit, Records, Snapshot, StateFilter, TicketFilter};
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_wire::broker;
use forewarn_wire::mqtt::ConnectOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use super::{Scenario, check};
use crate::arguments::Arguments;
use crate::figures::figure;
use crate::usage::Usage;
use crate::{Failure, plant};

/// Runs one scenario against a fresh server.
///
/// # Errors
///
/// When the server does not start, the agents fail, or readings are missing in the end.
pub async fn run(arguments: &Arguments) -> Result<Value, Failure> {
    let folder = tempfile::tempdir()?;
    let (tasks, clock) = (Tasks::default(), Clock::system());
    let broker = match arguments.text("--broker") {
        Some(external) => external.parse()?,
        None => broker::start(SocketAddr::from(([127, 0, 0, 1], 0)))?.address,
    };
    let now = || Time::from_micros(clock.now_us());
    let scenario = Scenario::starting(arguments, now())?;
    let server = start(scenario, broker, (folder.path(), &clock), &tasks).await?;
    let mut agents = Agents::start(arguments, scenario, broker)?;
    agents.wait_until_ready().await?;
    if scenario.is_paced && scenario.load.start < now() {
        return Err("server and agents were not up in time; is the machine busy?".into());
    }

    let before = Usage::now();
    let began = if scenario.is_paced { scenario.load.start } else { now() };
    agents.go().await?;
    let watch = Watch { server: &server, clock: &clock, expected: scenario.load.readings() };
    let seen = watch.until_done(&mut agents).await?;
    let after = Usage::now();
    let (readings, late) = (seen.evaluated, server.metrics.get(Counter::DecideLate));
    let stored = server.metrics.get(Counter::StoreReadings);
    let known = server.metrics.get(Counter::StoreKnown);
    tasks.stop(GRACE).await?;

    let verdict = check::check(scenario, &seen.tickets)?;
    let offered = scenario.load.readings();
    let took = (seen.done - began).secs_f64();
    let last_due = scenario.load.at(scenario.load.batches);
    Ok(json!({
        "readings offered": offered,
        "readings lost": offered.saturating_sub(stored.min(readings + late)),
        "batches sent again": known,
        "readings/s": figure(offered) / took,
        "seconds": took,
        "acknowledged after": (seen.acknowledged - began).secs_f64(),
        "caught up after the last batch was due": (seen.done - last_due).secs_f64(),
        "longest wait of a batch at the agent": seen.behind_s,
        "processor time of server and broker for 1,000,000 readings":
            (after.cpu_s - before.cpu_s) / figure(offered) * 1e6,
        "peak memory of server and broker": after.peak_mib,
        "memory before": before.resident_mib,
        "written to disk": after.written_mb - before.written_mb,
        "size of all files": figure(bytes_below(folder.path())?) / 1e6,
        "tickets": verdict.tickets,
        "tickets missing or unexpected": verdict.wrong,
        "reading to ticket p50": verdict.p50,
        "reading to ticket p95": verdict.p95,
        "reading to ticket, worst": verdict.worst,
    }))
}

async fn start(
    scenario: Scenario,
    broker: SocketAddr,
    (folder, clock): (&Path, &Clock),
    tasks: &Tasks,
) -> Result<Running, Failure> {
    let load = scenario.load;
    let store = StoreConfig::Chunks {
        dir: folder.to_owned(),
        cap_bytes: CAP_BYTES,
        lateness: Span::from_secs(60),
    };
    let records = Records::open_file(&folder.join("records.db")).await?;
    // Just before the first reading, so that normals are fresh and no reading is late.
    let parts = plant::learned(load.devices, load.start - Span::from_secs(1))?;
    let snapshot = Snapshot { parts, ..Snapshot::default() };
    let at = Time::from_micros(clock.now_us());
    records.commit(&Commit { snapshot: Some(snapshot), at, ..Commit::default() }).await?;
    let days = |days: i64| Span::from_secs(days * 86_400);
    let spans = ClassRetention { raw: days(100), rollup: days(1_000), waveform: days(30) };
    let setup = Setup {
        plant: plant::plant(load.devices, load.agents)?,
        knowledge: plant::knowledge()?,
        rules_text: plant::RULES.to_owned(),
        readings: ReadingStore::open(&store).await?,
        records,
        files: WaveformFiles::open(folder)?,
        retention: RetentionPolicy::uniform(spans),
        broker: ConnectOptions::new(broker.ip().to_string(), broker.port(), "forewarn-server"),
        channels: Vec::new(),
        access: Access::LoopbackDemo,
        listener: TcpListener::bind("127.0.0.1:0").await?,
        clock: clock.clone(),
        notices: Vec::new(),
        history: None,
    };
    Ok(forewarn_server::start(setup, tasks).await?)
}

/// The process of the agents.
struct Agents {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Agents {
    fn start(
        arguments: &Arguments,
        scenario: Scenario,
        broker: SocketAddr,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", "agents"]);
        command.args(["--start", &scenario.load.start.micros().to_string()]);
        command.args(["--broker", &broker.to_string()]).args(arguments.of_scenario());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("the agents have no output")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let line = self.lines.next_line().await?;
        if line.as_deref() == Some("ready") { Ok(()) } else { Err("no agents".into()) }
    }

    async fn go(&mut self) -> Result<(), Failure> {
        let stdin = self.child.stdin.as_mut().ok_or("the agents have no input")?;
        Ok(stdin.write_all(b"go\n").await?)
    }

    async fn summary(&mut self) -> Result<Value, Failure> {
        let line = self.lines.next_line().await?.ok_or("the agents ended early")?;
        Ok(serde_json::from_str(&line)?)
    }
}

/// What was seen from outside the stages.
struct Seen {
    evaluated: u64,
    acknowledged: Time,
    done: Time,
    behind_s: f64,
    /// When each ticket's row was first read back.
    tickets: HashMap<TicketId, Time>,
}

struct Watch<'a> {
    server: &'a Running,
    clock: &'a Clock,
    expected: u64,
}

impl Watch<'_> {
    /// Reads tickets as they are committed, until agents and engine are through.
    async fn until_done(&self, agents: &mut Agents) -> Result<Seen, Failure> {
        let mut changes = self.server.records.changes();
        let mut tickets = HashMap::new();
        let mut summary = None;
        let mut progressed = (0, Instant::now());
        loop {
            tokio::select! {
                changed = changes.changed() => {
                    changed?;
                    self.read_tickets(&mut tickets).await?;
                }
                line = agents.summary(), if summary.is_none() => summary = Some(line?),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let metrics = &self.server.metrics;
            let evaluated = metrics.get(Counter::DecideReadings);
            let through =
                evaluated + metrics.get(Counter::DecideLate) + metrics.get(Counter::DecideUnknown);
            if progressed.0 < through {
                progressed = (through, Instant::now());
            }
            if let Some(summary) = &summary
                && self.expected <= through
            {
                self.read_tickets(&mut tickets).await?;
                let acknowledged = summary["done"].as_i64().unwrap_or_default();
                let acknowledged = Time::from_micros(acknowledged);
                let done = Time::from_micros(self.clock.now_us());
                let behind_s = summary["behind_s"].as_f64().unwrap_or_default();
                return Ok(Seen { evaluated, acknowledged, done, behind_s, tickets });
            }
            if STUCK_AFTER < progressed.1.elapsed() {
                let expected = self.expected;
                return Err(format!("stuck at {through} of {expected} readings").into());
            }
        }
    }

    async fn read_tickets(&self, tickets: &mut HashMap<TicketId, Time>) -> Result<(), Failure> {
        let filter = TicketFilter { state: StateFilter::All, ..TicketFilter::default() };
        let rows = self.server.records.tickets(&filter, None, TICKETS_MAX).await?;
        let now = Time::from_micros(self.clock.now_us());
        for row in rows {
            tickets.entry(row.id).or_insert(now);
        }
        Ok(())
    }
}

fn bytes_below(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        bytes += if is_folder { bytes_below(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

/// As the product has it by default.
const CAP_BYTES: u64 = 4 * 1024 * 1024 * 1024;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A line that moves nothing for this long is broken.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// More than any scenario opens.
const TICKETS_MAX: i64 = 1_000;

const GRACE: Duration = Duration::from_secs(30);
