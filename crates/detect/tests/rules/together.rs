//! Shifted levels, counted excursions, codes, and findings that count only together.

use forewarn_detect::{ClassNormal, Condition, Detection, DeviceNotice};
use forewarn_domain::anomaly::Finding;
use forewarn_domain::quality::Quality;
use forewarn_domain::time::Span;

use super::bench::{Bench, rule_set};

const SHIFT: &str = r#"
[[rule]]
id = "shift"
kind = "shift"
channels = ["pressure"]
on = 5.0
off = 2.0
window = "20s"
learn = { samples = 64, for = "60s" }
clear_for = "20s"
severity = "warning"
fault_family = "hydraulic"
"#;

const COUNT: &str = r#"
[[rule]]
id = "swings"
kind = "count"
channels = ["temp"]
on = 80.0
off = 75.0
times = 3
window = "1h"
severity = "warning"
fault_family = "thermal"
"#;

const TOGETHER: &str = r#"
[[rule]]
id = "pump-shift"
kind = "shift"
evidence = true
channels = ["pressure"]
on = 5.0
off = 2.0
window = "20s"
learn = { samples = 64, for = "60s" }
severity = "warning"
fault_family = "hydraulic"

[[rule]]
id = "pump-code"
kind = "code"
evidence = true
channels = ["alarm"]
component = "unit"
codes = ["E7*"]
window = "10m"
severity = "warning"
fault_family = "hydraulic"

[[rule]]
id = "pump-failing"
kind = "together"
of = ["pump-shift", "pump-code"]
severity = "warning"
fault_family = "hydraulic"
"#;

fn learned(rules: &str) -> Bench {
    let mut bench = Bench::new(rules);
    bench.run_usual(200);
    bench
}

fn run_shifted(bench: &mut Bench, steps: u32, by: f64) {
    for _ in 0..steps {
        let value = 120.0 + by + bench.noise();
        let values = bench.usual_but("pressure", value);
        bench.tick(&values);
    }
}

#[test]
fn a_small_shift_is_found_once_enough_samples_show_it_and_one_spike_is_not() {
    let mut bench = learned(SHIFT);
    run_shifted(&mut bench, 1, 3.0);
    bench.run_usual(40);
    assert!(bench.raised().is_empty(), "one spike: {:?}", bench.found);
    run_shifted(&mut bench, 30, 1.2);
    let [anomaly] = bench.raised()[..] else { panic!("one finding: {:?}", bench.found) };
    let Finding::Level { z, value, normal } = &anomaly.finding else { panic!("{anomaly:?}") };
    assert!((0.8..3.5).contains(z), "in standard deviations of single samples: {z}");
    assert!(*value < 121.5 && normal.samples >= 64, "{value} of {normal:?}");
    bench.run_usual(400);
    assert_eq!(bench.cleared(), 1, "back to normal");
}

#[test]
fn a_repair_forgets_the_normal_and_the_window_but_not_what_the_class_knows() {
    let mut bench = renewed("pool = \"class\"");
    run_shifted(&mut bench, 18, 3.0);
    assert!(bench.raised().is_empty(), "the first window after a repair is not over");
    run_shifted(&mut bench, 5, 3.0);
    assert_eq!(bench.raised().len(), 1, "judged by the class: {:?}", bench.found);
}

#[test]
fn a_part_that_runs_in_for_longer_than_the_window_is_judged_after_that() {
    let mut bench = renewed("pool = \"class\"\nrun_in = \"60s\"");
    run_shifted(&mut bench, 58, 3.0);
    assert!(bench.raised().is_empty(), "it still runs in: {:?}", bench.found);
    run_shifted(&mut bench, 5, 3.0);
    assert_eq!(bench.raised().len(), 1, "{:?}", bench.found);
}

/// A machine after a repair, judged by the normal of its class, with fields that the rule has besides.
fn renewed(fields: &str) -> Bench {
    let mut bench = learned(&SHIFT.replace("severity", &format!("{fields}\nseverity")));
    run_shifted(&mut bench, 20, 1.0);
    let lessons = bench.plan.lessons(&bench.state);
    let key = lessons.iter().max_by_key(|it| it.taught).map(|it| it.key.clone());
    let key = key.expect("one channel is pooled");
    let own: Vec<_> = lessons.into_iter().filter(|it| it.key == key).collect();
    let class = ClassNormal::of(&own, bench.now).expect("enough samples");
    let component = "unit".parse().expect("slug");
    bench.notice(&DeviceNotice::Rebaseline { component, at: bench.now });
    assert!(matches!(bench.condition("shift", "pressure"), Condition::Learning { .. }));
    bench.plan.take_class(&mut bench.state, &key, class);
    assert_eq!(bench.condition("shift", "pressure"), Condition::Armed);
    bench.found.clear();
    bench
}

#[test]
fn three_excursions_within_an_hour_are_a_finding_however_long_each_lasts() {
    let mut bench = Bench::new(COUNT);
    bench.step = Span::from_secs(60);
    let mut hold = |minutes: u32, temp: f64| {
        for _ in 0..minutes {
            let values = bench.usual_but("temp", temp);
            bench.tick(&values);
        }
        bench.raised().len()
    };
    assert_eq!(hold(20, 82.0), 0, "the first, though long");
    hold(5, 70.0);
    assert_eq!(hold(2, 81.0), 0, "the second");
    hold(2, 77.0);
    assert_eq!(hold(2, 81.0), 0, "not back beyond the lower limit between");
    hold(5, 70.0);
    assert_eq!(hold(1, 81.0), 1, "the third");
    let Finding::Count { times, limit, above, .. } = bench.raised()[0].finding else {
        panic!("{:?}", bench.found)
    };
    assert_eq!((times, limit, above), (3, 80.0, true));
}

#[test]
fn excursions_of_more_than_an_hour_ago_do_not_count() {
    let mut bench = Bench::new(COUNT);
    bench.step = Span::from_secs(60);
    for _ in 0..6 {
        for temp in [82.0, 70.0] {
            for _ in 0..20 {
                let values = bench.usual_but("temp", temp);
                bench.tick(&values);
            }
        }
    }
    assert!(bench.raised().is_empty(), "one in forty minutes: {:?}", bench.found);
}

#[test]
fn neither_a_code_nor_a_shift_alone_raises_anything_and_both_together_do() {
    let mut bench = learned(TOGETHER);
    bench.text("alarm", "E12,E71");
    bench.run_usual(700);
    assert!(bench.found.is_empty(), "the code alone: {:?}", bench.found);
    run_shifted(&mut bench, 60, 3.0);
    assert!(bench.found.is_empty(), "its code is out of the window: {:?}", bench.found);
    bench.text("alarm", "E12");
    assert!(bench.found.is_empty(), "another code: {:?}", bench.found);
    bench.text("alarm", "E12;E70");
    let raised = bench.raised();
    let rules: Vec<&str> = raised.iter().map(|it| it.rule.id.as_str()).collect();
    assert_eq!(rules, ["pump-failing", "pump-failing"], "what each member saw");
    assert!(matches!(raised[0].finding, Finding::Level { .. }));
    let Finding::Code { code, times, .. } = &raised[1].finding else { panic!("{raised:?}") };
    assert_eq!((code.as_str(), *times), ("E70", 1));
    assert!(raised.iter().all(|it| it.component.as_str() == "unit"));
    bench.run_usual(700);
    assert_eq!(bench.cleared(), 2, "both end together: {:?}", bench.found);
}

#[test]
fn after_a_repair_an_old_code_counts_no_more() {
    let mut bench = learned(TOGETHER);
    run_shifted(&mut bench, 60, 3.0);
    bench.text("alarm", "E70");
    assert_eq!(bench.raised().len(), 2);
    let component = "unit".parse().expect("slug");
    bench.notice(&DeviceNotice::Rebaseline { component, at: bench.now });
    assert_eq!(bench.cleared(), 2, "the repair ended it");
    bench.found.clear();
    bench.run_usual(200);
    run_shifted(&mut bench, 60, 3.0);
    assert!(bench.found.is_empty(), "the code spoke of the old part: {:?}", bench.found);
}

#[test]
fn a_stored_state_goes_on_between_the_members() {
    let mut bench = learned(TOGETHER);
    run_shifted(&mut bench, 60, 3.0);
    let text = serde_json::to_string(&bench.state).expect("json");
    let stored = serde_json::from_str(&text).expect("reads back");
    assert_eq!(bench.state, stored);
    bench.state = bench.plan.adopt(stored);
    bench.text("alarm", "E70");
    assert_eq!(bench.raised().len(), 2, "the shift was not forgotten");
    assert!(bench.found.iter().all(|it| matches!(it, Detection::Raised(_))));
}

#[test]
fn a_member_that_no_rule_is_called_is_named() {
    let rules = rule_set(&TOGETHER.replace("\"pump-code\"]", "\"pump-error\"]"));
    let error = rules.check().expect_err("there is no such rule");
    assert!(error.to_string().contains("`pump-error`"), "{error}");
}

#[test]
fn a_bad_reading_is_no_part_of_a_window() {
    let mut bench = learned(SHIFT);
    for _ in 0..40 {
        let values = bench.usual();
        let others: Vec<_> = values.into_iter().filter(|(name, _)| *name != "pressure").collect();
        bench.tick(&others);
        bench.take("pressure", 500.0, Quality::Bad(forewarn_domain::quality::Bad::Parse));
    }
    assert!(bench.raised().is_empty(), "{:?}", bench.found);
}
