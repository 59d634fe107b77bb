//! Whose turn it is on a line: pure, with the time as an argument.
//!
//! Rely on this: of the turns that are due the one that was due first goes first, and of equals
//! the one that has waited longest since it was served.

use std::time::Duration;

/// The turns of one line.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    turns: Vec<Turn>,
    served: u64,
}

#[derive(Clone, Debug)]
struct Turn {
    every: Duration,
    due: Duration,
    held_until: Duration,
    last_served: u64,
}

impl Turn {
    fn due(&self) -> Duration {
        self.due.max(self.held_until)
    }
}

impl Schedule {
    /// Adds a turn that comes every `every`, first after `offset`.
    pub fn add(&mut self, every: Duration, offset: Duration) {
        let every = every.max(EVERY_MIN);
        self.turns.push(Turn { every, due: offset, held_until: Duration::ZERO, last_served: 0 });
    }

    /// The next turn, and when it is due.
    #[must_use]
    pub fn next(&self) -> Option<(usize, Duration)> {
        let (index, turn) =
            self.turns.iter().enumerate().min_by_key(|(_, it)| (it.due(), it.last_served))?;
        Some((index, turn.due()))
    }

    /// Notes that a turn was taken and is over at `now`; gives how many of its later turns have
    /// been missed meanwhile and are skipped.
    pub fn served(&mut self, index: usize, now: Duration) -> u64 {
        self.served += 1;
        let Some(turn) = self.turns.get_mut(index) else {
            return 0;
        };
        turn.last_served = self.served;
        turn.due += turn.every;
        let missed = now.saturating_sub(turn.due).as_nanos() / turn.every.as_nanos().max(1);
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        turn.due += turn.every.saturating_mul(missed);
        u64::from(missed)
    }

    /// Notes that a turn gave way at `now` and is not over.
    pub fn yielded(&mut self, index: usize, now: Duration) {
        self.served += 1;
        if let Some(turn) = self.turns.get_mut(index) {
            turn.last_served = self.served;
            turn.held_until = now;
        }
    }

    /// Puts a turn off.
    pub fn hold(&mut self, index: usize, until: Duration) {
        if let Some(turn) = self.turns.get_mut(index) {
            turn.held_until = until;
        }
    }
}

/// Faster than any serial line answers; a template that asks for more asks for a busy loop.
const EVERY_MIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn missed_turns_are_skipped_and_counted() {
        let mut schedule = Schedule::default();
        schedule.add(1_000 * MS, Duration::ZERO);
        assert_eq!(schedule.next(), Some((0, Duration::ZERO)));
        assert_eq!(schedule.served(0, 4_300 * MS), 3);
        assert_eq!(schedule.next(), Some((0, 4_000 * MS)), "the present turn is taken late");
        assert_eq!(schedule.served(0, 4_350 * MS), 0);
        assert_eq!(schedule.next(), Some((0, 5_000 * MS)));
    }

    #[test]
    fn a_turn_that_is_held_lets_the_others_go() {
        let mut schedule = Schedule::default();
        schedule.add(10 * MS, Duration::ZERO);
        schedule.add(10 * MS, 5 * MS);
        schedule.hold(0, 1_000 * MS);
        assert_eq!(schedule.next(), Some((1, 5 * MS)));
    }

    proptest! {
        /// Everybody is asked each second and answers in 20 ms; the silent one costs its whole
        /// budget and is then held off for longer and longer.
        #[test]
        fn a_silent_device_costs_its_neighbours_no_more_than_its_own_budget(
            neighbours in 1_u32..10,
            budget_ms in 100_u32..3_000,
        ) {
            let mut schedule = Schedule::default();
            (0..=neighbours).for_each(|_| schedule.add(1_000 * MS, Duration::ZERO));
            let mut asked = vec![Duration::ZERO; neighbours as usize + 1];
            let (mut now, mut failures) = (Duration::ZERO, 0);
            while now < Duration::from_secs(120) {
                let (turn, due) = schedule.next().expect("there are turns");
                now = now.max(due);
                let longest = 1_000 * MS + (budget_ms + 20 * neighbours) * MS;
                prop_assert!(turn == 0 || now - asked[turn] <= longest, "{turn} waited");
                asked[turn] = now;
                now += if turn == 0 { budget_ms * MS } else { 20 * MS };
                schedule.served(turn, now);
                if turn == 0 {
                    schedule.hold(0, now + (1_000 * MS * 2_u32.pow(failures)).min(60_000 * MS));
                    failures = (failures + 1).min(6);
                }
            }
        }

        #[test]
        fn on_an_overloaded_line_every_device_is_asked_about_as_often(
            devices in 2_usize..8,
            answer_ms in 20_u32..200,
        ) {
            let mut schedule = Schedule::default();
            (0..devices).for_each(|_| schedule.add(10 * MS, Duration::ZERO));
            let mut served = vec![0_u32; devices];
            let mut now = Duration::ZERO;
            for _ in 0..devices * 50 {
                let (turn, due) = schedule.next().expect("there are turns");
                now = now.max(due) + answer_ms * MS;
                schedule.served(turn, now);
                served[turn] += 1;
            }
            let (least, most) = (served.iter().min(), served.iter().max());
            prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 2), "{served:?}");
        }
    }
}
