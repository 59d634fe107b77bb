//! Raw waveforms over Modbus: a queue of somebody else's making, and a block of registers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "peers/process.rs"]
#[expect(dead_code, reason = "the broker is another test's")]
mod process;
#[path = "peers/slave.rs"]
mod slave;

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use forewarn_agent::AgentConfig;
use forewarn_agent::intake::{Capture, Intake};
use forewarn_agent::poll::LinkPoll;
use forewarn_agent::run::sources_by_link;
use forewarn_agent::source::modbus::frame::Framing;
use forewarn_agent::status::StatusBoard;
use forewarn_domain::id::AgentId;
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_lifecycle::{CancellationToken, Clock};
use process::{Script, python};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The first waveform that a device with this template gives.
async fn captured(address: &str, modbus: &str, waveform: &str) -> Capture {
    let template: DeviceTemplate = toml::from_str(&format!(
        "schema = 'forewarn.device/1'\n[device]\nid = 't'\nvendor = 'v'\nmodel = 'm'\n\
         kind = 'sensor.vibration'\ntitle = {{ en = 'T', zh = 'T' }}\nevidence = 'unverified'\n\
         sources = ['a test']\n[modbus]\ntimeout = '3s'\n{modbus}\n[[waveform]]\nid = 'burst'\n{waveform}"
    ))
    .unwrap();
    template.check().unwrap();
    let site: SiteFile = toml::from_str(&format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = {{ en = 'S' }}\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'line-1'\nvia = {{ tcp = {{ address = '{address}' }} }}\n\
         [[device]]\nid = 'pump-1'\nname = {{ en = 'D' }}\nclass = 'pump'\n\
         [[device.source]]\nid = 'sensor'\ntemplate = 't'\nlink = 'line-1'\nunit = 1\n"
    ))
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plant = Arc::new(Plant::new(site, vec![template]).unwrap());
    let agent = AgentId::new("edge-1").unwrap();
    let config = AgentConfig::local(agent, plant, folder.path().into(), String::new());
    let (link, sources) = sources_by_link(&config).pop_first().unwrap();
    let via = config.plant.link(&link).unwrap().via.clone();
    let poll = LinkPoll::new(link, via, sources).unwrap();
    let (inlet, mut intakes) = mpsc::channel::<Intake>(64);
    let board = StatusBoard::default();
    let collecting = async {
        loop {
            if let Some(capture) = intakes.recv().await.unwrap().capture {
                return capture;
            }
        }
    };
    let stop = CancellationToken::new();
    tokio::select! {
        () = poll.run(inlet, board.clone(), Clock::system(), stop.clone()) => panic!("polling ended"),
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("{:?}", board.sources()),
        capture = collecting => capture,
    }
}

#[tokio::test]
async fn a_queue_is_read_until_it_is_empty() {
    let name = "a_queue_is_read_until_it_is_empty";
    let peers = std::env::var_os("FOREWARN_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into(),
        std::path::PathBuf::from,
    );
    let Ok(script) = std::fs::read_to_string(peers.join("peers/fifo_sim.py")) else {
        process::skip(name, "peers/fifo_sim.py");
        return;
    };
    // Its port is written down; a test takes a free one.
    let script = script.replace("15030", "int(__import__('sys').argv[1])");
    let Some(queue) = python(name, Script::Text(&script)) else { return };
    let waveform = "source = { modbus_fifo = 'fifo:0' }\n\
         samples = { type = 'u16', layout = 'single', axes = ['z'], unit = 'g', \
         scale = 0.000244140625, offset = -2.0 }\nrate_hz = 3200.0\n\
         limits = { max_samples = 4096, stop_when = 'empty' }\ncapture = { every = '1h' }\n";
    let capture = captured(&format!("127.0.0.1:{}", queue.port), "", waveform).await;
    assert_eq!((capture.samples.len(), capture.channel.as_str()), (256, "pump-1/sensor/burst"));
    for (place, sample) in (0_u32..).zip(&capture.samples) {
        let expected = 2_000.0 / 4_096.0 * (TAU * f64::from(place) * 50.0 / 3_200.0).sin();
        let found = f64::from(*sample) * capture.scale_g;
        assert!((found - expected).abs() < 0.001, "sample {place}: {found}, {expected} was sent");
    }
}

#[tokio::test]
async fn a_block_is_read_in_steps_and_kept_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; slave::question_bytes(Framing::Tcp)];
            while stream.read_exact(&mut bytes).await.is_ok() {
                let asked = slave::question(Framing::Tcp, &bytes);
                stream.write_all(&slave::answer(Framing::Tcp, asked)).await.unwrap();
            }
        }
    };
    let waveform = "source = { modbus_block = 'hr:100-355' }\n\
         samples = { type = 'i16', layout = 'single', axes = ['z'], unit = 'g', scale = 0.5 }\n\
         rate_hz = 100.0\ncapture = { every = '1h' }\n";
    let capture = tokio::select! {
        () = serving => unreachable!("it serves for ever"),
        capture = captured(&address, "max_registers = 10", waveform) => capture,
    };
    let expected: Vec<i16> = (100..356).map(|it| slave::value(1, 3, it).cast_signed()).collect();
    assert_eq!(capture.samples, expected);
    assert!((capture.scale_g - 0.5).abs() < 1e-12);
}
