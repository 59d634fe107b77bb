//! Bytes that nobody meant to send, for every reader of the edge: no panic, no hang, bounded memory.
//!
//! Each target starts from a small corpus of real messages and files and changes them: bits, cuts,
//! copies, numbers at their limits, parts of one in another. Rely on this: the same seed gives the same
//! cases, and a case that panics is printed with the seed that makes it.
//!
//! Deliberately absent: guidance by coverage, which wants another compiler.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program stops at the first surprise, and says what it counted"
)]

mod corpus;
mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use forewarn_simulator::chance::Chance;
use serde_json::json;

use targets::{TARGETS, Target};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| {
        let place = words.iter().position(|it| it == name)?;
        words.get(place + 1)
    };
    let number = |name: &str, usual: u64| after(name).map_or(Some(usual), |it| it.parse().ok());
    let (Some(seconds), Some(seed)) = (number("--seconds", 10), number("--seed", 1)) else {
        eprintln!("usage: edge-fuzz [--seconds 10] [--seed 1] [--target NAME]");
        return ExitCode::from(2);
    };
    let wanted = after("--target");
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|it| wanted.is_none_or(|name| name == it.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|it| it.name).collect();
        eprintln!("edge-fuzz: there is no such target; known: {}", names.join(", "));
        return ExitCode::from(2);
    }
    let mut panics = 0;
    for target in chosen {
        panics += run(target, Duration::from_secs(seconds), Chance::new(seed).named(target.name));
    }
    ExitCode::from(u8::from(0 < panics))
}

fn run(target: &Target, time: Duration, chance: Chance) -> u64 {
    let corpus = (target.corpus)();
    let (began, mut cases, mut panics, mut slowest) =
        (Instant::now(), 0_u64, 0_u64, Duration::ZERO);
    while began.elapsed() < time || cases < u64::try_from(corpus.len()).unwrap() {
        let chance = chance.with(cases);
        // The corpus itself comes first, unchanged.
        let case = match corpus.get(usize::try_from(cases).unwrap()) {
            Some(known) => known.clone(),
            None => mutate::changed(&corpus, chance),
        };
        let started = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| (target.body)(&case))).is_err() {
            panics += 1;
            let shown: String = case.iter().take(200).map(|it| format!("{it:02x}")).collect();
            eprintln!("edge-fuzz: {} panics in case {cases}: {shown}", target.name);
        }
        slowest = slowest.max(started.elapsed());
        cases += 1;
    }
    println!(
        "{}",
        json!({
            "target": target.name,
            "corpus": corpus.len(),
            "cases": cases,
            "panics": panics,
            "slowest_ms": slowest.as_secs_f64() * 1_000.0,
            "seconds": began.elapsed().as_secs_f64(),
        })
    );
    panics
}
