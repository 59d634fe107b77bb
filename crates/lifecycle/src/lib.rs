//! How a process starts, tells time, logs and stops.
//!
//! Rely on this: only [`clock`] reads a clock, only [`Tasks`] starts tasks and threads, and when
//! one of them ends all are asked to end.
//!
//! Deliberately absent: any word of the plant. Devices, readings and tickets are unknown here.
#![warn(missing_docs)]

pub mod clock;
pub mod logging;
pub mod tasks;

pub use clock::Clock;
pub use tasks::{Ended, StillRunning, Tasks};
pub use tokio_util::sync::CancellationToken;
