//! Rules that judge the sensor, and what they do to the others.

use forewarn_detect::{Condition, Detection, DeviceNotice, WhyNot};
use forewarn_domain::anomaly::Finding;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::time::Span;

use crate::bench::Bench;

const FLAT: &str = r#"
[[rule]]
id = "stuck"
kind = "flat"
quantity = ["temperature", "state.running"]
for = "60s"
samples = 30
margin = 2.0
learn = { samples = 200, for = "3m" }
clear_for = "5s"
severity = "warning"
fault_family = "instrumentation"
"#;

const SILENT: &str = r#"
[[rule]]
id = "silent"
kind = "no_data"
from = "points"
for = "20s"
intervals = 5
clear_for = "5s"
clear_samples = 3
severity = "warning"
fault_family = "instrumentation"
"#;

const HOT: &str = r#"
[[rule]]
id = "hot"
kind = "limit"
quantity = ["temperature"]
on = 40.0
off = 35.0
for = "200s"
severity = "warning"
fault_family = "thermal"
"#;

#[test]
fn a_stuck_value_is_found_while_the_rest_of_the_machine_moves() {
    let mut bench = Bench::new(FLAT);
    bench.run_usual(400);
    for _ in 0..90 {
        let values = bench.usual_but("temp", 45.125);
        bench.tick(&values);
    }
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0].family, FaultFamily::Instrumentation);
    let Finding::Flat { value, lasted } = raised[0].finding else {
        panic!("{:?}", raised[0].finding);
    };
    assert!((value - 45.125).abs() < 1e-9 && lasted == Span::from_secs(60), "{value} {lasted}");
    bench.run_usual(10);
    assert_eq!(bench.cleared(), 1);
}

#[test]
fn a_switch_that_never_moves_is_not_judged() {
    let mut bench = Bench::new(FLAT);
    bench.run_usual(2_000);
    assert!(bench.found.is_empty());
    assert_eq!(bench.condition("stuck", "running"), Condition::Waiting(WhyNot::NeverMoves));
}

#[test]
fn a_value_that_has_rested_as_long_before_may_rest_again() {
    let mut bench = Bench::new(FLAT);
    for turn in 0..40_u32 {
        for _ in 0..50 {
            let values = bench.usual_but("temp", 45.0 + f64::from(turn % 2));
            bench.tick(&values);
        }
        bench.run_usual(40);
    }
    for _ in 0..90 {
        let values = bench.usual_but("temp", 45.0);
        bench.tick(&values);
    }
    assert!(bench.found.is_empty(), "{:?}", bench.found);
}

#[test]
fn a_channel_that_reports_changes_is_stuck_only_after_its_heartbeats_say_so() {
    let mut bench = Bench::new(FLAT);
    for second in 0..1_500_u32 {
        let usual = bench.usual();
        bench.tick(&usual);
        if second % 5 == 0 {
            bench.take("oil", 40.0 + 0.1 * f64::from(second % 7), Quality::Good);
        }
    }
    for second in 1..=95_u32 {
        let usual = bench.usual();
        bench.tick(&usual);
        if second % 30 == 0 {
            bench.take("oil", 41.5, Quality::Good);
        }
        let expected = usize::from(90 <= second);
        assert_eq!(bench.raised().len(), expected, "after {second} s");
    }
    assert_eq!(bench.raised()[0].channel.point_str(), "oil");
}

#[test]
fn a_stuck_sensor_speaks_for_itself_and_not_for_the_machine() {
    let mut bench = Bench::new(&format!("{FLAT}{HOT}"));
    for _ in 0..400 {
        let temp = 30.0 + bench.noise();
        let values = bench.usual_but("temp", temp);
        bench.tick(&values);
    }
    for _ in 0..600 {
        let values = bench.usual_but("temp", 41.0);
        bench.tick(&values);
    }
    let families: Vec<_> = bench.raised().iter().map(|it| it.family).collect();
    assert_eq!(families, [FaultFamily::Instrumentation]);
    assert_eq!(bench.condition("hot", "temp"), Condition::Waiting(WhyNot::NotTrusted));
}

#[test]
fn one_silent_channel_is_a_sensor_and_a_silent_source_is_a_connection() {
    let mut bench = Bench::new(SILENT);
    bench.run_usual(60);
    for _ in 0..40 {
        let values = bench.usual();
        bench.tick(&values[..4]);
    }
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0].channel.point_str(), "pressure");
    assert_eq!(raised[0].family, FaultFamily::Instrumentation);
    bench.run_usual(20);
    assert_eq!(bench.cleared(), 1);
}

#[test]
fn bad_readings_are_as_good_as_none_and_a_whole_bad_source_is_a_connection() {
    let mut bench = Bench::new(SILENT);
    bench.run_usual(60);
    for _ in 0..60 {
        bench.now = bench.now + bench.step;
        for (point, value) in bench.usual() {
            bench.take(point, value, Quality::Bad(Bad::Timeout));
        }
    }
    let raised = bench.raised();
    assert_eq!(raised.len(), 1, "one finding for the source, not one for each channel");
    assert_eq!(raised[0].family, FaultFamily::Connectivity);
    bench.run_usual(60);
    assert_eq!((bench.raised().len(), bench.cleared()), (1, 1));
}

#[test]
fn an_outage_of_everything_says_nothing_about_a_sensor() {
    let mut bench = Bench::new(SILENT);
    bench.run_usual(60);
    bench.now = bench.now + Span::from_secs(86_400);
    bench.run_usual(60);
    assert!(bench.found.is_empty(), "{:?}", bench.found);
}

#[test]
fn a_coarse_history_before_live_readings_is_no_silence() {
    let mut bench = Bench::new(SILENT);
    bench.step = Span::from_secs(10);
    bench.run_usual(500);
    bench.step = Span::from_secs(1);
    bench.run_usual(500);
    assert!(bench.found.is_empty(), "{:?}", bench.found);
}

#[test]
fn a_silent_agent_is_told_once_and_ends_when_readings_come_again() {
    let mut bench = Bench::new(SILENT);
    bench.run_usual(60);
    let since = bench.now;
    for late in [60, 90] {
        let at = since + Span::from_secs(late);
        bench.notice(&DeviceNotice::AgentSilent { since, at });
    }
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    assert_eq!(
        (raised[0].family, raised[0].component.as_str()),
        (FaultFamily::Connectivity, "machine")
    );
    bench.now = bench.now + Span::from_secs(100);
    bench.run_usual(5);
    assert_eq!(bench.cleared(), 0);
    bench.run_usual(10);
    assert!(matches!(bench.found.last(), Some(Detection::Cleared { .. })));
}
