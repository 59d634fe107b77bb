//! Repairs as they go out: whole records, and as a ticket cites them.

use forewarn_domain::repair::RepairRecord;
use forewarn_domain::ticket::PastRepair;
use forewarn_domain::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

/// A past repair as a ticket cites it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PastRepairView {
    /// UUID.
    pub id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Device id.
    pub device: String,
    /// Component id.
    pub component: String,
    /// The part that was used.
    pub part: Option<String>,
    /// The record's own words.
    pub text: String,
    /// Whether it helped.
    pub outcome: String,
    /// Number of the ticket that it closed.
    pub ticket: Option<String>,
    /// `this_device_recent`, `this_device` or `sibling`.
    pub relation: String,
}

impl From<&PastRepair> for PastRepairView {
    fn from(repair: &PastRepair) -> Self {
        Self {
            id: repair.id.to_string(),
            at: repair.at,
            device: repair.device.to_string(),
            component: repair.component.to_string(),
            part: repair.part.clone(),
            text: repair.text.clone(),
            outcome: repair.outcome.to_string(),
            ticket: repair.ticket.clone(),
            relation: repair.relation.to_string(),
        }
    }
}

/// A repair record.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RepairView {
    /// UUID.
    pub id: String,
    /// When the work was finished.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Device id.
    pub device: String,
    /// Component id.
    pub component: String,
    /// What was done.
    pub activity: String,
    /// The part that was used.
    pub part: Option<String>,
    /// The record's own words.
    pub text: String,
    /// `en` or `zh`.
    pub language: String,
    /// The cause that was found.
    pub cause: Option<String>,
    /// Whether it helped.
    pub outcome: String,
    /// Working hours.
    pub hours: Option<f64>,
    /// Number of the ticket that it closed.
    pub ticket: Option<String>,
}

impl From<RepairRecord> for RepairView {
    fn from(repair: RepairRecord) -> Self {
        Self {
            id: repair.id.to_string(),
            at: repair.at,
            device: repair.device.to_string(),
            component: repair.component.to_string(),
            activity: repair.activity.to_string(),
            part: repair.part,
            text: repair.text,
            language: repair.language.to_string(),
            cause: repair.cause,
            outcome: repair.outcome.to_string(),
            hours: repair.hours,
            ticket: repair.ticket,
        }
    }
}
