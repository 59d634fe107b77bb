//! Recorded data of real machines through the command `forewarn replay`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::path::PathBuf;
use std::process::Command;

use forewarn_tests::{own_program, root, shared, skipped};
use serde_json::Value;

#[test]
fn a_machine_temperature_of_two_years_is_replayed_row_by_row() {
    let file = shared()
        .join("data/nab_machine/data/realKnownCause/machine_temperature_system_failure.csv");
    let Some(lines) = replay("a machine temperature", "nab-machine", &[file]) else { return };
    let summary = lines.last().unwrap();
    assert_eq!(summary["readings"], 22_695, "every row is one reading");
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
}

#[test]
fn runs_of_a_milling_machine_follow_one_another() {
    let runs = ["01", "02"]
        .map(|run| shared().join(format!("data/cnc_milling_umich/experiment_{run}.csv.gz")));
    let Some(lines) = replay("milling runs", "cnc-milling-umich", &runs) else { return };
    let summary = lines.last().unwrap();
    assert!(10_000 < summary["readings"].as_u64().unwrap(), "{summary}");
    assert_eq!(summary["late"], 0, "the second run comes after the first");
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
    if let Some(absent) = files.iter().find(|it| !it.is_file()) {
        skipped(test, "data", &absent.display().to_string());
        return None;
    }
    let site = root().join("config/examples").join(example).join("site.toml");
    let output = Command::new(own_program("forewarn"))
        .arg("replay")
        .arg("--json")
        .arg("--site")
        .arg(site)
        .arg("--csv")
        .args(files)
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
