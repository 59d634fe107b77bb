//! The stages of the server, in the order in which a reading passes them.
//!
//! ingest -> store -> decide (detect, diagnose, ticket) -> notify; assemble puts raw waveforms
//! together beside them, retain keeps the disk within its bounds. A stage takes, does one thing and
//! passes on; each publishes how it is and, when it did nothing, why.

pub(crate) mod ingest;
pub(crate) mod store;
pub(crate) mod decide;
pub(crate) mod assemble;
pub(crate) mod notify;
pub(crate) mod retain;
pub(crate) mod silence;
pub(crate) mod timers;
