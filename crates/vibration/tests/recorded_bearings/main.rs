//! Verdicts on recorded bearings: CWRU (seeded faults), MFPT (variable load), IMS (healthy), FEMTO.
//!
//! `agent_lines` looks at what an agent sends of a second; `scoreboard` at what `forewarn diagnose`
//! says of whole records and of windows, and prints the tables. The speeds are those of the name
//! plates, as in a plant without a tachometer at each shaft. The records lie outside the repository:
//! any folder laid out like the public ones will do (`$FOREWARN_SHARED/data/<set>/records.csv`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "the figures reached, and which test was skipped")]

mod records;
mod agent_lines;
mod scoreboard;
