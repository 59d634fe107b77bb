//! One sensor, reading by reading: is it at its end, did it leap, does it stand still?
//!
//! Everything is measured against the sensor's own past: how much it usually moves from one reading
//! to the next and how often it repeats itself. Until that is known nothing is said.

use serde::{Deserialize, Serialize};

use forewarn_domain::anomaly::Finding;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::site::plant::Channel;
use forewarn_domain::time::{Span, Time};

use super::SensorFault;

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Sense {
    at: Option<Time>,
    value: f64,
    seen: u32,
    /// Mean change from one reading to the next, with leaps cut off.
    step: f64,
    /// Equal readings in a row, since when, whether they began with a leap, and the most ever.
    run: u32,
    since: Time,
    leaped: bool,
    /// Whether it stands at nothing, as the current of a machine that was switched off does.
    may_rest: bool,
    longest_run: u32,
    /// Readings at the end of the range, in a row.
    at_end: u32,
    /// The last leap: when, from where, and readings since that stayed away.
    leap: Option<Leap>,
    /// The last readings that made no sense, as bits.
    odd: u8,
    active: Option<Active>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Leap {
    at: Time,
    from: f64,
    by: f64,
    gap: Span,
    away: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Active {
    fault: SensorFault,
    well_since: Option<Time>,
    well: u32,
}

pub(super) enum Turn {
    Raised(SensorFault, Finding, Time),
    Cleared(SensorFault),
}

impl Sense {
    pub(super) fn take(&mut self, channel: &Channel, t: Time, value: f64) -> Option<Turn> {
        let Some(before) = self.at.replace(t) else {
            (self.value, self.since) = (value, t);
            return None;
        };
        let (by, gap) = (value - self.value, t - before);
        let is_equal = value.to_bits() == self.value.to_bits();
        self.value = value;
        self.may_rest = value == 0.0 && channel.quantity != Quantity::Temperature;
        self.seen = self.seen.saturating_add(1);
        let leaps = self.follow(channel, (t, value), (by, gap));
        if is_equal {
            self.run = self.run.saturating_add(1);
        } else {
            if !leaps && self.active.is_none() {
                self.learn(by);
            }
            (self.run, self.since) = (0, t);
            self.leaped = LEAP_STEPS * self.step < by.abs();
        }
        let is_at_end = channel.range.is_some_and(|range| is_end(range, value));
        self.at_end = if is_at_end { self.at_end.saturating_add(1) } else { 0 };
        self.turn(channel, t, value)
    }

    /// See [`super::TriagePlan::touch`].
    pub(super) fn touch(&self) -> u64 {
        self.value.to_bits() ^ u64::from(self.odd) ^ u64::from(self.active.is_some())
    }

    /// Notes whether a reading of any quality makes sense.
    pub(super) fn note(&mut self, is_odd: bool) {
        self.odd = self.odd << 1 | u8::from(is_odd);
    }

    /// Whether most of the last readings make no sense.
    pub(super) fn is_odd(&self) -> bool {
        ODD_MIN <= (self.odd & 0b1_1111).count_ones()
    }

    /// Whether what the channel showed around `t` is likelier the sensor than the machine.
    pub(super) fn is_suspect(&self, t: Time) -> bool {
        let is_still = STUCK_SUSPECT <= self.run && self.longest_run < self.run;
        let is_stuck = self.leaped && !self.may_rest && is_still;
        let has_leaped = self.leap.is_some_and(|it| t - it.at <= LEAP_LASTS);
        self.active.is_some() || is_stuck || has_leaped
    }

    pub(super) fn forgive(&mut self) {
        (self.active, self.leap, self.at_end, self.run) = (None, None, 0, 0);
    }

    /// Follows a leap of a quantity that has inertia; says whether this very reading is one.
    fn follow(
        &mut self,
        channel: &Channel,
        (t, value): (Time, f64),
        (by, gap): (f64, Span),
    ) -> bool {
        let per_second = by.abs() / gap.secs_f64().max(1e-3);
        let fastest = channel.rate_max.unwrap_or(TEMPERATURE_K_PER_S);
        let has_inertia = channel.rate_max.is_some() || channel.quantity == Quantity::Temperature;
        let is_known = SEEN_MIN <= self.seen && gap <= GAP_MAX;
        let is_large = LEAP_K <= by.abs() && LEAP_STEPS * self.step < by.abs();
        if has_inertia && is_known && is_large && fastest < per_second {
            let from = value - by;
            // One broken telegram leaps back to where it came from.
            let is_back = self
                .leap
                .is_some_and(|it| it.away == 0 && (value - it.from).abs() < 0.25 * it.by.abs());
            self.leap = (!is_back).then_some(Leap { at: t, from, by, gap, away: 0 });
            return true;
        }
        if let Some(leap) = &mut self.leap {
            let is_away = 0.5 * leap.by.abs() < (value - leap.from).abs();
            leap.away = leap.away.saturating_add(u32::from(is_away));
            if LEAP_LASTS < t - leap.at {
                self.leap = None;
            }
        }
        false
    }

    fn learn(&mut self, by: f64) {
        if self.step == 0.0 {
            self.step = by.abs();
        }
        // An outlier may pull by at most four usual steps.
        self.step += (by.abs().min(4.0 * self.step) - self.step) / STEP_SPAN;
        if !self.leaped {
            self.longest_run = self.longest_run.max(self.run);
        }
    }

    fn turn(&mut self, channel: &Channel, t: Time, value: f64) -> Option<Turn> {
        let wrong = self.wrong(channel, value);
        if let Some(active) = &mut self.active {
            let is_same = wrong.as_ref().is_none_or(|(fault, ..)| *fault == active.fault);
            if wrong.is_some() || self.leap.is_some() {
                (active.well_since, active.well) = (None, 0);
            } else {
                let since = *active.well_since.get_or_insert(t);
                active.well += 1;
                if WELL_FOR <= t - since && WELL_MIN <= active.well {
                    let fault = active.fault;
                    self.active = None;
                    return Some(Turn::Cleared(fault));
                }
            }
            if is_same {
                return None;
            }
        }
        let (fault, finding, onset) = wrong?;
        // The graver word for the same trouble replaces the first; both stand on the ticket.
        self.active = Some(Active { fault, well_since: None, well: 0 });
        Some(Turn::Raised(fault, finding, onset))
    }

    fn wrong(&self, channel: &Channel, value: f64) -> Option<(SensorFault, Finding, Time)> {
        if self.seen < SEEN_MIN {
            return None;
        }
        if AT_END_MIN <= self.at_end
            && let Some([low, high]) = channel.range
        {
            let above = (high - value).abs() < (value - low).abs();
            let limit = if above { high } else { low };
            return Some((SensorFault::Rail, Finding::Limit { value, limit, above }, self.since));
        }
        let too_long = STUCK_MIN.max(2 * self.longest_run + 2);
        if self.leaped && !self.may_rest && too_long <= self.run {
            let lasted = self.at.map_or(Span::ZERO, |at| at - self.since);
            return Some((SensorFault::Stuck, Finding::Flat { value, lasted }, self.since));
        }
        let is_held = |it: &Leap| self.active.is_some() || AWAY_MIN <= it.away;
        let leap = self.leap.filter(is_held)?;
        let per_minute = leap.by / leap.gap.secs_f64().max(1e-3) * 60.0;
        let limit = channel.rate_max.unwrap_or(TEMPERATURE_K_PER_S) * 60.0;
        Some((SensorFault::Jump, Finding::Rate { per_minute, limit, value }, leap.at))
    }
}

/// The end of a range; zero is where most quantities rest, so it is no end.
fn is_end([low, high]: [f64; 2], value: f64) -> bool {
    let near = 1e-4 * (high - low);
    high - near <= value || (low < 0.0 && value <= low + near)
}

/// What a sensor usually does is known after so many readings.
const SEEN_MIN: u32 = 400;

/// Readings that the mean step remembers.
const STEP_SPAN: f64 = 64.0;

/// A change of so many usual steps is a leap.
const LEAP_STEPS: f64 = 8.0;

/// A smaller leap of a temperature may be a splash of coolant on the sensor.
const LEAP_K: f64 = 12.0;

/// Metal and oil of a machine cannot change faster: 90 K a minute is thirty times what a burning
/// bearing does (alarm at 3 K a minute, practice for rolling bearings).
const TEMPERATURE_K_PER_S: f64 = 1.5;

/// After a longer gap a leap says nothing.
const GAP_MAX: Span = Span::from_secs(60);

/// So long a leap is remembered against the sensor.
const LEAP_LASTS: Span = Span::from_secs(15 * 60);

/// Readings that must stay away, so that one broken telegram is no finding.
const AWAY_MIN: u32 = 1;

const AT_END_MIN: u32 = 3;
const STUCK_MIN: u32 = 5;
const STUCK_SUSPECT: u32 = 3;
const ODD_MIN: u32 = 3;

/// So long and so often a sensor must be well before it is believed again.
const WELL_FOR: Span = Span::from_secs(300);
const WELL_MIN: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Scene;

    fn temperature() -> Channel {
        let scene = Scene::flat_sensor();
        let known = scene.device.channels.values().find(|it| it.id.point_str() == "temp");
        Channel { range: Some([-40.0, 105.0]), ..known.expect("in the fixtures").as_ref().clone() }
    }

    /// Feeds a usual past and then the values, one in ten seconds; gives the faults raised.
    fn raised(values: impl IntoIterator<Item = f64>) -> Vec<SensorFault> {
        let channel = temperature();
        let mut sense = Sense::default();
        let mut t = Time::default();
        let past = (0..600).map(|turn| 40.0 + 0.1 * f64::from(turn % 7));
        let mut faults = Vec::new();
        for value in past.chain(values) {
            t = t + Span::from_secs(10);
            if let Some(Turn::Raised(fault, ..)) = sense.take(&channel, t, value) {
                faults.push(fault);
            }
        }
        faults
    }

    #[test]
    fn a_machine_that_heats_up_is_no_fault_of_the_sensor() {
        assert_eq!(raised((0..60).map(|turn| 40.0 + 0.9 * f64::from(turn))), []);
    }

    #[test]
    fn a_value_at_the_end_of_its_range_is_the_converter() {
        let faults = raised([105.0; 8]);
        assert!(faults.contains(&SensorFault::Rail), "{faults:?}");
    }

    #[test]
    fn a_leap_that_stands_still_is_stuck_and_one_that_lives_on_is_a_loose_contact() {
        assert!(raised([57.25; 9]).contains(&SensorFault::Stuck));
        let alive = raised((0..9).map(|turn| 80.0 + 0.1 * f64::from(turn % 4)));
        assert_eq!(alive, [SensorFault::Jump]);
    }

    #[test]
    fn the_voltage_of_a_drive_that_was_switched_off_is_not_stuck() {
        let channel = Channel { quantity: Quantity::Voltage, range: None, ..temperature() };
        let mut sense = Sense::default();
        let past = (0..600).map(|turn| 40.0 + 0.1 * f64::from(turn % 7));
        for (turn, value) in past.chain([0.0; 30]).enumerate() {
            let t = Time::from_millis(10_000 * i64::try_from(turn).expect("small"));
            assert!(sense.take(&channel, t, value).is_none(), "at {turn}");
        }
        assert!(!sense.is_suspect(Time::from_millis(6_300_000)));
    }

    #[test]
    fn one_broken_telegram_is_nothing() {
        assert_eq!(raised([40.1, 99.0, 40.2, 40.3, 40.1]), []);
    }
}
