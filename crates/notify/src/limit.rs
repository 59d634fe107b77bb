//! Requests in a minute and in a second: below what a service allows, so that it never shuts us out.

use std::collections::VecDeque;

use forewarn_domain::time::{Span, Time};

/// Counts requests of the last minute.
#[derive(Debug)]
pub struct Limiter {
    per_minute: usize,
    taken: VecDeque<Time>,
}

impl Limiter {
    /// So many requests in any minute, and at most a twentieth of them, or four, in any second.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let per_minute = usize::try_from(per_minute).unwrap_or(usize::MAX).max(1);
        Self { per_minute, taken: VecDeque::new() }
    }

    /// Takes a place, or says from when there is one.
    ///
    /// # Errors
    ///
    /// The time of the next free place.
    pub fn take(&mut self, now: Time) -> Result<(), Time> {
        while self.taken.front().is_some_and(|it| *it + MINUTE <= now) {
            self.taken.pop_front();
        }
        // A clock that was set back would keep places taken for long.
        self.taken.retain(|it| *it <= now);
        let full = |count: usize, window: Span| {
            let place = self.taken.len().checked_sub(count)?;
            let free = *self.taken.get(place)? + window;
            (now < free).then_some(free)
        };
        let per_second = (self.per_minute / 20).max(PER_SECOND_MIN);
        match full(self.per_minute, MINUTE).or_else(|| full(per_second, SECOND)) {
            Some(free) => Err(free),
            None => {
                self.taken.push_back(now);
                Ok(())
            }
        }
    }
}

const MINUTE: Span = Span::from_secs(60);

const SECOND: Span = Span::from_secs(1);

/// Feishu allows five a second, the strictest of all.
const PER_SECOND_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_and_no_second_holds_more_than_allowed() {
        let mut limiter = Limiter::new(18);
        let mut now = Time::from_micros(0);
        let mut taken = Vec::new();
        while taken.len() < 100 {
            match limiter.take(now) {
                Ok(()) => taken.push(now),
                Err(free) => {
                    assert!(now < free);
                    now = free;
                }
            }
        }
        for (first, last) in taken.iter().zip(taken.iter().skip(18)) {
            assert!(MINUTE <= *last - *first);
        }
        for (first, last) in taken.iter().zip(taken.iter().skip(4)) {
            assert!(SECOND <= *last - *first);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_silence_a_channel() {
        let mut limiter = Limiter::new(1);
        assert_eq!(limiter.take(Time::from_micros(3_600_000_000)), Ok(()));
        assert_eq!(limiter.take(Time::from_micros(0)), Ok(()));
    }
}
