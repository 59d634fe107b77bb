//! Which faults are injected where, and when: a function of the seed and the site.
//!
//! Rely on this: every plan has one bearing fault, one oil temperature drift and one flat sensor,
//! on three different devices, so that whatever else is reported is a false alarm.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::site::plant::{Plant as Site, PlantDevice};
use forewarn_domain::time::Span;
use forewarn_vibration::Defect;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::duty::Class;
use crate::signal::Signal;

/// What will go wrong in a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The faults, in the order in which they start.
    pub faults: Vec<Fault>,
    /// A healthy machine that is switched off at the origin and warms up first, so that a limit on
    /// temperature alone would misfire.
    pub cold_start: Option<DeviceId>,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// On which device.
    pub device: DeviceId,
    /// On which part; for a flat sensor, the part on which the sensor sits.
    pub component: ComponentId,
    /// What.
    pub kind: FaultKind,
    /// The sensor that sticks, where one does.
    pub channel: Option<ChannelId>,
    /// How long after the origin it begins.
    pub start_after: Span,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A sensor repeats its last value.
    FlatSensor,
    /// A spot breaks out of a bearing's inner race.
    InnerRace,
    /// The oil cooler loses its effect.
    OilTemperatureDrift,
    /// A spot breaks out of a bearing's outer race.
    OuterRace,
    /// A spot breaks out of a ball.
    RollingElement,
}

impl FaultKind {
    /// The family of the ticket that it should lead to.
    #[must_use]
    pub fn family(self) -> FaultFamily {
        match self {
            Self::FlatSensor => FaultFamily::Instrumentation,
            Self::InnerRace | Self::OuterRace | Self::RollingElement => FaultFamily::Bearing,
            Self::OilTemperatureDrift => FaultFamily::Hydraulic,
        }
    }

    /// The bearing defect that it is, if it is one.
    #[must_use]
    pub fn defect(self) -> Option<Defect> {
        match self {
            Self::InnerRace => Some(Defect::InnerRace),
            Self::OuterRace => Some(Defect::OuterRace),
            Self::RollingElement => Some(Defect::RollingElement),
            Self::FlatSensor | Self::OilTemperatureDrift => None,
        }
    }
}

impl Plan {
    /// The plan of a seed. Seeds one after another move every fault; seed 1 damages the outer race
    /// of the first spindle.
    ///
    /// A site without spindles, presses or a third device gets fewer faults.
    #[must_use]
    pub fn for_seed(seed: u64, site: &Site) -> Self {
        let chance = Chance::new(seed).named("plan");
        let mut faults = Vec::new();
        faults.extend(bearing_fault(seed, site));
        faults.extend(oil_fault(seed, site));
        let taken: Vec<DeviceId> = faults.iter().map(|it: &Fault| it.device.clone()).collect();
        faults.extend(flat_sensor(chance, site, &taken));
        let taken: Vec<&DeviceId> = faults.iter().map(|it| &it.device).collect();
        let healthy: Vec<&DeviceId> = site
            .devices()
            .filter(|it| matches!(Class::of(&it.device.class), Some(Class::Mill | Class::Press)))
            .map(|it| &it.device.id)
            .filter(|id| !taken.contains(id))
            .collect();
        let cold_start = healthy.get(chance.with(2).index(healthy.len())).map(|id| (*id).clone());
        Self { faults, cold_start }
    }

    /// No faults at all and no cold start.
    #[must_use]
    pub fn healthy() -> Self {
        Self { faults: Vec::new(), cold_start: None }
    }
}

fn bearing_fault(seed: u64, site: &Site) -> Option<Fault> {
    let spindles = parts_of_kind(site, "spindle");
    let turn = seed.wrapping_sub(1);
    let (device, component) = spindles.get(place(turn, spindles.len()))?.clone();
    // Three spindles and four entries take turns, so that twelve seeds in a row are all different.
    let kind = RACES[place(turn, RACES.len())];
    Some(Fault { device, component, kind, channel: None, start_after: FIRST_FAULT })
}

fn oil_fault(seed: u64, site: &Site) -> Option<Fault> {
    let hydraulics = parts_of_kind(site, "hydraulics");
    let turn = seed.wrapping_sub(1) / 2;
    let (device, component) = hydraulics.get(place(turn, hydraulics.len()))?.clone();
    let kind = FaultKind::OilTemperatureDrift;
    Some(Fault { device, component, kind, channel: None, start_after: SECOND_FAULT })
}

fn flat_sensor(chance: Chance, site: &Site, taken: &[DeviceId]) -> Option<Fault> {
    let sensors: Vec<_> = site
        .devices()
        .filter(|it| !taken.contains(&it.device.id))
        .flat_map(|it| it.channels.values())
        .filter(|it| Signal::of(&it.id.point()).is_some_and(|signal| CAN_STICK.contains(&signal)))
        .collect();
    let channel = sensors.get(chance.with(1).index(sensors.len()))?;
    Some(Fault {
        device: channel.id.device(),
        component: channel.component.clone(),
        kind: FaultKind::FlatSensor,
        channel: Some(channel.id.clone()),
        start_after: THIRD_FAULT,
    })
}

fn parts_of_kind(site: &Site, kind: &str) -> Vec<(DeviceId, ComponentId)> {
    let parts = |device: &PlantDevice| {
        let id = device.device.id.clone();
        let found = device.device.components.iter().find(|it| it.kind == kind)?;
        Some((id, found.id.clone()))
    };
    site.devices().filter_map(|it| parts(it)).collect()
}

fn place(turn: u64, choices: usize) -> usize {
    let choices = u64::try_from(choices.max(1)).expect("a usize has at most 64 bits");
    usize::try_from(turn % choices).expect("it is below a usize")
}

/// The outer race fails most often, since it alone always stands in the load zone.
const RACES: [FaultKind; 4] =
    [FaultKind::OuterRace, FaultKind::InnerRace, FaultKind::OuterRace, FaultKind::RollingElement];

/// Sensors whose value hardly depends on the operating state: when one of these sticks, its value
/// stays plausible, and nothing but its standing still gives it away.
const CAN_STICK: [Signal; 3] = [Signal::BearingTemp, Signal::HousingTemp, Signal::OilTemp];

/// Long enough to see the plant healthy; two seconds apart, so that no two faults look like one.
const FIRST_FAULT: Span = Span::from_secs(20);
const SECOND_FAULT: Span = Span::from_secs(22);
const THIRD_FAULT: Span = Span::from_secs(24);
