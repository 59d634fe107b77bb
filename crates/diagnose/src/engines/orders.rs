//! At which multiple of the shaft's speed a machine shakes, along which axis, and whether it knocks.
//!
//! Imbalance shakes once a turn, misalignment twice, a belt more slowly than its pulleys; looseness
//! and a broken tooth knock once a turn (practice: ISO 13373-3, annexes on rotors and gears). The
//! mean frequency of a vibration follows from its velocity and its acceleration below the high band,
//! since a = 2πf·v for each line of it.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::quantity::{Axis, Quantity};
use forewarn_domain::text::Localized;
use forewarn_domain::waveform::{AxisFeatures, Burst};

use crate::case::Case;
use crate::symptom::{Observation, Symptom};

pub(super) fn observe(case: &Case<'_>) -> Vec<Observation> {
    let mut observations = Vec::new();
    if let Some(burst) = case.burst
        && let Some(shaft_hz) = burst.shaft_hz
    {
        let is_up = case.episode.anomalies.iter().any(|it| {
            let (is_velocity, is_high) = velocity_up(case, it);
            is_velocity && is_high
        });
        let axis = burst.axes.iter().max_by(|a, b| a.velocity_rms.total_cmp(&b.velocity_rms));
        if is_up {
            observations.extend(axis.and_then(|it| shaking_order(burst, it, shaft_hz)));
        }
        observations.extend(burst.axes.iter().find_map(|it| knocks(burst, it, shaft_hz)));
    }
    observations.extend(axes(case));
    observations
}

fn shaking_order(burst: &Burst, axis: &AxisFeatures, shaft_hz: f64) -> Option<Observation> {
    let low_g2 = axis.acc_rms.powi(2) - axis.hf_rms.powi(2);
    let low_mm_s2 = low_g2.max(0.0).sqrt() * G_MM_S2;
    let hz = low_mm_s2 / (std::f64::consts::TAU * axis.velocity_rms.max(1e-6));
    let order = hz / shaft_hz;
    let symptom = match order {
        ..BELOW_SHAFT => Symptom::ShakesBelowShaft,
        _ if order < ONCE => Symptom::ShakesOnceATurn,
        _ if (TWICE_FROM..TWICE).contains(&order) => Symptom::ShakesTwiceATurn,
        _ => return None,
    };
    let seen = Localized::new(
        format!("{order:.1} × shaft speed on average"),
        format!("平均 {order:.1} 倍转频"),
    );
    Some(Observation { symptom, seen, source: burst.sha256.to_string() })
}

/// At least two of the first three multiples of the shaft's speed stand out of the envelope.
fn knocks(burst: &Burst, axis: &AxisFeatures, shaft_hz: f64) -> Option<Observation> {
    let stands_out = |order: &u32| {
        let hz = f64::from(*order) * shaft_hz;
        let near = (0.01 * hz).max(1.5 * axis.envelope_df_hz);
        axis.envelope.iter().any(|it| (it.hz - hz).abs() <= near && KNOCK_RATIO <= it.ratio)
    };
    let found: Vec<String> =
        [1, 2, 3, 4].iter().filter(|it| stands_out(it)).map(|it| format!("{it}×")).collect();
    let seen = Localized::same(found.join(", "));
    (KNOCKS_MIN <= found.len()).then(|| Observation {
        symptom: Symptom::ShaftKnocks,
        seen,
        source: burst.sha256.to_string(),
    })
}

/// Which of two axes of one sensor went up more. By convention of the templates z lies across the
/// shaft and x along it.
fn axes(case: &Case<'_>) -> Option<Observation> {
    let ratio_of = |axis: Axis| {
        let of_axis = |channel: &forewarn_domain::channel::ChannelId| {
            case.device.channels.get(channel).is_some_and(|it| {
                it.axis == Some(axis)
                    && it.quantity == Quantity::VelocityRms
                    && it.waveform.is_none()
            })
        };
        let from_anomalies = case.episode.anomalies.iter().rev().filter_map(|it| {
            let Finding::Level { value, normal, .. } = &it.finding else { return None };
            let ratio = value / normal.median.max(1e-6);
            of_axis(&it.channel).then(|| (it.channel.to_string(), ratio))
        });
        let known = case.episode.anomalies.iter().rev().flat_map(|it| &it.signals);
        let from_signals = known.chain(case.unchanged).filter_map(|it| {
            let normal = it.normal.as_ref().filter(|_| of_axis(&it.channel))?;
            Some((it.channel.to_string(), it.value / normal.median.max(1e-6)))
        });
        from_anomalies.chain(from_signals).next()
    };
    let ((source, along), (_, across)) = (ratio_of(Axis::X)?, ratio_of(Axis::Z)?);
    if along.max(across) < UP {
        return None;
    }
    let symptom = match along / across {
        share if share < 1.0 / UNLIKE => Symptom::AxisZMore,
        share if UNLIKE < share => Symptom::AxisXMore,
        _ => Symptom::AxesAlike,
    };
    let seen = Localized::new(
        format!("x {along:.1} ×, z {across:.1} × usual"),
        format!("x 为平时 {along:.1} 倍，z 为 {across:.1} 倍"),
    );
    Some(Observation { symptom, seen, source })
}

fn velocity_up(case: &Case<'_>, anomaly: &forewarn_domain::anomaly::Anomaly) -> (bool, bool) {
    let is_velocity = case
        .measured(anomaly)
        .is_some_and(|(it, _)| matches!(it, Quantity::VelocityRms | Quantity::VelocityPeak));
    let is_zone = matches!(anomaly.finding, Finding::Zone { .. });
    let is_high = is_zone
        || matches!(anomaly.finding, Finding::Level { z, .. } | Finding::Siblings { z, .. } if 0.0 < z);
    (is_velocity, is_high)
}

/// mm/s² in one g.
const G_MM_S2: f64 = 9_806.65;

const BELOW_SHAFT: f64 = 0.85;
const ONCE: f64 = 1.4;
const TWICE_FROM: f64 = 1.7;
const TWICE: f64 = 2.6;

/// An envelope line this far above its floor is no noise; the same bound as for bearing lines.
const KNOCK_RATIO: f64 = 6.0;
const KNOCKS_MIN: usize = 2;

/// Below it neither axis has gone up.
const UP: f64 = 1.2;

/// From this ratio on one axis shakes clearly more than the other.
const UNLIKE: f64 = 1.3;
