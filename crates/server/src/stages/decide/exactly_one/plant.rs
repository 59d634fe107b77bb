//! The machines of the world: presses whose oil gets hot, and when it truly does.

use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::site::plant::Plant;
use forewarn_engine::Knowledge;

/// Agents, each with one press.
pub(super) const AGENTS: usize = 3;

/// Length of a life, in seconds of event time.
pub(super) const SECONDS: usize = 900;

/// A fault is confirmed this long after its first second at the latest.
pub(super) const CONFIRMED_AFTER: usize = 15;

/// When the oil of one press is hot.
#[derive(Clone, Debug)]
pub(super) struct Truth(Vec<(usize, usize)>);

impl Truth {
    /// Up to four faults, far enough apart to be told from one another.
    pub(super) fn new(chance: &mut Chance) -> Self {
        let mut faults = Vec::new();
        let mut from = 30 + chance.below(120);
        while from + 60 < SECONDS {
            let until = (from + 30 + chance.below(60)).min(SECONDS - 30);
            faults.push((from, until));
            from = until + 110 + chance.below(400);
        }
        Self(faults)
    }

    pub(super) fn faults(&self) -> &[(usize, usize)] {
        &self.0
    }

    pub(super) fn is_hot(&self, second: usize) -> bool {
        self.0.iter().any(|(from, until)| (*from..*until).contains(&second))
    }

    /// Whether the oil was cool for a while, and a person would believe that it stays so.
    pub(super) fn is_calm(&self, second: usize) -> bool {
        (second.saturating_sub(30)..=second).all(|it| !self.is_hot(it))
    }
}

pub(super) fn plant() -> Arc<Plant> {
    let mut site = SITE.to_owned();
    for number in 1..=AGENTS {
        site.push_str(&DEVICE.replace("NUMBER", &number.to_string()));
    }
    let site = toml::from_str(&site).unwrap();
    Arc::new(Plant::new(site, vec![toml::from_str(TEMPLATE).unwrap()]).unwrap())
}

pub(super) fn knowledge() -> Knowledge {
    let bearings = include_str!("../../../../../../models/bearings.csv");
    Knowledge {
        rules: toml::from_str(RULES).unwrap(),
        library: Arc::new(Library::built_in()),
        bearings: Arc::new(Catalogue::parse(bearings).unwrap()),
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014): a seed names a world for good.
#[derive(Clone, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = bits ^ (bits >> 31);
        usize::try_from(bits % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// Happens so many times of a hundred.
    pub(super) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

const SITE: &str = r#"
schema = "forewarn.site/1"
[site]
id = "plant"
name = { en = "Plant", zh = "工厂" }
time_zone = "Asia/Shanghai"
[[link]]
id = "line"
via = { csv = {} }
"#;

const DEVICE: &str = r#"
[[device]]
id = "press-NUMBER"
name = { en = "Press NUMBER", zh = "NUMBER号压力机" }
class = "press"
agent = "edge-NUMBER"
components = [{ id = "hydraulics", name = { en = "hydraulics", zh = "液压" }, kind = "hydraulics" }]
source = [{ id = "plc", template = "press", link = "line", mount = "hydraulics" }]
"#;

const TEMPLATE: &str = r#"
schema = "forewarn.device/1"
[device]
id = "press"
vendor = "test"
model = "test"
kind = "machine.press"
title = { en = "Press", zh = "压力机" }
evidence = "unverified"
sources = ["this test"]
[csv]
interval = "1s"
[[point]]
id = "oil"
at = "csv:oil"
type = "number"
unit = "degC"
quantity = "temperature"
"#;

const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "hot-oil"
kind = "limit"
quantity = ["temperature"]
on = 70.0
off = 65.0
for = "10s"
samples = 5
clear_for = "20s"
severity = "warning"
fault_family = "hydraulic"
"#;
