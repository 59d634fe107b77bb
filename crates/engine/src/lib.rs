//! The one deterministic pipeline: readings in, decisions about tickets out.
//!
//! [`Engine::advance`] is a function of the streams, the plant, the rules and the repair history.
//! Live, replay and backtest call the same one; the time of the newest reading is its only "now".
//! Deliberately absent: files, sockets, databases, and whatever order the network delivers in, which
//! [`inbox::Inbox`] undoes.

pub mod decision;
pub mod explain;
pub mod frames;
pub mod inbox;
pub mod knowledge;
pub mod notice;
mod answer;
mod bundle;
mod pipeline;
mod check;
mod class;
mod repair;
mod room;
mod siblings;
mod triage;
mod snapshot;

pub use decision::Decision;
pub use knowledge::Knowledge;
pub use notice::Notice;
pub use pipeline::{Engine, EngineError, Tally};
pub use room::Room;
pub use snapshot::SnapshotError;
