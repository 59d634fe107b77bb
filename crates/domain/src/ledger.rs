//! Which sequence numbers of a stream have arrived: a short list of ranges.
//!
//! The server keeps one for each stream, acknowledgements carry it, and the engine consumes only its
//! contiguous prefix. More gaps than [`SeqRanges::RANGES_MAX`] are refused, not remembered, so the
//! agent sends those batches again.

use serde::{Deserialize, Serialize};

/// Inclusive, rising, separated ranges of sequence numbers from 1.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct SeqRanges(Vec<(u64, u64)>);

/// What came of an attempt to remember a sequence number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Inserted {
    /// It was there already.
    Known,
    /// It is new.
    New,
    /// There are too many gaps to remember it.
    TooManyGaps,
}

impl SeqRanges {
    /// Most ranges that are kept; the agent's window is 32, so more means something is wrong.
    pub const RANGES_MAX: usize = 64;

    /// The ranges, rising.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// The first number that is missing, counted from 1.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        match self.0.first() {
            Some((1, last)) => last.saturating_add(1),
            Some(_) | None => 1,
        }
    }

    /// Whether a number has arrived.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= seq);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| seq <= *last)
    }

    /// Remembers the numbers `first..=last`; they count as known only if all of them were.
    pub fn insert(&mut self, first: u64, last: u64) -> Inserted {
        let last = last.max(first);
        if self.0.iter().any(|(from, to)| *from <= first && last <= *to) {
            return Inserted::Known;
        }
        let from = self.0.partition_point(|(_, to)| to.saturating_add(1) < first);
        let until = self.0.partition_point(|(from, _)| *from <= last.saturating_add(1));
        let touched = self.0.get(from..until).unwrap_or_default();
        if touched.is_empty() && Self::RANGES_MAX <= self.0.len() {
            return Inserted::TooManyGaps;
        }
        let low = touched.first().map_or(first, |(low, _)| first.min(*low));
        let high = touched.last().map_or(last, |(_, high)| last.max(*high));
        self.0.splice(from..until, [(low, high)]);
        Inserted::New
    }
}

impl TryFrom<Vec<(u64, u64)>> for SeqRanges {
    type Error = InvalidRanges;

    fn try_from(ranges: Vec<(u64, u64)>) -> Result<Self, InvalidRanges> {
        let rises = ranges.iter().all(|(first, last)| first <= last)
            && ranges.windows(2).all(|pair| match pair {
                [(_, last), (first, _)] => last.saturating_add(1) < *first,
                _ => true,
            });
        if rises && ranges.len() <= Self::RANGES_MAX {
            Ok(Self(ranges))
        } else {
            Err(InvalidRanges { ranges: ranges.len() })
        }
    }
}

impl From<SeqRanges> for Vec<(u64, u64)> {
    fn from(ranges: SeqRanges) -> Self {
        ranges.0
    }
}

/// Ranges that do not rise, touch each other, or are too many.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{ranges} sequence ranges are not rising, separate and at most {}", SeqRanges::RANGES_MAX)]
pub struct InvalidRanges {
    /// How many there were.
    pub ranges: usize,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_agree_with_a_plain_set(inserts in prop::collection::vec((1_u64..90, 0_u64..4), 0..200)) {
            let mut ranges = SeqRanges::default();
            let mut plain = BTreeSet::new();
            for (first, more) in inserts {
                let numbers: Vec<u64> = (first..=first + more).collect();
                let was_known = numbers.iter().all(|seq| plain.contains(seq));
                plain.extend(numbers);
                let expected = if was_known { Inserted::Known } else { Inserted::New };
                prop_assert_eq!(ranges.insert(first, first + more), expected);
            }
            for seq in 1..100 {
                prop_assert_eq!(ranges.contains(seq), plain.contains(&seq));
            }
            let next = (1..).find(|seq| !plain.contains(seq)).expect("the set is finite");
            prop_assert_eq!(ranges.next_seq(), next);
            let text = serde_json::to_string(&ranges).expect("json");
            prop_assert_eq!(serde_json::from_str::<SeqRanges>(&text).expect("valid"), ranges);
        }
    }

    #[test]
    fn more_gaps_than_the_limit_are_refused() {
        let mut ranges = SeqRanges::default();
        for gap in 0..64 {
            assert_eq!(ranges.insert(10 * gap + 5, 10 * gap + 5), Inserted::New);
        }
        assert_eq!(ranges.insert(9_999, 9_999), Inserted::TooManyGaps);
        assert_eq!(ranges.insert(6, 6), Inserted::New, "a neighbour needs no new range");
    }
}
