//! Anomalies as they are reviewed: what was found, beside which machines, and what people said.

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::site::plant::{Plant, PlantDevice};
use forewarn_domain::time::Time;
use forewarn_store::records::{EpisodeRow, Label, Reason, Standing};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NormalView, TextView};

/// An anomaly: one stretch of trouble of one family on one part.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AnomalyView {
    /// UUID.
    pub episode: String,
    /// Device id.
    pub device: String,
    /// Name of the device.
    pub device_name: TextView,
    /// Component id.
    pub component: String,
    /// Name of the component.
    pub component_name: TextView,
    /// Family of its first symptom.
    pub family: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub onset: Time,
    /// Event time of the confirming reading.
    #[schema(value_type = String, format = DateTime)]
    pub confirmed: Time,
    /// Event time of the newest finding or clearing in it.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Time,
    /// `active` or `cleared`.
    pub phase: String,
    /// How often it came back after clearing.
    pub recurrences: u32,
    /// Number of its ticket.
    pub ticket: Option<String>,
    /// Where the ticket stands.
    pub ticket_state: Option<String>,
    /// `live` or `shadow`: whether its rules open tickets.
    pub origin: String,
    /// `open`, `confirmed` or `rejected`.
    pub standing: String,
    /// What was said last.
    pub label: Option<LabelView>,
    /// What the rules found, in order of finding.
    pub parts: Vec<AnomalyPartView>,
    /// The same channel on the machines of the same kind.
    pub sisters: Vec<SisterView>,
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AnomalyPartView {
    /// The rule.
    pub rule: String,
    /// Its version.
    pub rule_version: u32,
    /// `level`, `limit` and the like.
    pub kind: String,
    /// The leading channel.
    pub channel: String,
    /// Its name.
    pub channel_name: TextView,
    /// The unit's sign.
    pub unit_symbol: String,
    /// In which operating state.
    pub state: String,
    /// `watch`, `warning` or `alarm`.
    pub severity: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub onset: Time,
    /// When it was established.
    #[schema(value_type = String, format = DateTime)]
    pub confirmed: Time,
    /// The value that was seen, where there is one.
    pub value: Option<f64>,
    /// The limit that was crossed, where there is one.
    pub limit: Option<f64>,
    /// What was normal then, where it was learned.
    pub normal: Option<NormalView>,
}

/// A machine of the same kind.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SisterView {
    /// Device id.
    pub device: String,
    /// Name of the device.
    pub name: TextView,
    /// The same channel there.
    pub channel: String,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LabelView {
    /// Names it for an undo.
    pub number: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Who.
    pub author: String,
    /// The anomaly; `null` for a stretch that a person marked.
    pub episode: Option<String>,
    /// Device id.
    pub device: String,
    /// Component id.
    pub component: String,
    /// Of which family.
    pub family: String,
    /// The leading channel.
    pub channel: String,
    /// Beginning of the stretch.
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// Its end.
    #[schema(value_type = String, format = DateTime)]
    pub until: Time,
    /// `confirmed`, `rejected` or `merged`.
    pub judgement: String,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// In own words.
    pub note: String,
    /// The anomaly with which it is one.
    pub merged_into: Option<String>,
    /// The ticket that a confirmation opened.
    pub opened_ticket: Option<String>,
}

impl AnomalyView {
    pub(crate) fn new(row: EpisodeRow, plant: &Plant) -> Self {
        let standing = match row.standing() {
            Standing::Open => "open",
            Standing::Confirmed => "confirmed",
            Standing::Rejected => "rejected",
        };
        let EpisodeRow { episode, origin, number, state, label, .. } = row;
        let device = plant.device(&episode.key.device);
        let component = device.map(|it| it.component(&episode.key.component).name);
        let leading = episode.anomalies.first().map(|it| &it.channel);
        Self {
            episode: episode.id.to_string(),
            device_name: device.map_or_else(
                || named(episode.key.device.as_str()),
                |it| TextView::from(&it.device.name),
            ),
            component_name: component
                .map_or_else(|| named(episode.key.component.as_str()), TextView::from),
            device: episode.key.device.to_string(),
            component: episode.key.component.to_string(),
            family: episode.key.family.to_string(),
            onset: episode.onset,
            confirmed: episode.confirmed,
            updated: episode.updated,
            phase: episode.phase.to_string(),
            recurrences: episode.recurrences,
            ticket: number,
            ticket_state: state.map(|it| it.to_string()),
            origin: origin.as_str().to_owned(),
            standing: standing.to_owned(),
            label: label.as_ref().map(LabelView::from),
            sisters: leading
                .zip(device)
                .map_or_else(Vec::new, |(channel, device)| sisters(plant, device, channel)),
            parts: episode.anomalies.iter().map(|it| AnomalyPartView::new(it, plant)).collect(),
        }
    }
}

impl AnomalyPartView {
    fn new(anomaly: &Anomaly, plant: &Plant) -> Self {
        let channel = plant.channel(&anomaly.channel);
        let own = anomaly.signals.iter().find(|it| it.channel == anomaly.channel);
        let (kind, value, limit, normal) = match &anomaly.finding {
            Finding::BearingLine(_) => ("bearing_line", None, None, None),
            Finding::Code { .. } => ("code", None, None, None),
            Finding::Count { value, limit, .. } => ("count", Some(*value), Some(*limit), None),
            Finding::Flat { value, .. } => ("flat", Some(*value), None, None),
            Finding::Level { value, normal, .. } => ("level", Some(*value), None, Some(normal)),
            Finding::Limit { value, limit, .. } => ("limit", Some(*value), Some(*limit), None),
            Finding::NoData { .. } => ("no_data", None, None, None),
            Finding::Rate { value, .. } => ("rate", Some(*value), None, None),
            Finding::Siblings { value, expected, .. } => {
                ("siblings", Some(*value), None, Some(expected))
            }
            Finding::Zone { value, limit, .. } => ("zone", Some(*value), Some(*limit), None),
        };
        let normal = normal.or_else(|| own.and_then(|it| it.normal.as_ref()));
        Self {
            rule: anomaly.rule.id.to_string(),
            rule_version: anomaly.rule.version,
            kind: kind.to_owned(),
            channel: anomaly.channel.to_string(),
            channel_name: channel
                .map_or_else(|| named(anomaly.channel.point_str()), |it| TextView::from(&it.name)),
            unit_symbol: channel.map_or_else(String::new, |it| it.unit.symbol().to_owned()),
            state: anomaly.state.to_string(),
            severity: anomaly.severity.to_string(),
            onset: anomaly.onset,
            confirmed: anomaly.confirmed,
            value,
            limit,
            normal: normal.map(NormalView::from),
        }
    }
}

impl From<&Label> for LabelView {
    fn from(label: &Label) -> Self {
        Self {
            number: label.number,
            at: label.at,
            author: label.author.clone(),
            episode: label.episode.map(|it| it.to_string()),
            device: label.key.device.to_string(),
            component: label.key.component.to_string(),
            family: label.key.family.to_string(),
            channel: label.channel.to_string(),
            since: label.since,
            until: label.until,
            judgement: label.judgement.as_str().to_owned(),
            reason: label.reason.map(|it| Reason::as_str(it).to_owned()),
            note: label.note.clone(),
            merged_into: label.merged_into.map(|it| it.to_string()),
            opened_ticket: label.opened_ticket.map(|it| it.to_string()),
        }
    }
}

/// The same channel on the siblings that have it.
fn sisters(plant: &Plant, device: &PlantDevice, channel: &ChannelId) -> Vec<SisterView> {
    let siblings = device.device.siblings.iter().filter_map(|it| plant.device(it));
    let twins = siblings.filter_map(|it| {
        let twin = ChannelId::new(&it.device.id, &channel.source(), &channel.point());
        let has_twin = it.channels.contains_key(&twin);
        has_twin.then(|| SisterView {
            device: it.device.id.to_string(),
            name: TextView::from(&it.device.name),
            channel: twin.to_string(),
        })
    });
    twins.take(SISTERS_MAX).collect()
}

fn named(id: &str) -> TextView {
    TextView { en: id.to_owned(), zh: id.to_owned() }
}

/// More lines in a chart cannot be told apart.
const SISTERS_MAX: usize = 4;
