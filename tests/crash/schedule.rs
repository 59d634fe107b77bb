//! Who is killed when: drawn from a seed, so that a run can be had again.

use std::time::Duration;

use crate::testbed::Part;

/// One kill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) part: Part,
    /// Since the last start of a process.
    pub(crate) pause: Duration,
    /// How long it stays away; what waits for it piles up meanwhile.
    pub(crate) away: Duration,
    /// Whether the victim was started just before, so that it dies while it starts or recovers.
    pub(crate) is_young: bool,
}

/// So many kills of each part. Of the agent's and the server's, every other one hits a start.
pub(crate) fn strokes(kills: usize, chance: &mut Chance) -> Vec<Stroke> {
    let mut turns = Vec::new();
    for part in Part::ALL {
        let has_recovery = part != Part::Broker;
        let young = if has_recovery { kills / 2 } else { 0 };
        turns.extend((0..kills - young).map(|turn| (part, turn < young)));
    }
    for last in (1..turns.len()).rev() {
        turns.swap(last, chance.below(last + 1));
    }
    let mut strokes = Vec::new();
    for (part, is_doubled) in turns {
        let pause = chance.duration(UNDER_LOAD_MS);
        let is_waited_for = part != Part::Agent && chance.below(2) == 0;
        let away = if is_waited_for { chance.duration(AWAY_MS) } else { Duration::ZERO };
        strokes.push(Stroke { part, pause, away, is_young: false });
        if is_doubled {
            let pause = chance.duration(STARTING_MS);
            strokes.push(Stroke { part, pause, away: Duration::ZERO, is_young: true });
        }
    }
    strokes
}

/// Numbers that look like chance and are the same for the same seed (`SplitMix64`; Steele, Lea and
/// Flood, 2014).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn duration(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_millis(least + self.next() % (most - least))
    }
}

/// Long enough to deliver, short enough to hurt.
const UNDER_LOAD_MS: (u64, u64) = (300, 1_500);

/// Several commits of the agent.
const AWAY_MS: (u64, u64) = (200, 1_200);

/// A start takes some hundred milliseconds; the connections come a little later.
const STARTING_MS: (u64, u64) = (0, 500);
