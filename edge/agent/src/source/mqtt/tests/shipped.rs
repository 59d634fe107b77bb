//! The shipped templates of gateways and brokers, each with a message as its sender writes it.

use super::*;

fn heard(
    template: &str,
    address: &str,
    topic: &str,
    payload: &str,
) -> Vec<(String, i64, Value, Quality)> {
    let path = format!("{}/../../config/devices/{template}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let template: DeviceTemplate = toml::from_str(&text).unwrap();
    template.check().unwrap();
    let site: SiteFile = toml::from_str(&format!(
        "schema = 'forewarn.site/1'\n[site]\nid = 's'\nname = {{ en = 'S' }}\ntime_zone = 'UTC'\n\
         [[link]]\nid = 'broker'\nvia = {{ mqtt = {{ broker = '127.0.0.1:1883' }} }}\n\
         [[device]]\nid = 'd-1'\nname = {{ en = 'D' }}\nclass = 'c'\n\
         [[device.source]]\nid = 's'\ntemplate = '{}'\nlink = 'broker'\naddress = '{address}'\n",
        template.device.id
    ))
    .unwrap();
    let plant = Plant::new(site, vec![template.clone()]).unwrap();
    let device = plant.devices().next().unwrap();
    let points = SourcePoints::new(device, &device.device.sources[0], &Arc::new(template));
    let mut listener = Listener::new(vec![points], &StatusBoard::default());
    let readings = listener.take_parts(topic, payload.as_bytes(), NOW);
    let row = |it: &Measured| {
        let ms = it.t.micros() / 1_000 - NOW.micros() / 1_000;
        (it.channel.point_str().to_owned(), ms, it.value.clone(), it.quality)
    };
    readings.iter().map(row).collect()
}

fn number(point: &str, ms: i64, value: f64) -> (String, i64, Value, Quality) {
    (point.to_owned(), ms, Value::Number(value), Quality::Good)
}

#[test]
fn neuron_sends_values_or_tags_and_errors_beside_them() {
    let found = heard(
        "neuron-fanuc-cnc",
        "fanuc-1",
        "/neuron/mqtt/fanuc-1/group",
        r#"{"timestamp": 1800000000000, "node": "fanuc-1", "group": "group", "metas": {},
            "values": {"acts": 1200, "actf": 8.5, "program": "O1234", "parts": 17},
            "errors": {"spload.1": 2014}}"#,
    );
    let by_name = |name: &str| found.iter().find(|it| it.0 == name).cloned().unwrap();
    assert_eq!(by_name("spindle_speed"), number("spindle_speed", 0, 1_200.0));
    assert_eq!(by_name("spindle_load").3, Quality::Bad(Bad::Exception));
    assert_eq!(by_name("program").2, Value::Text("O1234".to_owned()));
    assert_eq!(found.len(), 5, "{found:?}");
    let found = heard(
        "neuron-tags",
        "plc-1",
        "/neuron/mqtt/plc-1/group",
        r#"{"timestamp": 1799999999500, "node": "plc-1", "group": "group",
            "tags": [{"name": "temperature", "value": 40.5}, {"name": "running", "value": 1},
                     {"name": "current", "error": 2014}]}"#,
    );
    assert_eq!(found, [number("running", -500, 1.0), number("temperature", -500, 40.5)]);
}

#[test]
fn thingsboard_sends_one_sample_or_a_list_and_gateways_one_for_each_device() {
    let one = r#"{"ts": 1800000000000, "values": {"vibration": 2.5, "temperature": 41}}"#;
    let found = heard("thingsboard-device", "d-1", "v1/devices/me/telemetry", one);
    assert_eq!(found, [number("velocity_rms", 0, 2.5), number("temperature", 0, 41.0)]);
    let list = r#"[{"ts": 1799999990000, "values": {"vibration": 2.5}},
                   {"ts": 1799999995000, "values": {"vibration": 2.75}}]"#;
    let found = heard("thingsboard-device", "d-1", "v1/devices/me/telemetry", list);
    assert_eq!(found, [number("velocity_rms", -10_000, 2.5), number("velocity_rms", -5_000, 2.75)]);
    let gateway = r#"{"Press A": [{"ts": 1799999999000, "values": {"vibration": 1.5}},
                                  {"ts": 1800000000000, "values": {"vibration": 1.75}}],
                      "Press B": [{"ts": 1800000000000, "values": {"vibration": 9}}]}"#;
    let found = heard("thingsboard-gateway", "Press A", "v1/gateway/telemetry", gateway);
    assert_eq!(found, [number("velocity_rms", -1_000, 1.5), number("velocity_rms", 0, 1.75)]);
}

#[test]
fn a_tasmota_meter_is_heard_at_our_time() {
    let payload = r#"{"Time": "2026-11-20T06:02:00", "ENERGY": {"TotalStartTime": "2024-01-01T00:00:00",
        "Total": 12.5, "Power": 230, "Current": 1.25, "Voltage": 231}, "TempUnit": "C"}"#;
    let found = heard("tasmota-energy", "plug-3", "tele/plug-3/SENSOR", payload);
    assert_eq!(
        found,
        [
            number("power", 0, 230.0),
            number("current", 0, 1.25),
            number("voltage", 0, 231.0),
            number("energy", 0, 12.5)
        ]
    );
}

#[test]
fn every_observation_of_an_mtconnect_document_is_read_at_its_own_time() {
    let payload = r#"{"MTConnectStreams": {"jsonVersion": 2, "Header": {"instanceId": 1},
      "Streams": {"DeviceStream": [{"name": "OKUMA", "uuid": "OKUMA.1", "ComponentStream": [
        {"component": "Rotary", "componentId": "S1", "Samples": {"Load": [
          {"value": 12.5, "dataItemId": "S1load", "timestamp": "2027-01-15T07:59:58Z", "sequence": 4},
          {"value": 13, "dataItemId": "S1load", "timestamp": "2027-01-15T07:59:59Z", "sequence": 7}],
          "RotaryVelocity": [{"value": "UNAVAILABLE", "dataItemId": "S1speed",
            "timestamp": "2027-01-15T07:59:59Z", "sequence": 8}]}},
        {"component": "Path", "Events": {"Execution": [
          {"value": "ACTIVE", "dataItemId": "pexecution", "timestamp": "2027-01-15T07:59:57Z"}]}}]}]}}}"#;
    let found = heard("mtconnect-mqtt-sink", "OKUMA.1", "MTConnect/Sample/OKUMA.1", payload);
    let bad = Quality::Bad(Bad::Sentinel);
    assert_eq!(
        found,
        [
            number("s1_load", -2_000, 12.5),
            number("s1_load", -1_000, 13.0),
            ("s1_speed".to_owned(), -1_000, Value::Number(0.0), bad),
            ("execution".to_owned(), -3_000, Value::Text("ACTIVE".to_owned()), Quality::Good),
        ]
    );
}
