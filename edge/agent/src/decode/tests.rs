//! Every type in every order, and what must become bad or uncertain.

use forewarn_domain::quality::Quality;
use proptest::prelude::*;

use super::*;

const ORDERS: [&str; 4] = ["ABCD", "BADC", "CDAB", "DCBA"];

fn settings(order: &str) -> ModbusSettings {
    toml::from_str(&format!("byte_order = '{order}'")).expect("settings")
}

fn point(text: &str) -> PointTemplate {
    toml::from_str(&format!("id = 'p'\nquantity = 'force'\n{text}")).expect("point")
}

fn typed(kind: &str) -> PointTemplate {
    point(&format!("at = 'hr:0'\ntype = '{kind}'"))
}

/// The registers of big-endian bytes in one of the four orders, written independently of the
/// decoder: by the letters of the order's own name.
fn wire(bytes: &[u8], order: &str) -> Vec<u16> {
    if bytes.len() == 2 {
        return vec![u16::from_be_bytes([bytes[0], bytes[1]])];
    }
    let pairs: Vec<[u8; 2]> = bytes.chunks(2).map(|pair| [pair[0], pair[1]]).collect();
    let words: Vec<[u8; 2]> = match order {
        "ABCD" | "BADC" => pairs,
        _ => pairs.into_iter().rev().collect(),
    };
    words
        .into_iter()
        .map(|[first, second]| match order {
            "ABCD" | "CDAB" => u16::from_be_bytes([first, second]),
            _ => u16::from_be_bytes([second, first]),
        })
        .collect()
}

#[test]
fn every_type_in_every_order_gives_the_value_that_was_written() {
    let vectors: [(&str, Vec<u8>, f64); 12] = [
        ("bool", vec![0, 2], 1.0),
        ("u16", 0xfffe_u16.to_be_bytes().to_vec(), 65_534.0),
        ("i16", (-2_i16).to_be_bytes().to_vec(), -2.0),
        ("u32", 4_000_000_000_u32.to_be_bytes().to_vec(), 4e9),
        ("i32", (-123_456_i32).to_be_bytes().to_vec(), -123_456.0),
        ("u64", (1_u64 << 40).to_be_bytes().to_vec(), 1_099_511_627_776.0),
        ("i64", (-1_234_567_890_123_i64).to_be_bytes().to_vec(), -1_234_567_890_123.0),
        ("f32", 123.456_f32.to_be_bytes().to_vec(), f64::from(123.456_f32)),
        ("f64", 9_876.543_21_f64.to_be_bytes().to_vec(), 9_876.543_21),
        ("bits16", vec![0x80, 0x01], 32_769.0),
        ("bits32", vec![0x80, 0, 0, 1], 2_147_483_649.0),
        ("bcd16", vec![0x19, 0x84], 1_984.0),
    ];
    for (kind, bytes, expected) in vectors {
        for order in ORDERS {
            let decoded = registers(&typed(kind), &settings(order), &wire(&bytes, order));
            assert_eq!(decoded.value, Value::Number(expected), "{kind} {order}");
            assert_eq!(decoded.quality, Quality::Good, "{kind} {order}");
        }
    }
}

#[test]
fn the_orders_are_those_of_the_letters() {
    let words = |order| registers(&typed("u32"), &settings(order), &[0x0102, 0x0304]).raw;
    assert_eq!(words("ABCD"), Some(Raw::Unsigned(0x0102_0304)));
    assert_eq!(words("BADC"), Some(Raw::Unsigned(0x0201_0403)));
    assert_eq!(words("CDAB"), Some(Raw::Unsigned(0x0304_0102)));
    assert_eq!(words("DCBA"), Some(Raw::Unsigned(0x0403_0201)));
}

#[test]
fn a_single_register_is_turned_only_on_its_own_word() {
    let plain = registers(&typed("u16"), &settings("DCBA"), &[0x0102]);
    assert_eq!(plain.raw, Some(Raw::Unsigned(0x0102)));
    let turned = point("at = 'hr:0'\ntype = 'u16'\nbyte_order = 'BADC'");
    assert_eq!(registers(&turned, &settings("ABCD"), &[0x0102]).raw, Some(Raw::Unsigned(0x0201)));
}

#[test]
fn texts_are_letters_in_either_order_without_filling() {
    let trimmed = point("at = 'hr:0'\ntype = 'string'\nlen = 8\ntrim = true");
    let words = [0x5055, 0x4d50, 0x2d41, 0x3700];
    let decoded = registers(&trimmed, &settings("ABCD"), &words);
    assert_eq!(decoded.value, Value::Text("PUMP-A7".to_owned()));
    let swapped: ModbusSettings = toml::from_str("string_order = 'BA'").expect("settings");
    let words = words.map(u16::swap_bytes);
    assert_eq!(registers(&trimmed, &swapped, &words).value, decoded.value);
}

#[test]
fn mask_shift_bit_and_scale_pick_what_is_meant() {
    let nibble =
        point("at = 'hr:0'\ntype = 'u16'\nmask = 0xf0\nshift = 4\nscale = 0.5\noffset = 1");
    assert_eq!(registers(&nibble, &settings("ABCD"), &[0x12a7]).value, Value::Number(6.0));
    let bit = point("at = 'hr:0.15'\ntype = 'bool'");
    assert_eq!(registers(&bit, &settings("ABCD"), &[0x8000]).value, Value::Number(1.0));
    let mode = point("at = 'hr:0'\ntype = 'u16'\nenum = { 2 = { en = 'auto', zh = '自动' } }");
    let decoded = registers(&mode, &settings("ABCD"), &[2]);
    assert_eq!(decoded.raw.as_ref().and_then(|raw| word(&mode, raw)), Some("auto"));
}

#[test]
fn thousandths_have_no_tail_of_digits() {
    let point = point("at = 'hr:0'\ntype = 'u16'\nscale = 0.001");
    assert_eq!(registers(&point, &settings("ABCD"), &[2_030]).value, Value::Number(2.03));
}

#[test]
fn what_is_no_measurement_is_bad_and_named() {
    let good = settings("ABCD");
    let bad = |text: &str, words: &[u16]| registers(&point(text), &good, words).quality;
    let f32_nan = [0x7fc0, 0];
    assert_eq!(
        bad("at = 'hr:0'\ntype = 'f32'\nsentinel = ['nan']", &f32_nan),
        Quality::Bad(Bad::Sentinel)
    );
    assert_eq!(bad("at = 'hr:0'\ntype = 'f32'", &f32_nan), Quality::Bad(Bad::Parse));
    assert_eq!(
        bad("at = 'hr:0'\ntype = 'i16'\nsentinel = [32768]", &[0x8000]),
        Quality::Bad(Bad::Sentinel)
    );
    assert_eq!(
        bad("at = 'hr:0'\ntype = 'i16'\nsentinel = [-32768]", &[0x8000]),
        Quality::Bad(Bad::Sentinel)
    );
    assert_eq!(bad("at = 'hr:0'\ntype = 'bcd16'", &[0x1a00]), Quality::Bad(Bad::Parse));
    assert_eq!(bad("at = 'hr:0'\ntype = 'f64'", &[1, 2]), Quality::Bad(Bad::Parse));
    assert_eq!(
        bad("at = 'hr:0'\ntype = 'u16'\nrange = [0.0, 9.0]", &[10]),
        Quality::Uncertain(Uncertain::Range)
    );
}

#[test]
fn a_power_factor_over_four_quadrants_is_decoded_as_the_maker_says() {
    let point = point("at = 'hr:0'\ntype = 'i16'\nscale = 0.001\ntransform = 'pf4q'");
    for (raw, expected) in [(950, 0.95), (1_200, 0.8), (-950, -0.95), (-1_200, -0.8), (1_000, 1.0)]
    {
        let decoded = registers(&point, &settings("ABCD"), &[i16::cast_unsigned(raw)]);
        let Value::Number(value) = decoded.value else { panic!("{decoded:?}") };
        assert!((value - expected).abs() < 1e-9, "{raw}: {value}");
    }
}

#[test]
fn json_values_become_numbers_or_texts_or_are_bad() {
    let number = point("at = 'json:/v'\ntype = 'number'");
    let words = point("at = 'json:/v'\ntype = 'text'");
    let cases = [
        ("12", Some(12.0)),
        ("-3.5", Some(-3.5)),
        ("true", Some(1.0)),
        ("\" 7.25 \"", Some(7.25)),
        ("\"NaN\"", None),
        ("\"x\"", None),
        ("null", None),
        ("[1]", None),
    ];
    for (text, expected) in cases {
        let decoded = json(&number, &serde_json::from_str(text).expect(text));
        match expected {
            Some(value) => assert_eq!(decoded.value, Value::Number(value), "{text}"),
            None => assert_eq!(decoded.quality, Quality::Bad(Bad::Parse), "{text}"),
        }
    }
    let decoded = json(&words, &serde_json::json!("SPINDLE OVERLOAD"));
    assert_eq!(decoded.value, Value::Text("SPINDLE OVERLOAD".to_owned()));
}

proptest! {
    #[test]
    fn no_bytes_make_a_usable_value_that_is_not_finite(
        words in prop::collection::vec(any::<u16>(), 0..6),
        kind in prop::sample::select(vec!["bool", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "bits16", "bits32", "bcd16"]),
        scale in prop::num::f64::NORMAL,
        order in prop::sample::select(ORDERS.to_vec()),
    ) {
        let mut point = typed(kind);
        point.scale = scale;
        let decoded = registers(&point, &settings(order), &words);
        let Value::Number(value) = decoded.value else {
            return Err(TestCaseError::fail("a number became a text"));
        };
        prop_assert!(value.is_finite());
        prop_assert!(!decoded.quality.is_bad() || value.abs().total_cmp(&0.0).is_eq());
    }
}
