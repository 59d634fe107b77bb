//! The fixed past that every run is fed: a small plant, its rules, and numbered batches of an agent
//! with faults at known places. Deliberately absent: chance; two runs get the same bytes.

#[path = "../plants/presses.rs"]
mod presses;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Evicted, Reading, Readings, Stream, StreamKey, TextReading,
};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::{WaveformHeader, WaveformPart};
use forewarn_engine::Knowledge;
use forewarn_store::waveform_files::WaveformFiles;
use presses::presses;

/// Time of the first reading.
pub(crate) const BEGIN: Time = Time::from_micros(1_760_000_000_000_000);

/// Minutes of one run.
pub(crate) const MINUTES: u64 = 240;

pub(crate) const SITE: &str = "plant";
pub(crate) const AGENT: &str = "edge-1";

const PRESSES: usize = 4;

/// Minutes in which a press is hot: which one, from, until. The second time of a press comes while
/// its ticket is still open and joins it, but for the last one: that ticket was closed.
const HOT: [(usize, u64, u64); 7] = [
    (1, 5, 12),
    (2, 30, 36),
    (3, 60, 66),
    (1, 70, 76),
    (4, 150, 155),
    (2, 180, 190),
    (1, 225, 232),
];

/// Minutes in which a press has lost its pressure, long before or after it was hot.
const LOW: [(usize, u64, u64); 2] = [(4, 45, 50), (3, 165, 171)];

/// Device and fault family of every ticket that these faults call for, in order. The first press's
/// first ticket is closed before its last fault, which therefore gets a ticket of its own.
pub(crate) fn known_tickets() -> Vec<(String, String)> {
    let hot = [1, 1, 2, 3, 4].map(|press| (device(press), "thermal".to_owned()));
    let low = [3, 4].map(|press| (device(press), "hydraulic".to_owned()));
    let mut tickets: Vec<_> = hot.into_iter().chain(low).collect();
    tickets.sort();
    tickets
}

/// The machines.
pub(crate) fn plant() -> Arc<Plant> {
    presses(PRESSES, |_| AGENT.to_owned(), "20s")
}

pub(crate) fn knowledge() -> Knowledge {
    presses::knowledge(RULES)
}

/// Everything that the agent has to say, in the order in which it says it.
pub(crate) fn batches(folder: &Path) -> Vec<Batch> {
    let files = WaveformFiles::open(folder).unwrap();
    let (mut batches, mut seq, mut bulk_seq) = (Vec::new(), 0, 0);
    for minute in 0..MINUTES {
        seq += 1;
        if minute % 60 == 20 {
            let evicted = Evicted { to_seq: seq + 1, readings: 24, reason: "quota".to_owned() };
            batches.push(Batch {
                key: key(Stream::NORMAL),
                seq,
                body: BatchBody::Evicted(evicted),
            });
            seq += 1;
            continue;
        }
        let body = BatchBody::Readings(readings(minute));
        batches.push(Batch { key: key(Stream::NORMAL), seq, body });
        if minute % 20 == 7 {
            batches.extend(waveform(minute, bulk_seq + 1, &files));
            bulk_seq += u64::from(PARTS);
        }
    }
    batches
}

pub(crate) fn key(stream: Stream) -> StreamKey {
    StreamKey { agent: AgentId::new(AGENT).unwrap(), epoch: Epoch(0x0f0e), stream }
}

/// What of one channel is said: value or text, by time in µs.
pub(crate) type Said = BTreeMap<String, BTreeMap<i64, String>>;

/// Everything that the batches say, by channel and time.
pub(crate) fn said(batches: &[Batch]) -> Said {
    let mut said = Said::new();
    for batch in batches {
        let BatchBody::Readings(readings) = &batch.body else { continue };
        let name = |index| readings.channel(index).unwrap().as_str().to_owned();
        for it in &readings.numbers {
            let before = said.entry(name(it.channel)).or_default();
            assert_eq!(before.insert(it.t.micros(), number(it.value)), None, "said twice");
        }
        for it in &readings.texts {
            let before = said.entry(name(it.channel)).or_default();
            assert_eq!(before.insert(it.t.micros(), it.text.clone()), None, "said twice");
        }
    }
    said
}

pub(crate) fn number(value: f64) -> String {
    format!("{value:?}")
}

fn readings(minute: u64) -> Readings {
    let mut readings = Readings::default();
    for press in 1..=PRESSES {
        let first = u16::try_from(readings.channels.len()).unwrap();
        let channels = ["oil", "pressure", "program"].map(|point| channel(press, point));
        readings.channels.extend(channels);
        let is_in = |spans: &[(usize, u64, u64)]| {
            spans.iter().any(|(who, from, to)| *who == press && (*from..*to).contains(&minute))
        };
        let (hot, low) = (is_in(&HOT), is_in(&LOW));
        for second in [0, 20, 40] {
            let t = at(minute) + Span::from_secs(second);
            // Some digits that differ, so that a reading cannot stand in for another.
            let noise =
                f64::from(u32::try_from((minute * 7 + second.unsigned_abs()) % 97).unwrap());
            // Faster than 1.5 K/s would be the sensor's, not the oil's.
            let oil = if hot { 82.0 } else { 55.0 } + noise / 100.0;
            let pressure = if low { 70.0 } else { 120.0 } + noise / 100.0;
            readings.numbers.push(good(first, t, oil));
            readings.numbers.push(good(first + 1, t, pressure));
        }
        if minute % 10 == 9 {
            // Late: far behind what this device has said, into a bucket that may be sealed.
            let t = at(minute) - Span::from_secs(540) + Span::from_millis(1);
            readings.numbers.push(good(first, t, 55.5));
        }
        let text = format!("P{}", minute / 3);
        let quality = Quality::Good;
        readings.texts.push(TextReading { channel: first + 2, t: at(minute), text, quality });
    }
    readings
}

fn good(channel: u16, t: Time, value: f64) -> Reading {
    Reading { channel, t, value, quality: Quality::Good }
}

/// A raw waveform in parts, on the stream for bulk.
fn waveform(minute: u64, first_seq: u64, files: &WaveformFiles) -> Vec<Batch> {
    let bytes: Vec<u8> =
        (0..4_096_u64).map(|it| u8::try_from(it * (minute + 3) % 251).unwrap()).collect();
    let header = WaveformHeader {
        channel: channel(1, "acceleration"),
        t0: at(minute),
        rate_hz: 2_048.0,
        axes: vec![Axis::Z],
        samples: 2_048,
        scale_g: 0.001,
        rpm: None,
        state: "all".parse().unwrap(),
        quality: Quality::Good,
        sha256: files.put(&bytes).unwrap(),
    };
    let half = bytes.len() / usize::from(PARTS);
    let part = |(part, bytes): (u16, &[u8])| {
        let (header, bytes) = (header.clone(), bytes.to_vec());
        let part = WaveformPart { header, first_seq, part, parts: PARTS, bytes };
        let seq = first_seq + u64::from(part.part);
        Batch { key: key(Stream::BULK), seq, body: BatchBody::Waveform(part) }
    };
    (0..PARTS).zip(bytes.chunks(half)).map(part).collect()
}

fn at(minute: u64) -> Time {
    BEGIN + Span::from_secs(60 * i64::try_from(minute).unwrap())
}

fn channel(press: usize, point: &str) -> ChannelId {
    format!("{}/plc/{point}", device(press)).parse().unwrap()
}

fn device(press: usize) -> String {
    format!("press-{press}")
}

/// Two rules see the same heat; it is still one ticket.
pub(crate) const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "hot"
kind = "limit"
quantity = ["temperature"]
on = 70.0
off = 65.0
samples = 3
clear_for = "60s"
severity = "warning"
fault_family = "thermal"
[[rule]]
id = "very-hot"
kind = "limit"
quantity = ["temperature"]
on = 80.0
off = 75.0
samples = 6
clear_for = "60s"
severity = "alarm"
fault_family = "thermal"
[[rule]]
id = "low-pressure"
kind = "limit"
quantity = ["pressure"]
direction = "below"
on = 90.0
off = 95.0
samples = 4
clear_for = "60s"
severity = "warning"
fault_family = "hydraulic"
"#;

/// Parts of a waveform.
const PARTS: u16 = 2;
