//! Two gateways under one name: an image of a disk that was started twice.
//!
//! Rely on this: a spool that begins a new numbering is no twin, since the old one never comes back;
//! two that take turns are found with the second return. Deliberately absent: which one is the right
//! one, which only a person can say.

use std::collections::BTreeMap;

use forewarn_domain::reading::Epoch;

use crate::topic::AgentAddress;

/// Remembers under which numberings each agent has greeted.
#[derive(Clone, Debug, Default)]
pub struct Twins {
    agents: BTreeMap<AgentAddress, Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    current: Epoch,
    earlier: Vec<Epoch>,
    returns: u32,
}

impl Twins {
    /// An agent has greeted. True when two gateways take turns under its name.
    pub fn greeted(&mut self, who: &AgentAddress, epoch: Epoch) -> bool {
        let Some(seen) = self.agents.get_mut(who) else {
            if self.agents.len() < AGENTS_MAX {
                let seen = Seen { current: epoch, earlier: Vec::new(), returns: 0 };
                self.agents.insert(who.clone(), seen);
            }
            return false;
        };
        if seen.current == epoch {
            return false;
        }
        let before = std::mem::replace(&mut seen.current, epoch);
        if let Some(place) = seen.earlier.iter().position(|it| *it == epoch) {
            seen.earlier.remove(place);
            seen.returns = seen.returns.saturating_add(1);
        }
        if EARLIER_MAX <= seen.earlier.len() {
            seen.earlier.remove(0);
        }
        seen.earlier.push(before);
        RETURNS_MIN <= seen.returns
    }
}

/// One return may be a spool that was brought back from a copy; it then begins a new numbering.
const RETURNS_MIN: u32 = 2;

/// More twins than this are found by any two of them.
const EARLIER_MAX: usize = 8;

/// Far above any plant; strangers must not fill our memory.
const AGENTS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use forewarn_domain::id::{AgentId, SiteId};

    use super::*;

    #[test]
    fn twins_take_turns_and_a_new_numbering_does_not() {
        let who = AgentAddress {
            site: SiteId::new("s").unwrap(),
            agent: AgentId::new("edge-1").unwrap(),
        };
        let mut twins = Twins::default();
        let told: Vec<bool> =
            [1, 1, 2, 2, 3, 2, 4, 4].map(|it| twins.greeted(&who, Epoch(it))).to_vec();
        assert_eq!(told, [false; 8], "renumbered twice and brought back from a copy once");
        let mut twins = Twins::default();
        let told: Vec<bool> = [1, 2, 1, 2, 1].map(|it| twins.greeted(&who, Epoch(it))).to_vec();
        assert_eq!(told, [false, false, false, true, true]);
    }
}
