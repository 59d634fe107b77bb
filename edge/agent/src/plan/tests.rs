//! The two golden templates, the four ways of counting, and the planner's promises by chance.

use std::collections::BTreeMap;

use forewarn_domain::template::DeviceTemplate;
use proptest::prelude::*;

use super::*;

fn template(modbus: &str, points: &str) -> DeviceTemplate {
    let text = format!(
        "schema = 'forewarn.device/1'\n[device]\nid = 't'\nvendor = 'v'\nmodel = 'm'\nkind = 'plc'\n\
         title = {{ en = 'T', zh = 'T' }}\nevidence = 'unverified'\nsources = ['a test']\n\
         [modbus]\n{modbus}\n{points}"
    );
    toml::from_str(&text).expect("the test's own template")
}

fn point(id: &str, at: &str, kind: &str) -> String {
    format!("[[point]]\nid = '{id}'\nat = '{at}'\ntype = '{kind}'\nquantity = 'force'\n")
}

fn starts(template: &DeviceTemplate) -> Vec<(Table, u16, u16)> {
    let plans = plan(template).expect("plannable");
    plans.iter().flat_map(|it| &it.reads).map(|it| (it.table, it.address, it.count)).collect()
}

fn golden(name: &str) -> DeviceTemplate {
    let path = format!("{}/../../config/devices/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    toml::from_str(&text).expect(&path)
}

#[test]
fn the_vibration_sensor_takes_two_requests_for_six_points() {
    let template = golden("banner-qm30vt2");
    assert_eq!(template.points.len(), 6);
    assert_eq!(
        starts(&template),
        [(Table::Holding, 5201, 5), (Table::Holding, 5212, 9)],
        "5 and 9 registers, merged across unused ones"
    );
}

#[test]
fn the_press_takes_eleven_requests_for_eleven_points() {
    let template = golden("press-plc");
    assert_eq!(template.points.len(), 11);
    assert_eq!(starts(&template).len(), 11);
}

#[test]
fn each_way_of_counting_names_the_same_register() {
    for (base, address) in [("pdu0", 6), ("reg1", 7), ("ref5", 40_007), ("ref6", 400_007)] {
        let template = template(
            &format!("address_base = '{base}'"),
            &point("p", &format!("hr:{address}"), "u16"),
        );
        assert_eq!(starts(&template), [(Table::Holding, 6, 1)], "{base}");
    }
    let below = template("address_base = 'ref5'", &point("p", "hr:7", "u16"));
    assert!(plan(&below).is_err_and(|it| it.to_string().contains("address_base")));
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    for (modbus, points, word) in [
        ("", point("txt", "hr:0", "string"), "len"),
        ("holes = ['hr:9-12']", point("inside", "hr:8", "f32"), "hole"),
        ("holes = ['hr:12-9']", point("p", "hr:0", "u16"), "hr:12-9"),
        ("", point("last", "hr:65535", "f32"), "65535"),
        ("max_registers = 2", point("wide", "hr:0", "f64"), "registers"),
    ] {
        let refused = plan(&template(modbus, &points)).expect_err(word).to_string();
        assert!(refused.contains(word), "{refused}");
    }
}

#[test]
fn bits_of_one_word_are_one_register_and_cannot_be_split() {
    let points = [point("a", "hr:3.0", "bool"), point("b", "hr:3.7", "bool")].concat();
    let plans = plan(&template("", &points)).expect("plannable");
    assert_eq!(plans[0].reads.len(), 1);
    assert_eq!(plans[0].reads[0].split(), None);
}

fn chance_template() -> impl Strategy<Value = (DeviceTemplate, u16)> {
    let kinds = prop::sample::select(vec!["u16", "i32", "f64", "f32", "bits16"]);
    let points = prop::collection::vec((0_u32..300, kinds), 1..40);
    (points, 0_u16..12, 4_u16..130, 100_u32..110, 0_u32..6).prop_map(
        |(points, gap, max, hole, len)| {
            let outside = |at: u32, kind: &str| {
                at + if kind == "f64" { 4 } else { 2 } <= hole || hole + len < at
            };
            let text: String = points
                .iter()
                .enumerate()
                .filter(|(_, (at, kind))| outside(*at, kind))
                .map(|(index, (at, kind))| point(&format!("p{index}"), &format!("hr:{at}"), kind))
                .collect();
            let modbus = format!(
                "merge_gap = {gap}\nmax_registers = {max}\nholes = ['hr:{hole}-{}']",
                hole + len
            );
            (template(&modbus, &text), max)
        },
    )
}

proptest! {
    #[test]
    fn every_point_is_read_once_within_the_limits_and_outside_holes((template, max) in chance_template()) {
        let plans = plan(&template).expect("plannable");
        let reads: Vec<&PlannedRead> = plans.iter().flat_map(|it| &it.reads).collect();
        let limits = Limits::of(template.modbus.as_ref().expect("modbus")).expect("limits");
        let mut covered: BTreeMap<usize, usize> = BTreeMap::new();
        for read in &reads {
            let (start, end) = (u32::from(read.address), u32::from(read.address) + u32::from(read.count));
            prop_assert!(read.count <= max.min(REGISTERS_MAX));
            prop_assert!(!limits.crosses_hole(read.table, start, end));
            for place in &read.points {
                *covered.entry(place.point).or_default() += 1;
                prop_assert!(place.offset + place.width <= read.count);
                let PointAddress::Modbus { address, .. } = template.points[place.point].at else {
                    return Err(TestCaseError::fail("not a register"));
                };
                prop_assert_eq!(start + u32::from(place.offset), address);
            }
        }
        prop_assert_eq!(covered.len(), template.points.len());
        prop_assert!(covered.values().all(|times| *times == 1));
    }

    #[test]
    fn a_split_keeps_every_point_and_gets_smaller((template, _) in chance_template()) {
        for read in plan(&template).expect("plannable").iter().flat_map(|it| &it.reads) {
            let Some((left, right)) = read.split() else { continue };
            prop_assert!(left.count < read.count && right.count < read.count);
            let places = |it: &PlannedRead| -> Vec<(usize, u16)> {
                it.points.iter().map(|point| (point.point, it.address + point.offset)).collect()
            };
            prop_assert_eq!([places(&left), places(&right)].concat(), places(read));
        }
    }
}
