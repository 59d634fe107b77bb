//! Looks at a batch before it is stored: is it whole, which of its readings are late, and how far
//! do they bring their devices?
//!
//! A pure function, shared by all kinds of readings store.

use forewarn_domain::reading::{Batch, BatchBody, Readings};
use forewarn_domain::time::Span;

use super::appended::Refusal;

/// What a look at a batch has shown.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Places in the batch of the late readings, rising: numbers first, then texts.
    pub(crate) late: Vec<u32>,
    /// The newest event time of each of the batch's channels; `None` where it has no reading.
    pub(crate) newest: Vec<Option<i64>>,
}

/// The readings of a batch, if it is of that kind.
pub(crate) fn readings(batch: &Batch) -> Option<&Readings> {
    match &batch.body {
        BatchBody::Readings(readings) => Some(readings),
        BatchBody::Evicted(_) | BatchBody::Waveform(_) => None,
    }
}

/// Whether every reading names a channel of its batch.
///
/// # Errors
///
/// [`Refusal::UnknownChannel`] for a batch that was built wrongly.
pub(crate) fn check(readings: &Readings) -> Result<(), Refusal> {
    let numbers = readings.numbers.iter().map(|it| it.channel);
    let texts = readings.texts.iter().map(|it| it.channel);
    let unknown = |channel: u16| readings.channels.len() <= usize::from(channel);
    let found = (0_u32..).zip(numbers.chain(texts)).find(|(_, channel)| unknown(*channel));
    found.map_or(Ok(()), |(idx, _)| Err(Refusal::UnknownChannel { idx }))
}

/// Judges checked readings by how far the device of each of their channels had come.
pub(crate) fn judge(readings: &Readings, passed: &[Option<i64>], lateness: Span) -> Judged {
    let mut judged = Judged { late: Vec::new(), newest: vec![None; readings.channels.len()] };
    let floor = |t: &i64| t.saturating_sub(lateness.micros());
    let floors: Vec<i64> = passed.iter().map(|t| t.as_ref().map_or(i64::MIN, floor)).collect();
    let numbers = readings.numbers.iter().map(|it| (it.channel, it.t.micros()));
    let texts = readings.texts.iter().map(|it| (it.channel, it.t.micros()));
    for (idx, (channel, t)) in (0_u32..).zip(numbers.chain(texts)) {
        let channel = usize::from(channel);
        if t < floors[channel] {
            judged.late.push(idx);
        }
        judged.newest[channel] = judged.newest[channel].max(Some(t));
    }
    judged
}
