//! Where a channel is heading, and what a rule keeps that changes sides.

use forewarn_detect::{Ahead, Condition, DeviceNotice, DevicePlan};
use forewarn_domain::time::Span;
use forewarn_vibration::Catalogue;

use crate::bench::{Bench, channel, device, rule_set};

const WARMER: &str = r#"
[[rule]]
id = "warmer"
kind = "baseline"
quantity = ["temperature"]
direction = "above"
on = 6.0
off = 3.0
alarm = 3.0
change = { least = 5.0, percent = 5.0 }
learn = { samples = 100, for = "1h" }
refine_for = "4h"
for = "10s"
severity = "warning"
fault_family = "thermal"

[[rule]]
id = "hot"
kind = "limit"
quantity = ["temperature"]
on = 58.0
off = 55.0
severity = "warning"
fault_family = "thermal"
"#;

/// Four hours of health, then 1 K an hour.
fn warming(hours: u32) -> Bench {
    let mut bench = Bench::new(WARMER);
    bench.step = Span::from_secs(10);
    bench.run_usual(4 * 360);
    for step in 0..hours * 360 {
        let level = 45.0 + f64::from(step) / 360.0 + 0.5 * bench.noise();
        let values = bench.usual_but("temp", level);
        bench.tick(&values);
    }
    bench
}

#[test]
fn a_rising_level_has_a_time_to_the_next_limit_and_a_repair_ends_it() {
    let mut bench = warming(8);
    let temp = channel("temp");
    let outlook = bench.plan.outlook(&bench.state, &temp).expect("8 K in 8 h is a trend");
    assert_eq!((outlook.ahead, outlook.level), (Ahead::Limit, 58.0), "the nearest one ahead");
    let truth = Span::from_secs(5 * 3_600);
    assert!(outlook.earliest <= truth && truth <= outlook.latest, "{outlook:?}");
    assert!(outlook.latest < Span::from_secs(10 * 3_600), "{outlook:?}");
    assert_eq!(bench.plan.outlook(&bench.state, &channel("pressure")), None, "no rule, no word");

    let component = "machine".parse().unwrap();
    bench.notice(&DeviceNotice::Rebaseline { component, at: bench.now });
    assert_eq!(bench.plan.outlook(&bench.state, &temp), None);
}

#[test]
fn a_healthy_machine_has_no_outlook() {
    let mut bench = Bench::new(WARMER);
    bench.step = Span::from_secs(10);
    bench.run_usual(4 * 360);
    let mut told = 0;
    for _ in 0..48 {
        bench.run_usual(180);
        told += u32::from(bench.plan.outlook(&bench.state, &channel("temp")).is_some());
    }
    assert_eq!(told, 0);
}

#[test]
fn a_rule_that_goes_to_shadow_knows_there_what_it_had_learned() {
    let live = warming(0);
    assert_eq!(live.condition("warmer", "temp"), Condition::Armed);
    let shadow =
        WARMER.replacen("kind = \"baseline\"", "kind = \"baseline\"\nmode = \"shadow\"", 1);
    let beside = rule_set(&shadow).shadow();
    let plan = DevicePlan::new(&device(), &beside, &Catalogue::default()).unwrap();
    let mut state = plan.start();
    plan.learn_missing(&mut state, &live.state);
    assert_eq!(
        plan.normals(&state, &channel("temp")),
        live.plan.normals(&live.state, &channel("temp"))
    );
    assert!(!plan.normals(&state, &channel("temp")).is_empty());
}
