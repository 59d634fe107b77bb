//! The server: stages in a line, wired to the pure engine, the stores and the page.
//!
//! [`start::start`] takes everything opened and checked, and starts one task for each stage. Readings
//! are acknowledged after their commit; tickets, timeline and outbox are one commit. Deliberately
//! absent: how files are found and read, which is the command's work.

pub mod health;
pub mod http;
pub mod metrics;
pub mod roster;
pub mod start;
pub mod witness;
mod bench;
mod live;
mod spectra;
mod stages;

pub use bench::rulebook::RulebookError;
pub use stages::decide::DecideError;
pub use stages::notify::Notify;
pub use stages::notify::desk::ChannelDesk;
pub use stages::notify::lines::Lines;
pub use stages::notify::routes::routes;
pub use start::{Running, Setup, StartError, start, start_with_tls};
