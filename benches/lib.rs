//! What the benches share: a plant of any size, its readings, and how figures are printed.
//!
//! Everything derives from numbers in the arguments, so two runs offer the same readings. The
//! benches are plain programs: `cargo bench -p forewarn-benches --bench engine -- --quick`.

pub mod arguments;
pub mod figures;
pub mod line;
pub mod load;
pub mod plant;
pub mod usage;

/// What stops a bench.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
