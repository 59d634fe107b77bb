//! One real episode gives exactly one ticket: a seeded world around the real stage, with a truth.
//!
//! Agents number and keep, a broker loses, doubles, swaps and forgets, the server dies at any await
//! and comes back from what was committed, a person closes what has cleared. Then the faults of the
//! world stop, everything is delivered, the whole past is sent once more in any order, and the
//! tickets are held against the truth.

mod judge;
mod plant;
mod world;

use judge::{Verdict, judge};
use world::World;

/// By default; `FOREWARN_SEEDS` asks for more.
const SEEDS: u64 = 60;

#[test]
#[expect(clippy::print_stderr, reason = "the figures of the run")]
fn every_real_episode_gets_exactly_one_ticket_whatever_dies() {
    let seeds = std::env::var("FOREWARN_SEEDS").ok().and_then(|it| it.parse().ok());
    let mut sum = Verdict::default();
    for seed in 0..seeds.unwrap_or(SEEDS) {
        sum += of_seed(seed);
    }
    eprintln!("{sum:?}");
    assert!(200 < sum.faults && 100 < sum.crashes && 100 < sum.closes, "too little happened");
    assert!(2 * sum.covered < sum.tickets, "most faults should open a ticket of their own");
}

fn of_seed(seed: u64) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed).await;
        world.live().await;
        world.heal().await;
        let verdict = judge(&world).await;
        let before = world.books().await;
        world.repeat_the_past().await;
        assert_eq!(world.books().await, before, "seed {seed}: the past made something new");
        verdict
    })
}
