//! Recorded Modbus traffic: decoded as a reference decoder did, and served to the agent's own code.
//!
//! `./x captures DIR --json` prints one line: questions and answers in the recordings, how many of
//! the agent's readings were wrong, and how many belonged to another question. `--plant-bug NAME`
//! puts a fault in and must be seen. Without words it is a test over the shared recordings.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this test is a command as well and tells what it found"
)]

#[path = "captures/exchanges.rs"]
mod exchanges;
#[path = "captures/folder.rs"]
mod folder;
#[path = "captures/pcap.rs"]
mod pcap;
#[path = "captures/polled.rs"]
mod polled;
#[path = "captures/serve.rs"]
mod serve;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use exchanges::Exchange;
use folder::Capture;
use polled::{Manner, Tally, poll_server};
use serde_json::json;
use serve::Bug;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|it| it == "--list") {
        println!("captures: test");
        return ExitCode::SUCCESS;
    }
    // `cargo test NAME` hands the name to every test.
    let is_other = words.iter().any(|it| !it.starts_with('-') && !"captures".contains(it.as_str()));
    let done = match is_command(&words) {
        true => command(&words),
        false if is_other => Ok(ExitCode::SUCCESS),
        false => test(),
    };
    done.unwrap_or_else(|why| {
        eprintln!("captures: {why}");
        ExitCode::FAILURE
    })
}

fn is_command(words: &[String]) -> bool {
    let is_flag = |it: &String| {
        ["--json", "--plant-bug", "--patience-ms", "--timeout-ms"].contains(&it.as_str())
    };
    let is_folder = |it: &String| it.contains('/') || Path::new(it).is_dir();
    words.iter().any(is_flag) || words.first().is_some_and(is_folder)
}

struct Arguments {
    folder: PathBuf,
    is_json: bool,
    manner: Manner,
}

fn command(words: &[String]) -> Result<ExitCode, String> {
    let arguments = match parse(words) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!(
                "captures: {why}\nusage: captures DIR [--json] [--plant-bug NAME] [--patience-ms 500] [--timeout-ms 400]"
            );
            return Ok(ExitCode::from(2));
        }
    };
    let (captures, unreadable) = folder::read(&arguments.folder)?;
    let report = report(&captures, &unreadable, arguments.manner);
    report.print(arguments.is_json);
    Ok(report.exit_code())
}

fn parse(words: &[String]) -> Result<Arguments, String> {
    let (mut folder, mut is_json) = (None, false);
    let mut manner = MANNER;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut number = || {
            let text = words.next().map(String::as_str).unwrap_or_default();
            text.parse::<u32>().map_err(|_no_number| format!("{word} takes milliseconds"))
        };
        match word.as_str() {
            "--json" => is_json = true,
            "--patience-ms" => manner.patience_us = i64::from(number()?) * 1_000,
            "--timeout-ms" => manner.timeout_ms = number()?,
            "--plant-bug" => {
                let name = words.next().map(String::as_str).unwrap_or_default();
                let names: Vec<&str> = Bug::ALL.iter().map(|it| it.0).collect();
                let found = Bug::ALL.iter().find(|it| it.0 == name);
                let refused =
                    || format!("`{name}` is no planted fault; there are {}", names.join(", "));
                manner.bug = Some(found.ok_or_else(refused)?.1);
            }
            other if other.starts_with('-') => return Err(format!("`{other}` is unknown")),
            other if folder.is_none() => folder = Some(PathBuf::from(other)),
            other => return Err(format!("`{other}` is one folder too many")),
        }
    }
    Ok(Arguments { folder: folder.ok_or("which folder?")?, is_json, manner })
}

struct Report {
    captures: usize,
    without_modbus: usize,
    requests: usize,
    answered: usize,
    /// Lines that a reference decoder wrote otherwise.
    differing: usize,
    unreferenced: usize,
    tally: Tally,
    unreadable: Vec<String>,
}

fn report(captures: &[Capture], unreadable: &[String], manner: Manner) -> Report {
    let exchanges = || captures.iter().flat_map(|it| &it.exchanges);
    let planted = match manner.bug {
        Some(Bug::Decode) => exchanges().filter(|it| it.answer.is_some()).count(),
        _ => 0,
    };
    Report {
        captures: captures.len(),
        without_modbus: captures.iter().filter(|it| it.exchanges.is_empty()).count(),
        requests: exchanges().count(),
        answered: exchanges().filter(|it| it.answer.is_some()).count(),
        differing: planted + captures.iter().filter_map(|it| it.differing).sum::<usize>(),
        unreferenced: captures
            .iter()
            .filter(|it| it.differing.is_none() && !it.exchanges.is_empty())
            .count(),
        tally: poll_all(captures, manner),
        unreadable: unreadable.to_vec(),
    }
}

/// All recorded servers side by side.
fn poll_all(captures: &[Capture], manner: Manner) -> Tally {
    let mut servers: BTreeMap<(&str, &str), Vec<&Exchange>> = BTreeMap::new();
    for capture in captures {
        for exchange in &capture.exchanges {
            let key = (capture.name.as_str(), exchange.server.as_str());
            servers.entry(key).or_default().push(exchange);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let polled = runtime.block_on(futures::future::join_all(
        servers.values().map(|exchanges| Box::pin(poll_server(exchanges, manner))),
    ));
    let mut tally = Tally::default();
    polled.into_iter().for_each(|it| tally.add(it));
    tally
}

impl Report {
    fn wrong(&self) -> u64 {
        self.tally.wrong + u64::try_from(self.differing).unwrap_or(u64::MAX)
    }

    fn print(&self, is_json: bool) {
        let tally = &self.tally;
        if is_json {
            let line = json!({
                "requests": self.requests, "answered": self.answered, "wrong": self.wrong(),
                "misattributed": tally.misattributed, "captures": self.captures,
                "without_modbus": self.without_modbus, "without_reference": self.unreferenced,
                "decoded_differently": self.differing, "polled": tally.polled,
                "polled_right": tally.right, "polled_refused": tally.refused,
                "polled_late": tally.late, "polled_missing": tally.missing,
                "polled_missed": tally.missed, "readings": tally.readings,
                "stale_answers_sent": tally.stale_sent, "stray_questions": tally.strays,
                "unreadable": self.unreadable,
            });
            println!("{line}");
            return;
        }
        println!(
            "{} recordings, {} of them without Modbus: {} questions, {} answered; {} lines differ from \
             the reference decoder",
            self.captures, self.without_modbus, self.requests, self.answered, self.differing
        );
        println!(
            "polled {}: {} right, {} refused, {} late, {} never answered, {} missed; {} readings, {} \
             wrong, {} misattributed; {} stale answers sent",
            tally.polled,
            tally.right,
            tally.refused,
            tally.late,
            tally.missing,
            tally.missed,
            tally.readings,
            tally.wrong,
            tally.misattributed,
            tally.stale_sent
        );
        self.unreadable.iter().for_each(|it| println!("not read: {it}"));
    }

    fn exit_code(&self) -> ExitCode {
        if 0 < self.wrong() || 0 < self.tally.misattributed {
            return ExitCode::from(4);
        }
        let is_partly = 0 < self.tally.missed || !self.unreadable.is_empty();
        ExitCode::from(if is_partly { 3 } else { 0 })
    }
}

/// The recordings as they are, and every planted fault on those that are quick to serve.
fn test() -> Result<ExitCode, String> {
    let shared = std::env::var_os("FOREWARN_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("data/ics_captures");
    if !folder.try_exists().is_ok_and(|is_there| is_there) {
        println!("SKIPPED captures: needs {}", folder.display());
        let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|it| it == "data");
        return Ok(if is_required { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let (captures, unreadable) = folder::read(&folder)?;
    let whole = report(&captures, &unreadable, MANNER);
    whole.print(true);
    let tally = &whole.tally;
    assert_eq!((whole.differing, whole.unreferenced, unreadable.len()), (0, 0, 0));
    assert_eq!((tally.wrong, tally.misattributed), (0, 0));
    assert!(8_000 < tally.right && 20 < tally.late && 20 < tally.missing, "{tally:?}");
    assert!(tally.missed * 200 < tally.right, "the agent hardly read anything: {tally:?}");
    let mut quick = captures;
    quick.iter_mut().for_each(|it| it.exchanges.truncate(QUICK));
    for (name, bug) in Bug::ALL {
        let seen = report(&quick, &[], Manner { bug: Some(bug), ..MANNER });
        let found = seen.wrong() + seen.tally.misattributed;
        assert!(0 < found, "the planted fault `{name}` was not seen");
        println!("planted fault `{name}`: seen {found} times");
    }
    Ok(ExitCode::SUCCESS)
}

/// Of each recording, enough to see a planted fault.
const QUICK: usize = 300;

/// Half a second is what a template waits that says nothing else. Here nobody need wait so long for
/// what will not come.
const MANNER: Manner = Manner { patience_us: 500_000, timeout_ms: 400, bug: None };
