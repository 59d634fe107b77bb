//! Which tickets had to come, and how long each took: found by an engine that sees the same batches.

use std::collections::HashMap;

use forewarn_domain::ticket::TicketId;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine};

use super::Scenario;
use crate::figures::quantile;
use crate::{Failure, plant};

/// How the tickets of a scenario turned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// As many as were opened.
    pub tickets: usize,
    /// Missing, or opened without cause.
    pub wrong: usize,
    /// Seconds from the time of the batch with the completing reading to the committed row.
    pub p50: f64,
    /// As above.
    pub p95: f64,
    /// As above.
    pub worst: f64,
}

/// Holds the tickets that were read back against those of an engine of its own.
///
/// # Errors
///
/// When there is no such plant.
pub fn check(scenario: Scenario, opened: &HashMap<TicketId, Time>) -> Result<Verdict, Failure> {
    let due = due(scenario)?;
    let mut delays: Vec<f64> = due
        .iter()
        .filter_map(|(id, completing)| Some((*opened.get(id)? - *completing).secs_f64()))
        .collect();
    delays.sort_by(f64::total_cmp);
    let wrong = due.len() + opened.len() - 2 * delays.len();
    let [p50, p95, worst] = [0.5, 0.95, 1.0].map(|share| quantile(&delays, share));
    Ok(Verdict { tickets: opened.len(), wrong, p50, p95, worst })
}

/// The tickets that must come, with the time of the reading that completes each.
fn due(scenario: Scenario) -> Result<HashMap<TicketId, Time>, Failure> {
    let load = scenario.load;
    let knowledge = plant::knowledge()?;
    let mut engine = Engine::new(plant::plant(load.devices, load.agents)?, knowledge, Vec::new())?;
    engine.restore(&plant::learned(load.devices, load.start - Span::from_secs(1))?)?;
    let mut agents = (0..load.agents).map(|it| load.agent(it)).collect::<Result<Vec<_>, _>>()?;
    let mut due = HashMap::new();
    for seq in 1..=load.batches {
        for agent in &mut agents {
            for decision in engine.advance(&agent.batch(seq)) {
                if let Decision::Open { draft, .. } = decision {
                    due.insert(draft.id, load.at(seq));
                }
            }
        }
    }
    Ok(due)
}
