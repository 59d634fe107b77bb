//! What people did and what the clock noticed, taken between two batches.

use forewarn_domain::id::AgentId;
use forewarn_domain::time::Time;
use forewarn_engine::Notice;
use forewarn_store::records::{self, EngineInput, RULES_CHANGED};
use serde::{Deserialize, Serialize};

use super::{Decide, DecideError, Work};
use crate::bench::rulebook::RulebookError;

/// The word under which a silent agent is stored.
pub(crate) const AGENT_SILENT: &str = "agent_silent";

/// An agent that was not heard of.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentSilent {
    pub(crate) agent: AgentId,
    pub(crate) since: Time,
}

impl Decide {
    /// Takes the inputs that have come since the last save; says whether there were any.
    pub(super) async fn take_inputs(&mut self, work: &mut Work) -> Result<bool, DecideError> {
        let inputs = self.records.inputs_after(work.inputs_applied, INPUTS_MAX).await?;
        let has_any = !inputs.is_empty();
        for input in inputs {
            if input.kind == RULES_CHANGED {
                match self.change_rules(&input).await {
                    // Asking again would not help; the rules before stay in force.
                    Err(error) if !is_passing(&error) => {
                        let cause = &error as &dyn std::error::Error;
                        tracing::error!(stage = "decide", error = cause, "rules were not taken");
                    }
                    outcome => outcome?,
                }
            } else if let Some(notice) = notice_of(&input)? {
                let decisions = self.engine.apply(&notice);
                self.commit(&decisions).await?;
            }
            work.inputs_applied = input.number;
        }
        Ok(has_any)
    }
}

/// Whether trying again may help: only a store can come back.
fn is_passing(error: &DecideError) -> bool {
    !matches!(
        error,
        DecideError::Engine(_)
            | DecideError::Rules(
                RulebookError::Engine(_)
                    | RulebookError::NoVersion { .. }
                    | RulebookError::Text { .. }
            )
    )
}

/// An input as the engine takes it; `None` for one that changes nothing there, or changes its rules.
pub(crate) fn notice_of(input: &EngineInput) -> Result<Option<Notice>, DecideError> {
    let unreadable = |source| DecideError::Input { number: input.number, source };
    if input.kind == RULES_CHANGED {
        return Ok(None);
    }
    if input.kind == AGENT_SILENT {
        let silent: AgentSilent = serde_json::from_str(&input.body).map_err(unreadable)?;
        let AgentSilent { agent, since } = silent;
        return Ok(Some(Notice::AgentSilent { agent, since, at: input.at }));
    }
    let told: records::Notice = serde_json::from_str(&input.body).map_err(unreadable)?;
    Ok(match told {
        records::Notice::RepairRecorded { repair } => Some(Notice::RepairRecorded { repair }),
        records::Notice::StopEnded { number } => Some(Notice::StopEnded { number, at: input.at }),
        records::Notice::StopPlanned { stop } => Some(Notice::StopPlanned { stop }),
        records::Notice::TicketClosed { key, repair, .. } => {
            Some(Notice::TicketClosed { key, repair, at: input.at })
        }
        // The episode goes on in the engine, so the same trouble does not open a ticket again.
        records::Notice::TicketDropped { .. } | records::Notice::TicketReopened { .. } => None,
    })
}

/// People do not do more than this between two rounds; the rest comes with the next one.
const INPUTS_MAX: i64 = 100;
