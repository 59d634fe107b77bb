//! What is sent and written in good order: where each target begins.

use std::path::Path;

use forewarn_agent::source::sparkplug::payload::{self as sparkplug, Metric, MetricValue, Payload};
use forewarn_agent::spool::{Limits, Moment, Spool};
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey, TextReading,
};
use forewarn_domain::time::Time;
use forewarn_tests::root;
use forewarn_wire::payload;

pub(crate) fn agent() -> AgentId {
    AgentId::new("edge-1").unwrap()
}

pub(crate) fn json() -> Vec<Vec<u8>> {
    [
        r#"{"timestamp": 1800000000000, "values": {"acts": 1200, "spload.1": 30.5, "program": "O1"},
            "errors": {"actf": 2014}}"#,
        r#"{"timestamp": 1800000000000, "tags": [{"name": "running", "value": 1}, {"name": "x", "error": 7}]}"#,
        r#"[{"ts": 1800000000000, "values": {"vibration": 2.5}}, {"ts": 1, "values": {}}]"#,
        r#"{"d-1": [{"ts": 1800000000000, "values": {"temperature": 20}}]}"#,
        r#"{"Time": "2026-11-20T06:02:00", "ENERGY": {"Power": 230, "Current": 1e2, "Voltage": "231"}}"#,
        r#"{"MTConnectStreams": {"Streams": [{"Load": [{"value": 12.5, "dataItemId": "S1load",
            "timestamp": "2027-01-15T07:59:58Z"}, {"value": "UNAVAILABLE", "dataItemId": "S1load"}]}]}}"#,
        "{}", "[]", "null", "\"x\"",
    ]
    .map(|it| it.as_bytes().to_vec())
    .to_vec()
}

pub(crate) fn bursts() -> Vec<Vec<u8>> {
    let mut whole = b"FWB1".to_vec();
    whole.extend([1, 3, 0, 0]);
    whole.extend(1_800_000_000_000_000_000_u64.to_le_bytes());
    whole.extend(64_u32.to_le_bytes());
    whole.extend(12_800.0_f32.to_le_bytes());
    whole.extend(0.000_5_f32.to_le_bytes());
    whole.extend((0..192_i16).flat_map(i16::to_le_bytes));
    vec![whole]
}

pub(crate) fn sparkplug() -> Vec<Vec<u8>> {
    let metric = |name: &str, alias, value| Metric {
        name: Some(name.to_owned()),
        alias: Some(alias),
        datatype: Some(10),
        value: Some(value),
        ..Metric::default()
    };
    let message = |seq, metrics| {
        sparkplug::encode(&Payload { timestamp: Some(1_800_000_000_000), metrics, seq: Some(seq) })
    };
    vec![
        message(
            0,
            vec![
                metric("bdSeq", 1, MetricValue::Long(7)),
                metric("vib_z_rms", 2, MetricValue::Float(2.5)),
            ],
        ),
        message(
            1,
            vec![Metric {
                alias: Some(2),
                value: Some(MetricValue::Double(3.5)),
                ..Metric::default()
            }],
        ),
        message(2, vec![metric("temp", 3, MetricValue::Text("x".to_owned()))]),
        message(255, Vec::new()),
    ]
}

pub(crate) fn shdr() -> Vec<Vec<u8>> {
    [
        "2022-08-08T13:51:34.7167146Z|avail|AVAILABLE|S1load|12.5|S1speed|900\n",
        "2022-08-08T13:51:34Z|system|FAULT|417|HIGH||SERVO ALARM\n* PONG 10000\n|S1load|UNAVAILABLE\n",
        "2022-08-08T13:51:34Z@100.0|@ASSET@|7|CuttingTool|--multiline--AB\n<x/>\n--multiline--AB\n",
    ]
    .map(|it| it.as_bytes().to_vec())
    .to_vec()
}

/// Shipped templates and a site file.
pub(crate) fn toml() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("config/devices"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "toml"))
        .collect();
    files.sort();
    files.push(root().join("config/demo/site.toml"));
    files.iter().map(|it| std::fs::read(it).unwrap()).collect()
}

/// Messages between agent and server.
pub(crate) fn wire() -> Vec<Vec<u8>> {
    let reading = |index: u32| Reading {
        channel: 0,
        t: Time::from_millis(i64::from(index)),
        value: f64::from(index).sin(),
        quality: Quality::Good,
    };
    let text = TextReading {
        channel: 1,
        t: Time::from_millis(5),
        text: "O1234".to_owned(),
        quality: Quality::Good,
    };
    let body = BatchBody::Readings(Readings {
        channels: vec!["mill/plc/speed".parse().unwrap(), "mill/plc/program".parse().unwrap()],
        numbers: (0..50).map(reading).collect(),
        texts: vec![text],
        ..Readings::default()
    });
    let key = StreamKey { agent: agent(), epoch: Epoch(7), stream: Stream::NORMAL };
    let batch = payload::encode(&Batch { key, seq: 9, body }, 3).unwrap();
    let ack =
        payload::Ack { epoch: Epoch(7), stream: Stream::NORMAL, received: Default::default() };
    let hello = payload::Hello {
        epoch: Epoch(7),
        software: "0.1.0".to_owned(),
        sent_at: Time::from_millis(1),
        streams: Vec::new(),
    };
    vec![batch, ack.encode().unwrap(), hello.encode().unwrap()]
}

/// A closed spool file of some batches.
pub(crate) fn spool() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { quota_bytes: 1 << 30, ballast_bytes: 0 };
    let (mut spool, _) = Spool::open(folder.path(), &agent(), limits).unwrap();
    let at = Moment { wall: Time::from_millis(1), monotonic_us: 1 };
    for index in 0..8_u32 {
        spool
            .append(&[(Stream::NORMAL, body(index)), (Stream::URGENT, body(index + 100))], at)
            .unwrap();
    }
    spool.close().unwrap();
    vec![std::fs::read(folder.path().join(Path::new("spool.db"))).unwrap()]
}

/// No two are alike.
pub(crate) fn body(mark: u32) -> BatchBody {
    let reading = |index: u32| Reading {
        channel: 0,
        t: Time::from_millis(i64::from(index)),
        value: (f64::from(mark) + f64::from(index) * 0.618_033_9).sin(),
        quality: Quality::Good,
    };
    BatchBody::Readings(Readings {
        channels: vec!["mill/plc/speed".parse().unwrap()],
        numbers: (0..40).map(reading).collect(),
        ..Readings::default()
    })
}
