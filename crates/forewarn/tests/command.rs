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

#[test]
fn a_kept_model_judges_like_the_run_that_learned_it_and_an_older_version_can_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut word = 7_u32;
    let mut rows = |from: usize, until: usize, more: f64| -> String {
        let mut noise = || {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(word >> 16) / 65_536.0
        };
        let row = |it: usize| {
            let time = format!("2026-03-01 {:02}:{:02}:{:02}", it / 3_600, it / 60 % 60, it % 60);
            let jump = if 700 <= it { more } else { 0.0 };
            format!("{time},{},{}\n", 5.0 + noise() + jump, 20.0 + noise())
        };
        (from..until).map(row).collect()
    };
    let (head, tail) = (rows(0, 400, 0.0), rows(400, 1_000, 9.0));
    std::fs::write(path("all.csv"), format!("time,a,b\n{head}{tail}")).unwrap();
    std::fs::write(path("tail.csv"), format!("time,a,b\n{tail}")).unwrap();
    let models = path("models");
    let detect = |csv: &str, out: &str, more: &[&str]| {
        let (csv, out) = (path(csv), path(out));
        let words = ["detect", "--csv", text(&csv), "--time-column", "time", "--out", text(&out)];
        let done = forewarn(&[&words[..], &["--json"], more].concat());
        assert!(done.status.success(), "{done:?}");
        std::fs::read_to_string(out).unwrap()
    };
    let keep = ["--learn-rows", "400", "--keep-model", text(&models)];
    let learned = detect("all.csv", "learned.csv", &keep);
    let judged = detect("tail.csv", "judged.csv", &["--model", text(&models)]);
    let behind: Vec<&str> = learned.lines().skip(401).collect();
    assert_eq!(judged.lines().skip(1).collect::<Vec<_>>(), behind, "the same rows, the same words");
    assert!(behind.iter().any(|it| it.contains(",1,")), "the jump is found");

    detect("all.csv", "again.csv", &["--learn-rows", "300", "--keep-model", text(&models)]);
    let model =
        |more: &[&str]| forewarn(&[&["model", "--folder", text(&models), "--json"], more].concat());
    let lines = |done: &Output| String::from_utf8(done.stdout.clone()).unwrap();
    let back = model(&["--put-in-force", "1", "--reason", "the other one learned too little"]);
    let told: Vec<String> = lines(&back).lines().map(str::to_owned).collect();
    assert_eq!(told.len(), 2, "{back:?}");
    assert!(told[0].contains("\"in_force\":true") && told[0].contains("\"rows\":400"), "{told:?}");
    assert_eq!(detect("tail.csv", "judged.csv", &["--model", text(&models)]), judged);

    std::fs::write(models.join("1.json"), "{}").unwrap();
    let (csv, out) = (path("tail.csv"), path("judged.csv"));
    let refused = forewarn(&[
        "detect",
        "--csv",
        text(&csv),
        "--time-column",
        "time",
        "--out",
        text(&out),
        "--model",
        text(&models),
    ]);
    let why = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(why.contains("not the model of its card") && why.contains("put-in-force"), "{why}");
}
