//! The slow guard: a cumulative sum over means of blocks (Page 1954) of signals that truly stand still.
//!
//! A drift of a fraction of a standard deviation is found long before the level alarm. From the
//! blocks since the sum began to rise follow slope, rows to the level limit, and their interval.
//!
//! Deliberately absent: signals whose block means wander by themselves while learning; of those a
//! slow drift cannot be told from life, and the guard says that it does not watch them.

use serde::{Deserialize, Serialize};

use super::learning::{START, spread};
use crate::statistics::count;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Drifts {
    signals: Vec<Option<Guard>>,
    rows: usize,
    is_alarm: bool,
    /// The largest sum in units of the limit, and whose it is.
    pub(super) magnitude: f64,
    pub(super) farthest: Option<usize>,
}

/// The guard of one signal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Guard {
    middle: f64,
    /// Values farther from the middle count as this far.
    reach: f64,
    /// Standard deviation of block means.
    scale: f64,
    /// Part of a block mean that is forgiven.
    allowance: f64,
    sum: f64,
    seen: u32,
    up: Run,
    down: Run,
}

/// One side of the cumulative sum, with a straight line through the blocks since it left zero.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Run {
    sum: f64,
    blocks: f64,
    t: f64,
    tt: f64,
    y: f64,
    ty: f64,
    yy: f64,
}

/// Where a drift leads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// Which signal drifts.
    pub signal: usize,
    /// Change within one row, in the unit of the signal.
    pub slope_per_row: f64,
    /// Rows until the level would be in alarm: expected, and the 80 % interval; `None` is never.
    pub rows_to_limit: Option<f64>,
    /// The early end of the interval.
    pub rows_at_least: Option<f64>,
    /// The late end of the interval.
    pub rows_at_most: Option<f64>,
}

impl Drifts {
    /// Learns which signals stand still over blocks; none when there are too few blocks.
    pub(super) fn new(rows: &[f64], width: usize) -> Self {
        let column = |signal: usize| -> Vec<f64> {
            rows.iter().skip(START * width + signal).step_by(width).copied().collect()
        };
        let signals = (0..width).map(|signal| Guard::learn(&column(signal))).collect();
        Self { signals, rows: 0, is_alarm: false, magnitude: 0.0, farthest: None }
    }

    /// Which signals are watched.
    pub(super) fn watched(&self) -> impl Iterator<Item = bool> + '_ {
        self.signals.iter().map(Option::is_some)
    }

    /// Takes the next row; whether a drift is confirmed. A gap begins a new block.
    pub(super) fn take(&mut self, sample: &[f64], is_after_gap: bool) -> bool {
        if is_after_gap {
            self.rows = 0;
            self.signals.iter_mut().flatten().for_each(Guard::begin_block);
        }
        self.rows += 1;
        for (guard, value) in self.signals.iter_mut().zip(sample) {
            if let Some(guard) = guard
                && value.is_finite()
            {
                let off = (value - guard.middle).clamp(-guard.reach, guard.reach);
                (guard.sum, guard.seen) = (guard.sum + off, guard.seen + 1);
            }
        }
        if self.rows == BLOCK {
            self.rows = 0;
            self.close_block();
        }
        self.is_alarm
    }

    /// The trend of the farthest signal; `limit` is its distance from the middle at which the level
    /// alarm begins.
    pub(super) fn trend(&self, limit: impl Fn(usize) -> f64) -> Option<Trend> {
        let signal = self.farthest?;
        let guard = self.signals.get(signal)?.as_ref()?;
        let (run, sign) =
            if guard.down.sum <= guard.up.sum { (guard.up, 1.0) } else { (guard.down, -1.0) };
        let (slope, error, now) = run.line()?;
        let room = (limit(signal) / guard.scale - now).max(0.0);
        let rows = |slope: f64| (0.0 < slope).then(|| room / slope * count(BLOCK));
        Some(Trend {
            signal,
            slope_per_row: sign * slope * guard.scale / count(BLOCK),
            rows_to_limit: rows(slope),
            rows_at_least: rows(slope + EIGHTY_PERCENT * error),
            rows_at_most: rows(slope - EIGHTY_PERCENT * error),
        })
    }

    fn close_block(&mut self) {
        (self.magnitude, self.farthest) = (0.0, None);
        for (signal, guard) in self.signals.iter_mut().enumerate() {
            let Some(guard) = guard else { continue };
            guard.close_block();
            let sum = guard.up.sum.max(guard.down.sum) / LIMIT;
            if self.magnitude < sum {
                (self.magnitude, self.farthest) = (sum, Some(signal));
            }
        }
        let is_over = if self.is_alarm { OFF < self.magnitude } else { 1.0 < self.magnitude };
        self.is_alarm = is_over;
    }
}

impl Guard {
    fn learn(values: &[f64]) -> Option<Self> {
        let blocks = values.len() / BLOCK;
        if blocks < BLOCKS_MIN {
            return None;
        }
        let reach = REACH_SD * spread(values);
        let about = super::learning::median(values);
        let mean = |block: &[f64]| {
            let sum: f64 = block.iter().map(|it| (it - about).clamp(-reach, reach)).sum();
            sum / count(block.len())
        };
        let means: Vec<f64> = values.chunks_exact(BLOCK).map(mean).collect();
        let middle = means.iter().sum::<f64>() / count(blocks);
        let white = spread(values) / count(BLOCK).sqrt();
        let scale = spread(&means);
        if white <= 0.0 || WANDER_MAX * white < scale || RELATED_MAX < related(&means, middle) {
            return None;
        }
        Some(Self {
            middle: about + middle,
            reach,
            scale: scale.max(white),
            allowance: ALLOWANCE + 1.5 / count(blocks).sqrt(),
            sum: 0.0,
            seen: 0,
            up: Run::default(),
            down: Run::default(),
        })
    }

    fn begin_block(&mut self) {
        (self.sum, self.seen) = (0.0, 0);
    }

    fn close_block(&mut self) {
        if 0 < self.seen {
            let mean = self.sum / f64::from(self.seen) / self.scale;
            self.up.take(mean, self.allowance);
            self.down.take(-mean, self.allowance);
        }
        self.begin_block();
    }
}

impl Run {
    fn take(&mut self, mean: f64, allowance: f64) {
        let sum = (self.sum + mean - allowance).clamp(0.0, 2.0 * LIMIT);
        if sum <= 0.0 {
            *self = Self::default();
            return;
        }
        self.sum = sum;
        let t = self.blocks;
        self.blocks += 1.0;
        self.t += t;
        self.tt += t * t;
        self.y += mean;
        self.ty += t * mean;
        self.yy += mean * mean;
    }

    /// Slope for one block, its standard error, and the line's present height.
    fn line(&self) -> Option<(f64, f64, f64)> {
        let n = self.blocks;
        let spread = n * self.tt - self.t * self.t;
        if n < 3.0 || spread <= 0.0 {
            return None;
        }
        let slope = (n * self.ty - self.t * self.y) / spread;
        let start = (self.y - slope * self.t) / n;
        let rest = self.yy - start * self.y - slope * self.ty;
        let error = (rest.max(0.0) / (n - 2.0) * n / spread).sqrt();
        Some((slope, error, start + slope * (n - 1.0)))
    }
}

/// Correlation of each block mean with the next one.
fn related(means: &[f64], middle: f64) -> f64 {
    let square: f64 = means.iter().map(|it| (it - middle) * (it - middle)).sum();
    let pairs: f64 = means.windows(2).map(|it| (it[0] - middle) * (it[1] - middle)).sum();
    if 0.0 < square { pairs / square } else { 0.0 }
}

/// Rows of a block, and how many blocks must have been learned.
const BLOCK: usize = 60;
const BLOCKS_MIN: usize = 20;

/// Block means may wander by this much more than white noise, and hang together by this much.
const WANDER_MAX: f64 = 2.0;
const RELATED_MAX: f64 = 0.5;

/// Of a block mean this many standard deviations are forgiven; the sum alarms at the limit.
const ALLOWANCE: f64 = 0.5;
const LIMIT: f64 = 10.0;
const OFF: f64 = 0.5;

/// Outliers count as this far from the middle.
const REACH_SD: f64 = 4.0;

/// Standard errors of the slope on either side. The normal distribution would ask for 1.28; since the
/// line begins where the sum did, 1.8 are needed to hold the truth in four of five made-up drifts.
const EIGHTY_PERCENT: f64 = 1.8;

#[cfg(test)]
mod tests {
    use super::*;

    /// Fixed noise of about standard deviation 1: the sum of four uniform numbers.
    fn noise(rows: usize) -> Vec<f64> {
        let mut word = 0x9e37_79b9_7f4a_7c15_u64;
        let mut uniform = || {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            f64::from(u32::try_from(word >> 33).expect("31 bits")) / f64::from(1_u32 << 31) - 0.5
        };
        (0..rows).map(|_| (uniform() + uniform() + uniform() + uniform()) * 1.732).collect()
    }

    #[test]
    fn a_slow_drift_is_found_early_with_a_time_to_the_limit_that_holds() {
        let values = noise(9_000);
        let (learned, rest) = values.split_at(3_600);
        let mut calm = Drifts::new(learned, 1);
        assert!(rest.iter().all(|it| !calm.take(&[*it], false)), "false alarm");
        let mut drifts = Drifts::new(learned, 1);
        let slope = 3.0 / 5_400.0;
        let mut found = None;
        for (row, value) in rest.iter().enumerate() {
            let drift = slope * f64::from(u32::try_from(row).expect("small"));
            if drifts.take(&[value + drift], false) && found.is_none() {
                found = Some((drift, drifts.trend(|_| 3.0).expect("a line")));
            }
        }
        let (drift, trend) = found.expect("found");
        assert!(drift < 0.75, "{drift}");
        let truth = (3.0 - drift) / slope;
        let (early, late) = (trend.rows_at_least.expect("rises"), trend.rows_at_most);
        assert!(early <= truth && late.is_none_or(|it| truth <= it), "{truth} {trend:?}");
    }

    #[test]
    fn a_signal_that_wanders_is_not_watched() {
        let mut level = 0.0;
        let walk: Vec<f64> = noise(3_600)
            .into_iter()
            .map(|it| {
                level += 0.1 * it;
                level
            })
            .collect();
        assert!(!Drifts::new(&walk, 1).watched().any(|it| it));
        assert!(Drifts::new(&noise(3_600), 1).watched().all(|it| it));
    }
}
