//! `forewarn demo`: a simulated plant with real traffic, the agent, the server and the page.
//!
//! Broker, machines, agent and server run in this one process, but speak over real sockets: the
//! machines answer Modbus TCP and publish MQTT, the agent polls and sends, the server stores, decides
//! and serves. First the server learns from thirty days of history of the same machines.

mod history;
mod verdict;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use forewarn_agent::AgentConfig;
use forewarn_api::Access;
use forewarn_domain::id::AgentId;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::site::{ONLY_AGENT, SiteFile};
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::Knowledge;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_server::{Running, Setup};
use forewarn_simulator::{Faces, Plan, SimulatedPlant};
use forewarn_wire::broker;
use forewarn_wire::mqtt::ConnectOptions;
use serde_json::json;
use tokio::net::TcpListener;

use crate::args::DemoOptions;
use crate::files;
use crate::output::{self, Failure};
use crate::retention;
use crate::stores::Stores;

/// Runs the demo until a signal, or until the tickets are there.
pub(crate) async fn run(options: &DemoOptions) -> Result<ExitCode, Failure> {
    if let Some(folder) = &options.write_config {
        return write_config(folder);
    }
    if !options.http.ip().is_loopback() {
        return Err(
            "the demo signs everybody in, so it serves loopback only; use `forewarn serve` \
                    for other addresses"
                .into(),
        );
    }
    let temporary = tempfile::tempdir()?;
    let folder = options.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    let tasks = Tasks::default();
    let outcome = demo(options, &folder, &tasks).await;
    tasks.stop(GRACE).await?;
    outcome
}

async fn demo(options: &DemoOptions, folder: &Path, tasks: &Tasks) -> Result<ExitCode, Failure> {
    let clock = Clock::system();
    let broker = broker::start(SocketAddr::from(([127, 0, 0, 1], 0)))?.address;
    let scene = Scene::new(options.seed, now(&clock))?;
    let server = start_server(options, folder, (&clock, broker), (&scene, tasks)).await?;
    let live = start_plant(scene, (&clock, broker), tasks).await?;
    if let Some(path) = &options.truth {
        std::fs::write(path, serde_json::to_vec_pretty(&live.simulated.truth())?)?;
    }
    let agent = AgentConfig::local(
        AgentId::new(ONLY_AGENT)?,
        Arc::clone(&live.plant),
        folder.join("edge"),
        broker.to_string(),
    );
    let agent = forewarn_agent::run::start(&agent, &clock, tasks)?;
    announce(options, &server);
    let watch = verdict::Watch { options, server: &server, agent: &agent, clock: &clock };
    let truth = live.simulated.truth();
    tokio::select! {
        code = watch.until_done(&truth) => code,
        ended = tasks.run_until_signal() => {
            tracing::info!(ended = ?ended?, "the demo stops");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The plant, what is known of it, and its simulation.
struct Scene {
    plant: Arc<Plant>,
    knowledge: Knowledge,
    simulated: SimulatedPlant,
}

impl Scene {
    fn new(seed: u64, origin: Time) -> Result<Self, Failure> {
        let plant = Arc::new(Plant::new(site_file()?, templates()?)?);
        let knowledge = files::knowledge(None, None)?;
        let plan = Plan::for_seed(seed, &plant);
        let (site, bearings) = (Arc::clone(&plant), &knowledge.bearings);
        let simulated = SimulatedPlant::new(site, bearings, seed, origin, plan)?;
        Ok(Self { plant, knowledge, simulated })
    }
}

async fn start_server(
    options: &DemoOptions,
    folder: &Path,
    (clock, broker): (&Clock, SocketAddr),
    (scene, tasks): (&Scene, &Tasks),
) -> Result<Running, Failure> {
    let stores = Stores::open(folder, options.store.as_deref()).await?;
    let repairs = history::repairs(scene.simulated.origin())?;
    let has_learned = stores.records.load_snapshot().await?.is_some();
    let history = (!has_learned).then(|| history::readings(&scene.simulated));
    if !has_learned {
        stores.records.insert_repairs(&repairs).await?;
    }
    let listener = TcpListener::bind(options.http).await?;
    let setup = Setup {
        plant: Arc::clone(&scene.plant),
        knowledge: scene.knowledge.clone(),
        rules_text: files::one("config/rules/default.toml")?.text,
        readings: stores.readings,
        records: stores.records,
        files: stores.files,
        retention: retention::policy(&scene.plant, &BTreeMap::new())?,
        broker: ConnectOptions::new(broker.ip().to_string(), broker.port(), "forewarn-server"),
        channels: Vec::new(),
        access: Access::LoopbackDemo,
        listener,
        clock: clock.clone(),
        notices: vec![Localized::new(
            "This is a demo with simulated machines; whoever reaches it is signed in as demo lead.",
            "这是使用模拟设备的演示，访问者均以演示班长身份登录。",
        )],
        history,
    };
    Ok(forewarn_server::start(setup, tasks).await?)
}

/// The live machines, and the plant with the addresses under which they are reached.
struct LivePlant {
    simulated: SimulatedPlant,
    plant: Arc<Plant>,
}

/// Opens the faces of the machines; their faults are counted from now, however long learning took.
async fn start_plant(
    scene: Scene,
    (clock, broker): (&Clock, SocketAddr),
    tasks: &Tasks,
) -> Result<LivePlant, Failure> {
    let simulated = scene.simulated.moved_to(now(clock));
    let faces = Faces::open(&simulated, broker, clock, tasks).await?;
    let mut file = site_file()?;
    faces.patch(&mut file, broker);
    let plant = Arc::new(Plant::new(file, templates()?)?);
    Ok(LivePlant { simulated, plant })
}

fn announce(options: &DemoOptions, server: &Running) {
    let address = format!("http://{}", server.http);
    if options.json {
        output::line(&json!({ "type": "listening", "http": address }));
    }
    if !options.headless {
        output::remark(&format!(
            "\n  Forewarn demo: open {address}\n  Faults begin in 20 s; tickets follow within three \
             minutes. Ctrl-C ends it.\n"
        ));
    }
}

fn write_config(folder: &Path) -> Result<ExitCode, Failure> {
    let mut written: Vec<PathBuf> = Vec::new();
    for prefix in ["config/", "models/"] {
        written.extend(files::write_shipped(prefix, folder)?);
    }
    for path in written {
        output::text(&path.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

fn site_file() -> Result<SiteFile, Failure> {
    Ok(toml::from_str(&files::one("config/demo/site.toml")?.text)?)
}

fn templates() -> Result<Vec<forewarn_domain::template::DeviceTemplate>, Failure> {
    Ok(files::templates(&files::shipped("config/devices/"))?)
}

/// Now, in whole seconds, so that a history ends on one.
fn now(clock: &Clock) -> Time {
    Time::from_micros(clock.now_us()).floor(Span::from_secs(1))
}

/// Long enough for the last commits.
const GRACE: Duration = Duration::from_secs(10);
