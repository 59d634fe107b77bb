//! What a replay says about silence: in which operating states the machines were, and how many rules
//! were ready to speak.

use std::collections::BTreeMap;
use std::fmt;

use forewarn_detect::Condition;
use forewarn_domain::id::{DeviceId, StateId};
use forewarn_domain::time::Time;
use forewarn_engine::Engine;
use serde::Serialize;

/// How many moments each device spent in each operating state.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct StateRows {
    rows: BTreeMap<DeviceId, BTreeMap<StateId, u64>>,
    #[serde(skip)]
    newest: Vec<Time>,
}

impl StateRows {
    /// Counts the state of each device whose time has gone on.
    pub(crate) fn count(&mut self, engine: &Engine) {
        for (place, room) in engine.rooms().enumerate() {
            if self.newest.len() <= place {
                self.newest.push(Time::from_micros(i64::MIN));
            }
            if room.newest() <= self.newest[place] {
                continue;
            }
            self.newest[place] = room.newest();
            let (device, state) = (&room.device().device.id, room.operating_state());
            let known = self.rows.get_mut(device).and_then(|it| it.get_mut(state));
            if let Some(rows) = known {
                *rows += 1;
            } else {
                self.rows.entry(device.clone()).or_default().insert(state.clone(), 1);
            }
        }
    }
}

/// Where the rules stood at the end, each counted once for each of its channels.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct RuleCount {
    active: u64,
    watching: u64,
    learning: u64,
    waiting: u64,
}

impl RuleCount {
    /// Counts the rules of all devices.
    pub(crate) fn of(engine: &Engine) -> Self {
        let mut count = Self::default();
        for status in engine.rooms().flat_map(|it| it.rule_statuses()) {
            match status.condition {
                Condition::Active => count.active += 1,
                Condition::Armed => count.watching += 1,
                Condition::Learning { .. } => count.learning += 1,
                Condition::Waiting(_) => count.waiting += 1,
            }
        }
        count
    }
}

impl fmt::Display for RuleCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { active, watching, learning, waiting } = self;
        write!(f, "{active} active, {watching} watching, {learning} learning, {waiting} waiting")
    }
}
