//! What the seeds inject, and that whoever compares it with tickets reads the same.

use std::collections::BTreeSet;

use forewarn_domain::family::FaultFamily;
use forewarn_domain::time::{Span, Time};
use forewarn_simulator::signal::Signal;
use forewarn_simulator::{FaultKind, Plan, SimulatedPlant, Truth};

use crate::site;

#[test]
fn every_seed_injects_three_faults_on_three_devices() {
    let plant = site::demo();
    for seed in 1..=20 {
        let plan = Plan::for_seed(seed, &plant);
        let families: Vec<_> = plan.faults.iter().map(|it| it.kind.family()).collect();
        let expected = [FaultFamily::Bearing, FaultFamily::Hydraulic, FaultFamily::Instrumentation];
        assert_eq!(families, expected, "seed {seed}");
        let mut devices: BTreeSet<_> = plan.faults.iter().map(|it| it.device.clone()).collect();
        assert_eq!(devices.len(), 3, "seed {seed}");
        for fault in &plan.faults {
            let device = plant.device(&fault.device).unwrap();
            let component = device.component(&fault.component);
            assert_ne!(component.kind, "machine", "seed {seed}: {fault:?}");
            let is_flat = fault.kind == FaultKind::FlatSensor;
            assert_eq!(fault.channel.is_some(), is_flat, "seed {seed}");
        }
        assert!(devices.insert(plan.cold_start.unwrap()), "seed {seed}: a faulty machine is cold");
    }
}

#[test]
fn seeds_move_the_faults_between_machines_and_races() {
    let plant = site::demo();
    let plans: Vec<Plan> = (1..=20).map(|seed| Plan::for_seed(seed, &plant)).collect();
    let distinct =
        |of: &dyn Fn(&Plan) -> String| plans.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(&|it| it.faults[0].device.to_string()), 3);
    assert_eq!(distinct(&|it| format!("{:?}", it.faults[0].kind)), 3);
    assert_eq!(distinct(&|it| it.faults[1].device.to_string()), 2);
    assert!(4 <= distinct(&|it| it.faults[2].channel.as_ref().unwrap().to_string()));
    assert_eq!(plans[0].faults[0].kind, FaultKind::OuterRace);
    assert_eq!(plans[0].faults[0].device.as_str(), "mill-01");
    assert_eq!(plans[4], Plan::for_seed(5, &plant), "a plan is repeatable");
}

#[test]
fn the_truth_reads_back_and_speaks_the_words_of_tickets() {
    let truth = site::simulated(1).truth();
    let text = serde_json::to_string(&truth).unwrap();
    assert!(
        text.contains(r#""fault_family":"bearing","kind":"machine","fault":"outer_race""#),
        "{text}"
    );
    assert!(
        text.contains(r#""fault_family":"instrumentation","kind":"instrumentation""#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Vec<Truth>>(&text).unwrap(), truth);
    assert_eq!((truth[0].started_at - site::ORIGIN).micros(), 20_000_000);
}

#[test]
fn a_plant_that_starts_later_has_the_same_machines_and_later_faults() {
    let plant = site::simulated(6);
    let late = site::ORIGIN + Span::from_secs(25);
    let moved = plant.moved_to(late);
    for (before, after) in plant.truth().iter().zip(moved.truth()) {
        assert_eq!((before.device.clone(), before.fault), (after.device, after.fault));
        assert_eq!((after.started_at - before.started_at).micros(), 25_000_000);
    }
    let strokes = |plant: &SimulatedPlant, t: Time| {
        let press = plant.machines(t).into_iter().find(|it| it.device().as_str() == "press-01");
        press.unwrap().value(Signal::Strokes)
    };
    let (end_of_past, start_of_live) = (strokes(&plant, site::ORIGIN), strokes(&moved, late));
    assert!(1.0e6 < end_of_past, "{end_of_past}");
    assert!((5.0..12.0).contains(&(start_of_live - end_of_past)), "the counter jumps");
}
