//! A press: main drive and hydraulic unit.

use super::Situation;
use crate::duty::{Phase, Segment};
use crate::signal::Signal;

/// Rise of the hydraulic oil and of the main motor.
pub(super) fn heat(segment: &Segment) -> [f64; 2] {
    match segment.phase {
        Phase::Off => [0.0, 0.0],
        Phase::Idle => [13.0, 8.0],
        Phase::WarmUp => [16.0, 8.0],
        Phase::Work => [20.0 + 0.25 * (segment.speed - 22.0), 24.0],
    }
}

/// A small tank, so that a minute shows something; the motor is much iron.
pub(super) const HEAT_LAG_S: [f64; 2] = [150.0, 240.0];

pub(super) fn value(signal: Signal, now: &Situation) -> f64 {
    let noise = now.noise(signal);
    match signal {
        Signal::Running => f64::from(u8::from(now.is_on())),
        Signal::Guard => f64::from(u8::from(now.phase != Phase::Idle)),
        Signal::Mode => mode(now.phase),
        Signal::Program => f64::from(now.program),
        Signal::StrokesPerMinute | Signal::Speed => {
            (now.speed + (0.03 + 0.002 * now.speed) * noise).abs()
        }
        Signal::Force => (force(now) * (1.0 + 0.012 * noise) * now.bump(signal) + noise).abs(),
        Signal::Pressure => (pressure(now) * now.effects.pressure
            + spread(now) * now.effects.pressure_noise * noise)
            .abs(),
        Signal::Current => (current(now) * now.effects.current + 0.7 * spread(now) * noise).abs(),
        Signal::OilTemp => now.ambient + now.rise[0] + now.effects.oil_k + 0.15 * noise,
        Signal::MotorTemp => now.ambient + now.rise[1] + now.effects.motor_k + 0.12 * noise,
        Signal::Strokes => (STROKES_A_CYCLE * now.cycles_behind).floor(),
        _ => 0.0,
    }
}

fn mode(phase: Phase) -> f64 {
    match phase {
        Phase::Off => 0.0,
        Phase::WarmUp => 1.0,
        Phase::Idle => 2.0,
        Phase::Work => 3.0,
    }
}

fn force(now: &Situation) -> f64 {
    if now.phase != Phase::Work {
        return 0.0;
    }
    let die = if now.program == 1 { 920.0 } else { 1_240.0 };
    die * (now.speed / now.commanded.max(1.0)).clamp(0.0, 1.0)
}

fn pressure(now: &Situation) -> f64 {
    match now.phase {
        Phase::Off => 0.0,
        Phase::Idle | Phase::WarmUp => now.own(1, 116.0, 120.0),
        Phase::Work => now.own(1, 116.0, 120.0) + 0.45 * now.load,
    }
}

fn current(now: &Situation) -> f64 {
    match now.phase {
        Phase::Off => 0.0,
        Phase::Idle | Phase::WarmUp => 17.0,
        Phase::Work => 22.0 + 0.5 * now.load,
    }
}

fn spread(now: &Situation) -> f64 {
    if now.is_on() { 1.0 } else { 0.1 }
}

/// Some 75 seconds at 25 strokes a minute. A mean over the cycle keeps the counter a function of
/// time; within a cycle it counts evenly.
const STROKES_A_CYCLE: f64 = 31.0;
