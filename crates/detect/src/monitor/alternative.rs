//! Other ways to judge the same weighted distances, for comparison and for plants where one of them
//! fits better; what each is worth stands in `docs/detection.md`.
//!
//! They judge every row against the learning part alone, with one rule for on and off.

use serde::{Deserialize, Serialize};

use super::boundary::Boundary;
use super::clusters::Clusters;
use super::learning::{Normal, START};
use super::plane::Plane;
use super::similar::Similar;

/// Which monitor decides about the alarm.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// Distance from a slow reference, the shipped choice.
    #[default]
    Adaptive,
    /// Largest distance from the learned middle.
    Fixed,
    /// Unlike all remembered rows (AAKR).
    Similar,
    /// Along and off the plane of the signals (T², Q).
    Plane,
    /// Far from every cluster of the learning rows (k-means).
    Clusters,
    /// Outside the boundary of the learning rows (one-class support vector machine).
    Boundary,
}

/// A fitted alternative with its alarm.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Alternative {
    model: Model,
    row: Vec<f64>,
    /// What each signal contributes.
    pub(super) parts: Vec<f64>,
    /// 1 at the limit.
    pub(super) magnitude: f64,
    is_alarm: bool,
    rows: u32,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Model {
    Fixed,
    Similar(Similar),
    Plane(Plane),
    Clusters(Clusters),
    Boundary(Boundary),
}

impl Alternative {
    /// Fits to the levels of the learning rows; `None` for the shipped judge. What cannot be fitted
    /// (a plane through one signal) is judged by the largest distance.
    pub(super) fn fit(judge: Judge, normal: &Normal, track: &[f64]) -> Option<Self> {
        let width = normal.home.len();
        let rows: Vec<f64> = track
            .chunks_exact(width)
            .skip(START)
            .flat_map(|row| row.iter().enumerate().map(|(it, level)| distance(normal, it, *level)))
            .collect();
        let model = match judge {
            Judge::Adaptive => return None,
            Judge::Fixed => None,
            Judge::Similar => Some(Model::Similar(Similar::fit(&rows, width))),
            Judge::Plane => Plane::fit(&rows, width).map(Model::Plane),
            Judge::Clusters => Clusters::fit(&rows, width).map(Model::Clusters),
            Judge::Boundary => Boundary::fit(&rows, width).map(Model::Boundary),
        };
        Some(Self {
            model: model.unwrap_or(Model::Fixed),
            row: vec![0.0; width],
            parts: vec![0.0; width],
            magnitude: 0.0,
            is_alarm: false,
            rows: 0,
        })
    }

    /// Takes the levels of the next row; whether it is in alarm.
    pub(super) fn take(&mut self, normal: &Normal, levels: &[f64]) -> bool {
        for (signal, level) in levels.iter().enumerate() {
            self.row[signal] = distance(normal, signal, *level);
        }
        self.magnitude = match &self.model {
            Model::Fixed => {
                self.parts.copy_from_slice(&self.row);
                self.row.iter().map(|it| it.abs()).fold(0.0, f64::max) / FIXED_SD
            }
            Model::Similar(model) => model.distance(&self.row, &mut self.parts),
            Model::Plane(model) => model.distance(&self.row, &mut self.parts),
            Model::Clusters(model) => model.distance(&self.row, &mut self.parts),
            Model::Boundary(model) => model.distance(&self.row, &mut self.parts),
        };
        let is_turning = if self.is_alarm { self.magnitude < OFF } else { 1.0 < self.magnitude };
        self.rows = if is_turning { self.rows + 1 } else { 0 };
        if ROWS <= self.rows {
            (self.is_alarm, self.rows) = (!self.is_alarm, 0);
        }
        self.is_alarm
    }
}

/// Weighted distance of a level from the learned middle, in standard deviations.
fn distance(normal: &Normal, signal: usize, level: f64) -> f64 {
    let unit = normal.weight[signal] / normal.width[signal].max(normal.scale[signal]);
    (level - normal.middle[signal]) * unit
}

/// The fixed monitor alarms at this distance.
const FIXED_SD: f64 = 4.0;

/// An alarm ends below this share of the limit; both need so many rows in a row.
const OFF: f64 = 0.5;
const ROWS: u32 = 5;
