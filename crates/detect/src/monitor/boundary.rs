//! A boundary around everything that was seen while learning (one-class support vector machine,
//! Schölkopf 2001), and how far outside the machine is.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_svm::{Svm, SvmParams};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::statistics::squared_distance;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Boundary {
    width: usize,
    /// Width of the kernel: exp(-distance² / kernel).
    kernel: f64,
    rho: f64,
    weights: Vec<f64>,
    vectors: Vec<f64>,
}

impl Boundary {
    /// Fits the boundary to an even sample of the rows.
    pub(super) fn fit(rows: &[f64], width: usize) -> Option<Self> {
        let step = (rows.len() / width).div_ceil(SAMPLE).max(1);
        let sample: Vec<f64> = rows.chunks_exact(width).step_by(step).flatten().copied().collect();
        let seen = sample.len() / width;
        let records = Array2::from_shape_vec((seen, width), sample.clone()).ok()?;
        let kernel = KERNEL * crate::statistics::count(width);
        let params: SvmParams<f64, linfa::dataset::Pr> =
            Svm::params().gaussian_kernel(kernel).nu_weight(OUTSIDE);
        let data = DatasetBase::new(records, Array2::from_elem((seen, 1), ()));
        let found: Svm<f64, bool> = params.fit(&data).ok()?;
        let (mut weights, mut vectors) = (Vec::new(), Vec::new());
        for (weight, row) in found.alpha.iter().zip(sample.chunks_exact(width)) {
            if 1e-12 < weight.abs() {
                weights.push(*weight);
                vectors.extend_from_slice(row);
            }
        }
        let is_usable = found.rho.is_finite() && 0.0 < found.rho && !weights.is_empty();
        is_usable.then_some(Self { width, kernel, rho: found.rho, weights, vectors })
    }

    /// Distance of a row, 1 at the limit; `parts` takes the way from the nearest support vector.
    pub(super) fn distance(&self, row: &[f64], parts: &mut [f64]) -> f64 {
        let (mut sum, mut nearest) = (0.0, f64::INFINITY);
        for (vector, weight) in self.vectors.chunks_exact(self.width).zip(&self.weights) {
            let off = squared_distance(vector, row);
            sum += weight * (-off / self.kernel).exp();
            if off < nearest {
                nearest = off;
                let way = row.iter().zip(vector).map(|(value, it)| value - it);
                parts.iter_mut().zip(way).for_each(|(part, way)| *part = way);
            }
        }
        // Far outside the sum is 0, on the boundary it is rho: the logarithm gives a distance back.
        let depth = (self.rho / sum.max(1e-300)).ln().max(0.0);
        (depth / LIMIT).sqrt()
    }
}

/// Rows that take part in the fit at most.
const SAMPLE: usize = 200;

/// Width of the kernel for each signal, in squares of the standard deviation.
const KERNEL: f64 = 2.0;

/// Share of the learning rows that may lie outside.
const OUTSIDE: f64 = 0.02;

/// Depth outside (logarithm of the ratio to the boundary) at which an alarm begins.
const LIMIT: f64 = 1.0;
