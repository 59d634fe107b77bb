//! When a diagnosis becomes work for a person: what a ticket holds, how urgent it is, and when a
//! newer diagnosis is worth telling again.
//!
//! Deliberately absent: how a cause was found, clocks, stores and telling people. The life of a
//! ticket is the transition table in `forewarn_domain::ticket`.
#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod policy;

pub use policy::{Diagnosed, SealedEvidence, draft, priority, should_amend};
