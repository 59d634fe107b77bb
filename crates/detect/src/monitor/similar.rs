//! How unlike every remembered way of running the machine is now: a weighted mean of remembered rows
//! that are near (AAKR, the kernel form of MSET, Singer 1997), and what it leaves unexplained.

use serde::{Deserialize, Serialize};

use crate::statistics::squared_distance;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Similar {
    width: usize,
    memory: Vec<f64>,
}

impl Similar {
    /// Remembers an even sample of the rows.
    pub(super) fn fit(rows: &[f64], width: usize) -> Self {
        let step = (rows.len() / width).div_ceil(REMEMBERED).max(1);
        let memory = rows.chunks_exact(width).step_by(step).flatten().copied().collect();
        Self { width, memory }
    }

    /// Distance of a row, 1 at the limit; `parts` takes what each signal leaves unexplained.
    pub(super) fn distance(&self, row: &[f64], parts: &mut [f64]) -> f64 {
        parts.fill(0.0);
        let mut sum = 0.0;
        for known in self.memory.chunks_exact(self.width) {
            let weight = (-0.5 * squared_distance(known, row)).exp().max(1e-200);
            sum += weight;
            parts.iter_mut().zip(known).for_each(|(part, it)| *part += weight * it);
        }
        for (part, value) in parts.iter_mut().zip(row) {
            *part = value - *part / sum;
        }
        parts.iter().map(|it| it * it).sum::<f64>().sqrt() / LIMIT_SD
    }
}

/// Rows that are remembered at most.
const REMEMBERED: usize = 64;

/// Standard deviations that may stay unexplained.
const LIMIT_SD: f64 = 3.0;
