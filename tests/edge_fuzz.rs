//! The readers of the edge against changed bytes, the short way; `./x fuzz` is the long way.
#![expect(clippy::print_stdout, reason = "what was found is read in the log")]

use std::process::Command;

use forewarn_tests::own_program;
use serde_json::Value;

#[test]
fn no_bytes_crash_a_reader_of_the_edge() {
    let output = Command::new(own_program("edge-fuzz")).args(["--seconds", "3"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines.len(), 7, "every target has run");
    for line in lines {
        assert_eq!(line["panics"], 0, "{line}");
        assert!(line["corpus"].as_u64().unwrap() < line["cases"].as_u64().unwrap(), "{line}");
    }
    assert!(output.status.success());
}
