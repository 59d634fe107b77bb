//! What was injected, for whoever compares it with the tickets.

use forewarn_domain::family::{FaultFamily, TicketKind};
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};

use crate::plan::{Fault, FaultKind};

/// One injected fault. `device`, `component`, `fault_family` and `kind` are those of the one ticket
/// that it should lead to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// On which device.
    pub device: DeviceId,
    /// On which part.
    pub component: ComponentId,
    /// Family of the expected ticket.
    pub fault_family: FaultFamily,
    /// Queue of the expected ticket.
    pub kind: TicketKind,
    /// What was done to the machine.
    pub fault: FaultKind,
    /// The cause that a close should find: an entry of the failure-mode library.
    pub cause: String,
    /// When it began.
    pub started_at: Time,
}

impl Truth {
    /// The truth about a fault of a simulation that began at `origin`.
    #[must_use]
    pub fn of(fault: &Fault, origin: Time) -> Self {
        let family = fault.kind.family();
        Self {
            device: fault.device.clone(),
            component: fault.component.clone(),
            fault_family: family,
            kind: family.kind(),
            fault: fault.kind,
            cause: fault.kind.cause().to_owned(),
            started_at: origin + fault.start_after,
        }
    }
}
