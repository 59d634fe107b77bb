//! A server that dies before any SQL statement, and between commit and acknowledgement, loses and
//! doubles nothing: each such place ends a real process many times, and the files are judged.
//!
//! Places are named by the text of their statement and found by a run without deaths. Each world is
//! a folder and the same past; its end is held against what was said and against that first run.
//! `FOREWARN_FAILPOINT_HITS=20` asks for more than two deaths at each place. Deliberately absent:
//! power cuts, which the end of a process cannot imitate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says what it counted"
)]

#[path = "failpoints/agent.rs"]
mod agent;
#[path = "failpoints/child.rs"]
mod child;
#[path = "failpoints/person.rs"]
mod person;
#[path = "failpoints/plant.rs"]
mod plant;
#[path = "failpoints/tally.rs"]
mod tally;
#[path = "failpoints/verdict.rs"]
mod verdict;
#[path = "failpoints/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agent::Message;
use forewarn_lifecycle::Tasks;
use forewarn_wire::broker;
use tally::Tally;
use verdict::Outcome;
use world::{End, Mistake, World};

/// The test that is started once more to be the server.
const SERVING_TEST: &str = "a_server_that_dies_before_any_statement_loses_and_doubles_nothing";

#[test]
fn a_server_that_dies_before_any_statement_loses_and_doubles_nothing() {
    if child::serves() {
        return;
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (began, wanted) = (Instant::now(), number("FOREWARN_FAILPOINT_HITS", HITS));
    let past = Past::new();
    let (expected, tally) = on_own_runtime(past.undisturbed());
    println!("{} places, {:?} for the run without deaths", tally.places(), began.elapsed());
    let run = Run { wanted, tally: Mutex::new(tally), found: Mutex::default() };
    std::thread::scope(|scope| {
        // One after the other: two that look for a free port at once may find the same one.
        for broker in [broker(), broker()] {
            let (run, past, expected) = (&run, &past, &expected);
            scope.spawn(move || on_own_runtime(run.lane(broker, past, expected)));
        }
    });
    let (tally, found) = (run.tally.into_inner().unwrap(), run.found.into_inner().unwrap());
    println!("{}", tally.table());
    println!(
        "{} deaths at {} places in {} worlds, {} violations, {:?}",
        tally.total(),
        tally.places(),
        found.worlds,
        found.violations.len(),
        began.elapsed()
    );
    assert_eq!(found.violations, Vec::<String>::new());
    assert_eq!(tally.below(wanted), Vec::<&str>::new(), "places with fewer than {wanted} deaths");
}

#[test]
fn mistakes_that_are_made_on_purpose_are_found() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let past = Past::new();
    let (expected, tally) = on_own_runtime(past.undisturbed());
    for (mistake, places) in MISTAKES {
        let violations = on_own_runtime(past.with_mistake(*mistake, &tally, places, &expected));
        println!("{mistake:?}: {violations:?}");
        assert!(!violations.is_empty(), "{mistake:?} was not found");
    }
}

#[test]
fn every_statement_of_the_records_store_passes_the_place_where_a_test_can_stop_it() {
    let folder = forewarn_tests::root().join("crates/store/src/records");
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let (below, here): (Vec<_>, Vec<_>) = entries.partition(|it| it.is_dir());
        folders.extend(below);
        files.extend(here);
    }
    files.push(forewarn_tests::root().join("crates/store/src/records.rs"));
    let mut found = 0;
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let ways =
            ["sqlx::query", "query_as", "query_scalar", "raw_sql", ".begin_with(", "tx.commit()"];
        found += ways.iter().map(|way| text.matches(way).count()).sum::<usize>();
        let is_home = path.ends_with("records.rs");
        assert!(is_home || ways.iter().all(|way| !text.contains(way)), "{}", path.display());
    }
    assert!(4 <= found, "the home of all statements has changed, and this test with it");
}

/// What every world is fed, and what must be stored of it.
struct Past {
    messages: Vec<Message>,
    said: plant::Said,
}

impl Past {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let batches = plant::batches(folder.path());
        Self { messages: agent::messages(&batches), said: plant::said(&batches) }
    }

    /// A run in which nobody dies but everybody stops once: the truth, and the places there are.
    async fn undisturbed(&self) -> (Outcome, Tally) {
        let tasks = Tasks::default();
        let mut world = World::new(broker(), &self.messages, &tasks);
        assert_eq!(world.live(None, FIRST_BATCHES).await, End::Stopped);
        let first = tally::seen(&world.log());
        std::fs::remove_file(world.log()).unwrap();
        assert_eq!(world.live(None, self.messages.len()).await, End::Stopped);
        let later = tally::seen(&world.log());
        let outcome = Outcome::read(world.folder()).await;
        tasks.stop(GRACE).await.unwrap();
        verdict::check_complete(&outcome, &self.said);
        assert_eq!(outcome.tickets(), plant::known_tickets());
        (outcome, Tally::new(&first, &later))
    }

    async fn with_mistake(
        &self,
        mistake: Mistake,
        tally: &Tally,
        places: &[&str],
        expected: &Outcome,
    ) -> Vec<String> {
        let tasks = Tasks::default();
        let mut world = World::new(broker(), &self.messages, &tasks).with(mistake);
        for round in 0..MISTAKE_DEATHS {
            let place = tally.like(places[round % places.len()]);
            if world.live(Some((place, u32::from(round % 2 == 1))), self.messages.len()).await
                != End::Killed
            {
                break;
            }
        }
        let end = world.live(None, self.messages.len()).await;
        let mut violations = Outcome::read(world.folder()).await.violations(expected);
        if end == End::Stuck {
            violations.push("it never came to rest".to_owned());
        }
        tasks.stop(GRACE).await.unwrap();
        violations
    }
}

/// What the lanes share.
struct Run {
    wanted: u32,
    tally: Mutex<Tally>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    worlds: usize,
    violations: Vec<String>,
}

impl Run {
    /// One world after the other, until every place has been fatal often enough. Two lanes work at
    /// the same time: a life waits for its disk and its clock as much as it computes.
    async fn lane(&self, broker: u16, past: &Past, expected: &Outcome) {
        while !self.tally().below(self.wanted).is_empty() && self.found().worlds < WORLDS_MAX {
            let tasks = Tasks::default();
            let mut world = World::new(broker, &past.messages, &tasks);
            let deaths = self.die_often(&mut world, past.messages.len()).await;
            let mut violations = Outcome::read(world.folder()).await.violations(expected);
            if deaths.end == End::Stuck {
                violations.push("it never came to rest".to_owned());
            }
            let at = |violation| format!("{violation}, after deaths at {:?}", deaths.places);
            self.note(violations.into_iter().map(at));
            tasks.stop(GRACE).await.unwrap();
        }
    }

    /// Lives and dies until the past is over; the last life ends in order.
    async fn die_often(&self, world: &mut World<'_>, all: usize) -> Deaths {
        let (mut tried, mut places) = (BTreeSet::new(), Vec::new());
        loop {
            let next = self.tally().next(world.is_young(), &tried, self.wanted);
            let Some((place, hits)) = next else {
                return Deaths { end: world.live(None, all).await, places };
            };
            let passes = [0, 0, 1, 2][usize::try_from(hits % 4).unwrap()];
            match world.live(Some((&place, passes)), all).await {
                End::Killed => self.tally().count(&place),
                end @ (End::Stopped | End::Stuck) => return Deaths { end, places },
            }
            places.push(place.clone());
            // Elsewhere next time, so that a world sees many kinds of death.
            tried.insert(place);
        }
    }

    /// One more world has come to its end.
    fn note(&self, violations: impl Iterator<Item = String>) {
        let mut found = self.found();
        found.worlds += 1;
        found.violations.extend(violations);
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a world came to its end.
struct Deaths {
    end: End,
    places: Vec<String>,
}

fn broker() -> u16 {
    broker::start("127.0.0.1:0".parse().unwrap()).unwrap().address.port()
}

fn on_own_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

fn number(name: &str, usual: u32) -> u32 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// The machine's cores are few, and each test loads them.
static ALONE: Mutex<()> = Mutex::new(());

/// How often each place is fatal in the short form; `./x torture` asks for 200.
const HITS: u32 = 2;

/// Beyond it some place cannot be reached any more, and the last assertion names it.
const WORLDS_MAX: usize = 2_000;

/// The first life of the run without deaths: what it does and no later one, is done only once.
const FIRST_BATCHES: usize = 3;

const MISTAKE_DEATHS: usize = 24;

/// Mistakes, and where a server must die for them to show.
const MISTAKES: &[(Mistake, &[&str])] = &[
    (Mistake::AcknowledgedBeforeCommit, &["readings: UPDATE stream SET ranges"]),
    (Mistake::CursorApartFromTickets, &["records: INSERT INTO ticket ("]),
    (Mistake::LinkApartFromTicket, &["records: INSERT INTO engine_cursor"]),
    (Mistake::LedgerApartFromLog, &["server: committed, not acknowledged"]),
];

const GRACE: Duration = Duration::from_secs(10);
