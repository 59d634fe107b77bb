//! One numbering as a store knows it: what has arrived, what was consumed, and how far its devices
//! have come in event time.
//!
//! A reading is late when its device has already passed that time, by more than the bound, within
//! the contiguous prefix of the same numbering. Lateness is judged once, when the batch arrives.
//! Batches beyond a gap do not move their devices on until the gap is filled.

use std::collections::HashMap;

use forewarn_domain::ledger::{Inserted, SeqRanges};

/// The state of one numbering. Cheap to clone while there are few gaps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbering {
    pub(crate) ranges: SeqRanges,
    /// Newest event time of each device in the contiguous prefix.
    pub(crate) passed: HashMap<u32, i64>,
    /// The same beyond the first gap; at most one entry for each range.
    ahead: Vec<Ahead>,
}

#[derive(Clone, Debug)]
struct Ahead {
    seq: u64,
    newest: HashMap<u32, i64>,
}

impl Numbering {
    /// Remembers a batch; the device times in it are given to [`Numbering::advance`] afterwards.
    pub(crate) fn insert(&mut self, first: u64, last: u64) -> Inserted {
        self.ranges.insert(first, last)
    }

    /// Takes in how far the devices of a remembered batch have come.
    pub(crate) fn advance(&mut self, seq: u64, newest: HashMap<u32, i64>) {
        self.ahead.push(Ahead { seq, newest });
        let ranges = &self.ranges;
        let range_of = |seq: u64| ranges.ranges().iter().find(|(_, last)| seq <= *last).copied();
        let mut kept: Vec<Ahead> = Vec::new();
        for ahead in self.ahead.drain(..) {
            match range_of(ahead.seq) {
                Some((1, _)) => raise(&mut self.passed, &ahead.newest),
                range => match kept.iter_mut().find(|other| range_of(other.seq) == range) {
                    Some(other) => raise(&mut other.newest, &ahead.newest),
                    None => kept.push(ahead),
                },
            }
        }
        self.ahead = kept;
    }
}

fn raise(newest: &mut HashMap<u32, i64>, others: &HashMap<u32, i64>) {
    for (device, t) in others {
        newest.entry(*device).and_modify(|known| *known = (*known).max(*t)).or_insert(*t);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(t: i64) -> HashMap<u32, i64> {
        HashMap::from([(1, t)])
    }

    #[test]
    fn a_device_moves_on_only_with_the_contiguous_prefix() {
        let mut numbering = Numbering::default();
        for (seq, t) in [(1, 100), (4, 400), (3, 300)] {
            numbering.insert(seq, seq);
            numbering.advance(seq, at(t));
        }
        assert_eq!(numbering.passed, at(100));
        assert_eq!(numbering.ahead.len(), 1, "one entry for the range 3 to 4");
        numbering.insert(2, 2);
        numbering.advance(2, at(200));
        assert_eq!(numbering.passed, at(400));
        assert!(numbering.ahead.is_empty());
    }
}
