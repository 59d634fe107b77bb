//! Sensors and wiring: stuck values, silence, bad readings, and whether the machine looks well.

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::family::{FaultFamily, TicketKind};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::text::Localized;

use crate::case::Case;
use crate::figures::amount;
use crate::naming::name_of;
use crate::symptom::{Observation, Symptom};
use crate::triage::SensorFault;

pub(super) fn observe(case: &Case<'_>) -> Vec<Observation> {
    let mut observations: Vec<Observation> = Vec::new();
    observations.extend(first(case, Symptom::Flat, |it| matches!(it, Finding::Flat { .. })));
    observations.extend(case.episode.anomalies.iter().filter_map(|it| triaged(case, it)));
    let is_silent = |it: &Finding| matches!(it, Finding::NoData { .. });
    observations.extend(first(case, Symptom::NoData, is_silent));
    if case.episode.key.family.kind() == TicketKind::Instrumentation {
        observations.extend(source(case));
        observations.extend(machine_normal(case));
    }
    observations.extend(bad_readings(case));
    observations
}

fn first(case: &Case<'_>, symptom: Symptom, is_it: fn(&Finding) -> bool) -> Option<Observation> {
    let anomaly = case.episode.anomalies.iter().find(|it| is_it(&it.finding))?;
    let seen = match (&anomaly.finding, case.measured(anomaly)) {
        (Finding::Flat { value, .. }, Some((_, unit))) => Localized::same(amount(*value, unit)),
        _ => Localized::default(),
    };
    Some(Observation { symptom, seen, source: anomaly.channel.to_string() })
}

/// What the triage found: by the rule that says so, or by its having turned a velocity that went up
/// into a matter of the sensor.
fn triaged(case: &Case<'_>, anomaly: &Anomaly) -> Option<Observation> {
    let symptom = match SensorFault::of(anomaly) {
        Some(SensorFault::Clock) => Symptom::ClockOff,
        Some(SensorFault::Jump) => Symptom::Leap,
        Some(SensorFault::Rail) => Symptom::EndOfRange,
        Some(SensorFault::Stuck) => Symptom::LeapedAndStuck,
        Some(SensorFault::Words) => Symptom::RegistersOdd,
        None => {
            let (quantity, _) = case.measured(anomaly)?;
            let is_velocity = matches!(quantity, Quantity::VelocityRms | Quantity::VelocityPeak);
            let is_sensor = anomaly.family == FaultFamily::Instrumentation;
            let is_level = matches!(
                anomaly.finding,
                Finding::Level { .. } | Finding::Siblings { .. } | Finding::Zone { .. }
            );
            (is_velocity && is_sensor && is_level).then_some(Symptom::AxisAlone)?
        }
    };
    let seen = match (&anomaly.finding, case.measured(anomaly)) {
        (Finding::NoData { lasted, .. }, _) => {
            let minutes = lasted.micros() / 60_000_000;
            Localized::new(format!("{minutes} min"), format!("{minutes} 分钟"))
        }
        (
            Finding::Level { value, .. }
            | Finding::Limit { value, .. }
            | Finding::Flat { value, .. }
            | Finding::Rate { value, .. }
            | Finding::Siblings { value, .. },
            Some((_, unit)),
        ) => Localized::same(amount(*value, unit)),
        _ => Localized::default(),
    };
    Some(Observation { symptom, seen, source: anomaly.channel.to_string() })
}

/// One dead point is its sensor element; all points of a box dead together are its cable, power
/// or address; a whole machine is its gateway or network.
fn source(case: &Case<'_>) -> Option<Observation> {
    let affected = case.episode.anomalies.first()?;
    let silent = |symptom, seen: &str| Observation {
        symptom,
        seen: Localized::same(seen),
        source: affected.channel.to_string(),
    };
    if case.is_machine_silent() {
        return Some(silent(Symptom::MachineSilent, affected.device.as_str()));
    }
    let source = affected.channel.source();
    if case.episode.key.family == FaultFamily::Connectivity {
        return Some(silent(Symptom::SourceSilent, source.as_str()));
    }
    let signal = case.normal_signals().find(|it| it.channel.source() == source)?;
    Some(Observation {
        symptom: Symptom::SourceAlive,
        seen: name_of(case, &signal.channel, signal.quantity),
        source: signal.channel.to_string(),
    })
}

fn machine_normal(case: &Case<'_>) -> Option<Observation> {
    let signal = case.normal_signals().next()?;
    let count = case.normal_signals().count();
    let plural = if count == 1 { "" } else { "s" };
    Some(Observation {
        symptom: Symptom::MachineNormal,
        seen: Localized::new(format!("{count} signal{plural}"), format!("{count} 个信号")),
        source: signal.channel.to_string(),
    })
}

fn bad_readings(case: &Case<'_>) -> Option<Observation> {
    let quality = &case.quality;
    let total = quality.good + quality.uncertain + quality.bad;
    if total == 0 || quality.bad * BAD_SHARE_INVERSE <= total {
        return None;
    }
    let anomaly = case.episode.anomalies.first()?;
    let (bad, source) = (quality.bad, anomaly.channel.to_string());
    let seen = Localized::new(format!("{bad} of {total}"), format!("{total} 个中 {bad} 个"));
    Some(Observation { symptom: Symptom::BadReadings, seen, source })
}

/// More than one bad reading in twenty is no longer chance on a serial line.
const BAD_SHARE_INVERSE: u64 = 20;
