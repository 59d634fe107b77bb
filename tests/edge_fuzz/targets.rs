//! What is done with a case: every reader of the edge that takes bytes from outside.

use std::path::Path;
use std::sync::Arc;

use forewarn_agent::intake::Intake;
use forewarn_agent::plan;
use forewarn_agent::source::SourcePoints;
use forewarn_agent::source::mqtt::Listener;
use forewarn_agent::source::shdr::ShdrLink;
use forewarn_agent::source::shdr::line::Reader;
use forewarn_agent::spool::{Limits, Spool};
use forewarn_agent::status::StatusBoard;
use forewarn_domain::reading::{BatchBody, Stream};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_domain::time::Time;
use forewarn_tests::root;
use forewarn_wire::payload;

use crate::corpus;

/// One reader.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) corpus: fn() -> Vec<Vec<u8>>,
    pub(crate) body: fn(&[u8]),
}

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "mqtt_payload", corpus: corpus::json, body: mqtt_payload },
    Target { name: "mqtt_burst", corpus: corpus::bursts, body: mqtt_burst },
    Target { name: "sparkplug", corpus: corpus::sparkplug, body: sparkplug },
    Target { name: "shdr", corpus: corpus::shdr, body: shdr },
    Target { name: "template_and_site", corpus: corpus::toml, body: template_and_site },
    Target { name: "wire_message", corpus: corpus::wire, body: wire_message },
    Target { name: "spool_file", corpus: corpus::spool, body: spool_file },
];

const NOW: Time = Time::from_millis(1_800_000_000_000);

fn mqtt_payload(case: &[u8]) {
    thread_local!(static LISTENERS: Vec<(Vec<SourcePoints>, &'static str)> = [
        ("neuron-fanuc-cnc", "/neuron/a/d-1/g"),
        ("neuron-tags", "/neuron/a/d-1/g"),
        ("thingsboard-device", "v1/devices/me/telemetry"),
        ("thingsboard-gateway", "v1/gateway/telemetry"),
        ("tasmota-energy", "tele/d-1/SENSOR"),
        ("mtconnect-mqtt-sink", "MTConnect/Sample/d-1"),
    ].into_iter().map(|(template, topic)| (vec![points(template)], topic)).collect());
    LISTENERS.with(|listeners| {
        for (sources, topic) in listeners {
            let mut listener = Listener::new(sources.clone(), &StatusBoard::default());
            check(listener.hear(topic, case, NOW).as_ref());
        }
    });
}

fn mqtt_burst(case: &[u8]) {
    thread_local!(static POINTS: SourcePoints = points("spindle-node"));
    POINTS.with(|points| {
        let mut listener = Listener::new(vec![points.clone()], &StatusBoard::default());
        let intake = listener.hear("cell/d-1/burst/1", case, NOW);
        check(intake.as_ref());
    });
}

/// Three messages of a node, of which the case is the middle one and then all.
fn sparkplug(case: &[u8]) {
    thread_local!(static POINTS: SourcePoints = points("sparkplug-sensor"));
    let good = corpus::sparkplug();
    POINTS.with(|points| {
        let mut listener = Listener::new(vec![points.clone()], &StatusBoard::default());
        for (topic, bytes) in [
            ("spBv1.0/g/NBIRTH/n", good[0].as_slice()),
            ("spBv1.0/g/DBIRTH/n/d", case),
            ("spBv1.0/g/DDATA/n/d", case),
            ("spBv1.0/g/NBIRTH/n", case),
            ("spBv1.0/g/DDEATH/n/d", case),
            ("spBv1.0/g/NDEATH/n", case),
            (std::str::from_utf8(case).unwrap_or("spBv1.0/"), case),
        ] {
            check(listener.hear(topic, bytes, NOW).as_ref());
        }
    });
}

fn shdr(case: &[u8]) {
    thread_local!(static POINTS: SourcePoints = points("mtconnect-shdr-lathe"));
    POINTS.with(|points| {
        let sources = vec![points.clone()];
        let mut link = ShdrLink::new("127.0.0.1:1".to_owned(), sources, &StatusBoard::default());
        let (mut reader, mut intake) = (Reader::default(), Intake::default());
        for line in String::from_utf8_lossy(case).split_inclusive('\n') {
            if let Ok(line) = reader.read(line) {
                link.take(&line, NOW, &mut intake);
            }
        }
        check(Some(&intake));
    });
}

fn template_and_site(case: &[u8]) {
    let text = String::from_utf8_lossy(case);
    if let Ok(template) = toml::from_str::<DeviceTemplate>(&text)
        && template.check().is_ok()
    {
        let id = template.device.id.clone();
        let text = site(id.as_str(), "d-1");
        let site: SiteFile = toml::from_str(&text).unwrap();
        if let Ok(plant) = Plant::new(site, vec![template]) {
            for device in plant.devices() {
                let source = &device.device.sources[0];
                let template = plant.template(&source.template).unwrap();
                let _points = SourcePoints::new(device, source, template);
                let _planned = plan::plan(template).is_ok();
            }
        }
    }
    if let Ok(site) = toml::from_str::<SiteFile>(&text) {
        let _joined = Plant::new(site, Vec::new()).is_ok();
    }
}

fn wire_message(case: &[u8]) {
    for stream in Stream::ALL {
        if let Ok(decoded) = payload::decode(&corpus::agent(), stream, case) {
            // Whatever is believed can be written again, unless it breaks a limit.
            let _again = payload::encode(&decoded.batch, decoded.first_available).is_ok();
        }
    }
    let _ack = payload::Ack::decode(case).is_ok();
    let _hello = payload::Hello::decode(case).is_ok();
    let _status = payload::AgentStatus::decode(case).is_ok();
}

/// A spool file that is not what was written opens, gives only what was stored, and can be salvaged.
fn spool_file(case: &[u8]) {
    let folder = tempfile::tempdir_in(memory()).unwrap();
    std::fs::write(folder.path().join("spool.db"), case).unwrap();
    let limits = Limits { quota_bytes: 1 << 30, ballast_bytes: 0 };
    let known: Vec<BatchBody> = (0..8).chain(100..108).map(corpus::body).collect();
    // As the agent's writer: a file in trouble is opened anew, and then set aside.
    for _opening in 0..3 {
        let (mut spool, _) = Spool::open(folder.path(), &corpus::agent(), limits).unwrap();
        let mut is_whole = true;
        for stream in Stream::ALL {
            let mut from = 0;
            loop {
                match spool.next(stream, from) {
                    Ok(Some(parcel)) => {
                        assert!(from <= parcel.last_seq, "it goes on");
                        from = parcel.last_seq + 1;
                        let decoded = payload::decode(&corpus::agent(), stream, &parcel.message);
                        let body = decoded.unwrap().batch.body;
                        let is_gap = matches!(body, BatchBody::Evicted(_));
                        assert!(is_gap || known.contains(&body), "a batch that nobody stored");
                    }
                    Ok(None) => break,
                    Err(_trouble) => {
                        is_whole = false;
                        break;
                    }
                }
            }
        }
        if is_whole {
            return;
        }
    }
}

fn check(intake: Option<&Intake>) {
    for reading in intake.iter().flat_map(|it| &it.readings) {
        if let forewarn_agent::decode::Value::Number(value) = reading.value {
            assert!(value.is_finite() || reading.quality.is_bad(), "{reading:?}");
        }
    }
}

fn points(template: &str) -> SourcePoints {
    let path = root().join(format!("config/devices/{template}.toml"));
    let template: DeviceTemplate = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let address = if template.device.id.as_str() == "sparkplug-sensor" { "g/n/d" } else { "d-1" };
    let site: SiteFile = toml::from_str(&site(template.device.id.as_str(), address)).unwrap();
    let plant = Plant::new(site, vec![template.clone()]).unwrap();
    let device = plant.devices().next().unwrap();
    SourcePoints::new(device, &device.device.sources[0], &Arc::new(template))
}

fn site(template: &str, address: &str) -> String {
    format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = {{ en = 'S' }}\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'l'\nvia = {{ mqtt = {{ broker = '127.0.0.1:1' }} }}\n\
         [[device]]\nid = 'd-1'\nname = {{ en = 'D' }}\nclass = 'c'\n\
         [[device.source]]\nid = 's'\ntemplate = '{template}'\nlink = 'l'\naddress = '{address}'\n"
    )
}

/// Files that need no disk.
fn memory() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { Path::new("/tmp") }
}
