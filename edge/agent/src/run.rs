//! An agent put together: links, collector, spool, publisher, each a task of its own.
//!
//! Rely on this: at a stop the sources end first, then what they handed over is committed, then
//! the spool is closed. Deliberately absent: arguments of a command line.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::id::LinkId;
use forewarn_domain::site::Transport;
use forewarn_domain::template::WaveformSource;
use forewarn_lifecycle::{Clock, Ended, StillRunning, Tasks};
use forewarn_wire::mqtt::{self, ConnectionState, InvalidOptions};
use forewarn_wire::topic::AgentAddress;
use tokio::sync::{mpsc, watch};

use crate::collect::Collector;
use crate::config::{AgentConfig, Broker, ConfigError, RESEND_AFTER};
use crate::intake::{INTAKES_MAX, Inlet};
use crate::plan::PlanError;
use crate::poll::LinkPoll;
use crate::publish::Publisher;
use crate::source::SourcePoints;
use crate::source::modbus::line::Line;
use crate::source::modbus::reception::{Door, Reception};
use crate::source::mqtt::Listener;
use crate::source::mtconnect::AgentOfMachines;
use crate::source::shdr::ShdrLink;
use crate::spool::writer::{self, SpoolPlace, Standing};
use crate::spool::{Opened, SpoolError};
use crate::status::StatusBoard;

/// What can be seen of a running agent.
#[derive(Clone, Debug)]
pub struct Running {
    /// How each source is doing.
    pub board: StatusBoard,
    /// Where the spool stands: depth, numbering, counts.
    pub spool: watch::Receiver<Standing>,
    /// How the connection to the server's broker stands.
    pub connection: watch::Receiver<ConnectionState>,
    /// How the spool was found.
    pub opened: Opened,
}

/// Starts an agent on `tasks` and returns at once. It runs until the tasks are stopped.
///
/// # Errors
///
/// [`StartError`] when something that it needs cannot be had; nothing runs then but what is asked
/// to end with `tasks`.
pub fn start(config: &AgentConfig, clock: &Clock, tasks: &Tasks) -> Result<Running, StartError> {
    let place = SpoolPlace {
        folder: config.data_dir.clone(),
        agent: config.agent.clone(),
        limits: config.spool,
    };
    let (spool, opened) = writer::start(place, clock.clone(), tasks)?;
    let standing = spool.standing();
    let board = StatusBoard::default();
    let (inlet, intakes) = mpsc::channel(INTAKES_MAX);
    start_sources(config, clock, tasks, (&inlet, &board))?;
    drop(inlet);

    let collector = Collector::new(spool.clone(), config.commit, &config.plant);
    // Its end is no trouble of its own: the sources are gone, or the spool, which is a task.
    tasks.start_errand("collect", |_stop| Box::pin(collector.run(intakes)));

    let address = AgentAddress { site: config.plant.site.id.clone(), agent: config.agent.clone() };
    let client_id = format!("forewarn-{}-{}", address.site, address.agent);
    let broker = config.broker.connect_options(client_id, config.insecure_lab)?;
    let (to_watchers, connection) = watch::channel(ConnectionState::Disconnected { reason: None });
    let publisher =
        Publisher { address, broker, resend_after: RESEND_AFTER, connection: to_watchers };
    let publish_clock = clock.clone();
    tasks.start("publish", |stop| async move {
        if let Err(error) = Box::pin(publisher.run(spool, publish_clock, stop)).await {
            tracing::error!(error = error.in_words(), "publishing ended");
        }
    });
    Ok(Running { board, spool: standing, connection, opened })
}

/// Runs an agent until a signal, or until one of its tasks ends.
///
/// # Errors
///
/// [`RunError`] when it could not be started, when a part ended by itself, or when some did not
/// end in time.
pub async fn run(config: &AgentConfig, clock: Clock) -> Result<Ended, RunError> {
    let tasks = Tasks::default();
    let started = start(config, &clock, &tasks);
    let ended = match started {
        Ok(running) => {
            tracing::info!(agent = %config.agent, spool = ?running.opened, "the agent runs");
            tasks.run_until_signal().await?
        }
        Err(error) => {
            tasks.stop(GRACE).await?;
            return Err(error.into());
        }
    };
    tracing::info!(?ended, "the agent stops");
    tasks.stop(GRACE).await?;
    match ended {
        Ended::Task(name) => Err(RunError::Ended { name }),
        Ended::Asked | Ended::Signal(_) => Ok(ended),
    }
}

fn start_sources(
    config: &AgentConfig,
    clock: &Clock,
    tasks: &Tasks,
    (inlet, board): (&Inlet, &StatusBoard),
) -> Result<(), StartError> {
    let mut receptions: BTreeMap<String, Reception> = BTreeMap::new();
    for (link, sources) in sources_by_link(config) {
        sources.iter().for_each(warn_of_waveforms);
        let Some(via) = config.plant.link(&link).map(|it| it.via.clone()) else { continue };
        let (inlet, board, clock) = (inlet.clone(), board.clone(), clock.clone());
        match via {
            // Recorded files are the server's to replay.
            Transport::Csv {} => {}
            Transport::Mqtt { .. } => {
                let Some(broker) = Broker::of_link(&via) else { continue };
                let client_id = format!("forewarn-{}-{link}", config.agent);
                let options = broker.connect_options(client_id, config.insecure_lab)?;
                let listener = Listener::new(sources, &board);
                let (connection, driver) = mqtt::open(listener.subscribe(options))?;
                tasks.start("listen-line", |stop| Box::pin(driver.run(stop)));
                tasks
                    .start("listen", |stop| Box::pin(listener.run(connection, inlet, clock, stop)));
            }
            Transport::Mtconnect { address } => {
                let machines = AgentOfMachines::new(address, sources, &board);
                tasks.start("mtconnect", |stop| Box::pin(machines.run(inlet, clock, stop)));
            }
            Transport::Shdr { address } => {
                let link = ShdrLink::new(address, sources, &board);
                tasks.start("shdr", |stop| Box::pin(link.run(inlet, clock, stop)));
            }
            Transport::DialIn { ref listen, .. } => {
                let door = expect(&mut receptions, listen, &link, &via)?;
                let poll = LinkPoll::over(link, Line::dialled(via, door), sources)?;
                tasks.start("poll", |stop| Box::pin(poll.run(inlet, board, clock, stop)));
            }
            Transport::Rtu { .. } | Transport::RtuOverTcp { .. } | Transport::Tcp { .. } => {
                let poll = LinkPoll::new(link, via, sources)?;
                tasks.start("poll", |stop| Box::pin(poll.run(inlet, board, clock, stop)));
            }
        }
    }
    for reception in receptions.into_values() {
        tasks.start("reception", |stop| Box::pin(reception.run(stop)));
    }
    Ok(())
}

/// The door of a link whose modem dials in; links that share an address share a reception.
fn expect(
    receptions: &mut BTreeMap<String, Reception>,
    listen: &str,
    link: &LinkId,
    via: &Transport,
) -> Result<Arc<Door>, StartError> {
    let refused = |source| StartError::Listen { address: listen.to_owned(), source };
    let reception = match receptions.entry(listen.to_owned()) {
        Entry::Occupied(there) => there.into_mut(),
        Entry::Vacant(vacant) => vacant.insert(Reception::bind(listen).map_err(refused)?),
    };
    reception.expect(link.clone(), via).map_err(refused)
}

/// What a template offers and this version does not fetch is said, not skipped in silence.
fn warn_of_waveforms(points: &SourcePoints) {
    for waveform in &points.template.waveforms {
        let is_on_mqtt = matches!(waveform.source, WaveformSource::Mqtt(_));
        if !is_on_mqtt && points.template.modbus.is_none() {
            let (device, waveform) = (&points.device, &waveform.id);
            tracing::warn!(%device, %waveform, "not captured: the template has no [modbus]");
        }
    }
}

/// The sources of this agent's devices, by the link over which they are reached.
#[must_use]
pub fn sources_by_link(config: &AgentConfig) -> BTreeMap<LinkId, Vec<SourcePoints>> {
    let mut links: BTreeMap<LinkId, Vec<SourcePoints>> = BTreeMap::new();
    let own = config.plant.devices().filter(|it| it.device.agent == config.agent);
    for device in own {
        for source in &device.device.sources {
            if let Some(template) = config.plant.template(&source.template) {
                let points = SourcePoints::new(device, source, template);
                links.entry(source.link.clone()).or_default().push(points);
            }
        }
    }
    links
}

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A broker cannot be reached as configured.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Modems cannot dial in.
    #[error("`{address}` cannot be listened on, so that no modem can dial in")]
    Listen {
        /// Where they would have.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The options of a broker are not usable.
    #[error(transparent)]
    Mqtt(#[from] InvalidOptions),
    /// A template cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Why an agent ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part ended by itself.
    #[error("`{name}` ended by itself; the log says why")]
    Ended {
        /// Which part.
        name: &'static str,
    },
    /// Signals cannot be listened to.
    #[error("signals cannot be listened to")]
    Signals(#[from] std::io::Error),
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Some parts did not end.
    #[error(transparent)]
    StillRunning(#[from] StillRunning),
}

/// Longer than the longest exchange with a slow device and a commit.
const GRACE: Duration = Duration::from_secs(10);
