//! The clocks of a device's boxes against each other.
//!
//! Readings of one stream come in the order in which they were taken, so a box whose times go back
//! while it goes on has a wrong clock. A box whose times run ahead is not believed before another box
//! says the same or time has caught up: one wrong clock would make every other reading late.

use serde::{Deserialize, Serialize};

use forewarn_domain::time::{Span, Time};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct SourceClock {
    /// The newest time that was believed.
    newest: Time,
    /// Readings in a row with an impossible time, and the last of those times.
    wrong: u32,
    claimed: Time,
    /// Whether it was told, and right readings since.
    told: Option<u32>,
}

pub(super) enum Verdict {
    Right,
    RightAgain,
    /// To be told now.
    Stepped {
        off: Span,
    },
    Wrong,
}

impl SourceClock {
    pub(super) fn forgive(&mut self) {
        (self.wrong, self.told) = (0, None);
    }
}

/// Judges a time, with the newest believed time of the whole device; gives the new newest one.
pub(super) fn judge(
    clocks: &mut [SourceClock],
    source: usize,
    t: Time,
    newest: Time,
) -> (Verdict, Time) {
    let is_ahead = AHEAD < t - newest && newest != Time::default();
    let is_behind = t < newest - BEHIND;
    let others_live = clocks
        .iter()
        .enumerate()
        .any(|(place, it)| place != source && it.told.is_none() && newest - it.newest <= LIVE);
    let others_agree = clocks.iter().enumerate().any(|(place, it)| {
        place != source && 0 < it.wrong && (t - it.claimed).micros().abs() < AHEAD.micros()
    });
    let anybody_told = clocks.iter().any(|it| it.told.is_some());
    let Some(clock) = clocks.get_mut(source) else { return (Verdict::Right, newest.max(t)) };
    if (is_ahead && others_live && !others_agree) || is_behind {
        // Ahead, the others must have had time to follow; a single late reading is only late, and
        // the features of one burst have one time.
        let is_another = clock.wrong == 0 || clock.claimed != t;
        clock.claimed = t;
        clock.wrong = clock.wrong.saturating_add(u32::from(is_another));
        if let Some(right) = &mut clock.told {
            *right = 0;
        }
        if is_another && clock.wrong == WRONG_MIN && clock.told.is_none() && !anybody_told {
            clock.told = Some(0);
            let off = if is_ahead { t - newest } else { newest - t };
            return (Verdict::Stepped { off }, newest);
        }
        return (Verdict::Wrong, newest);
    }
    clock.wrong = 0;
    clock.newest = clock.newest.max(t);
    let newest = newest.max(t);
    match &mut clock.told {
        Some(right) if RIGHT_MIN <= *right => {
            clock.told = None;
            (Verdict::RightAgain, newest)
        }
        Some(right) => {
            *right += 1;
            (Verdict::Right, newest)
        }
        None => (Verdict::Right, newest),
    }
}

/// Beyond it a reading is no longer merely late.
const BEHIND: Span = Span::from_secs(300);

/// A device that was not heard for a while leaps ahead with all its boxes.
const AHEAD: Span = Span::from_secs(300);

/// A box that was heard so lately should leap along.
const LIVE: Span = Span::from_secs(60);

/// Readings with a wrong time before it is told, and with a right one before it is over.
const WRONG_MIN: u32 = 12;
const RIGHT_MIN: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_millis(1_800_000_000_000) + Span::from_secs(second)
    }

    /// Feeds two boxes a reading a second each; the times of the second box go through `stamp`.
    fn told(stamp: impl Fn(i64) -> Option<i64>) -> Vec<i64> {
        let mut clocks = vec![SourceClock::default(); 2];
        let (mut newest, mut told) = (Time::default(), Vec::new());
        for second in 0..200 {
            for source in 0..2 {
                let time = if source == 1 { stamp(second) } else { Some(second) };
                let Some(time) = time else { continue };
                let (verdict, now) = judge(&mut clocks, source, at(time), newest);
                newest = now;
                if matches!(verdict, Verdict::Stepped { .. }) {
                    told.push(second);
                }
            }
            assert!(newest <= at(10_000 + second), "one clock must not move the device's");
        }
        told
    }

    #[test]
    fn a_clock_that_steps_back_or_ahead_is_told_once() {
        assert_eq!(told(|it| Some(if it < 100 { it } else { it - 3_600 })).len(), 1);
        assert_eq!(told(|it| Some(if it < 100 { it } else { it + 3_600 })).len(), 1);
    }

    #[test]
    fn the_features_of_one_late_burst_are_no_step() {
        let mut clocks = vec![SourceClock::default(); 2];
        let (_, newest) = judge(&mut clocks, 0, at(1_000), Time::default());
        for _feature in 0..40 {
            let (verdict, _) = judge(&mut clocks, 1, at(100), newest);
            assert!(matches!(verdict, Verdict::Wrong));
        }
    }

    #[test]
    fn an_outage_of_one_box_or_of_the_whole_device_is_no_step() {
        assert!(told(|it| (!(50..150).contains(&it)).then_some(it)).is_empty());
        let mut clocks = vec![SourceClock::default(); 2];
        let mut newest = Time::default();
        for second in (0..50).chain(9_000..9_100) {
            for source in 0..2 {
                let (verdict, now) = judge(&mut clocks, source, at(second), newest);
                newest = now;
                assert!(!matches!(verdict, Verdict::Stepped { .. }), "at {second}");
            }
        }
        assert_eq!(newest, at(9_099));
    }
}
