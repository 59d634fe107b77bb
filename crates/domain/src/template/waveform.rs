//! Raw waveforms that a device offers: where they come from, their layout, when to capture.

use serde::{Deserialize, Serialize};

use crate::id::PointId;
use crate::quantity::{Axis, Unit};
use crate::time::Span;

/// A raw waveform that the device offers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WaveformTemplate {
    /// Its id: the point part of its channel.
    pub id: PointId,
    /// Where it comes from.
    pub source: WaveformSource,
    /// Layout of the bytes in front of the samples.
    pub header: Option<WaveformLayout>,
    /// The samples.
    pub samples: SampleLayout,
    /// Samples per second and axis, when the header does not say it.
    pub rate_hz: Option<f64>,
    /// Point that gives the speed at capture.
    pub speed: Option<PointId>,
    /// Limits on size.
    pub limits: Option<WaveformLimits>,
    /// When to capture.
    pub capture: Option<Capture>,
}

/// Where a waveform comes from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveformSource {
    /// A block of registers.
    ModbusBlock(String),
    /// A FIFO queue, function 24.
    ModbusFifo(String),
    /// An MQTT topic filter.
    Mqtt(String),
}

/// Bytes in front of the samples, in the notation of Python's `struct`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WaveformLayout {
    /// E.g. `<4sBBHQIff`.
    pub format: String,
    /// One name for each field.
    pub fields: Vec<String>,
    /// What the field `magic` must hold.
    pub magic: Option<String>,
}

/// How samples are laid out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SampleLayout {
    /// `i16le`, `f32le` or `u16`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `interleaved` or `single`.
    pub layout: String,
    /// Axes in order.
    pub axes: Vec<Axis>,
    /// Unit after scaling.
    pub unit: Unit,
    /// Raw × scale + offset = value, when the header does not say it.
    pub scale: Option<f64>,
    /// See `scale`.
    pub offset: Option<f64>,
}

/// Limits on a waveform.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WaveformLimits {
    /// Most samples.
    pub max_samples: Option<u32>,
    /// Most bytes.
    pub max_bytes: Option<u32>,
    /// `empty`: read until the queue is empty.
    pub stop_when: Option<String>,
}

/// When a waveform is captured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// How often.
    pub every: Span,
    /// Also when one of these rules fires.
    #[serde(default)]
    pub also_on: Vec<String>,
    /// Only while this condition holds.
    pub only_when: Option<crate::expression::Condition>,
    /// How long it must have held.
    pub settle: Option<Span>,
}
