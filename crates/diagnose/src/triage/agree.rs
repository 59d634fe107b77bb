//! Does the rest of the sensor agree? One axis that shakes alone is its mount or cable.
//!
//! A shaft that shakes shakes its housing in every direction across it, and what knocks is heard in
//! the high band and in the shape of the signal. An axis whose velocity has gone up while its sister
//! axis, the high band and the shape are as they were swings by itself (practice: valid-measurement
//! gate before any statement after ISO 20816).

use forewarn_domain::anomaly::{Anomaly, Finding, Signal};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::site::plant::Channel;

/// Whether a velocity went up on one axis and on nothing else that the same box measures there.
pub(super) fn is_alone<'a>(
    channel: &Channel,
    anomaly: &Anomaly,
    levels: &[Signal],
    known: impl Fn(&ChannelId) -> Option<&'a Channel>,
) -> bool {
    let is_up = match &anomaly.finding {
        Finding::Level { z, .. } | Finding::Siblings { z, .. } => 0.0 < *z,
        Finding::Zone { .. } => true,
        Finding::BearingLine(_)
        | Finding::Code { .. }
        | Finding::Count { .. }
        | Finding::Flat { .. }
        | Finding::Limit { .. }
        | Finding::NoData { .. }
        | Finding::Rate { .. } => false,
    };
    if !is_up || !is_velocity(channel.quantity) || channel.axis.is_none() {
        return false;
    }
    let beside: Vec<(&Signal, &Channel)> = levels
        .iter()
        .filter_map(|signal| Some((signal, known(&signal.channel)?)))
        .filter(|(_, it)| it.id != channel.id && it.id.source() == channel.id.source())
        .filter(|(_, it)| it.component == channel.component)
        .collect();
    let is_calm = |signal: &Signal| {
        let near = |normal: &forewarn_domain::anomaly::Normal| {
            let width = (normal.high - normal.low).max(1e-9);
            signal.value <= normal.high + 0.25 * width
        };
        signal.normal.as_ref().is_some_and(near)
    };
    let is_sister = |it: &Channel| is_velocity(it.quantity) && it.axis != channel.axis;
    let sisters = beside.iter().filter(|(_, it)| is_sister(it));
    let shape = beside.iter().filter(|(_, it)| is_shape(it.quantity));
    let [mut has_sister, mut is_quiet] = [false, true];
    for (signal, _) in sisters {
        has_sister = true;
        is_quiet &= is_calm(signal);
    }
    has_sister && is_quiet && shape.into_iter().all(|(signal, _)| is_calm(signal))
}

fn is_velocity(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::VelocityRms | Quantity::VelocityPeak)
}

fn is_shape(quantity: Quantity) -> bool {
    matches!(
        quantity,
        Quantity::AccelerationRmsHf | Quantity::AccelerationKurtosis | Quantity::AccelerationCrest
    )
}
