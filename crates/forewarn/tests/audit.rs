//! The audit trail as somebody checks it: over the records, exported, and altered.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::{Command, Output};

fn forewarn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_forewarn")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn verdict(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| unreachable!("{output:?}"))
}

#[test]
fn an_exported_trail_is_checked_without_a_database_and_the_first_altered_row_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let written = forewarn(&["demo", "--write-config", text(folder.path())]);
    assert!(written.status.success(), "{written:?}");
    let settings = folder.path().join("config/demo/server.toml");
    let settings = text(&settings);
    let taken_over = folder.path().join("export");
    let exported = forewarn(&["config", "--config", settings, "export", "--to", text(&taken_over)]);
    assert!(exported.status.success(), "{exported:?}");
    let before = forewarn(&["audit", "verify", "--config", settings, "--json"]);
    assert_eq!(before.status.code(), Some(0), "{before:?}");
    let rows = verdict(&before)["rows"].as_i64().unwrap();
    assert!(3 < rows, "site, rules, templates and the export are in it: {rows}");

    let file = folder.path().join("audit.jsonl");
    let author = ["--author", "Wang Fang"];
    let export = [&["audit", "export", "--config", settings, "--to", text(&file)], &author[..]];
    let exported = forewarn(&export.concat());
    assert!(exported.status.success(), "{exported:?}");
    let again = forewarn(&export.concat());
    assert_eq!(again.status.code(), Some(1), "a file that is there is not written over: {again:?}");
    let whole = forewarn(&["audit", "verify", "--file", text(&file), "--json"]);
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    assert_eq!(verdict(&whole)["rows"], rows + 1, "the export is in itself");

    let lines = std::fs::read_to_string(&file).unwrap();
    let altered = lines.replacen("config.change", "config.chance", 2).replacen(
        "config.chance",
        "config.change",
        1,
    );
    let at = lines.lines().enumerate().filter(|(_, it)| it.contains("config.change")).nth(1);
    let seq = i64::try_from(at.unwrap().0).unwrap() + 1;
    std::fs::write(&file, altered).unwrap();
    let found = forewarn(&["audit", "verify", "--file", text(&file), "--json"]);
    assert_eq!(found.status.code(), Some(4), "{found:?}");
    assert_eq!(verdict(&found)["first_bad"]["seq"], seq);

    let missing: String = lines.lines().skip(1).map(|it| format!("{it}\n")).collect();
    std::fs::write(&file, missing).unwrap();
    let found = forewarn(&["audit", "verify", "--file", text(&file)]);
    let told = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.status.code(), Some(4), "{told}");
    assert!(told.contains("ALTERED: row 1 is missing"), "{told}");
}

#[test]
fn a_trail_that_is_not_there_is_no_trail() {
    let nothing = forewarn(&["audit", "verify"]);
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    let absent = forewarn(&["audit", "verify", "--db", "nowhere.db"]);
    let why = String::from_utf8(absent.stderr).unwrap();
    assert!(absent.status.code() == Some(1) && why.contains("nowhere.db"), "{why}");
}
