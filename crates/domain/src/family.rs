//! Fault families, ticket kinds, severities and priorities: small closed lists.

use crate::quantity::vocabulary;
use crate::text::Localized;

vocabulary!(
    /// What kind of trouble a symptom points to. Set when an episode opens; it never changes, and an
    /// episode, a ticket and the one-open-ticket rule are keyed by it.
    FaultFamily, UnknownFamily, "fault family", {
        /// Rolling or plain bearings, lubrication included.
        Bearing = "bearing",
        /// Signal or network to a device.
        Connectivity = "connectivity",
        /// Gears, belts, couplings, ball screws.
        DriveTrain = "drive_train",
        /// Windings, supply, drives.
        Electrical = "electrical",
        /// Oil, pumps, valves, pressure.
        Hydraulic = "hydraulic",
        /// The sensor, its wiring or its setup, not the machine.
        Instrumentation = "instrumentation",
        /// None of the others.
        Other = "other",
        /// Imbalance, misalignment, looseness, bent shaft.
        Rotor = "rotor",
        /// Heat without a more specific family.
        Thermal = "thermal",
        /// Tool, recipe, process.
        ToolProcess = "tool_process",
    }
);

impl FaultFamily {
    /// The name that people read.
    #[must_use]
    pub fn name(self) -> Localized {
        let (en, zh) = match self {
            Self::Bearing => ("bearing", "轴承"),
            Self::Connectivity => ("connection", "通信"),
            Self::DriveTrain => ("drive train", "传动"),
            Self::Electrical => ("electrical", "电气"),
            Self::Hydraulic => ("hydraulics", "液压"),
            Self::Instrumentation => ("sensor or wiring", "传感器或接线"),
            Self::Other => ("other", "其他"),
            Self::Rotor => ("rotor", "转子"),
            Self::Thermal => ("overheating", "过热"),
            Self::ToolProcess => ("tool or process", "刀具或工艺"),
        };
        Localized::new(en, zh)
    }

    /// Which queue a ticket of this family goes to.
    #[must_use]
    pub fn kind(self) -> TicketKind {
        match self {
            Self::Connectivity | Self::Instrumentation => TicketKind::Instrumentation,
            Self::ToolProcess => TicketKind::Process,
            Self::Bearing
            | Self::DriveTrain
            | Self::Electrical
            | Self::Hydraulic
            | Self::Other
            | Self::Rotor
            | Self::Thermal => TicketKind::Machine,
        }
    }
}

vocabulary!(
    /// Which queue a ticket goes to.
    TicketKind, UnknownKind, "ticket kind", {
        /// A fault of the machine.
        Machine = "machine",
        /// A fault of the sensor, its wiring or its setup.
        Instrumentation = "instrumentation",
        /// A change of the process.
        Process = "process",
    }
);

vocabulary!(
    /// How bad a finding is, from mild to grave.
    Severity, UnknownSeverity, "severity", {
        /// Worth a look.
        Watch = "watch",
        /// Plan work.
        Warning = "warning",
        /// Act now.
        Alarm = "alarm",
    }
);

vocabulary!(
    /// How urgent a ticket is; `P1` is the most urgent.
    Priority, UnknownPriority, "priority", {
        /// Act now.
        P1 = "P1",
        /// Within days.
        P2 = "P2",
        /// With the next planned stop.
        P3 = "P3",
        /// When convenient.
        P4 = "P4",
    }
);

vocabulary!(
    /// How much the plant depends on a device.
    Criticality, UnknownCriticality, "criticality", {
        /// A stop is felt at once.
        High = "high",
        /// A stop is felt within a shift.
        Medium = "medium",
        /// There is a stand-in.
        Low = "low",
    }
);
