//! A site file joined with its templates, checked: every channel with its meaning.

mod channel_name;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::channel::ChannelId;
use crate::id::{AgentId, ComponentId, DeviceId, LinkId, PointId, TemplateId};
use crate::quantity::{Axis, Quantity, Unit};
use crate::site::operating::{InvalidStates, States};
use crate::site::operation::Operations;
use crate::site::{Component, Device, Link, SCHEMA, SiteFile, SiteHead, Source};
use crate::template::{DeviceTemplate, PointTemplate, TemplateError};
use crate::text::Localized;
use crate::time::Span;
use crate::waveform::BURST_FEATURES;
use channel_name::named_after;

/// Everything that is known about a plant's machines before the first reading.
#[derive(Clone, Debug)]
pub struct Plant {
    /// The plant itself.
    pub site: SiteHead,
    links: BTreeMap<LinkId, Link>,
    devices: BTreeMap<DeviceId, Arc<PlantDevice>>,
    templates: BTreeMap<TemplateId, Arc<DeviceTemplate>>,
}

/// A device with its channels.
#[derive(Clone, Debug)]
pub struct PlantDevice {
    /// As the site file says.
    pub device: Device,
    /// Its channels by name.
    pub channels: BTreeMap<ChannelId, Arc<Channel>>,
    /// Its operating states.
    pub states: States,
    /// The channel of the shaft speed.
    pub speed: Option<ChannelId>,
    /// How its parts are told apart, where the site file says so.
    pub operations: Option<Operations>,
}

/// What is known about a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Its full name.
    pub id: ChannelId,
    /// Its name for people.
    pub name: Localized,
    /// What it measures.
    pub quantity: Quantity,
    /// In which unit.
    pub unit: Unit,
    /// In which direction.
    pub axis: Option<Axis>,
    /// On which part of the device.
    pub component: ComponentId,
    /// Band of the sensor.
    pub band_hz: Option<[f64; 2]>,
    /// Physical range.
    pub range: Option<[f64; 2]>,
    /// Fastest physical change per second.
    pub rate_max: Option<f64>,
    /// How often a reading is expected; `None` for what comes when it likes.
    pub interval: Option<Span>,
    /// Whether only changes are reported, so that equal values in a row mean nothing.
    pub on_change: bool,
    /// Whether its readings are texts.
    pub is_text: bool,
    /// The waveform channel from which it is computed.
    pub waveform: Option<ChannelId>,
}

impl Plant {
    /// Joins a site file with the templates that it names.
    ///
    /// # Errors
    ///
    /// [`PlantError`] for the first contradiction: an unknown name, a name that stands twice, a
    /// condition over a point that does not exist.
    pub fn new(file: SiteFile, templates: Vec<DeviceTemplate>) -> Result<Self, PlantError> {
        if file.schema != SCHEMA {
            return Err(PlantError::Schema { found: file.schema });
        }
        let mut library = BTreeMap::new();
        for template in templates {
            template.check()?;
            library.insert(template.device.id.clone(), Arc::new(template));
        }
        let mut links = BTreeMap::new();
        for link in file.links {
            if let Some(twice) = links.insert(link.id.clone(), link) {
                return Err(PlantError::Twice { what: "link", id: twice.id.to_string() });
            }
        }
        let mut plant =
            Self { site: file.site, links, devices: BTreeMap::new(), templates: library };
        for device in file.devices {
            let id = device.id.clone();
            let device = plant.join(device)?;
            if plant.devices.insert(id.clone(), Arc::new(device)).is_some() {
                return Err(PlantError::Twice { what: "device", id: id.to_string() });
            }
        }
        plant.check_siblings()?;
        Ok(plant)
    }

    /// The plant's name and time zone alone, as somebody sees it who may see none of its machines.
    #[must_use]
    pub fn without_devices(&self) -> Self {
        Self {
            site: self.site.clone(),
            links: BTreeMap::new(),
            devices: BTreeMap::new(),
            templates: BTreeMap::new(),
        }
    }

    /// All devices, by id.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<PlantDevice>> {
        self.devices.values()
    }

    /// One device.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&Arc<PlantDevice>> {
        self.devices.get(id)
    }

    /// One channel.
    #[must_use]
    pub fn channel(&self, id: &ChannelId) -> Option<&Channel> {
        self.devices.get(&id.device())?.channels.get(id).map(Arc::as_ref)
    }

    /// One link.
    #[must_use]
    pub fn link(&self, id: &LinkId) -> Option<&Link> {
        self.links.get(id)
    }

    /// One template.
    #[must_use]
    pub fn template(&self, id: &TemplateId) -> Option<&Arc<DeviceTemplate>> {
        self.templates.get(id)
    }

    /// The agents that serve the devices, each once.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentId> {
        let agents: std::collections::BTreeSet<_> =
            self.devices().map(|it| it.device.agent.clone()).collect();
        agents.into_iter().collect()
    }

    fn join(&self, device: Device) -> Result<PlantDevice, PlantError> {
        let mut channels = BTreeMap::new();
        for source in &device.sources {
            let unknown = |what, id: &str| PlantError::Unknown {
                what,
                id: id.to_owned(),
                device: device.id.clone(),
                known: Vec::new(),
            };
            let template = self
                .templates
                .get(&source.template)
                .ok_or_else(|| unknown("template", source.template.as_str()))?;
            if !self.links.contains_key(&source.link) {
                return Err(unknown("link", source.link.as_str()));
            }
            for point in source.points.keys() {
                if !template.points.iter().any(|it| it.id == *point) {
                    return Err(unknown("point", point.as_str()));
                }
            }
            for channel in channels_of(&device, source, template)? {
                if let Some(twice) = channels.insert(channel.id.clone(), Arc::new(channel)) {
                    return Err(PlantError::Twice { what: "channel", id: twice.id.to_string() });
                }
            }
        }
        let states = States::new(&device, &channels)?;
        let speed = match &device.speed_source {
            None => None,
            Some(name) => Some(resolve(&device, &channels, name)?),
        };
        let operations = Operations::new(&device, &channels)?;
        if let Some(operations) = &operations {
            let record = record_channel(operations.channel.clone());
            if let Some(twice) = channels.insert(record.id.clone(), Arc::new(record)) {
                return Err(PlantError::Twice { what: "channel", id: twice.id.to_string() });
            }
        }
        Ok(PlantDevice { device, channels, states, speed, operations })
    }

    fn check_siblings(&self) -> Result<(), PlantError> {
        for device in self.devices() {
            for sibling in &device.device.siblings {
                if !self.devices.contains_key(sibling) {
                    return Err(PlantError::Unknown {
                        what: "sibling",
                        id: sibling.to_string(),
                        device: device.device.id.clone(),
                        known: self.devices.keys().map(ToString::to_string).collect(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl PlantDevice {
    /// One component, or the device itself under the id `machine`.
    #[must_use]
    pub fn component(&self, id: &ComponentId) -> Component {
        self.device.components.iter().find(|it| it.id == *id).cloned().unwrap_or_else(|| {
            Component {
                id: id.clone(),
                name: Localized::new("machine", "整机"),
                bearing: None,
                kind: "machine".to_owned(),
                lubrication_days: None,
            }
        })
    }
}

/// Finds the channel that `point` or `source/point` names on a device.
///
/// # Errors
///
/// [`PlantError::Unknown`] with the names that exist.
pub(crate) fn resolve(
    device: &Device,
    channels: &BTreeMap<ChannelId, Arc<Channel>>,
    name: &str,
) -> Result<ChannelId, PlantError> {
    let (source, point) = match name.split_once('/') {
        Some((source, point)) => (Some(source), point),
        None => (None, name),
    };
    let mut found = channels.keys().filter(|it| {
        it.point_str() == point && source.is_none_or(|source| it.source().as_str() == source)
    });
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(_), Some(_)) => {
            Err(PlantError::Ambiguous { name: name.to_owned(), device: device.id.clone() })
        }
        (None, _) => Err(PlantError::Unknown {
            what: "point",
            id: name.to_owned(),
            device: device.id.clone(),
            known: channels
                .keys()
                .map(|it| format!("{}/{}", it.source(), it.point_str()))
                .collect(),
        }),
    }
}

fn channels_of(
    device: &Device,
    source: &Source,
    template: &DeviceTemplate,
) -> Result<Vec<Channel>, PlantError> {
    let mut channels: Vec<Channel> = template
        .points
        .iter()
        .map(|point| point_channel(device, source, template, point))
        .collect();
    for waveform in &template.waveforms {
        let whole = ChannelId::new(&device.id, &source.id, &waveform.id);
        for axis in &waveform.samples.axes {
            for feature in BURST_FEATURES {
                let point = PointId::new(&format!("{}.{axis}.{}", waveform.id, feature.suffix))
                    .map_err(|source| PlantError::Id { source })?;
                channels.push(Channel {
                    id: ChannelId::new(&device.id, &source.id, &point),
                    name: named_after(feature.quantity, Some(*axis)),
                    quantity: feature.quantity,
                    unit: feature.unit,
                    axis: Some(*axis),
                    component: source.mount.clone().unwrap_or_else(whole_machine),
                    band_hz: None,
                    range: None,
                    rate_max: None,
                    interval: None,
                    on_change: false,
                    is_text: false,
                    waveform: Some(whole.clone()),
                });
            }
        }
    }
    Ok(channels)
}

/// The channel of a device's operation records.
fn record_channel(id: ChannelId) -> Channel {
    Channel {
        id,
        name: Localized::new("operation", "加工记录"),
        quantity: Quantity::Context,
        unit: Unit::One,
        axis: None,
        component: whole_machine(),
        band_hz: None,
        range: None,
        rate_max: None,
        interval: None,
        on_change: true,
        is_text: true,
        waveform: None,
    }
}

fn point_channel(
    device: &Device,
    source: &Source,
    template: &DeviceTemplate,
    point: &PointTemplate,
) -> Channel {
    let changes = source.points.get(&point.id);
    let mount = changes.and_then(|it| it.mount.clone()).or_else(|| source.mount.clone());
    let deadband = changes.and_then(|it| it.deadband).or(point.deadband);
    let group = match &point.group {
        Some(id) => template.groups.iter().find(|it| it.id == *id),
        None => template.groups.first(),
    };
    let by_change = group.is_some_and(|it| it.report == crate::template::Report::OnChange);
    Channel {
        id: ChannelId::new(&device.id, &source.id, &point.id),
        name: point.name.clone().unwrap_or_else(|| named_after(point.quantity, point.axis)),
        quantity: point.quantity,
        unit: point.unit,
        axis: point.axis,
        component: mount.unwrap_or_else(whole_machine),
        band_hz: point.band_hz,
        range: changes.and_then(|it| it.range).or(point.range),
        rate_max: point.rate_max,
        interval: template.interval(point),
        on_change: by_change || deadband.is_some(),
        is_text: point.kind.is_text(),
        waveform: None,
    }
}

fn whole_machine() -> ComponentId {
    ComponentId::new("machine").expect("the constant is a slug")
}

/// Why a site file and its templates make no plant.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlantError {
    /// A name fits several points.
    #[error("`{name}` fits several points of device `{device}`; write source/point")]
    Ambiguous {
        /// The name.
        name: String,
        /// The device.
        device: DeviceId,
    },
    /// A derived name is too long.
    #[error("a derived point has no valid name")]
    Id {
        /// What is wrong with it.
        source: crate::id::InvalidId,
    },
    /// Settings of operation records that cannot work.
    #[error("[device.operation] of device `{device}` {what}")]
    Operation {
        /// The device.
        device: DeviceId,
        /// What is wrong.
        what: &'static str,
    },
    /// Another schema.
    #[error("schema is `{found}`; `{SCHEMA}` is expected")]
    Schema {
        /// What was found.
        found: String,
    },
    /// The operating states contradict the channels.
    #[error(transparent)]
    States(#[from] Box<InvalidStates>),
    /// A template contradicts itself.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A name stands twice.
    #[error("{what} `{id}` stands twice")]
    Twice {
        /// What it names.
        what: &'static str,
        /// The name.
        id: String,
    },
    /// A name that nothing has.
    #[error("device `{device}` names {what} `{id}`, which does not exist; known: {}", known.join(", "))]
    Unknown {
        /// What it should name.
        what: &'static str,
        /// The name.
        id: String,
        /// Where it stands.
        device: DeviceId,
        /// What exists.
        known: Vec<String>,
    },
}
