//! Several signals of one machine, sampled together, row by row: is it as it was learned?
//!
//! A [`Monitor`] learns from its first rows and then judges each row as it comes ([`Verdict`]): alarm,
//! change point, score, and which signals contribute. It can be stored and loaded at any row without
//! changing a later answer. One set of [`Settings`] serves every machine.
//!
//! Deliberately absent: labels, clock time, the number of a row, and what people do about an alarm.

mod level;
mod learning;
mod history;
mod adaptive;
mod change;
mod excursion;
mod drift;
mod alternative;
mod similar;
mod plane;
mod clusters;
mod boundary;

use serde::{Deserialize, Serialize};

use adaptive::Adaptive;
use alternative::Alternative;
pub use alternative::Judge;
pub use change::Change;
use change::{Changes, Seen};
use drift::Drifts;
pub use drift::Trend;
use excursion::Excursions;
use learning::{Learned, Normal, learn};
use level::Levels;

/// How a monitor judges. The default is what is shipped; it was chosen once, for everything.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which monitor decides about the alarm.
    pub judge: Judge,
    /// Rows over which the level averages, for the alarm and for change points.
    pub slow_span: f64,
    /// The faster one.
    pub fast_span: f64,
    /// Weighted standard deviations at which an alarm begins,
    pub on: f64,
    /// and the share of it below which the alarm ends.
    pub off: f64,
    /// Rows in a row beyond the limit.
    pub rows_on: u32,
    /// An alarm is shown for at least so many rows: grave trouble of a moment comes back.
    pub hold: u32,
    /// A change below this share of a signal's level is nobody's business.
    pub change_least: f64,
    /// The farthest stray of the learning rows counts as this many standard deviations at least.
    pub extreme_sd: f64,
    /// How little a wandering signal counts.
    pub weight_least: f64,
    /// Rows over which the slow reference averages at least, and by which it lags.
    pub reference_span: f64,
    /// The lag.
    pub reference_lag: usize,
    /// Rows after an alarm or a gap in which the reference follows quickly.
    pub relearn: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            judge: Judge::Adaptive,
            slow_span: 12.0,
            fast_span: 6.0,
            on: 4.3,
            off: 0.3,
            rows_on: 5,
            hold: 270,
            change_least: 0.0036,
            extreme_sd: 3.0,
            weight_least: 0.1,
            reference_span: 150.0,
            reference_lag: 28,
            relearn: 90,
        }
    }
}

/// What a monitor says about one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the machine is not as it was learned.
    pub is_alarm: bool,
    /// Which monitor says so.
    pub reason: Option<Reason>,
    /// Whether this row marks a change from one way of running to another.
    pub change: Option<Change>,
    /// 0 to 1; one half at the limit.
    pub score: f64,
    /// The signal that leads.
    pub leader: usize,
}

/// Why a row is in alarm.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The level of a signal.
    Level,
    /// An excursion of a signal that wanders; an event of one row.
    Excursion,
    /// A slow drift.
    Drift,
}

/// What one signal contributes to the verdict on the newest row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contribution {
    /// Place of the signal.
    pub signal: usize,
    /// Part of the whole, 0 to 1.
    pub share: f64,
    /// Weighted distance in standard deviations, with its sign.
    pub z: f64,
    /// The smoothed level.
    pub level: f64,
    /// What it is compared with.
    pub normal: f64,
    /// How much the signal counts, 0 to 1.
    pub weight: f64,
}

/// Watches rows of so many signals.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Monitor {
    settings: Settings,
    width: usize,
    learn_rows: usize,
    stage: Stage,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Stage {
    /// `unseen` rows of each signal passed before its first value; `missing` counts all without one.
    Learning {
        rows: Vec<f64>,
        missing: Vec<usize>,
        unseen: Vec<usize>,
    },
    Watching(Box<Watching>),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Watching {
    normal: Normal,
    slow: Levels,
    fast: Levels,
    adaptive: Adaptive,
    changes: Changes,
    excursions: Excursions,
    drifts: Drifts,
    alternative: Option<Alternative>,
    /// Rows since the shown alarm began, while it is shown.
    shown: Option<u32>,
}

impl Monitor {
    /// A monitor that learns from its first `learn_rows` rows, at least [`Self::LEARN_ROWS_MIN`].
    #[must_use]
    pub fn new(settings: Settings, width: usize, learn_rows: usize) -> Self {
        let stage =
            Stage::Learning { rows: Vec::new(), missing: vec![0; width], unseen: vec![0; width] };
        let learn_rows = learn_rows.max(Self::LEARN_ROWS_MIN);
        Self { settings, width, learn_rows, stage }
    }

    /// Fewer rows do not show how signals wander.
    pub const LEARN_ROWS_MIN: usize = 120;

    /// How it judges.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Whether it still learns.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        matches!(self.stage, Stage::Learning { .. })
    }

    /// How many rows it has learned from, and how many it needs.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        match &self.stage {
            Stage::Learning { rows, .. } => (rows.len() / self.width.max(1), self.learn_rows),
            Stage::Watching(_) => (self.learn_rows, self.learn_rows),
        }
    }

    /// Whether the machine was starting up while it was learned: on more than half of the signals
    /// the first half of the learning rows had to be left out.
    #[must_use]
    pub fn was_starting_up(&self) -> bool {
        let Stage::Watching(watching) = &self.stage else { return false };
        let left_out = watching.normal.is_start_left_out.iter().filter(|it| **it).count();
        self.width < 2 * left_out
    }

    /// Which signals the slow guard watches; none while learning.
    #[must_use]
    pub fn drift_is_watched(&self) -> Vec<bool> {
        match &self.stage {
            Stage::Learning { .. } => vec![false; self.width],
            Stage::Watching(watching) => watching.drifts.watched().collect(),
        }
    }

    /// Takes the next row; a value that is not finite is missing. `is_after_gap` says that rows are
    /// missing before this one. `None` while learning.
    pub fn update(&mut self, row: &[f64], is_after_gap: bool) -> Option<Verdict> {
        match &mut self.stage {
            Stage::Learning { rows, missing, unseen } => {
                remember(rows, (missing, unseen), row);
                if self.learn_rows <= rows.len() / self.width.max(1) {
                    let mut rows = std::mem::take(rows);
                    fill_head(&mut rows, self.width, unseen);
                    let watching = Watching::start(&self.settings, self.width, &rows, missing);
                    self.stage = Stage::Watching(Box::new(watching));
                }
                None
            }
            Stage::Watching(watching) => Some(watching.take(&self.settings, row, is_after_gap)),
        }
    }

    /// What each signal contributes to the newest verdict, in the order of the signals.
    #[must_use]
    pub fn contributions(&self) -> Vec<Contribution> {
        match &self.stage {
            Stage::Learning { .. } => Vec::new(),
            Stage::Watching(watching) => watching.contributions(),
        }
    }

    /// Where a drift leads, while there is one.
    #[must_use]
    pub fn trend(&self) -> Option<Trend> {
        let Stage::Watching(watching) = &self.stage else { return None };
        let normal = &watching.normal;
        let limit = |it: usize| self.settings.on * normal.scale[it] / normal.weight[it];
        watching.drifts.trend(limit)
    }
}

impl Watching {
    fn start(settings: &Settings, width: usize, rows: &[f64], missing: &[usize]) -> Self {
        let Learned { mut normal, slow, fast, track } = learn(rows, width, settings);
        for (weight, missing) in normal.weight.iter_mut().zip(missing) {
            if normal.rows < 2 * missing {
                *weight = 0.0;
            }
        }
        Self {
            adaptive: Adaptive::new(&normal, &track, settings),
            changes: Changes::new(width),
            excursions: Excursions::new(&normal),
            drifts: Drifts::new(rows, width),
            alternative: Alternative::fit(settings.judge, &normal, &track),
            shown: None,
            normal,
            slow,
            fast,
        }
    }

    fn take(&mut self, settings: &Settings, row: &[f64], is_after_gap: bool) -> Verdict {
        let fast = self.fast.take(row);
        let slow = self.slow.take(row);
        let is_far = self.adaptive.take(&self.normal, settings, (slow, fast), is_after_gap);
        let excursion = self.excursions.take(&self.normal, slow);
        let is_drifting = self.drifts.take(row, is_after_gap);
        let other = self.alternative.as_mut().map(|it| it.take(&self.normal, slow));
        let change = self.changes.take(&Seen {
            is_alarm: other.unwrap_or(is_far),
            leader: self.adaptive.leader(),
            distance: self.adaptive.distance,
            z: &self.adaptive.z,
            z_fast: &self.adaptive.z_fast,
        });
        let is_level = other.unwrap_or_else(|| self.hold(settings, is_far));
        let (reason, leader) = if is_level {
            (Some(Reason::Level), self.adaptive.leader())
        } else if let Some(signal) = excursion {
            (Some(Reason::Excursion), signal)
        } else if is_drifting {
            (Some(Reason::Drift), self.drifts.farthest.unwrap_or(0))
        } else {
            (None, self.adaptive.leader())
        };
        let score = self.score(settings);
        Verdict { is_alarm: reason.is_some(), reason, change, score, leader }
    }

    /// Shows an alarm for at least the time that settings ask for.
    fn hold(&mut self, settings: &Settings, is_far: bool) -> bool {
        self.shown = match self.shown {
            None if is_far => Some(0),
            None => None,
            Some(rows) if is_far || rows + 1 < settings.hold => Some(rows.saturating_add(1)),
            Some(_) => None,
        };
        self.shown.is_some()
    }

    fn score(&self, settings: &Settings) -> f64 {
        let level = match &self.alternative {
            Some(other) => other.magnitude,
            None => self.adaptive.distance / settings.on,
        };
        let magnitude = level.max(self.excursions.magnitude).max(self.drifts.magnitude);
        magnitude / (1.0 + magnitude)
    }

    fn contributions(&self) -> Vec<Contribution> {
        let parts = self.alternative.as_ref().map_or(&self.adaptive.z, |it| &it.parts);
        let whole: f64 = parts.iter().map(|it| it.abs()).sum();
        let levels = self.slow.values();
        let one = |(signal, z): (usize, &f64)| Contribution {
            signal,
            share: if 0.0 < whole { z.abs() / whole } else { 0.0 },
            z: *z,
            level: levels[signal],
            normal: self.adaptive.base[signal],
            weight: self.normal.weight[signal],
        };
        parts.iter().enumerate().map(one).collect()
    }
}

/// Adds a row; what is missing in it stays as it was.
fn remember(rows: &mut Vec<f64>, (missing, unseen): (&mut [usize], &mut [usize]), row: &[f64]) {
    let before = rows.len().checked_sub(row.len());
    for (signal, value) in row.iter().enumerate() {
        let last = before.map_or(0.0, |it| rows[it + signal]);
        if !value.is_finite() {
            let is_unseen = missing[signal] * row.len() == rows.len() - signal;
            unseen[signal] += usize::from(is_unseen);
            missing[signal] += 1;
        }
        rows.push(if value.is_finite() { *value } else { last });
    }
}

/// What was missing at the very beginning gets the first value that came.
fn fill_head(rows: &mut [f64], width: usize, unseen: &[usize]) {
    for (signal, unseen) in unseen.iter().enumerate() {
        let first = rows.get(unseen * width + signal).copied().unwrap_or(0.0);
        let column = rows.iter_mut().skip(signal).step_by(width);
        column.take(*unseen).for_each(|it| *it = first);
    }
}
