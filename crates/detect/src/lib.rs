//! From readings to anomalies: rules over limits, rates, silence and the learned normal.
//!
//! A [`RuleSet`] is data. A [`DevicePlan`] is what it means for one device, resolved once; a
//! [`DeviceState`] is everything learned and remembered, and can be stored and loaded at any
//! reading without changing a later answer. Time comes only from the readings.
//!
//! Deliberately absent: episodes, tickets, causes, files and clocks.

mod rule;
mod select;
mod gate;
mod confirm;
mod cadence;
mod sample;
mod statistics;
mod rules;
mod plan;
mod device;
mod course;
mod levels;
mod outlook;
mod fleet;
mod outcome;
pub mod monitor;

pub use device::{Compared, DeviceState, Measured, MeasuredText, Standing};
pub use fleet::{ClassNormal, Lesson, PoolKey};
pub use outcome::{Condition, Detection, DeviceNotice, RuleStatus, WhyNot};
pub use outlook::{Ahead, Forecast};
pub use plan::{Alike, DevicePlan, Place};
pub use rule::{Budget, Mode, Rule, RuleError, RuleSet, SCHEMA};
pub use rules::siblings::{PEERS_MAX, Shown};
