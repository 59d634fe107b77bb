//! The whole line on real sockets: agents in one process, broker and server in another.
//!
//! A scenario runs in two fresh processes of the bench program itself, so that memory and processor
//! time of the server's side are its own. Deliberately absent: the agents' disk. What is not
//! acknowledged can be made again from its number.

pub mod agents;
pub mod check;
pub mod server;

use forewarn_domain::time::{Span, Time};

use crate::Failure;
use crate::arguments::Arguments;
use crate::load::{Faults, Load};

/// What is offered, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The readings.
    pub load: Load,
    /// Whether each batch waits for the time of its readings; a backlog does not wait.
    pub is_paced: bool,
}

impl Scenario {
    /// The one that the arguments name, with batches from `start` on.
    ///
    /// # Errors
    ///
    /// When no such scenario exists or an argument is not understood.
    pub fn of(arguments: &Arguments, start: Time) -> Result<Self, Failure> {
        let is_quick = arguments.has("--quick");
        let (period, phases, is_paced) = match arguments.text("--scenario") {
            // A backlog of batches of one second.
            Some("drain") => (Span::from_secs(1), 1, false),
            // An agent commits every quarter of a second.
            Some("paced") => (Span::from_secs(1), 4, true),
            // 12,000 channels every 60 ms are 200,000 readings a second.
            Some("burst") => (Span::from_millis(60), 1, true),
            other => return Err(format!("no scenario {other:?}").into()),
        };
        let devices = arguments.value("--devices", 1_000)?;
        let seconds = match (is_paced, is_quick) {
            // A quarter of an hour of the plant: chunks are sealed meanwhile.
            (false, false) => 900,
            (false, true) => 60,
            (true, false) => 60,
            (true, true) => 30,
        };
        let seconds: i64 = arguments.value("--seconds", seconds)?;
        let batches = seconds * 1_000_000 * i64::from(phases) / period.micros();
        let faults = Faults {
            every: 5,
            first: Span::from_secs(2),
            last: Span::from_secs((seconds - 22).max(3)),
        };
        let load = Load {
            devices,
            agents: 5,
            period,
            phases,
            start,
            batches: u64::try_from(batches)?,
            faults: Some(faults),
        };
        Ok(Self { load, is_paced })
    }

    /// When the first batch is taken, seen from now.
    ///
    /// # Errors
    ///
    /// When the scenario does not exist.
    pub fn starting(arguments: &Arguments, now: Time) -> Result<Self, Failure> {
        let scenario = Self::of(arguments, now)?;
        let whole = now.floor(Span::from_secs(1));
        let start = if scenario.is_paced {
            whole + LEAD
        } else {
            let last = scenario.load.at(scenario.load.batches);
            whole - (last - now)
        };
        Self::of(arguments, start)
    }
}

/// Long enough for agents and server to meet at the broker.
const LEAD: Span = Span::from_secs(10);
