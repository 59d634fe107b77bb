//! Signals that wander, but always came back: an excursion far beyond where they ever were.
//!
//! Of such a signal the level says nothing about how long trouble lasts, so an excursion is an event
//! of one row, and counts again only after the signal has been back for long enough.
//!
//! Deliberately absent: signals that stand still (their level is judged elsewhere) and signals that
//! did not come back while learning (nobody knows where they go).

use serde::{Deserialize, Serialize};

use super::learning::Normal;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Excursions {
    signals: Vec<Option<Watch>>,
    /// Distance of the farthest watched signal in units of the limit, and whose it is.
    pub(super) magnitude: f64,
    pub(super) farthest: Option<usize>,
    back_rows: u32,
}

/// Where one watched signal is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Watch {
    is_out: bool,
    /// Rows in a row beyond the limit, or, while it is out, back within its range.
    rows: u32,
}

impl Excursions {
    pub(super) fn new(normal: &Normal) -> Self {
        let is_watched = |signal: usize| {
            ROWS_MIN <= normal.rows
                && normal.weight[signal] < WEIGHT_MAX
                && RETURNS_MIN <= normal.returns[signal]
                && 0.0 < normal.width[signal]
        };
        let signals = (0..normal.weight.len()).map(|it| is_watched(it).then(Watch::default));
        let back_rows = u32::try_from(normal.rows / 4).unwrap_or(u32::MAX);
        Self { signals: signals.collect(), magnitude: 0.0, farthest: None, back_rows }
    }

    /// Takes the levels of the next row; the signal whose excursion this row confirms.
    pub(super) fn take(&mut self, normal: &Normal, levels: &[f64]) -> Option<usize> {
        let mut confirmed = None;
        (self.magnitude, self.farthest) = (0.0, None);
        for (signal, watch) in self.signals.iter_mut().enumerate() {
            let Some(watch) = watch else { continue };
            let level = levels[signal];
            let z = (level - normal.middle[signal]).abs() / normal.width[signal];
            if self.magnitude < z / ON_SD {
                (self.magnitude, self.farthest) = (z / ON_SD, Some(signal));
            }
            if watch.is_out {
                watch.rows = if z < BACK_SD { watch.rows + 1 } else { 0 };
                if self.back_rows < watch.rows {
                    *watch = Watch::default();
                }
                continue;
            }
            let is_beyond = level < normal.lowest[signal] || normal.highest[signal] < level;
            watch.rows = if ON_SD < z && is_beyond { watch.rows + 1 } else { 0 };
            if ROWS_ON <= watch.rows {
                *watch = Watch { is_out: true, rows: 0 };
                confirmed = Some(signal);
            }
        }
        confirmed
    }
}

/// A signal of more weight is judged by its level.
const WEIGHT_MAX: f64 = 0.15;

/// Fewer learning rows do not show how far a signal wanders.
const ROWS_MIN: usize = 600;

/// So often it must have crossed its middle while learning.
const RETURNS_MIN: u32 = 5;

/// Robust standard deviations of the learned levels, and rows in a row beyond them.
const ON_SD: f64 = 4.6;
const ROWS_ON: u32 = 5;

/// It is back within this distance, for a quarter of the learning rows.
const BACK_SD: f64 = 2.0;
