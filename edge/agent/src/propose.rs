//! What registers may mean when the value on the display is known: pure.
//!
//! Rely on this: every proposal gives the known value within the tolerance; the plainest come
//! first. A single value never proves a map: read again when the machine shows something else.

use std::num::ParseFloatError;
use std::str::FromStr;

use forewarn_domain::quality::Quality;
use forewarn_domain::template::{
    ByteOrder, ModbusSettings, PointAddress, PointTemplate, PointType,
};
use serde::Serialize;

use crate::decode::{self, Value};

/// One way to read the known value from the registers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// Registers from the first one that was read.
    pub offset: usize,
    /// Encoding.
    #[serde(rename = "type")]
    pub kind: PointType,
    /// Order of bytes; without meaning for a plain register.
    pub byte_order: ByteOrder,
    /// Raw × scale = value.
    pub scale: f64,
    /// What it would show.
    pub value: f64,
    /// Difference to the known value, in parts of it.
    pub deviation: f64,
    /// The higher, the less usual.
    #[serde(skip)]
    strangeness: u32,
}

/// What the display of a device shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// The number.
    pub value: f64,
    /// Half of its last digit: a display that shows 50.0 may mean 49.96.
    pub resolution: f64,
}

impl FromStr for Known {
    type Err = ParseFloatError;

    fn from_str(text: &str) -> Result<Self, ParseFloatError> {
        let digits = text.split_once('.').map_or(0, |(_, behind)| behind.len());
        let digits = i32::try_from(digits).unwrap_or(i32::MAX);
        Ok(Self { value: text.trim().parse()?, resolution: 0.5 * 10_f64.powi(-digits) })
    }
}

/// All ways to read `known` from registers, the plainest first, at most [`PROPOSALS_MAX`].
#[must_use]
pub fn propose(words: &[u16], known: Known, tolerance: f64) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (kind, rank) in KINDS {
        for (place, taken) in words.windows(usize::from(kind.registers())).enumerate() {
            for (byte_order, order_rank) in ORDERS {
                if !is_redundant(kind, taken, byte_order) {
                    let ranks = rank + order_rank;
                    proposals.extend(
                        scaled(taken, (kind, byte_order, ranks), known, tolerance)
                            .map(|proposal| Proposal { offset: place, ..proposal }),
                    );
                }
            }
        }
    }
    // What agrees with every digit of the display weighs more than a usual encoding.
    let doubt = |it: &Proposal| {
        let agrees = (it.value - known.value).abs() <= known.resolution;
        f64::from(it.strangeness) + if agrees { 0.0 } else { 3.0 } + it.deviation / tolerance
    };
    proposals.sort_by(|a, b| doubt(a).total_cmp(&doubt(b)));
    proposals.truncate(PROPOSALS_MAX);
    proposals
}

/// The scales with which this encoding shows the known value.
fn scaled(
    words: &[u16],
    (kind, byte_order, ranks): (PointType, ByteOrder, u32),
    known: Known,
    tolerance: f64,
) -> impl Iterator<Item = Proposal> {
    scales(kind).iter().filter_map(move |(scale, scale_rank)| {
        let value = value(kind, byte_order, *scale, words)?;
        let deviation = (value - known.value).abs() / known.value.abs().max(f64::MIN_POSITIVE);
        let strangeness = ranks + scale_rank;
        let proposal =
            Proposal { offset: 0, kind, byte_order, scale: *scale, value, deviation, strangeness };
        (deviation <= tolerance).then_some(proposal)
    })
}

/// Another way to read the same: one register has no order of words, and its bytes turned around
/// are a rarity; a sign that is not set makes no difference.
fn is_redundant(kind: PointType, words: &[u16], order: ByteOrder) -> bool {
    let is_plain = kind == PointType::I16 && words.first().is_some_and(|it| *it < 0x8000);
    let is_single = words.len() == 1;
    is_single && order != ByteOrder::Abcd || is_plain || is_padded(kind, words, order)
}

/// A long integer whose high words are empty is a plain register that stands beside a zero.
fn is_padded(kind: PointType, words: &[u16], order: ByteOrder) -> bool {
    let is_low_first = matches!(order, ByteOrder::Cdab | ByteOrder::Dcba);
    let high = if is_low_first { words.last() } else { words.first() };
    match kind {
        PointType::U64 | PointType::I64 => high == Some(&0) || high == Some(&0xffff),
        // With bytes swapped, nobody would know that it is one.
        PointType::U32 | PointType::I32 => {
            high == Some(&0) && matches!(order, ByteOrder::Badc | ByteOrder::Dcba)
                || kind == PointType::I32 && high.is_some_and(|it| it.leading_ones() == 0)
        }
        _ => false,
    }
}

fn value(kind: PointType, order: ByteOrder, scale: f64, words: &[u16]) -> Option<f64> {
    let decoded = decode::registers(&point(kind, scale), &settings(order), words);
    match decoded.value {
        Value::Number(value) if decoded.quality == Quality::Good => Some(value),
        _ => None,
    }
}

/// A bare point of a kind and scale, to decode with the agent's own decoder.
pub(crate) fn point(kind: PointType, scale: f64) -> PointTemplate {
    let text = "id = 'p'\nat = 'hr:0'\ntype = 'u16'\nquantity = 'controller.value'";
    let point: PointTemplate = toml::from_str(text).expect("the constant is a point");
    let at = PointAddress::Modbus {
        table: forewarn_domain::template::Table::Holding,
        address: 0,
        bit: None,
    };
    PointTemplate { kind, scale, at, ..point }
}

/// The usual settings with another order.
pub(crate) fn settings(byte_order: ByteOrder) -> ModbusSettings {
    let settings: ModbusSettings = toml::from_str("").expect("every setting has a default");
    ModbusSettings { byte_order, ..settings }
}

fn scales(kind: PointType) -> &'static [(f64, u32)] {
    match kind {
        PointType::F32 | PointType::F64 => &[(1.0, 0), (0.001, 4), (1_000.0, 4)],
        _ => &[(1.0, 0), (0.1, 1), (0.01, 1), (0.001, 2), (0.0001, 3), (10.0, 4), (100.0, 5)],
    }
}

const KINDS: [(PointType, u32); 9] = [
    (PointType::U16, 0),
    (PointType::I16, 1),
    (PointType::F32, 1),
    (PointType::U32, 2),
    (PointType::I32, 3),
    (PointType::F64, 4),
    (PointType::Bcd16, 5),
    (PointType::I64, 6),
    (PointType::U64, 6),
];

const ORDERS: [(ByteOrder, u32); 4] =
    [(ByteOrder::Abcd, 0), (ByteOrder::Cdab, 1), (ByteOrder::Badc, 4), (ByteOrder::Dcba, 3)];

/// More ways than a person wants to compare with a display.
pub const PROPOSALS_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn first(words: &[u16], known: &str) -> (usize, PointType, ByteOrder, f64) {
        let proposals = propose(words, known.parse().expect(known), 0.01);
        let first = proposals.first().expect("a proposal");
        (first.offset, first.kind, first.byte_order, first.scale)
    }

    #[test]
    fn a_single_is_found_in_each_order_and_at_its_place() {
        let bits = 50.0173_f32.to_bits().to_be_bytes();
        let word = |a: usize, b: usize| u16::from_be_bytes([bits[a], bits[b]]);
        for (order, words) in [
            (ByteOrder::Abcd, [word(0, 1), word(2, 3)]),
            (ByteOrder::Cdab, [word(2, 3), word(0, 1)]),
            (ByteOrder::Badc, [word(1, 0), word(3, 2)]),
            (ByteOrder::Dcba, [word(3, 2), word(1, 0)]),
        ] {
            let around = [&[7_u16][..], &words, &[9]].concat();
            assert_eq!(first(&around, "50.0173"), (1, PointType::F32, order, 1.0));
        }
    }

    #[test]
    fn a_scaled_register_is_found() {
        assert_eq!(first(&[0, 5_003, 1], "50.0"), (1, PointType::U16, ByteOrder::Abcd, 0.01));
        assert_eq!(first(&[0xfe0c, 3], "-50.0"), (0, PointType::I16, ByteOrder::Abcd, 0.1));
        assert_eq!(first(&[0x0001, 0x86a0], "100000"), (0, PointType::U32, ByteOrder::Abcd, 1.0));
        assert_eq!(first(&[0x86a0, 0x0001], "100000"), (0, PointType::U32, ByteOrder::Cdab, 1.0));
    }

    #[test]
    fn what_is_not_there_is_not_proposed() {
        assert_eq!(propose(&[1, 2, 3], "777".parse().expect("a number"), 0.01), []);
        assert_eq!(propose(&[], "50".parse().expect("a number"), 0.01), []);
    }
}
