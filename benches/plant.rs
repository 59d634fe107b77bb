//! A plant of many like machines under the shipped rules, and an engine's memory that has learned it.
//!
//! Every machine has twelve channels at 1 Hz: hydraulics, a spindle on a rolling bearing, a motor.
//! Deliberately absent: waveforms; their features are computed at the edge.

use std::fmt::Write as _;
use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Engine, Knowledge};

use crate::Failure;
use crate::load::Load;

/// A point with the value around which it moves, and how finely it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    id: &'static str,
    mount: &'static str,
    unit: &'static str,
    quantity: &'static str,
    pub(crate) middle: f64,
    /// Steps of the sensor for each unit.
    pub(crate) steps: f64,
    /// Noise to either side, in steps.
    pub(crate) noise: u32,
}

/// How many channels a machine has.
pub const POINTS: usize = 12;

/// The hydraulic oil's temperature, which faults raise.
pub(crate) const OIL: usize = 0;

pub(crate) const POINT: [Point; POINTS] = [
    point(["oil", "hydraulics", "degC", "temperature"], 48.0, 10.0, 6),
    point(["oil_pressure", "hydraulics", "bar", "pressure"], 120.0, 10.0, 15),
    point(["oil_flow", "hydraulics", "l/min", "flow"], 32.0, 10.0, 8),
    point(["spindle_temp", "spindle", "degC", "temperature"], 52.0, 10.0, 6),
    point(["motor_temp", "motor", "degC", "temperature"], 61.0, 10.0, 6),
    point(["current", "motor", "A", "electrical.current"], 18.4, 100.0, 60),
    point(["power", "motor", "kW", "electrical.power"], 9.2, 100.0, 30),
    point(["speed", "spindle", "rpm", "rotation.speed"], 2_950.0, 1.0, 8),
    point(["load", "spindle", "%", "load"], 42.0, 10.0, 30),
    point(["velocity", "spindle", "mm/s", "vibration.velocity.rms"], 0.9, 1_000.0, 90),
    point(["hf", "spindle", "g", "vibration.acceleration.rms.hf"], 0.18, 1_000.0, 25),
    point(["kurtosis", "spindle", "1", "vibration.acceleration.kurtosis"], 3.1, 1_000.0, 250),
];

const fn point(
    [id, mount, unit, quantity]: [&'static str; 4],
    middle: f64,
    steps: f64,
    noise: u32,
) -> Point {
    Point { id, mount, unit, quantity, middle, steps, noise }
}

/// The plant; every agent has as many machines, one after the other.
///
/// # Errors
///
/// When the texts made here do not pass as a site file and a template.
pub fn plant(devices: u32, agents: u32) -> Result<Arc<Plant>, Failure> {
    let mut site = SITE.to_owned();
    for device in 0..devices {
        let agent = agent_id(device / (devices / agents))?;
        write!(
            site,
            r#"
[[device]]
id = "{id}"
name = {{ en = "Machine {device}", zh = "{device}号机" }}
class = "machine"
agent = "{agent}"
speed_source = "plc/speed"
iso = {{ group = 2, support = "rigid" }}
components = [
  {{ id = "hydraulics", name = {{ en = "hydraulics", zh = "液压" }}, kind = "hydraulics" }},
  {{ id = "spindle", name = {{ en = "spindle", zh = "主轴" }}, kind = "spindle", bearing = "6205-2RS JEM" }},
  {{ id = "motor", name = {{ en = "motor", zh = "电机" }}, kind = "motor" }},
]
[[device.source]]
id = "plc"
template = "machine"
link = "line"
{mounts}
[[device.state]]
id = "run"
when = "speed > 300"
settle = "3s"
[[device.state]]
id = "idle"
when = "speed <= 300"
"#,
            id = device_id(device),
            mounts = mounts(),
        )?;
    }
    let mut template = TEMPLATE.to_owned();
    for Point { id, unit, quantity, .. } in POINT {
        write!(
            template,
            "[[point]]\nid = \"{id}\"\nat = \"csv:{id}\"\ntype = \"number\"\nunit = \"{unit}\"\n\
             quantity = \"{quantity}\"\n"
        )?;
    }
    let templates = vec![toml::from_str(&template)?];
    Ok(Arc::new(Plant::new(toml::from_str(&site)?, templates)?))
}

/// Rules and models as they are shipped.
///
/// # Errors
///
/// When the shipped texts do not parse.
pub fn knowledge() -> Result<Knowledge, Failure> {
    Ok(Knowledge {
        rules: toml::from_str(RULES)?,
        library: Arc::new(Library::built_in()),
        bearings: Arc::new(Catalogue::parse(BEARINGS)?),
    })
}

/// An agent's name, counted from 0.
///
/// # Errors
///
/// Never; the text is a slug.
pub fn agent_id(agent: u32) -> Result<AgentId, Failure> {
    Ok(AgentId::new(&format!("edge-{}", agent + 1))?)
}

/// All channels of a machine, in the order of its points.
///
/// # Errors
///
/// Never; the texts are slugs.
pub fn channels(device: u32) -> Result<Vec<ChannelId>, Failure> {
    let named = POINT.iter().map(|it| format!("{}/plc/{}", device_id(device), it.id).parse());
    Ok(named.collect::<Result<_, _>>()?)
}

/// The memory of an engine that knows each machine's normals up to `until`, as parts of a snapshot.
///
/// One machine is run through [`LEARNED`] of readings; the others are its twins.
///
/// # Errors
///
/// When the plant or the rules do not hold together.
pub fn learned(devices: u32, until: Time) -> Result<Vec<(String, String)>, Failure> {
    let mut engine = Engine::new(plant(1, 1)?, knowledge()?, Vec::new())?;
    let batches = LEARNED.micros() / LEARNED_STEP.micros();
    let load = Load {
        devices: 1,
        agents: 1,
        period: LEARNED_STEP,
        phases: 1,
        start: until - LEARNED,
        batches: u64::try_from(batches)?,
        faults: None,
    };
    let mut agent = load.agent(0)?;
    for seq in 1..=load.batches {
        let decisions = engine.advance(&agent.batch(seq));
        if !decisions.is_empty() {
            return Err(format!("a sound machine has a ticket: {decisions:?}").into());
        }
    }
    let mut parts = Vec::new();
    for (name, text) in engine.changed_parts()? {
        if !name.contains(&device_id(0)) {
            parts.push((name, text));
            continue;
        }
        for device in 0..devices {
            let [name, text] =
                [&name, &text].map(|it| it.replace(&device_id(0), &device_id(device)));
            parts.push((name, text));
        }
    }
    Ok(parts)
}

fn device_id(device: u32) -> String {
    format!("machine-{device:05}")
}

fn mounts() -> String {
    let mount = |it: &Point| format!("point.{}.mount = \"{}\"\n", it.id, it.mount);
    POINT.iter().map(mount).collect()
}

/// A little more than the day that the slowest shipped rule wants.
const LEARNED: Span = Span::from_secs(25 * 3_600);

/// Below the 45 s after which a channel counts as silent.
const LEARNED_STEP: Span = Span::from_secs(40);

const SITE: &str = r#"
schema = "forewarn.site/1"
[site]
id = "bench"
name = { en = "Bench", zh = "基准" }
time_zone = "Asia/Shanghai"
[[link]]
id = "line"
via = { csv = {} }
"#;

const TEMPLATE: &str = r#"
schema = "forewarn.device/1"
[device]
id = "machine"
vendor = "generic"
model = "twelve channels"
kind = "machine.press"
title = { en = "Machine", zh = "设备" }
evidence = "unverified"
sources = ["this bench"]
[csv]
interval = "1s"
"#;

/// The shipped rules.
pub const RULES: &str = include_str!("../config/rules/default.toml");
const BEARINGS: &str = include_str!("../models/bearings.csv");
