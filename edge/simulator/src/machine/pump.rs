//! A coolant pump with its drive and the vibration sensor on its bearing housing.

use super::Situation;
use crate::duty::{Phase, Segment};
use crate::signal::Signal;

/// Rise of the bearing housing; the second part is not used.
pub(super) fn heat(segment: &Segment) -> [f64; 2] {
    if segment.phase == Phase::Off {
        return [0.0, 0.0];
    }
    [9.0 + 9.0 * (segment.speed / FULL_SPEED).powi(2), 0.0]
}

pub(super) const HEAT_LAG_S: [f64; 2] = [200.0, 200.0];

pub(super) fn value(signal: Signal, now: &Situation) -> f64 {
    let noise = now.noise(signal);
    let share = (now.speed / FULL_SPEED).max(0.0);
    match signal {
        Signal::Running => f64::from(u8::from(now.is_on())),
        Signal::Speed => (now.speed + (0.6 + 0.0015 * now.speed) * noise).abs(),
        Signal::Load => (now.load + noise).abs(),
        Signal::Current => {
            let current = now.own(1, 30.0, 33.0) * share.powi(2) * now.effects.current;
            (current + spread(now) * 0.35 * noise).abs()
        }
        Signal::Pressure => {
            let pressure = (0.9 + 3.3 * share.powi(2)) * now.effects.pressure;
            (pressure + 0.025 * now.effects.pressure_noise * noise).abs()
        }
        Signal::ZVelocity => {
            now.effects.shake_z * velocity(now, share) * (1.0 + 0.05 * noise) * now.bump(signal)
                + at_rest(noise)
        }
        Signal::XVelocity => {
            0.8 * now.effects.shake_x
                * velocity(now, share)
                * (1.0 + 0.05 * noise)
                * now.bump(signal)
                + at_rest(noise)
        }
        Signal::HousingTemp => now.ambient + now.rise[0] + now.effects.bearing_k + 0.08 * noise,
        Signal::ZKurtosis => 3.0 + shape(now) * now.effects.kurtosis + 0.06 * noise,
        Signal::ZCrest => 3.9 + 0.5 * shape(now) * now.effects.kurtosis + 0.12 * noise,
        Signal::ZHighFrequency => {
            let hiss = now.own(3, 0.1, 0.13) * share.powf(1.5) * now.effects.hiss;
            0.02 + hiss * (1.0 + 0.05 * noise) + at_rest(0.2 * noise)
        }
        _ => 0.0,
    }
}

fn velocity(now: &Situation, share: f64) -> f64 {
    now.own(2, 0.85, 1.08) * (0.25 * share + 1.1 * share.powi(2))
}

/// What a sensor reports of a machine at rest: its own noise.
fn at_rest(noise: f64) -> f64 {
    0.008 * noise.abs()
}

/// Knocks need a shaft that turns.
fn shape(now: &Situation) -> f64 {
    if 0.2 * FULL_SPEED < now.speed { 1.0 } else { 0.0 }
}

fn spread(now: &Situation) -> f64 {
    if now.is_on() { 1.0 } else { 0.1 }
}

/// rpm of a four-pole motor under load.
const FULL_SPEED: f64 = 1_450.0;
