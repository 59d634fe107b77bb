//! The device template `forewarn.device/1`: what one type of device offers, as data.
//!
//! A template names points, their place on the wire and their meaning; nothing of a site (no host, no
//! unit id). Reading the file is the caller's; [`DeviceTemplate::check`] finds contradictions.
//! There is nothing here with which a machine could be written to: a `[[command]]` is kept as text.

mod address;
mod check;
mod modbus;
mod mqtt;
mod point;
mod selftest;
mod waveform;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use address::{ByteOrder, InvalidAddress, PointAddress, PointType, StringOrder, Table};
pub use modbus::{AddressBase, Backoff, BusyRetries, ModbusSettings, Parity, SerialSettings};
pub use mqtt::{MessageTemplate, MessageTime, MqttSettings, PayloadKind};
pub use point::{BitLevel, BitMeaning, Counter, CounterResets, Deadband, Sentinel, Transform};
pub use selftest::{InvalidRelation, Relation, Selftest};
pub use waveform::{
    Capture, SampleLayout, WaveformLayout, WaveformLimits, WaveformSource, WaveformTemplate,
};

use crate::id::{PointId, TemplateId};
use crate::quantity::{Axis, Quantity, Unit};
use crate::text::Localized;
use crate::time::Span;

/// One type of device.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceTemplate {
    /// Always `forewarn.device/1`.
    pub schema: String,
    /// What it describes.
    pub device: TemplateHead,
    /// How to read it over Modbus.
    pub modbus: Option<ModbusSettings>,
    /// How to read it from a broker.
    pub mqtt: Option<MqttSettings>,
    /// How to read it from recorded files.
    pub csv: Option<CsvSettings>,
    /// MQTT messages that it sends.
    #[serde(default, rename = "message")]
    pub messages: Vec<MessageTemplate>,
    /// How often points are read.
    #[serde(default, rename = "group")]
    pub groups: Vec<GroupTemplate>,
    /// What is measured.
    #[serde(default, rename = "point")]
    pub points: Vec<PointTemplate>,
    /// Raw waveforms that it offers.
    #[serde(default, rename = "waveform")]
    pub waveforms: Vec<WaveformTemplate>,
    /// Commands, which only a build with the `write` feature could carry out.
    #[serde(default, rename = "command")]
    pub commands: Vec<CommandTemplate>,
    /// Relations that must hold when the points are mapped right.
    #[serde(default, rename = "selftest")]
    pub selftests: Vec<Selftest>,
}

/// What a template describes, and how sure we are.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateHead {
    /// Its id.
    pub id: TemplateId,
    /// Maker.
    pub vendor: String,
    /// Model or models.
    pub model: String,
    /// Kind, e.g. `sensor.vibration`.
    pub kind: String,
    /// Title for people.
    pub title: Localized,
    /// How well the map is supported.
    pub evidence: EvidenceGrade,
    /// Where the map comes from; at least one.
    pub sources: Vec<String>,
}

/// How well a template is supported by documents.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceGrade {
    /// The maker's manual was read.
    Manual,
    /// Two independent sources agree.
    TwoSources,
    /// One source.
    OneSource,
    /// Nobody checked.
    Unverified,
}

/// How recorded columns become readings.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CsvSettings {
    /// Name of the time column; without one, rows are `interval` apart from `start`.
    pub time: Option<String>,
    /// `chrono` format of the time column; RFC 3339 and `%Y-%m-%d %H:%M:%S` are tried without one.
    pub format: Option<String>,
    /// Column separator.
    #[serde(default = "comma")]
    pub separator: char,
    /// Time between rows, the sampling interval.
    pub interval: Span,
    /// Time of the first row when there is no time column.
    pub start: Option<crate::time::Time>,
}

/// Points that are read together.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GroupTemplate {
    /// Its id.
    pub id: String,
    /// How often.
    pub every: Span,
    /// Shift against other groups.
    #[serde(default)]
    pub offset: Span,
    /// Longest wait for one answer, where the device's own is too short.
    pub timeout: Option<Span>,
    /// Whether unchanged values are reported.
    #[serde(default)]
    pub report: Report,
    /// Longest silence when nothing changes.
    pub at_least_every: Option<Span>,
}

/// Which values are reported.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// Every value.
    #[default]
    Always,
    /// Values that differ from the last reported one.
    OnChange,
}

/// One measured point.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PointTemplate {
    /// Its id.
    pub id: PointId,
    /// Name for people; the quantity's name without one.
    pub name: Option<Localized>,
    /// Where it stands on the wire.
    pub at: PointAddress,
    /// How it is encoded.
    #[serde(rename = "type")]
    pub kind: PointType,
    /// Byte order, where it differs from the device's.
    pub byte_order: Option<ByteOrder>,
    /// Raw × scale + offset = value.
    #[serde(default = "one")]
    pub scale: f64,
    /// See `scale`.
    #[serde(default)]
    pub offset: f64,
    /// Bits of an integer that belong to this point, before scaling.
    pub mask: Option<u32>,
    /// Right shift after the mask.
    #[serde(default)]
    pub shift: u8,
    /// Words for raw numbers.
    #[serde(default, rename = "enum")]
    pub words: BTreeMap<String, Localized>,
    /// Unit of the value.
    #[serde(default = "unit_one")]
    pub unit: Unit,
    /// What is measured.
    pub quantity: Quantity,
    /// Direction, for vibration.
    pub axis: Option<Axis>,
    /// Band of the sensor, for vibration.
    pub band_hz: Option<[f64; 2]>,
    /// The group in which it is read; the first one without a name.
    pub group: Option<String>,
    /// Physical range; outside it the reading is uncertain.
    pub range: Option<[f64; 2]>,
    /// Fastest physical change per second.
    pub rate_max: Option<f64>,
    /// Raw values that mean "no value".
    #[serde(default)]
    pub sentinel: Vec<Sentinel>,
    /// Changes below it are not reported.
    pub deadband: Option<Deadband>,
    /// Set for counters.
    pub counter: Option<Counter>,
    /// What is done with the number after scaling.
    pub transform: Option<Transform>,
    /// Meaning of single bits of a status word.
    #[serde(default)]
    pub bits: BTreeMap<String, BitMeaning>,
    /// May be absent.
    #[serde(default)]
    pub optional: bool,
    /// Length of a text in letters, two to a register.
    pub len: Option<u16>,
    /// Whether blanks and zero bytes around a text are removed.
    #[serde(default)]
    pub trim: bool,
}

/// A command that a device would take; kept so that a file which names one still loads.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CommandTemplate {
    /// Its id.
    pub id: String,
    /// Where it would be written.
    pub at: String,
    /// How it would be encoded.
    #[serde(rename = "type")]
    pub kind: String,
    /// What would be written.
    pub value: Option<f64>,
    /// What may be written.
    pub range: Option<[f64; 2]>,
    /// What would have to be written before, for devices that are locked.
    #[serde(default)]
    pub unlock: Vec<UnlockStep>,
    /// What a person is asked before.
    pub confirm: Option<Localized>,
}

/// One write before a command, for devices that are locked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockStep {
    /// Where.
    pub at: String,
    /// What.
    pub value: u16,
}

impl DeviceTemplate {
    /// How often a point is expected, from its group.
    #[must_use]
    pub fn interval(&self, point: &PointTemplate) -> Option<Span> {
        if matches!(point.at, PointAddress::Csv(_)) {
            return self.csv.as_ref().map(|csv| csv.interval);
        }
        let group = match &point.group {
            Some(id) => self.groups.iter().find(|it| it.id == *id),
            None => self.groups.first(),
        }?;
        Some(group.at_least_every.unwrap_or(group.every))
    }
}

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.device/1";

fn comma() -> char {
    ','
}

fn one() -> f64 {
    1.0
}

fn unit_one() -> Unit {
    Unit::One
}

/// A contradiction in a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("template `{template}`: {what}")]
pub struct TemplateError {
    /// Which template.
    pub template: TemplateId,
    /// What is wrong and what would be right.
    pub what: String,
}
