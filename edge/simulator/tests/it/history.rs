//! The generated past: numbering, statistics, and that it goes over into live without a seam.

use std::collections::BTreeMap;

use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{BatchBody, Readings};
use forewarn_domain::time::Span;
use forewarn_simulator::burst::RawBurst;
use forewarn_simulator::registers::quantise;
use forewarn_simulator::signal::Signal;
use forewarn_simulator::{History, HistoryOptions};

use crate::{figures, site};

fn days(reach: i64) -> HistoryOptions {
    HistoryOptions { reach: Span::from_secs(reach * 86_400), ..HistoryOptions::default() }
}

fn readings(history: History) -> Vec<Readings> {
    history
        .map(|batch| match batch.body {
            BatchBody::Readings(readings) => readings,
            other => panic!("a history holds readings only, not {other:?}"),
        })
        .collect()
}

#[test]
fn batches_are_numbered_from_one_and_repeat_with_the_seed() {
    let plant = site::simulated(3);
    let batches: Vec<_> = History::of(&plant, days(1)).collect();
    let numbers: Vec<u64> = batches.iter().map(|it| it.seq).collect();
    assert_eq!(numbers, (1..=48).collect::<Vec<_>>());
    assert_eq!(batches, History::of(&site::simulated(3), days(1)).collect::<Vec<_>>());
    let other = History::of(&site::simulated(4), days(1));
    assert_eq!(other.key().agent.as_str(), "history-demo-plant");
    assert_ne!(other.key().epoch, batches[0].key.epoch);
}

#[test]
fn every_channel_of_the_plant_has_a_past_in_its_range() {
    let plant = site::simulated(1);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for readings in readings(History::of(&plant, days(2))) {
        assert!(readings.numbers.is_sorted_by_key(|it| it.t));
        for reading in &readings.numbers {
            let id = readings.channel(reading.channel).unwrap();
            let channel = plant.site().channel(id).unwrap_or_else(|| panic!("{id}"));
            let is_inside = channel
                .range
                .is_none_or(|[low, high]| low <= reading.value && reading.value <= high);
            assert!(is_inside && reading.t < site::ORIGIN, "{id}: {reading:?}");
            *counts.entry(id.to_string()).or_default() += 1;
        }
    }
    for device in plant.site().devices() {
        for channel in device.channels.values() {
            let count = counts.get(channel.id.as_str()).copied().unwrap_or(0);
            let expected = if channel.waveform.is_some() { 40 } else { 1_000 };
            assert!(expected <= count, "{}: {count}", channel.id);
        }
    }
}

#[test]
fn bursts_come_hourly_in_known_states_and_meet_every_speed() {
    let plant = site::simulated(2);
    let mut states: BTreeMap<String, u32> = BTreeMap::new();
    for readings in readings(History::of(&plant, days(6))) {
        for burst in readings.bursts {
            assert_eq!(burst.axes.len(), 1, "{burst:?}");
            assert!(burst.shaft_hz.is_some());
            *states.entry(burst.state.to_string()).or_default() += 1;
        }
    }
    let total: u32 = states.values().sum();
    assert!((3 * 6 * 22..=3 * (6 * 24 + 1)).contains(&total), "{states:?}");
    for state in ["cut-0", "cut-1", "cut-2"] {
        assert!(states.get(state).is_some_and(|it| 80 <= *it), "{states:?}");
    }
    assert!(!states.contains_key("unknown"), "{states:?}");
}

#[test]
fn live_bursts_of_a_healthy_spindle_are_like_those_of_its_past() {
    let plant = site::simulated(1);
    let healthy = "mill-02/node/acc";
    let mut past: Vec<[f64; 6]> = Vec::new();
    for readings in readings(History::of(&plant, days(6))) {
        let ours = readings.bursts.iter().filter(|it| it.channel.as_str() == healthy);
        past.extend(ours.map(|it| it.axes[0].values()));
    }
    let is_ours = |it: &forewarn_simulator::Machine| it.device().as_str() == "mill-02";
    let mut machine = plant.machines(site::ORIGIN).into_iter().find(is_ours).unwrap();
    let mut live: Vec<[f64; 6]> = Vec::new();
    for second in 0..600 {
        machine.advance(site::ORIGIN + Span::from_secs(second));
        let is_steady = Span::from_secs(3) <= machine.steady_for();
        if is_steady && 300.0 < machine.segment().speed {
            let raw = RawBurst::capture(&machine, &[Axis::Z]);
            let burst = raw.features(healthy.parse().unwrap(), "cut-0".parse().unwrap());
            live.push(burst.axes[0].values());
        }
    }
    assert!(100 < past.len() && 300 < live.len());
    for feature in 0..6 {
        let column = |it: &[[f64; 6]]| it.iter().map(|row| row[feature]).collect::<Vec<f64>>();
        let (past, live) = (column(&past), column(&live));
        let spread = figures::spread(&past);
        let distance = (figures::mean(&live) - figures::mean(&past)).abs();
        assert!(distance <= 0.6 * spread, "feature {feature}: {distance} against {spread}");
    }
}

#[test]
fn live_values_lie_where_the_past_of_the_same_state_lay() {
    // Channel and state to the values that were seen.
    type Seen = BTreeMap<(String, String), Vec<f64>>;
    let plant = site::simulated(7);
    let faulty: Vec<_> = plant.plan().faults.iter().map(|it| it.device.clone()).collect();
    let (mut past, mut live) = (Seen::new(), Seen::new());
    let healthy = plant.site().devices().filter(|it| !faulty.contains(&it.device.id));
    for device in healthy {
        let begin = site::ORIGIN - Span::from_secs(3 * 86_400);
        let is_ours = |it: &forewarn_simulator::Machine| *it.device() == device.device.id;
        let mut machine = plant.machines(begin).into_iter().find(is_ours).unwrap();
        let mut follower = device.states.follower();
        let coarse = (0..3 * 8_640).map(|step| begin + Span::from_secs(10 * step));
        let fine = (0..180).map(|second| site::ORIGIN + Span::from_secs(second));
        for t in coarse.chain(fine) {
            machine.advance(t);
            let mut values = Vec::new();
            for channel in device.channels.values().filter(|it| it.waveform.is_none()) {
                let source = device.device.sources.iter().find(|it| it.id == channel.id.source());
                let template = plant.site().template(&source.unwrap().template).unwrap();
                let point = channel.id.point();
                let point = template.points.iter().find(|it| it.id == point).unwrap();
                let value = quantise(point, machine.value(Signal::of(&point.id).unwrap()));
                if let Some(place) = device.states.inputs().iter().position(|it| *it == channel.id)
                {
                    follower.number(&device.states, place, Some(value), t);
                }
                values.push((channel, value));
            }
            let state = follower.state(&device.states, t).to_string();
            let seen = if t < site::ORIGIN { &mut past } else { &mut live };
            for (channel, value) in values {
                if channel.quantity.is_condition() && state != "unknown" {
                    seen.entry((channel.id.to_string(), state.clone())).or_default().push(value);
                }
            }
        }
    }
    assert!(25 <= live.len(), "{:?}", live.keys());
    for (key, values) in live.iter().filter(|(_, it)| 10 <= it.len()) {
        let past = past.get(key).unwrap_or_else(|| panic!("{key:?} was never seen before"));
        let (middle, present) = (figures::mean(past), figures::mean(values));
        let spread = figures::spread(past);
        let distance = (present - middle).abs();
        assert!(distance <= 2.5 * spread, "{key:?}: {middle} ± {spread}, live {present}");
    }
}
