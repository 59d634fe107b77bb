//! Symptoms: the words in which engines report and the failure-mode library weighs evidence.
//!
//! A library file that uses a word which is not here is refused, so a misspelt symptom cannot
//! silently weigh nothing.

use serde::{Deserialize, Serialize};

use forewarn_domain::text::Localized;

/// What an engine can see.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// Vibration went up alike on two axes of one sensor.
    AxesAlike,
    /// Vibration went up on one axis alone; nothing else of the same sensor did.
    AxisAlone,
    /// Vibration went up clearly more along the shaft (x) than across it (z).
    AxisXMore,
    /// Vibration went up clearly more across the shaft (z) than along it (x).
    AxisZMore,
    /// More than one reading in twenty was bad.
    BadReadings,
    /// The times of one box differ from those of the rest of the machine.
    ClockOff,
    /// Current or power in its normal.
    CurrentUnchanged,
    /// Current or power above its normal.
    CurrentUp,
    /// The value stands at the end of its range.
    EndOfRange,
    /// The value does not move.
    Flat,
    /// Flow below its normal.
    FlowDown,
    /// Flow in its normal.
    FlowUnchanged,
    /// Greased or serviced within the plan.
    GreasedLately,
    /// Greasing did not help before, on this part.
    GreasingFailed,
    /// Greasing helped before, on this part.
    GreasingHelped,
    /// The last service is longer ago than the plan says.
    GreaseOverdue,
    /// High-frequency vibration in its normal.
    HfUnchanged,
    /// High-frequency vibration above its normal.
    HfUp,
    /// Crest factor or kurtosis above its normal.
    ImpulsesUp,
    /// Crest factor or kurtosis in its normal.
    ImpulsesUnchanged,
    /// The value leaped faster than any machine can.
    Leap,
    /// The value leaped and has not moved since.
    LeapedAndStuck,
    /// Tank level below its normal.
    LevelDown,
    /// Tank level in its normal.
    LevelUnchanged,
    /// Lines at the cage frequency.
    LineCage,
    /// Lines at the inner-race frequency.
    LineInnerRace,
    /// Lines at the outer-race frequency.
    LineOuterRace,
    /// Lines at the rolling-element frequency.
    LineRollingElement,
    /// Load, torque or force in its normal.
    LoadUnchanged,
    /// Load, torque or force above its normal.
    LoadUp,
    /// Other signals of the machine are normal.
    MachineNormal,
    /// Nothing comes from the machine at all.
    MachineSilent,
    /// A burst was looked at, and no fault frequency of the bearing stood out.
    NoBearingLine,
    /// Nothing comes.
    NoData,
    /// Pressure below its normal.
    PressureDown,
    /// Pressure in its normal.
    PressureUnchanged,
    /// Pressure above its normal.
    PressureUp,
    /// Several values of one box make no sense at once.
    RegistersOdd,
    /// Knocks at the speed of the shaft and its multiples.
    ShaftKnocks,
    /// Other points of the same sensor still answer.
    SourceAlive,
    /// All points of the same sensor box are silent together.
    SourceSilent,
    /// Temperature below its normal.
    TemperatureDown,
    /// Temperature rises too fast.
    TemperatureFastRise,
    /// Temperature in its normal.
    TemperatureUnchanged,
    /// Temperature above its normal.
    TemperatureUp,
    /// The vibration that went up is slower than the shaft.
    ShakesBelowShaft,
    /// The vibration that went up is at the speed of the shaft.
    ShakesOnceATurn,
    /// The vibration that went up is at twice the speed of the shaft.
    ShakesTwiceATurn,
    /// Vibration velocity in its normal.
    VelocityUnchanged,
    /// Vibration velocity above its normal, or in a bad zone.
    VelocityUp,
    /// Somebody worked on the part shortly before.
    WorkBeforeOnset,
}

/// A symptom that was seen, with its number and where it can be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What was seen.
    pub symptom: Symptom,
    /// The number, short enough for brackets, e.g. `2.9 × usual`; may be empty.
    pub seen: Localized,
    /// A channel, waveform hash or repair id.
    pub source: String,
}
