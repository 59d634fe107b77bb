//! Puts batches back into the order in which their agent numbered them.
//!
//! Whatever the network did (delay, repeat, swap), the engine sees each stream once and in order, so
//! its output is a function of the streams alone. Batches ahead of a gap wait here up to a limit;
//! beyond it they are dropped and [`Inbox::missing`] tells the caller what to fetch from the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_domain::reading::{Batch, StreamKey};

/// Batches that wait for an earlier one, by stream.
#[derive(Debug, Default)]
pub struct Inbox {
    streams: BTreeMap<StreamKey, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    next_seq: u64,
    ahead: BTreeMap<u64, Arc<Batch>>,
    has_dropped: bool,
}

impl Inbox {
    /// An inbox that continues where each stream was left.
    #[must_use]
    pub fn resume(cursors: &[(StreamKey, u64)]) -> Self {
        let streams =
            cursors.iter().map(|(key, next_seq)| (key.clone(), Waiting::from(*next_seq))).collect();
        Self { streams }
    }

    /// Takes a batch in whatever order it arrived; returns what is now in order.
    pub fn offer(&mut self, batch: Arc<Batch>) -> Vec<Arc<Batch>> {
        let waiting = self.streams.entry(batch.key.clone()).or_insert_with(|| Waiting::from(1));
        if batch.last_seq() < waiting.next_seq {
            return Vec::new();
        }
        if waiting.next_seq < batch.seq && AHEAD_MAX <= waiting.ahead.len() {
            waiting.has_dropped = true;
            return Vec::new();
        }
        waiting.ahead.insert(batch.seq, batch);
        let mut ready = Vec::new();
        while let Some(first) = waiting.ahead.first_entry() {
            if waiting.next_seq < *first.key() {
                break;
            }
            let batch = first.remove();
            if waiting.next_seq <= batch.last_seq() {
                waiting.next_seq = batch.last_seq() + 1;
                ready.push(batch);
            }
        }
        ready
    }

    /// Begins a stream at a later number: what came before is known to be dealt with.
    pub fn skip_to(&mut self, key: &StreamKey, next_seq: u64) {
        let waiting = self.streams.entry(key.clone()).or_insert_with(|| Waiting::from(next_seq));
        waiting.next_seq = waiting.next_seq.max(next_seq);
    }

    /// Where each stream stands: the next sequence number that is due.
    #[must_use]
    pub fn cursors(&self) -> Vec<(StreamKey, u64)> {
        self.streams.iter().map(|(key, waiting)| (key.clone(), waiting.next_seq)).collect()
    }

    /// Streams of which batches were dropped here: fetch them from the store, from this number on.
    pub fn missing(&mut self) -> Vec<(StreamKey, u64)> {
        let mut missing = Vec::new();
        for (key, waiting) in &mut self.streams {
            if waiting.has_dropped && waiting.ahead.len() < AHEAD_MAX {
                waiting.has_dropped = false;
                missing.push((key.clone(), waiting.next_seq));
            }
        }
        missing
    }
}

impl From<u64> for Waiting {
    fn from(next_seq: u64) -> Self {
        Self { next_seq, ahead: BTreeMap::new(), has_dropped: false }
    }
}

/// Eight windows of an agent: more waiting batches mean a long backlog, which the store holds anyway.
const AHEAD_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use forewarn_domain::id::AgentId;
    use forewarn_domain::reading::{BatchBody, Epoch, Evicted, Readings, Stream};
    use proptest::prelude::*;

    use super::*;

    fn batch(seq: u64, body: BatchBody) -> Arc<Batch> {
        let agent = AgentId::new("edge-1").expect("slug");
        let key = StreamKey { agent, epoch: Epoch(1), stream: Stream::NORMAL };
        Arc::new(Batch { key, seq, body })
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_comes_out_once_and_in_order(
            order in Just((1..=40_u64).collect::<Vec<_>>()).prop_shuffle(),
            repeats in prop::collection::vec(1..=40_u64, 0..40),
        ) {
            let mut inbox = Inbox::default();
            let mut seen = Vec::new();
            for seq in order.into_iter().chain(repeats) {
                let ready = inbox.offer(batch(seq, BatchBody::Readings(Readings::default())));
                seen.extend(ready.iter().map(|it| it.seq));
            }
            prop_assert_eq!(seen, (1..=40).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_evicted_range_counts_as_seen() {
        let mut inbox = Inbox::default();
        let readings = || BatchBody::Readings(Readings::default());
        assert!(inbox.offer(batch(6, readings())).is_empty());
        let evicted = Evicted { to_seq: 5, readings: 900, reason: "quota".into() };
        let ready = inbox.offer(batch(1, BatchBody::Evicted(evicted)));
        assert_eq!(ready.iter().map(|it| it.seq).collect::<Vec<_>>(), [1, 6]);
    }

    #[test]
    fn too_many_early_batches_are_dropped_and_named() {
        let mut inbox = Inbox::default();
        for seq in 2..=300 {
            inbox.offer(batch(seq, BatchBody::Readings(Readings::default())));
        }
        assert!(inbox.missing().is_empty(), "nothing can be fetched before the gap closes");
        let ready = inbox.offer(batch(1, BatchBody::Readings(Readings::default())));
        assert_eq!(ready.len(), 257);
        assert_eq!(inbox.missing().first().map(|(_, seq)| *seq), Some(258));
        assert!(inbox.missing().is_empty(), "each loss is named once");
    }
}
