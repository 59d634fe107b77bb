//! What one reading of a device tells about its map: self-tests and what no machine can say. Pure.
//!
//! Rely on this: a finding says what was seen and what to try; silence about a point means only
//! that nothing speaks against it.

use std::collections::BTreeMap;

use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::template::{ByteOrder, DeviceTemplate, PointTemplate, PointType};
use serde::Serialize;

use crate::decode::{self, Decoded, Raw, Value};

/// Something that speaks for or against a map.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Whether it speaks against the map or the device.
    pub is_fault: bool,
    /// What was looked at.
    pub about: String,
    /// What was seen, and what to try.
    pub what: String,
}

/// Looks at one reading of every point of a template.
#[must_use]
pub fn examine(template: &DeviceTemplate, points: &[(usize, Decoded)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, decoded) in points {
        if let Some(point) = template.points.get(*index) {
            findings.extend(point_findings(template, point, decoded));
        }
    }
    findings.extend(selftest_findings(template, points));
    findings
}

fn point_findings(
    template: &DeviceTemplate,
    point: &PointTemplate,
    decoded: &Decoded,
) -> Option<Finding> {
    let fault = |what: String| Some(Finding { is_fault: true, about: point.id.to_string(), what });
    match (decoded.quality, &decoded.value) {
        (Quality::Bad(Bad::NotConfigured), _) if point.optional => None,
        (Quality::Bad(Bad::NotConfigured), _) => {
            fault("the device refuses this address; is `address_base` right?".to_owned())
        }
        (Quality::Bad(Bad::Sentinel), _) => Some(Finding {
            is_fault: false,
            about: point.id.to_string(),
            what: "the device says that it has no value".to_owned(),
        }),
        (Quality::Bad(why), _) => fault(format!("no value: {}", Quality::Bad(why))),
        (quality, Value::Number(value)) => {
            if let Some(order) = better_order(template, point, decoded) {
                return fault(format!("{value} is no single; with byte order {order} it is one"));
            }
            let is_mains =
                point.quantity == Quantity::Frequency && template.device.kind.starts_with("meter");
            if is_mains && !(45.0..=65.0).contains(value) {
                return fault(format!("{value} is no mains frequency; try `forewarn-edge decode`"));
            }
            if quality == Quality::Uncertain(Uncertain::Range) {
                return fault(format!("{value} is outside the physical range of the template"));
            }
            None
        }
        (_, Value::Text(_)) => None,
    }
}

/// For a single that no measurement has, the order in which it would be one.
fn better_order(
    template: &DeviceTemplate,
    point: &PointTemplate,
    decoded: &Decoded,
) -> Option<&'static str> {
    let (PointType::F32, Some(Raw::Float(raw))) = (point.kind, &decoded.raw) else { return None };
    if is_plausible(*raw) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was a single before")]
    let bits = (*raw as f32).to_bits().to_be_bytes();
    let settings = template.modbus.as_ref()?;
    let now = point.byte_order.unwrap_or(settings.byte_order);
    // Back to the wire, and from there in each other order.
    let (high, low) = ([bits[0], bits[1]], [bits[2], bits[3]]);
    let swapped = |[first, second]: [u8; 2]| [second, first];
    let wire = match now {
        ByteOrder::Abcd => [high, low],
        ByteOrder::Badc => [swapped(high), swapped(low)],
        ByteOrder::Cdab => [low, high],
        ByteOrder::Dcba => [swapped(low), swapped(high)],
    };
    let words = wire.map(u16::from_be_bytes);
    let orders = [
        ("ABCD", ByteOrder::Abcd),
        ("CDAB", ByteOrder::Cdab),
        ("DCBA", ByteOrder::Dcba),
        ("BADC", ByteOrder::Badc),
    ];
    let is_better = |order: ByteOrder| {
        let point = PointTemplate { byte_order: Some(order), ..point.clone() };
        let other = decode::registers(&point, settings, &words);
        other.quality == Quality::Good
            && matches!(other.raw, Some(Raw::Float(it)) if is_plausible(it))
    };
    orders.iter().find(|(_, order)| *order != now && is_better(*order)).map(|(name, _)| *name)
}

/// A measurement is zero, or neither next to nothing nor beyond everything.
fn is_plausible(raw: f64) -> bool {
    let size = raw.abs();
    size == 0.0 || (1e-6..=1e9).contains(&size)
}

fn selftest_findings(template: &DeviceTemplate, points: &[(usize, Decoded)]) -> Vec<Finding> {
    let usable = |(index, decoded): &(usize, Decoded)| match decoded.value {
        Value::Number(value) if !decoded.quality.is_bad() => {
            Some((template.points.get(*index)?.id.as_str(), value))
        }
        _ => None,
    };
    let values: BTreeMap<&str, f64> = points.iter().filter_map(usable).collect();
    let judge = |selftest: &forewarn_domain::template::Selftest| {
        let shown: Vec<String> = selftest
            .expr
            .names()
            .iter()
            .map(|name| match values.get(name.as_str()) {
                Some(value) => format!("{name} = {value}"),
                None => format!("{name} has no value"),
            })
            .collect();
        let shown = shown.join(", ");
        let (is_fault, what) = match selftest.expr.holds(|name| values.get(name).copied()) {
            Some(true) => (false, format!("holds ({shown})")),
            Some(false) => (true, format!("{} ({shown})", selftest.say)),
            None => (false, format!("cannot be told ({shown})")),
        };
        Finding { is_fault, about: selftest.expr.text().to_owned(), what }
    };
    template.selftests.iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(points: &str) -> DeviceTemplate {
        let text = format!(
            "schema = 'forewarn.device/1'\n[device]\nid = 't'\nvendor = 'v'\nmodel = 'm'\n\
             kind = 'meter.energy'\ntitle = {{ en = 'T', zh = 'T' }}\nevidence = 'unverified'\n\
             sources = ['a test']\n[modbus]\n{points}"
        );
        let template: DeviceTemplate = toml::from_str(&text).expect("a template");
        template.check().expect("consistent");
        template
    }

    fn examined(points: &str, words: &[&[u16]]) -> Vec<(bool, String)> {
        let template = template(points);
        let settings = template.modbus.clone().expect("modbus");
        let decoded: Vec<_> = words
            .iter()
            .enumerate()
            .map(|(index, words)| {
                (index, decode::registers(&template.points[index], &settings, words))
            })
            .collect();
        examine(&template, &decoded).into_iter().map(|it| (it.is_fault, it.what)).collect()
    }

    #[test]
    fn a_single_with_its_words_turned_around_is_found_with_the_right_order() {
        let bits = 230.4_f32.to_bits();
        let words = [u16::try_from(bits & 0xffff).unwrap(), u16::try_from(bits >> 16).unwrap()];
        let points =
            "[[point]]\nid = 'u'\nat = 'hr:0'\ntype = 'f32'\nquantity = 'electrical.voltage'\n";
        let found = examined(points, &[&words]);
        assert!(matches!(&found[..], [(true, what)] if what.contains("CDAB")), "{found:?}");
        let right = [words[1], words[0]];
        assert_eq!(examined(points, &[&right]), []);
    }

    #[test]
    fn a_map_that_is_one_register_off_breaks_its_self_test() {
        let points = "[[point]]\nid = 'inch'\nat = 'hr:0'\ntype = 'u16'\nscale = 0.0001\n\
             quantity = 'vibration.velocity.rms'\n[[point]]\nid = 'mm'\nat = 'hr:1'\ntype = 'u16'\n\
             scale = 0.001\nquantity = 'vibration.velocity.rms'\n[[selftest]]\n\
             expr = 'abs(inch * 25.4 - mm) < 0.05'\nsay = 'the map is shifted'\n";
        let right = examined(points, &[&[1_000], &[2_540]]);
        assert!(matches!(&right[..], [(false, what)] if what.starts_with("holds")), "{right:?}");
        let shifted = examined(points, &[&[2_540], &[7_412]]);
        assert!(matches!(&shifted[..], [(true, what)] if what.contains("shifted")), "{shifted:?}");
    }
}
