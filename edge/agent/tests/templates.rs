//! The shipped templates: each loads, agrees with itself and is planned as it was meant.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forewarn_agent::config::read_templates;
use forewarn_agent::decode::{self, Decoded, Value};
use forewarn_agent::examine::examine;
use forewarn_agent::plan::plan;
use forewarn_domain::quality::Quality;
use forewarn_domain::template::{DeviceTemplate, PointAddress};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/devices")
}

fn shipped() -> BTreeMap<String, DeviceTemplate> {
    let templates = read_templates(&folder()).unwrap().into_iter();
    templates.map(|(_, template)| (template.device.id.to_string(), template)).collect()
}

#[test]
fn every_shipped_template_agrees_with_itself_and_can_be_planned() {
    for (path, template) in read_templates(&folder()).unwrap() {
        template.check().and_then(|()| template.check_kind()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(name, template.device.id.as_str(), "a file is named after its template");
        plan(&template).unwrap();
        for point in &template.points {
            let has_chinese = point.name.as_ref().is_none_or(|it| !it.zh.is_empty());
            assert!(has_chinese, "{name}: `{}` has no Chinese name", point.id);
        }
        assert!(!template.device.title.zh.is_empty(), "{name} has no Chinese title");
    }
}

#[test]
fn the_register_lists_of_eleven_devices_are_there_with_their_requests() {
    let expected = [
        ("amc-vibro-avm2000r", 1, 2),
        ("banner-qm30vt2", 2, 6),
        ("banner-qm30vt2-all", 1, 22),
        ("delta-vfd", 1, 7),
        ("eastron-sdm630", 3, 12),
        ("inovance-md", 4, 9),
        ("schneider-altivar-atv320", 3, 10),
        ("schneider-pm5xxx", 4, 17),
        ("shihlin-sc3", 2, 8),
        ("siemens-v20", 1, 3),
        ("witmotion-wtvb01-485", 2, 13),
    ];
    let shipped = shipped();
    for (id, requests, points) in expected {
        let template = &shipped[id];
        let plans = plan(template).unwrap();
        let reads: usize = plans.iter().map(|it| it.reads.len()).sum();
        assert_eq!((id, reads, template.points.len()), (id, requests, points));
    }
}

/// Decodes every point from words that stand at addresses on the wire.
fn decoded(template: &DeviceTemplate, registers: &BTreeMap<u16, u16>) -> Vec<(usize, Decoded)> {
    let settings = template.modbus.as_ref().unwrap();
    let reads = plan(template).unwrap().into_iter().flat_map(|it| it.reads);
    let mut points = Vec::new();
    for read in reads {
        for place in &read.points {
            let first = read.address + place.offset;
            let words: Vec<u16> = (first..first + place.width)
                .map(|it| registers.get(&it).copied().unwrap_or(0))
                .collect();
            let point = &template.points[place.point];
            points.push((place.point, decode::registers(point, settings, &words)));
        }
    }
    points
}

fn value(template: &DeviceTemplate, points: &[(usize, Decoded)], id: &str) -> f64 {
    let found = points.iter().find(|(index, _)| template.points[*index].id.as_str() == id).unwrap();
    assert_eq!(found.1.quality, Quality::Good, "{id}");
    let Value::Number(value) = found.1.value else { panic!("{id} is a text") };
    value
}

fn put_single(registers: &mut BTreeMap<u16, u16>, address: u16, value: f32) {
    let bits = value.to_bits();
    registers.insert(address, u16::try_from(bits >> 16).unwrap());
    registers.insert(address + 1, u16::try_from(bits & 0xffff).unwrap());
}

#[test]
fn the_sensor_that_says_everything_twice_shows_a_shifted_map() {
    let template = &shipped()["banner-qm30vt2-all"];
    // 0.1 in/s, 2.54 mm/s; 77 °F, 25 °C; 0.2 in/s, 5.08 mm/s; 1.5 g peak, 0.5 g RMS.
    let words = [1_000, 2_540, 7_700, 2_500, 2_000, 5_080, 1_500, 1_400, 600, 600, 500, 480];
    let at = |first: u16| (first..).zip(words).collect::<BTreeMap<u16, u16>>();
    let faults = |registers: &BTreeMap<u16, u16>| {
        let found = examine(template, &decoded(template, registers));
        found.into_iter().filter(|it| it.is_fault).count()
    };
    assert_eq!(faults(&at(5_200)), 0);
    assert!(3 <= faults(&at(5_201)), "one register off must be seen");
    assert!(3 <= faults(&at(5_199)), "one register off must be seen");
}

#[test]
fn the_power_meter_counts_from_one_and_codes_its_power_factor() {
    let template = &shipped()["schneider-pm5xxx"];
    let mut registers = BTreeMap::new();
    // Wire addresses: one below the maker's register numbers.
    for (register, value) in [
        (3_000, 10.0),
        (3_002, 10.0),
        (3_004, 10.0),
        (3_010, 10.0),
        (3_020, 400.0),
        (3_022, 400.0),
        (3_024, 400.0),
        (3_026, 400.0),
        (3_054, 1.85),
        (3_056, 1.85),
        (3_058, 1.85),
        (3_060, 5.55),
        (3_068, 4.15),
        (3_076, 6.93),
        (3_084, 1.2),
        (3_110, 50.02),
    ] {
        put_single(&mut registers, register - 1, value);
    }
    let points = decoded(template, &registers);
    assert!((value(template, &points, "pf_total") - 0.8).abs() < 1e-6, "2 - 1.2, leading");
    assert!((value(template, &points, "frequency") - 50.02).abs() < 1e-4);
    let faults: Vec<_> = examine(template, &points).into_iter().filter(|it| it.is_fault).collect();
    assert_eq!(faults, []);
}

#[test]
fn what_a_register_list_is_known_to_get_wrong_is_right_here() {
    let shipped = shipped();
    let at = |template: &str, point: &str| {
        let found = shipped[template].points.iter().find(|it| it.id.as_str() == point);
        match found.unwrap().at {
            PointAddress::Modbus { address, .. } => address,
            _ => panic!("not on Modbus"),
        }
    };
    // 0x34 and not 0x3400; mm/s at the second register and not at the first.
    assert_eq!(at("witmotion-wtvb01-485", "x_acc"), 0x34);
    assert_eq!(at("banner-qm30vt2", "z_vel_rms"), 5_201);
    assert_eq!(at("banner-qm30vt2-all", "z_vel_peak"), 5_217);
    // The status word stands at 40110, ten behind the control word, and nobody reads the latter.
    assert_eq!(at("siemens-v20", "status"), 40_110);
}

/// A template is a file that people write: whatever they write, the answer is a sentence.
#[test]
fn no_damage_to_a_template_makes_more_than_a_refusal() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |bound: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        usize::try_from(state >> 33).unwrap() % bound
    };
    let (mut refused, mut taken) = (0, 0);
    for path in forewarn_agent::config::template_paths(&folder()).unwrap() {
        let text = std::fs::read_to_string(path).unwrap();
        for _ in 0..60 {
            let mut letters: Vec<char> = text.chars().collect();
            for _ in 0..=below(3) {
                let at = below(letters.len());
                match below(3) {
                    0 => letters[at] = ['9', '-', '"', '.', '\n', '\u{0}', 'e', '['][below(8)],
                    1 => drop(letters.remove(at)),
                    _ => {
                        let from = below(letters.len());
                        letters.insert(at, letters[from]);
                    }
                }
            }
            let damaged: String = letters.into_iter().collect();
            let template = toml::from_str::<DeviceTemplate>(&damaged);
            match template.ok().filter(|it| it.check().is_ok() && plan(it).is_ok()) {
                Some(template) => {
                    decoded_if_on_modbus(&template);
                    taken += 1;
                }
                None => refused += 1,
            }
        }
    }
    assert!(100 < refused && 100 < taken, "{refused} refused, {taken} taken");
}

fn decoded_if_on_modbus(template: &DeviceTemplate) {
    if template.modbus.is_some() {
        let registers = (0..=u16::MAX).step_by(3).map(|it| (it, it)).collect();
        drop(examine(template, &decoded(template, &registers)));
    }
}
