//! The smoothed level of a channel: an average that forgets, with single outliers cut down (Huber
//! 1964, Roberts 1959). Four outliers in a row on one side are no outliers but a jump, and the
//! level follows at once.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Level {
    value: f64,
    /// Samples since the level started anew.
    samples: u32,
    /// The last samples beyond the clip, and how many of them lie above (or below, negative).
    beyond: [f64; JUMP],
    side: i8,
}

impl Level {
    /// Takes a sample of the level's operating state; earlier visits to it count on.
    pub(crate) fn take(&mut self, value: f64, noise: Option<f64>) {
        self.samples = self.samples.saturating_add(1);
        match noise {
            _ if self.samples == 1 => self.value = value,
            Some(noise) => self.smooth(value, CLIP_SD * noise),
            None => self.value += ALPHA * (value - self.value),
        }
    }

    /// Nothing is known about the time before the next sample.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    /// Whether the level no longer hangs on the first sample.
    pub(crate) fn is_settled(&self) -> bool {
        SETTLED <= self.samples
    }

    fn smooth(&mut self, value: f64, clip: f64) {
        let off = value - self.value;
        if off.abs() <= clip {
            self.side = 0;
            self.value += ALPHA * off;
            return;
        }
        let sign = if 0.0 < off { 1 } else { -1 };
        self.side = if self.side.signum() == sign { self.side + sign } else { sign };
        let row = usize::from(self.side.unsigned_abs());
        self.beyond[row - 1] = value;
        if row == JUMP {
            self.beyond.sort_by(f64::total_cmp);
            self.value = 0.5 * (self.beyond[1] + self.beyond[2]);
            self.side = 0;
        } else {
            self.value += ALPHA * clip.copysign(off);
        }
    }
}

/// A span of eight samples.
const ALPHA: f64 = 2.0 / 9.0;

/// Samples until the first one weighs less than a sixth.
const SETTLED: u32 = 8;

/// Beyond this many standard deviations of the white noise a sample is cut down.
const CLIP_SD: f64 = 4.0;

/// So many outliers in a row are a jump.
const JUMP: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(values: &[f64], noise: f64) -> f64 {
        let mut level = Level::default();
        for value in values {
            level.take(*value, Some(noise));
        }
        level.value()
    }

    #[test]
    fn one_spike_is_cut_down_and_a_jump_is_followed_at_once() {
        let mut values = vec![10.0; 20];
        values[15] = 1_000.0;
        assert!((run(&values, 0.1) - 10.0).abs() < 0.1);
        values.truncate(15);
        values.extend([20.0; 4]);
        assert!((run(&values, 0.1) - 20.0).abs() < 1e-9);
    }
}
