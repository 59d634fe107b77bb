//! The command as somebody types it: files to start from, versions of a configuration, refusals.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::{Command, Output};

fn forewarn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_forewarn")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_written_configuration_is_exported_changed_and_applied_as_a_new_version() {
    let folder = tempfile::tempdir().unwrap();
    let written = forewarn(&["demo", "--write-config", text(folder.path())]);
    assert!(written.status.success(), "{written:?}");
    let settings = folder.path().join("config/demo/server.toml");
    let config =
        |more: &[&str]| forewarn(&[&["config", "--config", text(&settings)], more].concat());
    let export = folder.path().join("export");
    assert!(config(&["export", "--to", text(&export)]).status.success());
    let same = config(&["diff", "--from", text(&export)]);
    assert_eq!((same.status.code(), same.stdout.len()), (Some(0), 0), "{same:?}");

    let rules = export.join("rules.toml");
    let changed = std::fs::read_to_string(&rules).unwrap().replacen("on = 70.0", "on = 68.0", 1);
    std::fs::write(&rules, changed).unwrap();
    let differs = config(&["diff", "--from", text(&export)]);
    let shown = String::from_utf8(differs.stdout).unwrap();
    assert_eq!(differs.status.code(), Some(4), "a person should look");
    assert!(shown.contains("rules rules: + on = 68.0"), "{shown}");

    let who = ["--author", "Li Wei", "--reason", "tighter oil limit"];
    let applied = config(&[&["apply", "--from", text(&export)], &who[..]].concat());
    assert_eq!(String::from_utf8(applied.stdout).unwrap(), "rules rules: version 2\n");
    assert_eq!(config(&["diff", "--from", text(&export)]).status.code(), Some(0));

    std::fs::write(&rules, "schema = \"forewarn.rule/1\"\nversion = 1\nrules = 3\n").unwrap();
    let refused = config(&[&["apply", "--from", text(&export)], &who[..]].concat());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(why.contains("rules.toml") && why.contains("unknown field"), "{why}");
}

#[test]
fn a_wrong_call_is_refused_with_what_would_be_right() {
    assert_eq!(forewarn(&["replay"]).status.code(), Some(2), "usage");
    let elsewhere = forewarn(&["demo", "--http", "0.0.0.0:0"]);
    let why = String::from_utf8(elsewhere.stderr).unwrap();
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(why.contains("loopback") && why.contains("forewarn serve"), "{why}");
    let absent = forewarn(&["serve", "--config", "nowhere.toml"]);
    let why = String::from_utf8(absent.stderr).unwrap();
    assert!(!absent.status.success() && why.contains("nowhere.toml"), "{why}");
}
