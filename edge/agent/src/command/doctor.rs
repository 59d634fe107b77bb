//! `forewarn-edge doctor`: looks at everything that an agent needs, and says what to do about it.
//!
//! Nothing is changed: a file of a few bytes is written into the data folder and removed again;
//! devices are only read. The agent may be running, but a serial port has only one reader.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use forewarn_agent::AgentConfig;
use forewarn_agent::examine;
use forewarn_agent::run::sources_by_link;
use forewarn_agent::source::SourcePoints;
use forewarn_agent::source::modbus::ModbusDevice;
use forewarn_agent::source::modbus::line::Line;
use forewarn_domain::id::LinkId;
use forewarn_domain::site::Transport;
use forewarn_domain::time::Time;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_wire::mqtt::{self, ConnectOptions, ConnectionState};
use forewarn_wire::topic::{AgentAddress, agent_filters};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::template::{print_findings, read_all};
use super::{Failure, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArguments {
    /// The agent's configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Leave the devices alone: only clock, disk, links and broker.
    #[arg(long)]
    quick: bool,
}

/// How one thing was found.
struct Check {
    about: String,
    fault: Option<String>,
    found: String,
}

impl Check {
    fn fine(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), fault: None, found: found.into() }
    }

    fn fault(about: impl Into<String>, why: impl Into<String>) -> Self {
        Self { about: about.into(), fault: Some(why.into()), found: String::new() }
    }
}

pub(super) async fn print(
    given: &DoctorArguments,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let config = AgentConfig::load(&given.config)?;
    let mut faults = 0_u32;
    let mut tell = |check: &Check, out: &mut dyn Write| -> Result<(), Failure> {
        faults += u32::from(check.fault.is_some());
        print_check(check, is_json, out)
    };
    tell(&Check::fine("configuration", summary(&config)), out)?;
    tell(&clock(), out)?;
    for check in disk(&config) {
        tell(&check, out)?;
    }
    for (link, sources) in sources_by_link(&config) {
        let Some(via) = config.plant.link(&link).map(|it| it.via.clone()) else { continue };
        let check = link_check(&link, &via).await;
        let is_there = check.fault.is_none();
        tell(&check, out)?;
        if is_there && !given.quick && !matches!(via, Transport::Mqtt { .. } | Transport::Csv {}) {
            let found = devices(&sources, &via, (is_json, &mut *out)).await?;
            for check in found {
                tell(&check, out)?;
            }
        }
    }
    tell(&broker(&config).await, out)?;
    if !is_json {
        writeln!(out, "{}", if faults == 0 { "all is well" } else { "something needs attention" })?;
    }
    Ok(if faults == 0 { Outcome::Ran } else { Outcome::NeedsAttention })
}

fn print_check(check: &Check, is_json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let Check { about, fault, found } = check;
    if is_json {
        let found = Some(found).filter(|it| !it.is_empty());
        let line = json!({"type": "check", "about": about, "fault": fault, "found": found});
        writeln!(out, "{line}")?;
    } else {
        match fault {
            Some(fault) => writeln!(out, "fault {about}: {fault}")?,
            None => writeln!(out, "ok    {about}: {found}")?,
        }
    }
    Ok(())
}

fn summary(config: &AgentConfig) -> String {
    let links = sources_by_link(config);
    let sources: usize = links.values().map(Vec::len).sum();
    format!("agent `{}`, {} links, {sources} sources", config.agent, links.len())
}

/// A gateway without a battery starts in 1970 and must first find the time.
fn clock() -> Check {
    let now = Time::from_micros(Clock::system().now_us());
    if now < Time::from_millis(YEAR_2025_MS) {
        return Check::fault(
            "clock",
            format!("it reads {now}; set it or switch NTP on, or every reading is dated wrong"),
        );
    }
    Check::fine("clock", now.to_string())
}

fn disk(config: &AgentConfig) -> Vec<Check> {
    let folder = &config.data_dir;
    let about = format!("data folder `{}`", folder.display());
    if let Err(error) = try_to_write(folder) {
        return vec![Check::fault(about, format!("nothing can be written there: {error}"))];
    }
    let mut checks = vec![Check::fine(about, "can be written")];
    let needed = config.spool.quota_bytes + config.spool.ballast_bytes;
    let present = fs::metadata(folder.join("spool.db")).map_or(0, |it| it.len());
    checks.push(match free_bytes(folder) {
        Ok(free) if free + present < needed => Check::fault(
            "disk",
            format!(
                "{} MB are free, the spool may grow to {} MB; make room or lower `quota_bytes`",
                free >> 20,
                needed >> 20
            ),
        ),
        Ok(free) => Check::fine("disk", format!("{} MB are free", free >> 20)),
        Err(error) => Check::fault("disk", format!("its free space cannot be told: {error}")),
    });
    checks
}

fn try_to_write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join("doctor.tmp");
    let mut file = fs::File::create(&path)?;
    file.write_all(b"forewarn-edge doctor")?;
    file.sync_all()?;
    fs::remove_file(path)
}

fn free_bytes(folder: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

async fn link_check(link: &LinkId, via: &Transport) -> Check {
    let about = |how: &str| format!("link `{link}` ({how})");
    match via {
        Transport::Tcp { address }
        | Transport::RtuOverTcp { address }
        | Transport::Shdr { address } => {
            match timeout(PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(_)) => Check::fine(about(address), "somebody answers the call"),
                Ok(Err(error)) => Check::fault(about(address), error.to_string()),
                Err(_elapsed) => {
                    let why =
                        "nobody answers the call within 3 s; cable, power, address, firewall?";
                    Check::fault(about(address), why)
                }
            }
        }
        Transport::Rtu { port, .. } => {
            match fs::OpenOptions::new().read(true).write(true).open(port) {
                Ok(_) => Check::fine(about(port), "can be opened"),
                Err(error) => Check::fault(about(port), port_advice(&error)),
            }
        }
        Transport::DialIn { listen, .. } => match std::net::TcpListener::bind(listen) {
            Ok(_) => Check::fine(about(listen), "can be listened on"),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                Check::fine(about(listen), "is listened on already, by a running agent most likely")
            }
            Err(error) => Check::fault(about(listen), error.to_string()),
        },
        Transport::Mqtt { broker, .. } => {
            match timeout(PATIENCE, TcpStream::connect(broker)).await {
                Ok(Ok(_)) => Check::fine(about(broker), "somebody answers the call"),
                Ok(Err(error)) => Check::fault(about(broker), error.to_string()),
                Err(_elapsed) => Check::fault(about(broker), "nobody answers the call within 3 s"),
            }
        }
        _ => Check::fine(about("not called"), "nothing to look at from here"),
    }
}

fn port_advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "{error}; is the adapter plugged in? Names under /dev/serial/by-id stay the same"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("{error}; add the agent's user to the group of the port (most often `dialout`)")
        }
        io::ErrorKind::ResourceBusy => {
            format!("{error}; somebody else has it open, a running agent most likely")
        }
        _ => error.to_string(),
    }
}

/// One reading of every device of a link, and what it tells about its map.
async fn devices(
    sources: &[SourcePoints],
    via: &Transport,
    (is_json, mut out): (bool, &mut impl Write),
) -> Result<Vec<Check>, Failure> {
    if matches!(via, Transport::DialIn { .. }) {
        return Ok(Vec::new());
    }
    let mut line = Line::new(via.clone());
    let mut checks = Vec::new();
    for source in sources {
        let unit = source.source.unit.unwrap_or(255);
        let Some(mut device) = ModbusDevice::new(unit, &source.template)? else { continue };
        let points = read_all(&mut device, &mut line, &source.template).await;
        let name = format!("{}/{}", source.device, source.id());
        let good = points.iter().filter(|(_, it)| !it.quality.is_bad()).count();
        let findings = examine::examine(&source.template, &points);
        print_findings(&name, &findings, is_json, &mut out)?;
        let faults = findings.iter().filter(|it| it.is_fault).count();
        let about = format!("device {name} (unit {unit})");
        checks.push(if good == 0 {
            Check::fault(about, "it gives no value; power, unit id, line settings, template?")
        } else if 0 < faults {
            Check::fault(
                about,
                format!("{good} of {} points; {faults} findings above", points.len()),
            )
        } else {
            Check::fine(about, format!("{good} of {} points", points.len()))
        });
    }
    Ok(checks)
}

/// Whether the server's broker lets the agent in and lets it hear what it must hear.
async fn broker(config: &AgentConfig) -> Check {
    let about = format!("broker {}", config.broker.address);
    let address = AgentAddress { site: config.plant.site.id.clone(), agent: config.agent.clone() };
    // Not the agent's own name: a broker would throw the running agent out.
    let client_id = format!("forewarn-{}-{}-doctor", address.site, address.agent);
    let options = match config.broker.connect_options(client_id, config.insecure_lab) {
        Ok(options) => options,
        Err(error) => return Check::fault(about, error.to_string()),
    };
    let filters = agent_filters(&address);
    let options = filters.into_iter().fold(options, ConnectOptions::subscribe);
    let (connection, driver) = match mqtt::open(options) {
        Ok(opened) => opened,
        Err(error) => return Check::fault(about, error.to_string()),
    };
    let tasks = Tasks::default();
    tasks.start("doctor-broker", |stop| Box::pin(driver.run(stop)));
    let mut state = connection.state.clone();
    let reached =
        timeout(PATIENCE, state.wait_for(|it| matches!(it, ConnectionState::Connected { .. })))
            .await
            .is_ok_and(|it| it.is_ok());
    let last = connection.state.borrow().clone();
    drop(connection);
    if let Err(error) = tasks.stop(Duration::from_secs(2)).await {
        tracing::debug!(%error, "the broker was not left in time");
    }
    match (reached, last) {
        (true, _) => Check::fine(about, "lets us in and takes our subscriptions"),
        (false, ConnectionState::Disconnected { reason: Some(reason) }) => {
            Check::fault(about, reason)
        }
        (false, _) => Check::fault(about, "does not let us in within 3 s"),
    }
}

/// Longer than any answer in a plant's own network takes.
const PATIENCE: Duration = Duration::from_secs(3);

/// 2025-01-01T00:00:00Z, before which this program did not exist.
const YEAR_2025_MS: i64 = 1_735_689_600_000;
