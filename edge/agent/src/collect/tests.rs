//! From intake to spool, on a real file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::site::SiteFile;
use forewarn_domain::template::DeviceTemplate;
use forewarn_domain::time::Time;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_wire::payload;

mod parts;

use super::*;
use crate::decode::Value;
use crate::intake::Measured;
use crate::spool::Limits;
use crate::spool::writer::{self, SpoolPlace};

const T: Time = Time::from_millis(1_800_000_000_000);

fn plant() -> Arc<Plant> {
    let path =
        format!("{}/../../tests/vectors/templates/spindle-node.toml", env!("CARGO_MANIFEST_DIR"));
    let template: DeviceTemplate = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let site: SiteFile = toml::from_str(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = { en = 'S' }\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'broker'\nvia = { mqtt = { broker = '127.0.0.1:1883' } }\n\
         [[device]]\nid = 'mill-07'\nname = { en = 'Mill' }\nclass = 'cnc-mill'\n\
         speed_source = 'spindle/speed'\n\
         [[device.source]]\nid = 'spindle'\ntemplate = 'spindle-node'\nlink = 'broker'\n\
         [[device.state]]\nid = 'cut'\nwhen = 'speed > 300'\n",
    )
    .unwrap();
    Arc::new(Plant::new(site, vec![template]).unwrap())
}

fn place(folder: &Path) -> SpoolPlace {
    SpoolPlace {
        folder: folder.to_owned(),
        agent: AgentId::new("edge-1").unwrap(),
        limits: Limits { quota_bytes: 1 << 30, ballast_bytes: 0 },
    }
}

fn speed(value: f64) -> Measured {
    Measured {
        channel: "mill-07/spindle/speed".parse().unwrap(),
        t: T,
        value: Value::Number(value),
        quality: Quality::Good,
    }
}

fn capture() -> Capture {
    let wave = forewarn_vibration::synth::Machine::healthy(20.0).burst(12_800.0, 4_096, 3);
    #[expect(clippy::cast_possible_truncation, reason = "synthetic bursts stay far below 3 g")]
    let samples = wave.iter().map(|it| (it / 0.000_1) as i16).collect();
    Capture {
        channel: "mill-07/spindle/acc_burst".parse().unwrap(),
        t0: T,
        rate_hz: 12_800.0,
        axes: vec![Axis::X],
        scale_g: 0.000_1,
        samples,
        rpm: None,
        quality: Quality::Good,
    }
}

#[tokio::test]
async fn a_receipt_comes_after_the_commit_and_a_burst_carries_state_and_speed() {
    let folder = tempfile::tempdir().unwrap();
    let (tasks, plant) = (Tasks::default(), plant());
    let (spool, _) = writer::start(place(folder.path()), Clock::system(), &tasks).unwrap();
    let (inlet, intakes) = mpsc::channel(4);
    let collector = Collector::new(spool.clone(), CommitLimits::default(), &plant);
    tasks.start_errand("collect", |_stop| collector.run(intakes));

    inlet.send(Intake { readings: vec![speed(1_200.0)], ..Intake::default() }).await.unwrap();
    let (receipt, stored) = oneshot::channel();
    let intake = Intake { capture: Some(capture()), receipt: Some(receipt), ..Intake::default() };
    inlet.send(intake).await.unwrap();
    stored.await.unwrap();
    assert_eq!(spool.standing().borrow().depth.accepted, 7, "one speed and six features");

    let mut bursts = Vec::new();
    for parcel in spool.next(Stream::NORMAL, 1, 10).await.unwrap() {
        let agent = AgentId::new("edge-1").unwrap();
        let decoded = payload::decode(&agent, Stream::NORMAL, &parcel.message).unwrap();
        let BatchBody::Readings(readings) = decoded.batch.body else { panic!("not readings") };
        bursts.extend(readings.bursts);
    }
    assert_eq!((bursts[0].state.as_str(), bursts[0].shaft_hz), ("cut", Some(20.0)));
    let parts = spool.next(Stream::BULK, 1, 10).await.unwrap();
    let decoded =
        payload::decode(&AgentId::new("edge-1").unwrap(), Stream::BULK, &parts[0].message).unwrap();
    let BatchBody::Waveform(part) = decoded.batch.body else { panic!("not a part") };
    assert_eq!((part.header.sha256, part.first_seq), (bursts[0].sha256, 1));

    drop((spool, inlet));
    tasks.stop(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn what_was_handed_over_before_the_stop_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let (tasks, plant) = (Tasks::default(), plant());
    let (spool, _) = writer::start(place(folder.path()), Clock::system(), &tasks).unwrap();
    let (inlet, intakes) = mpsc::channel(4);
    let limits = CommitLimits {
        every: forewarn_domain::time::Span::from_secs(3_600),
        ..CommitLimits::default()
    };
    let collector = Collector::new(spool, limits, &plant);
    tasks.start_errand("collect", |_stop| collector.run(intakes));
    inlet
        .send(Intake { readings: vec![speed(1.0), speed(2.0)], ..Intake::default() })
        .await
        .unwrap();
    drop(inlet);
    tasks.stop(Duration::from_secs(5)).await.unwrap();

    let place = place(folder.path());
    let (spool, _) = crate::spool::Spool::open(&place.folder, &place.agent, place.limits).unwrap();
    assert_eq!(spool.depth().readings, 2);
}

#[test]
fn a_batch_is_halved_without_losing_anything() {
    let mut pending = Pending::default();
    pending.add((0..7).map(|it| speed(f64::from(it))).collect());
    let (_, body) = pending.take_bodies().remove(0);
    let (BatchBody::Readings(left), BatchBody::Readings(right)) = halves(body).unwrap() else {
        panic!("not readings")
    };
    let values: Vec<f64> = left.numbers.iter().chain(&right.numbers).map(|it| it.value).collect();
    assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}
