//! Kills real agents with SIGKILL at random moments under load, and compares what they had accepted
//! with what a server has in the end.
//!
//! Rely on this: an agent that is killed is the shipped program; its machines are Modbus devices of a
//! foreign make, its broker is Mosquitto with its default settings. Half of the kills hit a start.
//! A bug planted by name must be found: each is one of a peer or of the disk, so that the program
//! under test stays as it is.
//!
//! Deliberately absent: power cuts (see `powercut`), and the server's own crashes (see `tests/crash`).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program stops at the first surprise, and says what it counted"
)]

mod broker;
mod bugs;
mod files;
mod hall;
mod options;
mod receiver;
mod witness;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use forewarn_simulator::chance::Chance;
use forewarn_tests::skipped;
use serde_json::json;

use bugs::Bug;
use hall::{Agent, Hall, Peers};
use options::Options;
use receiver::Receiver;
use witness::{Tally, Witness};

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::help());
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("kill9: {why}\n\n{}", options::help());
            return ExitCode::from(2);
        }
    };
    let Some(peers) = Peers::find() else {
        skipped("kill9", "peers", "mosquitto, and python with pymodbus");
        return ExitCode::SUCCESS;
    };
    let began = Instant::now();
    let hall = Hall::new(&peers, options.jobs);
    let receiver = Receiver::start(hall.broker(), options.bug);
    let is_over = AtomicBool::new(false);
    let (tally, broker_kills): (Tally, u32) = std::thread::scope(|scope| {
        let chaos = scope.spawn(|| make_chaos(options, &hall, &receiver, &is_over));
        let begin = |job| {
            let (hall, receiver) = (&hall, &receiver);
            scope.spawn(move || torture(job, options, hall, receiver))
        };
        let jobs: Vec<_> = (0..options.jobs).map(begin).collect();
        let tallies: Vec<Result<Tally, _>> = jobs.into_iter().map(|it| it.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        let broker_kills = chaos.join().unwrap();
        (tallies.into_iter().map(Result::unwrap).sum(), broker_kills)
    });
    let seconds = began.elapsed().as_secs_f64();
    for violation in tally.violations.iter().take(SHOWN_MAX) {
        eprintln!("kill9: {violation}");
    }
    let is_sound = tally.lost == 0 && tally.duplicated == 0 && tally.violations.is_empty();
    if options.json {
        let line = json!({
            "runs": tally.runs,
            "while_starting": tally.while_starting,
            "accepted": tally.accepted,
            "received": tally.received,
            "witnessed": tally.witnessed,
            "lost": tally.lost,
            "duplicated": tally.duplicated,
            "violations": tally.violations.len(),
            "broker_kills": broker_kills,
            "planted": options.bug.map(Bug::name),
            "seed": options.seed,
            "seconds": seconds,
        });
        println!("{line}");
    } else {
        println!(
            "{} kills, {} of them while starting: {} readings accepted, {} lost, {} duplicated, \
             {} violations; {seconds:.0} s",
            tally.runs,
            tally.while_starting,
            tally.accepted,
            tally.lost,
            tally.duplicated,
            tally.violations.len()
        );
    }
    ExitCode::from(u8::from(!is_sound))
}

/// Kills the broker every few seconds, each time the server was away (what it has not taken is lost
/// with it) and sometimes when it was not, until the last agent has delivered everything all the same.
fn make_chaos(options: Options, hall: &Hall, receiver: &Receiver, is_over: &AtomicBool) -> u32 {
    let chance = Chance::new(options.seed).named("chaos");
    let (mut kills, mut turn) = (0, 0);
    while options.is_chaotic() && !is_over.load(Ordering::Relaxed) {
        let chance = chance.with(turn);
        turn += 1;
        let until = Instant::now() + Duration::from_secs_f64(chance.between(0.5, 2.0));
        let is_away = turn % 2 == 1;
        receiver.go_away(is_away);
        while Instant::now() < until && !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
        if is_away || chance.named("broker").index(2) == 0 {
            hall.replace_broker();
            kills += 1;
        }
    }
    receiver.go_away(false);
    kills
}

/// Kills one agent again and again, then lets it deliver everything.
fn torture(job: usize, options: Options, hall: &Hall, receiver: &Receiver) -> Tally {
    let chance = Chance::new(options.seed).named("kill9").with(job.try_into().unwrap());
    let mut agent = Agent::new(hall, job);
    let mut witness = Witness::new(agent.id());
    let mut tally = Tally::default();
    let runs = options.runs_of(job);
    for run in 0..runs {
        let chance = chance.with(run.try_into().unwrap());
        let is_young = run % 2 == 1;
        agent.start();
        std::thread::sleep(pause(is_young, chance));
        if let Err(why) = agent.kill() {
            tally.violations.push(why);
        }
        receiver.agent_was_killed(agent.id());
        witness.look(&agent.spool(), receiver);
        if let Some(bug) = options.bug {
            bug.strike(&agent.spool());
        }
        tally.runs += 1;
        tally.while_starting += usize::from(is_young);
    }
    agent.idle();
    agent.start();
    let end = Instant::now() + DRAIN_MAX;
    while 0 < agent.waiting() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    if let Err(why) = agent.kill() {
        tally.violations.push(why);
    }
    witness.look(&agent.spool(), receiver);
    witness.judge(tally, receiver)
}

/// A young agent dies while it opens its spool and connects, another one under load.
fn pause(is_young: bool, chance: Chance) -> Duration {
    let (least, most) = if is_young { (0.0, 0.12) } else { (0.12, 0.42) };
    Duration::from_secs_f64(chance.named("pause").between(least, most))
}

/// What waits at the end goes out within a second; the rest is for a machine with much to do.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// A bug breaks many promises; a few are enough to begin with.
const SHOWN_MAX: usize = 5;
