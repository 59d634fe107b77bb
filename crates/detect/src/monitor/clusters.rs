//! The ways of running that were seen while learning, as centres (k-means), and how far from the
//! nearest of them the machine is now.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::statistics::{quantile, squared_distance};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Clusters {
    width: usize,
    centres: Vec<f64>,
    limit: f64,
}

impl Clusters {
    /// Finds the centres, beginning at rows spread evenly over the learning part, so that the same
    /// rows always give the same centres.
    pub(super) fn fit(rows: &[f64], width: usize) -> Option<Self> {
        let seen = rows.len() / width;
        let view = ArrayView2::from_shape((seen, width), rows).ok()?;
        let first: Vec<f64> = rows
            .chunks_exact(width)
            .step_by(seen / CENTRES)
            .take(CENTRES)
            .flatten()
            .copied()
            .collect();
        let first = Array2::from_shape_vec((CENTRES, width), first).ok()?;
        let found = KMeans::params(CENTRES)
            .n_runs(1)
            .init_method(KMeansInit::Precomputed(first))
            .fit(&DatasetBase::from(view))
            .ok()?;
        let centres = found.centroids().iter().copied().collect();
        let mut clusters = Self { width, centres, limit: 1.0 };
        let mut parts = vec![0.0; width];
        let mut far: Vec<f64> =
            rows.chunks_exact(width).map(|row| clusters.distance(row, &mut parts)).collect();
        far.sort_by(f64::total_cmp);
        clusters.limit = (MARGIN * quantile(&far, 0.995)).max(1e-9);
        Some(clusters)
    }

    /// Distance of a row, 1 at the limit; `parts` takes the way from the nearest centre.
    pub(super) fn distance(&self, row: &[f64], parts: &mut [f64]) -> f64 {
        let mut nearest = f64::INFINITY;
        for centre in self.centres.chunks_exact(self.width) {
            let off = squared_distance(centre, row);
            if off < nearest {
                nearest = off;
                let way = row.iter().zip(centre).map(|(value, it)| value - it);
                parts.iter_mut().zip(way).for_each(|(part, way)| *part = way);
            }
        }
        nearest.sqrt() / self.limit
    }
}

/// Ways of running that are told apart.
const CENTRES: usize = 4;

/// The limit lies above what was seen while learning by this factor.
const MARGIN: f64 = 2.0;
