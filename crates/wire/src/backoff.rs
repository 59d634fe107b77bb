//! Growing pauses between attempts, spread so that many agents do not knock at once.
//!
//! Rely on this: a pause is never longer than its limit, and the same seed gives the same pauses,
//! so a test sees what a plant sees. Deliberately absent: sleeping, and any source of randomness.

use std::time::Duration;

/// Pauses that double from `base` to `limit`; half of each is spread by the seed.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    limit: Duration,
    seed: u64,
    attempts: u32,
}

impl Backoff {
    /// Starts with no attempt made. The seed must differ between those that should not meet.
    #[must_use]
    pub fn new(base: Duration, limit: Duration, seed: u64) -> Self {
        Self { base, limit, seed, attempts: 0 }
    }

    /// The next pause, one attempt later.
    pub fn next_pause(&mut self) -> Duration {
        let pause = pause(self.base, self.limit, self.attempts, self.seed);
        self.attempts = self.attempts.saturating_add(1);
        pause
    }

    /// Begins again after a success.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// How many attempts were made since the last success.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// The pause after `attempts` failures: between half and the whole of `base · 2^attempts`, at
/// most `limit`.
#[must_use]
pub fn pause(base: Duration, limit: Duration, attempts: u32, seed: u64) -> Duration {
    let doubled = base.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX));
    let half = doubled.min(limit).mul_f64(0.5);
    let spread = scramble(seed ^ u64::from(attempts)) % SPREAD_STEPS;
    half.saturating_add(half.mul_f64(fraction(spread)))
}

/// A seed from a name, stable across processes (FNV-1a, 64 bit).
#[must_use]
pub fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finalizer of `SplitMix64` (Steele, Lea and Flood, 2014): spreads neighbouring seeds.
fn scramble(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn fraction(steps: u64) -> f64 {
    f64::from(u32::try_from(steps).unwrap_or(0)) / 1_000.0
}

/// A thousand places between half and the whole are enough to part a plant's agents.
const SPREAD_STEPS: u64 = 1_001;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_grow_to_the_limit_and_begin_again_after_success() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, 60 * second, seed_of("gw-7"));
        let pauses: Vec<Duration> = (0..12).map(|_| backoff.next_pause()).collect();
        assert!(pauses.first() <= Some(&second));
        assert!(Some(&(30 * second)) <= pauses.last() && pauses.last() <= Some(&(60 * second)));
        backoff.reset();
        assert!(backoff.next_pause() <= second);
    }

    proptest! {
        #[test]
        fn a_pause_lies_between_half_and_the_whole(attempts in 0_u32..200, seed in any::<u64>()) {
            let (base, limit) = (Duration::from_millis(250), Duration::from_secs(60));
            let pause = pause(base, limit, attempts, seed);
            prop_assert!(base / 2 <= pause && pause <= limit);
        }
    }
}
