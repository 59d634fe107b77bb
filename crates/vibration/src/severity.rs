//! Severity zones of vibration velocity on non-rotating parts: ISO 20816-3.
//!
//! Zone limits are those of ISO 20816-3:2022 for groups 1 and 2, and of ISO 10816-3:2009 for the
//! pump groups 3 and 4, which the newer edition no longer has. They were compared with public
//! implementations and not with the bought standards: show them as unverified until they are.
//!
//! Deliberately absent: a default for group or support. The answers differ by up to 60 %, so an
//! unknown one is a question to a person. Machine tools and reciprocating machines have no zone.

use std::error::Error;
use std::fmt;

use crate::spectrum::{VELOCITY_HIGH_HZ, VELOCITY_LOW_HZ};

/// The zone of a velocity RMS that was measured over `low_hz` to `high_hz`.
///
/// # Errors
///
/// [`NoZone`] when the band is narrower than 10 to 1000 Hz or the value is not a velocity: a zone
/// from half a band would always be too good.
pub fn zone(
    velocity_rms_mm_s: f64,
    (low_hz, high_hz): (f64, f64),
    limits: ZoneLimits,
) -> Result<Zone, NoZone> {
    if !velocity_rms_mm_s.is_finite() || velocity_rms_mm_s < 0.0 {
        return Err(NoZone::Value { velocity_rms_mm_s });
    }
    let covers = low_hz <= VELOCITY_LOW_HZ && VELOCITY_HIGH_HZ <= high_hz;
    if !covers {
        return Err(NoZone::Band { low_hz, high_hz });
    }
    Ok(limits.zone_of(velocity_rms_mm_s))
}

/// How a machine fares, from newly commissioned to in danger.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Zone {
    /// As newly commissioned machines.
    A,
    /// Fit for unrestricted long-term operation.
    B,
    /// Unfit for long-term operation: plan a remedy.
    C,
    /// Enough to cause damage.
    D,
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        })
    }
}

/// Machines of 15 kW and more, sorted as the standard does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MachineGroup {
    /// Group 1: above 300 kW, or electrical machines with a shaft height of 315 mm and more.
    Large,
    /// Group 2: 15 to 300 kW, or electrical machines with a shaft height of 160 to 315 mm.
    Medium,
    /// Group 3 (2009 edition): pumps with a separate driver.
    PumpSeparateDriver,
    /// Group 4 (2009 edition): pumps with an integrated driver.
    PumpIntegratedDriver,
}

/// Support in the direction of measurement.
///
/// Rigid where the lowest natural frequency of machine and support lies at least 25 % above the
/// main excitation; flexible otherwise. It may differ between directions.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Support {
    Flexible,
    Rigid,
}

/// Upper limits of zones A, B and C in mm/s RMS; above the last one lies D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZoneLimits {
    pub a_b: f64,
    pub b_c: f64,
    pub c_d: f64,
}

impl ZoneLimits {
    #[must_use]
    pub fn of(group: MachineGroup, support: Support) -> Self {
        match (group, support) {
            (MachineGroup::Large | MachineGroup::PumpSeparateDriver, Support::Flexible) => {
                Self { a_b: 3.5, b_c: 7.1, c_d: 11.0 }
            }
            (MachineGroup::Large | MachineGroup::PumpSeparateDriver, Support::Rigid)
            | (MachineGroup::Medium | MachineGroup::PumpIntegratedDriver, Support::Flexible) => {
                Self { a_b: 2.3, b_c: 4.5, c_d: 7.1 }
            }
            (MachineGroup::Medium | MachineGroup::PumpIntegratedDriver, Support::Rigid) => {
                Self { a_b: 1.4, b_c: 2.8, c_d: 4.5 }
            }
        }
    }

    /// The alarm limit of a machine with this baseline: a quarter of the B/C limit above it, and
    /// never above 1.25 times the B/C limit (ISO 20816-1, setting of limits).
    #[must_use]
    pub fn alarm_mm_s(&self, baseline_mm_s: f64) -> f64 {
        (baseline_mm_s + self.significant_change_mm_s()).min(1.25 * self.b_c)
    }

    /// A change of this size, up or down, matters even inside zone A or B (ISO 20816-1,
    /// criterion II).
    #[must_use]
    pub fn significant_change_mm_s(&self) -> f64 {
        0.25 * self.b_c
    }

    fn zone_of(&self, velocity_rms_mm_s: f64) -> Zone {
        if velocity_rms_mm_s <= self.a_b {
            Zone::A
        } else if velocity_rms_mm_s <= self.b_c {
            Zone::B
        } else if velocity_rms_mm_s <= self.c_d {
            Zone::C
        } else {
            Zone::D
        }
    }
}

/// Why a value has no zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoZone {
    Band { low_hz: f64, high_hz: f64 },
    Value { velocity_rms_mm_s: f64 },
}

impl fmt::Display for NoZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Band { low_hz, high_hz } => write!(
                f,
                "velocity was measured over {low_hz:.1} to {high_hz:.0} Hz; an ISO 20816-3 zone \
                 needs {VELOCITY_LOW_HZ:.0} to {VELOCITY_HIGH_HZ:.0} Hz"
            ),
            Self::Value { velocity_rms_mm_s } => {
                write!(f, "{velocity_rms_mm_s} mm/s is no RMS velocity")
            }
        }
    }
}

impl Error for NoZone {}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL_BAND: (f64, f64) = (10.0, 1000.0);

    #[test]
    fn a_value_on_a_limit_belongs_to_the_better_zone() {
        let limits = ZoneLimits::of(MachineGroup::Medium, Support::Rigid);
        let zones = [0.0, 1.4, 1.41, 2.8, 2.81, 4.5, 4.51]
            .map(|velocity| zone(velocity, FULL_BAND, limits).unwrap());
        assert_eq!(zones, [Zone::A, Zone::A, Zone::B, Zone::B, Zone::C, Zone::C, Zone::D]);
    }

    #[test]
    fn a_flexible_support_allows_more_than_a_rigid_one() {
        for group in [
            MachineGroup::Large,
            MachineGroup::Medium,
            MachineGroup::PumpSeparateDriver,
            MachineGroup::PumpIntegratedDriver,
        ] {
            let rigid = ZoneLimits::of(group, Support::Rigid);
            let flexible = ZoneLimits::of(group, Support::Flexible);
            assert!(rigid.a_b < flexible.a_b && rigid.b_c < flexible.b_c, "{group:?}");
            assert!(rigid.a_b < rigid.b_c && rigid.b_c < rigid.c_d, "{group:?}");
        }
    }

    #[test]
    fn a_sensor_that_does_not_cover_the_band_gets_no_zone() {
        let limits = ZoneLimits::of(MachineGroup::Large, Support::Rigid);
        let refused = zone(1.0, (10.0, 500.0), limits).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "velocity was measured over 10.0 to 500 Hz; an ISO 20816-3 zone needs 10 to 1000 Hz"
        );
        assert!(matches!(zone(1.0, (12.5, 1000.0), limits), Err(NoZone::Band { .. })));
        assert!(matches!(zone(f64::NAN, FULL_BAND, limits), Err(NoZone::Value { .. })));
        assert!(matches!(zone(1.0, (f64::NAN, 1000.0), limits), Err(NoZone::Band { .. })));
    }

    #[test]
    fn the_alarm_limit_follows_the_baseline_up_to_a_ceiling() {
        let limits = ZoneLimits::of(MachineGroup::Medium, Support::Flexible);
        assert!((limits.alarm_mm_s(1.0) - 2.125).abs() < 1e-12);
        assert!((limits.alarm_mm_s(9.0) - 5.625).abs() < 1e-12);
    }
}
