//! One simulated machine: where it stands in its duty, how warm it is, and what its sensors say.
//!
//! Rely on this: a value depends on the seed and the time, not on how often the machine was asked
//! before. Heat flows exactly along the duty's segments, noise is drawn for the time itself, and a
//! machine that is started later arrives at the same values once it has [`WARM_BEFORE`] behind it.
//!
//! Deliberately absent: registers, messages and clocks.

mod mill;
mod press;
mod pump;
mod effects;

use forewarn_domain::id::DeviceId;
use forewarn_domain::time::{Span, Time};
use forewarn_vibration::Orders;

use crate::chance::Chance;
use crate::convert;
use crate::duty::{Class, Duty, Phase, Segment};
use crate::plan::{FaultKind, Variety};
use crate::signal::Signal;
pub(crate) use effects::Effects;

/// A machine at a time.
#[derive(Clone, Debug)]
pub struct Machine {
    device: DeviceId,
    class: Class,
    chance: Chance,
    duty: Duty,
    faults: Vec<SeededFault>,
    orders: Option<Orders>,
    now: Time,
    segment: Segment,
    /// Speed and load before the present segment.
    before: (f64, f64),
    /// Rise of two parts above the air around the machine, in K.
    rise: [f64; 2],
    /// Sensors that stick, and the values that they repeat.
    stuck: Vec<(Signal, f64)>,
    variety: Variety,
}

/// What a machine is, apart from its time.
#[derive(Clone, Debug)]
pub struct Build {
    /// Its id.
    pub device: DeviceId,
    /// Its rhythm and model.
    pub class: Class,
    /// Its chance.
    pub chance: Chance,
    /// Its schedule.
    pub duty: Duty,
    /// Its faults.
    pub faults: Vec<SeededFault>,
    /// Defect orders of its first bearing.
    pub orders: Option<Orders>,
    /// What changes on it without being a fault.
    pub variety: Variety,
}

/// A fault of one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct SeededFault {
    /// What.
    pub kind: FaultKind,
    /// The sensor that sticks, where one does.
    pub signal: Option<Signal>,
    /// When it begins.
    pub from: Time,
    /// How long it takes to grow in full; `None` is the demo's pace.
    pub growth: Option<Span>,
    /// The power of time with which it grows.
    pub curve: f64,
    /// How strong it becomes; 1 is usual.
    pub strength: f64,
}

/// What a model looks at to say a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) phase: Phase,
    /// Speed after the drive has followed the command.
    pub(crate) speed: f64,
    /// Commanded speed of the segment.
    pub(crate) commanded: f64,
    pub(crate) load: f64,
    pub(crate) program: u16,
    pub(crate) rise: [f64; 2],
    /// Temperature of the air in the hall, °C.
    pub(crate) ambient: f64,
    /// Cycles since the machine was commissioned, with fraction.
    pub(crate) cycles_behind: f64,
    /// Seconds within the hour, for slow waves.
    pub(crate) second: f64,
    /// What this very machine is like.
    pub(crate) own: Chance,
    /// Chance of this very moment.
    pub(crate) moment: Chance,
    /// What its faults do to it.
    pub(crate) effects: Effects,
}

impl Machine {
    /// A machine that has run long enough before `from` to be in its usual heat.
    #[must_use]
    pub fn warm_at(build: Build, from: Time) -> Self {
        let start = from - WARM_BEFORE;
        let Build { device, class, chance, duty, faults, orders, variety } = build;
        let segment = duty.segment_at(start);
        let before = (segment.speed, segment.load);
        let rise = targets(class, &segment);
        let stuck = Vec::new();
        let mut machine = Self {
            device,
            class,
            chance,
            duty,
            faults,
            orders,
            now: start,
            segment,
            before,
            rise,
            stuck,
            variety,
        };
        machine.advance(from);
        machine
    }

    /// The device that it plays.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        &self.device
    }

    /// How far it has been advanced.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// What it is doing, and until when.
    #[must_use]
    pub fn segment(&self) -> Segment {
        self.segment
    }

    /// Defect orders of its bearing, where it has one that may fail.
    #[must_use]
    pub fn orders(&self) -> Option<Orders> {
        self.orders
    }

    /// Lets time pass up to `t`; a time that has passed already changes nothing.
    pub fn advance(&mut self, t: Time) {
        for index in 0..self.faults.len() {
            let fault = &self.faults[index];
            let (from, signal) = (fault.from, fault.signal);
            if let Some(signal) = signal
                && self.now < from
                && from <= t
            {
                self.pass(from);
                let last = true_value(self.class, signal, &self.situation());
                match self.faults[index].kind {
                    FaultKind::FlatSensor => self.stuck.push((signal, last)),
                    FaultKind::StuckStep => self.stuck.push((signal, stepped(signal, last))),
                    _ => {}
                }
            }
        }
        self.pass(t);
    }

    /// What a sensor says now.
    #[must_use]
    pub fn value(&self, signal: Signal) -> f64 {
        self.value_in(signal, &self.situation())
    }

    /// The same for a caller who asks for many signals and has the situation at hand.
    pub(crate) fn value_in(&self, signal: Signal, situation: &Situation) -> f64 {
        match self.stuck.iter().find(|(stuck, _)| *stuck == signal) {
            Some((_, last)) => *last,
            None => self.sensed(signal, true_value(self.class, signal, situation)),
        }
    }

    /// What a sensor makes of the true value.
    fn sensed(&self, signal: Signal, value: f64) -> f64 {
        let failing = self.faults.iter().filter(|it| it.signal == Some(signal));
        failing.filter(|it| it.from <= self.now).fold(value, |value, fault| match fault.kind {
            FaultKind::SaturatedSensor => f64::INFINITY,
            FaultKind::ImpossibleJump => {
                let since = (self.now - fault.from).secs_f64().rem_euclid(LEAP_EVERY_S);
                value + if since < LEAP_S { LEAP_K * fault.strength } else { 0.0 }
            }
            FaultKind::CableResonance => {
                let swing = self.chance.with(MOMENT).with_signed(self.now.micros()).with(77);
                value + CABLE_MM_S * fault.strength * swing.between(0.85, 1.15)
            }
            _ => value,
        })
    }

    /// The bearing's defect and how far it has grown, from 0 to 1.
    #[must_use]
    pub fn bearing_damage(&self) -> Option<(forewarn_vibration::Defect, f64)> {
        let fault =
            self.faults.iter().find(|it| it.kind.defect().is_some() && it.from < self.now)?;
        let growth = fault.growth.unwrap_or(BEARING_GROWTH).secs_f64();
        let age = (self.now - fault.from).secs_f64();
        Some((fault.kind.defect()?, (age / growth).min(1.0).powf(fault.curve) * fault.strength))
    }

    /// How long nothing was commanded to change.
    #[must_use]
    pub fn steady_for(&self) -> Span {
        self.now - self.segment.from
    }

    pub(crate) fn situation(&self) -> Situation {
        let Segment { phase, program, .. } = self.segment;
        let age = self.steady_for().secs_f64();
        let follow = |before: f64, commanded: f64| {
            commanded + (before - commanded) * (-age / DRIVE_LAG_S).exp()
        };
        let second = Span::from_micros(self.now.micros().rem_euclid(HOUR_US)).secs_f64();
        let effects = self.effects();
        let load = self.varied_load(follow(self.before.1, self.segment.load));
        Situation {
            phase,
            program,
            speed: follow(self.before.0, self.segment.speed),
            commanded: self.segment.speed,
            load: load * effects.load,
            rise: self.rise,
            ambient: self.ambient(),
            cycles_behind: self.duty.cycles_behind(self.now),
            second,
            own: self.chance,
            moment: self.chance.with(MOMENT).with_signed(self.now.micros()),
            effects,
        }
    }

    fn pass(&mut self, t: Time) {
        while self.now < t {
            let until = t.min(self.segment.until);
            let step_s = (until - self.now).secs_f64();
            let lags = lags_s(self.class);
            let targets = targets(self.class, &self.segment);
            for ((rise, target), lag_s) in self.rise.iter_mut().zip(targets).zip(lags) {
                *rise = target + (*rise - target) * (-step_s / lag_s).exp();
            }
            self.now = until;
            if self.segment.until <= self.now {
                self.before = (self.segment.speed, self.segment.load);
                self.segment = self.duty.segment_at(self.now);
            }
        }
    }

    /// Halls are warmest in the afternoon, and no two days are alike.
    fn ambient(&self) -> f64 {
        let day = days(self.now);
        let (left, part) = (day.floor(), day.fract());
        let daily = |day: f64| {
            let day = convert::nearest(day);
            self.chance.with(WEATHER).with_signed(day).between(-0.8, 0.8)
        };
        let weather = daily(left) + (daily(left + 1.0) - daily(left)) * part;
        AMBIENT_C + 1.5 * (std::f64::consts::TAU * (part - 0.35)).sin() + weather + self.season()
    }

    /// Where recipes and tools change, the load of the very same program does too: another material
    /// every day or two, a tool that gets blunt until it is changed.
    fn varied_load(&self, load: f64) -> f64 {
        if self.variety == Variety::None || self.segment.phase != Phase::Work {
            return load;
        }
        let campaign = convert::nearest((days(self.now) / CAMPAIGN_DAYS).floor());
        let recipe = self.chance.with(RECIPE).with_signed(campaign).between(0.92, 1.1);
        let tool = (days(self.now) / TOOL_DAYS).fract();
        load * recipe * (1.0 + 0.08 * tool)
    }

    /// Weather that comes and goes over weeks.
    fn season(&self) -> f64 {
        match self.variety {
            Variety::None => 0.0,
            Variety::Everyday => 3.5 * (std::f64::consts::TAU * days(self.now) / SEASON_DAYS).sin(),
        }
    }
}

impl Situation {
    /// Normal noise of one sensor at this moment.
    pub(crate) fn noise(&self, signal: Signal) -> f64 {
        self.moment.with(place(signal)).normal()
    }

    /// A factor above 1 in about one of 700 readings: a chip, an air bubble, a bump.
    pub(crate) fn bump(&self, signal: Signal) -> f64 {
        if self.moment.with(place(signal) + 100).unit() < BUMP_SHARE { BUMP } else { 1.0 }
    }

    /// A property of this very machine between two bounds.
    pub(crate) fn own(&self, part: u64, low: f64, high: f64) -> f64 {
        self.own.with(OWN).with(part).between(low, high)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.phase != Phase::Off
    }
}

fn true_value(class: Class, signal: Signal, situation: &Situation) -> f64 {
    match class {
        Class::Mill => mill::value(signal, situation),
        Class::Press => press::value(signal, situation),
        Class::Pump => pump::value(signal, situation),
    }
}

/// Where a sensor ends up that leaps and sticks: well away, and still within reason.
fn stepped(signal: Signal, last: f64) -> f64 {
    match signal {
        Signal::Pressure => 1.35 * last,
        _ => last + 17.0,
    }
}

fn targets(class: Class, segment: &Segment) -> [f64; 2] {
    match class {
        Class::Mill => mill::heat(segment),
        Class::Press => press::heat(segment),
        Class::Pump => pump::heat(segment),
    }
}

fn lags_s(class: Class) -> [f64; 2] {
    match class {
        Class::Mill => mill::HEAT_LAG_S,
        Class::Press => press::HEAT_LAG_S,
        Class::Pump => pump::HEAT_LAG_S,
    }
}

fn place(signal: Signal) -> u64 {
    u64::from(signal as u8)
}

fn days(t: Time) -> f64 {
    convert::float(t.micros()) / convert::float(DAY_US)
}

/// Fifteen times the longest heat lag: what is left of the first guess is below a microkelvin.
pub const WARM_BEFORE: Span = Span::from_secs(3_600);

/// Drives follow a command within two or three seconds.
const DRIVE_LAG_S: f64 = 0.6;

/// A spall grows over weeks; in the demo it takes half a minute.
const BEARING_GROWTH: Span = Span::from_secs(35);

/// A loose contact is open for most of the time.
const LEAP_EVERY_S: f64 = 400.0;
const LEAP_S: f64 = 300.0;
const LEAP_K: f64 = 42.0;

/// What a swinging cable adds to a velocity in mm/s, whatever the machine does.
const CABLE_MM_S: f64 = 2.9;

/// Another recipe so often, another tool so often.
const CAMPAIGN_DAYS: f64 = 1.4;
const TOOL_DAYS: f64 = 0.21;

const SEASON_DAYS: f64 = 23.0;

const AMBIENT_C: f64 = 23.0;
const BUMP_SHARE: f64 = 1.0 / 700.0;
const BUMP: f64 = 1.25;
const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

// Parts of a machine's chance; `Duty` draws from one of its own.
const MOMENT: u64 = 20;
const WEATHER: u64 = 21;
const OWN: u64 = 22;
const RECIPE: u64 = 23;

#[cfg(test)]
mod tests;
