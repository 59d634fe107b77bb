//! What of one stream goes next: pure.
//!
//! Two hands read the spool: *live*, from where the spool stood at the connect, and *backlog*,
//! below it. Rely on this: live never waits for backlog, and nothing is handed over twice.

use std::collections::BTreeMap;

use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::Stream;

/// One stream on its way.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    stream: Stream,
    live: u64,
    backlog: u64,
    /// Where live began: the backlog ends there.
    live_from: u64,
    /// Handed over and not acknowledged: first and last number.
    under_way: BTreeMap<u64, u64>,
    allowance: usize,
}

impl Lane {
    pub(super) fn new(stream: Stream, (first, next): (u64, u64)) -> Self {
        Self {
            stream,
            live: next,
            backlog: first,
            live_from: next,
            under_way: BTreeMap::new(),
            allowance: BACKLOG_PER_REFILL,
        }
    }

    /// After a connect. What is under way stays so: the link sends it again.
    pub(super) fn begin_again(&mut self, (first, next): (u64, u64)) {
        (self.live, self.live_from, self.backlog) = (next, next, first);
    }

    /// Has the backlog look again from the oldest batch: an eviction may have made a gap there.
    pub(super) fn look_back(&mut self, (first, _): (u64, u64)) {
        self.backlog = first;
    }

    pub(super) fn refill(&mut self) {
        self.allowance = BACKLOG_PER_REFILL;
    }

    pub(super) fn has_backlog(&self) -> bool {
        self.backlog < self.live_from
    }

    /// From which number how many batches are wanted now.
    pub(super) fn wanted(&self, next_seq: u64) -> Option<(u64, usize)> {
        let room = UNDER_WAY_MAX.saturating_sub(self.under_way.len());
        if self.live < next_seq && 0 < room {
            return Some((self.live, room.min(AT_ONCE_MAX)));
        }
        let room = BACKLOG_UNDER_WAY_MAX.saturating_sub(self.under_way.len()).min(self.allowance);
        (self.has_backlog() && 0 < room).then(|| (self.backlog, room.min(AT_ONCE_MAX)))
    }

    /// The spool has nothing from this number on.
    pub(super) fn nothing_from(&mut self, from: u64, next_seq: u64) {
        if self.live_from <= from {
            self.live = self.live.max(next_seq);
        } else {
            self.backlog = self.live_from;
        }
    }

    pub(super) fn is_new(&self, seq: u64) -> bool {
        !self.under_way.contains_key(&seq)
    }

    /// Read past a batch that is under way already.
    pub(super) fn passed(&mut self, from: u64, last_seq: u64) {
        if self.live_from <= from {
            self.live = self.live.max(last_seq + 1);
        } else {
            self.backlog = self.backlog.max(last_seq + 1);
        }
    }

    pub(super) fn sent(&mut self, from: u64, seq: u64, last_seq: u64) {
        if from < self.live_from {
            self.allowance = self.allowance.saturating_sub(1);
        }
        self.passed(from, last_seq);
        self.under_way.insert(seq, last_seq);
        tracing::trace!(stream = %self.stream, seq, "handed over");
    }

    pub(super) fn acknowledged(&mut self, received: &SeqRanges) {
        self.under_way.retain(|seq, _| !received.contains(*seq));
    }
}

/// The link's window of one stream.
const UNDER_WAY_MAX: usize = forewarn_wire::window::WINDOW_BATCHES_MAX;

/// Half of the window always stays free for what is measured now.
const BACKLOG_UNDER_WAY_MAX: usize = UNDER_WAY_MAX / 2;

/// With ten refills a second: 200 batches, about a million readings a second, a tenth of which a
/// server in trouble can take; its acknowledgements set the pace then.
const BACKLOG_PER_REFILL: usize = 20;

/// Bounds what one question to the spool brings into memory: 8 × 192 KiB.
const AT_ONCE_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_goes_before_what_waited() {
        let mut lane = Lane::new(Stream::NORMAL, (5, 20));
        assert_eq!(lane.wanted(20), Some((5, AT_ONCE_MAX)), "nothing is new");
        lane.sent(5, 5, 5);
        assert_eq!(lane.wanted(21), Some((20, AT_ONCE_MAX)));
        lane.sent(20, 20, 20);
        assert_eq!(lane.wanted(21), Some((6, AT_ONCE_MAX)));
    }

    #[test]
    fn backlog_leaves_half_of_the_window_to_what_is_new() {
        let mut lane = Lane::new(Stream::NORMAL, (1, 100));
        while let Some((from, _)) = lane.wanted(100) {
            lane.sent(from, from, from);
            lane.refill();
        }
        assert_eq!(lane.under_way.len(), BACKLOG_UNDER_WAY_MAX);
        assert!(lane.wanted(101).is_some());
        lane.acknowledged(&SeqRanges::try_from(vec![(1, 16)]).unwrap());
        assert_eq!(lane.wanted(100), Some((17, AT_ONCE_MAX)));
    }

    #[test]
    fn backlog_is_rationed() {
        let mut lane = Lane::new(Stream::NORMAL, (1, 1_000));
        for seq in 1..=20 {
            lane.sent(seq, seq, seq);
            lane.acknowledged(&SeqRanges::try_from(vec![(1, seq)]).unwrap());
        }
        assert_eq!(lane.wanted(1_000), None);
        lane.refill();
        assert!(lane.wanted(1_000).is_some());
    }

    #[test]
    fn an_evicted_range_is_passed_as_a_whole() {
        let mut lane = Lane::new(Stream::NORMAL, (1, 50));
        lane.sent(1, 1, 30);
        assert_eq!(lane.wanted(50), Some((31, AT_ONCE_MAX)));
        lane.nothing_from(31, 50);
        assert_eq!(lane.wanted(50), None);
        lane.look_back((1, 50));
        assert_eq!(lane.wanted(50), Some((1, AT_ONCE_MAX)));
        assert!(!lane.is_new(1), "the gap is under way");
    }
}
