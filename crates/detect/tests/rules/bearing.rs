//! Bearing frequencies in bursts.

use forewarn_detect::{Condition, Detection, WhyNot};
use forewarn_domain::anomaly::{BearingDefect, Finding};
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::StateId;
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::time::Span;
use forewarn_domain::waveform::{AxisFeatures, Burst, EnvelopeLine, Sha256};

use crate::bench::{Bench, channel};

const LINE: &str = r#"
[[rule]]
id = "line"
kind = "bearing_match"
n_of_m = [3, 4]
clear_for = "1m"
clear_samples = 4
severity = "warning"
fault_family = "bearing"
"#;

/// Outer race of the bench's bearing, 6205-2RS JEM.
const BPFO: f64 = 3.5848;
const SHAFT_HZ: f64 = 30.0;

fn burst(bench: &mut Bench, order: Option<f64>) -> Burst {
    bench.now = bench.now + Span::from_secs(5);
    let mut envelope = vec![EnvelopeLine { hz: 451.0, ratio: 2.2 }];
    if let Some(order) = order {
        for (k, ratio) in [(1.0, 14.0), (2.0, 9.0), (3.0, 6.0)] {
            envelope.push(EnvelopeLine { hz: k * order * SHAFT_HZ * 1.001, ratio });
        }
    }
    Burst {
        channel: channel("acc"),
        t0: bench.now,
        rate_hz: 25_600.0,
        samples: 25_600,
        state: StateId::new("cut").unwrap(),
        shaft_hz: Some(SHAFT_HZ),
        sha256: Sha256([7; 32]),
        quality: Quality::Good,
        axes: vec![AxisFeatures {
            axis: Axis::Z,
            velocity_rms: 1.0,
            acc_rms: 0.2,
            hf_rms: 0.1,
            acc_peak: 0.8,
            crest: 4.0,
            kurtosis: 3.0,
            envelope_df_hz: 1.0,
            envelope,
        }],
    }
}

fn take(bench: &mut Bench, order: Option<f64>) {
    let burst = burst(bench, order);
    bench.burst(&burst);
}

#[test]
fn three_of_four_bursts_name_the_outer_race_and_each_further_one_is_told() {
    let mut bench = Bench::new(LINE);
    for order in [None, None, Some(BPFO), None, Some(BPFO)] {
        take(&mut bench, order);
    }
    assert!(bench.found.is_empty());
    take(&mut bench, Some(BPFO));
    let raised = bench.raised();
    assert_eq!(raised.len(), 1);
    assert_eq!((raised[0].family, raised[0].component.as_str()), (FaultFamily::Bearing, "spindle"));
    let Finding::BearingLine(line) = &raised[0].finding else {
        panic!("{:?}", raised[0].finding);
    };
    assert_eq!((line.defect, line.matched, line.bursts), (BearingDefect::OuterRace, 3, 4));
    assert!(2 <= line.harmonics.len() && (line.found_hz / line.expected_hz - 1.0).abs() < 0.02);
    take(&mut bench, Some(BPFO));
    let last = bench.found.last().unwrap();
    assert!(
        matches!(last, Detection::Updated(it)
        if matches!(&it.finding, Finding::BearingLine(line) if line.matched == 4)),
        "{last:?}"
    );
    for _ in 0..20 {
        take(&mut bench, None);
    }
    assert_eq!(bench.cleared(), 1);
}

#[test]
fn a_burst_that_comes_twice_counts_once() {
    let mut bench = Bench::new(LINE);
    let one = burst(&mut bench, Some(BPFO));
    for _ in 0..10 {
        bench.burst(&one);
    }
    assert!(bench.found.is_empty());
    assert_eq!(bench.state.disordered(), 9);
}

#[test]
fn bursts_without_a_speed_or_in_the_unknown_state_name_nothing() {
    let mut bench = Bench::new(LINE);
    for turn in 0..20 {
        let mut burst = burst(&mut bench, Some(BPFO));
        if turn % 2 == 0 {
            burst.state = StateId::new("unknown").unwrap();
        } else {
            burst.shaft_hz = None;
        }
        bench.burst(&burst);
    }
    assert!(bench.found.is_empty());
    assert_eq!(bench.condition("line", "acc"), Condition::Waiting(WhyNot::NoSpeed));
}
