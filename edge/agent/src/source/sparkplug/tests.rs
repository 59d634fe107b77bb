//! The host against foreign payloads, a recorded production line, and its own rules.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const NOW: Time = Time::from_millis(1_750_855_643_474);

fn values(told: &Told) -> Vec<(&str, Option<f64>)> {
    told.values
        .iter()
        .map(|it| (it.name.as_str(), it.value.as_ref().and_then(Value::as_f64)))
        .collect()
}

fn metric(name: Option<&str>, alias: Option<u64>, value: MetricValue) -> Metric {
    Metric { name: name.map(str::to_owned), alias, value: Some(value), ..Metric::default() }
}

fn message(seq: u64, metrics: Vec<Metric>) -> Vec<u8> {
    payload::encode(&Payload { timestamp: Some(1_750_855_643_474), metrics, seq: Some(seq) })
}

fn birth(bd_seq: u64) -> Vec<u8> {
    let alias = metric(Some("speed"), Some(7), MetricValue::Double(1.5));
    message(0, vec![metric(Some("bdSeq"), None, MetricValue::Long(bd_seq)), alias])
}

#[test]
fn foreign_payloads_give_what_another_decoder_says() {
    let Some(text) = shared("sparkplug/payload_vectors.jsonl") else { return };
    let mut checked = 0;
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let bytes = BASE64.decode(vector["base64"].as_str().unwrap()).unwrap();
        let found = payload::decode(&bytes).unwrap();
        let name = &vector["name"];
        assert_eq!(found.timestamp, vector["timestamp"].as_u64(), "{name}");
        assert_eq!(found.seq, vector["seq"].as_u64(), "{name}");
        let wanted = vector["metrics"].as_array().unwrap();
        assert_eq!(found.metrics.len(), wanted.len(), "{name}");
        for (found, wanted) in found.metrics.iter().zip(wanted) {
            assert_eq!(found.name.as_deref(), wanted["name"].as_str(), "{name}");
            let alias = wanted["alias"].as_u64();
            assert_eq!(found.alias, alias, "{name}");
            assert_eq!(found.datatype.map(u64::from), wanted["datatype"].as_u64(), "{name}");
            let value = found.value.as_ref().and_then(|it| payload::json(it, found.datatype));
            let kinds = ["double", "float", "long", "int", "boolean", "string"];
            let stated = kinds.iter().find_map(|it| wanted.get(*it));
            // The other decoder writes switches as 0 and 1.
            let number =
                |it: &Value| it.as_f64().or(it.as_bool().map(|it| f64::from(u8::from(it))));
            let (value, stated) = (value.as_ref().and_then(number), stated.and_then(number));
            assert_eq!(value, stated, "{name}");
            checked += 1;
        }
        assert_eq!(payload::decode(&payload::encode(&found)).unwrap(), found, "{name}");
    }
    assert!(7 < checked, "{checked} metrics were compared");
}

#[test]
fn the_vectors_play_as_a_story_birth_data_gap_and_a_request() {
    let Some(text) = shared("sparkplug/payload_vectors.jsonl") else { return };
    let bytes = |name: &str| -> Vec<u8> {
        let line = text.lines().find(|it| it.contains(&format!("\"{name}\""))).unwrap();
        let vector: Value = serde_json::from_str(line).unwrap();
        BASE64.decode(vector["base64"].as_str().unwrap()).unwrap()
    };
    let mut host = Host::default();
    let early = host.take("spBv1.0/g/NDATA/n", &bytes("NDATA_BEFORE_BIRTH"), NOW);
    assert_eq!((early.trouble, early.values.len()), (Some("sparkplug_before_birth"), 0));
    assert_eq!(host.requests().len(), 1);
    let born = host.take("spBv1.0/g/NBIRTH/n", &bytes("NBIRTH_V1"), NOW);
    assert!(values(&born).contains(&("Temperature", Some(21.5))), "{born:?}");
    let data = host.take("spBv1.0/g/NDATA/n", &bytes("NDATA_V1"), NOW);
    assert_eq!((values(&data), data.trouble), (vec![("Temperature", Some(22.5))], None));
    let gap = host.take("spBv1.0/g/NDATA/n", &bytes("NDATA_GAP"), NOW);
    assert_eq!((gap.trouble, gap.values.len()), (Some(GAP), 0), "an alias is not guessed");
    assert_eq!(host.requests().len(), 1);
    assert_eq!(host.requests().len(), 0, "a node is asked once");
}

#[test]
fn a_recorded_line_is_counted_by_edge_node_and_not_by_device() {
    let Some(text) = shared("sparkplug/capture_a.csv") else { return };
    let mut host = Host::default();
    let mut found = BTreeMap::<&str, usize>::new();
    let (mut last, mut by_device) = (BTreeMap::new(), BTreeMap::new());
    let (mut wanted, mut gaps_by_device) = (BTreeMap::<&str, usize>::new(), 0);
    let follows = |before: Option<u64>, seq: u64| before.is_none_or(|it| (it + 1) % 256 == seq);
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let (topic, seq, at) = (fields[2], fields[7].parse::<u64>().ok(), fields[8].parse().ok());
        let bytes = payload::encode(&Payload { timestamp: at, metrics: Vec::new(), seq });
        let told = host.take(topic, &bytes, NOW);
        *found.entry(told.trouble.unwrap_or("none")).or_default() += 1;
        // Counted once more, the plain way.
        let Some(seq) = seq else {
            *wanted.entry("sparkplug_no_seq").or_default() += 1;
            continue;
        };
        let node = (fields[3], fields[5]);
        let before = last.insert(node, seq);
        let kind = match before {
            before if follows(before, seq) => "sparkplug_before_birth",
            before if before == Some(seq) => REPEAT,
            _ => GAP,
        };
        *wanted.entry(kind).or_default() += 1;
        gaps_by_device += usize::from(!follows(by_device.insert((node, fields[6]), seq), seq));
    }
    assert_eq!(found, wanted);
    assert!(0 < found[GAP] && 10 * found[GAP] < gaps_by_device, "{found:?}, {gaps_by_device}");
}

#[test]
fn a_device_has_its_own_birth_and_death_and_its_nodes_sequence() {
    let mut host = Host::default();
    host.take("spBv1.0/g/NBIRTH/n", &birth(3), NOW);
    let device = message(1, vec![metric(Some("temp"), Some(8), MetricValue::Int(40))]);
    let born = host.take("spBv1.0/g/DBIRTH/n/d", &device, NOW);
    assert_eq!(values(&born), [("temp", Some(40.0))]);
    let data = message(2, vec![metric(None, Some(8), MetricValue::Int(41))]);
    let told = host.take("spBv1.0/g/DDATA/n/d", &data, NOW);
    assert_eq!((values(&told), told.trouble), (vec![("temp", Some(41.0))], None));
    assert_eq!(told.about, Speaker::from_address("g/n/d"));
    let node = message(3, vec![metric(None, Some(8), MetricValue::Int(1))]);
    let other = host.take("spBv1.0/g/NDATA/n", &node, NOW);
    assert_eq!(values(&other), [], "the alias is the device's");
    assert!(host.take("spBv1.0/g/DDEATH/n/d", &message(4, Vec::new()), NOW).is_dead);
    let old = message(0, vec![metric(Some("bdSeq"), None, MetricValue::Long(2))]);
    let told = host.take("spBv1.0/g/NDEATH/n", &old, NOW);
    assert_eq!((told.is_dead, told.trouble), (false, Some("sparkplug_old_death")));
    let own = message(0, vec![metric(Some("bdSeq"), None, MetricValue::Long(3))]);
    assert!(host.take("spBv1.0/g/NDEATH/n", &own, NOW).is_dead);
    host.take("spBv1.0/g/NBIRTH/n", &birth(255), NOW);
    let next = message(0, vec![metric(Some("bdSeq"), None, MetricValue::Long(0))]);
    assert!(host.take("spBv1.0/g/NDEATH/n", &next, NOW).is_dead, "the next one's number");
    let after = host.take("spBv1.0/g/NDATA/n", &message(5, Vec::new()), NOW);
    assert_eq!(after.trouble, Some("sparkplug_before_birth"));
}

#[test]
fn the_sequence_wraps_and_a_repeat_is_not_taken_twice() {
    let mut host = Host::default();
    host.take("spBv1.0/g/NBIRTH/n", &birth(0), NOW);
    for seq in (1..=255).chain([0, 1]) {
        let data = message(seq, vec![metric(None, Some(7), MetricValue::Double(2.0))]);
        let told = host.take("spBv1.0/g/NDATA/n", &data, NOW);
        assert_eq!((told.trouble, told.values.len()), (None, 1), "{seq}");
    }
    let again = message(1, vec![metric(None, Some(7), MetricValue::Double(2.0))]);
    let told = host.take("spBv1.0/g/NDATA/n", &again, NOW);
    assert_eq!((told.trouble, told.values.len()), (Some(REPEAT), 0));
}

#[test]
fn signed_numbers_and_missing_ones_are_read_by_their_type() {
    let json = |value: MetricValue, datatype| payload::json(&value, Some(datatype));
    assert_eq!(json(MetricValue::Int(0xff), payload::INT8), Some((-1).into()));
    assert_eq!(json(MetricValue::Int(0xfffe), payload::INT16), Some((-2).into()));
    assert_eq!(json(MetricValue::Int(0xffff_fffd), payload::INT32), Some((-3).into()));
    assert_eq!(json(MetricValue::Long(u64::MAX), payload::INT64), Some((-1).into()));
    assert_eq!(json(MetricValue::Long(7), 8), Some(7.into()));
    assert_eq!(json(MetricValue::Double(f64::NAN), 10), None);
    let mut host = Host::default();
    host.take("spBv1.0/g/NBIRTH/n", &birth(0), NOW);
    let null = Metric { alias: Some(7), is_null: Some(true), ..Metric::default() };
    let told = host.take("spBv1.0/g/NDATA/n", &message(1, vec![null]), NOW);
    assert_eq!(values(&told), [("speed", None)]);
}

#[test]
fn addresses_and_topics_of_others_are_refused() {
    for address in ["", "g", "g/", "/n", "g/n/d/x"] {
        assert_eq!(Speaker::from_address(address), None, "{address}");
    }
    let mut host = Host::default();
    for topic in ["spBv1.0/g/NDATA", "spBv1.0/g/XDATA/n", "spBv1.0/g/NDATA/n/d/x", "spBv1.0"] {
        assert!(host.take(topic, &birth(0), NOW).trouble.is_some(), "{topic}");
    }
    assert_eq!(host.take("spBv1.0/g/NBIRTH/n", b"\xff\xff", NOW).trouble, Some("parse"));
}

proptest! {
    #[test]
    fn no_bytes_crash_the_host(messages in prop::collection::vec((0_usize..6, prop::collection::vec(any::<u8>(), 0..80)), 0..30)) {
        let kinds = ["NBIRTH/n", "NDATA/n", "DBIRTH/n/d", "DDATA/n/d", "NDEATH/n", "DDEATH/n/d"];
        let mut host = Host::default();
        for (kind, bytes) in messages {
            let told = host.take(&format!("spBv1.0/g/{}", kinds[kind]), &bytes, NOW);
            prop_assert!(told.values.len() <= 80);
        }
    }
}

fn shared(name: &str) -> Option<String> {
    let folder = std::env::var_os("FOREWARN_SHARED").map_or_else(
        || format!("{}/../../../shared", env!("CARGO_MANIFEST_DIR")).into(),
        std::path::PathBuf::from,
    );
    if let Ok(text) = std::fs::read_to_string(folder.join("data").join(name)) {
        return Some(text);
    }
    let is_required = std::env::var("FOREWARN_REQUIRE").is_ok_and(|it| it.contains("data"));
    assert!(!is_required, "data/{name} is missing");
    report(&format!("SKIPPED sparkplug: needs data/{name}"));
    None
}

#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn report(line: &str) {
    println!("{line}");
}
