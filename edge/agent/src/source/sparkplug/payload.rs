//! The bytes of Sparkplug B (Eclipse Sparkplug 3.0.0, section 6.4: `org.eclipse.tahu.protobuf`).
//!
//! Rely on this: what is not understood is skipped by its length, as protobuf wants it; nothing is
//! allocated beyond what the message holds. Deliberately absent: data sets, templates, properties.

use prost::{Message as _, Oneof};

/// One message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Payload {
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What it tells.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Counts the messages of an edge node, 0 to 255.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// One metric.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metric {
    /// Its name; later messages may only have the alias.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Short for the name, since the birth.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// See [`Datatype`].
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// It was kept while the node was away.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// It has no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// Its value.
    #[prost(oneof = "MetricValue", tags = "10, 11, 12, 13, 14, 15, 16")]
    pub value: Option<MetricValue>,
}

/// The value of a metric, as it travels.
#[derive(Clone, PartialEq, Oneof)]
pub enum MetricValue {
    /// Up to 32 bits; a signed number in two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// 64 bits; a signed number in two's complement.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// Single.
    #[prost(float, tag = "12")]
    Float(f32),
    /// Double.
    #[prost(double, tag = "13")]
    Double(f64),
    /// Switch.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// Letters.
    #[prost(string, tag = "15")]
    Text(String),
    /// Bytes.
    #[prost(bytes = "vec", tag = "16")]
    Bytes(Vec<u8>),
}

/// Types that need more than their value to be read (section 6.4.16).
pub const INT8: u32 = 1;
/// See [`INT8`].
pub const INT16: u32 = 2;
/// See [`INT8`].
pub const INT32: u32 = 3;
/// See [`INT8`].
pub const INT64: u32 = 4;
/// The type of a switch.
pub const BOOLEAN: u32 = 11;

/// Reads a message.
///
/// # Errors
///
/// When the bytes are no protobuf of this shape.
pub fn decode(bytes: &[u8]) -> Result<Payload, prost::DecodeError> {
    Payload::decode(bytes)
}

/// Writes a message.
#[must_use]
pub fn encode(payload: &Payload) -> Vec<u8> {
    payload.encode_to_vec()
}

/// A value as JSON, which is how points are decoded. `None` for bytes and numbers that are none.
#[must_use]
pub fn json(value: &MetricValue, datatype: Option<u32>) -> Option<serde_json::Value> {
    Some(match value {
        MetricValue::Int(bits) => match datatype {
            Some(INT8) => i64::from(low_i16(*bits << 8) >> 8).into(),
            Some(INT16) => i64::from(low_i16(*bits)).into(),
            Some(INT32) => i64::from(bits.cast_signed()).into(),
            _ => (*bits).into(),
        },
        MetricValue::Long(bits) if datatype == Some(INT64) => bits.cast_signed().into(),
        MetricValue::Long(bits) => (*bits).into(),
        MetricValue::Float(number) => serde_json::Number::from_f64(f64::from(*number))?.into(),
        MetricValue::Double(number) => serde_json::Number::from_f64(*number)?.into(),
        MetricValue::Boolean(is_on) => (*is_on).into(),
        MetricValue::Text(text) => text.clone().into(),
        MetricValue::Bytes(_) => return None,
    })
}

fn low_i16(bits: u32) -> i16 {
    let [high, low] = [bits.to_be_bytes()[2], bits.to_be_bytes()[3]];
    i16::from_be_bytes([high, low])
}
