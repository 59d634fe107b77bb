//! Devices and channels as they go out.

use forewarn_domain::anomaly::Normal;
use forewarn_domain::site::Component;
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::time::{Span, Time};
use serde::Serialize;
use utoipa::ToSchema;

use super::TextView;
use crate::live::{ChannelLive, DeviceHealth, DeviceLive, LastReading, RuleLive, RuleStatus};

/// A device in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeviceRow {
    /// Device id.
    pub id: String,
    /// Its name on the shop floor.
    pub name: TextView,
    /// Its class, e.g. `cnc-mill`.
    pub class: String,
    /// Hall or area.
    pub area: String,
    /// Production line.
    pub production_line: String,
    /// `high`, `medium` or `low`.
    pub criticality: String,
    /// Its operating state, where known.
    pub state: Option<String>,
    /// Age of its newest reading in seconds.
    pub data_age_s: Option<f64>,
    /// How it is.
    pub health: DeviceHealth,
    /// Open tickets.
    pub open_tickets: i64,
}

impl DeviceRow {
    pub(crate) fn new(
        device: &PlantDevice,
        live: Option<&DeviceLive>,
        open_tickets: i64,
        now: Time,
    ) -> Self {
        let known = &device.device;
        Self {
            id: known.id.to_string(),
            name: (&known.name).into(),
            class: known.class.clone(),
            area: known.area.clone(),
            production_line: known.production_line.clone(),
            criticality: known.criticality.to_string(),
            state: live.and_then(|it| it.state.as_ref()).map(ToString::to_string),
            data_age_s: live.and_then(|it| it.last_reading).map(|at| age_s(at, now)),
            health: live.map(|it| it.health).unwrap_or_default(),
            open_tickets,
        }
    }
}

/// A whole device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeviceView {
    /// What lists show.
    #[serde(flatten)]
    pub row: DeviceRow,
    /// Its parts.
    pub components: Vec<ComponentView>,
    /// Devices of the same make and duty.
    pub siblings: Vec<String>,
    /// Operating states that it can be in.
    pub states: Vec<String>,
    /// Its channels.
    pub channels: Vec<ChannelView>,
}

impl DeviceView {
    pub(crate) fn new(
        row: DeviceRow,
        device: &PlantDevice,
        live: Option<&DeviceLive>,
        now: Time,
    ) -> Self {
        let channels = device.channels.values().map(|channel| {
            ChannelView::new(channel, live.and_then(|it| it.channels.get(&channel.id)), now)
        });
        Self {
            row,
            components: device.device.components.iter().map(ComponentView::from).collect(),
            siblings: device.device.siblings.iter().map(ToString::to_string).collect(),
            states: device.states.ids().map(ToString::to_string).collect(),
            channels: channels.collect(),
        }
    }
}

/// A part of a device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ComponentView {
    /// Component id.
    pub id: String,
    /// Its name.
    pub name: TextView,
    /// Bearing code or geometry.
    pub bearing: Option<String>,
    /// What kind of part.
    pub kind: String,
}

impl From<&Component> for ComponentView {
    fn from(component: &Component) -> Self {
        Self {
            id: component.id.to_string(),
            name: (&component.name).into(),
            bearing: component.bearing.clone(),
            kind: component.kind.clone(),
        }
    }
}

/// What is known about a channel before its first reading.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChannelRow {
    /// `device/source/point`.
    pub id: String,
    /// Its name.
    pub name: TextView,
    /// What it measures.
    pub quantity: String,
    /// In which unit, in the spelling of UCUM.
    pub unit: String,
    /// The unit as people write it.
    pub unit_symbol: String,
    /// On which part.
    pub component: String,
    /// In which direction.
    pub axis: Option<String>,
    /// How often a reading is expected.
    pub interval_s: Option<f64>,
    /// Whether its readings are texts.
    pub is_text: bool,
}

impl From<&Channel> for ChannelRow {
    fn from(channel: &Channel) -> Self {
        Self {
            id: channel.id.to_string(),
            name: (&channel.name).into(),
            quantity: channel.quantity.to_string(),
            unit: channel.unit.to_string(),
            unit_symbol: channel.unit.symbol().to_owned(),
            component: channel.component.to_string(),
            axis: channel.axis.map(|it| it.to_string()),
            interval_s: channel.interval.map(Span::secs_f64),
            is_text: channel.is_text,
        }
    }
}

/// A channel with its newest reading, its normal and its rules.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChannelView {
    /// What is known before its first reading.
    #[serde(flatten)]
    pub row: ChannelRow,
    /// Its newest reading.
    pub last: Option<LastView>,
    /// Its normal in the present state.
    pub normal: Option<NormalView>,
    /// The rules that look at it.
    pub rules: Vec<RuleView>,
}

impl ChannelView {
    fn new(channel: &Channel, live: Option<&ChannelLive>, now: Time) -> Self {
        let last = live.and_then(|it| it.last.as_ref());
        Self {
            row: ChannelRow::from(channel),
            last: last.map(|it| LastView::new(it, now)),
            normal: live.and_then(|it| it.normal.as_ref()).map(NormalView::from),
            rules: live.map(|it| it.rules.iter().map(RuleView::from).collect()).unwrap_or_default(),
        }
    }
}

/// A newest reading.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LastView {
    /// Event time.
    #[schema(value_type = String, format = DateTime)]
    pub t: Time,
    /// The number.
    pub value: Option<f64>,
    /// The text.
    pub text: Option<String>,
    /// How far it may be trusted, e.g. `good` or `bad:timeout`.
    pub quality: String,
    /// Its age in seconds.
    pub age_s: f64,
}

impl LastView {
    fn new(last: &LastReading, now: Time) -> Self {
        Self {
            t: last.t,
            value: last.value.filter(|it| it.is_finite()),
            text: last.text.clone(),
            quality: last.quality.to_string(),
            age_s: age_s(last.t, now),
        }
    }
}

/// What is normal for a channel in one operating state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NormalView {
    /// The middle.
    pub median: f64,
    /// Lower edge of the normal band.
    pub low: f64,
    /// Upper edge of the normal band.
    pub high: f64,
    /// From how many samples it was learned.
    pub samples: u64,
    /// In which state.
    pub state: String,
}

impl From<&Normal> for NormalView {
    fn from(normal: &Normal) -> Self {
        Self {
            median: normal.median,
            low: normal.low,
            high: normal.high,
            samples: normal.samples,
            state: normal.state.to_string(),
        }
    }
}

/// A rule on a channel.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleView {
    /// Rule id.
    pub rule: String,
    /// Where it stands.
    pub status: RuleStatus,
    /// Why.
    pub why: TextView,
}

impl From<&RuleLive> for RuleView {
    fn from(rule: &RuleLive) -> Self {
        Self { rule: rule.rule.to_string(), status: rule.status, why: (&rule.why).into() }
    }
}

/// Age in seconds; a reading from a clock that is ahead is not younger than now.
pub(super) fn age_s(at: Time, now: Time) -> f64 {
    (now - at).secs_f64().max(0.0)
}
