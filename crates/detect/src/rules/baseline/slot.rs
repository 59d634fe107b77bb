//! What was learned of a channel in one operating state.

use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::level::Level;
use crate::outcome::Condition;
use crate::rules::Learn;
use crate::sample::Sample;
use crate::statistics::{Spread, Thinned};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Slot {
    pub(crate) level: Level,
    seen: u64,
    lived: Span,
    since: Option<Time>,
    values: Thinned,
    steps: Thinned,
    /// The highest value that two neighbours reached: a spike does not count, a short load does.
    highest: Option<f64>,
    lowest: Option<f64>,
    fitted_at: Span,
    is_final: bool,
    learned: Option<Learned>,
}

/// The normal, and where trouble begins.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Learned {
    pub(crate) spread: Spread,
    pub(crate) samples: u64,
    pub(crate) since: Time,
    /// Distance from the median at which a finding begins, upwards and downwards.
    above: Option<f64>,
    below: Option<f64>,
}

impl Learned {
    /// Distance from the median, 1 where a finding begins; 0 on a side that is not watched.
    pub(crate) fn magnitude(&self, level: f64) -> f64 {
        let off = level - self.spread.median;
        let limit = if 0.0 <= off { self.above } else { self.below };
        limit.map_or(0.0, |limit| off.abs() / limit)
    }

    /// The level at a signed distance from the normal.
    pub(crate) fn level(&self, distance: f64) -> Option<f64> {
        let limit = if 0.0 <= distance { self.above } else { self.below };
        limit.map(|limit| self.spread.median + distance * limit)
    }
}

impl Slot {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        let learned = self.learned.as_ref().map_or(0, |it| it.samples ^ it.spread.noise.to_bits());
        let kept = self.values.touch() ^ self.steps.touch();
        self.seen ^ u64::from(self.level.is_settled()) ^ u64::from(self.is_final) ^ learned ^ kept
    }

    pub(crate) fn learned(&self) -> Option<&Learned> {
        self.learned.as_ref()
    }

    pub(crate) fn progress(&self, learn: &Learn) -> Condition {
        learn.progress(self.seen, self.lived)
    }

    /// Takes a calm sample and its direct neighbour.
    pub(crate) fn learn(&mut self, settings: &Settings, sample: &Sample, neighbour: Option<f64>) {
        if self.is_final {
            return;
        }
        self.since.get_or_insert(sample.t);
        self.seen = self.seen.saturating_add(1);
        self.values.push(sample.value, VALUES_MAX);
        if let Some(neighbour) = neighbour {
            self.lived = Span::from_micros(self.lived.micros() + sample.gap.micros());
            self.steps.push(sample.value - neighbour, STEPS_MAX);
            let (low, high) = (sample.value.min(neighbour), sample.value.max(neighbour));
            self.highest = Some(self.highest.map_or(low, |it| it.max(low)));
            self.lowest = Some(self.lowest.map_or(high, |it| it.min(high)));
        }
        let is_last = settings.refine_for <= self.lived;
        let has_grown_up = self.fitted_at < GROWN_UP && GROWN_UP <= self.lived;
        let has_doubled = self.fitted_at.micros().saturating_mul(2) <= self.lived.micros();
        let is_due = match self.learned {
            None => settings.learn.is_done(self.seen, self.lived),
            Some(_) => is_last || has_grown_up || has_doubled,
        };
        if is_due {
            self.fit(settings);
            if is_last && self.learned.is_some() {
                self.is_final = true;
                self.values.clear();
                self.steps.clear();
            }
        }
    }

    fn fit(&mut self, settings: &Settings) {
        self.fitted_at = self.lived;
        let Some(spread) = Spread::of(self.values.values(), self.steps.values()) else {
            return;
        };
        let weight = spread.weight.max(settings.weight_least);
        let change = settings.change.from(spread.median);
        let caution = if self.lived < GROWN_UP { CAUTION } else { 1.0 };
        let limit = |outermost: f64| {
            caution * (settings.on * spread.sd / weight).max(outermost + change).max(change)
        };
        let above = self.highest.unwrap_or(spread.high) - spread.median;
        let below = spread.median - self.lowest.unwrap_or(spread.low);
        self.learned = Some(Learned {
            spread,
            samples: self.seen,
            since: self.since.unwrap_or_default(),
            above: settings.direction.has_above().then(|| limit(above)).filter(|it| 0.0 < *it),
            below: settings.direction.has_below().then(|| limit(below)).filter(|it| 0.0 < *it),
        });
    }
}

/// Enough for a robust width; 1.5 KiB with the steps for each state while learning.
const VALUES_MAX: usize = 128;

const STEPS_MAX: usize = 64;

/// Less than a whole day has not seen day and night, every shift and every product.
const GROWN_UP: Span = Span::from_secs(24 * 3_600);

/// Until then limits are wider.
const CAUTION: f64 = 1.5;
