//! The plane in which the signals move together: how far along it (T², Hotelling 1947) and how far
//! off it (Q, Jackson and Mudholkar 1979) the machine is.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_reduction::Pca;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::learning::START;
use crate::statistics::{count, quantile};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Plane {
    mean: Vec<f64>,
    /// One direction after another, each of the width of a row.
    directions: Vec<f64>,
    variances: Vec<f64>,
    t2_limit: f64,
    q_limit: f64,
}

impl Plane {
    /// Fits the fewest directions that explain [`EXPLAINED`] of the variance; `None` for rows of one
    /// signal, or rows without any variance.
    pub(super) fn fit(rows: &[f64], width: usize) -> Option<Self> {
        let seen = rows.len() / width;
        let view = ArrayView2::from_shape((seen, width), rows).ok()?;
        if width < 2 || seen <= START {
            return None;
        }
        let pca = Pca::params(width).fit(&DatasetBase::from(view)).ok()?;
        let all: Vec<f64> =
            pca.singular_values().iter().map(|it| it * it / (count(seen) - 1.0)).collect();
        let whole: f64 = all.iter().sum();
        let mut explained = 0.0;
        let is_needed = |it: &&f64| {
            let is_missing = explained < EXPLAINED * whole;
            explained += **it;
            is_missing
        };
        let variances: Vec<f64> = all.iter().take_while(is_needed).copied().collect();
        if whole <= 0.0 || variances.iter().any(|it| *it <= 0.0) {
            return None;
        }
        let directions = pca.components().iter().take(variances.len() * width).copied().collect();
        let mean = pca.mean().to_vec();
        let mut plane = Self { mean, directions, variances, t2_limit: 1.0, q_limit: 1.0 };
        plane.calibrate(rows, width);
        Some(plane)
    }

    /// Distance of a row, 1 at the limit; `parts` takes the share of each signal that is off.
    pub(super) fn distance(&self, row: &[f64], parts: &mut [f64]) -> f64 {
        let (t2, q) = self.statistics(row, parts);
        (t2 / self.t2_limit).max(q / self.q_limit).sqrt()
    }

    fn statistics(&self, row: &[f64], parts: &mut [f64]) -> (f64, f64) {
        for (part, (value, mean)) in parts.iter_mut().zip(row.iter().zip(&self.mean)) {
            *part = value - mean;
        }
        let whole: f64 = parts.iter().map(|it| it * it).sum();
        let (mut t2, mut along) = (0.0, 0.0);
        for (direction, variance) in self.directions.chunks_exact(row.len()).zip(&self.variances) {
            let score: f64 = direction.iter().zip(&*parts).map(|(a, b)| a * b).sum();
            t2 += score * score / variance;
            along += score * score;
        }
        (t2, (whole - along).max(0.0))
    }

    fn calibrate(&mut self, rows: &[f64], width: usize) {
        let mut parts = vec![0.0; width];
        let seen = rows.chunks_exact(width).map(|row| self.statistics(row, &mut parts));
        let (mut t2, mut q): (Vec<f64>, Vec<f64>) = seen.unzip();
        t2.sort_by(f64::total_cmp);
        q.sort_by(f64::total_cmp);
        let limit = |sorted: &[f64]| (MARGIN * quantile(sorted, 0.995)).max(f64::MIN_POSITIVE);
        (self.t2_limit, self.q_limit) = (limit(&t2), limit(&q).max(1e-9));
    }
}

/// Share of the variance that the plane holds.
const EXPLAINED: f64 = 0.85;

/// The limit lies above what was seen while learning by this factor (of squares).
const MARGIN: f64 = 4.0;
