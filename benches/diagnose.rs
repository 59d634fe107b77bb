//! What a diagnosis of one second at 25.6 kHz costs, damaged and healthy, on one core.
//!
//! Samples in, judgement out: both spectra, the shaft's speed, the bearing, and every fault of the
//! machine whose number is known. Processor time counts. `--quick`.

use std::time::{Duration, Instant};

use forewarn_benches::Failure;
use forewarn_benches::arguments::Arguments;
use forewarn_benches::figures::{Bar, Figures};
use forewarn_benches::usage::thread_time;
use forewarn_vibration::bearing::{Defect, Geometry};
use forewarn_vibration::diagnosis;
use forewarn_vibration::faults::Machine;
use forewarn_vibration::synth::{self, SeededDefect};

fn main() -> Result<(), Failure> {
    let times: u32 = if Arguments::of_process().has("--quick") { 20 } else { 400 };
    let mut figures = Figures::of("diagnose");
    let orders = Geometry::new(9, 7.94, 39.04, 0.0)?.orders();
    let seeded = SeededDefect { defect: Defect::InnerRace, orders, impact_g: 0.6, slip: 0.005 };
    let damaged = synth::Machine { defect: Some(seeded), ..synth::Machine::healthy(SHAFT_HZ) };
    let known = Machine {
        gear_teeth: Some(23),
        vanes: Some(5),
        tool_teeth: Some(4),
        line_hz: Some(50.0),
        ..Machine::default()
    };
    for (name, machine) in
        [("healthy", synth::Machine::healthy(SHAFT_HZ)), ("damaged inner race", damaged)]
    {
        let samples = machine.burst(RATE_HZ, SAMPLES, 5);
        let mut named = 0_u32;
        let (began, ran) = (Instant::now(), thread_time());
        for _ in 0..times {
            let found = diagnosis::diagnose(&samples, RATE_HZ, SHAFT_HZ, Some(&orders), &known)?;
            named += u32::from(found.cause.is_some());
        }
        let took = ran.zip(thread_time()).map_or(began.elapsed(), |(from, to)| to - from);
        let is_right = named == if machine.defect.is_some() { times } else { 0 };
        if !is_right {
            return Err(format!("{name}: named {named} of {times} times").into());
        }
        let each: Duration = took / times;
        let name = format!("diagnosis of 1 s at 25.6 kHz, {name}");
        figures.add(name, each.as_secs_f64() * 1e3, "ms", Some(Bar::AtMost(5.0)))?;
    }
    Ok(figures.print_table()?)
}

const RATE_HZ: f64 = 25_600.0;
const SAMPLES: usize = 25_600;
const SHAFT_HZ: f64 = 24.3;
