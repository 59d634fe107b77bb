//! The files of one agent: its own, the site's, and the templates of busy and of idle machines.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Gateways of an agent, and devices on each.
pub(crate) const LINKS: usize = 2;
pub(crate) const UNITS: usize = 4;

pub(crate) const SITE: &str = "kill9";

pub(crate) fn write(folder: &Path, agent: &str, modbus: &[u16], broker: u16) {
    let own = |templates: &str| {
        format!(
            "agent = '{agent}'\nsite_file = 'site.toml'\ntemplates = ['{templates}']\n\
             data_dir = 'edge'\nballast_bytes = 0\n[commit]\nevery = '20ms'\n\
             [broker]\naddress = '127.0.0.1:{broker}'\n"
        )
    };
    for (name, text) in [
        ("site.toml", site(agent, modbus)),
        ("busy/machine.toml", template("20ms", "0ms")),
        ("idle/machine.toml", template("1h", "1h")),
        ("busy.toml", own("busy")),
        ("idle.toml", own("idle")),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn site(agent: &str, modbus: &[u16]) -> String {
    let mut text = format!(
        "schema = 'forewarn.site/1'\n[site]\nid = '{SITE}'\nname = {{ en = 'Kill' }}\n\
         time_zone = 'UTC'\n"
    );
    for (link, port) in modbus.iter().enumerate() {
        writeln!(
            text,
            "[[link]]\nid = 'link-{link}'\nvia = {{ tcp = {{ address = '127.0.0.1:{port}' }} }}"
        )
        .unwrap();
    }
    for (link, unit) in (0..modbus.len()).flat_map(|link| (1..=UNITS).map(move |it| (link, it))) {
        writeln!(
            text,
            "[[device]]\nid = 'machine-{link}-{unit}'\nname = {{ en = 'Machine' }}\n\
             class = 'pump'\nagent = '{agent}'\n[[device.source]]\nid = 'plc'\n\
             template = 'machine'\nlink = 'link-{link}'\nunit = {unit}"
        )
        .unwrap();
    }
    text
}

fn template(every: &str, offset: &str) -> String {
    let mut text = format!(
        "schema = 'forewarn.device/1'\n[device]\nid = 'machine'\nvendor = 'none'\n\
         model = 'tests/crash/plant.py'\nkind = 'machine.pump'\ntitle = {{ en = 'Machine' }}\n\
         evidence = 'manual'\nsources = ['tests/crash/plant.py']\n[modbus]\ntimeout = '5s'\n\
         [[group]]\nid = 'all'\nevery = '{every}'\noffset = '{offset}'\n"
    );
    for (id, at, kind, quantity) in [
        ("answers", 0, "u32", "counter.cycles"),
        ("temperature", 2, "i16", "temperature"),
        ("current", 3, "u16", "electrical.current"),
        ("pressure", 4, "f32", "pressure"),
        ("answers_low", 10, "u16", "controller.value"),
    ] {
        writeln!(
            text,
            "[[point]]\nid = '{id}'\nat = 'hr:{at}'\ntype = '{kind}'\nquantity = '{quantity}'"
        )
        .unwrap();
    }
    text
}
