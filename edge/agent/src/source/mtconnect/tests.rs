//! An agent that is asked, falls behind, is started anew and goes away.

use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_lifecycle::Tasks;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::decode::Value;
use crate::intake::Measured;

const TEMPLATE: &str = include_str!("../../../../../config/devices/mtconnect-shdr-lathe.toml");

fn machines(address: &str, board: &StatusBoard) -> AgentOfMachines {
    let template: DeviceTemplate = toml::from_str(TEMPLATE).unwrap();
    let site: SiteFile = toml::from_str(&format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = {{ en = 'S' }}\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'agent'\nvia = {{ mtconnect = {{ address = '{address}' }} }}\n\
         [[device]]\nid = 'lathe-1'\nname = {{ en = 'Lathe' }}\nclass = 'cnc-lathe'\n\
         [[device.source]]\nid = 'cnc'\ntemplate = 'mtconnect-shdr-lathe'\nlink = 'agent'\n"
    ))
    .unwrap();
    let plant = Plant::new(site, vec![template]).unwrap();
    let device = plant.devices().next().unwrap();
    let source = &device.device.sources[0];
    let points = SourcePoints::new(device, source, plant.template(&source.template).unwrap());
    AgentOfMachines::new(address.to_owned(), vec![points], board)
}

fn streams(instance: u64, next: u64, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><MTConnectStreams xmlns=\"urn:mtconnect.org:\
         MTConnectStreams:2.0\"><Header instanceId=\"{instance}\" nextSequence=\"{next}\" \
         firstSequence=\"1\" version=\"2.0\"/><Streams><DeviceStream name=\"OKUMA\" uuid=\"1\">\
         <ComponentStream component=\"Rotary\" componentId=\"S1\">{inside}</ComponentStream>\
         </DeviceStream></Streams></MTConnectStreams>"
    )
}

const CURRENT: &str = "<Samples>\
    <Load dataItemId=\"x\" name=\"S1load\" sequence=\"7\" timestamp=\"2027-01-15T07:59:58.5Z\">12.5</Load>\
    <SpindleSpeed dataItemId=\"S1speed\" sequence=\"5\" timestamp=\"2027-01-15T07:59:58Z\">UNAVAILABLE</SpindleSpeed>\
    </Samples><Events><Program dataItemId=\"pprogram\" sequence=\"8\" \
    timestamp=\"2027-01-15T07:59:59Z\">A&amp;B.MIN</Program></Events><Condition>\
    <Fault dataItemId=\"system\" nativeCode=\"417\" type=\"SYSTEM\" sequence=\"9\" \
    timestamp=\"2027-01-15T07:59:59Z\">SERVO ALARM</Fault><Normal dataItemId=\"HydraulicSystem1_cond\" \
    type=\"SYSTEM\" sequence=\"10\" timestamp=\"2027-01-15T07:59:59Z\"/></Condition>";

fn said(readings: &[Measured]) -> Vec<(&str, Value, Quality)> {
    readings.iter().map(|it| (it.channel.point_str(), it.value.clone(), it.quality)).collect()
}

#[test]
fn a_document_becomes_readings_in_the_agents_order() {
    let now = Time::from_millis(1_800_000_000_000);
    let mut machines = machines("127.0.0.1:1", &StatusBoard::default());
    let mut intake = Intake::default();
    let document = document::read(&streams(3, 11, CURRENT)).unwrap();
    assert_eq!(machines.take(document, now, &mut intake), Duration::from_secs(1));
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        said(&intake.readings),
        [
            ("s1_speed", Value::Number(0.0), Quality::Bad(Bad::Sentinel)),
            ("s1_load", Value::Number(12.5), Quality::Good),
            ("program", text("A&B.MIN"), Quality::Good),
            ("system_condition", text("FAULT 417 SERVO ALARM"), Quality::Good),
            ("hydraulic_condition", text("NORMAL"), Quality::Good),
        ]
    );
    assert_eq!(intake.readings[1].t, "2027-01-15T07:59:58.5Z".parse().unwrap());
    assert_eq!(machines.place, Some((3, 11)));
}

#[test]
fn an_agent_that_was_started_anew_or_has_moved_on_is_asked_for_everything() {
    let now = Time::from_millis(1_800_000_000_000);
    let board = StatusBoard::default();
    let mut machines = machines("127.0.0.1:1", &board);
    let mut intake = Intake::default();
    for answer in [
        streams(4, 1, ""),
        "<MTConnectError><Header instanceId=\"3\"/><Errors><Error errorCode=\"OUT_OF_RANGE\">'from' \
         must be greater than 900</Error></Errors></MTConnectError>"
            .to_owned(),
    ] {
        machines.place = Some((3, 11));
        let pause = machines.take(document::read(&answer).unwrap(), now, &mut intake);
        assert_eq!((machines.place, pause), (None, ASK_LEAST));
    }
    assert_eq!(board.sources()[0].2.errors["mtconnect_gap"], 2);
    assert!(document::read("<html><body/></html>").is_err());
    assert!(document::read("<a").is_err());
}

#[tokio::test]
async fn an_agent_is_asked_for_all_then_for_what_is_new_and_missed_when_it_goes() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let machines = machines(&server.local_addr().unwrap().to_string(), &StatusBoard::default());
    let (inlet, mut intakes) = mpsc::channel(16);
    let tasks = Tasks::default();
    tasks.start("mtconnect", |stop| Box::pin(machines.run(inlet, Clock::system(), stop)));
    let more = "<Samples><Load dataItemId=\"S1load\" sequence=\"11\" \
                timestamp=\"2020-01-15T08:00:00Z\">13</Load></Samples>";
    let mut asked = Vec::new();
    for answer in [streams(3, 11, CURRENT), streams(3, 12, more)] {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut question = vec![0_u8; 1_024];
        let length = stream.read(&mut question).await.unwrap();
        let question = String::from_utf8_lossy(&question[..length]).into_owned();
        asked.push(question.lines().next().unwrap_or_default().to_owned());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
    }
    assert_eq!(asked, ["GET /current HTTP/1.1", "GET /sample?from=11&count=1000 HTTP/1.1"]);
    assert_eq!(intakes.recv().await.unwrap().readings.len(), 5);
    let more = intakes.recv().await.unwrap().readings;
    assert_eq!(said(&more)[0].1, Value::Number(13.0));
    drop(server);
    let stale = intakes.recv().await.unwrap().readings;
    assert!(!stale.is_empty() && stale.iter().all(|it| it.quality == Quality::Bad(Bad::Stale)));
    tasks.stop(Duration::from_secs(5)).await.unwrap();
}

proptest! {
    #[test]
    fn no_text_crashes_the_reader(cut in 0_usize..900, noise in "[<>&;\"'a-z =/!\\[\\]-]{0,40}") {
        let mut text = streams(3, 11, CURRENT);
        let at = text.char_indices().map(|it| it.0).nth(cut).unwrap_or(0);
        text.insert_str(at, &noise);
        let _read = document::read(&text).is_ok();
    }
}
