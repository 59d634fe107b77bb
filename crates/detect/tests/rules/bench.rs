//! A machine to try rules on: one reading a second on each channel, in the order of time.

use std::sync::Arc;

use forewarn_detect::{
    Condition, Detection, DeviceNotice, DevicePlan, DeviceState, Measured, MeasuredText, RuleSet,
};
use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::{Plant, PlantDevice};
use forewarn_domain::template::DeviceTemplate;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Burst;
use forewarn_vibration::Catalogue;

pub(crate) struct Bench {
    pub(crate) plan: DevicePlan,
    pub(crate) state: DeviceState,
    pub(crate) now: Time,
    pub(crate) step: Span,
    pub(crate) found: Vec<Detection>,
    chance: u64,
}

impl Bench {
    /// A bench with rules written as in a rule file, without the head.
    pub(crate) fn new(rules: &str) -> Self {
        Self::with(&rule_set(rules))
    }

    pub(crate) fn with(rules: &RuleSet) -> Self {
        let plan = DevicePlan::new(&device(), rules, &Catalogue::default()).unwrap();
        Self {
            state: plan.start(),
            plan,
            now: Time::from_millis(1_780_000_000_000),
            step: Span::from_secs(1),
            found: Vec::new(),
            chance: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Lets one step pass and takes a reading of each named point.
    pub(crate) fn tick(&mut self, values: &[(&str, f64)]) {
        self.now = self.now + self.step;
        for (point, value) in values {
            self.take(point, *value, Quality::Good);
        }
    }

    pub(crate) fn take(&mut self, point: &str, value: f64, quality: Quality) {
        let place = self.plan.place(&channel(point)).unwrap();
        let taken = Measured { place, t: self.now, value, quality };
        self.plan.number(&mut self.state, taken, &mut self.found);
    }

    /// Lets one step pass and takes a text.
    pub(crate) fn text(&mut self, point: &str, text: &str) {
        self.now = self.now + self.step;
        let place = self.plan.place(&channel(point)).unwrap();
        let taken = MeasuredText { place, t: self.now, text, quality: Quality::Good };
        self.plan.text(&mut self.state, taken, &mut self.found);
    }

    pub(crate) fn burst(&mut self, burst: &Burst) {
        self.plan.burst(&mut self.state, burst, &mut self.found);
    }

    pub(crate) fn notice(&mut self, notice: &DeviceNotice) {
        self.plan.notice(&mut self.state, notice, &mut self.found);
    }

    /// Uniform in -1 to 1, the same in every run.
    pub(crate) fn noise(&mut self) -> f64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        f64::from(u32::try_from(self.chance >> 33).unwrap()) / f64::from(1_u32 << 30) - 1.0
    }

    /// Runs for some steps around usual values, all channels noisy.
    pub(crate) fn run_usual(&mut self, steps: u32) {
        for _ in 0..steps {
            let usual = self.usual();
            self.tick(&usual);
        }
    }

    pub(crate) fn usual(&mut self) -> [(&'static str, f64); 5] {
        [
            ("running", 1.0),
            ("load", 50.0 + 2.0 * self.noise()),
            ("temp", 45.0 + 0.3 * self.noise()),
            ("vel", 1.2 + 0.1 * self.noise()),
            ("pressure", 120.0 + self.noise()),
        ]
    }

    /// Usual values but for one channel.
    pub(crate) fn usual_but(&mut self, point: &str, value: f64) -> Vec<(&'static str, f64)> {
        self.usual()
            .into_iter()
            .map(|(name, usual)| (name, if name == point { value } else { usual }))
            .collect()
    }

    pub(crate) fn raised(&self) -> Vec<&Anomaly> {
        let raised = |it: &'_ Detection| matches!(it, Detection::Raised(_));
        self.found
            .iter()
            .filter(|it| raised(it))
            .map(|it| match it {
                Detection::Raised(anomaly) | Detection::Updated(anomaly) => anomaly,
                Detection::Cleared { .. } => panic!("filtered"),
            })
            .collect()
    }

    pub(crate) fn cleared(&self) -> usize {
        self.found.iter().filter(|it| matches!(it, Detection::Cleared { .. })).count()
    }

    /// Where a rule stands on a point.
    pub(crate) fn condition(&self, rule: &str, point: &str) -> Condition {
        let all = self.plan.status(&self.state);
        let found =
            all.into_iter().find(|it| it.rule.as_str() == rule && it.channel.point_str() == point);
        found.unwrap_or_else(|| panic!("no rule {rule} on {point}")).condition
    }
}

pub(crate) fn rule_set(rules: &str) -> RuleSet {
    let text = format!("schema = \"forewarn.rule/1\"\nversion = 3\n{rules}");
    toml::from_str(&text).unwrap()
}

pub(crate) fn channel(point: &str) -> ChannelId {
    let source = if point == "acc" || point.starts_with("acc.") { "node" } else { "plc" };
    format!("mill-01/{source}/{point}").parse().unwrap()
}

pub(crate) fn device() -> Arc<PlantDevice> {
    let site: SiteFile = toml::from_str(SITE).unwrap();
    let templates: Vec<DeviceTemplate> =
        [&format!("{PLC}{LAZY}"), NODE].map(|it| toml::from_str(it).unwrap()).into();
    let plant = Plant::new(site, templates).unwrap();
    Arc::clone(plant.devices().next().unwrap())
}

const SITE: &str = r#"
schema = "forewarn.site/1"

[site]
id = "plant"
name = { en = "plant" }
time_zone = "Asia/Shanghai"

[[link]]
id = "file"
via = { csv = {} }

[[device]]
id = "mill-01"
name = { en = "Mill 1" }
class = "cnc-mill"
iso = { group = 2, support = "rigid" }

[[device.components]]
id = "spindle"
name = { en = "spindle" }
bearing = "n=9,d=7.94,D=39.04,angle=0"
kind = "spindle"

[[device.components]]
id = "unit"
name = { en = "hydraulic unit" }
kind = "hydraulics"

[[device.source]]
id = "plc"
template = "plc"
link = "file"
mount = "spindle"
point.pressure.mount = "unit"

[[device.source]]
id = "node"
template = "node"
link = "file"
mount = "spindle"

[[device.state]]
id = "cut"
when = "running && load > 20"
settle = "3s"

[[device.state]]
id = "idle"
when = "running"
settle = "3s"
"#;

const PLC: &str = r#"
schema = "forewarn.device/1"

[device]
id = "plc"
vendor = "none"
model = "none"
kind = "plc"
title = { en = "plc" }
evidence = "unverified"
sources = ["made up"]

[csv]
interval = "1s"

[[point]]
id = "running"
at = "csv:running"
type = "number"
quantity = "state.running"

[[point]]
id = "load"
at = "csv:load"
type = "number"
unit = "%"
quantity = "load"

[[point]]
id = "temp"
at = "csv:temp"
type = "number"
unit = "degC"
quantity = "temperature"

[[point]]
id = "vel"
at = "csv:vel"
type = "number"
unit = "mm/s"
quantity = "vibration.velocity.rms"
band_hz = [10.0, 1000.0]

[[point]]
id = "pressure"
at = "csv:pressure"
type = "number"
unit = "bar"
quantity = "pressure"
"#;

/// Reported on change, with heartbeats; and codes.
const LAZY: &str = r#"
[[point]]
id = "alarm"
at = "csv:alarm"
type = "text"
quantity = "context"

[[point]]
id = "oil"
at = "csv:oil"
type = "number"
unit = "degC"
quantity = "temperature"
deadband = 0.1
"#;

const NODE: &str = r#"
schema = "forewarn.device/1"

[device]
id = "node"
vendor = "none"
model = "none"
kind = "sensor.vibration"
title = { en = "node" }
evidence = "unverified"
sources = ["made up"]

[[waveform]]
id = "acc"
source = { mqtt = "burst" }
samples = { type = "i16le", layout = "single", axes = ["z"], unit = "g" }
"#;
