//! Bursts of healthy spindles name no defect; those of damaged ones name theirs, soon.

use std::sync::Arc;

use forewarn_domain::id::DeviceId;
use forewarn_domain::quantity::Axis;
use forewarn_domain::time::Span;
use forewarn_simulator::burst::RawBurst;
use forewarn_simulator::duty::Phase;
use forewarn_simulator::{Machine, Plan, SimulatedPlant};
use forewarn_vibration::{Defect, Features, Verdict, assess};

use crate::{figures, site};

/// One burst: when after the origin, which defect it names, and how it shakes.
#[derive(Debug)]
struct Seen {
    second: i64,
    named: Option<Defect>,
    hf_rms_g: f64,
    velocity_mm_s: f64,
}

fn assessed(plant: &SimulatedPlant, mut machine: Machine, seconds: i64) -> Vec<Seen> {
    let mut found = Vec::new();
    for second in (0..seconds).step_by(5) {
        machine.advance(plant.origin() + Span::from_secs(second));
        let is_steady = Span::from_secs(3) <= machine.steady_for();
        if machine.segment().phase != Phase::Work || !is_steady {
            continue;
        }
        let raw = RawBurst::capture(&machine, &[Axis::Z]);
        let samples: Vec<f64> = raw.axis(0).collect();
        let shaft_hz = raw.rpm / 60.0;
        let features = Features::of(&samples, raw.rate_hz, Some(shaft_hz)).unwrap();
        let orders = machine.orders().expect("a spindle has a bearing");
        let named = match assess(&features.envelope, shaft_hz, &orders).verdict {
            Verdict::Fault(defect) => Some(defect),
            Verdict::Unclear | Verdict::Healthy | Verdict::NotResolvable => None,
        };
        let (hf_rms_g, velocity_mm_s) = (features.hf_rms_g, features.velocity_rms_mm_s);
        found.push(Seen { second, named, hf_rms_g, velocity_mm_s });
    }
    found
}

fn mills(plant: &SimulatedPlant) -> Vec<Machine> {
    let is_mill = |it: &Machine| it.device().as_str().starts_with("mill");
    plant.machines(plant.origin()).into_iter().filter(is_mill).collect()
}

fn mill(plant: &SimulatedPlant, device: &DeviceId) -> Machine {
    mills(plant).into_iter().find(|it| it.device() == device).unwrap()
}

#[test]
fn a_damaged_bearing_is_named_in_most_bursts_within_a_minute_of_its_fault() {
    for seed in 1..=20 {
        let plant = site::simulated(seed);
        let fault = plant.plan().faults[0].clone();
        let bursts = assessed(&plant, mill(&plant, &fault.device), 180);
        let late: Vec<_> = bursts.iter().filter(|it| 60 <= it.second).collect();
        let named = late.iter().filter(|it| it.named == fault.kind.defect()).count();
        assert!(10 <= late.len(), "seed {seed}: {} bursts", late.len());
        assert!(8 * late.len() <= 10 * named, "seed {seed}, {:?}: {late:?}", fault.kind);
        let is_wrong = |it: &&&Seen| it.named.is_some() && it.named != fault.kind.defect();
        assert_eq!(late.iter().filter(is_wrong).count(), 0, "seed {seed}: {late:?}");
    }
}

#[test]
fn a_failing_bearing_doubles_the_high_frequencies_and_leaves_the_velocity() {
    for seed in 1..=20 {
        let plant = site::simulated(seed);
        let fault = plant.plan().faults[0].clone();
        let site = Arc::clone(plant.site());
        let catalogue = site::catalogue();
        let healthy =
            SimulatedPlant::new(site, &catalogue, seed, site::ORIGIN, Plan::healthy()).unwrap();
        let means = |plant: &SimulatedPlant| {
            let bursts = assessed(plant, mill(plant, &fault.device), 180);
            let late: Vec<_> = bursts.iter().filter(|it| 60 <= it.second).collect();
            let mean = |of: fn(&Seen) -> f64| {
                figures::mean(&late.iter().map(|it| of(it)).collect::<Vec<_>>())
            };
            (mean(|it| it.hf_rms_g), mean(|it| it.velocity_mm_s))
        };
        let ((hf, velocity), (hf_before, velocity_before)) = (means(&plant), means(&healthy));
        assert!(2.0 * hf_before < hf, "seed {seed}, {:?}: {hf_before} and {hf}", fault.kind);
        let rise = velocity - velocity_before;
        assert!(rise < 0.3, "seed {seed}: a rise of {rise} mm/s would look like a rotor fault");
    }
}

#[test]
fn healthy_spindles_are_hardly_ever_suspected() {
    let (mut bursts, mut suspected) = (0, 0);
    for seed in 1..=20 {
        let plant = site::simulated(seed);
        let faulty = plant.plan().faults[0].device.clone();
        for machine in mills(&plant).into_iter().filter(|it| *it.device() != faulty) {
            let found = assessed(&plant, machine, 180);
            bursts += found.len();
            suspected += found.iter().filter(|it| it.named.is_some()).count();
        }
    }
    assert!(600 < bursts, "{bursts}");
    assert!(suspected * 200 <= bursts, "{suspected} of {bursts}");
}
