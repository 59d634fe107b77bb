//! The demo plant as it is shipped: its files, its faults, its faces.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where it stands")]

mod site;
mod figures;
mod configuration;
mod plans;
mod registers;
mod nodes;
mod bearings;
mod history;
mod faces;
