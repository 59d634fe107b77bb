//! What must hold whatever the readings are.

use forewarn_detect::{DeviceState, Measured};
use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::time::Span;
use proptest::prelude::*;

use crate::bench::{Bench, channel, rule_set};

/// Every kind of rule, quick to learn and to fire.
const ALL: &str = r#"
[[rule]]
id = "hot"
kind = "limit"
quantity = ["temperature"]
on = 60.0
off = 50.0
for = "3s"
clear_for = "4s"
severity = "warning"
fault_family = "thermal"

[[rule]]
id = "heating"
kind = "rate"
quantity = ["temperature", "pressure"]
direction = "both"
on = 30.0
off = 10.0
window = "8s"
for = "2s"
clear_for = "4s"
severity = "warning"
fault_family = "thermal"

[[rule]]
id = "level"
kind = "baseline"
quantity = ["vibration.velocity.rms", "pressure"]
on = 6.0
off = 3.0
change = { least = 0.1, percent = 5.0 }
learn = { samples = 32, for = "20s" }
refine_for = "2m"
for = "3s"
clear_for = "4s"
severity = "warning"
fault_family = "rotor"

[[rule]]
id = "stuck"
kind = "flat"
quantity = ["temperature", "vibration.velocity.rms"]
for = "6s"
samples = 5
margin = 1.5
learn = { samples = 30, for = "20s" }
clear_for = "2s"
severity = "warning"
fault_family = "instrumentation"

[[rule]]
id = "zone"
kind = "severity_zone"
quantity = ["vibration.velocity.rms"]
n_of_m = [3, 5]
clear_for = "4s"
severity = "warning"
fault_family = "rotor"

[[rule]]
id = "silent"
kind = "no_data"
from = "points"
for = "6s"
intervals = 3
clear_for = "2s"
severity = "warning"
fault_family = "instrumentation"
"#;

/// One second of a machine: what each channel does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Usual,
    Idle,
    Hot,
    Rough,
    Leak,
    StuckTemp,
    LostPressure,
    Outage,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Usual),
        1 => Just(Act::Idle),
        1 => Just(Act::Hot),
        1 => Just(Act::Rough),
        1 => Just(Act::Leak),
        1 => Just(Act::StuckTemp),
        1 => Just(Act::LostPressure),
        1 => Just(Act::Outage),
    ];
    proptest::collection::vec((act, 1_usize..20), 1..20)
        .prop_map(|runs| runs.into_iter().flat_map(|(act, len)| vec![act; len]).collect())
}

fn play(bench: &mut Bench, act: Act) {
    let mut values = bench.usual().to_vec();
    let noise = bench.noise();
    match act {
        Act::Usual => {}
        Act::Idle => values[1].1 = 5.0,
        Act::Hot => values[2].1 = 70.0 + noise,
        Act::Rough => values[3].1 = 5.0 + noise,
        Act::Leak => values[4].1 = 60.0 + noise,
        Act::StuckTemp => values[2].1 = 45.0,
        Act::LostPressure => {
            values.pop();
        }
        Act::Outage => bench.now = bench.now + Span::from_secs(40),
    }
    bench.tick(&values);
}

fn warm() -> Bench {
    let mut bench = Bench::new(ALL);
    bench.run_usual(80);
    bench
}

fn stored(state: &DeviceState) -> DeviceState {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_stored_state_goes_on_exactly_as_an_uninterrupted_one(acts in acts(), cut in 0_usize..200) {
        let mut whole = warm();
        let mut broken = warm();
        for (index, act) in acts.iter().enumerate() {
            play(&mut whole, *act);
            if index == cut {
                broken.state = broken.plan.adopt(stored(&broken.state));
            }
            play(&mut broken, *act);
        }
        prop_assert_eq!(&whole.found, &broken.found);
        prop_assert_eq!(&whole.state, &broken.state);
    }

    #[test]
    fn repeated_and_earlier_readings_change_nothing_and_are_counted(
        acts in acts(),
        repeats in proptest::collection::vec((0_usize..200, 0_i64..30), 0..30),
    ) {
        let mut clean = warm();
        let mut noisy = warm();
        for (index, act) in acts.iter().enumerate() {
            play(&mut clean, *act);
            play(&mut noisy, *act);
            for (_, back) in repeats.iter().filter(|(at, _)| *at == index) {
                let place = noisy.plan.place(&channel("temp")).unwrap();
                let t = noisy.now - Span::from_secs(*back);
                let taken = Measured { place, t, value: 500.0, quality: Quality::Good };
                let before = noisy.state.disordered();
                noisy.plan.number(&mut noisy.state, taken, &mut noisy.found);
                prop_assert_eq!(noisy.state.disordered(), before + 1);
            }
        }
        prop_assert_eq!(clean.found, noisy.found);
    }

    #[test]
    fn bad_readings_between_good_ones_change_nothing(
        acts in acts(),
        bad in proptest::collection::vec(0_usize..200, 0..60),
    ) {
        // Without outages, in which a bad reading shows that the device is awake.
        let acts: Vec<Act> = acts.into_iter().filter(|it| !matches!(it, Act::Outage)).collect();
        let mut clean = warm();
        let mut noisy = warm();
        for (index, act) in acts.iter().enumerate() {
            play(&mut clean, *act);
            play(&mut noisy, *act);
            if bad.contains(&index) {
                let now = noisy.now;
                noisy.now = now + Span::from_millis(300);
                let qualities = [
                    Quality::Bad(Bad::Timeout),
                    Quality::Bad(Bad::Sentinel),
                    Quality::Uncertain(Uncertain::Range),
                ];
                for point in ["temp", "vel", "load"] {
                    noisy.take(point, 9_999.0, qualities[index % 3]);
                }
                noisy.take("temp", f64::NAN, Quality::Good);
                noisy.now = now;
            }
        }
        prop_assert_eq!(clean.found, noisy.found);
    }

    #[test]
    fn every_clear_follows_a_raise_and_no_rule_is_raised_twice_in_between(acts in acts()) {
        let mut bench = warm();
        for act in &acts {
            play(&mut bench, *act);
        }
        let mut open = std::collections::BTreeSet::new();
        for detection in &bench.found {
            match detection {
                forewarn_detect::Detection::Raised(it) => {
                    prop_assert!(open.insert((it.rule.id.clone(), it.channel.clone())));
                    prop_assert!(it.onset <= it.confirmed);
                    let sum: f64 = it.signals.iter().map(|signal| signal.weight).sum();
                    prop_assert!((sum - 1.0).abs() < 1e-9);
                }
                forewarn_detect::Detection::Updated(it) => {
                    prop_assert!(open.contains(&(it.rule.id.clone(), it.channel.clone())));
                }
                forewarn_detect::Detection::Cleared { rule, channel, .. } => {
                    prop_assert!(open.remove(&(rule.id.clone(), channel.clone())));
                }
            }
        }
    }
}

#[test]
fn the_series_of_the_properties_raise_every_kind_of_finding() {
    let mut bench = warm();
    let acts = [Act::Hot, Act::Rough, Act::Leak, Act::StuckTemp, Act::LostPressure];
    for act in acts {
        for _ in 0..20 {
            play(&mut bench, act);
        }
        for _ in 0..30 {
            play(&mut bench, Act::Usual);
        }
    }
    let rules: std::collections::BTreeSet<_> =
        bench.raised().iter().map(|it| it.rule.id.to_string()).collect();
    let all = ["heating", "hot", "level", "silent", "stuck", "zone"];
    assert_eq!(rules.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn another_rule_set_keeps_what_it_can_of_a_stored_state() {
    let mut bench = warm();
    let fewer = ALL.split("[[rule]]").filter(|it| !it.contains("\"hot\"")).collect::<Vec<_>>();
    let other = Bench::with(&rule_set(&fewer.join("[[rule]]")));
    let moved = other.plan.adopt(stored(&bench.state));
    let normals = |bench: &Bench, state: &DeviceState| bench.plan.normals(state, &channel("vel"));
    assert!(!normals(&bench, &bench.state).is_empty());
    assert_eq!(normals(&other, &moved), normals(&bench, &bench.state));
    bench.state = bench.plan.adopt(moved);
    play(&mut bench, Act::Usual);
}
