//! SIGKILL of agents, the short way: the program `kill9` finds nothing, and every bug that is planted.
//! `./x kill9` is the long way; `FOREWARN_KILLS9` and `FOREWARN_SEED` are its numbers here.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use forewarn_tests::own_program;
use serde_json::Value;

#[test]
fn a_killed_agent_loses_nothing_that_it_accepted_and_doubles_nothing() {
    let runs = std::env::var("FOREWARN_KILLS9").unwrap_or_else(|_unset| "200".to_owned());
    let Some((line, code)) = run(&["--runs", &runs]) else { return };
    assert_eq!((&line["lost"], &line["duplicated"]), (&Value::from(0), &Value::from(0)), "{line}");
    assert_eq!((&line["violations"], code), (&Value::from(0), Some(0)), "{line}");
    assert!(1_000 < line["accepted"].as_u64().unwrap(), "{line}");
    assert_eq!(line["accepted"], line["received"], "{line}");
}

#[test]
fn a_broker_that_is_killed_and_a_server_that_goes_away_change_nothing_about_that() {
    let Some((line, code)) = run(&["--runs", "60", "--chaos"]) else { return };
    assert_eq!((&line["lost"], &line["duplicated"]), (&Value::from(0), &Value::from(0)), "{line}");
    assert_eq!((&line["violations"], code), (&Value::from(0), Some(0)), "{line}");
    assert!(0 < line["broker_kills"].as_u64().unwrap(), "{line}");
}

#[test]
fn each_planted_bug_is_found() {
    let help = Command::new(own_program("kill9")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, listed) = help.split_once("planted:\n").unwrap();
    let bugs: Vec<&str> = listed.lines().filter_map(|it| it.split_whitespace().next()).collect();
    assert!(3 < bugs.len(), "{help}");
    for bug in bugs {
        let Some((line, code)) = run(&["--runs", "60", "--plant-bug", bug]) else { return };
        let number = |name: &str| line[name].as_u64().unwrap();
        assert!(0 < number("lost") + number("duplicated"), "{bug} was not found: {line}");
        assert_eq!(code, Some(1), "{bug}: {line}");
    }
}

/// The line that the program printed, and how it ended; `None` when it was left out.
fn run(words: &[&str]) -> Option<(Value, Option<i32>)> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(own_program("kill9"));
    command.arg("--json").args(words);
    if let Ok(seed) = std::env::var("FOREWARN_SEED") {
        command.args(["--seed", &seed]);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    if text.starts_with("SKIPPED") {
        return None;
    }
    Some((serde_json::from_str(text.trim()).unwrap(), output.status.code()))
}

/// The machine's cores are few, and each test loads them.
static ALONE: Mutex<()> = Mutex::new(());
