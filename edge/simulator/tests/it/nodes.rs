//! What a sensor node sends, taken apart by hand.

use std::sync::Arc;

use forewarn_domain::template::DeviceTemplate;
use forewarn_domain::time::Span;
use forewarn_simulator::Machine;
use forewarn_simulator::burst::{RATE_HZ, RawBurst, SAMPLES};
use forewarn_simulator::node::{Node, is_ready};
use forewarn_simulator::signal::Signal;

use crate::site;

fn template(id: &str) -> Arc<DeviceTemplate> {
    let all = site::templates(&site::config().join("devices"));
    Arc::new(all.into_iter().find(|it| it.device.id.as_str() == id).unwrap())
}

fn cutting_mill() -> Machine {
    let plant = site::simulated(1);
    let mut machine = plant.machines(site::ORIGIN).remove(0);
    let mut t = site::ORIGIN;
    while machine.segment().speed < 300.0 || machine.steady_for() < Span::from_secs(5) {
        t = t + Span::from_secs(1);
        machine.advance(t);
    }
    machine
}

#[test]
fn a_burst_of_three_axes_is_laid_out_as_its_header_says() {
    let machine = cutting_mill();
    let node = Node::new(template("spindle-node"), "mill-01".to_owned()).unwrap();
    let (waveform, _) = node.waveforms().next().unwrap();
    let raw = RawBurst::capture(&machine, &waveform.samples.axes);
    let message = node.burst(waveform, &raw).unwrap();
    assert_eq!(message.topic, "cell/mill-01/burst/xyz");
    let bytes = message.payload;
    assert_eq!(&bytes[..8], b"FWB1\x01\x03\x00\x00");
    let t0_ns = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
    assert_eq!(i64::try_from(t0_ns).unwrap(), 1_000 * machine.now().micros());
    let count = u32::from_le_bytes(bytes[16..20].try_into().unwrap());
    assert_eq!(usize::try_from(count).unwrap(), SAMPLES);
    let rate_hz = f32::from_le_bytes(bytes[20..24].try_into().unwrap());
    assert!((f64::from(rate_hz) - RATE_HZ).abs() < 1e-9);
    let scale_g = f64::from(f32::from_le_bytes(bytes[24..28].try_into().unwrap()));
    assert_eq!(bytes.len(), 28 + 2 * 3 * SAMPLES);
    for (place, sample) in raw.axis(2).take(100).enumerate() {
        let at = 28 + 2 * (3 * place + 2);
        let sent = i16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
        assert!((f64::from(sent) * scale_g - sample).abs() < 1e-12);
    }
}

#[test]
fn slow_values_stand_where_the_pointers_of_the_template_point() {
    let machine = cutting_mill();
    let node = Node::new(template("spindle-node-z"), "mill-01".to_owned()).unwrap();
    let message = node.trend(&machine).unwrap();
    assert_eq!(message.topic, "cell/mill-01/trend");
    let sent: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(sent["ts"].as_i64(), Some(machine.now().micros() / 1_000));
    let tach = sent["values"]["tach"].as_f64().unwrap();
    assert!((tach - machine.value(Signal::TachSpeed)).abs() <= 0.0005);
}

#[test]
fn a_node_captures_only_a_turning_spindle_that_has_settled() {
    let node = Node::new(template("spindle-node-z"), "mill-01".to_owned()).unwrap();
    let (waveform, _) = node.waveforms().next().unwrap();
    let mut machine = cutting_mill();
    assert!(is_ready(waveform, &machine));
    let until = machine.segment().until;
    machine.advance(until - Span::from_millis(300));
    assert!(!is_ready(waveform, &machine), "it would end in another state");
    machine.advance(until + Span::from_secs(1));
    assert!(!is_ready(waveform, &machine), "the drive has not settled");
}

#[test]
fn a_header_that_no_node_can_send_is_refused_by_name() {
    let mut odd = DeviceTemplate::clone(&template("spindle-node-z"));
    odd.waveforms[0].header.as_mut().unwrap().fields[3] = "colour".to_owned();
    let refused = Node::new(Arc::new(odd), "mill-01".to_owned()).unwrap_err();
    assert!(refused.to_string().contains("`colour`"), "{refused}");
}
