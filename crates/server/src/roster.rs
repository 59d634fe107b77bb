//! Which agents are there, when each was last heard of, and what it says of itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use forewarn_domain::id::AgentId;
use forewarn_domain::time::{Span, Time};
use forewarn_wire::payload::{AgentState, AgentStatus, Hello};
use forewarn_wire::topic::AgentAddress;

/// All agents that were heard of.
#[derive(Debug, Default)]
pub struct Roster {
    agents: Mutex<BTreeMap<AgentId, AgentEntry>>,
}

/// What is known of one agent.
#[derive(Clone, Debug)]
pub struct AgentEntry {
    /// When anything last came from it.
    pub last_seen: Time,
    /// How far its clock is ahead of ours, as far as the greeting told; network time included.
    pub clock_ahead: Option<Span>,
    /// Its software.
    pub software: String,
    /// Its newest status.
    pub status: Option<AgentStatus>,
    /// Whether its silence was reported already.
    is_reported: bool,
}

impl Roster {
    /// All agents by id.
    #[must_use]
    pub fn entries(&self) -> Vec<(AgentId, AgentEntry)> {
        self.lock().iter().map(|(id, entry)| (id.clone(), entry.clone())).collect()
    }

    /// Agents that were silent for longer than `limit` and not reported yet; they are now.
    pub(crate) fn newly_silent(&self, now: Time, limit: Span) -> Vec<(AgentId, Time)> {
        let mut silent = Vec::new();
        for (id, entry) in self.lock().iter_mut() {
            if !entry.is_reported && limit < now - entry.last_seen {
                entry.is_reported = true;
                silent.push((id.clone(), entry.last_seen));
            }
        }
        silent
    }

    pub(crate) fn heard(&self, from: &AgentAddress, now: Time) {
        self.change(from, now, |_| {});
    }

    pub(crate) fn hello(&self, from: &AgentAddress, hello: &Hello, now: Time) {
        self.change(from, now, |entry| {
            entry.clock_ahead = Some(hello.sent_at - now);
            entry.software.clone_from(&hello.software);
        });
    }

    pub(crate) fn status(
        &self,
        from: &AgentAddress,
        status: &AgentStatus,
        now: Time,
        was_kept: bool,
    ) {
        // A status that the broker kept, or that it sends as the agent's will, is no sign of life.
        let is_alive = !was_kept && status.state != AgentState::Lost;
        let mut agents = self.lock();
        let entry = agents.entry(from.agent.clone()).or_insert_with(|| AgentEntry::new(status.at));
        entry.status = Some(status.clone());
        entry.software.clone_from(&status.software);
        if is_alive {
            entry.last_seen = now;
            entry.is_reported = false;
        }
    }

    fn change(&self, from: &AgentAddress, now: Time, change: impl FnOnce(&mut AgentEntry)) {
        let mut agents = self.lock();
        let entry = agents.entry(from.agent.clone()).or_insert_with(|| AgentEntry::new(now));
        entry.last_seen = now;
        entry.is_reported = false;
        change(entry);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AgentId, AgentEntry>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AgentEntry {
    fn new(last_seen: Time) -> Self {
        Self {
            last_seen,
            clock_ahead: None,
            software: String::new(),
            status: None,
            is_reported: false,
        }
    }
}
