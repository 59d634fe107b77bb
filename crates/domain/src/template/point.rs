//! What a point says beside its place: no-values, deadbands, counters, bits, transformations.

use serde::{Deserialize, Serialize};

use crate::id::PointId;

/// A raw value that means "no value".
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Sentinel {
    /// This raw number.
    Number(f64),
    /// The word `nan`.
    Word(String),
}

/// Changes that are too small to report.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Deadband {
    /// In the point's unit.
    Absolute(f64),
    /// Relative to the last reported value.
    Relative {
        /// In per cent.
        percent: f64,
    },
}

/// How a counter behaves.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// The value after which it starts again.
    pub wraps_at: Option<u64>,
    /// Whether it may start again by itself, e.g. when the device is switched off.
    pub resets: Option<CounterResets>,
}

/// Whether a counter may start again by itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CounterResets {
    /// It may.
    Allowed,
    /// A step back means that something else answers, or that the device was exchanged.
    Never,
}

/// What is done with a number after scaling.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Divides by another point of the same group, e.g. a factor that the device itself tells.
    DivByPoint(PointId),
    /// Power factor in the four-quadrant coding of Schneider meters: beyond 1 it is 2 - value,
    /// below -1 it is -2 - value (user manual of the PM5300 and PM5500).
    Pf4q,
}

/// How serious a bit of a status word is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BitLevel {
    /// The device stopped or is about to.
    Alarm,
    /// Part of normal operation.
    Info,
    /// Somebody should look.
    Warn,
}

/// What one bit of a status word says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BitMeaning {
    /// Its id.
    pub id: String,
    /// How serious it is.
    pub level: BitLevel,
    /// English.
    pub en: String,
    /// Simplified Chinese.
    #[serde(default, alias = "zh-CN")]
    pub zh: String,
}
