//! Crashes of real processes: agent, broker and server are killed under load, and what they left on
//! disk is compared with what the machines said.
//!
//! The oracle stands outside: copies of the spool, taken while the agent is dead, say what was
//! accepted; each answer of a machine carries its number, so a gap is seen and must be explained.
//! Short by itself; `FOREWARN_KILLS=1000` kills each process that often, `FOREWARN_SEED` draws another
//! run. Deliberately absent: power cuts, which SIGKILL cannot imitate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says what it counted"
)]

#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/files.rs"]
mod files;
#[path = "crash/schedule.rs"]
mod schedule;
#[path = "crash/testbed.rs"]
mod testbed;
#[path = "crash/verdict.rs"]
mod verdict;
#[path = "crash/witness.rs"]
mod witness;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use disk::{Records, SpoolState, Stored};
use forewarn_domain::time::Time;
use forewarn_tests::skipped;
use schedule::{Chance, strokes};
use testbed::{Part, Peers, Testbed, wait_until};
use verdict::Verdict;
use witness::Witness;

#[test]
fn kills_of_agent_broker_and_server_lose_nothing_double_nothing_and_leave_one_ticket_per_fault() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(peers) = Peers::find() else {
        return skipped("crash", "peers", "mosquitto, and python with pymodbus");
    };
    let began = Instant::now();
    let (kills, seed) = (number("FOREWARN_KILLS", 30), number("FOREWARN_SEED", 1));
    let mut testbed = Testbed::new(peers);
    let mut witness = Witness::default();
    start_all(&mut testbed);

    let strokes = strokes(kills, &mut Chance(u64::try_from(seed).unwrap()));
    let mut faults = 0;
    for (index, stroke) in strokes.iter().enumerate() {
        std::thread::sleep(stroke.pause);
        for part in Part::ALL {
            if part != stroke.part || !stroke.is_young {
                testbed.check_runs(part);
            }
        }
        let kill = testbed.kill(stroke.part);
        witness.note(stroke, kill, &testbed);
        if !stroke.away.is_zero() {
            std::thread::sleep(stroke.away);
            witness.look_at_waiting(&testbed);
        }
        testbed.start(stroke.part);
        // The last quarter is left for the last fault's ticket to be hit as well.
        if faults < FAULTS && faults * strokes.len() * 3 / 4 / FAULTS <= index {
            faults += 1;
            testbed.begin_fault(faults);
        }
    }

    let quiet = come_to_rest(&mut testbed, faults);
    let (spool, records) = (SpoolState::read(&testbed.spool()), Records::read(&testbed.data()));
    let stored = Stored::read(&testbed.data(), now(&testbed));
    let verdict = Verdict::of(&witness, &spool, &stored, &records);
    println!("{}", verdict.line(&witness, seed, (began.elapsed(), quiet)));
    let hot: Vec<String> = (1..=faults).map(files::device).collect();
    verdict.check(&witness, &spool, &stored);
    verdict::check_tickets(&records, &hot);
}

#[test]
fn an_old_copy_of_the_spool_that_is_sent_again_adds_no_reading_no_ticket_and_no_message() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(peers) = Peers::find() else {
        return skipped("crash", "peers", "mosquitto, and python with pymodbus");
    };
    let mut testbed = Testbed::new(peers);
    start_all(&mut testbed);
    std::thread::sleep(Duration::from_secs(2));

    // While the server is away a machine overheats, so the copy holds what confirms the fault.
    testbed.kill(Part::Server);
    testbed.begin_fault(1);
    std::thread::sleep(Duration::from_secs(3));
    testbed.kill(Part::Agent);
    let old = tempfile::tempdir().unwrap();
    disk::copy_database(&testbed.spool(), "spool.db", old.path());
    let held = SpoolState::read(old.path());
    assert!(500 < held.waiting, "only {} readings wait in the copy", held.waiting);
    testbed.start(Part::Server);
    testbed.start(Part::Agent);
    std::thread::sleep(Duration::from_secs(2));
    come_to_rest(&mut testbed, 1);
    let (records, stored) =
        (Records::read(&testbed.data()), Stored::read(&testbed.data(), now(&testbed)));

    for name in ["spool.db", "spool.db-wal", "spool.db-shm"] {
        if let Err(error) = std::fs::remove_file(testbed.spool().join(name)) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{name}");
        }
    }
    disk::copy_database(old.path(), "spool.db", &testbed.spool());
    for part in Part::ALL {
        testbed.start(part);
    }
    rest(&mut testbed);
    let renumbered = SpoolState::read(&testbed.spool());
    let (records_after, stored_after) =
        (Records::read(&testbed.data()), Stored::read(&testbed.data(), now(&testbed)));
    assert_ne!(renumbered.epoch, held.epoch, "an old copy must begin a new numbering");
    assert_eq!(stored_after.count(), stored.count(), "readings were added");
    assert!(stored_after.readings == stored.readings, "readings were changed");
    assert_eq!(stored_after.summed, stored.summed, "readings were counted twice");
    assert_eq!(records_after.tickets, records.tickets);
    assert_eq!(records_after.messages, records.messages);
}

fn start_all(testbed: &mut Testbed) {
    for part in [Part::Broker, Part::Server, Part::Agent] {
        testbed.start(part);
    }
    let (spool, data) = (testbed.spool(), testbed.data());
    wait_until(QUIET_MAX, "the first delivery", || {
        let is_there = |path| std::fs::metadata(path).is_ok();
        if !is_there(spool.join("spool.db")) || !is_there(data.join("records.db")) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(500));
        0 < SpoolState::read(&spool).delivered
    });
}

/// Faults are over: waits until live readings are delivered again and the tickets are there, then
/// lets the agent run dry and stops everybody. Gives how long the first took.
fn come_to_rest(testbed: &mut Testbed, tickets: usize) -> Duration {
    let (spool, data) = (testbed.spool(), testbed.data());
    let before = SpoolState::read(&spool).accepted;
    let quiet = wait_until(QUIET_MAX, "the delivery of the backlog", || {
        let state = SpoolState::read(&spool);
        before < state.accepted && state.seqs.len() < LIVE_BATCHES_MAX
    });
    wait_until(QUIET_MAX, &format!("the last of {tickets} tickets"), || {
        tickets <= Records::read(&data).tickets.len()
    });
    testbed.stop(Part::Agent);
    testbed.let_the_agent_idle();
    testbed.start(Part::Agent);
    rest(testbed);
    quiet
}

/// Waits until the server has and has judged everything, then stops everybody in order.
fn rest(testbed: &mut Testbed) {
    let (spool, data) = (testbed.spool(), testbed.data());
    wait_until(QUIET_MAX, "the end of the spool", || SpoolState::read(&spool).seqs.is_empty());
    wait_until(QUIET_MAX, "the engine's last step", || {
        let state = SpoolState::read(&spool);
        let reached = Records::read(&data).cursors.get(&(state.epoch, 1)).copied();
        reached == Some(state.next_seq)
    });
    for part in [Part::Agent, Part::Server, Part::Broker] {
        testbed.stop(part);
    }
}

fn now(testbed: &Testbed) -> Time {
    Time::from_micros(testbed.now_us())
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// The machines' cores are few, and each test loads them.
static ALONE: Mutex<()> = Mutex::new(());

/// Three machines stay healthy.
const FAULTS: usize = files::DEVICES - 3;

/// The limit on how long delivery may take after the last fault.
const QUIET_MAX: Duration = Duration::from_secs(60);

/// With four commits a second and a round trip below one, more than this is backlog.
const LIVE_BATCHES_MAX: usize = 6;
