//! Rules that judge the machine.

use forewarn_detect::{Condition, Detection, DeviceNotice, WhyNot};
use forewarn_domain::anomaly::Finding;
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::ComponentId;
use forewarn_domain::time::Span;

use crate::bench::Bench;

const HOT: &str = r#"
[[rule]]
id = "hot"
kind = "limit"
quantity = ["temperature"]
on = 80.0
off = 75.0
alarm = 95.0
for = "10s"
samples = 5
clear_for = "20s"
severity = "warning"
fault_family = "thermal"
"#;

const LEVEL: &str = r#"
[[rule]]
id = "rougher"
kind = "baseline"
quantity = ["vibration.velocity.rms"]
direction = "above"
on = 6.0
off = 3.0
change = { least = 0.3, percent = 20.0 }
learn = { samples = 300, for = "5m" }
refine_for = "2h"
for = "10s"
samples = 5
clear_for = "20s"
severity = "warning"
fault_family = "rotor"
"#;

const HEATING: &str = r#"
[[rule]]
id = "heating"
kind = "rate"
quantity = ["temperature"]
on = 3.0
off = 1.5
window = "60s"
for = "10s"
severity = "warning"
fault_family = "thermal"
"#;

const ZONE: &str = r#"
[[rule]]
id = "zone"
kind = "severity_zone"
quantity = ["vibration.velocity.rms"]
n_of_m = [6, 10]
for = "5s"
severity = "warning"
fault_family = "rotor"
"#;

fn heat(bench: &mut Bench, value: f64, steps: u32) {
    for _ in 0..steps {
        let values = bench.usual_but("temp", value);
        bench.tick(&values);
    }
}

#[test]
fn a_limit_is_raised_once_grows_and_clears_only_below_its_lower_limit() {
    let mut bench = Bench::new(HOT);
    bench.run_usual(10);
    heat(&mut bench, 81.0, 10);
    assert!(bench.found.is_empty(), "it must hold for 10 s first");
    heat(&mut bench, 81.0, 10);
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0].confirmed - raised[0].onset, Span::from_secs(10));
    assert_eq!((raised[0].severity, raised[0].rule.version), (Severity::Warning, 3));
    assert_eq!(raised[0].component.as_str(), "spindle");
    assert!((raised[0].signals[0].weight - 1.0).abs() < 1e-9);
    heat(&mut bench, 96.0, 5);
    let last = bench.found.last().unwrap();
    assert!(matches!(last, Detection::Updated(it) if it.severity == Severity::Alarm), "{last:?}");
    heat(&mut bench, 77.0, 100);
    assert_eq!(bench.cleared(), 0, "77 is between the limits");
    heat(&mut bench, 70.0, 30);
    assert_eq!((bench.raised().len(), bench.cleared()), (1, 1));
}

#[test]
fn a_gap_in_the_data_breaks_a_duration() {
    let mut bench = Bench::new(HOT);
    bench.run_usual(10);
    heat(&mut bench, 85.0, 8);
    bench.now = bench.now + Span::from_secs(30);
    heat(&mut bench, 85.0, 8);
    assert!(bench.found.is_empty(), "{:?}", bench.found);
    heat(&mut bench, 85.0, 8);
    assert_eq!(bench.raised().len(), 1);
}

#[test]
fn silence_never_clears() {
    let mut bench = Bench::new(HOT);
    bench.run_usual(10);
    heat(&mut bench, 85.0, 20);
    heat(&mut bench, 60.0, 5);
    bench.now = bench.now + Span::from_secs(100_000);
    heat(&mut bench, 60.0, 15);
    assert_eq!(bench.cleared(), 0, "15 s of readings are not 20");
    heat(&mut bench, 60.0, 10);
    assert_eq!(bench.cleared(), 1);
}

#[test]
fn a_rule_looks_only_in_its_states() {
    let mut bench = Bench::new(&HOT.replace("on = 80.0", "states = [\"cut\"]\non = 80.0"));
    for _ in 0..60 {
        bench.tick(&[("running", 1.0), ("load", 5.0), ("temp", 90.0)]);
    }
    assert!(bench.found.is_empty());
    let idle = bench.condition("hot", "temp");
    assert!(matches!(idle, Condition::Waiting(WhyNot::OtherState(_))), "{idle:?}");
    for _ in 0..20 {
        bench.tick(&[("running", 1.0), ("load", 50.0), ("temp", 90.0)]);
    }
    assert_eq!(bench.raised().len(), 1);
    assert_eq!(bench.raised()[0].state.as_str(), "cut");
}

#[test]
fn an_operating_state_does_not_rest_on_a_value_that_stopped_coming() {
    let mut bench = Bench::new(HOT);
    bench.run_usual(20);
    for _ in 0..60 {
        bench.tick(&[("running", 1.0), ("temp", 45.0)]);
    }
    let now = bench.plan.operating_state(&bench.state, bench.now);
    assert_eq!(now.as_str(), "unknown", "load is missing");
}

#[test]
fn the_learned_normal_shows_its_progress_and_then_raises_what_departs_from_it() {
    let mut bench = Bench::new(LEVEL);
    bench.run_usual(154);
    let learning = bench.condition("rougher", "vel");
    assert!(
        matches!(learning, Condition::Learning { samples: 140..=155, needed: 300 }),
        "{learning:?}"
    );
    assert!(learning.text().zh.contains("学习中"), "{learning:?}");
    bench.run_usual(400);
    assert_eq!(bench.condition("rougher", "vel"), Condition::Armed);
    bench.run_usual(5_000);
    assert!(bench.found.is_empty(), "{:?}", bench.found);
    for _ in 0..30 {
        let vel = 3.0 + 0.1 * bench.noise();
        let values = bench.usual_but("vel", vel);
        bench.tick(&values);
    }
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    let Finding::Level { z, value, normal } = &raised[0].finding else {
        panic!("{:?}", raised[0].finding);
    };
    assert!(6.0 < *z && 2.0 < *value && normal.low < 1.2 && 1.2 < normal.high, "{z} {value}");
    assert_eq!(bench.plan.normals(&bench.state, &raised[0].channel).len(), 1);
    bench.run_usual(60);
    assert_eq!(bench.cleared(), 1);
}

#[test]
fn two_ways_of_running_in_one_state_are_both_normal() {
    let mut bench = Bench::new(LEVEL);
    for turn in 0..4_000_u32 {
        let rough = turn % 60 >= 55;
        let vel = if rough { 4.0 } else { 1.0 } + 0.1 * bench.noise();
        let values = bench.usual_but("vel", vel);
        bench.tick(&values);
    }
    for _ in 0..120 {
        let vel = 4.0 + 0.1 * bench.noise();
        let values = bench.usual_but("vel", vel);
        bench.tick(&values);
    }
    assert!(bench.found.is_empty(), "4 mm/s has been seen again and again: {:?}", bench.found);
}

#[test]
fn a_finding_teaches_nothing_and_a_repair_starts_a_new_normal() {
    let mut bench = Bench::new(LEVEL);
    bench.run_usual(1_000);
    for _ in 0..20_000 {
        let vel = 3.0 + 0.1 * bench.noise();
        let values = bench.usual_but("vel", vel);
        bench.tick(&values);
    }
    assert_eq!((bench.raised().len(), bench.cleared()), (1, 0));
    let component = ComponentId::new("spindle").unwrap();
    bench.notice(&DeviceNotice::Rebaseline { component, at: bench.now });
    assert_eq!(bench.cleared(), 1);
    let learning = bench.condition("rougher", "vel");
    assert_eq!(learning, Condition::Learning { samples: 0, needed: 300 });
}

#[test]
fn heating_is_seen_by_its_slope_and_a_warm_machine_is_not() {
    let mut bench = Bench::new(HEATING);
    bench.run_usual(1_000);
    assert!(bench.found.is_empty(), "{:?}", bench.found);
    for second in 0..120_u32 {
        let values = bench.usual_but("temp", 45.0 + 0.1 * f64::from(second));
        bench.tick(&values);
    }
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    let Finding::Rate { per_minute, .. } = raised[0].finding else {
        panic!("{:?}", raised[0].finding);
    };
    assert!((3.0..8.0).contains(&per_minute), "{per_minute}");
}

#[test]
fn a_warm_up_that_was_seen_while_learning_is_no_finding() {
    let learn = "learn = { samples = 300, for = \"5m\" }\nrefine_for = \"1h\"\nmargin = 1.5\nfor";
    let mut bench = Bench::new(&HEATING.replacen("for", learn, 1));
    let warm_up = |bench: &mut Bench, per_second: f64| {
        for second in 0..150_u32 {
            let rise = per_second * f64::from(second.min(60));
            let values = bench.usual_but("temp", 40.0 + rise);
            bench.tick(&values);
        }
    };
    for _ in 0..8 {
        warm_up(&mut bench, 0.1);
    }
    assert_eq!(bench.condition("heating", "temp"), Condition::Armed);
    assert!(bench.found.is_empty(), "{:?}", bench.found);
    warm_up(&mut bench, 0.25);
    assert_eq!(bench.raised().len(), 1);
}

#[test]
fn a_loss_of_pressure_is_a_departure_downwards() {
    let rule = LEVEL.replace("vibration.velocity.rms", "pressure").replace("above", "both");
    let mut bench = Bench::new(&rule);
    bench.run_usual(1_000);
    for _ in 0..30 {
        let pressure = 70.0 + bench.noise();
        let values = bench.usual_but("pressure", pressure);
        bench.tick(&values);
    }
    let raised = bench.raised();
    assert_eq!((raised.len(), raised[0].component.as_str()), (1, "unit"));
    assert!(matches!(raised[0].finding, Finding::Level { z, .. } if z < -6.0));
}

#[test]
fn zone_c_is_a_warning_and_zone_d_an_alarm() {
    let mut bench = Bench::new(ZONE);
    bench.run_usual(30);
    assert!(bench.found.is_empty());
    for value in [3.2, 5.0] {
        for _ in 0..20 {
            let values = bench.usual_but("vel", value);
            bench.tick(&values);
        }
    }
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    assert!(matches!(raised[0].finding, Finding::Zone { zone: 'C', .. }));
    assert_eq!((raised[0].severity, raised[0].family), (Severity::Warning, FaultFamily::Rotor));
    let grave = bench.found.iter().any(|it| {
        matches!(it, Detection::Updated(it) if it.severity == Severity::Alarm
            && matches!(it.finding, Finding::Zone { zone: 'D', .. }))
    });
    assert!(grave);
}
