//! `forewarn diagnose` as somebody types it: a synthetic record in every layout, and refusals.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use forewarn_vibration::bearing::{Defect, Geometry};
use forewarn_vibration::synth::{Machine, SeededDefect};
use serde_json::Value;

const RATE_HZ: f64 = 12_800.0;
const SCALE: f64 = 0.0002;

/// Two seconds of two channels in 16 bits: a damaged inner race, and a sound bearing.
fn record() -> Vec<u8> {
    let orders = Geometry::new(9, 7.94, 39.04, 0.0).unwrap().orders();
    let seeded = SeededDefect { defect: Defect::InnerRace, orders, impact_g: 0.8, slip: 0.005 };
    let healthy = Machine::healthy(29.5);
    let damaged = Machine { defect: Some(seeded), ..healthy };
    let (damaged, sound) = (damaged.burst(RATE_HZ, 25_600, 1), healthy.burst(RATE_HZ, 25_600, 2));
    let rounded = |sample: f64| -> [u8; 2] {
        let steps = format!("{:.0}", sample / SCALE).parse::<i16>().unwrap();
        steps.to_le_bytes()
    };
    damaged.iter().zip(&sound).flat_map(|(a, b)| [rounded(*a), rounded(*b)]).flatten().collect()
}

fn diagnose(file: &Path, more: &[&str]) -> Output {
    let common = [
        "diagnose",
        "--waveform",
        file.to_str().unwrap(),
        "--channels",
        "DE,FE",
        "--rate",
        "12800",
        "--scale",
        "0.0002,0.0002",
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.args(common).args(more).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_record_is_judged_whole_in_windows_and_in_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.i16.gz");
    let mut packed = GzEncoder::new(fs::File::create(&file).unwrap(), Compression::fast());
    packed.write_all(&record()).unwrap();
    packed.finish().unwrap();

    let race = ["--channel", "DE", "--rpm", "1770", "--bearing", "6205", "--json"];
    let whole = lines(&diagnose(&file, &race));
    assert_eq!(whole.len(), 1);
    assert_eq!((&whole[0]["verdict"], &whole[0]["cause"]), (&"fault".into(), &"inner_race".into()));
    let found_hz = whole[0]["frequency_hz"].as_f64().unwrap();
    assert!((found_hz / (5.4152 * 29.5) - 1.0).abs() < 0.01, "{found_hz}");
    assert!(2 <= whole[0]["harmonics"].as_array().unwrap().len(), "{whole:?}");
    assert!(whole[0]["scores"]["inner_race"].as_f64().unwrap() > 4.0, "{whole:?}");
    assert!(whole[0]["why"].as_str().unwrap().contains("BPFI"), "{whole:?}");

    let windows = lines(&diagnose(&file, &[&race[..], &["--window", "1s"]].concat()));
    assert_eq!(
        windows.iter().map(|it| it["window"].as_u64()).collect::<Vec<_>>(),
        [Some(0), Some(1)]
    );
    assert!(windows.iter().all(|it| it["cause"] == "inner_race"), "{windows:?}");
    assert_eq!(windows[1]["start_s"], 1.0);

    let series = [&race[..], &["--snapshot", "6400"]].concat();
    let over_all = lines(&diagnose(&file, &series));
    assert_eq!((over_all.len(), &over_all[0]["snapshots"]), (1, &4.into()));
    let each = lines(&diagnose(&file, &[&series[..], &["--window", "1s"]].concat()));
    assert_eq!(each.len(), 4);
    assert_eq!(each[3]["snapshot"], 3);

    let geometry = "n=9,d=7.94,D=39.04,angle=0";
    let sound = ["--channel", "FE", "--rpm", "1770", "--bearing", geometry, "--json"];
    let sound = lines(&diagnose(&file, &sound));
    assert_eq!((&sound[0]["verdict"], &sound[0]["cause"]), (&"healthy".into(), &Value::Null));
    let text = diagnose(&file, &race[..race.len() - 1]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("fault, inner race at 1"), "{text}");
}

#[test]
fn what_cannot_be_judged_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.i16");
    fs::write(&file, record()).unwrap();
    let refused = |more: &[&str]| refusal(&diagnose(&file, more));

    let unknown = refused(&["--channel", "BA", "--rpm", "1770"]);
    assert!(unknown.contains("`BA`") && unknown.contains("DE, FE"), "{unknown}");
    let unsaid = refused(&["--rpm", "1770"]);
    assert!(unsaid.contains("--channel"), "{unsaid}");
    let bearing = refused(&["--channel", "DE", "--rpm", "1770", "--bearing", "6205-ZZ"]);
    assert!(bearing.contains("6205-2RS JEM") && bearing.contains("n=9,d=7.94"), "{bearing}");
    let still = refused(&["--channel", "DE", "--rpm", "0"]);
    assert!(still.contains("stands still"), "{still}");
    let long = refused(&["--channel", "DE", "--rpm", "1770", "--window", "3s"]);
    assert!(long.contains("does not fit"), "{long}");
    let uneven = refused(&["--channel", "DE", "--rpm", "1770", "--snapshot", "6401"]);
    assert!(uneven.contains("whole number of snapshots"), "{uneven}");

    let mut odd = record();
    odd.truncate(9_999);
    fs::write(&file, &odd).unwrap();
    let size = refusal(&diagnose(&file, &["--channel", "DE", "--rpm", "1770"]));
    assert!(size.contains("9999 bytes") && size.contains("--format"), "{size}");
    odd.truncate(400);
    fs::write(&file, &odd).unwrap();
    let short = refusal(&diagnose(&file, &["--channel", "DE", "--rpm", "1770"]));
    assert!(short.contains("at least 1024"), "{short}");

    let catalogue = folder.path().join("bearings.csv");
    let header = forewarn_vibration::catalogue::HEADER;
    let row = "6205,SKF,9,7.94,39.04,0,25,52,x,0.3983,3.5848,5.8152,2.3567";
    fs::write(&catalogue, format!("{header}\n{row}\n")).unwrap();
    let with = ["--channel", "DE", "--rpm", "1770", "--catalogue", catalogue.to_str().unwrap()];
    let misprint = refused(&with);
    assert!(misprint.contains("line 2") && misprint.contains("bpfo + bpfi"), "{misprint}");
}
