//! The shape of a trouble in the signals, without words: what left its normal, how far, and how.
//!
//! A view is `finding`, `trend`, `spectrum` or `state`; a feature is what was seen there
//! (`flat/temperature`, `vibration.velocity.rms`, `BPFO/2`, `cut`). Two shapes are compared by the
//! cosine of each view that both have. Nobody's device, unit, point name or speed stands in it:
//! sisters and other templates stay comparable. Deliberately absent: which shapes are looked up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::anomaly::{Anomaly, Finding, Signal};
use crate::evidence::SpectrumEvidence;

/// Features of a trouble by view.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Shape {
    views: BTreeMap<View, BTreeMap<String, f64>>,
}

/// What a feature was read from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// What the rules saw: stuck, silent, too hot, a line at a fault frequency.
    Finding,
    /// Trends: the distance from the learned normal.
    Trend,
    /// Spectra: lines at fault frequencies and bands.
    Spectrum,
    /// Operating states: in which the trouble shows.
    State,
}

impl Shape {
    /// The shape of an episode: its findings, how far each contributing signal lies from its normal in
    /// half-widths of the band (logarithm of one plus that), the fault frequencies of its spectrum, and
    /// the states in which the normals were learned, by weight.
    #[must_use]
    pub fn of(
        anomalies: &[Anomaly],
        signals: &[Signal],
        spectrum: Option<&SpectrumEvidence>,
    ) -> Self {
        let mut shape = Self::default();
        for anomaly in anomalies {
            let own = signals.iter().find(|it| it.channel == anomaly.channel);
            let quantity = own.map_or("", |it| it.quantity.as_str());
            shape.set(View::Finding, &finding(&anomaly.finding, quantity), 1.0);
        }
        for signal in signals {
            let Some(normal) = &signal.normal else { continue };
            let half = ((normal.high - normal.low) / 2.0).max(f64::MIN_POSITIVE);
            let far = (signal.value - normal.median) / half;
            let moved = far.signum() * far.abs().ln_1p();
            let known = shape.feature(View::Trend, signal.quantity.as_str());
            if moved.is_finite() && known.abs() < moved.abs() {
                *known = moved;
            }
            *shape.feature(View::State, whole(normal.state.as_str())) += signal.weight;
        }
        let cursors = spectrum.into_iter().flat_map(|it| &it.cursors);
        for (cursor, harmonic) in cursors.flat_map(|it| it.harmonics.iter().map(move |h| (it, h))) {
            let feature = format!("{}/{}", cursor.label, harmonic.k);
            shape.set(View::Spectrum, &feature, harmonic.ratio.max(0.0).ln_1p());
        }
        shape
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
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

/// The kind of a finding, with the way it went where there are two.
fn finding(finding: &Finding, quantity: &str) -> String {
    let way = |is_up: bool| if is_up { "up" } else { "down" };
    match finding {
        Finding::BearingLine(line) => format!("line/{}", line.defect),
        Finding::Code { code, .. } => format!("code/{code}"),
        Finding::Count { above, .. } => format!("count/{quantity}/{}", way(*above)),
        Finding::Flat { .. } => format!("flat/{quantity}"),
        Finding::Level { z, .. } => format!("level/{quantity}/{}", way(0.0 < *z)),
        Finding::Limit { above, .. } => format!("limit/{quantity}/{}", way(*above)),
        Finding::NoData { .. } => format!("silent/{quantity}"),
        Finding::Rate { per_minute, .. } => format!("rate/{quantity}/{}", way(0.0 < *per_minute)),
        Finding::Siblings { z, .. } => format!("siblings/{quantity}/{}", way(0.0 < *z)),
        Finding::Zone { zone, .. } => format!("zone/{zone}"),
    }
}

/// The declared state of which a state is a speed band: `cut` of `cut-2`.
fn whole(state: &str) -> &str {
    match state.rsplit_once('-') {
        Some((whole, band)) if band.bytes().all(|it| it.is_ascii_digit()) => whole,
        Some(_) | None => state,
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
