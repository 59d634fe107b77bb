//! The process engineer's bench behind the page: rules as text, their runs over stored history, and
//! the changes that follow from what people said.
//!
//! Rely on this: a run calls the same `Engine::advance` as live and replay, on a thread of its own,
//! one at a time, with a written limit; it writes nothing but its report (and, for rules in shadow,
//! anomalies to be reviewed).

pub(crate) mod rulebook;
pub(crate) mod history;
mod budget;
pub(crate) mod compare;
pub(crate) mod trials;
pub(crate) mod proposals;
pub(crate) mod rule_text;
