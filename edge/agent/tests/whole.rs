//! A whole agent between a simulated plant, a real broker and a server that acknowledges.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "peers/process.rs"]
#[expect(dead_code, reason = "some peers are another test's")]
mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forewarn_agent::config::AgentConfig;
use forewarn_agent::spool::writer::Standing;
use forewarn_agent::{Running, start};
use forewarn_domain::id::AgentId;
use forewarn_domain::ledger::{Inserted, SeqRanges};
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{BatchBody, Epoch, Stream};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_wire::mqtt::{self, ConnectOptions, ConnectionState, Publication};
use forewarn_wire::payload::{self, Ack, AgentState};
use forewarn_wire::server_link::{self, Delivery, ServerLink};
use tokio::time::timeout;

use process::{Mosquitto, Script, python};

/// Far beyond what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

fn templates() -> Vec<DeviceTemplate> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = [
        "config/devices/banner-qm30vt2.toml",
        "config/devices/press-plc.toml",
        "tests/vectors/templates/spindle-node.toml",
    ];
    let read = |file| toml::from_str(&std::fs::read_to_string(root.join(file)).unwrap()).unwrap();
    files.into_iter().map(read).collect()
}

fn plant(modbus_port: u16, broker_port: u16) -> Arc<Plant> {
    let text = format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 'lab'\nname = {{ en = 'Lab' }}\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'line'\nvia = {{ tcp = {{ address = '127.0.0.1:{modbus_port}' }} }}\n\
         [[link]]\nid = 'cell'\nvia = {{ mqtt = {{ broker = '127.0.0.1:{broker_port}' }} }}\n\
         [[device]]\nid = 'press-01'\nname = {{ en = 'Press' }}\nclass = 'press'\n\
         [[device.source]]\nid = 'plc'\ntemplate = 'press-plc'\nlink = 'line'\nunit = 10\n\
         [[device.source]]\nid = 'vib'\ntemplate = 'banner-qm30vt2'\nlink = 'line'\nunit = 2\n\
         [[device]]\nid = 'mill-07'\nname = {{ en = 'Mill' }}\nclass = 'cnc-mill'\n\
         speed_source = 'spindle/speed'\n\
         [[device.source]]\nid = 'spindle'\ntemplate = 'spindle-node'\nlink = 'cell'\n\
         [[device.state]]\nid = 'cut'\nwhen = 'speed > 300'\n"
    );
    let site: SiteFile = toml::from_str(&text).unwrap();
    Arc::new(Plant::new(site, templates()).unwrap())
}

/// A server that keeps everything in memory.
struct Server {
    link: ServerLink,
    ledger: BTreeMap<(Epoch, Stream), SeqRanges>,
    bodies: Vec<BatchBody>,
    acknowledges: bool,
    last_state: Option<AgentState>,
}

impl Server {
    fn start(port: u16, tasks: &Tasks) -> Self {
        let options = ConnectOptions::new("127.0.0.1", port, "server");
        let (link, driver) = server_link::open(options).unwrap();
        tasks.start("server", |stop| driver.run(stop));
        let (ledger, bodies) = (BTreeMap::new(), Vec::new());
        Self { link, ledger, bodies, acknowledges: true, last_state: None }
    }

    /// Serves until `done` holds.
    async fn serve_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        let served = timeout(PATIENCE, async {
            while !done(self) {
                // Conditions on the agent's side change without a delivery.
                let waited = timeout(Duration::from_millis(50), self.link.deliveries.recv()).await;
                if let Ok(Some(delivery)) = waited {
                    self.take(delivery).await;
                }
            }
        });
        assert!(served.await.is_ok(), "{} batches after {PATIENCE:?}", self.bodies.len());
    }

    async fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Batch { from, stream, payload } => {
                let batch = payload::decode(&from.agent, stream, &payload).unwrap().batch;
                let key = (batch.key.epoch, stream);
                let ledger = self.ledger.entry(key).or_default();
                if ledger.insert(batch.seq, batch.last_seq()) == Inserted::New {
                    self.bodies.push(batch.body);
                }
                if self.acknowledges {
                    let received = ledger.clone();
                    let ack = Ack { epoch: key.0, stream, received };
                    self.link.answers.acknowledge(&from, &ack).await.unwrap();
                }
            }
            Delivery::Status { status, was_kept: false, .. } => {
                self.last_state = Some(status.state);
            }
            Delivery::Hello { .. } | Delivery::Status { .. } => {}
            Delivery::Unreadable { reason, .. } => panic!("{reason}"),
        }
    }

    fn readings(&self) -> usize {
        self.bodies
            .iter()
            .map(|it| match it {
                BatchBody::Readings(readings) => readings.count(),
                BatchBody::Evicted(_) | BatchBody::Waveform(_) => 0,
            })
            .sum()
    }

    fn values(&self, channel: &str) -> Vec<f64> {
        let mut values = Vec::new();
        for body in &self.bodies {
            let BatchBody::Readings(readings) = body else { continue };
            let of = |index| readings.channel(index).is_some_and(|it| it.as_str() == channel);
            let good =
                readings.numbers.iter().filter(|it| of(it.channel) && it.quality == Quality::Good);
            values.extend(good.map(|it| it.value));
        }
        values
    }
}

fn is_drained(standing: &Standing) -> bool {
    standing.depth.batches == 0 && 0 < standing.depth.accepted
}

async fn publish(port: u16, publications: Vec<Publication>) {
    let tasks = Tasks::default();
    let (mut connection, driver) =
        mqtt::open(ConnectOptions::new("127.0.0.1", port, "mill")).unwrap();
    tasks.start("mill", |stop| driver.run(stop));
    let ready = |state: &ConnectionState| matches!(state, ConnectionState::Connected { .. });
    timeout(PATIENCE, connection.state.wait_for(ready)).await.unwrap().unwrap();
    for publication in publications {
        timeout(PATIENCE, connection.publisher.publish_confirmed(publication))
            .await
            .unwrap()
            .unwrap();
    }
    tasks.stop(PATIENCE).await.unwrap();
}

fn burst() -> Vec<u8> {
    let mut bytes = b"FWB1".to_vec();
    bytes.extend([1, 3, 0, 0]);
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(40_000_u32.to_le_bytes());
    bytes.extend(12_800.0_f32.to_le_bytes());
    bytes.extend(0.000_5_f32.to_le_bytes());
    let wave = forewarn_vibration::synth::Machine::healthy(20.0).burst(12_800.0, 40_000, 5);
    #[expect(clippy::cast_possible_truncation, reason = "synthetic bursts stay far below 15 g")]
    let steps = wave.iter().map(|it| (it / 0.000_5) as i16);
    bytes.extend(steps.flat_map(|it| [it; 3]).flat_map(i16::to_le_bytes));
    bytes
}

fn config(plant: Arc<Plant>, folder: &Path, broker_port: u16) -> AgentConfig {
    let agent = AgentId::new("edge-1").unwrap();
    AgentConfig::local(agent, plant, folder.to_owned(), format!("127.0.0.1:{broker_port}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_plant_shows_reaches_the_server_once_over_broker_and_server_outages() {
    let name = "what_the_plant_shows_reaches_the_server_once_over_broker_and_server_outages";
    let Some(modbus) = python(name, Script::Shared("plant_sim.py")) else { return };
    let Some(mut broker) = Mosquitto::start(name) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (server_tasks, tasks) = (Tasks::default(), Tasks::default());
    let mut server = Server::start(broker.port, &server_tasks);
    let config = config(plant(modbus.port, broker.port), folder.path(), broker.port);
    let Running { mut spool, board, .. } = start(&config, &Clock::system(), &tasks).unwrap();

    server.serve_until(|it| 2 <= it.values("press-01/vib/z_vel_rms").len()).await;
    assert!((server.values("press-01/plc/force")[0] - 123.456).abs() < 1e-5);
    assert_eq!(server.last_state, Some(AgentState::Online));

    let before = spool.borrow_and_update().depth.accepted;
    broker.kill();
    timeout(PATIENCE, spool.wait_for(|it| before + 8 <= it.depth.accepted)).await.unwrap().unwrap();
    assert!(0 < spool.borrow().depth.batches, "it waits on disk");
    broker.restart();
    let speed = |speed: u32| {
        let text = format!(
            r#"{{"values": {{"acts": {speed}, "spload.1": 30, "alarm": "-"}}, "timestamp": 1}}"#
        );
        Publication::new("/neuron/n1/mill-07/spindle", text.into_bytes())
    };
    server.serve_until(|_| is_drained(&spool.borrow())).await;
    publish(broker.port, vec![speed(1_200), Publication::new("cell/mill-07/burst/1", burst())])
        .await;
    let is_wave = |it: &&BatchBody| matches!(it, BatchBody::Waveform(_));
    server.serve_until(|it| 2 <= it.bodies.iter().filter(is_wave).count()).await;

    server.acknowledges = false;
    let stored = spool.borrow().depth.batches;
    server.serve_until(|_| stored + 3 <= spool.borrow().depth.batches).await;
    server.acknowledges = true;
    tasks.stop(PATIENCE).await.unwrap();
    server.serve_until(|it| it.last_state == Some(AgentState::Stopped)).await;

    let tasks = Tasks::default();
    let running = start(&config, &Clock::system(), &tasks).unwrap();
    server.serve_until(|_| is_drained(&running.spool.borrow())).await;
    tasks.stop(PATIENCE).await.unwrap();
    let depth = running.spool.borrow().depth;
    assert_eq!(depth.accepted, depth.delivered + depth.evicted + depth.readings);
    assert_eq!((depth.evicted, depth.rejected), (0, 0));
    let arrived = u64::try_from(server.readings()).unwrap();
    assert!(depth.delivered <= arrived && arrived <= depth.accepted, "{arrived} of {depth:?}");
    for ((_, stream), ledger) in &server.ledger {
        assert_eq!(ledger.ranges().len(), 1, "stream {stream} has gaps: {ledger:?}");
    }
    let burst = server.bodies.iter().find_map(|it| match it {
        BatchBody::Readings(readings) => readings.bursts.first(),
        BatchBody::Evicted(_) | BatchBody::Waveform(_) => None,
    });
    let burst = burst.unwrap();
    assert_eq!((burst.state.as_str(), burst.axes.len()), ("cut", 3));
    assert_eq!(board.sources().len(), 3);
    server_tasks.stop(PATIENCE).await.unwrap();
}
