//! The monitor of several signals, from outside: made-up machines, and recorded ones where the data is.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "monitor/bench.rs"]
mod bench;
#[path = "monitor/made_up.rs"]
mod made_up;
#[path = "monitor/recorded.rs"]
mod recorded;
