//! Recorded folders through the command `forewarn backtest`, and the score that comes of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use forewarn_tests::{own_program, root, shared, skipped};
use serde_json::Value;

#[test]
fn the_same_rules_open_the_very_same_tickets_and_miss_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    write_plant(folder.path());
    let rules = folder.path().join("rules.toml");
    let lines = backtest(folder.path(), &["--rules", rules.to_str().unwrap()]);
    let (tickets, summary) = (tickets(&lines), lines.last().unwrap());
    assert_eq!(tickets.len(), 2, "{lines:?}");
    let difference = &summary["difference"];
    assert_eq!(difference["ids_kept"], 2, "{summary}");
    for empty in ["ids_new", "ids_gone", "newly_caught", "newly_missed"] {
        assert_eq!(difference[empty].as_array().unwrap().len(), 0, "{empty}: {summary}");
    }
    assert_eq!(lines, backtest(folder.path(), &["--rules", rules.to_str().unwrap()]));
}

#[test]
fn a_ticket_cites_the_last_replacement_and_none_follows_the_repair() {
    let folder = tempfile::tempdir().unwrap();
    write_plant(folder.path());
    let lines = backtest(folder.path(), &[]);
    let summary = lines.last().unwrap();
    assert_eq!((&summary["precision"], &summary["recall"]), (&1.0.into(), &1.0.into()));
    assert_eq!(summary["after_repair"], 0, "{summary}");
    let cited: Vec<&str> =
        tickets(&lines).iter().map(|it| it["last_replaced"].as_str().unwrap()).collect();
    assert!(cited.iter().all(|it| it.starts_with("2026-01-02T06:00:00")), "{cited:?}");
    for ticket in tickets(&lines) {
        let text = ticket["summary"]["en"].as_str().unwrap();
        assert!(text.contains("2 Jan"), "the date of the replacement: {text}");
        let past = ticket["past_repairs"].as_array().unwrap();
        let own: Vec<&Value> = past.iter().filter(|it| it["device"] == ticket["device"]).collect();
        assert_eq!(own.len(), 1, "{ticket}");
        assert!(ticket["cited_repairs"].as_array().unwrap().contains(&own[0]["id"]), "{ticket}");
    }
}

#[test]
fn stricter_rules_show_what_they_would_miss_and_the_miner_what_moved_first() {
    let folder = tempfile::tempdir().unwrap();
    write_plant(folder.path());
    let strict = folder.path().join("strict.toml");
    fs::write(&strict, RULES.replace("on = 3.0", "on = 300.0")).unwrap();
    let lines = backtest(folder.path(), &["--mine", "--rules", strict.to_str().unwrap()]);
    let summary = lines.last().unwrap();
    assert_eq!(summary["tickets"], 0, "{lines:?}");
    assert_eq!(summary["difference"]["newly_missed"].as_array().unwrap().len(), 2, "{summary}");
    let missed: Vec<&Value> = lines.iter().filter(|it| it["type"] == "missed").collect();
    assert_eq!(missed.len(), 2, "{lines:?}");
    for line in missed {
        let first = &line["first"];
        assert!(first["channel"].as_str().unwrap().ends_with("/pressure"), "{line}");
        let before_h = first["before_h"].as_f64().unwrap();
        assert!((40.0..=48.0).contains(&before_h), "it moved 48 h before: {line}");
    }
    let priced: Vec<&Value> = lines.iter().filter(|it| it["type"] == "proposed_rule").collect();
    assert_eq!(priced.len(), 1, "both failures propose the same rule: {lines:?}");
    assert_eq!((&priced[0]["catches"], &priced[0]["missed"]), (&2.into(), &2.into()), "{priced:?}");
    let lead_h = priced[0]["lead_h_median"].as_f64().unwrap();
    assert!((30.0..=48.0).contains(&lead_h), "the rule tells a day and more ahead: {priced:?}");
    let price = priced[0]["false_tickets_per_month"].as_f64().unwrap();
    assert!((0.0..=2.0).contains(&price), "three presses for a month: {priced:?}");
    // The proposed rule is a rule: in force, it does what its price says.
    let rule = priced[0]["toml"].as_str().unwrap();
    let with = folder.path().join("with.toml");
    fs::write(&with, format!("{}\n{rule}", fs::read_to_string(&strict).unwrap())).unwrap();
    let lines = backtest(folder.path(), &["--rules", with.to_str().unwrap()]);
    let summary = lines.last().unwrap();
    assert_eq!(summary["difference"]["newly_missed"].as_array().unwrap().len(), 0, "{summary}");
    assert_eq!(summary["false"], priced[0]["false"], "{summary}");
}

#[test]
fn a_hundred_machines_are_foretold_a_day_ahead_by_code_and_level_together() {
    let data = shared().join("data/azure_pdm");
    let Some(lines) = example("a hundred machines", "azure_pdm.toml", &data) else { return };
    let summary = lines.last().unwrap();
    let figure = |name: &str| summary[name].as_f64().unwrap();
    assert!(0.98 <= figure("precision"), "{summary}");
    assert!(0.95 <= figure("recall"), "{summary}");
    assert!(24.0 <= figure("lead_h_median"), "{summary}");
    assert!(0.98 <= figure("component_right"), "{summary}");
    let replaced = last_replacements(&data.join("maint.csv"));
    for ticket in tickets(&lines) {
        let key = format!("{}/{}", ticket["device"], ticket["component"]).replace('"', "");
        let detected = &ticket["detected_at"].as_str().unwrap()[..19];
        let before = replaced[&key].iter().rev().find(|at| at.as_str() < detected).unwrap();
        let cited = &ticket["last_replaced"].as_str().unwrap()[..19];
        assert_eq!(cited, before, "{ticket}");
    }
}

#[test]
fn bearings_are_heard_before_their_end_and_never_in_the_first_tenth_of_their_life() {
    let data = shared().join("data/femto");
    let Some(lines) = example("bearings", "femto.toml", &data) else { return };
    let summary = lines.last().unwrap();
    assert!(5 <= summary["matched"].as_u64().unwrap(), "{summary}");
    assert!(0.83 <= summary["recall"].as_f64().unwrap(), "{summary}");
    for ticket in tickets(&lines) {
        let leading = ticket["causes"][0]["code"].as_str().unwrap_or_default();
        let is_hidden = ["bearing-inner-race", "bearing-rolling-element"].contains(&leading);
        assert!(!is_hidden, "ten hertz cannot tell the inner race from the balls: {ticket}");
    }
}

#[test]
fn healthy_machines_get_no_ticket() {
    for (site, folder) in [
        ("ims.toml", "ims_day1"),
        ("cnc_milling.toml", "cnc_milling_umich"),
        ("okuma.toml", "okuma_shdr"),
    ] {
        let data = shared().join("data").join(folder);
        let Some(lines) = example(site, site, &data) else { continue };
        let summary = lines.last().unwrap();
        assert_eq!(summary["tickets"], 0, "{site}: {lines:?}");
        assert!(500 < summary["readings"].as_u64().unwrap(), "{site}: {summary}");
    }
}

/// Times of the replacements of each machine's parts, in order.
fn last_replacements(table: &Path) -> BTreeMap<String, Vec<String>> {
    let mut replaced: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in csv::Reader::from_path(table).unwrap().records() {
        let row = row.unwrap();
        let key = format!("machine-{}/{}", &row[1], &row[2]);
        replaced.entry(key).or_default().push(row[0].replace(' ', "T"));
    }
    replaced.values_mut().for_each(|it| it.sort());
    replaced
}

fn example(test: &str, site: &str, data: &Path) -> Option<Vec<Value>> {
    if !data.is_dir() {
        skipped(test, "data", &data.display().to_string());
        return None;
    }
    Some(run(&root().join("config/examples").join(site), data, &[]))
}

fn backtest(folder: &Path, more: &[&str]) -> Vec<Value> {
    run(&folder.join("site.toml"), folder, more)
}

fn run(site: &Path, data: &Path, more: &[&str]) -> Vec<Value> {
    let output = Command::new(own_program("forewarn"))
        .args(["backtest", "--json", "--site"])
        .arg(site)
        .arg("--data")
        .arg(data)
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
    lines
}

fn tickets(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|it| it["type"] == "ticket").collect()
}

/// Two presses for thirty days, hourly: the pressure of each is off for the 48 h before its failure,
/// and a day before it reports a code. A third press reports the code without a shift.
fn write_plant(folder: &Path) {
    fs::create_dir(folder.join("devices")).unwrap();
    for (name, text) in [
        ("site.toml", SITE),
        ("rules.toml", RULES),
        ("devices/press.toml", TEMPLATE),
        ("presses.csv", "press\n1\n2\n3\n"),
        (
            "events.csv",
            "time,press,code\n2026-01-19T06:00:00Z,1,E7\n2026-01-24T06:00:00Z,2,E7\n2026-01-15T06:00:00Z,3,E7\n",
        ),
        (
            "repairs.csv",
            "time,press,part,text\n2026-01-02T06:00:00Z,1,pump,pump replaced\n2026-01-02T06:00:00Z,2,pump,pump replaced\n2026-01-20T06:00:00Z,1,pump,pump replaced again\n",
        ),
        (
            "failures.csv",
            "time,press,part\n2026-01-20T06:00:00Z,1,pump\n2026-01-25T06:00:00Z,2,pump\n",
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = || {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        f64::from(u32::try_from(word >> 33).unwrap()) / f64::from(1_u32 << 30) - 1.0
    };
    let mut table = "time,press,pressure,temperature\n".to_owned();
    for hour in 0..720 {
        for press in 1..=3 {
            let fails_at = [0, 19 * 24 + 6, 24 * 24 + 6, 99_999][press];
            let is_off = (fails_at - 48..=fails_at).contains(&hour);
            let pressure = 100.0 + 3.0 * noise() + if is_off { 5.0 } else { 0.0 };
            let (day, of_day) = (1 + hour / 24, hour % 24);
            let temperature = 40.0 + noise();
            writeln!(
                table,
                "2026-01-{day:02}T{of_day:02}:00:00Z,{press},{pressure:.3},{temperature:.3}"
            )
            .unwrap();
        }
    }
    fs::write(folder.join("readings.csv"), table).unwrap();
}

const SITE: &str = r#"
schema = "forewarn.site/1"
[site]
id = "plant"
name = { en = "Plant", zh = "工厂" }
time_zone = "UTC"
[[link]]
id = "files"
via = { csv = {} }
[[device]]
id = "press"
name = { en = "Press", zh = "压力机" }
class = "press"
components = [{ id = "pump", name = { en = "pump", zh = "泵" }, kind = "hydraulics" }]
source = [{ id = "plc", template = "press", link = "files", mount = "pump" }]
[import]
rules = "rules.toml"
[import.devices]
file = "presses.csv"
id = "press"
pattern = "press"
[[import.readings]]
file = "readings*.csv"
device = "press"
[import.events]
file = "events.csv"
time = "time"
device = "press"
code = "code"
channel = "plc/alarm"
[import.repairs]
file = "repairs.csv"
time = "time"
device = "press"
component = "part"
text = "text"
activity = "replace"
[import.failures]
file = "failures.csv"
time = "time"
device = "press"
component = "part"
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
sources = ["this test"]
[csv]
time = "time"
interval = "1h"
[[point]]
id = "pressure"
at = "csv:pressure"
type = "number"
unit = "bar"
quantity = "pressure"
[[point]]
id = "temperature"
at = "csv:temperature"
type = "number"
unit = "degC"
quantity = "temperature"
[[point]]
id = "alarm"
at = "csv:alarm"
type = "text"
quantity = "context"
"#;

const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "pump-shift"
kind = "shift"
evidence = true
quantity = ["pressure"]
direction = "above"
on = 3.0
off = 1.5
window = "16h"
pool = "class"
learn = { samples = 128, for = "24h" }
severity = "warning"
fault_family = "hydraulic"
[[rule]]
id = "pump-code"
kind = "code"
evidence = true
channels = ["alarm"]
component = "pump"
codes = ["E7"]
window = "24h"
severity = "warning"
fault_family = "hydraulic"
[[rule]]
id = "pump-failing"
kind = "together"
of = ["pump-shift", "pump-code"]
severity = "warning"
fault_family = "hydraulic"
"#;
