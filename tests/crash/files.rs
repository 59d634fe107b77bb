//! The files of the testbed: site, template, rules, and the settings of each process.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Modbus gateways, and devices on each.
pub(crate) const LINKS: usize = 3;
pub(crate) const UNITS: usize = 4;
pub(crate) const DEVICES: usize = LINKS * UNITS;

pub(crate) const AGENT: &str = "edge-1";

/// Writes everything into a folder.
pub(crate) fn write(folder: &Path, modbus: &[u16], broker: u16) {
    let files = [
        ("site.toml", site(modbus)),
        ("devices/machine.toml", template("50ms", "0ms")),
        ("devices-idle/machine.toml", template("1h", "1h")),
        ("rules.toml", RULES.to_owned()),
        ("agent.toml", agent("devices", broker)),
        ("agent-idle.toml", agent("devices-idle", broker)),
        ("server.toml", server(broker)),
        // A listener must be named; everything else is as Mosquitto has it.
        ("mosquitto.conf", format!("listener {broker} 127.0.0.1\nallow_anonymous true\n")),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The id of a device, counted from 1.
pub(crate) fn device(number: usize) -> String {
    format!("machine-{number}")
}

fn site(modbus: &[u16]) -> String {
    let mut text = r#"schema = "forewarn.site/1"
[site]
id = "crash"
name = { en = "Crash", zh = "崩溃" }
time_zone = "UTC"
"#
    .to_owned();
    for (link, port) in modbus.iter().enumerate() {
        write!(
            text,
            r#"
[[link]]
id = "link-{link}"
via = {{ tcp = {{ address = "127.0.0.1:{port}" }} }}
"#
        )
        .unwrap();
    }
    for number in 1..=DEVICES {
        let (link, unit, id) = ((number - 1) / UNITS, (number - 1) % UNITS + 1, device(number));
        write!(
            text,
            r#"
[[device]]
id = "{id}"
name = {{ en = "Machine {number}", zh = "机器{number}" }}
class = "pump"
agent = "{AGENT}"
[[device.components]]
id = "motor"
name = {{ en = "motor", zh = "电机" }}
kind = "motor"
[[device.source]]
id = "plc"
template = "machine"
link = "link-{link}"
unit = {unit}
mount = "motor"
"#
        )
        .unwrap();
    }
    text
}

fn template(every: &str, offset: &str) -> String {
    format!(
        r#"schema = "forewarn.device/1"
[device]
id = "machine"
vendor = "none"
model = "tests/crash/plant.py"
kind = "machine.pump"
title = {{ en = "Machine", zh = "机器" }}
evidence = "manual"
sources = ["tests/crash/plant.py"]
[modbus]
# A busy machine must not look like a silent one.
timeout = "5s"
[[group]]
id = "all"
every = "{every}"
offset = "{offset}"
[[point]]
id = "answers"
at = "hr:0"
type = "u32"
quantity = "counter.cycles"
[[point]]
id = "temperature"
at = "hr:2"
type = "i16"
scale = 0.1
unit = "degC"
quantity = "temperature"
[[point]]
id = "current"
at = "hr:3"
type = "u16"
scale = 0.01
unit = "A"
quantity = "electrical.current"
[[point]]
id = "pressure"
at = "hr:4"
type = "f32"
unit = "bar"
quantity = "pressure"
[[point]]
id = "program"
at = "hr:6"
type = "string"
len = 4
trim = true
quantity = "context"
[[point]]
id = "answers_low"
at = "hr:10"
type = "u16"
quantity = "controller.value"
"#
    )
}

fn agent(templates: &str, broker: u16) -> String {
    format!(
        r#"agent = "{AGENT}"
site_file = "site.toml"
templates = ["{templates}"]
data_dir = "edge"
ballast_bytes = 0
[broker]
address = "127.0.0.1:{broker}"
"#
    )
}

fn server(broker: u16) -> String {
    format!(
        r#"site_file = "site.toml"
data_dir = "server"
http = "127.0.0.1:0"
rules = "rules.toml"
[broker.external]
host = "127.0.0.1"
port = {broker}
"#
    )
}

/// Two rules see the same trouble; it is still one ticket.
const RULES: &str = r#"schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "hot"
kind = "limit"
quantity = ["temperature"]
on = 50.5
off = 49.0
samples = 5
severity = "warning"
fault_family = "thermal"
[[rule]]
id = "very-hot"
kind = "limit"
quantity = ["temperature"]
on = 51.5
off = 49.5
alarm = 110.0
samples = 8
severity = "warning"
fault_family = "thermal"
"#;
