//! What an agent has sent and not yet had acknowledged: pure, no socket and no clock.
//!
//! Rely on this: at most [`WINDOW_BATCHES_MAX`] batches of a stream are out at once; each comes up
//! again when its acknowledgement is overdue (later and later) and after a reconnect, the lowest
//! number of the most urgent stream first; it leaves only by the server's acknowledgement.
//!
//! Deliberately absent: the disk. What is not in the window still lies in the agent's spool.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use forewarn_domain::reading::{Epoch, Stream};

use crate::backoff;
use crate::payload::Ack;

/// The batches of one agent that are under way.
#[derive(Debug)]
pub struct Window {
    epoch: Epoch,
    resend_after: Duration,
    seed: u64,
    out: BTreeMap<(Stream, u64), UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    payload: Bytes,
    due: Duration,
    sendings: u32,
}

/// A batch that is to be sent now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Due {
    /// Its stream.
    pub stream: Stream,
    /// Its number.
    pub seq: u64,
    /// The message.
    pub payload: Bytes,
}

impl Window {
    /// An empty window. `resend_after` is the first wait for an acknowledgement; the seed spreads
    /// the later ones.
    #[must_use]
    pub fn new(epoch: Epoch, resend_after: Duration, seed: u64) -> Self {
        Self { epoch, resend_after, seed, out: BTreeMap::new() }
    }

    /// Takes a batch in, due at once. The same number again replaces the message.
    ///
    /// # Errors
    ///
    /// [`WindowFull`] when its stream has [`WINDOW_BATCHES_MAX`] others under way.
    pub fn append(
        &mut self,
        stream: Stream,
        seq: u64,
        payload: Bytes,
        now: Duration,
    ) -> Result<(), WindowFull> {
        if !self.out.contains_key(&(stream, seq)) && !self.has_room(stream) {
            return Err(WindowFull { stream, seq });
        }
        self.out.insert((stream, seq), UnderWay { payload, due: now, sendings: 0 });
        Ok(())
    }

    /// Removes what the server has; gives the number of batches that left.
    pub fn acknowledge(&mut self, ack: &Ack) -> usize {
        if ack.epoch != self.epoch {
            return 0;
        }
        let before = self.out.len();
        self.out.retain(|(stream, seq), _| *stream != ack.stream || !ack.received.contains(*seq));
        before.saturating_sub(self.out.len())
    }

    /// Makes everything due again: a new connection may have lost whatever was on the old one.
    pub fn reconnected(&mut self, now: Duration) {
        for under_way in self.out.values_mut() {
            under_way.due = now;
            under_way.sendings = 0;
        }
    }

    /// The most urgent batch that is due, counted as sent at `now`.
    pub fn next_due(&mut self, now: Duration) -> Option<Due> {
        let (limit, seed, first) = (RESEND_AFTER_MAX, self.seed, self.resend_after);
        let ((stream, seq), under_way) = self.out.iter_mut().find(|(_, it)| it.due <= now)?;
        let wait = backoff::pause(first.saturating_mul(2), limit, under_way.sendings, seed ^ seq);
        under_way.due = now.saturating_add(wait);
        under_way.sendings = under_way.sendings.saturating_add(1);
        Some(Due { stream: *stream, seq: *seq, payload: under_way.payload.clone() })
    }

    /// When [`Window::next_due`] will have something, if nothing is acknowledged before.
    #[must_use]
    pub fn next_due_at(&self) -> Option<Duration> {
        self.out.values().map(|under_way| under_way.due).min()
    }

    /// Whether a further batch of this stream fits.
    #[must_use]
    pub fn has_room(&self, stream: Stream) -> bool {
        self.out.range((stream, 0)..=(stream, u64::MAX)).count() < WINDOW_BATCHES_MAX
    }

    /// How many batches are under way.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.out.len()
    }
}

/// Too many batches of a stream are under way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("batch {seq} of stream {stream} must wait: {WINDOW_BATCHES_MAX} are not acknowledged yet")]
pub struct WindowFull {
    /// The stream.
    pub stream: Stream,
    /// The batch that must wait.
    pub seq: u64,
}

/// Keeps a plant's uplink busy over 200 ms of delay, and costs at most 6 MB of memory a stream.
/// Half of what a server remembers as gaps, so a full window never overflows its ledger.
pub const WINDOW_BATCHES_MAX: usize = 32;

/// A server that is away for hours is asked once a minute.
pub const RESEND_AFTER_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
