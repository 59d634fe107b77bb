//! Power cuts, the short way: the program `powercut` finds nothing in the sound spool, and every bug
//! that is planted. `./x powercut` is the long way; `FOREWARN_POWER_CUTS` and `FOREWARN_SEED` are its
//! numbers here.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

use std::process::Command;

use forewarn_tests::own_program;
use serde_json::Value;

#[test]
fn a_power_cut_or_a_second_one_between_any_two_system_calls_loses_nothing_that_was_accepted() {
    let states = std::env::var("FOREWARN_POWER_CUTS").unwrap_or_else(|_unset| "300".to_owned());
    let Some((lines, code)) = run(&["--states", &states]) else { return };
    let models: Vec<&Value> = lines.iter().filter(|it| it["type"] == "model").collect();
    assert_eq!(models.len(), 4, "two models, one cut and two");
    for model in models {
        assert_eq!(model["lost"], 0, "{model}");
        assert!(50 < model["distinct"].as_u64().unwrap(), "{model}");
    }
    assert_eq!(code, Some(0));
}

#[test]
fn each_planted_bug_is_found() {
    let help = Command::new(own_program("powercut")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, listed) = help.split_once("planted:\n").unwrap();
    let bugs: Vec<&str> = listed.lines().filter_map(|it| it.split_whitespace().next()).collect();
    assert!(5 < bugs.len(), "{help}");
    for bug in bugs {
        let Some((lines, code)) = run(&["--states", "150", "--plant-bug", bug]) else { return };
        for model in lines.iter().filter(|it| it["type"] == "model") {
            let is_found = 0 < model["lost"].as_u64().unwrap();
            assert_eq!(Some(is_found), model["must_find"].as_bool(), "{bug}: {model}");
        }
        assert_eq!(code, Some(1), "{bug} was not found");
    }
}

/// The lines that the program printed, and how it ended; `None` when it was left out.
fn run(words: &[&str]) -> Option<(Vec<Value>, Option<i32>)> {
    let mut command = Command::new(own_program("powercut"));
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
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Some((lines, output.status.code()))
}
