//! What came of each batch that was given to the store.

use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::StreamKey;

/// The answer for one batch, in the order in which the batches were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Appended {
    /// Its numbering.
    pub key: StreamKey,
    /// Its number.
    pub seq: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// What of the numbering is durable now: the acknowledgement to send.
    pub ledger: SeqRanges,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was durable already; nothing was stored.
    Known,
    /// It is durable now.
    New {
        /// How many of its readings and texts were late; the lateness bound is the store's.
        late: u32,
    },
    /// It is not stored and must not be acknowledged.
    Refused(Refusal),
}

/// Why a batch was refused while others of the same call were stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// More gaps than a ledger remembers; the agent sends the older batches first, then this one.
    #[error("the numbering has too many gaps already; the missing batches must come first")]
    TooManyGaps,
    /// A reading names a channel that its batch does not list.
    #[error("reading {idx} names a channel that its batch does not list")]
    UnknownChannel {
        /// Place in the batch: numbers first, then texts.
        idx: u32,
    },
}
