//! Lines of adapters: small ones, and a recorded Okuma lathe.

use std::collections::BTreeMap;
use std::io::Read as _;

use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use forewarn_lifecycle::Tasks;
use proptest::prelude::*;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::line::LineError;
use super::*;
use crate::decode::Value;

const TEMPLATE: &str = include_str!("../../../../../config/devices/mtconnect-shdr-lathe.toml");

fn link(address: &str) -> ShdrLink {
    let template: DeviceTemplate = toml::from_str(TEMPLATE).unwrap();
    let site: SiteFile = toml::from_str(&format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = {{ en = 'S' }}\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'adapter'\nvia = {{ shdr = {{ address = '{address}' }} }}\n\
         [[device]]\nid = 'lathe-1'\nname = {{ en = 'Lathe' }}\nclass = 'cnc-lathe'\n\
         [[device.source]]\nid = 'cnc'\ntemplate = 'mtconnect-shdr-lathe'\nlink = 'adapter'\n"
    ))
    .unwrap();
    let plant = Plant::new(site, vec![template]).unwrap();
    let device = plant.devices().next().unwrap();
    let source = &device.device.sources[0];
    let points = SourcePoints::new(device, source, plant.template(&source.template).unwrap());
    ShdrLink::new(address.to_owned(), vec![points], &StatusBoard::default())
}

#[test]
fn lines_are_told_apart() {
    let mut reader = Reader::default();
    let t = Some("2022-08-08T13:51:34.716714Z".parse().unwrap());
    let mut read = |line: &str| reader.read(line);
    let pairs =
        vec![("S1load".to_owned(), "12.5".to_owned()), ("exec".to_owned(), "ACTIVE".to_owned())];
    assert_eq!(
        read("2022-08-08T13:51:34.7167146Z@0.5|S1load|12.5|exec|ACTIVE\r\n"),
        Ok(Line::Observations { t, pairs })
    );
    let condition = read("2022-08-08T13:51:34.7167146Z|system|FAULT|417|||SERVO ALARM").unwrap();
    assert_eq!(condition.condition_text(), "FAULT 417 SERVO ALARM");
    assert_eq!(read("* PONG 10000"), Ok(Line::Pong { every: Some(Duration::from_secs(10)) }));
    assert_eq!(read("* adapterVersion: 2"), Ok(Line::Comment));
    assert_eq!(
        read("|a|1"),
        Ok(Line::Observations { t: None, pairs: vec![("a".into(), "1".into())] })
    );
    assert_eq!(read("2022-08-08T13:51:34Z|a|1|b"), Err(LineError::Torn { fields: 3 }));
    assert!(matches!(read("yesterday|a|1"), Err(LineError::Time { .. })));
    assert_eq!(read("2022-08-08T13:51:34Z|@ASSET@|7|CuttingTool|--multiline--AB"), Ok(Line::Asset));
    assert_eq!(read("2022|any|thing"), Ok(Line::Body));
    assert_eq!(read("--multiline--AB"), Ok(Line::Body));
    assert_eq!(read("* PING"), Ok(Line::Comment));
}

#[test]
fn the_recorded_lathe_is_read_whole() {
    let Some(text) = recording() else { return };
    let mut link = link("127.0.0.1:1");
    let (mut reader, mut kinds) = (Reader::default(), BTreeMap::<&str, usize>::new());
    let (mut intake, mut extremes) = (Intake::default(), BTreeMap::<String, (f64, f64)>::new());
    let now: Time = "2022-08-08T13:58:06Z".parse().unwrap();
    for line in text.lines() {
        let line = reader.read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let kind = match &line {
            Line::Asset => "asset",
            Line::Body => "body",
            Line::Comment => "comment",
            Line::Condition { level, .. } => {
                assert_eq!(level, "NORMAL", "all conditions of the recording are normal");
                "condition"
            }
            Line::Observations { pairs, .. } => {
                for (key, value) in pairs {
                    if let Ok(value) = value.parse::<f64>() {
                        let known = extremes.entry(key.clone()).or_insert((value, value));
                        *known = (known.0.min(value), known.1.max(value));
                    }
                }
                "observations"
            }
            Line::Pong { .. } => "pong",
        };
        *kinds.entry(kind).or_default() += 1;
        link.take(&line, now, &mut intake);
    }
    assert_eq!(kinds.values().sum::<usize>(), text.lines().count());
    let markers = text.lines().filter(|it| it.starts_with("--multiline--")).count();
    assert_eq!(kinds["body"], markers, "the assets' texts are cut out of the recording: {kinds:?}");
    for (key, high) in [("S1load", 176.0), ("X1load", 127.0), ("Z1load", 172.0), ("YS1load", 143.0)]
    {
        let (_, found) = extremes[key];
        assert!((found - high).abs() < 1e-9, "{key}: {found}");
    }
    let of = |point: &str| {
        let readings = intake.readings.iter().filter(|it| it.channel.point_str() == point);
        readings.map(|it| (it.t, it.value.clone(), it.quality)).collect::<Vec<_>>()
    };
    let highest = of("s1_load").iter().filter(|it| !it.2.is_bad()).fold(0.0_f64, |high, it| {
        let Value::Number(value) = it.1 else { panic!("not a number") };
        high.max(value)
    });
    assert!((highest - 176.0).abs() < 1e-9, "{highest}");
    let stated: Vec<Time> = text
        .lines()
        .filter(|it| it.contains("|S1load|"))
        .map(|it| it.split('|').next().unwrap().parse().unwrap())
        .collect();
    assert!(of("s1_load").iter().all(|it| stated.contains(&it.0)), "its own times");
    assert!(100 < of("s1_load").len(), "{}", of("s1_load").len());
    assert!(of("execution").iter().any(|it| it.1 == Value::Text("ACTIVE".to_owned())));
    assert_eq!(
        of("system_condition").first().map(|it| it.1.clone()),
        Some(Value::Text("NORMAL".into()))
    );
}

#[tokio::test]
async fn an_adapter_is_heard_pinged_and_called_again_when_it_hangs_up() {
    let adapter = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = link(&adapter.local_addr().unwrap().to_string());
    let (inlet, mut intakes) = mpsc::channel(16);
    let tasks = Tasks::default();
    tasks.start("shdr", |stop| Box::pin(link.run(inlet, Clock::system(), stop)));

    let (mut stream, _) = adapter.accept().await.unwrap();
    let mut ping = [0_u8; 7];
    stream.read_exact(&mut ping).await.unwrap();
    assert_eq!(&ping, b"* PING\n");
    // A line that comes in two halves is one line.
    stream.write_all(b"* PONG 60000\n|S1load|4").await.unwrap();
    stream.flush().await.unwrap();
    sleep(Duration::from_millis(50)).await;
    stream.write_all(b"2|S1speed|UNAVAILABLE\n").await.unwrap();
    let intake = intakes.recv().await.unwrap();
    let found: Vec<_> = intake.readings.iter().map(|it| (it.value.clone(), it.quality)).collect();
    assert_eq!(
        found,
        [(Value::Number(42.0), Quality::Good), (Value::Number(0.0), Quality::Bad(Bad::Sentinel))]
    );
    drop(stream);
    let stale = intakes.recv().await.unwrap();
    assert!(!stale.readings.is_empty());
    assert!(stale.readings.iter().all(|it| it.quality == Quality::Bad(Bad::Stale)));
    let (_again, _) = adapter.accept().await.unwrap();
    tasks.stop(Duration::from_secs(5)).await.unwrap();
}

proptest! {
    #[test]
    fn no_line_crashes_the_reader(lines in prop::collection::vec("[|@*a-zA-Z0-9:. -]{0,60}", 0..20)) {
        let mut reader = Reader::default();
        for line in lines {
            let _read = reader.read(&line);
        }
    }
}

fn recording() -> Option<String> {
    let shared = std::env::var_os("FOREWARN_SHARED").map_or_else(
        || format!("{}/../../../shared", env!("CARGO_MANIFEST_DIR")).into(),
        std::path::PathBuf::from,
    );
    let path = shared.join("data/okuma_shdr/okuma_a.shdr.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        let is_required = std::env::var("FOREWARN_REQUIRE").is_ok_and(|it| it.contains("data"));
        assert!(!is_required, "{} is missing", path.display());
        report("SKIPPED the_recorded_lathe_is_read_whole: needs data/okuma_shdr");
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text)
}

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn report(line: &str) {
    println!("{line}");
}
