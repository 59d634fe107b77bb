//! Site files of simulated fleets: as many machines as wanted, of the kinds that can be simulated.
//!
//! Rely on this: a fleet of n machines is the same whatever else is asked for. Of ten machines four
//! are mills with their node on the spindle, one has it on a gearbox and one on a belt drive, two
//! are presses and two are pumps. The templates are the demo's.

use std::fmt::Write as _;

/// The text of a site file `forewarn.site/1` with `machines` machines.
#[must_use]
pub fn site_file(machines: usize) -> String {
    let mut text = String::from(HEAD);
    for place in 0..machines {
        let kind = TEN[place % TEN.len()];
        let id = id(kind, place);
        let turn = (0..machines).filter(|other| TEN[other % TEN.len()] == kind && *other != place);
        let siblings: Vec<String> = turn.map(|it| format!("\"{}\"", self::id(kind, it))).collect();
        let criticality = ["high", "medium", "low"][place / TEN.len() % 3];
        let common = format!(
            "\n[[device]]\nid = \"{id}\"\nname = {{ en = \"{} {place}\", zh = \"{place}号{}\" }}\n\
             area = \"hall-1\"\ncriticality = \"{criticality}\"\nsiblings = [{}]\n",
            kind.name[0],
            kind.name[1],
            siblings.join(", ")
        );
        let unit = (place + 1).to_string();
        let controller = CONTROLLERS[place / 3 % CONTROLLERS.len()];
        let rest = kind.pieces.concat().replace("{controller}", controller);
        let rest = rest.replace("{id}", &id).replace("{unit}", &unit);
        write!(text, "{common}{rest}").expect("a string takes all");
    }
    text
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    id: &'static str,
    name: [&'static str; 2],
    pieces: &'static [&'static str],
}

fn id(kind: Kind, place: usize) -> String {
    format!("{}-{place:02}", kind.id)
}

const TEN: [Kind; 10] = [MILL, PRESS, MILL, PUMP, GEARED_MILL, MILL, BELT_MILL, PRESS, MILL, PUMP];

const CONTROLLERS: [&str; 2] = ["cnc-controller-a", "cnc-controller-b"];

const HEAD: &str = r#"schema = "forewarn.site/1"

[site]
id        = "fleet"
name      = { en = "Fleet", zh = "机群" }
time_zone = "Asia/Shanghai"

[[link]]
id  = "wire"
via = { tcp = { address = "127.0.0.1:0" } }

[[link]]
id  = "broker"
via = { mqtt = { broker = "127.0.0.1:0" } }
"#;

const MILL: Kind = Kind {
    id: "mill",
    name: ["Mill", "铣床"],
    pieces: &[MILL_HEAD, SPINDLE, MOTOR, CONTROLLER, "mount = \"spindle\"\n", MILL_STATES],
};

const GEARED_MILL: Kind = Kind {
    id: "geared-mill",
    name: ["Geared mill", "齿轮头铣床"],
    pieces: &[MILL_HEAD, SPINDLE, MOTOR, GEARBOX, CONTROLLER, "mount = \"gearbox\"\n", MILL_STATES],
};

const BELT_MILL: Kind = Kind {
    id: "belt-mill",
    name: ["Belt mill", "皮带头铣床"],
    pieces: &[MILL_HEAD, SPINDLE, MOTOR, BELT, CONTROLLER, "mount = \"belt\"\n", MILL_STATES],
};

const PRESS: Kind = Kind { id: "press", name: ["Press", "冲床"], pieces: &[PRESS_TEXT] };

const PUMP: Kind = Kind { id: "pump", name: ["Pump", "水泵"], pieces: &[PUMP_TEXT] };

const MILL_HEAD: &str = "class = \"cnc-mill\"\nspeed_source = \"controller/speed\"\n";

const SPINDLE: &str = r#"
[[device.components]]
id = "spindle"
name = { en = "spindle", zh = "主轴" }
bearing = "6205-2RS JEM"
kind = "spindle"
lubrication_days = 90
"#;

const MOTOR: &str = r#"
[[device.components]]
id = "motor"
name = { en = "spindle motor", zh = "主轴电机" }
kind = "motor"
"#;

const GEARBOX: &str = r#"
[[device.components]]
id = "gearbox"
name = { en = "gearbox", zh = "齿轮箱" }
kind = "gearbox"
lubrication_days = 180
"#;

const BELT: &str = r#"
[[device.components]]
id = "belt"
name = { en = "belt drive", zh = "皮带传动" }
kind = "belt"
"#;

const CONTROLLER: &str = r#"
[[device.source]]
id = "controller"
template = "{controller}"
link = "wire"
unit = {unit}
mount = "motor"
point.speed.mount = "spindle"
point.load.mount = "spindle"

[[device.source]]
id = "node"
template = "spindle-node-z"
link = "broker"
address = "{id}"
"#;

const MILL_STATES: &str = r#"
[[device.state]]
id = "off"
name = { en = "switched off", zh = "停机" }
when = "!running"

[[device.state]]
id = "warmup"
name = { en = "warming up", zh = "暖机" }
when = "running && program == 9001"
settle = "3s"

[[device.state]]
id = "cut"
name = { en = "cutting", zh = "切削" }
when = "running && load > 20 && speed > 300"
settle = "3s"
bands = { channel = "speed", edges = [2400.0, 3750.0] }

[[device.state]]
id = "idle"
name = { en = "idling", zh = "空闲" }
when = "running"
settle = "3s"
"#;

const PRESS_TEXT: &str = r#"class = "press"
speed_source = "plc/spm"

[[device.components]]
id = "hydraulics"
name = { en = "hydraulic unit", zh = "液压站" }
kind = "hydraulics"
lubrication_days = 180

[[device.components]]
id = "drive"
name = { en = "main drive", zh = "主电机" }
kind = "motor"

[[device.source]]
id = "plc"
template = "press-controller"
link = "wire"
unit = {unit}
mount = "drive"
point.pressure.mount = "hydraulics"
point.oil_temp.mount = "hydraulics"

[[device.state]]
id = "off"
name = { en = "switched off", zh = "停机" }
when = "!running"

[[device.state]]
id = "warmup"
name = { en = "warming up", zh = "暖机" }
when = "running && mode == 1"
settle = "3s"

[[device.state]]
id = "stamp"
name = { en = "stamping", zh = "冲压" }
when = "running && spm > 5"
settle = "3s"
bands = { channel = "spm", edges = [25.0] }

[[device.state]]
id = "idle"
name = { en = "idling", zh = "空闲" }
when = "running"
settle = "3s"
"#;

const PUMP_TEXT: &str = r#"class = "pump"
speed_source = "drive/speed"
iso = { group = 2, support = "flexible" }

[[device.components]]
id = "pump"
name = { en = "pump", zh = "泵体" }
bearing = "6206"
kind = "pump"
lubrication_days = 120

[[device.components]]
id = "motor"
name = { en = "pump motor", zh = "水泵电机" }
kind = "motor"

[[device.source]]
id = "sensor"
template = "banner-qm30vt2"
link = "wire"
unit = {unit}
mount = "pump"

[[device.source]]
id = "drive"
template = "pump-drive"
link = "wire"
unit = 1{unit}
mount = "motor"
point.pressure.mount = "pump"

[[device.state]]
id = "off"
name = { en = "switched off", zh = "停机" }
when = "!running"

[[device.state]]
id = "run"
name = { en = "running", zh = "运行" }
when = "running && speed > 300"
settle = "3s"
bands = { channel = "speed", edges = [1200.0] }
"#;
