//! Which requests a device is asked, so that each point is read once and no limit is broken.
//!
//! Rely on this: every Modbus point of a template stands in exactly one read of its group, no read
//! touches a declared hole, and no read is longer than the template or the protocol allows.
//!
//! Deliberately absent: asking. The same plan is printed by `forewarn-edge plan` and polled.

use forewarn_domain::template::{
    AddressBase, DeviceTemplate, GroupTemplate, ModbusSettings, PointAddress, PointTemplate,
    PointType, Table,
};
use serde::Serialize;

use crate::source::modbus::frame::Ask;
use crate::source::modbus::waveform::asks_for;

/// What is read together, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupPlan {
    /// The group as the template declares it.
    pub group: GroupTemplate,
    /// Its requests, in the order of tables and addresses.
    pub reads: Vec<PlannedRead>,
}

/// One request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PlannedRead {
    /// The table, which also names the function code.
    #[serde(serialize_with = "table_name")]
    pub table: Table,
    /// First register or bit, as on the wire.
    pub address: u16,
    /// Registers or bits.
    pub count: u16,
    /// What it brings, in the order of addresses.
    pub points: Vec<PlannedPoint>,
}

/// The place of a point in the answer to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct PlannedPoint {
    /// Index into the template's points.
    pub point: usize,
    /// Registers or bits from the beginning of the answer.
    pub offset: u16,
    /// Registers or bits that it takes.
    pub width: u16,
}

/// Plans all groups of a template; points on MQTT or in files are no business of Modbus.
///
/// # Errors
///
/// [`PlanError`] names the point or the hole that cannot be placed.
pub fn plan(template: &DeviceTemplate) -> Result<Vec<GroupPlan>, PlanError> {
    let Some(settings) = &template.modbus else {
        return Ok(Vec::new());
    };
    let limits = Limits::of(settings)?;
    let mut plans = Vec::new();
    for group in groups_of(template) {
        let mut places = Vec::new();
        for (index, point) in template.points.iter().enumerate() {
            if group_of(template, point) == Some(group.id.as_str())
                && let Some(place) = place(settings, index, point, &limits)?
            {
                places.push(place);
            }
        }
        places.sort_by_key(|it| (it.table, it.address, it.point));
        if !places.is_empty() {
            plans.push(GroupPlan { group, reads: merge(&places, &limits) });
        }
    }
    Ok(plans)
}

impl PlannedRead {
    /// The function code that asks for this table.
    #[must_use]
    pub fn function(&self) -> u8 {
        match self.table {
            Table::Coil => 1,
            Table::Discrete => 2,
            Table::Holding => 3,
            Table::Input => 4,
        }
    }

    /// Two smaller reads with the same points, where a cut leaves each point whole. `None` when
    /// nothing can be cut: then these very registers are what the device refuses.
    #[must_use]
    pub fn split(&self) -> Option<(Self, Self)> {
        let middle = self.points.len() / 2;
        let cut = (1..self.points.len())
            .filter(|at| self.is_clean_cut(*at))
            .min_by_key(|at| at.abs_diff(middle))?;
        let (left, right) = self.points.split_at(cut);
        Some((self.narrowed(left), self.narrowed(right)))
    }

    fn is_clean_cut(&self, at: usize) -> bool {
        let (left, right) = self.points.split_at(at);
        let end = left.iter().map(|it| it.offset + it.width).max();
        right.first().zip(end).is_some_and(|(first, end)| end <= first.offset)
    }

    fn narrowed(&self, points: &[PlannedPoint]) -> Self {
        let start = points.iter().map(|it| it.offset).min().unwrap_or(0);
        let end = points.iter().map(|it| it.offset + it.width).max().unwrap_or(start);
        Self {
            table: self.table,
            address: self.address + start,
            count: end - start,
            points: points
                .iter()
                .map(|it| PlannedPoint { offset: it.offset - start, ..*it })
                .collect(),
        }
    }
}

/// The groups of a template, or one that reads once a second where it declares none.
fn groups_of(template: &DeviceTemplate) -> Vec<GroupTemplate> {
    if !template.groups.is_empty() {
        return template.groups.clone();
    }
    vec![GroupTemplate {
        id: GROUP_DEFAULT.to_owned(),
        every: forewarn_domain::time::Span::from_secs(1),
        offset: forewarn_domain::time::Span::ZERO,
        timeout: None,
        report: forewarn_domain::template::Report::Always,
        at_least_every: None,
    }]
}

fn group_of<'a>(template: &'a DeviceTemplate, point: &'a PointTemplate) -> Option<&'a str> {
    match &point.group {
        Some(id) => Some(id),
        None => Some(template.groups.first().map_or(GROUP_DEFAULT, |it| it.id.as_str())),
    }
}

#[derive(Clone, Copy, Debug)]
struct Place {
    table: Table,
    address: u32,
    width: u16,
    point: usize,
}

fn place(
    settings: &ModbusSettings,
    index: usize,
    point: &PointTemplate,
    limits: &Limits,
) -> Result<Option<Place>, PlanError> {
    let PointAddress::Modbus { table, address, .. } = point.at else {
        return Ok(None);
    };
    let refuse = |what: String| PlanError::Point { point: point.id.to_string(), what };
    let wire = wire_address(settings.address_base, table, address)
        .ok_or_else(|| refuse(format!("address {} does not fit `address_base`", point.at)))?;
    let width = width(point).ok_or_else(|| {
        refuse("its type has no length; give a string `len`, and use no `number` or `text`".into())
    })?;
    if limits.longest(table) < width {
        return Err(refuse(format!("it takes {width} registers, more than one request may have")));
    }
    let end = wire + u32::from(width);
    if ADDRESSES < end {
        return Err(refuse(format!("it ends behind address {}", ADDRESSES - 1)));
    }
    if limits.crosses_hole(table, wire, end) {
        return Err(refuse("it lies in a declared hole".into()));
    }
    Ok(Some(Place { table, address: wire, width, point: index }))
}

/// Registers of a register point, bits of a bit point; letters are two to a register.
fn width(point: &PointTemplate) -> Option<u16> {
    match (&point.at, point.kind) {
        (PointAddress::Modbus { table: Table::Coil | Table::Discrete, .. }, _) => Some(1),
        (_, PointType::String) => point.len.filter(|len| 0 < *len).map(|len| len.div_ceil(2)),
        (_, kind) => Some(kind.registers()).filter(|registers| 0 < *registers),
    }
}

/// From the counting of the file to the number on the wire.
fn wire_address(base: AddressBase, table: Table, address: u32) -> Option<u32> {
    let first = match (base, table) {
        (AddressBase::Pdu0, _) => 0,
        (AddressBase::Reg1, _) | (AddressBase::Ref5 | AddressBase::Ref6, Table::Coil) => 1,
        (AddressBase::Ref5, Table::Discrete) => 10_001,
        (AddressBase::Ref5, Table::Input) => 30_001,
        (AddressBase::Ref5, Table::Holding) => 40_001,
        (AddressBase::Ref6, Table::Discrete) => 100_001,
        (AddressBase::Ref6, Table::Input) => 300_001,
        (AddressBase::Ref6, Table::Holding) => 400_001,
    };
    address.checked_sub(first).filter(|wire| *wire < ADDRESSES)
}

fn merge(places: &[Place], limits: &Limits) -> Vec<PlannedRead> {
    let mut reads: Vec<PlannedRead> = Vec::new();
    for place in places {
        let joined = reads.last_mut().is_some_and(|read| join(read, *place, limits));
        if !joined {
            reads.push(PlannedRead {
                table: place.table,
                address: narrow(place.address),
                count: place.width,
                points: vec![PlannedPoint { point: place.point, offset: 0, width: place.width }],
            });
        }
    }
    reads
}

/// Adds a point to a read when gap, length and holes allow it.
fn join(read: &mut PlannedRead, place: Place, limits: &Limits) -> bool {
    let start = u32::from(read.address);
    let end = start + u32::from(read.count);
    let new_end = end.max(place.address + u32::from(place.width));
    let is_near = place.address <= end + u32::from(limits.merge_gap);
    let fits = new_end - start <= u32::from(limits.longest(place.table));
    if read.table != place.table
        || !is_near
        || !fits
        || limits.crosses_hole(place.table, start, new_end)
    {
        return false;
    }
    read.count = narrow(new_end - start);
    read.points.push(PlannedPoint {
        point: place.point,
        offset: narrow(place.address - start),
        width: place.width,
    });
    true
}

fn narrow(address: u32) -> u16 {
    u16::try_from(address).expect("places beyond 65535 were refused")
}

#[derive(Debug)]
struct Limits {
    registers: u16,
    bits: u16,
    merge_gap: u16,
    /// Table, first address, first address behind.
    holes: Vec<(Table, u32, u32)>,
}

impl Limits {
    fn of(settings: &ModbusSettings) -> Result<Self, PlanError> {
        let holes = settings
            .holes
            .iter()
            .map(|text| hole(settings.address_base, text))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            registers: settings.max_registers.clamp(1, REGISTERS_MAX),
            bits: settings.max_bits.clamp(1, BITS_MAX),
            merge_gap: settings.merge_gap,
            holes,
        })
    }

    fn longest(&self, table: Table) -> u16 {
        match table {
            Table::Coil | Table::Discrete => self.bits,
            Table::Holding | Table::Input => self.registers,
        }
    }

    fn crosses_hole(&self, table: Table, start: u32, end: u32) -> bool {
        self.holes
            .iter()
            .any(|(within, first, behind)| *within == table && *first < end && start < *behind)
    }
}

/// Reads `hr:410-414` or `hr:410`.
fn hole(base: AddressBase, text: &str) -> Result<(Table, u32, u32), PlanError> {
    let refused = || PlanError::Hole { text: text.to_owned() };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (first, last.parse::<u32>().ok()),
        None => (text, None),
    };
    let address: PointAddress = first.parse().ok().ok_or_else(refused)?;
    let PointAddress::Modbus { table, address, bit: None } = address else {
        return Err(refused());
    };
    let last = if text.contains('-') { last.ok_or_else(refused)? } else { address };
    let first = wire_address(base, table, address).ok_or_else(refused)?;
    let last = wire_address(base, table, last).ok_or_else(refused)?;
    if last < first { Err(refused()) } else { Ok((table, first, last + 1)) }
}

/// The questions for a block of registers that a waveform stands in, written as a hole is.
///
/// # Errors
///
/// [`PlanError::Block`] for a text that names no registers.
pub fn block(settings: &ModbusSettings, text: &str) -> Result<Vec<Ask>, PlanError> {
    let refused = || PlanError::Block { text: text.to_owned() };
    let found = hole(settings.address_base, text);
    let (table, first, behind) = found.ok().ok_or_else(refused)?;
    if !matches!(table, Table::Holding | Table::Input) {
        return Err(refused());
    }
    let longest = settings.max_registers.clamp(1, REGISTERS_MAX);
    let count = usize::try_from(behind - first).ok().ok_or_else(refused)?;
    Ok(asks_for(table, narrow(first), count, longest))
}

fn table_name<S: serde::Serializer>(table: &Table, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match table {
        Table::Coil => "co",
        Table::Discrete => "di",
        Table::Holding => "hr",
        Table::Input => "ir",
    })
}

/// Why a template cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A block or queue of a waveform that is none.
    #[error("waveform source `{text}` is none; write hr:1000-5095 or fifo:0")]
    Block {
        /// As it stands in the template.
        text: String,
    },
    /// A hole that is no range.
    #[error("hole `{text}` is no range; write hr:410-414 with rising addresses")]
    Hole {
        /// As it stands in the template.
        text: String,
    },
    /// A point that fits in no request.
    #[error("point `{point}`: {what}")]
    Point {
        /// Which point.
        point: String,
        /// What is wrong with it.
        what: String,
    },
}

/// The group of a template that declares none.
const GROUP_DEFAULT: &str = "all";

/// Modbus counts addresses in sixteen bits.
const ADDRESSES: u32 = 65_536;

/// Longest answer to functions 3 and 4: 250 of the 253 bytes of a PDU.
pub const REGISTERS_MAX: u16 = 125;

/// Longest answer to functions 1 and 2.
pub const BITS_MAX: u16 = 2_000;

#[cfg(test)]
mod tests;
