//! Chance without a state: a number that depends only on what it is asked for.
//!
//! Noise at a time does not depend on the times asked for before, so a machine that is started
//! late, polled twice or replayed shows the same values. Mixing is that of `SplitMix64` (Steele,
//! Lea, Flood 2014); it is good enough to simulate, not to keep secrets.

use std::f64::consts::TAU;

/// A source of chance. Each [`with`](Chance::with) names a narrower one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chance(u64);

impl Chance {
    /// The source of a whole simulation.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x51AB_1E5E_ED00_0001))
    }

    /// The source for a numbered part of this one.
    #[must_use]
    pub fn with(self, part: u64) -> Self {
        Self(mix(self.0 ^ mix(part)))
    }

    /// The source for a part that may lie before zero, such as a time.
    #[must_use]
    pub fn with_signed(self, part: i64) -> Self {
        self.with(part.cast_unsigned())
    }

    /// The source for a named part of this one (FNV-1a over the name).
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.with(hash)
    }

    /// Sixty-four bits, to seed another generator.
    #[must_use]
    pub fn bits(self) -> u64 {
        mix(self.0)
    }

    /// A number from 0 up to, but not including, 1.
    #[must_use]
    pub fn unit(self) -> f64 {
        unit_of(mix(self.0))
    }

    /// A number between two others.
    #[must_use]
    pub fn between(self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A number of the standard normal distribution (Box, Muller 1958).
    #[must_use]
    pub fn normal(self) -> f64 {
        let first = mix(self.0);
        let radius = (-2.0 * (1.0 - unit_of(first)).ln()).sqrt();
        radius * (TAU * unit_of(mix(first))).cos()
    }

    /// One of several choices; the first of none at all.
    #[must_use]
    pub fn index(self, choices: usize) -> usize {
        let choices = u64::try_from(choices.max(1)).expect("a usize has at most 64 bits");
        usize::try_from(mix(self.0) % choices).expect("it is below a usize")
    }
}

fn unit_of(bits: u64) -> f64 {
    // The upper 32 bits convert without rounding.
    let upper = u32::try_from(bits >> 32).expect("32 bits are left");
    f64::from(upper) / (f64::from(u32::MAX) + 1.0)
}

fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_twice_is_the_same_and_parts_differ() {
        let chance = Chance::new(1).named("mill-01");
        assert_eq!(chance.with(7).bits(), chance.with(7).bits());
        assert_ne!(chance.with(7).bits(), chance.with(8).bits());
        assert_ne!(chance.bits(), Chance::new(2).named("mill-01").bits());
        assert_ne!(chance.with_signed(-1).bits(), chance.with_signed(1).bits());
    }

    #[test]
    fn normal_numbers_have_the_mean_and_the_spread_of_the_standard_normal() {
        let numbers: Vec<f64> =
            (0..20_000).map(|part| Chance::new(3).with(part).normal()).collect();
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let variance = numbers.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}
