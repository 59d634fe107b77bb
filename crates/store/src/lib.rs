//! Durable readings, records and raw waveforms.
//!
//! Rely on this: what a method of this crate reports as stored survives a crash and a power cut,
//! and storing the same thing twice stores it once. Each kind of store has an in-memory twin that
//! passes the same contract tests.
//!
//! Deliberately absent: why something is stored. Nothing here decides, sends or displays.

pub mod failpoint;
pub mod readings;
pub mod records;
pub mod waveform_files;
