//! Power cuts: a real spool's system calls are recorded, and what a cut between any two of them may
//! leave on a disk is opened by the real spool again.
//!
//! `--states 20000` draws that many states for each of two models of a file system, `--seed` draws
//! others; a tenth more are drawn behind a second cut. `--plant-bug NAME` plants a bug, which the same
//! exploration must find. Deliberately absent: disks that lie about a sync.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program stops at the first surprise, and says what it counted"
)]

mod bugs;
mod disk;
mod explorer;
mod oracle;
mod plan;
mod trace;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use forewarn_tests::{program, skipped};
use serde_json::json;

use bugs::{PLANTS, Plant, inodes};
use disk::Model;
use explorer::{APPENDS_AGAIN, Effort, Outcome, explore, explore_again};
use oracle::Oracle;
use plan::Mark;
use trace::{Inode, Life, Op, Script, may_trace, record};

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", help());
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("powercut: {why}\n\n{}", help());
            return ExitCode::from(2);
        }
    };
    let Some(strace) = program("strace").filter(|it| may_trace(it)) else {
        skipped("powercut", "peers", "strace (the package of that name), and permission to trace");
        return ExitCode::SUCCESS;
    };
    let ops = record(sound(&strace));
    let effort = Effort { states: options.states, seed: options.seed };
    let mut found = Vec::new();
    match options.bug {
        Some(plant) => {
            let (ops, oracle) = (plant.record(&strace, &ops), Oracle::new(APPENDS));
            found.extend(
                of_both(|model| explore(&ops, &oracle, model, effort)).map(|it| ("first", it)),
            );
        }
        None => {
            check_is_eventful(&ops);
            let oracle = Oracle::new(APPENDS + APPENDS_AGAIN);
            found.extend(
                of_both(|model| explore(&ops, &oracle, model, effort)).map(|it| ("first", it)),
            );
            let effort = Effort { states: (options.states / 10).max(SECOND_MIN), ..effort };
            let again = |model| explore_again(sound(&strace), &ops, &oracle, (model, effort));
            found.extend(of_both(again).map(|it| ("second", it)));
        }
    }
    for (cut, outcome) in &found {
        tell(&options, cut, outcome);
    }
    let states: usize = found.iter().map(|(_, it)| it.states).sum();
    let lost: usize = found.iter().map(|(_, it)| it.lost.len()).sum();
    if options.json {
        let planted = options.bug.map(|it| it.name);
        let seed = options.seed;
        println!(
            "{}",
            json!({ "type": "summary", "states": states, "lost": lost, "planted": planted, "seed": seed })
        );
    }
    ExitCode::from(u8::from(0 < lost))
}

fn tell(options: &Options, cut: &str, outcome: &Outcome) {
    if !options.json {
        println!("{cut} cut, {outcome}");
        return;
    }
    let line = json!({
        "type": "model",
        "model": format!("{:?}", outcome.model).to_lowercase(),
        "cut": cut,
        "states": outcome.states,
        "distinct": outcome.distinct,
        "places": outcome.places,
        "calls": outcome.calls,
        "lost": outcome.lost.len(),
        "must_find": options.bug.is_some_and(|it| it.shows_in.contains(&outcome.model)),
        "first": outcome.lost.first().map(ToString::to_string),
    });
    println!("{line}");
}

/// What is to be done.
struct Options {
    states: usize,
    seed: u64,
    json: bool,
    bug: Option<&'static Plant>,
}

impl Options {
    /// `None` asks for help.
    fn read(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { states: 300, seed: 1, json: false, bug: None };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
            match word.as_str() {
                "--states" => options.states = number(&value()?)?.max(1),
                "--seed" => options.seed = u64::try_from(number(&value()?)?).unwrap_or(1),
                "--json" => options.json = true,
                "--plant-bug" => {
                    let name = value()?;
                    let found = PLANTS.iter().find(|it| it.name == name);
                    let no_bug = format!("`{name}` is no bug that can be planted");
                    options.bug = Some(found.ok_or(no_bug)?);
                }
                "--help" => return Ok(None),
                _ => return Err(format!("`{word}` is no word of powercut")),
            }
        }
        Ok(Some(options))
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_not_one| format!("`{text}` is no number"))
}

fn help() -> String {
    let mut text = "usage: powercut [--states 300] [--seed 1] [--json] [--plant-bug NAME]\n\n\
         Exit code 0 when nothing was lost, 1 otherwise. Bugs that can be planted:\n"
        .to_owned();
    for plant in PLANTS {
        writeln!(text, "  {:18} {}", plant.name, plant.what).expect("a text takes anything");
    }
    text
}

/// The recording shows what can go wrong: the log is brought into the file and begins anew while
/// the spool is open, is found by a start after a kill, and is removed by a stop in order.
fn check_is_eventful(ops: &[Op]) {
    let (files, logs) = (inodes(ops, "spool.db"), inodes(ops, "spool.db-wal"));
    let checkpoints = ops.windows(2).filter(|pair| {
        let is_of =
            |op: &Op, of: &[Inode]| matches!(op, Op::Write { inode, .. } if of.contains(inode));
        !is_of(&pair[0], &files) && is_of(&pair[1], &files)
    });
    let begins = ops
        .iter()
        .filter(|op| matches!(op, Op::Write { inode, at: 0, .. } if logs.contains(inode)));
    let starts = ops.iter().filter(|op| matches!(op, Op::Say(Mark::Opened(_))));
    let (checkpoints, begins, starts) = (checkpoints.count(), begins.count(), starts.count());
    assert_eq!((files.len(), starts), (1, LIVES.len()));
    assert!(LIVES.len() <= checkpoints, "{checkpoints} checkpoints");
    assert!(logs.len() < begins, "{} logs, and {begins} beginnings", logs.len());
    assert!(2 <= logs.len() && logs.len() < starts, "{} logs, and {starts} starts", logs.len());
}

fn sound(strace: &Path) -> Script<'_> {
    Script { strace, start: &[], how: "sound", lives: LIVES, are_syncs_swallowed: false }
}

/// The models are explored at the same time.
fn of_both(explore: impl Fn(Model) -> Outcome + Sync) -> impl Iterator<Item = Outcome> {
    let (models, explore) = ([Model::Ordered, Model::Strict], &explore);
    let found: Vec<Outcome> = std::thread::scope(|scope| {
        let begun = models.map(|model| scope.spawn(move || explore(model)));
        begun.into_iter().map(|it| it.join().unwrap()).collect()
    });
    found.into_iter()
}

/// What the sound writer lives through: long enough for its log to be brought into the file and to
/// begin anew on its own, killed twice, closed twice.
const LIVES: &[Life] = &[
    Life { appends: 0..130, end: "stop" },
    Life { appends: 130..150, end: "close" },
    Life { appends: 150..270, end: "stop" },
    Life { appends: 270..APPENDS, end: "close" },
];
const APPENDS: u64 = 280;

/// States behind a second cut, also in a short run.
const SECOND_MIN: usize = 300;
