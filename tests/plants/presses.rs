//! Presses for tests of more than one crate: the machines that there are, and how one of them is
//! read. What they say, and under which rules, is each test's own.

use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::site::plant::Plant;
use forewarn_engine::Knowledge;

/// `count` presses, each with a hydraulic unit; the agent of each, and the time between readings.
pub(crate) fn presses(count: usize, agent: impl Fn(usize) -> String, interval: &str) -> Arc<Plant> {
    let mut site = SITE.to_owned();
    for number in 1..=count {
        let device = DEVICE.replace("NUMBER", &number.to_string());
        site.push_str(&device.replace("AGENT", &agent(number)));
    }
    let template = TEMPLATE.replace("INTERVAL", interval);
    let (site, template) = (toml::from_str(&site).unwrap(), toml::from_str(&template).unwrap());
    Arc::new(Plant::new(site, vec![template]).unwrap())
}

/// Everything that diagnosis ships with, under these rules.
pub(crate) fn knowledge(rules: &str) -> Knowledge {
    let bearings = include_str!("../../models/bearings.csv");
    Knowledge {
        rules: toml::from_str(rules).unwrap(),
        library: Arc::new(Library::built_in()),
        bearings: Arc::new(Catalogue::parse(bearings).unwrap()),
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
agent = "AGENT"
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
sources = ["tests"]
[csv]
interval = "INTERVAL"
[[point]]
id = "oil"
at = "csv:oil"
type = "number"
unit = "degC"
quantity = "temperature"
[[point]]
id = "pressure"
at = "csv:pressure"
type = "number"
unit = "bar"
quantity = "pressure"
[[point]]
id = "program"
at = "csv:program"
type = "string"
quantity = "context"
"#;
