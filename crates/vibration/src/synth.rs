//! Synthetic accelerometer bursts of a turning machine, with or without a bearing defect.
//!
//! Imbalance, misalignment and noise run under a train of decaying resonances, one per impact,
//! with random slip and the modulation that the defect's place implies (model of Antoni, Randall
//! 2003, "A stochastic model for simulation and diagnostics of rolling element bearings with
//! localized faults"). The same [`Machine`], length and seed give the same burst on any computer
//! up to the last bits of `sin` and `exp`.
//!
//! Deliberately absent: speed changes, sensor faults, and wear over time. Gears, belts, looseness
//! and the like are laid over a burst by [`parts`].

pub mod parts;

use std::f64::consts::{PI, TAU};

use crate::bearing::{Defect, Orders};
use crate::convert;

/// A machine that turns at constant speed, as seen by one accelerometer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Turns per second.
    pub shaft_hz: f64,
    /// Peak acceleration at the shaft's frequency.
    pub imbalance_g: f64,
    /// Peak acceleration at twice the shaft's frequency.
    pub misalignment_g: f64,
    /// RMS of the white noise.
    pub noise_g: f64,
    /// Natural frequency that impacts ring; it should lie below half the sampling rate.
    pub resonance_hz: f64,
    /// Share of critical damping of that resonance.
    pub damping: f64,
    pub defect: Option<SeededDefect>,
}

/// A local defect of a bearing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeededDefect {
    pub defect: Defect,
    pub orders: Orders,
    /// Peak acceleration of the ringing after an average impact; for the cage, RMS of the rubbing
    /// at its loudest.
    pub impact_g: f64,
    /// Standard deviation of the time between impacts, as a share of that time; 0.005 to 0.02 in
    /// real bearings.
    pub slip: f64,
}

impl Machine {
    /// A quiet machine of medium size: 1× and 2× present, 0.05 g of noise, a 3 kHz resonance.
    #[must_use]
    pub fn healthy(shaft_hz: f64) -> Self {
        Self {
            shaft_hz,
            imbalance_g: 0.05,
            misalignment_g: 0.02,
            noise_g: 0.05,
            resonance_hz: 3000.0,
            damping: 0.05,
            defect: None,
        }
    }

    /// `len` samples in g, taken at `rate_hz`, with every random number drawn from `seed`.
    #[must_use]
    pub fn burst(&self, rate_hz: f64, len: usize, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        let phases = [random.unit() * TAU, random.unit() * TAU];
        let turn = TAU * self.shaft_hz / rate_hz;
        let mut samples: Vec<f64> = (0..len)
            .map(|i| {
                let angle = turn * convert::count(i);
                self.imbalance_g * (angle + phases[0]).sin()
                    + self.misalignment_g * (2.0 * angle + phases[1]).sin()
                    + self.noise_g * random.normal()
            })
            .collect();
        if let Some(defect) = self.defect {
            self.add_defect(&defect, rate_hz, &mut samples, &mut random);
        }
        samples
    }

    fn add_defect(
        &self,
        defect: &SeededDefect,
        rate_hz: f64,
        samples: &mut [f64],
        random: &mut Random,
    ) {
        let step = rate_hz / (defect.orders.of(defect.defect) * self.shaft_hz);
        let can_be_sampled = step.is_finite() && 1.0 <= step;
        if !can_be_sampled {
            return;
        }
        let turn = TAU * self.shaft_hz * modulation_order(defect.defect, &defect.orders) / rate_hz;
        let phase = random.unit() * TAU;
        let end = convert::count(samples.len());
        let mut at = step * random.unit();
        while at < end {
            if defect.defect == Defect::Cage {
                add_rub(samples, at, CAGE_RUB_SHARE * step, defect.impact_g, random);
            } else {
                let strength = load_on(defect.defect, turn * at + phase);
                let scatter = 1.0 + 0.1 * random.normal();
                self.add_ringing(samples, rate_hz, at, defect.impact_g * strength * scatter);
            }
            at += step * (1.0 + defect.slip * random.normal()).clamp(0.5, 1.5);
        }
    }

    /// One impact at the fractional sample `at`; it ends when 0.1 % of it is left.
    fn add_ringing(&self, samples: &mut [f64], rate_hz: f64, at: f64, peak_g: f64) {
        let omega = TAU * self.resonance_hz / rate_hz;
        let decay = omega * self.damping.clamp(0.001, 0.9);
        let first = convert::index_above(at);
        let lasting = convert::index_above(6.9 / decay);
        for (i, sample) in samples.iter_mut().enumerate().skip(first).take(lasting) {
            let age = convert::count(i) - at;
            *sample += peak_g * (-decay * age).exp() * (omega * age).sin();
        }
    }
}

/// A cage rubs along its elements for a part of each turn: noise that swells and fades.
fn add_rub(samples: &mut [f64], at: f64, spread: f64, peak_g: f64, random: &mut Random) {
    let first = convert::index_below(at - 4.0 * spread);
    let past = convert::index_above(at + 4.0 * spread).min(samples.len());
    for (i, sample) in samples.iter_mut().enumerate().take(past).skip(first) {
        let distance = (convert::count(i) - at) / spread;
        *sample += peak_g * (-0.5 * distance * distance).exp() * random.normal();
    }
}

/// What turns the defect through the load zone, as a multiple of the shaft's speed.
fn modulation_order(defect: Defect, orders: &Orders) -> f64 {
    match defect {
        Defect::OuterRace => 0.0,
        Defect::InnerRace => 1.0,
        Defect::RollingElement | Defect::Cage => orders.ftf,
    }
}

/// Strength of an impact when the defect stands at `angle` from the middle of the load zone.
fn load_on(defect: Defect, angle: f64) -> f64 {
    match defect {
        // These stand still in the load zone, or strike wherever they are.
        Defect::OuterRace | Defect::Cage => 1.0,
        Defect::InnerRace => (0.5 + 0.5 * angle.cos()).max(0.15),
        Defect::RollingElement => (0.6 + 0.4 * angle.cos()).max(0.15),
    }
}

/// Standard deviation of a rub's duration, as a share of the cage's turn: three harmonics stand
/// out and the ninth, which would coincide with the outer race, is gone.
const CAGE_RUB_SHARE: f64 = 0.08;

/// `SplitMix64` (Steele, Lea, Flood 2014): small, documented, the same everywhere.
///
/// Good enough to simulate, not to keep secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    spare_normal: Option<f64>,
}

impl Random {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed, spare_normal: None }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, 1.
    pub fn unit(&mut self) -> f64 {
        // The upper 32 bits convert without rounding; 2^-32 is fine enough for a phase or a wait.
        let upper = u32::try_from(self.bits() >> 32).expect("32 bits are left");
        f64::from(upper) / (f64::from(u32::MAX) + 1.0)
    }

    /// A number of the standard normal distribution (Box, Muller 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let angle = 2.0 * PI * self.unit();
        self.spare_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bearing::Geometry;
    use crate::defect_lines::{Verdict, assess};
    use crate::envelope::LINES_MAX;
    use crate::features::Features;
    use crate::indicators;

    fn orders() -> Orders {
        Geometry::new(9, 7.94, 39.04, 0.0).unwrap().orders()
    }

    #[test]
    fn the_generator_yields_the_published_numbers() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn the_same_seed_gives_the_same_burst_and_another_seed_another() {
        let machine = Machine::healthy(25.0);
        assert_eq!(machine.burst(12_800.0, 4096, 1), machine.burst(12_800.0, 4096, 1));
        assert_ne!(machine.burst(12_800.0, 4096, 1), machine.burst(12_800.0, 4096, 2));
    }

    #[test]
    fn a_healthy_machine_shakes_as_much_as_its_parts_say() {
        let samples = Machine::healthy(25.0).burst(12_800.0, 25_600, 5);
        let expected = (0.05_f64.powi(2) / 2.0 + 0.02_f64.powi(2) / 2.0 + 0.05_f64.powi(2)).sqrt();
        assert!((indicators::rms(&samples) / expected - 1.0).abs() < 0.02);
        assert!((indicators::kurtosis(&samples) - 3.0).abs() < 1.0);
    }

    #[test]
    fn every_seeded_defect_is_named_at_every_speed() {
        for defect in Defect::ALL {
            for (seed, shaft_hz) in [(1, 16.0), (2, 24.3), (3, 29.95), (4, 49.1)] {
                let seeded = SeededDefect { defect, orders: orders(), impact_g: 0.6, slip: 0.005 };
                let machine = Machine { defect: Some(seeded), ..Machine::healthy(shaft_hz) };
                let samples = machine.burst(12_800.0, 25_600, seed);
                let features = Features::of(&samples, 12_800.0, Some(shaft_hz)).unwrap();
                assert!(features.envelope.lines.len() <= LINES_MAX);
                let assessment = assess(&features.envelope, shaft_hz, &orders());
                let Verdict::Fault(found) = &assessment.verdict else {
                    panic!("{defect} at {shaft_hz} Hz: {assessment:?}");
                };
                assert_eq!(*found, defect, "at {shaft_hz} Hz: {assessment:?}");
            }
        }
    }

    #[test]
    fn a_healthy_machine_is_never_named_faulty() {
        for seed in 0..40 {
            let samples = Machine::healthy(24.3).burst(12_800.0, 12_800, seed);
            let features = Features::of(&samples, 12_800.0, Some(24.3)).unwrap();
            let assessment = assess(&features.envelope, 24.3, &orders());
            assert_eq!(assessment.verdict, Verdict::Healthy, "seed {seed}: {assessment:?}");
        }
    }

    #[test]
    fn a_speed_that_cannot_be_sampled_adds_no_impacts() {
        let seeded =
            SeededDefect { defect: Defect::InnerRace, orders: orders(), impact_g: 1.0, slip: 0.01 };
        let still = Machine { defect: Some(seeded), ..Machine::healthy(0.0) };
        assert_eq!(still.burst(1000.0, 64, 9).len(), 64);
    }
}
