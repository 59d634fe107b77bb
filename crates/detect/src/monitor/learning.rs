//! From the learning rows to what is normal for every signal.
//!
//! The scale is how far the level strays from a slow reference of itself, robustly, so a drifting
//! signal is wide and a coarse converter does not make it collapse. The weight says how much a
//! signal can be trusted: what wanders by itself counts less (variance ratio, Lo and `MacKinlay`
//! 1988). Everything comes from the learning rows alone.
//!
//! Deliberately absent: labels, clock time, and the place of a row since the start.

use serde::{Deserialize, Serialize};

use super::Settings;
use super::level::{Levels, alpha};
use crate::statistics::{count, quantile};

/// What is normal, one entry for each signal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Normal {
    /// Level at the end of learning, seen slowly.
    pub(super) home: Vec<f64>,
    /// Standard deviation of the level about its slow reference.
    pub(super) scale: Vec<f64>,
    /// 1 for a signal that stands still but for noise, down to [`Settings::weight_least`].
    pub(super) weight: Vec<f64>,
    /// Middle and robust standard deviation of the level over all of the learning rows.
    pub(super) middle: Vec<f64>,
    pub(super) width: Vec<f64>,
    /// The outermost levels that were seen.
    pub(super) lowest: Vec<f64>,
    pub(super) highest: Vec<f64>,
    /// How often the level crossed its middle for good.
    pub(super) returns: Vec<u32>,
    /// The learning rows over which the slow reference averages, and by which it lags.
    pub(super) reference_span: f64,
    pub(super) reference_lag: usize,
    /// How many rows were learned.
    pub(super) rows: usize,
    /// Whether the first half of the rows was left out as a start-up, for each signal.
    pub(super) is_start_left_out: Vec<bool>,
}

/// The learned normal and the state of the filters at the end of the learning rows.
pub(super) struct Learned {
    pub(super) normal: Normal,
    pub(super) slow: Levels,
    pub(super) fast: Levels,
    /// The slow level of every learning row, row by row.
    pub(super) track: Vec<f64>,
}

/// Learns from rows of equal width without gaps.
pub(super) fn learn(rows: &[f64], width: usize, settings: &Settings) -> Learned {
    let signals: Vec<Vec<f64>> = (0..width).map(|it| column(rows, width, it)).collect();
    let noise: Vec<f64> = signals.iter().map(|it| white_noise(it)).collect();
    let first: Vec<f64> = signals.iter().map(|it| median(&it[..START])).collect();
    let mut slow = Levels::new(settings.slow_span, &first, &noise);
    let mut fast = Levels::new(settings.fast_span, &first, &noise);
    let mut track = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(width) {
        track.extend_from_slice(slow.take(row));
        fast.take(row);
    }
    let count_rows = rows.len() / width;
    let span = settings.reference_span.max(count(count_rows) / 2.667);
    let lag = settings.reference_lag.max(count_rows * 3 / 40);
    let mut normal = Normal::empty(count_rows, span, lag);
    for (signal, noise) in noise.iter().enumerate() {
        normal.add(&column(&track, width, signal), *noise, settings);
    }
    Learned { normal, slow, fast, track }
}

impl Normal {
    fn empty(rows: usize, reference_span: f64, reference_lag: usize) -> Self {
        Self {
            home: Vec::new(),
            scale: Vec::new(),
            weight: Vec::new(),
            middle: Vec::new(),
            width: Vec::new(),
            lowest: Vec::new(),
            highest: Vec::new(),
            returns: Vec::new(),
            reference_span,
            reference_lag,
            rows,
            is_start_left_out: Vec::new(),
        }
    }

    /// Learns one signal from the track of its level.
    fn add(&mut self, level: &[f64], noise: f64, settings: &Settings) {
        let gain = alpha(settings.slow_span);
        let floor = noise * (gain / (2.0 - gain)).sqrt();
        let half = level.len() / 2;
        let second = spread(&level[half..]).max(floor);
        let is_start_up = START_UP * second < spread(&level[START..]);
        let start = if is_start_up { half } else { START };
        let (strays, home) = self.strays(level, start);
        let calm = (start + 30).min(level.len() - 10);
        let scale = spread(&strays[start..])
            .max(floor)
            .max(outermost(&strays[calm..]) / settings.extreme_sd)
            .max(settings.change_least * median(&level[start..]).abs());
        let seen = &level[START..];
        let (middle, width) = (median(seen), spread(seen));
        self.home.push(home);
        self.scale.push(scale);
        self.weight.push(weight(&level[start..], noise, settings));
        self.middle.push(middle);
        self.width.push(width);
        self.lowest.push(seen.iter().copied().fold(f64::INFINITY, f64::min));
        self.highest.push(seen.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        self.returns.push(returns(seen, middle, 0.5 * width));
        self.is_start_left_out.push(is_start_up);
    }

    /// How far the level strays from its lagging slow reference, and where that reference ends.
    fn strays(&self, level: &[f64], start: usize) -> (Vec<f64>, f64) {
        let gain = alpha(self.reference_span);
        let mut reference = median(&level[start..(start + 60).min(level.len())]);
        let mut strays = Vec::with_capacity(level.len());
        for (row, value) in level.iter().enumerate() {
            if let Some(old) = row.checked_sub(self.reference_lag).filter(|it| start <= *it) {
                reference += gain * (level[old] - reference);
            }
            strays.push(value - reference);
        }
        (strays, reference)
    }
}

/// Root mean square, over several lags, of how far the level wanders within a lag, in units of what
/// white noise of the same size would do; 1 / (1 + (ratio / [`RATIO`])^[`STEEPNESS`]).
fn weight(level: &[f64], noise: f64, settings: &Settings) -> f64 {
    let gain = alpha(settings.slow_span);
    let stretch = (count(level.len()) / 400.0).max(1.0);
    let mut sum = 0.0;
    for lag in LAGS {
        let lag = (lag * stretch).round();
        let white = noise * (2.0 * gain / (2.0 - gain) * (1.0 - (1.0 - gain).powf(lag))).sqrt();
        let lag = whole(lag).min(level.len() / 2);
        let pairs = level.iter().zip(level.iter().skip(lag));
        let steps: Vec<f64> = pairs.map(|(a, b)| b - a).collect();
        sum += (spread(&steps) / white).powi(2);
    }
    let ratio = (sum / count(LAGS.len())).sqrt();
    settings.weight_least.max(1.0 / (1.0 + (ratio / RATIO).powf(STEEPNESS)))
}

/// Standard deviation of the white noise from differences, the largest 2 % left out; of the second
/// half alone where the first is a start-up.
fn white_noise(values: &[f64]) -> f64 {
    let steps: Vec<f64> = values.windows(2).map(|it| it[1] - it[0]).collect();
    let (all, late) = (trimmed(&steps), trimmed(&steps[values.len() / 2..]));
    let size = if 0.0 < late && START_UP * late < all { late } else { all };
    let size = if 0.0 < size { size } else { root_mean_square(&steps) };
    let least = 1e-6 + 1e-4 * median(values).abs();
    if 0.0 < size { size * std::f64::consts::FRAC_1_SQRT_2 } else { least }
}

fn trimmed(steps: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = steps.iter().map(|it| it.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.truncate(sizes.len() * 49 / 50);
    root_mean_square(&sizes)
}

fn root_mean_square(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().map(|it| it * it).sum();
    if values.is_empty() { 0.0 } else { (sum / count(values.len())).sqrt() }
}

/// The farthest that five values in a row all reached.
fn outermost(strays: &[f64]) -> f64 {
    let least = |run: &[f64]| run.iter().map(|it| it.abs()).fold(f64::INFINITY, f64::min);
    strays.windows(5).map(least).fold(0.0, f64::max)
}

/// How often a level went from one side of its middle to the other, by more than a margin.
fn returns(level: &[f64], middle: f64, margin: f64) -> u32 {
    let mut is_above = None;
    let mut returns = 0;
    for value in level.iter().filter(|it| margin < (**it - middle).abs()) {
        let now = middle < *value;
        returns += u32::from(is_above.is_some_and(|before| before != now));
        is_above = Some(now);
    }
    returns
}

/// Robust standard deviation: the larger of median absolute deviation and the span of the middle
/// four fifths, each as a normal distribution would have it.
pub(super) fn spread(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = quantile(&sorted, 0.5);
    let wide = (quantile(&sorted, 0.9) - quantile(&sorted, 0.1)) / 2.563;
    sorted.iter_mut().for_each(|it| *it = (*it - middle).abs());
    sorted.sort_by(f64::total_cmp);
    (1.4826 * quantile(&sorted, 0.5)).max(wide)
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

fn column(rows: &[f64], width: usize, signal: usize) -> Vec<f64> {
    rows.iter().skip(signal).step_by(width).copied().collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded lag")]
fn whole(lag: f64) -> usize {
    lag as usize
}

/// Rows at the start that only let the filters settle.
pub(super) const START: usize = 20;

/// Wider by this in the first half means that the machine was still starting up.
const START_UP: f64 = 5.0;

/// Lags in rows of a learning part of 400; several, since one alone is a noisy witness.
const LAGS: [f64; 6] = [12.0, 16.0, 20.0, 25.0, 32.0, 40.0];

/// Where the weight is a half, and how steeply it falls.
const RATIO: f64 = 1.8;
const STEEPNESS: f64 = 3.5;
