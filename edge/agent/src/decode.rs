//! From registers, bits and JSON to a value with a quality.
//!
//! Rely on this: whatever a device sends becomes a value or a named bad quality; a bad value is 0.0
//! and means nothing. A value that is not bad is finite.
//!
//! Deliberately absent: whether a value is worth reporting, and any repair of it.

use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::template::{
    ByteOrder, ModbusSettings, PointAddress, PointTemplate, PointType, Sentinel, StringOrder,
    Transform,
};

/// What a point says, in its unit or as a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number; a switch is 0 or 1.
    Number(f64),
    /// Letters.
    Text(String),
}

/// What stood on the wire, before scaling.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// IEEE 754, or a JSON number.
    Float(f64),
    /// Two's complement.
    Signed(i64),
    /// Letters.
    Text(String),
    /// A count, a switch or a bit pattern.
    Unsigned(u64),
}

/// A decoded point.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Before scaling; `None` when the bytes made no sense.
    pub raw: Option<Raw>,
    /// In the point's unit; meaningless when the quality is bad.
    pub value: Value,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// Decodes a point from the registers that it takes.
#[must_use]
pub fn registers(point: &PointTemplate, settings: &ModbusSettings, words: &[u16]) -> Decoded {
    let raw = match (point.kind, &point.at) {
        (PointType::String, _) => Some(text(words, settings.string_order, point.trim)),
        (_, PointAddress::Modbus { bit: Some(bit), .. }) => {
            words.first().map(|word| Raw::Unsigned(u64::from(word >> bit & 1)))
        }
        (kind, _) => number(kind, &in_order(point, settings, words)),
    };
    judged(point, raw)
}

/// Decodes a point of a bit table.
#[must_use]
pub fn switch(point: &PointTemplate, is_on: bool) -> Decoded {
    judged(point, Some(Raw::Unsigned(u64::from(is_on))))
}

/// Decodes a point from a JSON value.
#[must_use]
pub fn json(point: &PointTemplate, found: &serde_json::Value) -> Decoded {
    use serde_json::Value as Json;
    let raw = match (point.kind.is_text(), found) {
        (true, Json::String(text)) => Some(Raw::Text(text.chars().take(TEXT_CHARS_MAX).collect())),
        (true, Json::Number(number)) => Some(Raw::Text(number.to_string())),
        (true, Json::Bool(is_on)) => Some(Raw::Text(is_on.to_string())),
        (false, Json::Bool(is_on)) => Some(Raw::Unsigned(u64::from(*is_on))),
        (false, Json::Number(number)) => json_number(number),
        (false, Json::String(text)) => text.trim().parse().ok().map(Raw::Float),
        (_, Json::Null | Json::Array(_) | Json::Object(_)) => None,
    };
    judged(point, raw)
}

/// A point for which there is no value.
#[must_use]
pub fn missing(point: &PointTemplate, why: Bad) -> Decoded {
    let value = if point.kind.is_text() { Value::Text(String::new()) } else { Value::Number(0.0) };
    Decoded { raw: None, value, quality: Quality::Bad(why) }
}

/// Where a value lies against the physical range of its channel, which a site may override.
#[must_use]
pub fn against_range(decoded: Decoded, range: Option<[f64; 2]>) -> Decoded {
    let is_outside = match (&decoded.value, range) {
        (Value::Number(value), Some([low, high])) => *value < low || high < *value,
        _ => false,
    };
    if is_outside && decoded.quality == Quality::Good {
        return Decoded { quality: Quality::Uncertain(Uncertain::Range), ..decoded };
    }
    decoded
}

/// The English word for a raw number, where the template has one.
#[must_use]
pub fn word<'a>(point: &'a PointTemplate, raw: &Raw) -> Option<&'a str> {
    let key = match raw {
        Raw::Float(number) => number.to_string(),
        Raw::Signed(number) => number.to_string(),
        Raw::Unsigned(number) => number.to_string(),
        Raw::Text(text) => text.clone(),
    };
    point.words.get(&key).map(|it| it.en.as_str())
}

fn judged(point: &PointTemplate, raw: Option<Raw>) -> Decoded {
    let Some(raw) = raw else {
        return missing(point, Bad::Parse);
    };
    let as_read = match &raw {
        Raw::Text(text) => {
            let value = Value::Text(text.clone());
            return Decoded { raw: Some(raw), value, quality: Quality::Good };
        }
        Raw::Float(number) => *number,
        Raw::Signed(number) => nearest_signed(*number),
        Raw::Unsigned(number) => nearest(*number),
    };
    if is_sentinel(point, &raw, as_read) {
        return Decoded { raw: Some(raw), ..missing(point, Bad::Sentinel) };
    }
    let selected = match (&raw, point.mask, point.shift) {
        (Raw::Float(_), _, _) | (_, None, 0) => as_read,
        (Raw::Signed(number), mask, shift) => {
            nearest(selected(number.cast_unsigned(), mask, shift))
        }
        (Raw::Unsigned(number), mask, shift) => nearest(selected(*number, mask, shift)),
        (Raw::Text(_), _, _) => as_read,
    };
    let value = transformed(point, scaled(selected, point.scale) + point.offset);
    if !value.is_finite() {
        return Decoded { raw: Some(raw), ..missing(point, Bad::Parse) };
    }
    let decoded = Decoded { raw: Some(raw), value: Value::Number(value), quality: Quality::Good };
    if matches!(point.transform, Some(Transform::DivByPoint(_))) {
        return decoded; // Its range is that of the quotient.
    }
    against_range(decoded, point.range)
}

/// See [`Transform::Pf4q`] for the coding.
fn transformed(point: &PointTemplate, value: f64) -> f64 {
    match point.transform {
        Some(Transform::Pf4q) if 1.0 < value => 2.0 - value,
        Some(Transform::Pf4q) if value < -1.0 => -2.0 - value,
        Some(Transform::Pf4q | Transform::DivByPoint(_)) | None => value,
    }
}

/// A scale such as 0.001 has no exact double, but its inverse has: 2030 thousandths are 2.03 and
/// not 2.0300000000000002.
fn scaled(raw: f64, scale: f64) -> f64 {
    let inverse = (1.0 / scale).round();
    let is_inverse = 1.0 < inverse && (1.0 / inverse).total_cmp(&scale).is_eq();
    if is_inverse { raw / inverse } else { raw * scale }
}

fn selected(number: u64, mask: Option<u32>, shift: u8) -> u64 {
    let masked = mask.map_or(number, |mask| number & u64::from(mask));
    masked.checked_shr(u32::from(shift)).unwrap_or(0)
}

/// A sentinel may be written as the register shows it or as the signed number that it stands for.
fn is_sentinel(point: &PointTemplate, raw: &Raw, as_read: f64) -> bool {
    let as_unsigned = match raw {
        Raw::Signed(number) => {
            let bits = 16 * u32::from(point.kind.registers().clamp(1, 4));
            Some(nearest(number.cast_unsigned() & (u64::MAX >> (64 - bits))))
        }
        Raw::Float(_) | Raw::Text(_) | Raw::Unsigned(_) => None,
    };
    point.sentinel.iter().any(|sentinel| match sentinel {
        Sentinel::Number(number) => {
            is_same(*number, as_read) || as_unsigned.is_some_and(|it| is_same(*number, it))
        }
        Sentinel::Word(word) => word == "nan" && as_read.is_nan(),
    })
}

fn is_same(sentinel: f64, read: f64) -> bool {
    sentinel.total_cmp(&read).is_eq() || is_same_single(sentinel, read)
}

/// A sentinel such as 3.4e38 is written in decimal and read as the nearest single.
#[expect(clippy::cast_possible_truncation, reason = "rounding to single is the purpose")]
fn is_same_single(sentinel: f64, read: f64) -> bool {
    let (sentinel, read) = (sentinel as f32, read as f32);
    sentinel.total_cmp(&read).is_eq()
}

/// The words with the most significant first and the bytes in each big-endian.
///
/// A single register is big-endian by the protocol; devices that turn the words of a long value
/// around still send it so. Only a point that says otherwise itself is turned.
fn in_order(point: &PointTemplate, settings: &ModbusSettings, words: &[u16]) -> Vec<u16> {
    let order = match (words.len(), point.byte_order) {
        (_, Some(order)) => order,
        (1, None) => ByteOrder::Abcd,
        (_, None) => settings.byte_order,
    };
    let is_low_first = matches!(order, ByteOrder::Cdab | ByteOrder::Dcba);
    let is_swapped = matches!(order, ByteOrder::Badc | ByteOrder::Dcba);
    let turn = |word: &u16| if is_swapped { word.swap_bytes() } else { *word };
    if is_low_first {
        words.iter().rev().map(turn).collect()
    } else {
        words.iter().map(turn).collect()
    }
}

fn number(kind: PointType, words: &[u16]) -> Option<Raw> {
    if words.len() != usize::from(kind.registers()) {
        return None;
    }
    let bits = words.iter().fold(0_u64, |bits, word| bits << 16 | u64::from(*word));
    let low16 = u16::try_from(bits & 0xffff).expect("masked to sixteen bits");
    let low32 = u32::try_from(bits & 0xffff_ffff).expect("masked to thirty-two bits");
    Some(match kind {
        PointType::Bcd16 => Raw::Unsigned(bcd(low16)?),
        PointType::Bool => Raw::Unsigned(u64::from(bits != 0)),
        PointType::F32 => Raw::Float(f64::from(f32::from_bits(low32))),
        PointType::F64 => Raw::Float(f64::from_bits(bits)),
        PointType::I16 => Raw::Signed(i64::from(low16.cast_signed())),
        PointType::I32 => Raw::Signed(i64::from(low32.cast_signed())),
        PointType::I64 => Raw::Signed(bits.cast_signed()),
        PointType::Bits16
        | PointType::Bits32
        | PointType::U16
        | PointType::U32
        | PointType::U64 => Raw::Unsigned(bits),
        PointType::Number | PointType::String | PointType::Text => return None,
    })
}

/// Four decimal digits; a nibble above nine is no digit.
fn bcd(word: u16) -> Option<u64> {
    [12, 8, 4, 0].into_iter().try_fold(0, |sum, shift| {
        let digit = u64::from(word >> shift & 0xf);
        (digit <= 9).then_some(10 * sum + digit)
    })
}

fn text(words: &[u16], order: StringOrder, is_trimmed: bool) -> Raw {
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word| match order {
            StringOrder::Ab => word.to_be_bytes(),
            StringOrder::Ba => word.to_le_bytes(),
        })
        .collect();
    let text = String::from_utf8_lossy(&bytes);
    // Text columns of databases refuse the zero byte with which devices fill up.
    let text = text.replace('\0', if is_trimmed { " " } else { "" });
    Raw::Text(if is_trimmed { text.trim().to_owned() } else { text })
}

fn json_number(number: &serde_json::Number) -> Option<Raw> {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(number), _, _) => Some(Raw::Unsigned(number)),
        (None, Some(number), _) => Some(Raw::Signed(number)),
        (None, None, Some(number)) => Some(Raw::Float(number)),
        (None, None, None) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the nearest double is what is kept")]
fn nearest(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the nearest double is what is kept")]
fn nearest_signed(number: i64) -> f64 {
    number as f64
}

/// A text of a machine is a name, a program or an alarm; longer is somebody's log file.
pub const TEXT_CHARS_MAX: usize = 1_024;

#[cfg(test)]
mod tests;
