//! `forewarn-edge salvage`: what set-aside spool files still hold goes to the server after all.

use std::io::Write;

use forewarn_agent::AgentConfig;
use forewarn_agent::spool::{Moment, Spool};
use forewarn_domain::time::Time;
use forewarn_lifecycle::Clock;
use serde_json::json;

use super::{Failure, Outcome};

/// Needs attention when a file cannot be read at all, partly when rows of one could not.
pub(super) fn run(
    config: &AgentConfig,
    is_json: bool,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let clock = Clock::system();
    let monotonic_us = i64::try_from(clock.monotonic().as_micros()).unwrap_or(i64::MAX);
    let at = Moment { wall: Time::from_micros(clock.now_us()), monotonic_us };
    let (mut spool, _) = Spool::open(&config.data_dir, &config.agent, config.spool)?;
    let salvaged = spool.salvage(at)?;
    spool.close()?;
    if is_json {
        writeln!(out, "{}", json!({ "type": "salvage", "salvaged": salvaged }))?;
    } else {
        writeln!(
            out,
            "{} files: {} batches with {} readings were brought over, {} rows are damaged",
            salvaged.files.len(),
            salvaged.batches,
            salvaged.readings,
            salvaged.damaged
        )?;
        for path in &salvaged.unreadable {
            writeln!(out, "nothing can be read of {}", path.display())?;
        }
    }
    Ok(match (salvaged.unreadable.is_empty(), salvaged.damaged) {
        (false, _) => Outcome::NeedsAttention,
        (true, 0) => Outcome::Ran,
        (true, _) => Outcome::Partly,
    })
}
