//! How each source is doing, for people: last good reading, errors by kind, turns missed.
//!
//! Deliberately absent: judgement. A silent source is the server's finding, not ours.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use forewarn_domain::id::{DeviceId, SourceId};
use forewarn_domain::time::Time;
use serde::Serialize;

/// The status of all sources; clones show the same board.
#[derive(Clone, Debug, Default)]
pub struct StatusBoard(Arc<Mutex<BTreeMap<(DeviceId, SourceId), SourceStatus>>>);

/// How one source is doing.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct SourceStatus {
    /// When it last gave a reading that was not bad.
    pub last_good: Option<Time>,
    /// Polls or messages that brought something.
    pub answers: u64,
    /// What went wrong, by kind, and how often.
    pub errors: BTreeMap<&'static str, u64>,
    /// Turns that were not taken because the line was busy, or the device silent.
    pub turns_skipped: u64,
}

impl StatusBoard {
    /// Every source with its status, by device and source.
    #[must_use]
    pub fn sources(&self) -> Vec<(DeviceId, SourceId, SourceStatus)> {
        let board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        board
            .iter()
            .map(|((device, source), it)| (device.clone(), source.clone(), it.clone()))
            .collect()
    }

    /// Changes the status of one source.
    pub(crate) fn update(
        &self,
        device: &DeviceId,
        source: &SourceId,
        change: impl FnOnce(&mut SourceStatus),
    ) {
        let mut board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(board.entry((device.clone(), source.clone())).or_default());
    }

    /// Counts an error.
    pub(crate) fn count(&self, device: &DeviceId, source: &SourceId, kind: &'static str) {
        self.update(device, source, |it| *it.errors.entry(kind).or_default() += 1);
    }
}
