//! Wiring: every stage with what it needs, started in the order in which readings pass.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use forewarn_api::{Access, ApiState, CauseChoice, LiveView};
use forewarn_domain::reading::Batch;
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use forewarn_engine::{Engine, EngineError, Knowledge};
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_notify::config::Outlet;
use forewarn_store::readings::{ReadingStore, RetentionPolicy};
use forewarn_store::records::Records;
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_tickets::Handbook;
use forewarn_wire::mqtt::{ConnectOptions, InvalidOptions};
use forewarn_wire::server_link::{self, ServerLink};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::bench::proposals::Proposals;
use crate::bench::rulebook::{Rulebook, RulebookError};
use crate::bench::trials::Trials;
use crate::health::Health;
use crate::http::{self, Certificate};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::roster::Roster;
use crate::spectra;
use crate::stages::assemble::Assemble;
use crate::stages::decide::{Beside, Decide, DecideError, Resumed};
use crate::stages::ingest::{Ingest, Quarantine};
use crate::stages::notify::Notify;
use crate::stages::notify::desk::ChannelDesk;
use crate::stages::notify::lines::Lines;
use crate::stages::retain::Retain;
use crate::stages::silence;
use crate::stages::store::{Next, Store};
use crate::stages::timers::Timers;

/// Everything that a server is made of, opened and checked by the caller.
pub struct Setup {
    /// The machines.
    pub plant: Arc<Plant>,
    /// Rules and models; the rules in the records store, where it has any, take the place of these.
    pub knowledge: Knowledge,
    /// The text of the rules, version 1 of a new records store.
    pub rules_text: String,
    /// Readings.
    pub readings: ReadingStore,
    /// Tickets, repairs, outbox.
    pub records: Records,
    /// Raw waveforms.
    pub files: WaveformFiles,
    /// How long what is kept.
    pub retention: RetentionPolicy,
    /// The broker over which agents are reached.
    pub broker: ConnectOptions,
    /// Channels to people and systems; the routes of the records store name them.
    pub channels: Vec<Outlet>,
    /// Who may use the API.
    pub access: Access,
    /// Where the page is served.
    pub listener: TcpListener,
    /// What time it is.
    pub clock: Clock,
    /// What a reader of the health page must know, e.g. that this is a demo.
    pub notices: Vec<Localized>,
    /// Readings to learn from before live ones come; a server that has learned skips them.
    pub history: Option<Box<dyn Iterator<Item = Batch> + Send>>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("site", &self.plant.site.id).finish_non_exhaustive()
    }
}

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// Where the page is served.
    pub http: SocketAddr,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// Tickets and the like.
    pub records: Records,
}

/// What the stages share.
struct Shared {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    roster: Arc<Roster>,
    quarantine: Arc<Quarantine>,
    is_behind: Arc<AtomicBool>,
    lines: Arc<Lines>,
}

/// Starts every stage on `tasks`.
///
/// # Errors
///
/// [`StartError`] names what does not answer or contradicts itself; nothing was started then.
pub async fn start(setup: Setup, tasks: &Tasks) -> Result<Running, StartError> {
    start_with_tls(setup, None, tasks).await
}

/// The same, where the page may be served with TLS.
///
/// # Errors
///
/// As [`start`].
pub async fn start_with_tls(
    mut setup: Setup,
    certificate: Option<Certificate>,
    tasks: &Tasks,
) -> Result<Running, StartError> {
    let http = setup.listener.local_addr().map_err(|source| StartError::Listen { source })?;
    let shared = Shared {
        metrics: Arc::new(Metrics::default()),
        health: Arc::new(Health::default()),
        roster: Arc::new(Roster::default()),
        quarantine: Arc::new(Quarantine::default()),
        is_behind: Arc::new(AtomicBool::new(false)),
        lines: Arc::new(Lines::new(std::mem::take(&mut setup.channels))),
    };
    let book = Rulebook { plant: Arc::clone(&setup.plant), knowledge: setup.knowledge.clone() };
    let now = Time::from_micros(setup.clock.now_us());
    setup.knowledge.rules = book.in_force(&setup.records, &setup.rules_text, now).await?;
    setup.records = with_handbook(&setup, now).await?;
    let (view, live) = watch::channel(Arc::new(LiveView::default()));
    let (mut decide, mut resumed) = engine_at_work(&setup, &shared, view).await?;
    if let Some(history) = setup.history.take() {
        decide.learn(&mut resumed, history).await?;
    }
    let (link, driver) = server_link::open(setup.broker.clone())?;
    let (to_decide, from_store) = mpsc::channel(DECIDE_QUEUE_MAX);
    let runtime = Handle::current();
    tasks
        .start_blocking("decide", move |stop| decide.run(resumed, from_store, &runtime, &stop))
        .map_err(|source| StartError::Thread { source })?;
    start_line(&setup, &shared, link, to_decide, tasks);
    tasks.start("link", |stop| driver.run(stop));
    start_beside(&setup, &shared, tasks);
    start_bench(&setup, &book, tasks)?;
    let (metrics, records) = (Arc::clone(&shared.metrics), setup.records.clone());
    let api = api_state(&setup, &shared, (live, book), tasks);
    tasks.start("http", |stop| http::serve((setup.listener, certificate), api, stop));
    Ok(Running { http, metrics, records })
}

/// The records store with the plant's own rules of tickets; a new plant begins with an example.
async fn with_handbook(setup: &Setup, now: Time) -> Result<Records, StartError> {
    let seeds = forewarn_tickets::seeds();
    setup.records.seed_documents(&seeds, now).await.map_err(DecideError::Records)?;
    let devices: Vec<_> = setup.plant.devices().map(|it| &it.device.id).collect();
    let site = &setup.plant.site.id;
    setup.records.know_devices(site, devices).await.map_err(DecideError::Records)?;
    let reader = Handbook::reader(Arc::clone(&setup.plant));
    Ok(setup.records.clone().with_handbook(Arc::new(reader)))
}

/// The engine with what it remembers of its last life.
async fn engine_at_work(
    setup: &Setup,
    shared: &Shared,
    view: watch::Sender<Arc<LiveView>>,
) -> Result<(Decide, Resumed), StartError> {
    let repairs: Vec<RepairRecord> =
        setup.records.repairs_all().await.map_err(DecideError::Records)?;
    let engine = Engine::new(Arc::clone(&setup.plant), setup.knowledge.clone(), repairs)?;
    let live = Arc::new(Live {
        view,
        readings: setup.readings.clone(),
        health: Arc::clone(&shared.health),
        metrics: Arc::clone(&shared.metrics),
        roster: Arc::clone(&shared.roster),
        quarantine: Arc::clone(&shared.quarantine),
        notices: setup.notices.clone(),
    });
    let book = Rulebook { plant: Arc::clone(&setup.plant), knowledge: setup.knowledge.clone() };
    let snapshot = setup.records.load_snapshot().await.map_err(DecideError::Records)?;
    let parts = snapshot.map(|it| it.parts).unwrap_or_default();
    let mut decide = Decide {
        engine,
        beside: Beside::new(book, &setup.knowledge.rules, &parts)?,
        readings: setup.readings.clone(),
        records: setup.records.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
        live,
        is_behind: Arc::clone(&shared.is_behind),
    };
    let resumed = decide.resume().await?;
    Ok((decide, resumed))
}

/// Ingest and store, and the waveforms that come off the line there.
fn start_line(
    setup: &Setup,
    shared: &Shared,
    link: ServerLink,
    decide: mpsc::Sender<Arc<Batch>>,
    tasks: &Tasks,
) {
    let (to_store, from_ingest) = mpsc::channel(INGEST_QUEUE_MAX);
    let (assemble, parts) = mpsc::channel(ASSEMBLE_QUEUE_MAX);
    let is_behind = Arc::clone(&shared.is_behind);
    let ingest = Ingest {
        site: setup.plant.site.id.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
        roster: Arc::clone(&shared.roster),
        quarantine: Arc::clone(&shared.quarantine),
    };
    let store = Store {
        readings: setup.readings.clone(),
        answers: link.answers,
        clock: setup.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
        next: Next { decide, assemble, is_behind },
    };
    let assembler = Assemble {
        readings: setup.readings.clone(),
        records: setup.records.clone(),
        files: setup.files.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
    };
    tasks.start("store", |stop| store.run(from_ingest, stop));
    tasks.start("ingest", |stop| ingest.run(link.deliveries, to_store, stop));
    tasks.start("assemble", |stop| assembler.run(parts, stop));
}

/// What works beside the line: telling people, cleaning up, listening for silence.
fn start_beside(setup: &Setup, shared: &Shared, tasks: &Tasks) {
    let notify = Notify {
        plant: Arc::clone(&setup.plant),
        records: setup.records.clone(),
        lines: Arc::clone(&shared.lines),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
    };
    let retain = Retain {
        readings: setup.readings.clone(),
        records: setup.records.clone(),
        files: setup.files.clone(),
        policy: setup.retention.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
    };
    let (records, clock) = (setup.records.clone(), setup.clock.clone());
    let roster = Arc::clone(&shared.roster);
    let timers = Timers {
        records: setup.records.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
    };
    tasks.start("timers", |stop| timers.run(stop));
    tasks.start("notify", |stop| notify.run(stop));
    tasks.start("retain", |stop| retain.run(stop));
    tasks.start("silence", |stop| silence::run(roster, records, clock, stop));
}

/// Runs over stored history, and the proposals that follow from what people say.
fn start_bench(setup: &Setup, book: &Rulebook, tasks: &Tasks) -> Result<(), StartError> {
    let (records, clock) = (setup.records.clone(), setup.clock.clone());
    let trials = Trials {
        book: book.clone(),
        readings: setup.readings.clone(),
        records: records.clone(),
        clock: clock.clone(),
    };
    let runtime = Handle::current();
    tasks
        .start_blocking("trials", move |stop| trials.run(&runtime, &stop))
        .map_err(|source| StartError::Thread { source })?;
    let readings = setup.readings.clone();
    let proposals = Proposals { book: book.clone(), readings, records, clock };
    tasks.start("proposals", |stop| proposals.run(stop));
    Ok(())
}

fn api_state(
    setup: &Setup,
    shared: &Shared,
    (live, book): (watch::Receiver<Arc<LiveView>>, Rulebook),
    tasks: &Tasks,
) -> ApiState {
    let (inputs, _woken) = mpsc::channel(INPUTS_QUEUE_MAX);
    let metrics = Arc::clone(&shared.metrics);
    ApiState {
        records: setup.records.clone(),
        readings: setup.readings.clone(),
        waveform_files: setup.files.clone(),
        plant: Arc::clone(&setup.plant),
        live,
        inputs,
        spectrum: Arc::new(spectra::of),
        fault_orders: Arc::new(spectra::fault_orders(&book)),
        metrics: Arc::new(move || metrics.text()),
        causes: causes(&setup.knowledge),
        check_rules: Arc::new(move |text| book.check(text)),
        message_channels: Arc::new(ChannelDesk {
            site: setup.plant.site.id.clone(),
            lines: Arc::clone(&shared.lines),
            clock: setup.clock.clone(),
        }),
        access: setup.access,
        clock: setup.clock.clone(),
        stop: tasks.stop_token(),
    }
}

/// The causes that a person may choose from, once for each family in which a cause is seen.
fn causes(knowledge: &Knowledge) -> Arc<[CauseChoice]> {
    let choices = knowledge.library.modes().iter().flat_map(|mode| {
        mode.seen_as.keys().map(|family| CauseChoice {
            family: Some(*family),
            code: mode.code.clone(),
            name: mode.name.clone(),
        })
    });
    choices.collect()
}

/// A second of a large plant; beyond it the broker waits.
const INGEST_QUEUE_MAX: usize = 256;

/// Beyond it the engine fetches from the store.
const DECIDE_QUEUE_MAX: usize = 1_024;

/// Beyond it the assembler fetches from the store.
const ASSEMBLE_QUEUE_MAX: usize = 64;

/// Only wakes; what it wakes for is stored.
const INPUTS_QUEUE_MAX: usize = 16;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker's address.
    #[error(transparent)]
    Broker(#[from] InvalidOptions),
    /// The engine cannot take up its work.
    #[error("the engine cannot take up its work")]
    Decide(#[from] DecideError),
    /// The rules.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The rules that are in force.
    #[error(transparent)]
    Rules(#[from] RulebookError),
    /// The page's address.
    #[error("the page cannot be served")]
    Listen {
        /// Why not.
        source: std::io::Error,
    },
    /// No thread.
    #[error("the engine's thread cannot be started")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
}
