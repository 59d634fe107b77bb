//! The main monitor: how far the levels are from a slow reference of themselves, or from the learned
//! normal, whichever is nearer.
//!
//! The reference follows only while all is calm, stands still during an alarm, and after one takes
//! over where the machine came to rest. So a slow drift of the plant raises nothing, a fault that
//! returns most of the way is over, and going back to the learned normal is never a fault.
//!
//! Deliberately absent: what an alarm means to people, and change points (`change`).

use serde::{Deserialize, Serialize};

use super::Settings;
use super::history::History;
use super::learning::Normal;
use super::level::alpha;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Adaptive {
    reference: Vec<f64>,
    /// Slow levels, so that the reference lags.
    lagging: History,
    /// Slow levels of the last rows, to see whether the machine rests.
    recent: History,
    /// Weighted distance of the slow and of the fast level, in standard deviations.
    pub(super) z: Vec<f64>,
    pub(super) z_fast: Vec<f64>,
    /// What the levels are compared with.
    pub(super) base: Vec<f64>,
    /// The largest distance, and whose it is.
    pub(super) distance: f64,
    pub(super) farthest: usize,
    phase: Phase,
    reference_gain: f64,
    age_max: u32,
    learn_again: u32,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Phase {
    /// `over` rows in a row beyond the limit; the reference follows quickly for `relearn` rows more.
    Calm {
        over: u32,
        relearn: u32,
    },
    Alarm(Trouble),
    /// The leading signal came back; where will the others rest?
    Settling {
        trouble: Trouble,
        quiet: u32,
        waited: u32,
    },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Trouble {
    leader: usize,
    sign: f64,
    peak: f64,
    /// Evidence that it is over.
    recovered: f64,
    age: u32,
}

impl Adaptive {
    pub(super) fn new(normal: &Normal, track: &[f64], settings: &Settings) -> Self {
        let width = normal.home.len();
        let mut lagging = History::new(normal.reference_lag + 1, width);
        track.chunks_exact(width).for_each(|row| lagging.push(row));
        let rows = u32::try_from(normal.rows).unwrap_or(u32::MAX);
        Self {
            reference: normal.home.clone(),
            lagging,
            recent: History::new(REST + 1, width),
            z: vec![0.0; width],
            z_fast: vec![0.0; width],
            base: normal.home.clone(),
            distance: 0.0,
            farthest: 0,
            phase: Phase::Calm { over: 0, relearn: 0 },
            reference_gain: alpha(normal.reference_span),
            age_max: rows.max(400).saturating_mul(3) / 2,
            learn_again: settings.relearn.max(rows / 9),
        }
    }

    /// Takes the levels of the next row; whether it is in alarm.
    pub(super) fn take(
        &mut self,
        normal: &Normal,
        settings: &Settings,
        (slow, fast): (&[f64], &[f64]),
        is_after_gap: bool,
    ) -> bool {
        self.compare(normal, slow, fast);
        self.recent.push(slow);
        if is_after_gap && !self.is_alarm() {
            // A machine that was stopped need not come back to the very place.
            self.phase = Phase::Calm { over: 0, relearn: self.learn_again };
        }
        self.phase = match std::mem::replace(&mut self.phase, Phase::Calm { over: 0, relearn: 0 }) {
            Phase::Calm { over, relearn } => self.while_calm(settings, slow, (over, relearn)),
            Phase::Alarm(trouble) => self.while_alarm(settings, trouble),
            Phase::Settling { trouble, quiet, waited } => {
                self.while_settling(normal, settings, slow, (trouble, quiet, waited))
            }
        };
        self.is_alarm()
    }

    pub(super) fn is_alarm(&self) -> bool {
        matches!(self.phase, Phase::Alarm(_))
    }

    /// The signal that leads the trouble, or the one that is farthest.
    pub(super) fn leader(&self) -> usize {
        match &self.phase {
            Phase::Calm { .. } => self.farthest,
            Phase::Alarm(trouble) | Phase::Settling { trouble, .. } => trouble.leader,
        }
    }

    fn compare(&mut self, normal: &Normal, slow: &[f64], fast: &[f64]) {
        (self.distance, self.farthest) = (0.0, 0);
        for signal in 0..slow.len() {
            let (reference, home) = (self.reference[signal], normal.home[signal]);
            let is_home = (slow[signal] - home).abs() < (slow[signal] - reference).abs();
            let base = if is_home { home } else { reference };
            let unit = normal.weight[signal] / normal.scale[signal];
            self.base[signal] = base;
            self.z[signal] = (slow[signal] - base) * unit;
            self.z_fast[signal] = (fast[signal] - base) * unit;
            if self.distance < self.z[signal].abs() {
                (self.distance, self.farthest) = (self.z[signal].abs(), signal);
            }
        }
    }

    fn while_calm(
        &mut self,
        settings: &Settings,
        slow: &[f64],
        (over, relearn): (u32, u32),
    ) -> Phase {
        let limit = if 0 < relearn { RELEARN_CAUTION * settings.on } else { settings.on };
        let over = if limit < self.distance { over + 1 } else { 0 };
        if 0 < relearn {
            for (reference, level) in self.reference.iter_mut().zip(slow) {
                *reference += RELEARN_GAIN * (level - *reference);
            }
            self.lagging.push(slow);
        } else if self.distance < CALM * settings.on {
            if let Some(old) = self.lagging.oldest() {
                for (reference, level) in self.reference.iter_mut().zip(old) {
                    *reference += self.reference_gain * (level - *reference);
                }
            }
            self.lagging.push(slow);
        }
        if settings.rows_on <= over {
            Phase::Alarm(self.trouble())
        } else {
            Phase::Calm { over, relearn: relearn.saturating_sub(1) }
        }
    }

    fn trouble(&self) -> Trouble {
        let sign = self.z[self.farthest].signum();
        Trouble { leader: self.farthest, sign, peak: self.distance, recovered: 0.0, age: 0 }
    }

    fn while_alarm(&self, settings: &Settings, mut trouble: Trouble) -> Phase {
        trouble.age = trouble.age.saturating_add(1);
        let mut now = self.z[trouble.leader] * trouble.sign;
        trouble.peak = trouble.peak.max(now);
        if trouble.peak < self.distance {
            trouble = Trouble { recovered: trouble.recovered, age: trouble.age, ..self.trouble() };
            now = trouble.peak;
        }
        let limit = (settings.off * settings.on).max((1.0 - RECOVERED) * trouble.peak);
        if now < limit {
            trouble.recovered += (2.0 * (limit - now) / limit).min(1.0);
        } else {
            trouble.recovered = (trouble.recovered - 1.0).max(0.0);
        }
        if RECOVERED_ROWS <= trouble.recovered || self.age_max < trouble.age {
            return Phase::Settling { trouble, quiet: 0, waited: 0 };
        }
        Phase::Alarm(trouble)
    }

    fn while_settling(
        &mut self,
        normal: &Normal,
        settings: &Settings,
        slow: &[f64],
        (mut trouble, quiet, waited): (Trouble, u32, u32),
    ) -> Phase {
        let now = self.z[trouble.leader] * trouble.sign;
        let quiet = if self.motion(normal) < REST_SD { quiet + 1 } else { 0 };
        let waited = waited + 1;
        if trouble.age <= self.age_max && BACK_AGAIN * trouble.peak < now && settings.on < now {
            trouble.recovered = 0.0;
            return Phase::Alarm(trouble);
        }
        if settings.off * settings.on <= self.distance && quiet < 3 && waited <= SETTLE_MAX {
            return Phase::Settling { trouble, quiet, waited };
        }
        for (signal, level) in slow.iter().enumerate() {
            if CALM * settings.on < self.z[signal].abs() {
                self.reference[signal] = *level;
                self.lagging.flatten(signal, *level);
            }
        }
        Phase::Calm { over: 0, relearn: self.learn_again }
    }

    /// How far the levels moved within [`REST`] rows.
    fn motion(&self, normal: &Normal) -> f64 {
        let (Some(now), Some(before)) = (self.recent.back(0), self.recent.oldest()) else {
            return 0.0;
        };
        let step = |signal: usize| {
            let unit = normal.weight[signal] / normal.scale[signal];
            (now[signal] - before[signal]).abs() * unit
        };
        (0..now.len()).map(step).fold(0.0, f64::max)
    }
}

/// The reference follows while the distance is below this share of the limit.
const CALM: f64 = 0.45;

/// An alarm is over when the leading signal came back by this share of the farthest it was.
const RECOVERED: f64 = 0.8;
const RECOVERED_ROWS: f64 = 5.0;

/// It goes on when the signal leaves again by this share.
const BACK_AGAIN: f64 = 0.6;

/// After an alarm or a gap the reference follows at this rate, and a new alarm needs more.
const RELEARN_GAIN: f64 = 0.1;
const RELEARN_CAUTION: f64 = 1.5;

/// The machine rests when no level moves by this much within so many rows.
const REST: usize = 20;
const REST_SD: f64 = 1.0;

/// Rows after which the place where the machine is counts as where it rests.
const SETTLE_MAX: u32 = 200;
