//! The process that is killed: this test program once more, being the server with all its stages on
//! real files. Orders come by the environment; it stops in order when its input ends.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use forewarn_api::Access;
use forewarn_domain::ticket::course::Document;
use forewarn_domain::time::Span;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_server::Setup;
use forewarn_store::failpoint;
use forewarn_store::readings::{ClassRetention, ReadingStore, RetentionPolicy, StoreConfig};
use forewarn_store::records::Records;
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_wire::mqtt::ConnectOptions;
use tokio::net::TcpListener;

use crate::person::PORT_FILE;
use crate::plant;

/// What a life is asked to be.
pub(crate) struct Orders<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) broker: u16,
    /// Counted from 0; a later life has a later clock.
    pub(crate) life: u32,
    pub(crate) log: PathBuf,
    /// The fatal place, and how often it is passed before.
    pub(crate) target: Option<(&'a str, u32)>,
}

/// Starts a life.
pub(crate) fn start(orders: &Orders<'_>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([crate::SERVING_TEST, "--exact", "--include-ignored", "--quiet"])
        .env(FOLDER, orders.folder)
        .env(BROKER, orders.broker.to_string())
        .env(LIFE, orders.life.to_string())
        .env(failpoint::LOG, &orders.log)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    if let Some((place, passes)) = orders.target {
        command.env(failpoint::PLACE, place).env(failpoint::PASSES, passes.to_string());
    }
    command.spawn().unwrap()
}

/// Serves, when this process was started by [`start`]; says whether it was.
pub(crate) fn serves() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else { return false };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u32>().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let broker = u16::try_from(number(BROKER)).unwrap();
    runtime.block_on(serve(Path::new(&folder), broker, number(LIFE)));
    true
}

async fn serve(folder: &Path, broker: u16, life: u32) {
    let (readings, records) = open(folder).await;
    let tasks = Tasks::default();
    let lives = Span::from_secs(LIFE_APART_S * i64::from(life));
    let now = (plant::BEGIN + LONG_AFTER + lives).micros();
    let clock = Clock::manual(now);
    records.seed_documents(&patient_handbook(), plant::BEGIN).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let setup = Setup {
        plant: plant::plant(),
        knowledge: plant::knowledge(),
        rules_text: plant::RULES.to_owned(),
        readings: readings.clone(),
        records: records.clone(),
        files: WaveformFiles::open(folder).unwrap(),
        retention: RetentionPolicy::uniform(ClassRetention {
            raw: YEARS,
            rollup: YEARS,
            waveform: YEARS,
        }),
        // The same name in each life, as in a plant: the broker may bring what it still holds.
        broker: ConnectOptions::new("127.0.0.1", broker, client_id("server", folder)),
        channels: Vec::new(),
        access: Access::LoopbackDemo,
        listener,
        clock: clock.clone(),
        notices: Vec::new(),
        history: None,
    };
    forewarn_server::start(setup, &tasks).await.unwrap();
    std::fs::write(folder.join(PORT_FILE), port.to_string()).unwrap();
    tasks.start("clock", |stop| async move {
        // Intervals pass fifty times as fast, so that what waits for them comes soon. The wall clock
        // stands still in each life: how long a life takes must not show in what is written.
        while !stop.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(2)).await;
            clock.advance(Duration::from_millis(100));
            clock.set_wall(now);
        }
    });
    let asked = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        ended = asked => { ended.unwrap().unwrap(); }
        () = stopped(&tasks) => panic!("the server ended by itself"),
    }
    tasks.stop(Duration::from_secs(10)).await.unwrap();
    readings.close().await.unwrap();
    records.close().await;
}

/// The shipped rules of tickets without deadlines and escalation: how many lives a world takes, and so
/// how late it is in the last one, must not show in what is written.
fn patient_handbook() -> Vec<Document> {
    let mut documents = forewarn_tickets::seeds();
    for document in &mut documents {
        let mut table: toml::Table = document.toml.parse().unwrap();
        table.retain(|key, _| !["sla", "step"].contains(&key));
        document.toml = table.to_string();
    }
    documents
}

/// A name at the broker that no other world has: a broker remembers its clients.
pub(crate) fn client_id(who: &str, folder: &Path) -> String {
    format!("{who}-{}", folder.file_name().unwrap().display())
}

async fn stopped(tasks: &Tasks) {
    tasks.stop_token().cancelled().await;
}

/// Opens both stores of a folder.
pub(crate) async fn open(folder: &Path) -> (ReadingStore, Records) {
    let config = StoreConfig::Chunks {
        dir: folder.to_owned(),
        cap_bytes: 1 << 30,
        lateness: Span::from_secs(60),
    };
    let readings = ReadingStore::open(&config).await.unwrap();
    (readings, Records::open_file(&folder.join("records.db")).await.unwrap())
}

/// All readings are older than the first life.
const LONG_AFTER: Span = Span::from_secs(30 * 86_400);

const FOLDER: &str = "FOREWARN_FAILPOINTS_FOLDER";
const BROKER: &str = "FOREWARN_FAILPOINTS_BROKER";
const LIFE: &str = "FOREWARN_FAILPOINTS_LIFE";

/// Longer than any lease, so that a life takes up what the last one had begun to send.
const LIFE_APART_S: i64 = 90;

/// Nothing is old enough to go: here every reading counts.
const YEARS: Span = Span::from_secs(10 * 365 * 86_400);
