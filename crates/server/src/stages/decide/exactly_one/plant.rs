//! The machines of the world: presses whose oil gets hot, and when it truly does.

#[path = "../../../../../../tests/plants/chance.rs"]
mod chance;
#[path = "../../../../../../tests/plants/presses.rs"]
mod presses;

use std::sync::Arc;

pub(super) use chance::Chance;
use forewarn_domain::site::plant::Plant;
use forewarn_engine::Knowledge;

use super::part::Part;

/// Agents, each with one press.
pub(super) const AGENTS: usize = 3;

/// Length of a life, in seconds of event time.
pub(super) const SECONDS: usize = 900;

/// A fault is confirmed this long after its first second at the latest.
pub(super) const CONFIRMED_AFTER: usize = 15;

/// When the oil of one press is hot, and what it reads like.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    faults: Vec<(usize, usize)>,
    /// Seconds that read as the other state does: splashes of hot oil, and of cool oil in a fault.
    splashes: Vec<(usize, usize)>,
}

impl Truth {
    /// Up to four faults, far enough apart to be told from one another.
    pub(super) fn new(chance: &mut Chance) -> Self {
        let (mut faults, mut splashes) = (Vec::new(), Vec::new());
        let mut from = 30 + chance.below(120);
        while from + 60 < SECONDS {
            // Some last hardly longer than it takes to confirm them.
            let until = (from + CONFIRMED_AFTER + 2 + chance.below(45)).min(SECONDS - 30);
            faults.push((from, until));
            let cool = from + CONFIRMED_AFTER + 5 + chance.below(30);
            splashes.push((cool, (cool + 1 + chance.below(8)).min(until)));
            let hot = until + 40 + chance.below(40);
            splashes.push((hot, hot + 1 + chance.below(4)));
            from = until + 110 + chance.below(400);
        }
        Self { faults, splashes }
    }

    pub(super) fn faults(&self) -> &[(usize, usize)] {
        &self.faults
    }

    /// What the sensor says, more or less.
    pub(super) fn reads_hot(&self, second: usize) -> bool {
        self.is_hot(second) != is_within(&self.splashes, second)
    }

    fn is_hot(&self, second: usize) -> bool {
        is_within(&self.faults, second)
    }

    /// Whether the oil was cool for a while, and a person would believe that it stays so.
    pub(super) fn is_calm(&self, second: usize) -> bool {
        (second.saturating_sub(30)..=second).all(|it| !self.is_hot(it))
    }
}

fn is_within(stretches: &[(usize, usize)], second: usize) -> bool {
    stretches.iter().any(|(from, until)| (*from..*until).contains(&second))
}

pub(super) fn plant() -> Arc<Plant> {
    presses::presses(AGENTS, |number| format!("edge-{number}"), "1s")
}

/// Everything, or everything but the time that a rule takes to confirm and to clear.
pub(super) fn knowledge(without: Option<Part>) -> Knowledge {
    let is_timed = |line: &&str| !TIMES.iter().any(|it| line.starts_with(it));
    match without {
        Some(Part::Confirmation) => {
            let rules: Vec<&str> = RULES.lines().filter(is_timed).collect();
            presses::knowledge(&rules.join("\n"))
        }
        _ => presses::knowledge(RULES),
    }
}

impl Chance {
    /// Happens so many times of a hundred.
    pub(super) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

const TIMES: [&str; 3] = ["for =", "samples =", "clear_for ="];

const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "hot-oil"
kind = "limit"
quantity = ["temperature"]
on = 70.0
off = 65.0
for = "10s"
samples = 5
clear_for = "20s"
severity = "warning"
fault_family = "hydraulic"
"#;
