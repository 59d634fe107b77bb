//! Where readings come from: one file for each protocol.
//!
//! A source asks or listens and decodes. Schedules, deadbands and the disk belong to others.

pub(crate) mod heard;
pub mod modbus;
pub mod mqtt;
pub mod mtconnect;
pub mod shdr;
pub mod sparkplug;

use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{DeviceId, SourceId};
use forewarn_domain::site::Source;
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::template::{Deadband, DeviceTemplate};

/// One source of one device, with what its points are called at this site.
#[derive(Clone, Debug)]
pub struct SourcePoints {
    /// The device.
    pub device: DeviceId,
    /// As the site file says.
    pub source: Source,
    /// Its type.
    pub template: Arc<DeviceTemplate>,
    /// For each point of the template, in its order.
    pub points: Vec<SitePoint>,
}

/// What a site makes of a template's point.
#[derive(Clone, Debug, PartialEq)]
pub struct SitePoint {
    /// Its full name.
    pub channel: ChannelId,
    /// Physical range, where the site or the template states one.
    pub range: Option<[f64; 2]>,
    /// Changes below it are not reported.
    pub deadband: Option<Deadband>,
}

impl SourcePoints {
    /// Joins a source with its template and its site's overrides.
    #[must_use]
    pub fn new(device: &PlantDevice, source: &Source, template: &Arc<DeviceTemplate>) -> Self {
        let site_point = |point: &forewarn_domain::template::PointTemplate| {
            let changes = source.points.get(&point.id);
            SitePoint {
                channel: ChannelId::new(&device.device.id, &source.id, &point.id),
                range: changes.and_then(|it| it.range).or(point.range),
                deadband: changes.and_then(|it| it.deadband).or(point.deadband),
            }
        };
        Self {
            device: device.device.id.clone(),
            source: source.clone(),
            template: Arc::clone(template),
            points: template.points.iter().map(site_point).collect(),
        }
    }

    /// The source's id.
    #[must_use]
    pub fn id(&self) -> &SourceId {
        &self.source.id
    }
}
