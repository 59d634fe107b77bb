//! The nouns of condition monitoring and maintenance, with their invariants.
//!
//! Every other crate speaks in these words. Whatever comes from outside becomes one of these types
//! in exactly one place, so holding a value means that it was checked. Deliberately absent: clocks,
//! files, sockets, formats of the wire or of a store, and any decision.
#![warn(missing_docs)]
#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod anomaly;
pub mod calendar;
pub mod cause;
pub mod channel;
pub mod check;
pub mod episode;
pub mod evidence;
pub mod expression;
pub mod family;
pub mod id;
pub mod ledger;
pub mod people;
pub mod quality;
pub mod quantity;
pub mod reading;
pub mod repair;
pub mod rota;
mod scanner;
pub mod shape;
pub mod site;
pub mod stop;
pub mod template;
pub mod text;
pub mod ticket;
pub mod time;
pub mod waveform;
