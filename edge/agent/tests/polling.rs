//! A whole line polled: a silent unit among units that answer.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "peers/slave.rs"]
mod slave;

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_agent::AgentConfig;
use forewarn_agent::decode::Value;
use forewarn_agent::intake::{Intake, Measured};
use forewarn_agent::poll::LinkPoll;
use forewarn_agent::run::sources_by_link;
use forewarn_agent::source::modbus::frame::Framing;
use forewarn_agent::status::StatusBoard;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_lifecycle::{CancellationToken, Clock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const UNITS: u8 = 5;

/// The third of five units says nothing.
const SILENT: u8 = 3;

fn config(address: &str, folder: &std::path::Path) -> AgentConfig {
    let template: DeviceTemplate = toml::from_str(
        "schema = 'forewarn.device/1'\n[device]\nid = 't'\nvendor = 'v'\nmodel = 'm'\nkind = 'plc'\n\
         title = { en = 'T', zh = 'T' }\nevidence = 'unverified'\nsources = ['a test']\n\
         [modbus]\ntimeout = '1s'\nretries = 0\nbackoff = { first = '1s', max = '5s', factor = 2.0 }\n\
         [[group]]\nid = 'all'\nevery = '100ms'\n\
         [[point]]\nid = 'value'\nat = 'hr:7'\ntype = 'u16'\nquantity = 'controller.value'\n",
    )
    .unwrap();
    let mut site = format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = {{ en = 'S' }}\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'line-1'\nvia = {{ tcp = {{ address = '{address}' }} }}\n"
    );
    let devices = (1..=UNITS).map(|unit| {
        format!(
            "[[device]]\nid = 'device-{unit}'\nname = {{ en = 'D' }}\nclass = 'plc'\n\
             [[device.source]]\nid = 'plc'\ntemplate = 't'\nlink = 'line-1'\nunit = {unit}\n"
        )
    });
    site.extend(devices);
    let site: SiteFile = toml::from_str(&site).unwrap();
    let plant = Arc::new(Plant::new(site, vec![template]).unwrap());
    AgentConfig::local(AgentId::new("edge-1").unwrap(), plant, folder.into(), String::new())
}

async fn serve(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; slave::question_bytes(Framing::Tcp)];
        while stream.read_exact(&mut bytes).await.is_ok() {
            let asked = slave::question(Framing::Tcp, &bytes);
            let answer = slave::answer(Framing::Tcp, asked);
            if asked.unit != SILENT && stream.write_all(&answer).await.is_err() {
                break;
            }
        }
    }
}

/// Readings by unit.
#[derive(Debug, Default)]
struct Seen {
    good: BTreeMap<u8, u32>,
    silent: u32,
}

impl Seen {
    fn take(&mut self, reading: Measured) {
        let device = reading.channel.device().to_string();
        let unit: u8 = device.trim_start_matches("device-").parse().unwrap();
        if reading.quality == Quality::Good {
            let expected = f64::from(slave::value(unit, 3, 7));
            assert_eq!((unit == SILENT, reading.value), (false, Value::Number(expected)));
            *self.good.entry(unit).or_default() += 1;
        } else {
            assert_eq!((unit, reading.quality), (SILENT, Quality::Bad(Bad::Timeout)));
            self.silent += 1;
        }
    }
}

#[tokio::test]
async fn a_silent_unit_is_a_gap_and_its_neighbours_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(&listener.local_addr().unwrap().to_string(), folder.path());
    let (link, sources) = sources_by_link(&config).pop_first().unwrap();
    let via = config.plant.link(&link).unwrap().via.clone();
    let poll = LinkPoll::new(link, via, sources).unwrap();
    let (inlet, mut intakes) = mpsc::channel::<Intake>(64);
    let board = StatusBoard::default();
    let stop = CancellationToken::new();
    let mut seen = Seen::default();
    let collecting = async {
        // Until the silent unit was asked three times, a hold of more than a second between them.
        while let Some(intake) = intakes.recv().await {
            intake.readings.into_iter().for_each(|reading| seen.take(reading));
            let asked = board.sources().into_iter().find(|it| it.0.as_str() == "device-3");
            if asked.is_some_and(|it| 3 <= it.2.errors.get("timeout").copied().unwrap_or(0)) {
                return;
            }
        }
    };
    tokio::select! {
        () = serve(listener) => panic!("the server ended"),
        () = poll.run(inlet, board.clone(), Clock::system(), stop.clone()) => panic!("polling ended"),
        () = collecting => {}
    }
    // The gap is told at once, and not again for each turn.
    assert!((1..=3).contains(&seen.silent), "{seen:?}");
    for unit in [1, 2, 4, 5] {
        let answers = seen.good.get(&unit).copied().unwrap_or(0);
        assert!(10 <= answers, "unit {unit} was held up: {seen:?}");
    }
    let board = board.sources();
    let of = |unit: u8| {
        let name = format!("device-{unit}");
        board.iter().find(|it| it.0.as_str() == name).unwrap().2.clone()
    };
    assert_eq!((of(SILENT).last_good, of(SILENT).answers), (None, 0));
    assert!(of(1).last_good.is_some());
}
