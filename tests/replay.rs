//! Recorded data of real machines through the command `forewarn replay`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use forewarn_tests::{own_program, root, shared, skipped};
use serde_json::Value;

#[test]
fn a_machine_temperature_of_eleven_weeks_is_replayed_row_by_row() {
    let file = shared()
        .join("data/nab_machine/data/realKnownCause/machine_temperature_system_failure.csv");
    let Some(lines) = replay("a machine temperature", "nab-machine", &[file]) else { return };
    let summary = lines.last().unwrap();
    let (readings, late) = (&summary["readings"], &summary["late"]);
    assert_eq!((readings, late), (&22_684.into(), &11.into()), "the file repeats one hour");
    assert_eq!(summary["unreadable_cells"], 0);
    assert!(summary["from"].as_str().unwrap().starts_with("2013-12-02T"), "{summary}");
}

#[test]
fn a_pump_experiment_is_replayed_with_all_its_signals() {
    let file = shared().join("data/skab/anomaly-free/anomaly-free.csv");
    let Some(lines) = replay("a pump experiment", "skab", &[file]) else { return };
    let summary = lines.last().unwrap();
    assert_eq!(summary["readings"].as_u64().unwrap() % 8, 0, "eight signals a row");
    assert_eq!(summary["tickets"], 0, "nothing is wrong in it: {lines:?}");
    assert_eq!(summary["states"]["rig-1"]["all"], 9_405, "one state, and every row is in it");
    assert_ne!(summary["rules"]["learning"], 0, "what cannot speak yet is said: {summary}");
}

#[test]
fn with_short_learning_every_rule_watches_and_the_healthy_pump_stays_silent() {
    let file = shared().join("data/skab/anomaly-free/anomaly-free.csv");
    let Some(lines) = replay_by_rules("short learning", "skab", &[file]) else { return };
    let summary = lines.last().unwrap();
    assert_eq!(summary["rules"]["learning"], 0, "{summary}");
    assert_eq!(summary["tickets"], 0, "nothing is wrong in it: {lines:?}");
}

#[test]
fn with_short_learning_a_shaking_pump_gets_one_ticket_inside_the_labelled_time() {
    let file = shared().join("data/skab/other/5.csv");
    let Some(lines) = replay_by_rules("a shaking pump", "skab", &[file]) else { return };
    let [ticket, _summary] = lines.as_slice() else { panic!("not one ticket: {lines:?}") };
    assert_eq!((&ticket["component"], &ticket["fault_family"]), (&"pump".into(), &"rotor".into()));
    let detected = ticket["detected_at"].as_str().unwrap();
    assert!(
        ("2020-02-08T16:16:48"..="2020-02-08T16:23:56").contains(&&detected[..19]),
        "{detected}"
    );
}

#[test]
fn runs_of_a_milling_machine_follow_one_another() {
    let runs = ["01", "02"]
        .map(|run| shared().join(format!("data/cnc_milling_umich/experiment_{run}.csv.gz")));
    let Some(lines) = replay("milling runs", "cnc_milling.toml", &runs) else { return };
    let summary = lines.last().unwrap();
    assert!(10_000 < summary["readings"].as_u64().unwrap(), "{summary}");
    assert_eq!(summary["late"], 0, "the second run comes after the first");
    let states = summary["states"]["mill-1"].as_object().unwrap();
    let known: Vec<&str> = states.keys().map(String::as_str).collect();
    assert_eq!(known, ["cut", "prepare", "travel"], "every row has a state of its own");
}

#[test]
fn the_same_file_gives_the_same_tickets() {
    let file = shared()
        .join("data/nab_machine/data/realKnownCause/machine_temperature_system_failure.csv");
    let replays =
        [1, 2].map(|_| replay("the same file", "nab-machine", std::slice::from_ref(&file)));
    let [Some(one), Some(two)] = replays else { return };
    assert_eq!(one, two);
}

fn replay(test: &str, example: &str, files: &[PathBuf]) -> Option<Vec<Value>> {
    run(test, example, files, &[])
}

/// As [`replay`], with the rules that lie beside the example's site file.
fn replay_by_rules(test: &str, example: &str, files: &[PathBuf]) -> Option<Vec<Value>> {
    let rules = root().join("config/examples").join(example).join("rules.toml");
    run(test, example, files, &[OsStr::new("--rules"), rules.as_os_str()])
}

fn run(test: &str, example: &str, files: &[PathBuf], more: &[&OsStr]) -> Option<Vec<Value>> {
    if let Some(absent) = files.iter().find(|it| !it.is_file()) {
        skipped(test, "data", &absent.display().to_string());
        return None;
    }
    let example = root().join("config/examples").join(example);
    let site = if example.is_dir() { example.join("site.toml") } else { example };
    let output = Command::new(own_program("forewarn"))
        .arg("replay")
        .arg("--json")
        .arg("--site")
        .arg(site)
        .arg("--csv")
        .args(files)
        .args(more)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "", "progress is for terminals only");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    if lines.last().is_none_or(|it| it["type"] != "summary") {
        panic!("the last line is no summary: {text}");
    }
    Some(lines)
}
