//! Beside the line: an agent that is not heard of becomes an input of the engine.
//!
//! Silence is the one thing that no reading can say, so here the clock decides; what it decided is
//! stored and numbered like everything else that the engine takes.

use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::records::Records;

use crate::roster::Roster;
use crate::stages::decide::{AGENT_SILENT, AgentSilent};

/// Looks for silent agents until `stop`.
pub(crate) async fn run(
    roster: Arc<Roster>,
    records: Records,
    clock: Clock,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let now = Time::from_micros(clock.now_us());
        for (agent, since) in roster.newly_silent(now, SILENT_AFTER) {
            tracing::warn!(agent = %agent, %since, "agent `{agent}` has not been heard of");
            let silent = AgentSilent { agent, since };
            let Ok(body) = serde_json::to_string(&silent) else { continue };
            if let Err(error) = records.append_input(AGENT_SILENT, &body, now).await {
                let cause = &error as &dyn std::error::Error;
                tracing::error!(error = cause, "an agent's silence was not recorded");
            }
        }
    }
}

/// A reconnecting agent waits up to a minute between attempts.
const SILENT_AFTER: Span = Span::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_secs(10);
