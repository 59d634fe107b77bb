//! The only place that reads the wall clock and the monotonic clock.
//!
//! A [`Clock`] is handed to whoever needs "now"; a test hands over one that it moves by hand.
//! The two hands are separate: a wall clock may jump, the monotonic hand never goes back.
//!
//! Deliberately absent: time zones, calendars and event time. Rules compare with the time of
//! readings, which is data and not a clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Tells the time: the machine's own, or one that a test moves.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Manual(Arc<Hands>),
    System { started: Instant },
}

/// What a manual clock shows. Clones of a clock share their hands.
#[derive(Debug)]
struct Hands {
    wall_us: AtomicI64,
    monotonic_us: AtomicU64,
}

impl Clock {
    /// The machine's clock. Its monotonic hand starts at zero here.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System { started: Instant::now() })
    }

    /// A clock that stands at `start_us` (µs since 1970, UTC) until it is moved.
    #[must_use]
    pub fn manual(start_us: i64) -> Self {
        Self(Source::Manual(Arc::new(Hands {
            wall_us: AtomicI64::new(start_us),
            monotonic_us: AtomicU64::new(0),
        })))
    }

    /// The wall clock in µs since 1970, UTC. It may jump in both directions.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        match &self.0 {
            Source::Manual(hands) => hands.wall_us.load(Ordering::SeqCst),
            Source::System { .. } => system_now_us(),
        }
    }

    /// How long this clock has run. It never goes back; its zero means nothing elsewhere.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::Manual(hands) => {
                Duration::from_micros(hands.monotonic_us.load(Ordering::SeqCst))
            }
            Source::System { started } => started.elapsed(),
        }
    }

    /// Moves both hands of a manual clock forward. A system clock is not moved.
    pub fn advance(&self, by: Duration) {
        let Source::Manual(hands) = &self.0 else { return };
        hands.wall_us.fetch_add(whole_us(by), Ordering::SeqCst);
        hands.monotonic_us.fetch_add(whole_us(by).unsigned_abs(), Ordering::SeqCst);
    }

    /// Sets the wall clock of a manual clock, as an operator or NTP does; the monotonic hand
    /// stays. A system clock is not set.
    pub fn set_wall(&self, now_us: i64) {
        let Source::Manual(hands) = &self.0 else { return };
        hands.wall_us.store(now_us, Ordering::SeqCst);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn system_now_us() -> i64 {
    let now = SystemTime::now();
    match now.duration_since(UNIX_EPOCH) {
        Ok(since) => whole_us(since),
        // A gateway without a battery starts before 1970 only if somebody set it so; the time
        // is then negative, and plainly wrong to every reader.
        Err(before) => -whole_us(before.duration()),
    }
}

/// A duration in whole µs; one that does not fit (292,000 years) is the largest there is.
fn whole_us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let clock = Clock::manual(5_000_000);
        let clone = clock.clone();
        assert_eq!((clone.now_us(), clone.monotonic()), (5_000_000, Duration::ZERO));
        clock.advance(Duration::from_millis(1_500));
        assert_eq!((clone.now_us(), clone.monotonic()), (6_500_000, Duration::from_millis(1_500)));
    }

    #[test]
    fn setting_the_wall_clock_back_leaves_the_monotonic_hand() {
        let clock = Clock::manual(5_000_000);
        clock.advance(Duration::from_secs(2));
        clock.set_wall(1);
        assert_eq!((clock.now_us(), clock.monotonic()), (1, Duration::from_secs(2)));
    }

    #[test]
    fn the_system_clock_shows_this_century_and_never_runs_backwards() {
        let clock = Clock::system();
        let (year_2020, year_2100) = (1_577_836_800_000_000, 4_102_444_800_000_000);
        assert!(year_2020 < clock.now_us() && clock.now_us() < year_2100);
        let first = clock.monotonic();
        assert!(first <= clock.monotonic());
    }
}
