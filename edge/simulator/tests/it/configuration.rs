//! Every file under `config/` that this crate answers for loads and fits the others.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use forewarn_domain::id::DeviceId;
use forewarn_domain::repair::{Activity, Outcome};
use forewarn_domain::site::plant::Plant as Site;
use forewarn_domain::text::Language;
use forewarn_simulator::signal::Signal;
use serde::Deserialize;

use crate::site;

#[test]
fn every_template_loads_and_names_its_points_in_both_languages() {
    for template in site::templates(&site::config().join("devices")) {
        template.check().unwrap();
        assert!(!template.device.title.zh.is_empty(), "{}", template.device.id);
        for point in &template.points {
            if let Some(name) = &point.name {
                assert!(!name.zh.is_empty(), "{}/{}", template.device.id, point.id);
            }
        }
    }
}

#[test]
fn the_demo_plant_is_accepted_and_every_point_of_it_has_a_model() {
    let plant = site::demo();
    assert_eq!(plant.devices().count(), 7);
    for device in plant.devices() {
        assert!(device.speed.is_some(), "{}", device.device.id);
        assert!(!device.device.name.zh.is_empty());
        for channel in device.channels.values().filter(|it| it.waveform.is_none()) {
            assert!(Signal::of(&channel.id.point()).is_some(), "{} has no model", channel.id);
        }
    }
}

#[test]
fn a_value_that_may_stick_is_reported_even_when_it_does_not_change() {
    for device in site::demo().devices() {
        for channel in device.channels.values().filter(|it| it.quantity.is_condition()) {
            assert!(!channel.on_change, "{} hides a sensor that stands still", channel.id);
        }
    }
}

#[test]
fn every_example_is_accepted() {
    let mut names = BTreeSet::new();
    let examples = site::config().join("examples");
    for entry in fs::read_dir(&examples).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        let (file, devices) = match name.strip_suffix(".toml") {
            Some(_) if name.ends_with(".rules.toml") => continue,
            Some(_) => (entry.clone(), examples.join("devices")),
            None => (entry.join("site.toml"), entry.join("devices")),
        };
        if !file.is_file() {
            continue;
        }
        Site::new(site::site_file(&file), site::templates(&devices)).unwrap();
        names.insert(name);
    }
    for name in ["azure_pdm.toml", "cnc_milling.toml", "femto.toml", "ims.toml", "okuma.toml"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    assert!(names.contains("nab-machine") && names.contains("skab"), "{names:?}");
}

#[test]
fn every_column_of_an_example_stands_in_the_recorded_file() {
    let nab = "nab_machine/data/realKnownCause/machine_temperature_system_failure.csv";
    let files = [("nab-machine", nab), ("skab", "skab/valve1/0.csv")];
    let Some(data) = recorded_data() else { return };
    for (example, file) in files {
        let folder = site::config().join("examples").join(example).join("devices");
        for template in site::templates(&folder) {
            let csv = template.csv.as_ref().unwrap();
            let header = first_line(&data.join(file));
            let known: Vec<&str> = header.split(csv.separator).collect();
            let columns = template.points.iter().map(|it| it.at.to_string());
            for column in columns.chain(csv.time.as_ref().map(|it| format!("csv:{it}"))) {
                let column = column.strip_prefix("csv:").unwrap();
                assert!(known.contains(&column), "{example}: {column} is not in {known:?}");
            }
        }
    }
}

fn recorded_data() -> Option<PathBuf> {
    let shared = env::var_os("FOREWARN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let data = shared.join("data");
    if data.is_dir() {
        return Some(data);
    }
    let required = env::var("FOREWARN_REQUIRE").unwrap_or_default();
    assert!(!required.contains("data"), "{} is missing", data.display());
    let name = "every_column_of_an_example_stands_in_the_recorded_file";
    say_skipped(name, &data);
    None
}

#[expect(clippy::print_stdout, reason = "a skipped test is to be seen")]
fn say_skipped(name: &str, data: &Path) {
    println!("SKIPPED {name}: needs {}", data.display());
}

fn first_line(path: &Path) -> String {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut line = String::new();
    if path.extension().is_some_and(|it| it == "gz") {
        io::BufReader::new(flate2::read::GzDecoder::new(file)).read_line(&mut line).unwrap();
    } else {
        io::BufReader::new(file).read_line(&mut line).unwrap();
    }
    line.trim_end().to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RepairFile {
    schema: String,
    #[serde(rename = "repair")]
    repairs: Vec<Repair>,
}

/// The shape of a record in `config/demo/repairs.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repair {
    days_ago: f64,
    device: DeviceId,
    component: String,
    activity: Activity,
    part: Option<String>,
    text: String,
    language: Language,
    cause: Option<String>,
    outcome: Outcome,
    hours: Option<f64>,
}

fn repairs() -> Vec<Repair> {
    let path = site::config().join("demo/repairs.toml");
    let file: RepairFile = toml::from_str(&site::read(&path)).unwrap();
    assert_eq!(file.schema, "forewarn.repairs/1");
    file.repairs
}

#[test]
fn the_repair_history_is_long_enough_and_names_only_what_exists() {
    let plant = site::demo();
    let repairs = repairs();
    assert!(60 <= repairs.len(), "{} records", repairs.len());
    assert!(repairs.iter().any(|it| 183.0 <= it.days_ago));
    for repair in &repairs {
        let device = plant.device(&repair.device).unwrap_or_else(|| panic!("{repair:?}"));
        let has_component =
            device.device.components.iter().any(|it| it.id.as_str() == repair.component);
        assert!(has_component, "{repair:?}");
        assert!(0.5 <= repair.days_ago && repair.text.chars().count() <= 400, "{repair:?}");
        assert!(repair.hours.is_none_or(|it| 0.0 < it && it < 40.0), "{repair:?}");
        let is_chinese = repair.text.chars().any(|it| ('\u{4e00}'..='\u{9fff}').contains(&it));
        assert_eq!(is_chinese, repair.language == Language::Zh, "{repair:?}");
        let replaces = repair.activity == Activity::Replace;
        assert!(!replaces || repair.part.is_some(), "{repair:?}");
        assert!(repair.cause.as_ref().is_none_or(|it| !it.is_empty()), "{repair:?}");
        let nothing = repair.outcome == Outcome::NothingFound;
        assert!(!nothing || repair.activity == Activity::Inspection, "{repair:?}");
    }
}

#[test]
fn every_part_that_may_fail_has_a_past_of_its_own_and_of_its_siblings() {
    let mut recent: BTreeMap<(String, String), u32> = BTreeMap::new();
    for repair in repairs().iter().filter(|it| it.days_ago < 92.0) {
        *recent.entry((repair.device.to_string(), repair.component.clone())).or_default() += 1;
    }
    for (device, component) in [
        ("mill-01", "spindle"),
        ("mill-02", "spindle"),
        ("mill-03", "spindle"),
        ("press-01", "hydraulics"),
        ("press-02", "hydraulics"),
        ("pump-01", "pump"),
        ("pump-02", "pump"),
    ] {
        let found = recent.get(&(device.to_owned(), component.to_owned()));
        assert!(found.is_some_and(|it| 1 <= *it), "{device}/{component} in the last three months");
    }
    for language in [Language::En, Language::Zh] {
        assert!(20 <= repairs().iter().filter(|it| it.language == language).count());
    }
}
