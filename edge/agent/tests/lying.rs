//! A server that lies: late, for somebody else, short, twice, one byte at a time.
//!
//! Its registers say where they stand, so a value that is attributed to another register is seen.
//! `./x lies --exchanges 1000000 --json` runs long; as a test it runs a few thousand exchanges.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this test is a command as well and tells what it found"
)]

#[path = "lying/liar.rs"]
mod liar;
#[path = "peers/slave.rs"]
mod slave;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use forewarn_agent::source::modbus::frame::{Answer, Ask, Framing};
use forewarn_agent::source::modbus::line::Line;
use forewarn_agent::source::modbus::reception::Reception;
use forewarn_domain::id::LinkId;
use forewarn_domain::site::{Frames, Transport};
use forewarn_domain::template::Table;
use forewarn_lifecycle::CancellationToken;
use liar::{Bug, Chance, Liar};
use serde_json::json;
use tokio::net::TcpListener;

/// What came of asking.
#[derive(Debug, Default)]
struct Tally {
    exchanges: u64,
    right: u64,
    misattributed: u64,
    lies: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    exchanges: u64,
    lines: u64,
    seed: u64,
    bug: Option<Bug>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|it| it == "--list") {
        println!("lying: test");
        return ExitCode::SUCCESS;
    }
    let is_word =
        |it: &String| ["--exchanges", "--plant-bug", "--seed", "--json"].contains(&it.as_str());
    let is_command = words.iter().any(is_word);
    if !is_command {
        // `cargo test NAME` hands the name to every test.
        let is_other = |it: &String| !it.starts_with('-') && !"lying".contains(it.as_str());
        if !words.iter().any(is_other) {
            test();
        }
        return ExitCode::SUCCESS;
    }
    match parse(&words) {
        Ok((plan, is_json)) => {
            let tally = run(plan);
            print(&tally, is_json);
            ExitCode::from(if 0 < tally.misattributed { 4 } else { 0 })
        }
        Err(why) => {
            eprintln!(
                "lying: {why}\nusage: lies [--exchanges N] [--seed N] [--plant-bug NAME] [--json]"
            );
            ExitCode::from(2)
        }
    }
}

fn parse(words: &[String]) -> Result<(Plan, bool), String> {
    let mut plan = Plan { exchanges: 100_000, lines: 32, seed: 1, bug: None };
    let mut is_json = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().map(String::as_str).unwrap_or_default();
        let number =
            |text: &str| text.parse::<u64>().map_err(|it| format!("{word} `{text}`: {it}"));
        match word.as_str() {
            "--json" => is_json = true,
            "--exchanges" => plan.exchanges = number(next())?,
            "--seed" => plan.seed = number(next())?,
            "--plant-bug" => {
                let name = next();
                let found = Bug::ALL.iter().find(|it| it.0 == name);
                let names: Vec<&str> = Bug::ALL.iter().map(|it| it.0).collect();
                plan.bug = Some(found.ok_or_else(|| format!("faults are {}", names.join(", ")))?.1);
            }
            other => return Err(format!("`{other}` is unknown")),
        }
    }
    Ok((plan, is_json))
}

/// How the agent and the liar come together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// The liar calls, RTU frames: after a lie the connection stays.
    DialIn,
    /// RTU frames over a connection of ours.
    Rtu,
    Tcp,
}

/// All lines side by side; every fourth speaks RTU over TCP, every fourth is called by the liar.
fn run(plan: Plan) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let lines = (0..plan.lines).map(|line| {
        let way = match line % 4 {
            1 => Way::DialIn,
            3 => Way::Rtu,
            _ => Way::Tcp,
        };
        let share = plan.exchanges / plan.lines + u64::from(line < plan.exchanges % plan.lines);
        Box::pin(one_line(way, share, plan.seed.wrapping_mul(1_000) + line, plan.bug))
    });
    let tallies = runtime.block_on(futures::future::join_all(lines));
    let mut whole = Tally::default();
    for tally in tallies {
        whole.exchanges += tally.exchanges;
        whole.right += tally.right;
        whole.misattributed += tally.misattributed;
        tally.lies.iter().for_each(|(kind, count)| *whole.lies.entry(kind).or_default() += count);
        let refused = tally.refused.iter();
        refused.for_each(|(kind, count)| *whole.refused.entry(kind).or_default() += count);
    }
    whole
}

async fn one_line(way: Way, exchanges: u64, seed: u64, bug: Option<Bug>) -> Tally {
    let framing = if way == Way::Tcp { Framing::Tcp } else { Framing::Rtu };
    let liar = Liar::new(framing, seed, bug);
    let mut tally = if way == Way::DialIn {
        let mut reception = Reception::bind("127.0.0.1:0").expect("a port of loopback");
        let port = reception.local_addr().expect("it is bound");
        let via = Transport::DialIn {
            listen: port.to_string(),
            frames: Frames::Rtu,
            register: None,
            heartbeat: None,
        };
        let link = LinkId::new("dtu-1").expect("a slug");
        let line = Line::dialled(via.clone(), reception.expect(link, &via).expect("it is alone"));
        tokio::select! {
            () = reception.run(CancellationToken::new()) => Tally::default(),
            () = liar.call(port) => Tally::default(),
            tally = ask(line, exchanges, seed) => tally,
        }
    } else {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound").to_string();
        let line = Line::new(match way {
            Way::Tcp => Transport::Tcp { address },
            Way::DialIn | Way::Rtu => Transport::RtuOverTcp { address },
        });
        tokio::select! {
            () = liar.serve(&listener) => Tally::default(),
            tally = ask(line, exchanges, seed) => tally,
        }
    };
    tally.lies = liar.told();
    tally
}

async fn ask(mut line: Line, exchanges: u64, seed: u64) -> Tally {
    let mut chance = Chance::new(seed ^ 0x5eed);
    let mut tally = Tally::default();
    for _ in 0..exchanges {
        let unit = 1 + u8::try_from(chance.below(3)).unwrap_or(0);
        let table = if chance.below(4) == 0 { Table::Input } else { Table::Holding };
        let address = u16::try_from(chance.below(1_900)).unwrap_or(0);
        // Few lengths, so that answers to other questions often have the right one.
        let count = [1, 2, 2, 5, 20][usize::try_from(chance.below(5)).unwrap_or(0)];
        let ask = Ask::Table { table, address, count };
        let expected: Vec<u16> =
            (0..count).map(|it| slave::value(unit, ask.function(), address + it)).collect();
        tally.exchanges += 1;
        match line.ask(unit, ask, LIMIT).await {
            Ok(Answer::Words(words)) if words == expected => tally.right += 1,
            Ok(_) => tally.misattributed += 1,
            Err(error) => *tally.refused.entry(error.kind()).or_default() += 1,
        }
    }
    tally
}

fn print(tally: &Tally, is_json: bool) {
    let Tally { exchanges, right, misattributed, lies, refused } = tally;
    if is_json {
        let line = json!({
            "exchanges": exchanges, "right": right, "misattributed": misattributed, "lies": lies,
            "refused": refused,
        });
        println!("{line}");
    } else {
        println!("{exchanges} exchanges: {right} right, {misattributed} misattributed");
        println!("lies told: {lies:?}\nnot taken: {refused:?}");
    }
}

fn test() {
    let plan = Plan { exchanges: 6_000, lines: 24, seed: 7, bug: None };
    let tally = run(plan);
    print(&tally, true);
    assert_eq!(tally.misattributed, 0);
    assert!(tally.exchanges < 2 * tally.right, "the truth was hardly ever taken: {tally:?}");
    let told: u64 = tally.lies.values().sum();
    assert!(tally.lies.len() == liar::KINDS && 600 < told, "some lies were not told: {tally:?}");
    for (name, bug) in Bug::ALL {
        let found = run(Plan { exchanges: 3_000, bug: Some(bug), ..plan }).misattributed;
        assert!(0 < found, "the planted fault `{name}` was not seen");
        println!("planted fault `{name}`: seen {found} times");
    }
}

/// So short that a million exchanges with a liar end within minutes.
const LIMIT: Duration = Duration::from_millis(40);
