//! What needs another point's value.

use super::*;

fn turned(words: [u16; 2]) -> Vec<(Value, Quality)> {
    let text = "schema = 'forewarn.device/1'\n[device]\nid = 't'\nvendor = 'v'\nmodel = 'm'\n\
         kind = 'plc'\ntitle = { en = 'T', zh = 'T' }\nevidence = 'unverified'\n\
         sources = ['a test']\n[modbus]\n[[point]]\nid = 'current'\nat = 'hr:0'\ntype = 'u16'\n\
         quantity = 'electrical.current'\nrange = [0.0, 100.0]\n\
         transform = { div_by_point = 'factor' }\n[[point]]\nid = 'factor'\nat = 'hr:1'\n\
         type = 'u16'\nquantity = 'controller.value'\nsentinel = [65535]\n";
    let template: DeviceTemplate = toml::from_str(text).expect("a template");
    template.check().expect("consistent");
    let settings = template.modbus.clone().expect("modbus");
    let decoded = |(index, word): (usize, u16)| {
        (index, decode::registers(&template.points[index], &settings, &[word]))
    };
    let points = words.into_iter().enumerate().map(decoded).collect();
    let mut turn = Turn { points, ..Turn::default() };
    transform(&mut turn, &template);
    turn.points.into_iter().map(|(_, it)| (it.value, it.quality)).collect()
}

#[test]
fn a_device_may_tell_its_own_factor() {
    assert_eq!(turned([425, 10])[0], (Value::Number(42.5), Quality::Good));
    // The range is that of the quotient: 425 itself lies outside.
    let doubtful = Quality::Uncertain(forewarn_domain::quality::Uncertain::Range);
    assert_eq!(turned([4_250, 10])[0], (Value::Number(425.0), doubtful));
}

#[test]
fn without_its_factor_there_is_no_value() {
    for factor in [0, 65_535] {
        assert_eq!(turned([425, factor])[0].1, Quality::Bad(Bad::Parse), "{factor}");
    }
}
