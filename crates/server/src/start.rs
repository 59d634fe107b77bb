//! Wiring: every stage with what it needs, started in the order in which readings pass.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use forewarn_api::{Access, ApiState, CauseChoice, LiveView};
use forewarn_domain::reading::Batch;
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Localized;
use forewarn_engine::{Engine, EngineError, Knowledge};
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_notify::Channel;
use forewarn_store::readings::{ReadingStore, RetentionPolicy};
use forewarn_store::records::Records;
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_wire::mqtt::{ConnectOptions, InvalidOptions};
use forewarn_wire::server_link;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::health::Health;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::roster::Roster;
use crate::spectra;
use crate::stages::assemble::Assemble;
use crate::stages::decide::{Decide, DecideError};
use crate::stages::ingest::{Ingest, Quarantine};
use crate::stages::notify::Notify;
use crate::stages::retain::Retain;
use crate::stages::silence;
use crate::stages::store::{Next, Store};

/// Everything that a server is made of, opened and checked by the caller.
pub struct Setup {
    /// The machines.
    pub plant: Arc<Plant>,
    /// Rules and models.
    pub knowledge: Knowledge,
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
    /// Channels to people, by the name under which the outbox addresses them.
    pub channels: Vec<(String, Channel)>,
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

/// Starts every stage on `tasks`.
///
/// # Errors
///
/// [`StartError`] names what does not answer or contradicts itself; nothing was started then.
pub async fn start(setup: Setup, tasks: &Tasks) -> Result<Running, StartError> {
    let http = setup.listener.local_addr().map_err(|source| StartError::Listen { source })?;
    let repairs: Vec<RepairRecord> =
        setup.records.repairs_all().await.map_err(DecideError::Records)?;
    let engine = Engine::new(Arc::clone(&setup.plant), setup.knowledge.clone(), repairs)?;
    let (metrics, health) = (Arc::new(Metrics::default()), Arc::new(Health::default()));
    let roster = Arc::new(Roster::default());
    let quarantine = Arc::new(Quarantine::default());
    let (view, live_view) = watch::channel(Arc::new(LiveView::default()));
    let live = Arc::new(Live {
        view,
        readings: setup.readings.clone(),
        health: Arc::clone(&health),
        metrics: Arc::clone(&metrics),
        roster: Arc::clone(&roster),
        quarantine: Arc::clone(&quarantine),
        notices: setup.notices.clone(),
    });
    let is_behind = Arc::new(AtomicBool::new(false));
    let mut decide = Decide {
        engine,
        readings: setup.readings.clone(),
        records: setup.records.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
        live,
        is_behind: Arc::clone(&is_behind),
    };
    let mut resumed = decide.resume().await?;
    if let Some(history) = setup.history {
        decide.learn(&mut resumed, history).await?;
    }

    let (link, driver) = server_link::open(setup.broker)?;
    let (to_store, from_ingest) = mpsc::channel(INGEST_QUEUE_MAX);
    let (to_decide, from_store) = mpsc::channel(DECIDE_QUEUE_MAX);
    let (to_assemble, parts) = mpsc::channel(ASSEMBLE_QUEUE_MAX);
    let ingest = Ingest {
        site: setup.plant.site.id.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
        roster: Arc::clone(&roster),
        quarantine,
    };
    let store = Store {
        readings: setup.readings.clone(),
        answers: link.answers,
        clock: setup.clock.clone(),
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
        next: Next { decide: to_decide, assemble: to_assemble, is_behind },
    };
    let assemble = Assemble {
        readings: setup.readings.clone(),
        records: setup.records.clone(),
        files: setup.files.clone(),
        clock: setup.clock.clone(),
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
    };
    let notify = Notify {
        site: setup.plant.site.id.clone(),
        records: setup.records.clone(),
        channels: setup.channels,
        clock: setup.clock.clone(),
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
    };
    let retain = Retain {
        readings: setup.readings.clone(),
        records: setup.records.clone(),
        files: setup.files.clone(),
        policy: setup.retention,
        clock: setup.clock.clone(),
        metrics: Arc::clone(&metrics),
        health,
    };
    let (inputs, _woken) = mpsc::channel(INPUTS_QUEUE_MAX);
    let api = ApiState {
        records: setup.records.clone(),
        readings: setup.readings,
        waveform_files: setup.files,
        plant: setup.plant,
        live: live_view,
        inputs,
        spectrum: Arc::new(spectra::of),
        metrics: {
            let metrics = Arc::clone(&metrics);
            Arc::new(move || metrics.text())
        },
        causes: causes(&setup.knowledge),
        access: setup.access,
        clock: setup.clock.clone(),
        stop: tasks.stop_token(),
    };

    let runtime = Handle::current();
    tasks
        .start_blocking("decide", move |stop| decide.run(resumed, from_store, &runtime, &stop))
        .map_err(|source| StartError::Thread { source })?;
    tasks.start("store", |stop| store.run(from_ingest, stop));
    tasks.start("ingest", |stop| ingest.run(link.deliveries, to_store, stop));
    tasks.start("link", |stop| driver.run(stop));
    tasks.start("assemble", |stop| assemble.run(parts, stop));
    tasks.start("notify", |stop| notify.run(stop));
    tasks.start("retain", |stop| retain.run(stop));
    let (records, clock) = (setup.records.clone(), setup.clock);
    tasks.start("silence", |stop| silence::run(roster, records, clock, stop));
    tasks.start("http", |stop| serve_http(setup.listener, api, stop));
    Ok(Running { http, metrics, records: setup.records })
}

async fn serve_http(
    listener: TcpListener,
    api: ApiState,
    stop: forewarn_lifecycle::CancellationToken,
) {
    let app = forewarn_api::router(api);
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the page is no longer served");
    }
}

/// The causes that a person may choose from, with the family in which each is most often seen.
fn causes(knowledge: &Knowledge) -> Arc<[CauseChoice]> {
    let choices = knowledge.library.modes().iter().map(|mode| {
        let families = mode.seen_as.iter();
        let likeliest = families.max_by(|a, b| a.1.total_cmp(b.1)).map(|(family, _)| *family);
        CauseChoice { family: likeliest, code: mode.code.clone(), name: mode.name.clone() }
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
