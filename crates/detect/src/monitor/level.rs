//! The level of every signal: an average that forgets, with outliers cut down (Huber 1964, Roberts
//! 1959). Outliers in a row on one side are no outliers but a jump, and the level follows at once.
//!
//! A missing value leaves the level of its signal where it was.

use serde::{Deserialize, Serialize};

/// The levels of all signals, with one span.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Levels {
    /// Weight of a new sample: 2 / (span + 1).
    alpha: f64,
    /// Distance from the level beyond which a sample is cut down.
    clip: Vec<f64>,
    value: Vec<f64>,
    /// Samples in a row beyond the clip, above (positive) or below it.
    side: Vec<i8>,
    /// The last such samples of each signal.
    beyond: Vec<[f64; JUMP]>,
}

impl Levels {
    /// Levels that start at `first`; `noise` is the standard deviation of each signal's white noise.
    pub(super) fn new(span: f64, first: &[f64], noise: &[f64]) -> Self {
        Self {
            alpha: alpha(span),
            clip: noise.iter().map(|it| CLIP_SD * it).collect(),
            value: first.to_vec(),
            side: vec![0; first.len()],
            beyond: vec![[0.0; JUMP]; first.len()],
        }
    }

    pub(super) fn take(&mut self, sample: &[f64]) -> &[f64] {
        for (signal, value) in sample.iter().enumerate().filter(|(_, it)| it.is_finite()) {
            self.step(signal, *value);
        }
        &self.value
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.value
    }

    fn step(&mut self, signal: usize, value: f64) {
        let (clip, level) = (self.clip[signal], &mut self.value[signal]);
        let side = &mut self.side[signal];
        let off = value - *level;
        if off.abs() <= clip {
            *side = 0;
            *level += self.alpha * off;
            return;
        }
        let sign = if 0.0 < off { 1 } else { -1 };
        *side = if side.signum() == sign { *side + sign } else { sign };
        let row = usize::from(side.unsigned_abs());
        let beyond = &mut self.beyond[signal];
        beyond[row - 1] = value;
        if row == JUMP {
            beyond.sort_by(f64::total_cmp);
            *level = 0.5 * (beyond[1] + beyond[2]);
            *side = 0;
        } else {
            *level += self.alpha * clip.copysign(off);
        }
    }
}

/// Weight of a new sample in an average of this span.
pub(super) fn alpha(span: f64) -> f64 {
    2.0 / (span + 1.0)
}

/// Beyond this many standard deviations of the white noise a sample is cut down.
const CLIP_SD: f64 = 4.0;

/// So many outliers in a row are a jump.
const JUMP: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(values: &[f64]) -> f64 {
        let mut levels = Levels::new(8.0, &values[..1], &[0.1]);
        for value in values {
            levels.take(&[*value]);
        }
        levels.values()[0]
    }

    #[test]
    fn one_spike_is_cut_down_a_jump_is_followed_and_a_missing_value_changes_nothing() {
        let mut values = vec![10.0; 20];
        values[15] = 1_000.0;
        assert!((run(&values) - 10.0).abs() < 0.1);
        values[15] = f64::NAN;
        assert!((run(&values) - 10.0).abs() < 1e-12);
        values.truncate(15);
        values.extend([20.0; 4]);
        assert!((run(&values) - 20.0).abs() < 1e-9);
    }
}
