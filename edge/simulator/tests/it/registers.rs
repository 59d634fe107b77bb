//! Registers against the templates, decoded here by the letters of the word order and nothing else.

use std::sync::Arc;

use forewarn_domain::template::{
    AddressBase, ByteOrder, DeviceTemplate, PointAddress, PointTemplate, PointType, Table,
};
use forewarn_simulator::registers::{RegisterMap, encode, quantise};
use proptest::prelude::*;

use crate::site;

/// Bytes A to H of a value, most significant first, put back from its registers.
fn bytes(words: &[u16], order: ByteOrder) -> Vec<u8> {
    let sent: Vec<u8> = words.iter().flat_map(|it| it.to_be_bytes()).collect();
    let letters = match (sent.len(), order) {
        (2, _) => "AB",
        (4, ByteOrder::Abcd) => "ABCD",
        (4, ByteOrder::Badc) => "BADC",
        (4, ByteOrder::Cdab) => "CDAB",
        (4, ByteOrder::Dcba) => "DCBA",
        (8, ByteOrder::Abcd) => "ABCDEFGH",
        (8, ByteOrder::Badc) => "BADCFEHG",
        (8, ByteOrder::Cdab) => "GHEFCDAB",
        (8, ByteOrder::Dcba) => "HGFEDCBA",
        (len, _) => panic!("{len} bytes"),
    };
    let mut value = vec![0; sent.len()];
    for (byte, letter) in sent.iter().zip(letters.bytes()) {
        value[usize::from(letter - b'A')] = *byte;
    }
    value
}

fn decode(point: &PointTemplate, words: &[u16], order: ByteOrder) -> f64 {
    let bytes = bytes(words, order);
    let whole = bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let raw = match point.kind {
        PointType::F32 => f64::from(f32::from_bits(u32::try_from(whole).unwrap())),
        PointType::F64 => f64::from_bits(whole),
        PointType::I16 => f64::from(u16::try_from(whole).unwrap().cast_signed()),
        PointType::I32 => f64::from(u32::try_from(whole).unwrap().cast_signed()),
        PointType::I64 => {
            let high = u32::try_from(whole >> 32).unwrap().cast_signed();
            f64::from(high) * 4_294_967_296.0
                + f64::from(u32::try_from(whole & 0xffff_ffff).unwrap())
        }
        _ => f64::from(u32::try_from(whole).unwrap()),
    };
    raw * point.scale + point.offset
}

/// The templates of devices that can be simulated.
fn simulated() -> Vec<DeviceTemplate> {
    let mut templates = site::templates(&site::config().join("devices"));
    templates.retain(|it| SIMULATED.contains(&it.device.id.as_str()));
    assert_eq!(templates.len(), SIMULATED.len());
    templates
}

const SIMULATED: [&str; 6] = [
    "banner-qm30vt2",
    "cnc-controller-a",
    "cnc-controller-b",
    "press-controller",
    "press-plc",
    "pump-drive",
];

/// Every number on Modbus of these templates, with the order that applies to it.
fn points() -> Vec<(DeviceTemplate, PointTemplate, ByteOrder)> {
    let mut points = Vec::new();
    for template in simulated() {
        for point in template.points.clone() {
            if point.at.is_modbus() && !point.kind.is_text() && point.kind != PointType::Bool {
                let order =
                    point.byte_order.unwrap_or(template.modbus.as_ref().unwrap().byte_order);
                points.push((template.clone(), point, order));
            }
        }
    }
    points
}

proptest! {
    #[test]
    fn every_value_comes_back_as_what_the_encoding_leaves_of_it(value in -5_000.0..70_000.0_f64) {
        for (template, point, order) in points() {
            let back = decode(&point, &encode(&point, order, value), order);
            let expected = quantise(&point, value);
            let is_same = (back - expected).abs() <= 1e-9 * expected.abs().max(1.0);
            prop_assert!(is_same, "{}/{}: {back}, not {expected}", template.device.id, point.id);
        }
    }
}

#[test]
fn every_point_of_every_simulated_template_is_readable_where_the_template_says() {
    for template in simulated() {
        let template = Arc::new(template);
        let Ok(map) = RegisterMap::new(Arc::clone(&template)) else {
            panic!("{} has no map", template.device.id);
        };
        for point in &template.points {
            let PointAddress::Modbus { table, address, .. } = point.at else { continue };
            let base = template.modbus.as_ref().unwrap().address_base;
            let first = if base == AddressBase::Reg1 { 1 } else { 0 };
            let address = u16::try_from(address - first).unwrap();
            let width = point.len.unwrap_or(point.kind.registers()).max(1);
            let words = map.read(table, address, width, |_| 1.0);
            assert_eq!(words.map(|it| it.len()), Some(usize::from(width)), "{}", point.id);
        }
    }
}

#[test]
fn a_merged_read_holds_every_point_in_its_place_and_a_hole_is_never_crossed() {
    let find = |id: &str| {
        let all = simulated();
        Arc::new(all.into_iter().find(|it| it.device.id.as_str() == id).unwrap())
    };
    let sensor = RegisterMap::new(find("banner-qm30vt2")).unwrap();
    let value = |point: &PointTemplate| if point.id.as_str() == "temp" { -12.34 } else { 2.5 };
    let words = sensor.read(Table::Holding, 5_201, 5, value).unwrap();
    assert_eq!(words, [2_500, 0, (-1_234_i16).cast_unsigned(), 0, 2_500]);
    assert_eq!(sensor.read(Table::Holding, 5_201, 12, value).map(|it| it.len()), Some(12));
    assert_eq!(sensor.read(Table::Holding, 5_200, 2, value), None, "before the first point");

    let controller = RegisterMap::new(find("cnc-controller-b")).unwrap();
    let words = controller.read(Table::Holding, 200, 2, |_| 1.0).unwrap();
    assert_eq!(words, [1, 1], "a switch in a status word, then the program");
    assert_eq!(controller.read(Table::Holding, 200, 101, |_| 1.0), None, "across the hole");

    let press = RegisterMap::new(find("press-plc")).unwrap();
    assert_eq!(press.read(Table::Holding, 410, 1, |_| 1.0), None);
    assert_eq!(press.read(Table::Coil, 0, 1, |_| 1.0), Some(vec![1]));
}
