//! The hash of a stretch of readings, so that an altered reading can be told.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Sha256;
use sha2::Digest;

use super::{ReadingStore, StoreError};

impl ReadingStore {
    /// How many readings lie in `from <= t < to`, and SHA-256 over them: event time in microseconds
    /// (little-endian), the bits of the value, and the code of the quality. Late readings were never
    /// evaluated and do not count.
    ///
    /// # Errors
    ///
    /// As [`ReadingStore::range`].
    pub async fn fingerprint(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
    ) -> Result<(u64, Sha256), StoreError> {
        let (mut hash, mut count, mut at) = (sha2::Sha256::new(), 0, from);
        while at < to {
            let end = (at + PAGE).min(to);
            for sample in self.range(channel, at, end, usize::MAX).await? {
                if sample.late {
                    continue;
                }
                hash.update(sample.t.micros().to_le_bytes());
                hash.update(sample.value.to_bits().to_le_bytes());
                hash.update([sample.quality.code()]);
                count += 1;
            }
            at = end;
        }
        Ok((count, Sha256(hash.finalize().into())))
    }
}

/// A day of one reading a second fits into memory many times over.
const PAGE: Span = Span::from_secs(86_400);
