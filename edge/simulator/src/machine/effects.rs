//! What faults do to a machine: factors and additions that its model applies.
//!
//! Sizes are those that books on condition monitoring give for faults that are worth a repair (sources
//! in `models/failure-modes/`). A secondary symptom, such as a bearing that gets warm, comes with most
//! faults of a kind and not with all of them: which ones is drawn once for each fault.

use forewarn_domain::time::Span;

use super::{Machine, SeededFault};
use crate::duty::Class;
use crate::plan::FaultKind;

/// The sum of all faults of one machine at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Effects {
    /// Extra heat in K of the hydraulic oil, the bearing or housing, and the motor.
    pub(crate) oil_k: f64,
    pub(crate) bearing_k: f64,
    pub(crate) motor_k: f64,
    /// Factors.
    pub(crate) load: f64,
    pub(crate) current: f64,
    pub(crate) pressure: f64,
    pub(crate) pressure_noise: f64,
    pub(crate) hiss: f64,
    pub(crate) shake_z: f64,
    pub(crate) shake_x: f64,
    pub(crate) x1: f64,
    pub(crate) x2: f64,
    /// Additions: shape of the vibration, knocks once a turn in g, belt in g.
    pub(crate) kurtosis: f64,
    pub(crate) knock_g: f64,
    pub(crate) belt_g: f64,
}

impl Effects {
    const NONE: Self = Self {
        oil_k: 0.0,
        bearing_k: 0.0,
        motor_k: 0.0,
        load: 1.0,
        current: 1.0,
        pressure: 1.0,
        pressure_noise: 1.0,
        hiss: 1.0,
        shake_z: 1.0,
        shake_x: 1.0,
        x1: 1.0,
        x2: 1.0,
        kurtosis: 0.0,
        knock_g: 0.0,
        belt_g: 0.0,
    };
}

impl Machine {
    /// What its faults do to it now.
    pub(super) fn effects(&self) -> Effects {
        let mut effects = Effects::NONE;
        for fault in self.faults.iter().filter(|it| it.from < self.now) {
            let size = self.size(fault);
            match fault.kind {
                FaultKind::Cage
                | FaultKind::InnerRace
                | FaultKind::OuterRace
                | FaultKind::PoorLubrication
                | FaultKind::RollingElement => self.bearing(fault, size, &mut effects),
                FaultKind::BeltWear
                | FaultKind::GearWear
                | FaultKind::Imbalance
                | FaultKind::Looseness
                | FaultKind::Misalignment => self.rotor(fault, size, &mut effects),
                _ => self.process(fault, size, &mut effects),
            }
        }
        effects
    }

    fn bearing(&self, fault: &SeededFault, size: f64, effects: &mut Effects) {
        let is_demo = fault.growth.is_none();
        if fault.kind == FaultKind::PoorLubrication {
            effects.hiss += 2.0 * size;
            effects.bearing_k += self.some(fault, 0.8, 9.0, 14.0) * size;
        } else if !is_demo {
            effects.bearing_k += self.some(fault, 0.35, 5.0, 11.0) * size;
        }
        if self.class == Class::Pump && fault.kind != FaultKind::PoorLubrication {
            effects.hiss += 1.8 * size;
            effects.kurtosis += 5.0 * size;
        }
    }

    fn rotor(&self, fault: &SeededFault, size: f64, effects: &mut Effects) {
        match fault.kind {
            FaultKind::Imbalance => {
                effects.x1 += 10.0 * size;
                effects.shake_z += 1.9 * size;
                effects.shake_x += self.some(fault, 1.0, 1.6, 2.2) * size;
            }
            FaultKind::Misalignment => {
                effects.x1 += 2.0 * size;
                effects.x2 += 38.0 * size;
                effects.shake_z += 1.2 * size;
                effects.shake_x += self.some(fault, 1.0, 2.4, 3.4) * size;
                effects.bearing_k += self.some(fault, 0.6, 8.0, 13.0) * size;
            }
            FaultKind::Looseness => {
                effects.x1 += 5.0 * size;
                effects.x2 += 10.0 * size;
                effects.knock_g += 0.55 * size;
                effects.shake_z += 2.2 * size;
                effects.shake_x += self.some(fault, 1.0, 0.5, 1.4) * size;
                effects.kurtosis += 3.5 * size;
                effects.hiss += self.some(fault, 0.6, 0.2, 0.6) * size;
            }
            FaultKind::GearWear => {
                effects.knock_g += 0.75 * size;
                effects.hiss += 0.9 * size;
                effects.bearing_k += self.some(fault, 0.4, 5.0, 10.0) * size;
            }
            _ => {
                effects.belt_g += 0.075 * size;
                effects.x1 += self.some(fault, 0.5, 0.5, 2.0) * size;
            }
        }
    }

    fn process(&self, fault: &SeededFault, size: f64, effects: &mut Effects) {
        match fault.kind {
            FaultKind::Cavitation => {
                effects.hiss += 2.4 * size;
                effects.pressure -= 0.26 * size.min(1.5);
                effects.pressure_noise += 4.0 * size;
                effects.kurtosis += self.some(fault, 0.5, 0.2, 0.8) * size;
            }
            FaultKind::ElectricalImbalance => {
                effects.current += 0.6 * size;
                effects.motor_k += self.some(fault, 0.6, 9.0, 15.0) * size;
            }
            FaultKind::MotorOverheating => effects.motor_k += 27.0 * size,
            FaultKind::OilFilterClogged => {
                effects.pressure -= 0.24 * size.min(1.5);
                effects.pressure_noise += 3.0 * size;
            }
            FaultKind::OilTemperatureDrift => effects.oil_k += OIL_DRIFT_K * size,
            FaultKind::PressureLoss => {
                effects.pressure -= 0.24 * size.min(1.5);
                effects.oil_k += self.some(fault, 0.85, 10.0, 16.0) * size;
            }
            FaultKind::ProcessChange => effects.load += 0.95 * size,
            FaultKind::SpindleOverheating => effects.bearing_k += 28.0 * size,
            FaultKind::WornTool => {
                effects.load += 0.55 * size;
                effects.x1 += self.some(fault, 0.8, 3.0, 7.0) * size;
                effects.hiss += self.some(fault, 0.85, 0.7, 1.2) * size;
            }
            _ => {}
        }
    }

    /// How far a fault has grown, with its strength.
    fn size(&self, fault: &SeededFault) -> f64 {
        let age = (self.now - fault.from).secs_f64();
        let growth = fault.growth.unwrap_or(DEMO_GROWTH).secs_f64();
        let share = if fault.kind.is_sudden() { 1.0 } else { (age / growth).min(1.0) };
        share.powf(fault.curve) * fault.strength
    }

    /// A size for a share of all faults of a kind, and nothing for the others.
    fn some(&self, fault: &SeededFault, share: f64, low: f64, high: f64) -> f64 {
        let chance = self.chance.with(SECONDARY).with_signed(fault.from.micros());
        if chance.with(1).unit() < share { chance.with(2).between(low, high) } else { 0.0 }
    }
}

/// A cooler that clogs lets the oil get so much warmer.
const OIL_DRIFT_K: f64 = 24.0;

/// In the demo what takes hours takes a minute: 0.35 K of oil a second.
const DEMO_GROWTH: Span = Span::from_micros(68_571_429);

const SECONDARY: u64 = 24;
