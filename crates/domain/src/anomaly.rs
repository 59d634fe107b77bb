//! What a rule saw: a departure from limits or from the learned normal, on which signals.

use serde::{Deserialize, Serialize};

use crate::channel::ChannelId;
use crate::family::{FaultFamily, Severity};
use crate::id::{ComponentId, DeviceId, RuleId, StateId};
use crate::quantity::{Quantity, Unit, vocabulary};
use crate::time::{Span, Time};
use crate::waveform::Sha256;

/// A rule and the version of it that fired.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RuleRef {
    /// Which rule.
    pub id: RuleId,
    /// Which version of the rule file.
    pub version: u32,
}

/// A confirmed departure; the confirming reading is the one that completed the rule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Anomaly {
    /// The rule that fired.
    pub rule: RuleRef,
    /// On which device.
    pub device: DeviceId,
    /// On which part.
    pub component: ComponentId,
    /// What kind of trouble the rule points to.
    pub family: FaultFamily,
    /// The leading channel.
    pub channel: ChannelId,
    /// When the departure began, as far back as the rule can tell.
    pub onset: Time,
    /// Event time of the confirming reading.
    pub confirmed: Time,
    /// Operating state in which it was seen.
    pub state: StateId,
    /// How bad.
    pub severity: Severity,
    /// What was seen.
    pub finding: Finding,
    /// Contributing signals, heaviest first; weights add up to 1.
    pub signals: Vec<Signal>,
}

/// What was seen, in numbers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Finding {
    /// Lines at a bearing's fault frequency in the envelope spectrum.
    BearingLine(BearingLine),
    /// Codes that the machine itself reported.
    Code {
        /// The newest of them, as the machine spells it.
        code: String,
        /// How many within the window.
        times: u32,
        /// The window.
        window: Span,
    },
    /// Beyond a limit again and again.
    Count {
        /// The value that went beyond last.
        value: f64,
        /// The limit.
        limit: f64,
        /// Whether the value is above it.
        above: bool,
        /// How often within the window.
        times: u32,
        /// The window.
        window: Span,
    },
    /// The same value for too long, while the machine moved.
    Flat {
        /// The value.
        value: f64,
        /// For how long.
        lasted: Span,
    },
    /// Far from the learned normal of this state.
    Level {
        /// Distance in robust standard deviations, signed.
        z: f64,
        /// The smoothed value.
        value: f64,
        /// The learned normal.
        normal: Normal,
    },
    /// Beyond a fixed limit.
    Limit {
        /// The value.
        value: f64,
        /// The limit.
        limit: f64,
        /// Whether the value is above it.
        above: bool,
    },
    /// Nothing came.
    NoData {
        /// For how long.
        lasted: Span,
        /// How often a reading was expected.
        interval: Span,
    },
    /// Rising or falling too fast.
    Rate {
        /// Change per minute in the channel's unit, signed.
        per_minute: f64,
        /// The limit on it.
        limit: f64,
        /// The value reached.
        value: f64,
    },
    /// Unlike its siblings, which are in the same operating state at the same time.
    Siblings {
        /// Distance of the difference from the usual one in robust standard deviations, signed.
        z: f64,
        /// The smoothed value.
        value: f64,
        /// The median of the siblings' values.
        median: f64,
        /// How many siblings those are.
        siblings: u32,
        /// Where the siblings' values and what is usual between them let the value be expected now.
        expected: Normal,
    },
    /// In a severity zone of ISO 20816-3 in which the machine should not stay.
    Zone {
        /// `A` to `D`.
        zone: char,
        /// Velocity RMS in mm/s.
        value: f64,
        /// The limit that was crossed, in mm/s.
        limit: f64,
    },
}

impl Finding {
    /// The bearing line, where it is one.
    #[must_use]
    pub fn bearing_line(&self) -> Option<&BearingLine> {
        match self {
            Self::BearingLine(line) => Some(line),
            Self::Code { .. }
            | Self::Count { .. }
            | Self::Flat { .. }
            | Self::Level { .. }
            | Self::Limit { .. }
            | Self::NoData { .. }
            | Self::Rate { .. }
            | Self::Siblings { .. }
            | Self::Zone { .. } => None,
        }
    }
}

/// A bearing-frequency match that held over several bursts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct BearingLine {
    /// Which part of the bearing.
    pub defect: BearingDefect,
    /// Bearing code or geometry.
    pub bearing: String,
    /// Shaft frequency of the newest matching burst.
    pub shaft_hz: f64,
    /// Fault frequency as multiple of the shaft frequency.
    pub order: f64,
    /// Expected fault frequency.
    pub expected_hz: f64,
    /// Where the line was found.
    pub found_hz: f64,
    /// Harmonics found, with their height over the floor.
    pub harmonics: Vec<Harmonic>,
    /// Mean height of harmonics 1 to 3 over the floor.
    pub score: f64,
    /// Bursts that matched.
    pub matched: u32,
    /// Bursts looked at.
    pub bursts: u32,
    /// The newest matching waveform.
    pub waveform: Sha256,
    /// When it was captured.
    pub captured: Time,
    /// Its channel.
    pub waveform_channel: ChannelId,
}

vocabulary!(
    /// The part of a rolling bearing that a line points to.
    BearingDefect, UnknownDefect, "bearing defect", {
        /// Cage, FTF.
        Cage = "cage",
        /// Inner race, BPFI.
        InnerRace = "inner_race",
        /// Outer race, BPFO.
        OuterRace = "outer_race",
        /// Ball or roller, 2×BSF.
        RollingElement = "rolling_element",
    }
);

impl BearingDefect {
    /// The name of its frequency.
    #[must_use]
    pub fn frequency(self) -> &'static str {
        match self {
            Self::Cage => "FTF",
            Self::InnerRace => "BPFI",
            Self::OuterRace => "BPFO",
            Self::RollingElement => "2×BSF",
        }
    }
}

/// One harmonic of a line.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Harmonic {
    /// Which multiple.
    pub k: u32,
    /// Where.
    pub hz: f64,
    /// Height over the floor.
    pub ratio: f64,
}

/// What is normal for a channel in one operating state.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Normal {
    /// The middle.
    pub median: f64,
    /// Lower edge of the normal band.
    pub low: f64,
    /// Upper edge of the normal band.
    pub high: f64,
    /// From how many samples it was learned.
    pub samples: u64,
    /// Since when.
    pub since: Time,
    /// In which state.
    pub state: StateId,
}

/// A signal that contributed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Signal {
    /// Which channel.
    pub channel: ChannelId,
    /// What it measures.
    pub quantity: Quantity,
    /// Its share, 0 to 1.
    pub weight: f64,
    /// Its value at confirmation.
    pub value: f64,
    /// In which unit.
    pub unit: Unit,
    /// Its normal, where one was learned.
    pub normal: Option<Normal>,
}
