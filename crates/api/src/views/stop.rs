//! Planned stops as they go out.

use forewarn_domain::time::Time;
use forewarn_store::records::{SetAside, StopRow};
use serde::Serialize;
use utoipa::ToSchema;

/// Hours in which machines stand by plan and nobody is called for them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StopView {
    /// The number that people say.
    #[schema(example = "STOP-2026-0002")]
    pub number: String,
    /// Plant id.
    pub site: String,
    /// Ids of the machines that stand.
    pub devices: Vec<String>,
    /// From here on,
    #[schema(value_type = String, format = DateTime)]
    pub from: Time,
    /// and before this.
    #[schema(value_type = String, format = DateTime)]
    pub until: Time,
    /// Why.
    pub reason: String,
    /// Who planned it.
    pub planned_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub planned_at: Time,
    /// When it was over; `null` before that.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Time>,
    /// Who ended it; `forewarn` when its time was over.
    pub ended_by: Option<String>,
    /// How many findings were set aside in it.
    pub set_aside: i64,
    /// The newest of them; empty in lists.
    pub found: Vec<SetAsideView>,
}

/// Something that was found in a planned stop. Where it outlasts the stop, it opens a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SetAsideView {
    /// Device id.
    pub device: String,
    /// Component id.
    pub component: String,
    /// Fault family.
    pub fault_family: String,
    /// The rule that found it.
    pub rule: String,
    /// On which channel.
    pub channel: String,
    /// Event time.
    #[schema(value_type = String, format = DateTime)]
    pub found_at: Time,
}

impl StopView {
    pub(crate) fn new(row: StopRow, found: Vec<SetAside>) -> Self {
        Self {
            number: row.stop.number,
            site: row.site.to_string(),
            devices: row.stop.devices.iter().map(ToString::to_string).collect(),
            from: row.stop.from,
            until: row.stop.until,
            reason: row.reason,
            planned_by: row.planned_by,
            planned_at: row.planned_at,
            ended_at: row.ended_at,
            ended_by: row.ended_by,
            set_aside: row.set_aside,
            found: found.into_iter().map(SetAsideView::from).collect(),
        }
    }
}

impl From<SetAside> for SetAsideView {
    fn from(found: SetAside) -> Self {
        Self {
            device: found.device.to_string(),
            component: found.component.to_string(),
            fault_family: found.family.to_string(),
            rule: found.rule.to_string(),
            channel: found.channel.to_string(),
            found_at: found.found_at,
        }
    }
}
