//! The live faces, asked over real sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use forewarn_domain::id::LinkId;
use forewarn_domain::site::Transport;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_simulator::registers::quantise;
use forewarn_simulator::signal::Signal;
use forewarn_simulator::{Faces, SimulatedPlant};
use forewarn_wire::{broker, mqtt};
use tokio_modbus::prelude::{
    ExceptionCode, Reader as _, Slave, SlaveContext as _, Writer as _, tcp,
};

use crate::site;

const LIMIT: Duration = Duration::from_secs(20);

struct Opened {
    plant: SimulatedPlant,
    faces: Faces,
    clock: Clock,
    tasks: Tasks,
}

async fn open(broker: SocketAddr) -> Opened {
    let plant = site::simulated(1);
    let clock = Clock::manual(site::ORIGIN.micros());
    clock.advance(Duration::from_secs(10));
    let tasks = Tasks::default();
    let faces = Faces::open(&plant, broker, &clock, &tasks).await.unwrap();
    Opened { plant, faces, clock, tasks }
}

fn nowhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 9).into()
}

async fn client(opened: &Opened, link: &str, unit: u8) -> tokio_modbus::client::Context {
    let address = opened.faces.modbus[&link.parse::<LinkId>().unwrap()];
    let mut client = tcp::connect(address).await.unwrap();
    client.set_slave(Slave(unit));
    client
}

impl Opened {
    /// What the model says, as it is left after its encoding.
    fn expected(&self, device: &str, template: &str, signal: Signal) -> f64 {
        let now = forewarn_domain::time::Time::from_micros(self.clock.now_us());
        let mut machine = self
            .plant
            .machines(site::ORIGIN)
            .into_iter()
            .find(|it| it.device().as_str() == device)
            .unwrap();
        machine.advance(now);
        let template = self.plant.site().template(&template.parse().unwrap()).unwrap();
        let point = template.points.iter().find(|it| it.id.as_str() == signal.point()).unwrap();
        quantise(point, machine.value(signal))
    }
}

#[track_caller]
fn check_close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{found} is not {expected}");
}

#[tokio::test]
async fn each_controller_answers_in_the_word_order_of_its_template() {
    let opened = open(nowhere()).await;

    // Controller A: low word first.
    let mut mill = client(&opened, "mill-01-tcp", 1).await;
    let words = mill.read_holding_registers(110, 4).await.unwrap().unwrap();
    let speed = f32::from_bits(u32::from(words[1]) << 16 | u32::from(words[0]));
    check_close(f64::from(speed), opened.expected("mill-01", "cnc-controller-a", Signal::Speed));

    // Controller B: scaled integers, counted from 1 in the template and from 0 on the wire.
    let mut mill = client(&opened, "mill-02-tcp", 1).await;
    let words = mill.read_holding_registers(300, 3).await.unwrap().unwrap();
    let load = f64::from(words[1].cast_signed()) * 0.1;
    check_close(load, opened.expected("mill-02", "cnc-controller-b", Signal::Load));

    // The press: bytes swapped in the stroke counter, plain order in the oil temperature.
    let mut press = client(&opened, "press-01-tcp", 1).await;
    let words = press.read_holding_registers(144, 2).await.unwrap().unwrap();
    let strokes = u32::from(words[0].swap_bytes()) << 16 | u32::from(words[1].swap_bytes());
    check_close(
        f64::from(strokes),
        opened.expected("press-01", "press-controller", Signal::Strokes),
    );
    let words = press.read_input_registers(0, 2).await.unwrap().unwrap();
    let oil = f32::from_bits(u32::from(words[0]) << 16 | u32::from(words[1]));
    check_close(f64::from(oil), opened.expected("press-01", "press-controller", Signal::OilTemp));
    assert_eq!(press.read_coils(0, 1).await.unwrap().unwrap(), [true]);

    // Two units behind one gateway.
    let mut sensor = client(&opened, "pump-gateway", 2).await;
    let words = sensor.read_holding_registers(5_201, 5).await.unwrap().unwrap();
    let expected = opened.expected("pump-02", "banner-qm30vt2", Signal::XVelocity);
    check_close(f64::from(words[4]) * 0.001, expected);
    sensor.set_slave(Slave(11));
    assert_eq!(sensor.read_holding_registers(0, 1).await.unwrap().unwrap(), [1]);
    opened.tasks.stop(LIMIT).await.unwrap();
}

#[tokio::test]
async fn what_is_not_mapped_and_what_would_write_is_refused() {
    let opened = open(nowhere()).await;
    let mut press = client(&opened, "press-01-tcp", 1).await;
    let unmapped = press.read_holding_registers(500, 1).await.unwrap();
    assert_eq!(unmapped, Err(ExceptionCode::IllegalDataAddress));
    let over_a_hole = press.read_holding_registers(108, 40).await.unwrap();
    assert_eq!(over_a_hole, Err(ExceptionCode::IllegalDataAddress));
    let merged = press.read_holding_registers(104, 5).await.unwrap();
    assert_eq!(merged.map(|it| it.len()), Ok(5), "gaps that may be merged are readable");
    let written = press.write_single_register(100, 1).await.unwrap();
    assert_eq!(written, Err(ExceptionCode::IllegalFunction));
    press.set_slave(Slave(9));
    let nobody = press.read_holding_registers(100, 1).await.unwrap();
    assert_eq!(nobody, Err(ExceptionCode::GatewayTargetDevice));
    opened.tasks.stop(LIMIT).await.unwrap();
}

#[tokio::test]
async fn placeholder_addresses_of_a_site_file_are_replaced() {
    let opened = open(nowhere()).await;
    let mut file = site::site_file(&site::config().join("demo/site.toml"));
    opened.faces.patch(&mut file, nowhere());
    for link in &file.links {
        match &link.via {
            Transport::Tcp { address } => {
                assert_eq!(*address, opened.faces.modbus[&link.id].to_string());
            }
            Transport::Mqtt { broker, .. } => assert_eq!(*broker, "127.0.0.1:9"),
            other => panic!("the demo has no {other:?}"),
        }
    }
    opened.tasks.stop(LIMIT).await.unwrap();
}

#[tokio::test]
async fn nodes_publish_slow_values_and_bursts_as_their_template_says() {
    let listen: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let broker = tokio::task::spawn_blocking(move || broker::start(listen)).await.unwrap().unwrap();
    let opened = open(broker.address).await;
    let options = mqtt::ConnectOptions::new("127.0.0.1", broker.address.port(), "listener")
        .subscribe("cell/#");
    let (mut connection, driver) = mqtt::open(options).unwrap();
    opened.tasks.start("listener", |stop| driver.run(stop));
    let (mut trend, mut burst) = (None, None);
    let heard = async {
        while trend.is_none() || burst.is_none() {
            let mut message = connection.incoming.recv().await.unwrap();
            message.acknowledge().await;
            opened.clock.advance(Duration::from_millis(200));
            match message.topic.as_str() {
                "cell/mill-01/trend" => trend = Some(message.payload),
                topic if topic.ends_with("/burst/z") => burst = Some(message.payload),
                _ => {}
            }
        }
    };
    tokio::time::timeout(LIMIT, heard).await.expect("both kinds of message within the limit");
    let trend: serde_json::Value = serde_json::from_slice(&trend.unwrap()).unwrap();
    assert!(trend["ts"].as_i64().is_some_and(|it| site::ORIGIN.micros() / 1_000 < it), "{trend}");
    assert!(trend["values"]["bearing_temp"].as_f64().is_some_and(|it| 20.0 < it), "{trend}");
    let burst = burst.unwrap();
    assert_eq!(&burst[..8], b"FWB1\x01\x01\x00\x00");
    assert_eq!(burst[16..20], 8_192_u32.to_le_bytes());
    assert_eq!(burst[20..24], 12_800_f32.to_le_bytes());
    assert_eq!(burst.len(), 28 + 2 * 8_192);
    opened.tasks.stop(LIMIT).await.unwrap();
}
