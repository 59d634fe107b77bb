//! A plant that wears out: machines with duty cycles, real faces, and the truth about their faults.
//!
//! Rely on this: the same seed, plant and origin give the same values at the same times, in the
//! history without sockets ([`history`]) and live over Modbus TCP and MQTT ([`faces`]); both are
//! encoded through the plant's own device templates, so a face cannot differ from its map.
//!
//! Deliberately absent: what a fault looks like to a detector, and anything that learns.

pub mod plant;
pub mod plan;
pub mod fault;
pub mod fleet;
pub mod truth;
pub mod machine;
pub mod signal;
pub mod duty;
pub mod burst;
pub mod history;
pub mod registers;
pub mod node;
pub mod faces;
pub mod chance;
mod convert;

pub use faces::{FaceError, Faces};
pub use fault::{Fault, FaultKind};
pub use history::{History, HistoryOptions};
pub use machine::Machine;
pub use plan::{Plan, Variety};
pub use plant::{SimulatedPlant, SimulationError};
pub use truth::Truth;
