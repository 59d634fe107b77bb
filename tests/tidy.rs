//! Rules of the house that neither rustc nor clippy knows. `ARCHITECTURE.md` says why each holds.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use forewarn_tests::root;

/// Who may depend on whom. A new line here is a design decision: see `ARCHITECTURE.md`.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("forewarn-domain", &[]),
    ("forewarn-vibration", &[]),
    ("forewarn-lifecycle", &[]),
    ("forewarn-wire", &["domain", "lifecycle"]),
    ("forewarn-store", &["domain", "lifecycle"]),
    ("forewarn-notify", &["domain", "lifecycle"]),
    ("forewarn-detect", &["domain", "vibration"]),
    ("forewarn-diagnose", &["domain", "vibration"]),
    ("forewarn-tickets", &["domain"]),
    ("forewarn-engine", &["domain", "detect", "diagnose", "tickets"]),
    ("forewarn-api", &["domain", "store", "tickets", "engine", "lifecycle"]),
    (
        "forewarn-server",
        &[
            "domain",
            "vibration",
            "lifecycle",
            "wire",
            "store",
            "notify",
            "detect",
            "diagnose",
            "tickets",
            "engine",
            "api",
        ],
    ),
    ("forewarn-agent", &["domain", "vibration", "wire", "lifecycle"]),
    ("forewarn-simulator", &["domain", "vibration", "wire", "lifecycle"]),
];

/// These may see everything: the command composes the house, the others look at it from outside.
const MAY_DEPEND_ON_ALL: &[&str] = &["forewarn", "forewarn-tests", "forewarn-benches"];

/// Each foreign library has one home, or a few that are named.
const HOMES: &[(&str, &[&str])] = &[
    ("argon2", &["forewarn-api"]),
    ("axum", &["forewarn-api", "forewarn-server"]),
    ("clap", &["forewarn", "forewarn-agent"]),
    ("indicatif", &["forewarn"]),
    ("influxdb2", &["forewarn-store"]),
    ("linfa", &["forewarn-detect"]),
    ("pco", &["forewarn-store"]),
    ("polars", &["forewarn-engine", "forewarn-detect"]),
    ("lettre", &["forewarn-notify"]),
    ("prost", &["forewarn-agent"]),
    ("quick-xml", &["forewarn-agent"]),
    ("realfft", &["forewarn-vibration"]),
    ("reqwest", &["forewarn-store", "forewarn-notify"]),
    ("ring", &["forewarn-store"]),
    ("rumqttc", &["forewarn-wire"]),
    ("rumqttd", &["forewarn-wire"]),
    ("rusqlite", &["forewarn-store", "forewarn-agent"]),
    ("rust-embed", &["forewarn-api"]),
    ("sqlx", &["forewarn-store"]),
    ("rustls", &["forewarn-wire", "forewarn-notify", "forewarn-store", "forewarn-server"]),
    ("tokio-modbus", &["forewarn-agent", "forewarn-simulator"]),
    ("utoipa", &["forewarn-api"]),
];

/// Crates that only compute: no tasks, no clock, no chance.
const PURE: &[&str] = &["domain", "vibration", "detect", "diagnose", "tickets", "engine"];

#[test]
fn crates_depend_only_on_what_the_architecture_allows() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.iter().copied().collect();
    for (name, dependencies) in manifests() {
        if MAY_DEPEND_ON_ALL.contains(&name.as_str()) {
            continue;
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            panic!("`{name}` is in the workspace but not in MAY_DEPEND_ON");
        };
        let excess: Vec<_> = dependencies
            .iter()
            .filter_map(|it| it.strip_prefix("forewarn-"))
            .filter(|it| !allowed.contains(it))
            .collect();
        assert!(excess.is_empty(), "`{name}` must not depend on {excess:?}");
    }
}

#[test]
fn a_foreign_library_has_one_home() {
    for (name, dependencies) in manifests() {
        if name == "forewarn-tests" || name == "forewarn-benches" {
            continue;
        }
        for (library, homes) in HOMES {
            let is_used = dependencies.contains(*library);
            assert!(
                !is_used || homes.contains(&name.as_str()),
                "`{library}` has no home in `{name}`"
            );
        }
    }
}

#[test]
fn every_crate_takes_the_lint_table_of_the_workspace() {
    for path in manifest_paths() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{} lacks it", path.display());
    }
}

#[test]
fn every_source_file_says_what_it_is_for_and_stays_short() {
    for path in files(&["crates", "edge", "tests", "benches"], &["rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} has no module doc", path.display());
        let production = text.split("#[cfg(test)]").next().unwrap().lines().count();
        let is_test = is_of_tests(&path);
        assert!(is_test || production <= 500, "{}: {production} lines", path.display());
        assert!(path.file_name().unwrap() != "mod.rs", "{}: no mod.rs", path.display());
    }
}

#[test]
fn pure_crates_know_no_task_no_clock_and_no_chance() {
    let forbidden =
        ["async fn", "tokio::", "SystemTime", "Instant::now", "Utc::now", " rand::", "new_v4"];
    for name in PURE {
        for path in files(&[&format!("crates/{name}/src")], &["rs"]) {
            let text = fs::read_to_string(&path).unwrap();
            for word in forbidden {
                assert!(!text.contains(word), "{} contains `{word}`", path.display());
            }
        }
    }
}

#[test]
fn only_one_file_knows_topics() {
    for path in files(&["crates", "edge"], &["rs"]) {
        let production = fs::read_to_string(&path).unwrap();
        let production = production.split("#[cfg(test)]").next().unwrap();
        let code = production.lines().filter(|line| !line.trim_start().starts_with("//"));
        let is_home = path.ends_with("wire/src/topic.rs");
        let is_test = is_of_tests(&path);
        assert!(
            is_home || is_test || !code.into_iter().any(|line| line.contains("\"forewarn/v1")),
            "{} spells a topic",
            path.display()
        );
    }
}

#[test]
fn nothing_half_done_and_no_rooms_without_a_name() {
    let todo = ["TO", "DO"].concat();
    for path in files(&["crates", "edge", "config", "models"], &["rs", "ts", "tsx", "toml"]) {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.contains(&todo)) {
            assert!(line.contains('#'), "{}: {line}", path.display());
        }
        for folder in ["util", "common", "helpers", "misc", "core"] {
            let is_there = path.components().any(|it| it.as_os_str() == folder);
            assert!(!is_there, "{} lives in `{folder}`", path.display());
        }
    }
}

#[test]
fn decision_records_are_never_rewritten() {
    let git = std::process::Command::new("git")
        .args(["log", "--diff-filter=DM", "--name-only", "--format=", "--", "docs/decisions"])
        .current_dir(root())
        .output();
    // A source archive has no history to look at.
    let Ok(output) = git else { return };
    let touched = String::from_utf8(output.stdout).unwrap();
    assert!(touched.trim().is_empty(), "these records were changed after the fact: {touched}");
}

fn manifests() -> Vec<(String, BTreeSet<String>)> {
    manifest_paths()
        .iter()
        .map(|path| {
            let manifest: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
            let name = manifest["package"]["name"].as_str().unwrap().to_owned();
            let dependencies = manifest.get("dependencies").and_then(|it| it.as_table());
            (name, dependencies.map(|it| it.keys().cloned().collect()).unwrap_or_default())
        })
        .collect()
}

fn manifest_paths() -> Vec<PathBuf> {
    let mut paths = vec![root().join("tests/Cargo.toml"), root().join("benches/Cargo.toml")];
    for folder in ["crates", "edge"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            paths.push(entry.unwrap().path().join("Cargo.toml"));
        }
    }
    paths
}

fn files(folders: &[&str], endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|it| root().join(it)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|_| panic!("{}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["node_modules", "dist", "target"].contains(&name.as_str()) {
                waiting.push(path);
            } else if has_ending(&path, endings) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no files under {folders:?}");
    found
}

/// Whether a file is a test or a bench. Looked for below the checkout: its own path says nothing.
fn is_of_tests(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap();
    inside.components().any(|it| ["tests", "benches"].iter().any(|name| it.as_os_str() == *name))
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().and_then(|it| it.to_str()).is_some_and(|it| endings.contains(&it))
}
