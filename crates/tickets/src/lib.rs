//! When a diagnosis becomes work for a person, and what becomes of that work: what a ticket holds, how
//! urgent it is, its clocks, who is called and when, who should go, what each step demands.
//!
//! policy opens; `handbook` is what a plant says of its own tickets (people, rotas, calendars, policies,
//! types, all data); course, sla, escalation, permit and dispatch decide by it; preview runs it ahead.
//! Deliberately absent: how a cause was found, clocks, stores and telling people. Which state follows
//! which is the transition table in `forewarn_domain::ticket`.
#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod policy;
pub mod handbook;
mod course;
pub mod sla;
mod permit;
mod escalation;
pub mod dispatch;
pub mod duty;
pub mod working_time;
pub mod preview;
pub mod words;
mod seeds;

pub use handbook::{BadDocument, Handbook};
pub use policy::{Diagnosed, SealedEvidence, draft, priority, should_amend};
pub use seeds::seeds;
