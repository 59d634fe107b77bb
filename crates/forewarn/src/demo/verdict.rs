//! Whether the tickets are exactly the injected faults.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use forewarn_domain::family::{FaultFamily, TicketKind};
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_lifecycle::Clock;
use forewarn_server::Running;
use forewarn_server::metrics::Counter;
use forewarn_simulator::Truth;
use forewarn_store::records::{RecordsError, StateFilter, TicketFilter, TicketRow};
use serde_json::json;

use crate::args::DemoOptions;
use crate::output::{self, Failure};

/// What is watched, and until when.
pub(crate) struct Watch<'a> {
    pub(crate) options: &'a DemoOptions,
    pub(crate) server: &'a Running,
    pub(crate) agent: &'a forewarn_agent::run::Running,
    pub(crate) clock: &'a Clock,
}

type Key = (DeviceId, ComponentId, FaultFamily, TicketKind);

impl Watch<'_> {
    /// Waits for the tickets and compares them with the truth; without `--until-tickets` it waits
    /// for ever.
    pub(crate) async fn until_done(&self, truth: &[Truth]) -> Result<ExitCode, Failure> {
        let Some(wanted) = self.options.until_tickets else {
            return std::future::pending().await;
        };
        let start = self.clock.monotonic();
        let passed = |since: Duration| self.clock.monotonic().saturating_sub(since);
        while passed(start) < self.options.limit && self.open_tickets().await?.len() < wanted {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let settling = self.clock.monotonic();
        while passed(start) < self.options.limit && passed(settling) < self.options.settle {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let tickets = self.open_tickets().await?;
        for row in &tickets {
            let draft = self.server.records.ticket_draft(row.id).await?;
            if self.options.json {
                output::line(&output::stored_ticket(row, &draft));
            } else {
                output::text(&format!(
                    "{} {}\n{}\n",
                    row.number,
                    row.priority,
                    draft.summary.text().en
                ));
            }
        }
        let lost = self.lost().await;
        let found: BTreeSet<Key> = tickets.iter().map(key).collect();
        let expected: BTreeSet<Key> = truth.iter().map(expected_key).collect();
        let is_exact = found == expected && tickets.len() == expected.len();
        self.print(&tickets, truth, lost);
        Ok(if is_exact && lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print(&self, tickets: &[TicketRow], truth: &[Truth], lost: u64) {
        let readings = self.server.metrics.get(Counter::StoreReadings);
        if self.options.json {
            output::line(&json!({
                "type": "summary",
                "tickets": tickets.len(),
                "expected": truth.len(),
                "readings": readings,
                "lost": lost,
                "truth": truth,
            }));
        } else {
            output::text(&format!(
                "{} tickets, {} faults injected, {readings} readings, {lost} lost",
                tickets.len(),
                truth.len()
            ));
        }
    }

    async fn open_tickets(&self) -> Result<Vec<TicketRow>, RecordsError> {
        let filter = TicketFilter { state: StateFilter::Open, ..TicketFilter::default() };
        self.server.records.tickets(&filter, None, TICKETS_MAX).await
    }

    /// Readings that the agent accepted and that are nowhere: not stored, not waiting, not evicted.
    /// The two sides are counted one after the other, so a difference must hold for a while.
    async fn lost(&self) -> u64 {
        let mut lost = 0;
        for _attempt in 0..LOST_LOOKS {
            let stored = || self.server.metrics.get(Counter::StoreReadings);
            let depth = self.agent.spool.borrow().depth;
            let accounted = stored() + depth.readings + depth.evicted;
            lost = depth.accepted.saturating_sub(accounted);
            if lost == 0 {
                return 0;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        lost
    }
}

fn key(row: &TicketRow) -> Key {
    (row.key.device.clone(), row.key.component.clone(), row.key.family, row.kind)
}

fn expected_key(truth: &Truth) -> Key {
    (truth.device.clone(), truth.component.clone(), truth.fault_family, truth.kind)
}

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Five seconds: several commits and acknowledgements.
const LOST_LOOKS: u32 = 10;

const TICKETS_MAX: i64 = 200;
