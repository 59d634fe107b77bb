//! Messages of a spindle bridge, good and bad, without a broker.

mod shipped;

use std::sync::Arc;

use forewarn_domain::site::SiteFile;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::template::DeviceTemplate;
use proptest::prelude::*;

use forewarn_domain::quality::Quality;
use forewarn_domain::time::Span;

use super::*;
use crate::decode::Value;
use crate::intake::Measured;

const NOW: Time = Time::from_millis(1_800_000_000_000);

fn template() -> DeviceTemplate {
    let path =
        format!("{}/../../tests/vectors/templates/spindle-node.toml", env!("CARGO_MANIFEST_DIR"));
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn sources() -> Vec<SourcePoints> {
    let site: SiteFile = toml::from_str(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = { en = 'S' }\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'broker'\nvia = { mqtt = { broker = '127.0.0.1:1883' } }\n\
         [[device]]\nid = 'mill-07'\nname = { en = 'Mill' }\nclass = 'cnc-mill'\n\
         [[device.source]]\nid = 'spindle'\ntemplate = 'spindle-node'\nlink = 'broker'\n",
    )
    .unwrap();
    let plant = Plant::new(site, vec![template()]).unwrap();
    let device = plant.devices().next().unwrap();
    let source = &device.device.sources[0];
    vec![SourcePoints::new(device, source, &Arc::new(template()))]
}

fn listener() -> Listener {
    Listener::new(sources(), &StatusBoard::default())
}

fn message(topic: &str, payload: &[u8]) -> (String, Vec<u8>) {
    (topic.to_owned(), payload.to_vec())
}

fn burst(count: u32, samples: usize) -> Vec<u8> {
    let mut bytes = b"FWB1".to_vec();
    bytes.extend([1, 3, 0, 0]);
    bytes.extend(1_800_000_000_000_000_000_u64.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(12_800.0_f32.to_le_bytes());
    bytes.extend(0.000_5_f32.to_le_bytes());
    bytes.extend((0..samples).flat_map(|it| i16::try_from(it % 100).unwrap().to_le_bytes()));
    bytes
}

fn capture(bytes: &[u8]) -> Result<crate::intake::Capture, layout::LayoutError> {
    let channel = "mill-07/spindle/acc_burst".parse().unwrap();
    layout::capture(&template().waveforms[0], channel, bytes, NOW)
}

#[test]
fn a_message_of_the_bridge_becomes_readings() {
    let (topic, payload) = message(
        "/neuron/n1/mill-07/spindle",
        br#"{"timestamp": 1800000000000, "values": {"acts": 1200, "alarm": "E12"},
            "errors": {"spload.1": 2014}}"#,
    );
    let board = StatusBoard::default();
    let mut listener = Listener::new(sources(), &board);
    let readings = listener.take_parts(&topic, &payload, NOW);
    let found: Vec<(&str, Value, Quality)> =
        readings.iter().map(|it| (it.channel.point_str(), it.value.clone(), it.quality)).collect();
    assert_eq!(
        found,
        [
            ("speed", Value::Number(1200.0), Quality::Good),
            ("load", Value::Number(0.0), Quality::Bad(Bad::Exception)),
            ("alarm_text", Value::Text("E12".to_owned()), Quality::Good),
        ]
    );
    assert!(listener.take_parts("/neuron/n1/mill-08/spindle", &payload, NOW).is_empty());
    assert!(listener.take_parts(&topic, b"{\"values\": ", NOW).is_empty());
    let (_, _, status) = board.sources().remove(0);
    assert_eq!((status.answers, status.errors.get("parse")), (1, Some(&1)));
}

#[test]
fn silence_makes_the_last_values_stale_once_and_then_every_ten_seconds() {
    let mut listener = listener();
    let payload =
        br#"{"timestamp": 1800000000000, "values": {"acts": 1200, "spload.1": 20, "alarm": ""}}"#;
    listener.take_parts("/neuron/n1/mill-07/spindle", payload, NOW);
    let stale_at: Vec<i64> = (1..40)
        .filter(|t| !listener.silence(NOW, NOW + Span::from_secs(*t)).readings.is_empty())
        .collect();
    assert_eq!(stale_at, [16, 26, 36]);
}

#[test]
fn a_burst_is_read_by_its_header() {
    let found = capture(&burst(2_048, 3 * 2_048)).unwrap();
    assert_eq!((found.samples.len(), found.rate_hz), (6_144, 12_800.0));
    assert!((found.scale_g - 0.000_5).abs() < 1e-9);
    assert_eq!((found.t0, found.quality), (NOW, Quality::Good));
    assert_eq!(found.samples[..3], [0, 1, 2]);
    assert!(capture(&burst(6_144, 6_144)).is_ok(), "all axes together are counted as well");
}

#[test]
fn a_burst_that_lies_is_left_out() {
    use layout::LayoutError;
    let whole = burst(2_048, 6_144);
    assert!(matches!(capture(&burst(2_047, 6_144)), Err(LayoutError::Count { .. })));
    assert!(matches!(capture(&whole[..20]), Err(LayoutError::Short { .. })));
    assert!(matches!(capture(&whole[..whole.len() - 1]), Err(LayoutError::Torn { .. })));
    let mut other = whole.clone();
    other[0] = b'X';
    assert!(matches!(capture(&other), Err(LayoutError::Magic { .. })));
    let mut axes = whole.clone();
    axes[5] = 2;
    assert!(matches!(capture(&axes), Err(LayoutError::Axes { .. })));
    let mut rate = whole;
    rate[20..24].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(capture(&rate), Err(LayoutError::Rate { .. })));
}

#[test]
fn other_sample_types_are_spread_over_the_range_of_i16() {
    let layout: forewarn_domain::template::SampleLayout =
        toml::from_str("type = 'f32le'\nlayout = 'single'\naxes = ['z']\nunit = 'm/s2'").unwrap();
    let (samples, scale_g) =
        layout::normalised(&layout, vec![9.806_65, -4.903_325, 0.0], 1.0, 0.0).unwrap();
    assert_eq!(samples, [32_767, -16_384, 0]);
    assert!((scale_g * 32_767.0 - 1.0).abs() < 1e-12);
}

impl Listener {
    fn take_parts(&mut self, topic: &str, payload: &[u8], now: Time) -> Vec<Measured> {
        self.hear(topic, payload, now).map(|it| it.readings).unwrap_or_default()
    }
}

proptest! {
    #[test]
    fn no_bytes_crash_the_reader_of_bursts(mut bytes in prop::collection::vec(any::<u8>(), 0..200), is_ours: bool) {
        if is_ours {
            let mut whole = burst(4, 12);
            whole.append(&mut bytes);
            bytes = whole;
        }
        if let Ok(found) = capture(&bytes) {
            prop_assert!(found.rate_hz.is_finite() && found.scale_g.is_finite());
            prop_assert!(found.samples.len() <= layout::SAMPLES_MAX);
        }
    }
}
