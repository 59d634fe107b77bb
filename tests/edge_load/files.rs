//! The files of an agent with many devices, each a link of its own: busy, once a second, and idle.

use std::fmt::Write as _;
use std::path::Path;

pub(crate) fn write(
    folder: &Path,
    (devices, points): (usize, usize),
    (modbus, broker): (u16, u16),
) {
    let mut site = "schema = 'forewarn.site/1'\n[site]\nid = 'load'\nname = { en = 'Load' }\n\
         time_zone = 'UTC'\n"
        .to_owned();
    for number in 0..devices {
        writeln!(
            site,
            "[[link]]\nid = 'l-{number}'\nvia = {{ tcp = {{ address = '127.0.0.1:{modbus}' }} }}\n\
             [[device]]\nid = 'd-{number}'\nname = {{ en = 'D' }}\nclass = 'pump'\n\
             [[device.source]]\nid = 's'\ntemplate = 'load'\nlink = 'l-{number}'\nunit = 1"
        )
        .unwrap();
    }
    std::fs::write(folder.join("site.toml"), site).unwrap();
    for (name, every) in [("busy", "every = '1s'"), ("idle", "every = '1h'\noffset = '1h'")] {
        let mut template = format!(
            "schema = 'forewarn.device/1'\n[device]\nid = 'load'\nvendor = 'none'\n\
             model = 'edge-load'\nkind = 'machine.pump'\ntitle = {{ en = 'Load' }}\n\
             evidence = 'manual'\nsources = ['edge-load']\n[modbus]\ntimeout = '5s'\n\
             [[group]]\nid = 'all'\n{every}\n"
        );
        for point in 0..points {
            writeln!(
                template,
                "[[point]]\nid = 'p{point}'\nat = 'hr:{point}'\ntype = 'u16'\n\
                 quantity = 'controller.value'"
            )
            .unwrap();
        }
        let templates = folder.join(name);
        std::fs::create_dir(&templates).unwrap();
        std::fs::write(templates.join("load.toml"), template).unwrap();
        let agent = format!(
            "agent = 'edge-1'\nsite_file = 'site.toml'\ntemplates = ['{name}']\n\
             data_dir = 'edge'\nballast_bytes = 0\n[broker]\naddress = '127.0.0.1:{broker}'\n"
        );
        std::fs::write(folder.join(format!("{name}.toml")), agent).unwrap();
    }
}
