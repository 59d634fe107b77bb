//! Values as registers and bits, encoded the way a device template says.
//!
//! The template is the only source of addresses, types, orders and scales, so a face cannot differ
//! from the map that the agent reads it with. A register between two points is readable where the
//! template lets an agent merge requests across it; every other one is refused.
//!
//! Deliberately absent: sockets. Texts read as zeros, since no model has any.

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_domain::template::{
    AddressBase, ByteOrder, DeviceTemplate, PointAddress, PointTemplate, PointType, Table,
};

use crate::convert;

/// The map of one type of device.
#[derive(Clone, Debug)]
pub struct RegisterMap {
    template: Arc<DeviceTemplate>,
    places: Vec<Place>,
    /// First address and the first one after it, rising, for each table.
    readable: BTreeMap<Table, Vec<(u32, u32)>>,
}

/// Where a point stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    point: usize,
    table: Table,
    address: u32,
    width: u32,
    bit: Option<u8>,
}

impl RegisterMap {
    /// The map of a template. Points that are not on Modbus have no place in it.
    ///
    /// # Errors
    ///
    /// [`MapError`] names an address or a hole that does not exist on the wire.
    pub fn new(template: Arc<DeviceTemplate>) -> Result<Self, MapError> {
        let base = template.modbus.as_ref().map(|it| it.address_base).unwrap_or_default();
        let mut places = Vec::new();
        for (index, point) in template.points.iter().enumerate() {
            let PointAddress::Modbus { table, address, bit } = point.at else { continue };
            let address = on_the_wire(base, table, address).ok_or_else(|| MapError {
                template: template.device.id.to_string(),
                what: point.at.to_string(),
            })?;
            places.push(Place { point: index, table, address, width: width(point), bit });
        }
        let readable = readable(&template, &places)?;
        Ok(Self { template, places, readable })
    }

    /// `count` registers, or bits as 0 and 1, from `address` on, with the points' values taken from
    /// `value_of`; `None` when one of them is not mapped.
    pub fn read(
        &self,
        table: Table,
        address: u16,
        count: u16,
        value_of: impl Fn(&PointTemplate) -> f64,
    ) -> Option<Vec<u16>> {
        let (first, past) = (u32::from(address), u32::from(address) + u32::from(count));
        let blocks = self.readable.get(&table)?;
        if !blocks.iter().any(|(from, until)| *from <= first && past <= *until) {
            return None;
        }
        let mut words = vec![0_u16; usize::from(count)];
        for place in self.places.iter().filter(|it| it.table == table) {
            if place.address + place.width <= first || past <= place.address {
                continue;
            }
            let point = self.template.points.get(place.point)?;
            let encoded = match place.bit {
                Some(bit) => vec![u16::from(0.5 <= value_of(point)) << bit],
                None => encode(point, self.order(point), value_of(point)),
            };
            for (shift, word) in (0..).zip(encoded) {
                let slot = (place.address + shift).checked_sub(first);
                let slot = slot.and_then(|it| usize::try_from(it).ok());
                if let Some(target) = slot.and_then(|it| words.get_mut(it)) {
                    *target |= word;
                }
            }
        }
        Some(words)
    }

    fn order(&self, point: &PointTemplate) -> ByteOrder {
        let common = self.template.modbus.as_ref().map(|it| it.byte_order);
        point.byte_order.or(common).unwrap_or_default()
    }
}

/// The registers of a value, most significant byte first where the order does not say otherwise.
/// What does not fit the type is limited to its ends.
#[must_use]
pub fn encode(point: &PointTemplate, order: ByteOrder, value: f64) -> Vec<u16> {
    let value = limited(point, value);
    let raw = representable(point.kind, (value - point.offset) / point.scale);
    let whole = convert::nearest(raw);
    match point.kind {
        PointType::F32 => in_order(&convert::single(raw).to_be_bytes(), order),
        PointType::F64 => in_order(&raw.to_be_bytes(), order),
        PointType::I32 | PointType::U32 | PointType::Bits32 => {
            in_order(&whole.to_be_bytes()[4..], order)
        }
        PointType::I64 | PointType::U64 => in_order(&whole.to_be_bytes(), order),
        PointType::Bcd16 => one_register(point, as_decimal_digits(convert::word(whole))),
        PointType::I16 => {
            let low = &whole.to_be_bytes()[6..];
            one_register(point, u16::from_be_bytes([low[0], low[1]]))
        }
        PointType::Bool => one_register(point, u16::from(0.5 <= raw)),
        PointType::U16 | PointType::Bits16 => {
            let shifted = whole << point.shift;
            let masked = point.mask.map_or(shifted, |mask| shifted & i64::from(mask));
            one_register(point, convert::word(masked))
        }
        PointType::String => vec![0; usize::from(point.len.unwrap_or(0))],
        PointType::Number | PointType::Text => Vec::new(),
    }
}

/// What is left of a value once it has gone through its encoding: the value that an agent reads.
#[must_use]
pub fn quantise(point: &PointTemplate, value: f64) -> f64 {
    let value = limited(point, value);
    representable(point.kind, (value - point.offset) / point.scale) * point.scale + point.offset
}

/// A converter that is driven beyond all bounds stands at the end of its range.
fn limited(point: &PointTemplate, value: f64) -> f64 {
    match point.range {
        Some([low, high]) if !value.is_finite() => value.clamp(low, high),
        _ => value,
    }
}

/// What an agent reads where the two registers of a single arrive in the wrong order; `None` for a
/// value that is no single.
#[must_use]
pub fn words_swapped(point: &PointTemplate, value: f64) -> Option<f64> {
    let raw = convert::single((value - point.offset) / point.scale);
    let swapped = f32::from_bits(raw.to_bits().rotate_left(16));
    (point.kind == PointType::F32).then(|| f64::from(swapped) * point.scale + point.offset)
}

fn representable(kind: PointType, raw: f64) -> f64 {
    let whole = |low: f64, high: f64| raw.round().clamp(low, high);
    match kind {
        PointType::Bcd16 => whole(0.0, 9_999.0),
        PointType::Bits16 | PointType::U16 => whole(0.0, f64::from(u16::MAX)),
        PointType::Bits32 | PointType::U32 => whole(0.0, f64::from(u32::MAX)),
        PointType::Bool => f64::from(u8::from(0.5 <= raw)),
        PointType::F32 => f64::from(convert::single(raw)),
        PointType::I16 => whole(f64::from(i16::MIN), f64::from(i16::MAX)),
        PointType::I32 => whole(f64::from(i32::MIN), f64::from(i32::MAX)),
        PointType::I64 => raw.round(),
        PointType::U64 => raw.round().max(0.0),
        // A node prints three decimals.
        PointType::Number => (raw * 1_000.0).round() / 1_000.0,
        PointType::F64 | PointType::String | PointType::Text => raw,
    }
}

/// A single register is big-endian by the protocol, also where a device turns the words of long
/// values around; only a point that says otherwise itself is swapped.
fn one_register(point: &PointTemplate, word: u16) -> Vec<u16> {
    let swaps = matches!(point.byte_order, Some(ByteOrder::Badc | ByteOrder::Dcba));
    vec![if swaps { word.swap_bytes() } else { word }]
}

/// Bytes given most significant first, as registers in the order of the device.
fn in_order(bytes: &[u8], order: ByteOrder) -> Vec<u16> {
    let mut words: Vec<[u8; 2]> = bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    if matches!(order, ByteOrder::Cdab | ByteOrder::Dcba) {
        words.reverse();
    }
    let swaps = matches!(order, ByteOrder::Badc | ByteOrder::Dcba);
    let word = |pair: [u8; 2]| {
        if swaps { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    };
    words.into_iter().map(word).collect()
}

fn as_decimal_digits(value: u16) -> u16 {
    let value = value.min(9_999);
    [(1_000, 12), (100, 8), (10, 4), (1, 0)]
        .iter()
        .map(|(weight, shift)| (value / weight % 10) << shift)
        .sum()
}

fn width(point: &PointTemplate) -> u32 {
    match point.kind {
        PointType::String => u32::from(point.len.unwrap_or(1).max(1)),
        kind => u32::from(kind.registers().max(1)),
    }
}

fn on_the_wire(base: AddressBase, table: Table, address: u32) -> Option<u32> {
    let digits = match table {
        Table::Coil => 0,
        Table::Discrete => 1,
        Table::Holding => 4,
        Table::Input => 3,
    };
    let first = match base {
        AddressBase::Pdu0 => 0,
        AddressBase::Reg1 => 1,
        AddressBase::Ref5 => digits * 10_000 + 1,
        AddressBase::Ref6 => digits * 100_000 + 1,
    };
    address.checked_sub(first).filter(|it| *it <= u32::from(u16::MAX))
}

fn readable(
    template: &DeviceTemplate,
    places: &[Place],
) -> Result<BTreeMap<Table, Vec<(u32, u32)>>, MapError> {
    let holes = holes(template)?;
    let gap_max = template.modbus.as_ref().map_or(0, |it| u32::from(it.merge_gap));
    let mut sorted = places.to_vec();
    sorted.sort_by_key(|it| (it.table, it.address));
    let mut blocks: BTreeMap<Table, Vec<(u32, u32)>> = BTreeMap::new();
    for place in sorted {
        let past = place.address + place.width;
        let blocks = blocks.entry(place.table).or_default();
        let may_join = |until: u32| {
            let is_hole = holes.iter().any(|(table, from, to)| {
                *table == place.table && *from < place.address && until <= *to
            });
            place.address.saturating_sub(until) <= gap_max && !is_hole
        };
        match blocks.last_mut().filter(|(_, until)| may_join(*until)) {
            Some((_, until)) => *until = past.max(*until),
            None => blocks.push((place.address, past)),
        }
    }
    Ok(blocks)
}

/// The declared holes: table, first and last address on the wire.
fn holes(template: &DeviceTemplate) -> Result<Vec<(Table, u32, u32)>, MapError> {
    let Some(modbus) = &template.modbus else { return Ok(Vec::new()) };
    let hole = |text: &String| {
        let (first, last) = text.split_once('-').unwrap_or((text, ""));
        let PointAddress::Modbus { table, address, bit: None } = first.parse().ok()? else {
            return None;
        };
        let last = if last.is_empty() { address } else { last.parse().ok()? };
        let base = modbus.address_base;
        Some((table, on_the_wire(base, table, address)?, on_the_wire(base, table, last)?))
    };
    let refused =
        |text: &String| MapError { template: template.device.id.to_string(), what: text.clone() };
    modbus.holes.iter().map(|text| hole(text).ok_or_else(|| refused(text))).collect()
}

/// An address that a template names and that does not exist on the wire.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "template `{template}` names `{what}`, which is no address on the wire under its address_base"
)]
pub struct MapError {
    /// Which template.
    pub template: String,
    /// The address or hole.
    pub what: String,
}
