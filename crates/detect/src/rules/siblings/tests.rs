//! The judge by itself: what it is told of siblings is written down here.

use forewarn_domain::id::DeviceId;

use super::*;
use crate::rule::RuleSet;
use crate::rules::Kind;

const RULE: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "unlike-siblings"
kind = "siblings"
quantity = ["temperature"]
on = 4.0
off = 2.0
change = { least = 1.5, percent = 0.0 }
window = "30m"
least = 2
learn = { samples = 64, for = "10m" }
refine_for = "14d"
severity = "watch"
fault_family = "thermal"
"#;

/// One reading in ten seconds.
const STEP: Span = Span::from_secs(10);
const PATIENCE: Span = Span::from_secs(30);

fn judge() -> Siblings {
    let rules: RuleSet = toml::from_str(RULE).expect("a rule file");
    let Kind::Siblings(judge) = rules.rules[0].kind else { panic!("another kind") };
    judge
}

fn refused(from: &str, to: &str) -> String {
    assert!(RULE.contains(from), "{from}");
    toml::from_str::<RuleSet>(&RULE.replace(from, to)).expect_err("refused").to_string()
}

fn at(step: u32) -> Time {
    Time::from_millis(1_780_000_000_000) + Span::from_secs(10 * i64::from(step))
}

fn mark(step: u32, level: f64) -> Mark {
    Mark { t: at(step), state: 0, level, is_at_rest: true }
}

fn names() -> Vec<DeviceId> {
    ["a", "b", "c", "d"].iter().map(|it| DeviceId::new(it).expect("slug")).collect()
}

fn shown<'a>(names: &'a [DeviceId], levels: &[f64]) -> Vec<Shown<'a>> {
    let one = |(device, level): (&'a DeviceId, &f64)| Shown { device, level: *level, era: 0 };
    names.iter().zip(levels).map(one).collect()
}

/// Compares once a tick; how often something was over.
fn compared(judge: &Siblings, memory: &mut Memory, steps: std::ops::Range<u32>, off: f64) -> u32 {
    let names = names();
    let mut over = 0;
    for step in steps {
        // All of them swing by eight kelvins in an hour, and each has its own place.
        let hall = 50.0 + 4.0 * (f64::from(step) / 57.0).sin();
        let small = 0.05 * (f64::from(step) * 1.7).sin();
        let levels = [hall - 3.0, hall - 3.0, hall + 3.0, hall + 3.0];
        let own = mark(step, hall + 1.0 + small + off);
        let look = judge.compare(memory, (own, PATIENCE), &shown(&names, &levels), true);
        over += u32::from(matches!(look, Some((Look::Over { .. }, _))));
    }
    over
}

#[test]
fn what_all_share_is_nothing_and_one_kelvin_too_much_for_long_is_found() {
    let (judge, states) = (judge(), [StateId::new("all").expect("slug")]);
    let mut memory = judge.start(1);
    assert_eq!(compared(&judge, &mut memory, 0..9_000, 0.0), 0, "a day of it");
    assert_eq!(judge.condition(&memory, 0), Condition::Armed);
    assert_eq!(compared(&judge, &mut memory, 9_000..9_100, 1.0), 0, "less than matters");
    assert!(50 < compared(&judge, &mut memory, 9_100..9_200, 2.5));
    let sample = Sample {
        t: at(9_200),
        value: 0.0,
        gap: STEP,
        index: 1,
        breaks: 0,
        state: 0,
        run: 1,
        moves: 0,
    };
    let Finding::Siblings { z, value, median, siblings, expected } =
        judge.finding(&memory, &sample, &states)
    else {
        panic!("another finding");
    };
    assert!(4.0 < z && siblings == 4, "{z} {siblings}");
    assert!((value - median - 3.5).abs() < 0.2, "{value} {median}");
    assert!((expected.median - median - 1.0).abs() < 0.2, "it is usually one above: {expected:?}");
    assert!(expected.low < expected.high && expected.high < value);
}

#[test]
fn a_sibling_that_stops_does_not_move_what_is_expected() {
    let (judge, names) = (judge(), names());
    let mut memory = judge.start(1);
    compared(&judge, &mut memory, 0..9_000, 0.0);
    let all = shown(&names, &[47.0, 47.0, 53.0, 53.0]);
    let with_all = memory.pairs[0].view(mark(9_000, 51.0), &all);
    let without = memory.pairs[0].view(mark(9_000, 51.0), &all[..3]);
    assert!((with_all.median - without.median).abs() > 2.9, "the bare median leaps");
    assert!((with_all.expected - without.expected).abs() < 0.02, "{with_all:?} {without:?}");
}

#[test]
fn a_repaired_sibling_counts_again_once_the_pair_is_learned_anew() {
    let (judge, names) = (judge(), names());
    let mut memory = judge.start(1);
    compared(&judge, &mut memory, 0..1_000, 0.0);
    let mut levels = shown(&names, &[47.0, 47.0, 53.0, 58.0]);
    levels[3].era = 1;
    let mut seen = Vec::new();
    for step in 1_000..1_040 {
        judge.compare(&mut memory, (mark(step, 51.0), PATIENCE), &levels, true);
        seen.push(memory.view.compared);
    }
    assert_eq!((seen[0], seen[39]), (3, 4));
    assert!((memory.view.expected - 51.0).abs() < 0.2, "{:?}", memory.view);
}

#[test]
fn with_too_few_siblings_nothing_is_judged_and_it_says_so() {
    let (judge, names) = (judge(), names());
    let mut memory = judge.start(1);
    compared(&judge, &mut memory, 0..9_000, 0.0);
    let one = shown(&names, &[47.0]);
    let look = judge.compare(&mut memory, (mark(9_001, 90.0), PATIENCE), &one, true);
    assert!(look.is_none(), "{look:?}");
    let few = WhyNot::FewSiblings { comparable: 1, least: 2 };
    assert_eq!(judge.condition(&memory, 0), Condition::Waiting(few.clone()));
    let said = "only 1 of the 2 sister machines that it needs can be compared now";
    assert_eq!(few.text().en, said);
    let tired = Mark { is_at_rest: false, ..mark(9_002, 90.0) };
    judge.compare(&mut memory, (tired, PATIENCE), &shown(&names, &[47.0; 4]), true);
    assert_eq!(judge.condition(&memory, 0), Condition::Waiting(WhyNot::NotAtRest));
}

#[test]
fn a_level_that_warms_up_is_at_rest_only_once_it_is_warm() {
    let judge = judge();
    let mut memory = judge.start(1);
    let mut rested = None;
    for step in 0..3_000_u32 {
        let minutes = f64::from(step) / 6.0;
        let value = 50.0 - 25.0 * (-minutes / 40.0).exp();
        let (index, run, moves) = (u64::from(step), 1, 0);
        let sample =
            Sample { t: at(step), value, gap: STEP, index, breaks: 1, state: 0, run, moves };
        assert_eq!(judge.look(&mut memory, &sample, true), None, "it is only followed");
        let is_at_rest = memory.mark_before(at(step + 1), 0).is_some_and(|it| it.is_at_rest);
        rested = rested.or(is_at_rest.then_some(value));
    }
    let rested = rested.expect("it comes to rest");
    assert!((49.0..50.0).contains(&rested), "{rested}");
}

#[test]
fn what_came_after_a_tick_does_not_change_what_is_compared() {
    let mut memory = judge().start(1);
    for step in 0..10 {
        memory.own[0].mark(mark(step, f64::from(step)));
    }
    let before = |it: u32| memory.mark_before(at(it), 0).map(|it| it.level);
    assert_eq!([before(8), before(7), before(6)], [Some(7.0), Some(6.0), None]);
    let same_tick = Mark { t: at(9) + Span::from_secs(3), ..mark(9, 99.0) };
    memory.own[0].mark(same_tick);
    assert_eq!(memory.mark_before(at(10), 0), Some(same_tick));
}

#[test]
fn settings_that_make_no_sense_are_refused_with_the_field() {
    for (from, to, field) in [
        ("least = 2\n", "least = 1\n", "`least`"),
        ("least = 2\n", "least = 25\n", "`least`"),
        ("window = \"30m\"\n", "", "`window`"),
        ("window = \"30m\"\n", "window = \"0s\"\n", "`window`"),
        ("percent = 0.0", "percent = 5.0", "`change`"),
        ("{ least = 1.5", "{ least = 0.0", "`change`"),
        ("least = 2\n", "least = 2\ntimes = 3\n", "`times`"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(field), "{to}: {error}");
    }
}
