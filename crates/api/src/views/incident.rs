//! Incidents as they go out.

use forewarn_domain::site::shared::{Respect, Shared};
use forewarn_domain::time::Time;
use forewarn_store::records::Incident;
use serde::Serialize;
use utoipa::ToSchema;

/// Many tickets of a plant within minutes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct IncidentView {
    /// The number that people say.
    #[schema(example = "INC-2026-0002")]
    pub number: String,
    /// Plant id.
    pub site: String,
    /// When its first ticket was opened.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Time,
    /// When its newest ticket was opened.
    #[schema(value_type = String, format = DateTime)]
    pub newest_at: Time,
    /// When it was over; `null` while it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Time>,
    /// How many tickets it has.
    pub tickets: i64,
    /// On how many devices.
    pub devices: usize,
    /// What most of the devices share and the rest of the plant does not, the most telling first.
    pub shared: Vec<SharedView>,
}

/// Something that most devices of an incident share.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SharedView {
    /// `agent`, `link`, `area`, `production_line` or `class`.
    pub respect: &'static str,
    /// Its id or name.
    pub name: String,
    /// How many devices of the incident have it.
    pub in_trouble: usize,
    /// How many devices the incident has.
    pub of: usize,
    /// How many devices of the plant have it.
    pub of_plant: usize,
}

impl IncidentView {
    pub(crate) fn new(incident: Incident, devices: usize, shared: Vec<Shared>) -> Self {
        Self {
            number: incident.number,
            site: incident.site.to_string(),
            began_at: incident.began_at,
            newest_at: incident.newest_at,
            ended_at: incident.ended_at,
            tickets: incident.tickets,
            devices,
            shared: shared.into_iter().map(SharedView::from).collect(),
        }
    }
}

impl From<Shared> for SharedView {
    fn from(shared: Shared) -> Self {
        let respect = match shared.respect {
            Respect::Agent => "agent",
            Respect::Area => "area",
            Respect::Class => "class",
            Respect::Link => "link",
            Respect::ProductionLine => "production_line",
        };
        let Shared { name, in_trouble, of, of_plant, .. } = shared;
        Self { respect, name, in_trouble, of, of_plant }
    }
}
