//! What a sensor node publishes: slow values as JSON, bursts as bytes, both as its template says.
//!
//! Deliberately absent: the connection. A [`NodeMessage`] says where to and what, no more.

use std::sync::Arc;

use bytes::Bytes;
use forewarn_domain::expression::Operand;
use forewarn_domain::id::PointId;
use forewarn_domain::template::{
    DeviceTemplate, MessageTemplate, PayloadKind, PointAddress, WaveformLayout, WaveformSource,
    WaveformTemplate,
};
use forewarn_domain::time::{Span, Time};
use serde_json::{Map, Value};

use crate::burst::RawBurst;
use crate::convert;
use crate::machine::Machine;
use crate::registers::quantise;
use crate::signal::Signal;

/// A message, ready to be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeMessage {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Bytes,
}

/// A node of one device.
#[derive(Clone, Debug)]
pub struct Node {
    template: Arc<DeviceTemplate>,
    address: String,
}

impl Node {
    /// A node of this type that publishes under `address`.
    ///
    /// # Errors
    ///
    /// [`NodeError`] names what the template asks for and no node of ours can do.
    pub fn new(template: Arc<DeviceTemplate>, address: String) -> Result<Self, NodeError> {
        for waveform in &template.waveforms {
            if waveform.samples.kind != "i16le" {
                let what = format!("samples of type `{}`", waveform.samples.kind);
                return Err(NodeError { template: template.device.id.to_string(), what });
            }
            if let Some(layout) = &waveform.header
                && let Err(what) = fields_of(layout)
            {
                return Err(NodeError { template: template.device.id.to_string(), what });
            }
        }
        Ok(Self { template, address })
    }

    /// How often slow values are sent.
    #[must_use]
    pub fn trend_every(&self) -> Span {
        self.template.groups.first().map_or(Span::from_secs(1), |it| it.every)
    }

    /// The waveforms that it captures by itself, with the time between captures.
    pub fn waveforms(&self) -> impl Iterator<Item = (&WaveformTemplate, Span)> {
        self.template.waveforms.iter().filter_map(|it| Some((it, it.capture.as_ref()?.every)))
    }

    /// The slow values of the machine as it stands now.
    #[must_use]
    pub fn trend(&self, machine: &Machine) -> Option<NodeMessage> {
        let message = self.template.messages.iter().find(|it| it.payload == PayloadKind::Json)?;
        let mut root = Value::Object(Map::new());
        if let Some(time) = &message.time {
            put(&mut root, &time.path, stamp(message, machine.now()));
        }
        for point in &self.template.points {
            if let (PointAddress::Json(pointer), Some(signal)) = (&point.at, Signal::of(&point.id))
            {
                let value = (quantise(point, machine.value(signal)) - point.offset) / point.scale;
                put(&mut root, pointer, Value::from(value));
            }
        }
        let payload = Bytes::from(root.to_string());
        Some(NodeMessage { topic: self.topic(&message.topic, "now"), payload })
    }

    /// A burst in the layout of its waveform; `None` for one that does not go over MQTT.
    #[must_use]
    pub fn burst(&self, waveform: &WaveformTemplate, burst: &RawBurst) -> Option<NodeMessage> {
        let WaveformSource::Mqtt(filter) = &waveform.source else { return None };
        let mut payload = match &waveform.header {
            Some(layout) => header(layout, burst)?,
            None => Vec::new(),
        };
        payload.extend(burst.bytes());
        let axes: String = burst.axes.iter().map(|it| it.as_str()).collect();
        Some(NodeMessage { topic: self.topic(filter, &axes), payload: payload.into() })
    }

    /// A filter as a topic: the asset filled in, and a word where it has a wildcard.
    fn topic(&self, filter: &str, word: &str) -> String {
        let level = |it: &str| match it {
            "+" | "#" => word.to_owned(),
            plain => plain.replace("{asset}", &self.address),
        };
        filter.split('/').map(level).collect::<Vec<_>>().join("/")
    }
}

/// Whether a node would capture this waveform now: its condition holds and has held for the
/// settling time, and nothing is about to change.
#[must_use]
pub fn is_ready(waveform: &WaveformTemplate, machine: &Machine) -> bool {
    let capture = waveform.capture.as_ref();
    let settle = capture.and_then(|it| it.settle).unwrap_or(Span::ZERO);
    let segment = machine.segment();
    if machine.steady_for() < settle || segment.until - machine.now() < BURST_LASTS {
        return false;
    }
    let Some(condition) = capture.and_then(|it| it.only_when.as_ref()) else { return true };
    let operand = |name: &String| {
        let point = PointId::new(name).ok()?;
        Signal::of(&point).map(|signal| Operand::Number(machine.value(signal)))
    };
    let operands: Vec<_> = condition.names().iter().map(operand).collect();
    condition.holds(&operands) == Some(true)
}

fn stamp(message: &MessageTemplate, t: Time) -> Value {
    match message.time.as_ref().map(|it| it.unit.as_str()) {
        Some("rfc3339") => Value::from(t.to_string()),
        Some("s") => Value::from(convert::float(t.micros()) / 1e6),
        Some("us") => Value::from(t.micros()),
        _ => Value::from(t.micros().div_euclid(1_000)),
    }
}

/// Puts a value where a JSON pointer (RFC 6901) points, making the objects on the way.
fn put(root: &mut Value, pointer: &str, value: Value) {
    let mut place = root;
    for key in pointer.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let object = place.as_object_mut().expect("it was made an object above");
        place = object.entry(key).or_insert(Value::Null);
    }
    *place = value;
}

fn header(layout: &WaveformLayout, burst: &RawBurst) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(32);
    for (name, size, code) in fields_of(layout).ok()? {
        let number = match name {
            "magic" => {
                let magic = layout.magic.as_deref().unwrap_or_default().as_bytes();
                bytes.extend((0..size).map(|place| magic.get(place).copied().unwrap_or(0)));
                continue;
            }
            "version" => 1.0,
            "axes" => f64::from(u32::try_from(burst.axes.len()).ok()?),
            "count" => f64::from(u32::try_from(burst.len()).ok()?),
            "rate_hz" => burst.rate_hz,
            "scale" => burst.scale_g,
            "rpm" => burst.rpm,
            "t0_ns" => {
                bytes.extend(burst.t0.micros().saturating_mul(1_000).to_le_bytes());
                continue;
            }
            _ => 0.0,
        };
        match code {
            'f' => bytes.extend(convert::single(number).to_le_bytes()),
            'd' => bytes.extend(number.to_le_bytes()),
            _ => bytes.extend(convert::nearest(number).to_le_bytes().iter().take(size)),
        }
    }
    Some(bytes)
}

/// Name, size in bytes and type code of each field of a header, in the notation of Python's
/// `struct`, little-endian and unaligned.
fn fields_of(layout: &WaveformLayout) -> Result<Vec<(&str, usize, char)>, String> {
    let format = layout.format.strip_prefix('<').ok_or("a header that is not little-endian")?;
    let mut codes = Vec::new();
    let mut count = String::new();
    for code in format.chars() {
        let size = match code {
            '0'..='9' => {
                count.push(code);
                continue;
            }
            's' => count.parse().unwrap_or(1),
            'B' | 'b' | 'x' => 1,
            'H' | 'h' => 2,
            'I' | 'i' | 'f' => 4,
            'Q' | 'q' | 'd' => 8,
            _ => return Err(format!("a header field of type `{code}`")),
        };
        count.clear();
        codes.push((size, code));
    }
    if codes.len() != layout.fields.len() {
        return Err(format!(
            "a header of {} fields with {} names",
            codes.len(),
            layout.fields.len()
        ));
    }
    let names = layout.fields.iter().map(String::as_str);
    if let Some(wrong) = names.clone().find(|it| !KNOWN_FIELDS.contains(it)) {
        return Err(format!("a header field `{wrong}`"));
    }
    Ok(names.zip(codes).map(|(name, (size, code))| (name, size, code)).collect())
}

const KNOWN_FIELDS: [&str; 9] =
    ["magic", "version", "axes", "reserved", "t0_ns", "count", "rate_hz", "scale", "rpm"];

/// A burst of 8192 samples takes 0.64 s.
const BURST_LASTS: Span = Span::from_millis(800);

/// What a template asks for and no simulated node can do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("template `{template}` asks a node for {what}, which the simulator cannot send")]
pub struct NodeError {
    /// Which template.
    pub template: String,
    /// What.
    pub what: String,
}
