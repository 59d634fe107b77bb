//! What a machine does when: cycles of standing, warming up, idling and working.
//!
//! Rely on this: the schedule is a function of time, anchored at the origin of the simulation, so
//! history and live follow one rhythm; in the first two hours after the origin no machine stops,
//! except for one cold start where that was asked for. Cycles are short, so that minutes of live
//! operation visit every working state several times.

use forewarn_domain::time::{Span, Time};

use crate::chance::Chance;
use crate::convert;

/// Which rhythm a machine follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// A milling machine: idle, cut, tool change, cut.
    Mill,
    /// A press: die handling, stamping.
    Press,
    /// A pump: low speed, high speed.
    Pump,
}

impl Class {
    /// The class of the plant's devices that this is.
    #[must_use]
    pub fn of(device_class: &str) -> Option<Self> {
        match device_class {
            "cnc-mill" => Some(Self::Mill),
            "press" => Some(Self::Press),
            "pump" => Some(Self::Pump),
            _ => None,
        }
    }
}

/// What a machine is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Switched on, waiting.
    Idle,
    /// Switched off.
    Off,
    /// Running without work until it is warm.
    WarmUp,
    /// Producing.
    Work,
}

/// A time during which nothing is commanded to change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Its first moment.
    pub from: Time,
    /// The first moment of the next one.
    pub until: Time,
    /// What the machine does.
    pub phase: Phase,
    /// Commanded speed: rpm, and strokes per minute at a press.
    pub speed: f64,
    /// Commanded load in per cent of rated.
    pub load: f64,
    /// Number of the running program.
    pub program: u16,
}

/// The schedule of one machine.
#[derive(Clone, Debug)]
pub struct Duty {
    class: Class,
    chance: Chance,
    /// Where cycle 0 begins.
    anchor: Time,
    period_us: i64,
    starts_cold: bool,
}

impl Duty {
    /// The schedule of a machine around `origin`. One that `starts_cold` is switched off at the
    /// origin and warms up first.
    #[must_use]
    pub fn new(class: Class, chance: Chance, origin: Time, starts_cold: bool) -> Self {
        let period_s = match class {
            Class::Mill => chance.with(PERIOD).between(112.0, 126.0),
            Class::Press => chance.with(PERIOD).between(88.0, 100.0),
            Class::Pump => chance.with(PERIOD).between(90.0, 104.0),
        };
        let period_us = convert::nearest(period_s * 1e6);
        let shift = if starts_cold { 0.0 } else { chance.with(SHIFT).between(0.0, 0.9) };
        let shift = Span::from_micros(convert::nearest(shift * period_s * 1e6));
        Self { class, chance, anchor: origin - shift, period_us, starts_cold }
    }

    /// What is commanded at `t`.
    #[must_use]
    pub fn segment_at(&self, t: Time) -> Segment {
        let cycle = (t - self.anchor).micros().div_euclid(self.period_us);
        let begin = self.anchor + Span::from_micros(cycle.saturating_mul(self.period_us));
        let mut from = begin;
        let mut last = None;
        for step in self.steps(cycle) {
            let until = begin + Span::from_micros(self.part_of_period(step.end));
            let Step { phase, speed, load, program, .. } = step;
            let segment = Segment { from, until, phase, speed, load, program };
            if t < until {
                return segment;
            }
            from = until;
            last = Some(segment);
        }
        last.expect("every cycle has a step that ends with it")
    }

    /// How many cycles, with fraction, the machine has behind it since it was commissioned; whole
    /// cycles of work or rest alike, and the same whatever the origin.
    #[must_use]
    pub fn cycles_behind(&self, t: Time) -> f64 {
        convert::float((t - COMMISSIONED).micros().max(0)) / convert::float(self.period_us)
    }

    fn part_of_period(&self, share: f64) -> i64 {
        convert::nearest(share * convert::float(self.period_us)).min(self.period_us)
    }

    fn steps(&self, cycle: i64) -> Vec<Step> {
        let chance = self.chance.with(CYCLE).with_signed(cycle);
        match self.kind(cycle) {
            Kind::Stopped => vec![Step::off(1.0)],
            Kind::Break => self.restart(chance),
            Kind::Usual => self.usual(chance),
        }
    }

    fn kind(&self, cycle: i64) -> Kind {
        if UNDISTURBED.contains(&cycle) {
            return if cycle == 0 && self.starts_cold { Kind::Break } else { Kind::Usual };
        }
        let stop = self.chance.with(STOP).with_signed(cycle.div_euclid(STOP_EVERY));
        let first = stop.with(0).between(0.0, 300.0);
        let cycles = stop.with(1).between(5.0, 12.0);
        let place = convert::float(cycle.rem_euclid(STOP_EVERY));
        if first <= place && place < first + cycles {
            return Kind::Stopped;
        }
        let is_restart = first + cycles <= place && place < first + cycles + 1.0;
        let takes_break = self.chance.with(BREAK).with_signed(cycle).unit() < BREAK_SHARE;
        if is_restart || takes_break { Kind::Break } else { Kind::Usual }
    }

    fn restart(&self, chance: Chance) -> Vec<Step> {
        let work = self.work(chance.with(9));
        match self.class {
            Class::Mill => vec![
                Step::off(0.36),
                Step { end: 0.7, phase: Phase::WarmUp, ..WARM_UP_MILL },
                Step { end: 1.0, ..work },
            ],
            Class::Press => vec![
                Step::off(0.4),
                Step { end: 0.7, phase: Phase::WarmUp, ..WARM_UP_PRESS },
                Step { end: 1.0, ..work },
            ],
            Class::Pump => vec![Step::off(0.35), Step { end: 1.0, ..work }],
        }
    }

    fn usual(&self, chance: Chance) -> Vec<Step> {
        let jitter = |part: u64, share: f64| share + chance.with(part).between(-0.02, 0.02);
        let first = self.work(chance.with(1));
        let second = self.work(chance.with(2));
        let idle =
            Step { phase: Phase::Idle, speed: 0.0, load: 4.0, program: first.program, end: 0.0 };
        match self.class {
            Class::Mill => vec![
                Step { end: jitter(3, 0.15), ..idle },
                Step { end: jitter(4, 0.48), ..first },
                Step { end: jitter(5, 0.54), ..idle },
                Step { end: 1.0, ..second },
            ],
            Class::Press => {
                vec![Step { end: jitter(3, 0.2), ..idle }, Step { end: 1.0, ..first }]
            }
            Class::Pump => {
                let half = jitter(3, 0.5);
                vec![Step { end: half, ..pump_at(0) }, Step { end: 1.0, ..pump_at(1) }]
            }
        }
    }

    fn work(&self, chance: Chance) -> Step {
        match self.class {
            Class::Mill => {
                let (speed, program) = MILL_PROGRAMS[chance.with(1).index(MILL_PROGRAMS.len())];
                let load = chance.with(2).between(46.0, 66.0);
                Step { end: 1.0, phase: Phase::Work, speed, load, program }
            }
            Class::Press => {
                let (speed, program) = PRESS_PROGRAMS[chance.with(1).index(PRESS_PROGRAMS.len())];
                let load = chance.with(2).between(55.0, 65.0);
                Step { end: 1.0, phase: Phase::Work, speed, load, program }
            }
            Class::Pump => pump_at(chance.with(1).index(PUMP_SPEEDS.len())),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    /// Where it ends, as a share of the cycle.
    end: f64,
    phase: Phase,
    speed: f64,
    load: f64,
    program: u16,
}

impl Step {
    fn off(end: f64) -> Self {
        Self { end, phase: Phase::Off, speed: 0.0, load: 0.0, program: 0 }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Break,
    Stopped,
    Usual,
}

fn pump_at(index: usize) -> Step {
    let (speed, load) = PUMP_SPEEDS[index];
    Step { end: 1.0, phase: Phase::Work, speed, load, program: 0 }
}

/// Program number of a mill's warm-up run; operators keep it in the 9000s, which are protected.
pub const WARM_UP_PROGRAM: u16 = 9001;

const WARM_UP_MILL: Step =
    Step { end: 1.0, phase: Phase::WarmUp, speed: 1200.0, load: 12.0, program: WARM_UP_PROGRAM };
const WARM_UP_PRESS: Step =
    Step { end: 1.0, phase: Phase::WarmUp, speed: 0.0, load: 18.0, program: 0 };

/// Speeds of the parts that are milled, and their programs.
const MILL_PROGRAMS: [(f64, u16); 3] = [(1800.0, 1001), (3000.0, 1002), (4500.0, 1003)];

/// Strokes per minute of the two dies.
const PRESS_PROGRAMS: [(f64, u16); 2] = [(22.0, 1), (28.0, 2)];

/// Speed and load of a pump: the machines on its line idle or cut.
const PUMP_SPEEDS: [(f64, f64); 2] = [(980.0, 38.0), (1450.0, 72.0)];

/// 2025-01-01T00:00:00Z, when the demo plant was built.
const COMMISSIONED: Time = Time::from_millis(1_735_689_600_000);

/// A few cycles before the origin, so that machines are warm, and some two hours after it: whoever
/// watches a short demo sees machines at work.
const UNDISTURBED: std::ops::RangeInclusive<i64> = -8..=60;

/// About twice a day every machine stands for some ten minutes.
const STOP_EVERY: i64 = 360;

/// One cycle in forty begins with a short stop and a warm-up.
const BREAK_SHARE: f64 = 0.025;

// Parts of a machine's chance.
const PERIOD: u64 = 1;
const SHIFT: u64 = 2;
const CYCLE: u64 = 3;
const STOP: u64 = 4;
const BREAK: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Time = Time::from_micros(1_780_000_000_000_000);

    fn duty(class: Class, seed: u64, starts_cold: bool) -> Duty {
        Duty::new(class, Chance::new(seed), ORIGIN, starts_cold)
    }

    #[test]
    fn segments_follow_each_other_without_a_gap() {
        for class in [Class::Mill, Class::Press, Class::Pump] {
            let duty = duty(class, 5, false);
            let mut t = duty.segment_at(ORIGIN - Span::from_secs(2 * 86_400)).until;
            while t < ORIGIN + Span::from_secs(3_600) {
                let segment = duty.segment_at(t);
                assert_eq!(segment.from, t, "{class:?}");
                assert!(segment.from < segment.until);
                t = segment.until;
            }
        }
    }

    #[test]
    fn every_machine_works_for_most_of_the_first_three_minutes() {
        for seed in 1..=20 {
            for class in [Class::Mill, Class::Press, Class::Pump] {
                let duty = duty(class, seed, false);
                let works = |second: &i64| {
                    let at = ORIGIN + Span::from_secs(*second);
                    duty.segment_at(at).phase == Phase::Work
                };
                let seconds = (0..180).filter(works).count();
                assert!(120 <= seconds, "{class:?}, seed {seed}: {seconds} s");
            }
        }
    }

    #[test]
    fn a_cold_start_begins_switched_off_and_warms_up() {
        let duty = duty(Class::Mill, 1, true);
        assert_eq!(duty.segment_at(ORIGIN).phase, Phase::Off);
        let second = duty.segment_at(duty.segment_at(ORIGIN).until);
        assert_eq!((second.phase, second.program), (Phase::WarmUp, WARM_UP_PROGRAM));
    }

    #[test]
    fn a_month_holds_every_phase() {
        let duty = duty(Class::Mill, 2, false);
        let mut counts = [0_u32; 4];
        for step in 0..30 * 8_640 {
            let phase = duty.segment_at(ORIGIN - Span::from_secs(10 * step + 1)).phase;
            let place = [Phase::Off, Phase::WarmUp, Phase::Idle, Phase::Work]
                .iter()
                .position(|it| *it == phase)
                .expect("all four are listed");
            counts[place] += 1;
        }
        assert!(counts.iter().all(|count| 1_000 < *count), "{counts:?}");
        assert!(2 * counts[0] < counts[3], "{counts:?}");
    }
}
