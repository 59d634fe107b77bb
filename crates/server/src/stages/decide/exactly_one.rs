//! One real episode gives exactly one ticket: a seeded world around the real stage, with a truth.
//!
//! Agents number and keep, a broker loses, doubles, swaps and forgets, the server dies at any await
//! and comes back from what was committed, a person closes what has cleared. Then the faults of the
//! world stop, everything is delivered, the whole past is sent once more in any order, and the
//! tickets are held against the truth. `./x simulate` is the long way; with a part of the design taken
//! away the same worlds must go wrong.

mod judge;
mod part;
mod plant;
mod server;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use judge::{Verdict, judge};
use part::Part;
use world::World;

#[test]
#[expect(clippy::print_stdout, reason = "the line that `./x simulate` shows")]
fn every_real_episode_gets_exactly_one_ticket_whatever_dies() {
    let number = |name: &str, default| match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_unset) => default,
    };
    let without = std::env::var("FOREWARN_ABLATE").ok().map(|it| Part::named(&it));
    let (first, seeds) = (number("FOREWARN_SEED", 0), number("FOREWARN_SEEDS", SEEDS));
    let found = simulate(first..first + seeds, without);
    println!("{}", found.line(seeds, without));
    assert!(found.is_sound(), "{:#?}", found.violations);
    let seeds = usize::try_from(seeds).unwrap();
    assert!(5 * seeds < found.episodes && seeds < found.crashes && seeds < found.closes);
    assert!(2 * found.covered < found.tickets, "most faults should open a ticket of their own");
}

#[test]
fn without_any_of_its_parts_the_same_worlds_go_wrong() {
    for part in Part::ALL {
        // Most parts are missed at once; the memory only where a short fault meets a death.
        let goes_wrong = |first| !simulate(first..first + 24, Some(part)).is_sound();
        assert!((0..ABLATED_SEEDS).step_by(24).any(goes_wrong), "{} is not missed", part.name());
    }
}

/// Lives the worlds of these seeds, as many at once as there are cores.
fn simulate(seeds: std::ops::Range<u64>, without: Option<Part>) -> Verdict {
    let next = AtomicU64::new(seeds.start);
    let lane = || {
        let mut sum = Verdict::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return sum;
            }
            sum += of_seed(seed, without);
        }
    };
    let lanes = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let mut sum = Verdict::default();
        lanes.into_iter().for_each(|it| sum += it.join().unwrap());
        sum
    })
}

fn of_seed(seed: u64, without: Option<Part>) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed, without).await;
        world.live().await;
        let mut is_at_rest = world.heal().await;
        let mut verdict = judge(&world).await;
        let before = world.books().await;
        is_at_rest &= world.repeat_the_past().await;
        if !is_at_rest {
            verdict.violation(format!("seed {seed}: the world does not come to rest"));
        }
        if world.books().await != before {
            verdict.violation(format!("seed {seed}: the past made something new"));
        }
        verdict
    })
}

/// Few enough for every run of the tests; `FOREWARN_SEEDS` asks for more.
const SEEDS: u64 = 300;

/// Every part is missed within so many.
const ABLATED_SEEDS: u64 = 480;
