//! A mill with a signal of each class, and what it says on two days.

use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey, TextReading,
};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::{WaveformHeader, WaveformPart};
use forewarn_engine::Knowledge;
use forewarn_store::waveform_files::WaveformFiles;

/// Midnight of day 0, a whole hour.
pub(crate) const DAY_0: Time = Time::from_micros(1_759_276_800_000_000);

pub(crate) const HOURS: i64 = 12;

/// The minute from which the oil is hot for ten minutes.
const HOT: i64 = 480;

pub(crate) const SITE: &str = "plant";
pub(crate) const AGENT: &str = "edge-1";

pub(crate) fn day(days: i64) -> Time {
    DAY_0 + Span::from_secs(days * 86_400)
}

pub(crate) fn channel(point: &str) -> ChannelId {
    format!("mill-1/node/{point}").parse().unwrap()
}

pub(crate) fn plant() -> Arc<Plant> {
    let site = toml::from_str(SITE_FILE).unwrap();
    Arc::new(Plant::new(site, vec![toml::from_str(TEMPLATE).unwrap()]).unwrap())
}

pub(crate) fn knowledge() -> Knowledge {
    let bearings = forewarn_tests::root().join("models/bearings.csv");
    Knowledge {
        rules: toml::from_str(RULES).unwrap(),
        library: Arc::new(Library::built_in()),
        bearings: Arc::new(Catalogue::parse(&std::fs::read_to_string(bearings).unwrap()).unwrap()),
    }
}

/// An agent that numbers what the mill says.
#[derive(Default)]
pub(crate) struct Told {
    next: [u64; 3],
}

impl Told {
    /// Twelve hours of a day: vibration and oil each minute, the program each hour.
    pub(crate) fn hours_of(&mut self, begin: Time) -> Vec<Batch> {
        (0..HOURS).map(|hour| self.batch(Stream::NORMAL, hour_of(begin, hour))).collect()
    }

    /// A raw waveform in one part; the same `samples` give the same file.
    pub(crate) fn waveform(
        &mut self,
        channel: ChannelId,
        t0: Time,
        samples: u8,
        files: &WaveformFiles,
    ) -> (Batch, WaveformHeader) {
        let bytes = vec![samples; 512];
        let header = WaveformHeader {
            channel,
            t0,
            rate_hz: 256.0,
            axes: vec![Axis::Z],
            samples: 256,
            scale_g: 0.001,
            rpm: None,
            state: "all".parse().unwrap(),
            quality: Quality::Good,
            sha256: files.put(&bytes).unwrap(),
        };
        let first_seq = self.next[2] + 1;
        let part = WaveformPart { header: header.clone(), first_seq, part: 0, parts: 1, bytes };
        (self.batch(Stream::BULK, BatchBody::Waveform(part)), header)
    }

    /// Ten minutes of vibration that hardly compress.
    pub(crate) fn noise(&mut self, begin: Time, readings: i64, seed: u64) -> Batch {
        let mut state = seed;
        let mut noise = Readings { channels: vec![channel("vibration")], ..Readings::default() };
        for it in 0..readings {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = f64::from(u32::try_from(state >> 32).unwrap()) * 1.1e-9;
            let t = begin + Span::from_micros(600_000_000 / readings * it);
            noise.numbers.push(Reading { channel: 0, t, value, quality: Quality::Good });
        }
        self.batch(Stream::NORMAL, BatchBody::Readings(noise))
    }

    pub(crate) fn next_seq(&self, stream: Stream) -> u64 {
        self.next[usize::from(stream.number())] + 1
    }

    pub(crate) fn batch(&mut self, stream: Stream, body: BatchBody) -> Batch {
        let seq = &mut self.next[usize::from(stream.number())];
        *seq += 1;
        Batch { key: key(stream), seq: *seq, body }
    }
}

pub(crate) fn key(stream: Stream) -> StreamKey {
    StreamKey { agent: AgentId::new(AGENT).unwrap(), epoch: Epoch(0xa6e), stream }
}

fn hour_of(begin: Time, hour: i64) -> BatchBody {
    let mut readings = Readings {
        channels: ["vibration", "oil", "program"].map(channel).to_vec(),
        ..Readings::default()
    };
    for minute in hour * 60..(hour + 1) * 60 {
        let t = begin + Span::from_secs(60 * minute);
        let is_hot = begin == DAY_0 && (HOT..HOT + 10).contains(&minute);
        let noise = f64::from(i32::try_from(minute * 37 % 101).unwrap()) / 1_000.0;
        let oil = if is_hot { 85.0 } else { 55.0 } + noise;
        let good = |channel, value| Reading { channel, t, value, quality: Quality::Good };
        readings.numbers.extend([good(0, 1.0 + noise), good(1, oil)]);
    }
    let t = begin + Span::from_secs(3_600 * hour);
    let text = format!("P{hour}");
    readings.texts.push(TextReading { channel: 2, t, text, quality: Quality::Good });
    BatchBody::Readings(readings)
}

pub(crate) const SITE_FILE: &str = r#"
schema = "forewarn.site/1"
[site]
id = "plant"
name = { en = "Plant", zh = "工厂" }
time_zone = "UTC"
[[link]]
id = "line"
via = { csv = {} }
[[device]]
id = "mill-1"
name = { en = "Mill 1", zh = "1号铣床" }
class = "mill"
agent = "edge-1"
components = [{ id = "spindle", name = { en = "spindle", zh = "主轴" }, kind = "spindle" }]
source = [{ id = "node", template = "node", link = "line", mount = "spindle" }]
"#;

pub(crate) const TEMPLATE: &str = r#"
schema = "forewarn.device/1"
[device]
id = "node"
vendor = "test"
model = "test"
kind = "sensor.vibration"
title = { en = "Node", zh = "节点" }
evidence = "unverified"
sources = ["this test"]
[csv]
interval = "60s"
[[point]]
id = "vibration"
at = "csv:vibration"
type = "number"
unit = "mm/s"
quantity = "vibration.velocity.rms"
[[point]]
id = "oil"
at = "csv:oil"
type = "number"
unit = "degC"
quantity = "temperature"
[[point]]
id = "program"
at = "csv:program"
type = "string"
quantity = "context"
[[waveform]]
id = "acc"
source = { mqtt = "mill/acc" }
rate_hz = 256.0
samples = { type = "i16le", layout = "interleaved", axes = ["z"], unit = "g" }
limits = { max_samples = 262144, max_bytes = 2097152 }
capture = { every = "1h" }
"#;

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
budget = { rejected = 20, within = "7d" }
"#;
