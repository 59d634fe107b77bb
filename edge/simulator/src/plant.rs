//! A whole simulated plant: the site's devices with their models, faults and a common origin.

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_domain::id::DeviceId;
use forewarn_domain::site::plant::{Plant as Site, PlantDevice};
use forewarn_domain::time::Time;
use forewarn_vibration::{Catalogue, Orders};

use crate::chance::Chance;
use crate::duty::{Class, Duty};
use crate::machine::{Build, Machine, SeededFault};
use crate::plan::Plan;
use crate::signal::Signal;
use crate::truth::Truth;

/// The simulation of a site. Holding one means that every device has a model.
#[derive(Clone, Debug)]
pub struct SimulatedPlant {
    site: Arc<Site>,
    seed: u64,
    origin: Time,
    plan: Plan,
    builds: BTreeMap<DeviceId, Build>,
}

impl SimulatedPlant {
    /// Simulates `site` with the faults of `plan`, counted from `origin`, where live begins and
    /// the history ends.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] names a device without a model, or a bearing that is not in the
    /// catalogue.
    pub fn new(
        site: Arc<Site>,
        catalogue: &Catalogue,
        seed: u64,
        origin: Time,
        plan: Plan,
    ) -> Result<Self, SimulationError> {
        let mut builds = BTreeMap::new();
        for device in site.devices() {
            let build = build(device, catalogue, seed, origin, &plan)?;
            builds.insert(device.device.id.clone(), build);
        }
        Ok(Self { site, seed, origin, plan, builds })
    }

    /// The site that is simulated.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Where live begins and the history ends.
    #[must_use]
    pub fn origin(&self) -> Time {
        self.origin
    }

    /// What goes wrong.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What goes wrong, as it is written for those who compare.
    #[must_use]
    pub fn truth(&self) -> Vec<Truth> {
        self.plan.faults.iter().map(|fault| Truth::of(fault, self.origin)).collect()
    }

    /// The same plant with another origin: the machines are who they were, and duty and faults are
    /// counted from there. For a live start after the history was learned, which takes a while.
    #[must_use]
    pub fn moved_to(&self, origin: Time) -> Self {
        let moved = |build: &Build| schedule(build.clone(), origin, &self.plan);
        let builds = self.builds.iter().map(|(id, build)| (id.clone(), moved(build))).collect();
        Self { origin, builds, ..self.clone() }
    }

    /// All machines, in the order of their ids, in the heat that they have at `from`.
    #[must_use]
    pub fn machines(&self, from: Time) -> Vec<Machine> {
        self.builds.values().map(|build| Machine::warm_at(build.clone(), from)).collect()
    }
}

fn build(
    device: &PlantDevice,
    catalogue: &Catalogue,
    seed: u64,
    origin: Time,
    plan: &Plan,
) -> Result<Build, SimulationError> {
    let id = device.device.id.clone();
    let class = Class::of(&device.device.class).ok_or_else(|| SimulationError::Class {
        device: id.clone(),
        class: device.device.class.clone(),
    })?;
    let chance = Chance::new(seed).named(id.as_str());
    let duty = Duty::new(class, chance.with(1), origin, false);
    let orders = bearing(device, catalogue)?;
    let (faults, variety) = (Vec::new(), plan.variety);
    let build = Build { device: id, class, chance, duty, faults, orders, variety };
    Ok(schedule(build, origin, plan))
}

/// Gives a machine the duty and the faults that it has around `origin`.
fn schedule(build: Build, origin: Time, plan: &Plan) -> Build {
    let starts_cold = plan.cold_start.as_ref() == Some(&build.device);
    let duty = Duty::new(build.class, build.chance.with(1), origin, starts_cold);
    let faults = plan
        .faults
        .iter()
        .filter(|it| it.device == build.device)
        .map(|it| SeededFault {
            kind: it.kind,
            signal: it.channel.as_ref().and_then(|channel| Signal::of(&channel.point())),
            from: origin + it.start_after,
            growth: it.growth,
            curve: it.curve,
            strength: it.strength,
        })
        .collect();
    Build { duty, faults, variety: plan.variety, ..build }
}

fn bearing(device: &PlantDevice, catalogue: &Catalogue) -> Result<Option<Orders>, SimulationError> {
    let Some(code) = device.device.components.iter().find_map(|it| it.bearing.as_deref()) else {
        return Ok(None);
    };
    match catalogue.resolve(code) {
        Ok(bearing) => Ok(Some(bearing.geometry.orders())),
        Err(source) => Err(SimulationError::Bearing { device: device.device.id.clone(), source }),
    }
}

/// Why a site cannot be simulated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimulationError {
    /// Its bearing is unknown.
    #[error("device `{device}` has a bearing that cannot be simulated")]
    Bearing {
        /// Which device.
        device: DeviceId,
        /// What is wrong with it.
        source: forewarn_vibration::catalogue::UnknownBearing,
    },
    /// There is no model of its class.
    #[error("device `{device}` is of class `{class}`; cnc-mill, press and pump can be simulated")]
    Class {
        /// Which device.
        device: DeviceId,
        /// Its class.
        class: String,
    },
}
