//! The severity zone of a vibration velocity (ISO 20816-3): zone C needs a remedy, zone D is grave.
//!
//! It judges only where the site file gives group and support and the band covers 10 to 1000 Hz;
//! the zone's limits come from the vibration crate.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::id::StateId;
use forewarn_domain::site::plant::{Channel, PlantDevice};
use forewarn_domain::site::{IsoClass, Support as SiteSupport};
use forewarn_vibration::severity::{MachineGroup, Support, Zone, ZoneLimits, zone};

use crate::confirm::Look;
use crate::outcome::{Condition, WhyNot};
use crate::rules::Judge;
use crate::sample::Sample;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SeverityZone {
    limits: ZoneLimits,
    band_hz: (f64, f64),
}

impl SeverityZone {
    /// For one channel of velocity RMS; the reason where no zone may be stated.
    pub(crate) fn new(device: &PlantDevice, channel: &Channel) -> Result<Self, WhyNot> {
        let limits = limits_of(device.device.iso.ok_or(WhyNot::NoIsoClass)?)?;
        let band_hz = match (channel.band_hz, &channel.waveform) {
            (Some([low, high]), _) => (low, high),
            // The feature is computed over exactly the standard's band.
            (None, Some(_)) => (10.0, 1000.0),
            (None, None) => return Err(WhyNot::Band),
        };
        match zone(0.0, band_hz, limits) {
            Ok(_) => Ok(Self { limits, band_hz }),
            Err(_) => Err(WhyNot::Band),
        }
    }

    /// The lower bounds of the zones that matter.
    pub(crate) fn levels(&self) -> [(char, f64); 2] {
        [('C', self.limits.b_c), ('D', self.limits.c_d)]
    }
}

impl Judge for SeverityZone {
    type Memory = ();

    fn start(&self, _states: usize) {}

    fn look(&self, (): &mut (), sample: &Sample, _is_calm: bool) -> Option<Look> {
        let magnitude = sample.value / self.limits.b_c;
        Some(match zone(sample.value, self.band_hz, self.limits).ok()? {
            Zone::D => Look::Over { magnitude, is_grave: true },
            Zone::C => Look::Over { magnitude, is_grave: false },
            Zone::A | Zone::B if sample.value <= CLEAR_SHARE * self.limits.b_c => Look::Good,
            Zone::A | Zone::B => Look::Between,
        })
    }

    fn finding(&self, (): &(), sample: &Sample, _states: &[StateId]) -> Finding {
        let (zone, limit) = if self.limits.c_d < sample.value {
            ('D', self.limits.c_d)
        } else {
            ('C', self.limits.b_c)
        };
        Finding::Zone { zone, value: sample.value, limit }
    }

    fn condition(&self, (): &(), _state: u8) -> Condition {
        Condition::Armed
    }
}

fn limits_of(class: IsoClass) -> Result<ZoneLimits, WhyNot> {
    let group = match class.group {
        1 => MachineGroup::Large,
        2 => MachineGroup::Medium,
        _ => return Err(WhyNot::NoIsoClass),
    };
    let support = match class.support {
        SiteSupport::Flexible => Support::Flexible,
        SiteSupport::Rigid => Support::Rigid,
    };
    Ok(ZoneLimits::of(group, support))
}

/// A zone is left at 95 % of its limit, so that a value on the limit does not flap.
const CLEAR_SHARE: f64 = 0.95;
