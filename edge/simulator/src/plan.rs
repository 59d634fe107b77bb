//! Which faults are injected where, and when: a function of the seed and the site.
//!
//! Rely on this: the demo's plan has one bearing fault, one oil temperature drift and one flat sensor,
//! the fault set one fault of every kind that finds a device. No device has two, so that whatever
//! else is reported is a false alarm.

use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::site::plant::{Plant as Site, PlantDevice};
use forewarn_domain::time::Span;

use crate::chance::Chance;
use crate::duty::Class;
pub use crate::fault::{Fault, FaultKind};
use crate::signal::Signal;

/// What will go wrong in a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The faults, in the order in which they start.
    pub faults: Vec<Fault>,
    /// A healthy machine that is switched off at the origin and warms up first, so that a limit on
    /// temperature alone would misfire.
    pub cold_start: Option<DeviceId>,
    /// What changes on healthy machines too.
    pub variety: Variety,
}

/// Changes that are no faults.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Variety {
    /// The same parts, tools and weather all the time, as in the demo.
    #[default]
    None,
    /// Recipes that change every day or two, tools that wear and are changed every few hours, and
    /// weather that comes and goes over weeks.
    Everyday,
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
        Self { faults, cold_start, variety: Variety::None }
    }

    /// No faults at all and no cold start.
    #[must_use]
    pub fn healthy() -> Self {
        Self { faults: Vec::new(), cold_start: None, variety: Variety::None }
    }

    /// No faults, but recipes, tools and weather that change.
    #[must_use]
    pub fn healthy_everyday() -> Self {
        Self { variety: Variety::Everyday, ..Self::healthy() }
    }

    /// One fault on every device, drawn as often as such faults are in plants and as this very plant is
    /// used to: `plant` names its habits, `seed` what happens this time.
    #[must_use]
    pub fn drawn(plant: u64, seed: u64, site: &Site) -> Self {
        let chance = Chance::new(seed).named("drawn");
        let mut faults = Vec::new();
        for (place, device) in (0_u64..).zip(site.devices()) {
            let chance = chance.with(place);
            let Some((kind, at)) = draw(plant, chance, device) else { continue };
            let (component, channel) = at;
            faults.push(Fault {
                device: device.device.id.clone(),
                component,
                kind,
                channel,
                start_after: whole_minutes(chance.with(1).between(30.0, 90.0)),
                growth: Some(whole_minutes(chance.with(2).between(40.0, 150.0))),
                curve: 1.0,
                strength: chance.with(3).between(0.8, 1.3),
            });
        }
        faults.sort_by_key(|it| it.start_after);
        Self { faults, ..Self::healthy() }
    }

    /// Causes that the faults of a device would have had so far, one for each number asked for.
    #[must_use]
    pub fn past_causes(
        plant: u64,
        device: &PlantDevice,
        count: u64,
    ) -> Vec<(ComponentId, FaultKind)> {
        let chance = Chance::new(plant).named("past").named(device.device.id.as_str());
        let drawn = (0..count).filter_map(|turn| draw(plant, chance.with(turn), device));
        drawn.map(|(kind, (component, _))| (component, kind)).collect()
    }

    /// One fault of each of these kinds, each on a device of its own, beginning between half an hour and three hours after
    /// the origin and growing over hours.
    ///
    /// A function of the seed and the site; kinds that no device can have are left out.
    #[must_use]
    pub fn fault_set(seed: u64, site: &Site, kinds: &[FaultKind]) -> Self {
        let chance = Chance::new(seed).named("fault set");
        let mut faults: Vec<Fault> = Vec::new();
        let mut kinds: Vec<FaultKind> = kinds.to_vec();
        kinds.sort_by_key(|it| chance.with(*it as u64).bits());
        for (turn, kind) in (0_u64..).zip(kinds) {
            let chance = chance.with(100 + turn);
            let is_free = |it: &&Arc<PlantDevice>| faults.iter().all(|f| f.device != it.device.id);
            let places: Vec<_> = site
                .devices()
                .filter(is_free)
                .flat_map(|device| {
                    let id = &device.device.id;
                    kind.places(device).into_iter().map(move |it| (id.clone(), it))
                })
                .collect();
            let Some((device, (component, channel))) = places.get(chance.index(places.len()))
            else {
                continue;
            };
            faults.push(Fault {
                device: device.clone(),
                component: component.clone(),
                kind,
                channel: channel.clone(),
                start_after: whole_minutes(chance.with(1).between(30.0, 180.0)),
                growth: Some(whole_minutes(chance.with(2).between(60.0, 240.0))),
                curve: 1.0,
                strength: chance.with(3).between(0.8, 1.3),
            });
        }
        faults.sort_by_key(|it| it.start_after);
        Self { faults, ..Self::healthy() }
    }
}

fn bearing_fault(seed: u64, site: &Site) -> Option<Fault> {
    let spindles = parts_of_kind(site, "spindle");
    let turn = seed.wrapping_sub(1);
    let (device, component) = spindles.get(place(turn, spindles.len()))?.clone();
    // Three spindles and four entries take turns, so that twelve seeds in a row are all different.
    let kind = RACES[place(turn, RACES.len())];
    Some(at_demo_pace(device, component, kind, FIRST_FAULT))
}

fn oil_fault(seed: u64, site: &Site) -> Option<Fault> {
    let hydraulics = parts_of_kind(site, "hydraulics");
    let turn = seed.wrapping_sub(1) / 2;
    let (device, component) = hydraulics.get(place(turn, hydraulics.len()))?.clone();
    let kind = FaultKind::OilTemperatureDrift;
    Some(at_demo_pace(device, component, kind, SECOND_FAULT))
}

fn flat_sensor(chance: Chance, site: &Site, taken: &[DeviceId]) -> Option<Fault> {
    let sensors: Vec<_> = site
        .devices()
        .filter(|it| !taken.contains(&it.device.id))
        .flat_map(|it| it.channels.values())
        .filter(|it| Signal::of(&it.id.point()).is_some_and(|signal| CAN_STICK.contains(&signal)))
        .collect();
    let channel = sensors.get(chance.with(1).index(sensors.len()))?;
    let (device, part) = (channel.id.device(), channel.component.clone());
    let fault = at_demo_pace(device, part, FaultKind::FlatSensor, THIRD_FAULT);
    Some(Fault { channel: Some(channel.id.clone()), ..fault })
}

fn at_demo_pace(device: DeviceId, component: ComponentId, kind: FaultKind, from: Span) -> Fault {
    let (channel, growth, strength) = (None, None, 1.0);
    Fault { device, component, kind, channel, start_after: from, growth, curve: 1.0, strength }
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

/// A kind with one of the places where it can happen.
type Drawn = (FaultKind, (ComponentId, Option<ChannelId>));

fn draw(plant: u64, chance: Chance, device: &PlantDevice) -> Option<Drawn> {
    let possible: Vec<(FaultKind, f64)> = FaultKind::ALL
        .iter()
        .filter(|it| !it.places(device).is_empty())
        .map(|it| (*it, it.weight() * habit(plant, *it)))
        .collect();
    let total: f64 = possible.iter().map(|(_, weight)| weight).sum();
    let mut left = chance.with(10).unit() * total;
    let (kind, _) = possible.into_iter().find(|(_, weight)| {
        left -= weight;
        left < 0.0
    })?;
    let mut places = kind.places(device);
    let place = chance.with(11).index(places.len());
    Some((kind, places.swap_remove(place)))
}

/// A plant's habits: some kinds of fault are up to three times as frequent there, others as rare.
fn habit(plant: u64, kind: FaultKind) -> f64 {
    let chance = Chance::new(plant).named("habits").with(kind as u64);
    chance.between(-1.1, 1.1).exp()
}

fn whole_minutes(minutes: f64) -> Span {
    Span::from_secs(crate::convert::nearest(minutes) * 60)
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
