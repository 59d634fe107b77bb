//! The machines of the world: presses whose oil gets hot, and when it truly does.

#[path = "../../../../../../tests/plants/chance.rs"]
mod chance;
#[path = "../../../../../../tests/plants/presses.rs"]
mod presses;

use std::sync::Arc;

pub(super) use chance::Chance;
use forewarn_domain::site::plant::Plant;
use forewarn_engine::Knowledge;

/// Agents, each with one press.
pub(super) const AGENTS: usize = 3;

/// Length of a life, in seconds of event time.
pub(super) const SECONDS: usize = 900;

/// A fault is confirmed this long after its first second at the latest.
pub(super) const CONFIRMED_AFTER: usize = 15;

/// When the oil of one press is hot.
#[derive(Clone, Debug)]
pub(super) struct Truth(Vec<(usize, usize)>);

impl Truth {
    /// Up to four faults, far enough apart to be told from one another.
    pub(super) fn new(chance: &mut Chance) -> Self {
        let mut faults = Vec::new();
        let mut from = 30 + chance.below(120);
        while from + 60 < SECONDS {
            let until = (from + 30 + chance.below(60)).min(SECONDS - 30);
            faults.push((from, until));
            from = until + 110 + chance.below(400);
        }
        Self(faults)
    }

    pub(super) fn faults(&self) -> &[(usize, usize)] {
        &self.0
    }

    pub(super) fn is_hot(&self, second: usize) -> bool {
        self.0.iter().any(|(from, until)| (*from..*until).contains(&second))
    }

    /// Whether the oil was cool for a while, and a person would believe that it stays so.
    pub(super) fn is_calm(&self, second: usize) -> bool {
        (second.saturating_sub(30)..=second).all(|it| !self.is_hot(it))
    }
}

pub(super) fn plant() -> Arc<Plant> {
    presses::presses(AGENTS, |number| format!("edge-{number}"), "1s")
}

pub(super) fn knowledge() -> Knowledge {
    presses::knowledge(RULES)
}

impl Chance {
    /// Happens so many times of a hundred.
    pub(super) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

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
