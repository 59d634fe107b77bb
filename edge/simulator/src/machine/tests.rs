//! Values follow the time, and faults show on what they strike.

use super::*;

const ORIGIN: Time = Time::from_micros(1_780_000_000_000_000);

fn build(class: Class, faults: Vec<SeededFault>) -> Build {
    let chance = Chance::new(4).named("machine");
    let duty = Duty::new(class, chance.with(1), ORIGIN, false);
    let device = DeviceId::new("mill-01").expect("a slug");
    Build { device, class, chance, duty, faults, orders: None, variety: Variety::None }
}

#[test]
fn values_depend_on_the_time_and_not_on_the_way_there() {
    for class in [Class::Mill, Class::Press, Class::Pump] {
        let mut often = Machine::warm_at(build(class, Vec::new()), ORIGIN - Span::from_secs(7_200));
        let mut late = Machine::warm_at(build(class, Vec::new()), ORIGIN);
        for second in -7_000..300 {
            often.advance(ORIGIN + Span::from_millis(second * 1_000 + 137));
        }
        let t = ORIGIN + Span::from_secs(300);
        often.advance(t);
        late.advance(t);
        for signal in Signal::ALL {
            let (a, b) = (often.value(*signal), late.value(*signal));
            assert!((a - b).abs() < 1e-4, "{class:?} {signal:?}: {a} and {b}");
        }
    }
}

#[test]
fn a_stuck_sensor_repeats_its_value_while_the_others_move() {
    let from = ORIGIN + Span::from_secs(24);
    let (growth, strength) = (None, 1.0);
    let (kind, signal) = (FaultKind::FlatSensor, Some(Signal::OilTemp));
    let fault = SeededFault { kind, signal, from, growth, curve: 1.0, strength };
    let mut press = Machine::warm_at(build(Class::Press, vec![fault]), ORIGIN);
    press.advance(from + Span::from_secs(1));
    let (oil, current) = (press.value(Signal::OilTemp), press.value(Signal::Current));
    press.advance(from + Span::from_secs(2));
    assert_eq!(press.value(Signal::OilTemp).to_bits(), oil.to_bits());
    assert_ne!(press.value(Signal::Current).to_bits(), current.to_bits());
}

#[test]
fn oil_drifts_by_more_than_twenty_kelvin_and_only_after_the_fault_began() {
    let from = ORIGIN + Span::from_secs(22);
    let kind = FaultKind::OilTemperatureDrift;
    let fault = SeededFault { kind, signal: None, from, growth: None, curve: 1.0, strength: 1.0 };
    let mut faulty = Machine::warm_at(build(Class::Press, vec![fault]), ORIGIN);
    let mut healthy = Machine::warm_at(build(Class::Press, Vec::new()), ORIGIN);
    let mut difference = |second: i64| {
        faulty.advance(ORIGIN + Span::from_secs(second));
        healthy.advance(ORIGIN + Span::from_secs(second));
        faulty.value(Signal::OilTemp) - healthy.value(Signal::OilTemp)
    };
    assert!(difference(21).abs() < 1e-9);
    let early = difference(27);
    assert!((1.0..2.5).contains(&early), "{early}");
    let late = difference(120);
    assert!((20.0..25.0).contains(&late), "{late}");
}

#[test]
fn a_limit_taken_from_the_idle_machine_would_misfire() {
    let mut pump = Machine::warm_at(build(Class::Pump, Vec::new()), ORIGIN);
    let (mut slow, mut fast) = (0.0_f64, 0.0_f64);
    for second in 0..200 {
        pump.advance(ORIGIN + Span::from_secs(second));
        let is_fast = 1_200.0 < pump.segment().speed;
        let highest = if is_fast { &mut fast } else { &mut slow };
        *highest = highest.max(pump.value(Signal::ZVelocity));
    }
    assert!(1.3 * slow < fast, "{slow} and {fast}");
    assert!(fast < 2.8, "no healthy pump may leave zone B: {fast}");
}
