//! The shape of a trouble in the signals, without words: how far each quantity moved, by view.
//!
//! A view is `trend`, `spectrum` or `state`; a feature is what was measured there (`z_vel_rms`,
//! `bpfo/2`, `cut`), with how far it lies from its normal. Two shapes are compared by the cosine of
//! each view that both have. Nobody's device, unit or speed stands in it: sisters stay comparable.

use std::collections::BTreeMap;

use forewarn_domain::anomaly::Signal;
use serde::{Deserialize, Serialize};

/// Features of a trouble by view.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Shape {
    views: BTreeMap<View, BTreeMap<String, f64>>,
}

/// What a feature was read from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Trends: the distance from the learned normal.
    Trend,
    /// Spectra: lines at fault frequencies and bands.
    Spectrum,
    /// Operating states: in which the trouble shows.
    State,
}

impl Shape {
    /// The trends of an episode: the logarithm of value to normal for each measured point, and the
    /// states in which the normals were learned, by weight.
    #[must_use]
    pub fn of_signals(signals: &[Signal]) -> Self {
        let mut shape = Self::default();
        for signal in signals {
            let Some(normal) = &signal.normal else { continue };
            let ratio = signal.value / normal.median;
            if ratio.is_finite() && 0.0 < ratio {
                shape.set(View::Trend, signal.channel.point().as_str(), ratio.ln());
            }
            *shape.feature(View::State, normal.state.as_str()) += signal.weight;
        }
        shape
    }

    /// Sets a feature; what is no finite number is left out.
    pub fn set(&mut self, view: View, feature: &str, value: f64) {
        if value.is_finite() {
            *self.feature(view, feature) = value;
        }
    }

    /// How alike two shapes are: the mean over the views that both have, each the cosine of -1
    /// (opposite) to 1 (same). `None` when they share no view.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> Option<f64> {
        let (mut sum, mut views) = (0.0, 0.0);
        for (view, own) in &self.views {
            if let Some(cosine) = other.views.get(view).and_then(|it| cosine(own, it)) {
                sum += cosine;
                views += 1.0;
            }
        }
        (0.0 < views).then(|| sum / views)
    }

    fn feature(&mut self, view: View, feature: &str) -> &mut f64 {
        self.views.entry(view).or_default().entry(feature.to_owned()).or_insert(0.0)
    }
}

fn cosine(a: &BTreeMap<String, f64>, b: &BTreeMap<String, f64>) -> Option<f64> {
    let length = |it: &BTreeMap<String, f64>| it.values().map(|v| v * v).sum::<f64>().sqrt();
    let lengths = length(a) * length(b);
    let product: f64 = a.iter().filter_map(|(key, v)| Some(v * b.get(key)?)).sum();
    (0.0 < lengths).then(|| product / lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(features: &[(View, &str, f64)]) -> Shape {
        let mut shape = Shape::default();
        for (view, feature, value) in features {
            shape.set(*view, feature, *value);
        }
        shape
    }

    #[test]
    fn only_views_that_both_have_are_compared() {
        let own = shape(&[(View::Trend, "vel", 2.0), (View::Spectrum, "bpfo", 1.0)]);
        let same = shape(&[(View::Trend, "vel", 1.0)]);
        let other = shape(&[(View::Trend, "temp", 1.0)]);
        let foreign = shape(&[(View::State, "cut", 1.0)]);
        assert!((own.likeness(&same).expect("trends") - 1.0).abs() < 1e-12);
        assert!(own.likeness(&other).expect("trends").abs() < 1e-12);
        assert_eq!(own.likeness(&foreign), None);
    }

    #[test]
    fn a_number_that_is_none_changes_nothing() {
        let mut own = shape(&[(View::Trend, "vel", 2.0)]);
        own.set(View::Trend, "acc", f64::NAN);
        assert_eq!(own, shape(&[(View::Trend, "vel", 2.0)]));
    }
}
