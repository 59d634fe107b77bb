//! Devices that publish by themselves, over a real Mosquitto: when a message is confirmed, what is
//! left out, and a Sparkplug edge node of a foreign make.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![expect(dead_code, reason = "the broker can do more than these tests ask of it")]

#[path = "../../../crates/wire/tests/link/mosquitto.rs"]
mod mosquitto;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use forewarn_agent::decode::Value;
use forewarn_agent::intake::Intake;
use forewarn_agent::source::SourcePoints;
use forewarn_agent::source::mqtt::Listener;
use forewarn_agent::status::StatusBoard;
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_wire::mqtt::{self, ConnectOptions, ConnectionState, Publication, Version};
use tokio::sync::mpsc;

use mosquitto::Mosquitto;

fn sources(template: &str, addresses: &[(&str, &str)]) -> Vec<SourcePoints> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/devices");
    let text = std::fs::read_to_string(format!("{folder}/{template}.toml")).unwrap();
    let template: DeviceTemplate = toml::from_str(&text).unwrap();
    let mut site = "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = { en = 'S' }\n\
         time_zone = 'UTC'\n[[link]]\nid = 'broker'\nvia = { mqtt = { broker = '127.0.0.1:1' } }\n"
        .to_owned();
    for (device, address) in addresses {
        write!(
            site,
            "[[device]]\nid = '{device}'\nname = {{ en = 'D' }}\nclass = 'c'\n[[device.source]]\n\
             id = 's'\ntemplate = '{}'\nlink = 'broker'\naddress = '{address}'\n",
            template.device.id
        )
        .unwrap();
    }
    let site: SiteFile = toml::from_str(&site).unwrap();
    let plant = Plant::new(site, vec![template.clone()]).unwrap();
    let template = Arc::new(template);
    let points = |it: &Arc<forewarn_domain::site::plant::PlantDevice>| {
        SourcePoints::new(it, &it.device.sources[0], &template)
    };
    plant.devices().map(points).collect()
}

/// A listener on tasks of its own.
struct Ear {
    tasks: Tasks,
    intakes: mpsc::Receiver<Intake>,
    board: StatusBoard,
}

impl Ear {
    async fn open(broker: &Mosquitto, version: Version, sources: Vec<SourcePoints>) -> Self {
        let (tasks, board) = (Tasks::default(), StatusBoard::default());
        let listener = Listener::new(sources, &board);
        let name = format!("ear-{version:?}");
        let options =
            ConnectOptions { version, ..ConnectOptions::new("127.0.0.1", broker.port(), name) };
        let (connection, driver) = mqtt::open(listener.subscribe(options)).unwrap();
        let mut state = connection.state.clone();
        let (inlet, intakes) = mpsc::channel(16);
        tasks.start("line", |stop| Box::pin(driver.run(stop)));
        tasks.start("ear", |stop| Box::pin(listener.run(connection, inlet, Clock::system(), stop)));
        let ready = |state: &ConnectionState| matches!(state, ConnectionState::Connected { .. });
        within(state.wait_for(ready)).await.unwrap();
        Self { tasks, intakes, board }
    }

    async fn next(&mut self) -> Intake {
        within(self.intakes.recv()).await.unwrap()
    }

    async fn close(self) {
        self.tasks.stop(Duration::from_secs(5)).await.unwrap();
    }
}

fn power(intake: &Intake) -> f64 {
    let Value::Number(value) = intake.readings[0].value else { panic!("not a number") };
    assert_eq!(intake.readings[0].channel.point_str(), "power");
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_comes_again_until_its_readings_are_stored_and_then_never() {
    let test = "a_message_comes_again_until_its_readings_are_stored";
    let Some(broker) = Mosquitto::start_or_skip(test) else { return };
    for (version, plug) in [(Version::V311, "plug-3"), (Version::V5, "plug-5")] {
        let tasks = Tasks::default();
        let name = format!("plug-{version:?}");
        let options =
            ConnectOptions { version, ..ConnectOptions::new("127.0.0.1", broker.port(), name) };
        let (plug_side, driver) = mqtt::open(options).unwrap();
        tasks.start("plug", |stop| Box::pin(driver.run(stop)));
        let say = async |watts: u32| {
            let payload = format!("{{\"ENERGY\": {{\"Power\": {watts}}}}}");
            let message = Publication::new(format!("tele/{plug}/SENSOR"), payload);
            within(plug_side.publisher.publish_confirmed(message)).await.unwrap();
        };
        // An old message that the broker has kept is no reading of now.
        let kept = Publication::new(format!("tele/{plug}/SENSOR"), "{\"ENERGY\": {\"Power\": 1}}");
        within(plug_side.publisher.publish_confirmed(kept.retained())).await.unwrap();
        let heard = || sources("tasmota-energy", &[("meter", plug)]);

        let mut ear = Ear::open(&broker, version, heard()).await;
        say(100).await;
        let refused = ear.next().await;
        assert!((power(&refused) - 100.0).abs() < 1e-9, "the kept message is left out");
        drop(refused);
        ear.close().await;

        let mut ear = Ear::open(&broker, version, heard()).await;
        let stored = ear.next().await;
        assert!((power(&stored) - 100.0).abs() < 1e-9, "it comes again: nobody had stored it");
        stored.receipt.unwrap().send(()).unwrap();
        say(200).await;
        let next = ear.next().await;
        assert!((power(&next) - 200.0).abs() < 1e-9);
        next.receipt.unwrap().send(()).unwrap();
        // The confirmations are on their way before the goodbye.
        tokio::time::sleep(Duration::from_millis(200)).await;
        ear.close().await;

        let mut ear = Ear::open(&broker, version, heard()).await;
        say(300).await;
        assert!(
            (power(&ear.next().await) - 300.0).abs() < 1e-9,
            "what is stored never comes again"
        );
        ear.close().await;
        tasks.stop(Duration::from_secs(5)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sparkplug_node_of_a_foreign_make_is_asked_for_its_birth_heard_and_missed() {
    let test = "a_sparkplug_node_of_a_foreign_make";
    let Some(python) = python_with_sparkplug() else {
        let is_required =
            std::env::var("FOREWARN_REQUIRE").is_ok_and(|it| it.contains("sparkplug"));
        assert!(!is_required, "{test} needs python with pysparkplug");
        return report(&format!("SKIPPED {test}: needs python with pysparkplug (in .venv-sp)"));
    };
    let Some(broker) = Mosquitto::start_or_skip(test) else { return };
    let sources = sources(
        "sparkplug-sensor",
        &[("pump", "plant/edge-7/pump-a7"), ("other", "plant/edge-7/pump-b1")],
    );
    // The node is there before we are: nobody has heard its birth.
    let mut node = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sparkplug_edge.py"))
        .arg(broker.port().to_string())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut ear = Ear::open(&broker, Version::V311, sources).await;
    let mut last: BTreeMap<String, (f64, Quality)> = BTreeMap::new();
    let mut speeds = Vec::new();
    while speeds.last().is_none_or(|it: &f64| *it < 3.5) {
        for reading in ear.next().await.readings {
            let Value::Number(value) = reading.value else { panic!("not a number") };
            last.insert(reading.channel.to_string(), (value, reading.quality));
            if reading.channel.as_str() == "pump/s/velocity_rms" {
                speeds.push(value);
            }
        }
    }
    let good = last.iter().filter(|it| it.1.1 == Quality::Good);
    assert!(
        good.clone().count() == 2 && good.into_iter().all(|it| it.0.starts_with("pump/")),
        "{last:?}"
    );
    assert!((last["pump/s/temperature"].0 - 40.4).abs() < 1e-6, "{last:?}");
    assert!(speeds.windows(2).all(|it| it[0] < it[1]), "each value once: {speeds:?}");
    // Its end is a will or a goodbye; either way everything of it is stale.
    drop(node.stdin.take());
    node.wait().unwrap();
    loop {
        let intake = ear.next().await;
        if intake.readings.iter().any(|it| it.quality == Quality::Bad(Bad::Stale)) {
            break;
        }
    }
    let troubles: Vec<_> = ear.board.sources().into_iter().map(|it| it.2.errors).collect();
    assert!(troubles.iter().all(|it| !it.contains_key("sparkplug_gap")), "{troubles:?}");
    ear.close().await;
}

fn python_with_sparkplug() -> Option<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = std::env::var_os("FOREWARN_SPARKPLUG_PYTHON").map(std::path::PathBuf::from);
    let candidates = own.into_iter().chain([root.join(".venv-sp/bin/python"), "python3".into()]);
    candidates.into_iter().find(|it| {
        let mut check = Command::new(it);
        check.args(["-c", "import pysparkplug"]).stderr(Stdio::null());
        check.status().is_ok_and(|it| it.success())
    })
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(40), future).await.unwrap()
}

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn report(line: &str) {
    println!("{line}");
}
