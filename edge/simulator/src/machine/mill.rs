//! A milling machine: spindle and spindle motor.

use std::f64::consts::TAU;

use super::Situation;
use crate::duty::{Phase, Segment};
use crate::signal::Signal;

/// Rise of the spindle bearing and of the motor.
pub(super) fn heat(segment: &Segment) -> [f64; 2] {
    let bearing = 2.0 + 14.0 * (segment.speed / 4_500.0).sqrt();
    let motor = 4.0 + 0.36 * segment.load;
    if segment.phase == Phase::Off { [0.0, 0.0] } else { [bearing, motor] }
}

/// A spindle's outer ring warms faster than the windings.
pub(super) const HEAT_LAG_S: [f64; 2] = [150.0, 240.0];

pub(super) fn value(signal: Signal, now: &Situation) -> f64 {
    let noise = now.noise(signal);
    match signal {
        Signal::Running => f64::from(u8::from(now.is_on())),
        Signal::Program => f64::from(now.program),
        Signal::Speed => (now.speed + (1.5 + 0.0008 * now.speed) * noise).abs(),
        Signal::TachSpeed => (now.speed + (2.0 + 0.0006 * now.speed) * noise).abs(),
        Signal::Load => (load(now) * now.bump(signal) + 1.2 * spread(now) * noise).abs(),
        Signal::Current => (current(now) * now.effects.current + 0.3 * spread(now) * noise).abs(),
        Signal::MotorTemp => now.ambient + now.rise[1] + now.effects.motor_k + 0.12 * noise,
        Signal::BearingTemp => now.ambient + now.rise[0] + now.effects.bearing_k + 0.1 * noise,
        _ => 0.0,
    }
}

/// Teeth enter and leave the cut: a slow wave over the commanded load.
fn load(now: &Situation) -> f64 {
    if now.phase != Phase::Work {
        return now.load;
    }
    let wave = (TAU * now.second / WAVE_S + now.own(1, 0.0, TAU)).sin();
    now.load + 2.5 * wave
}

fn current(now: &Situation) -> f64 {
    let at_no_load = if now.is_on() { now.own(2, 1.4, 1.9) } else { 0.0 };
    at_no_load + 0.42 * load(now)
}

/// A machine that is switched off still has a noisy converter, but little of it.
fn spread(now: &Situation) -> f64 {
    match now.phase {
        Phase::Off => 0.1,
        Phase::Idle => 0.5,
        Phase::WarmUp | Phase::Work => 1.0,
    }
}

/// Divides an hour, so that the wave has no step in it.
const WAVE_S: f64 = 18.0;
