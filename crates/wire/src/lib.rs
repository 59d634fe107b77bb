//! What travels between agents and the server, and how it gets there.
//!
//! Rely on this: [`topic`] alone writes and reads topic names, [`payload`] alone knows the bytes,
//! and a batch is done with only when the server's own acknowledgement has come back. Everything
//! that arrives is refused by name or becomes a checked type of the domain; it never panics.
//!
//! Deliberately absent: who polls, who stores, and the disk on which an agent keeps its batches.
#![warn(missing_docs)]
// A test stops at the first surprise; bytes from outside must not stop us.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod topic;
pub mod payload;
pub mod window;
pub mod agent_link;
pub mod server_link;
pub mod mqtt;
pub mod backoff;
#[cfg(feature = "broker")]
pub mod broker;
pub mod tls;
pub mod twins;
