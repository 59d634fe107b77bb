//! What stands beside the machines: polls them, keeps their readings on disk, hands them on.
//!
//! Rely on this: nothing in here can write to a machine; a reading that was accepted is on the
//! disk, and leaves it only when the server says that it has it. `forewarn-edge` is a thin
//! command over this library, and the demo runs the same code.
//!
//! Deliberately absent: rules, baselines and tickets. The agent measures; the server judges.

pub mod config;
pub mod run;
pub mod plan;
pub mod source;
pub mod poll;
pub mod decode;
pub mod examine;
pub mod propose;
pub mod burst;
pub mod intake;
pub mod collect;
pub mod spool;
pub mod publish;
pub mod status;
pub mod nearest;

pub use config::AgentConfig;
pub use run::{Running, run, start};
