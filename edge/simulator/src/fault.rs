//! The things that can go wrong with a simulated machine or with one of its sensors.
//!
//! Each kind knows the family of the ticket that it should lead to, the cause that a close should
//! find, and on which parts of which machines it can happen. Deliberately absent: what it looks like
//! (`machine/effects.rs`, `history/sensor.rs`) and when it happens (`plan.rs`).

use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::{FaultFamily, TicketKind};
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::time::Span;
use forewarn_vibration::Defect;
use serde::{Deserialize, Serialize};

use crate::duty::Class;
use crate::signal::Signal;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// On which device.
    pub device: DeviceId,
    /// On which part; for a sensor, the part on which it sits.
    pub component: ComponentId,
    /// What.
    pub kind: FaultKind,
    /// The sensor that fails, or any sensor of the box that does, where one does.
    pub channel: Option<ChannelId>,
    /// How long after the origin it begins.
    pub start_after: Span,
    /// How long it takes to grow in full; `None` is the demo's pace, about a minute.
    pub growth: Option<Span>,
    /// The power of time with which it grows: 1 in a straight line, 2 ever faster.
    pub curve: f64,
    /// How strong it becomes; 1 is usual.
    pub strength: f64,
}

/// Defines the kinds with the codes of their causes in the failure-mode library.
macro_rules! kinds {
    ($($(#[$meta:meta])* $variant:ident = $cause:literal,)+) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultKind { $($(#[$meta])* $variant,)+ }

        impl FaultKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The cause that whoever closes the ticket finds: an entry of the failure-mode library.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)+ }
            }
        }
    };
}

kinds! {
    /// A drive belt is worn and slips.
    BeltWear = "belt-wear",
    /// Sensor values carry the cable's own swinging.
    CableResonance = "sensor-mount",
    /// A cage rubs.
    Cage = "bearing-cage",
    /// A pump draws vapour.
    Cavitation = "cavitation",
    /// A box stamps its values an hour too early.
    ClockStep = "clock-step",
    /// Nothing comes from one box.
    CommunicationLoss = "sensor-cable",
    /// One phase of a motor carries too little.
    ElectricalImbalance = "electrical-stator",
    /// A sensor repeats its last value.
    FlatSensor = "sensor-flat",
    /// A tooth of a gear is broken.
    GearWear = "gear-wear",
    /// A rotor carries weight on one side.
    Imbalance = "imbalance",
    /// A loose contact: a temperature leaps by tens of kelvins and back.
    ImpossibleJump = "sensor-loose-contact",
    /// A spot breaks out of a bearing's inner race.
    InnerRace = "bearing-inner-race",
    /// Something is loose and knocks once a turn.
    Looseness = "looseness",
    /// Two shafts are not in line.
    Misalignment = "misalignment",
    /// A motor's fan no longer cools it.
    MotorOverheating = "cooling-fan-blocked",
    /// A filter before the pump is clogged.
    OilFilterClogged = "hydraulic-filter",
    /// The oil cooler loses its effect.
    OilTemperatureDrift = "oil-overheating",
    /// A spot breaks out of a bearing's outer race.
    OuterRace = "bearing-outer-race",
    /// A bearing runs short of grease.
    PoorLubrication = "poor-lubrication",
    /// The pump of a hydraulic unit leaks inside.
    PressureLoss = "pump-internal-leakage",
    /// Other material or feed: the machine works harder from one part to the next.
    ProcessChange = "process-change",
    /// A spot breaks out of a ball.
    RollingElement = "bearing-rolling-element",
    /// A converter stands at the end of its range.
    SaturatedSensor = "sensor-saturated",
    /// A spindle is no longer cooled as it should be.
    SpindleOverheating = "spindle-overheating",
    /// A sensor leaps to another value and stays exactly there.
    StuckStep = "sensor-flat",
    /// The words of long registers arrive in another order.
    WordOrderFlip = "register-order",
    /// A tool is blunt.
    WornTool = "worn-tool",
}

impl FaultKind {
    /// The eight ways in which not the machine but its sensor fails.
    pub const SENSOR: [Self; 8] = [
        Self::FlatSensor,
        Self::SaturatedSensor,
        Self::StuckStep,
        Self::ImpossibleJump,
        Self::WordOrderFlip,
        Self::ClockStep,
        Self::CommunicationLoss,
        Self::CableResonance,
    ];

    /// The family of the ticket that it should lead to; with several symptoms at once, the usual
    /// one.
    #[must_use]
    pub fn family(self) -> FaultFamily {
        match self {
            Self::CableResonance
            | Self::ClockStep
            | Self::FlatSensor
            | Self::ImpossibleJump
            | Self::SaturatedSensor
            | Self::StuckStep
            | Self::WordOrderFlip => FaultFamily::Instrumentation,
            Self::CommunicationLoss => FaultFamily::Connectivity,
            Self::Cage
            | Self::Cavitation
            | Self::GearWear
            | Self::InnerRace
            | Self::OuterRace
            | Self::PoorLubrication
            | Self::RollingElement => FaultFamily::Bearing,
            Self::BeltWear | Self::Imbalance | Self::Looseness | Self::Misalignment => {
                FaultFamily::Rotor
            }
            Self::ElectricalImbalance => FaultFamily::Electrical,
            Self::MotorOverheating | Self::SpindleOverheating => FaultFamily::Thermal,
            Self::OilFilterClogged | Self::OilTemperatureDrift | Self::PressureLoss => {
                FaultFamily::Hydraulic
            }
            Self::ProcessChange | Self::WornTool => FaultFamily::DriveTrain,
        }
    }

    /// How often it happens among all faults of a plant, as a weight: the same for every plant, so a
    /// plant's own habits are drawn around it.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::OuterRace | Self::PoorLubrication | Self::FlatSensor => 3.0,
            Self::CommunicationLoss
            | Self::Imbalance
            | Self::InnerRace
            | Self::OilTemperatureDrift
            | Self::ProcessChange
            | Self::WornTool => 2.0,
            Self::Cage | Self::ClockStep | Self::WordOrderFlip => 0.5,
            _ => 1.0,
        }
    }

    /// Whether the sensor fails and not the machine.
    #[must_use]
    pub fn is_of_the_sensor(self) -> bool {
        self.family().kind() == TicketKind::Instrumentation
    }

    /// Whether it is there at once and does not grow.
    #[must_use]
    pub fn is_sudden(self) -> bool {
        self.is_of_the_sensor() || self == Self::ProcessChange
    }

    /// The bearing defect that it is, if it is one.
    #[must_use]
    pub fn defect(self) -> Option<Defect> {
        match self {
            Self::InnerRace => Some(Defect::InnerRace),
            Self::OuterRace => Some(Defect::OuterRace),
            Self::RollingElement => Some(Defect::RollingElement),
            Self::Cage => Some(Defect::Cage),
            _ => None,
        }
    }

    /// The parts of a device on which it can happen; for a sensor, with the channel that fails.
    #[must_use]
    pub fn places(self, device: &PlantDevice) -> Vec<(ComponentId, Option<ChannelId>)> {
        if self.is_of_the_sensor() {
            let channels = device.channels.values().filter(|it| self.can_fail(it));
            let channels = channels.filter(|it| self.can_fail_in(device, it));
            return channels.map(|it| (it.component.clone(), Some(it.id.clone()))).collect();
        }
        let Some(class) = Class::of(&device.device.class) else { return Vec::new() };
        // Effort shows in load and current alone; what shakes or heats a part needs a sensor on it.
        let needs_sensor = matches!(
            self.family(),
            FaultFamily::Bearing | FaultFamily::Rotor | FaultFamily::Thermal
        );
        let is_sensor = |it: &Channel| {
            it.waveform.is_some()
                || matches!(it.quantity, Quantity::Temperature | Quantity::VelocityRms)
        };
        let watched = |part: &&ComponentId| {
            let mut of_part = device.channels.values().filter(|it| it.component == **part);
            of_part.any(|it| !needs_sensor || is_sensor(it))
        };
        let parts = device.device.components.iter().filter(|it| self.strikes(class, &it.kind));
        parts.map(|it| &it.id).filter(watched).map(|it| (it.clone(), None)).collect()
    }

    /// Whether a part of this kind on a machine of this class can have it.
    fn strikes(self, class: Class, part: &str) -> bool {
        match (class, part) {
            (Class::Mill, "spindle") => matches!(
                self,
                Self::Cage
                    | Self::Imbalance
                    | Self::InnerRace
                    | Self::Looseness
                    | Self::Misalignment
                    | Self::OuterRace
                    | Self::PoorLubrication
                    | Self::ProcessChange
                    | Self::RollingElement
                    | Self::SpindleOverheating
                    | Self::WornTool
            ),
            (Class::Mill, "gearbox") => matches!(
                self,
                Self::GearWear | Self::Looseness | Self::Misalignment | Self::PoorLubrication
            ),
            (Class::Mill, "belt") => matches!(self, Self::BeltWear | Self::Imbalance),
            (Class::Mill, "motor") => {
                matches!(self, Self::ElectricalImbalance | Self::MotorOverheating)
            }
            (Class::Press, "motor") => matches!(self, Self::ElectricalImbalance),
            (Class::Press, "hydraulics") => matches!(
                self,
                Self::OilFilterClogged | Self::OilTemperatureDrift | Self::PressureLoss
            ),
            (Class::Pump, "pump") => matches!(
                self,
                Self::Cavitation
                    | Self::Imbalance
                    | Self::Looseness
                    | Self::Misalignment
                    | Self::OuterRace
                    | Self::PoorLubrication
            ),
            (Class::Pump, "motor") => matches!(self, Self::ElectricalImbalance),
            _ => false,
        }
    }

    /// Whether the box behind a channel can fail in this way: only where values are singles in two
    /// registers can their words change places.
    fn can_fail_in(self, device: &PlantDevice, channel: &Channel) -> bool {
        let source = device.device.sources.iter().find(|it| it.id == channel.id.source());
        let is_of_singles = source.is_some_and(|it| it.template.as_str() == "cnc-controller-a");
        self != Self::WordOrderFlip || is_of_singles
    }

    /// Whether the sensor behind a channel can fail in this way, and show it.
    fn can_fail(self, channel: &Channel) -> bool {
        let Some(signal) = Signal::of(&channel.id.point()) else { return false };
        let is_temperature = matches!(
            signal,
            Signal::BearingTemp | Signal::HousingTemp | Signal::MotorTemp | Signal::OilTemp
        );
        match self {
            // Their value stays plausible: nothing but its standing still gives it away.
            Self::FlatSensor => {
                matches!(signal, Signal::BearingTemp | Signal::HousingTemp | Signal::OilTemp)
            }
            Self::SaturatedSensor => {
                channel.range.is_some() && (is_temperature || signal == Signal::Pressure)
            }
            Self::StuckStep => is_temperature || signal == Signal::Pressure,
            Self::ImpossibleJump => is_temperature,
            Self::WordOrderFlip => signal == Signal::MotorTemp,
            Self::ClockStep | Self::CommunicationLoss => {
                matches!(signal, Signal::BearingTemp | Signal::HousingTemp)
            }
            Self::CableResonance => signal == Signal::ZVelocity,
            _ => false,
        }
    }
}
