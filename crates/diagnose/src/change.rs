//! Which channels left their normal, and which way: what several engines and the summary need.

use forewarn_domain::anomaly::{Finding, Normal};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::quantity::{Quantity, Unit};
use forewarn_domain::text::Localized;

use crate::case::Case;
use crate::figures::{amount, distance, short_distance};
use crate::symptom::{Observation, Symptom};

/// A channel that left its normal.
#[derive(Clone, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) channel: &'a ChannelId,
    pub(crate) quantity: Quantity,
    pub(crate) unit: Unit,
    pub(crate) value: f64,
    pub(crate) normal: Option<&'a Normal>,
    pub(crate) is_up: bool,
    /// Whether its anomaly leads with it; the others only contributed.
    pub(crate) is_leading: bool,
}

/// Every channel once, leading channels first. A stuck or silent channel has not changed: its
/// value says nothing about the machine.
pub(crate) fn changes<'a>(case: &Case<'a>) -> Vec<Change<'a>> {
    let mut found: Vec<Change<'a>> = Vec::new();
    let leading = case.episode.anomalies.iter().filter_map(|anomaly| {
        let (quantity, unit) = case.measured(anomaly)?;
        let (value, is_up) = departed(&anomaly.finding)?;
        let own = anomaly.signals.iter().find(|it| it.channel == anomaly.channel);
        let normal = match &anomaly.finding {
            Finding::Level { normal, .. } | Finding::Siblings { expected: normal, .. } => {
                Some(normal)
            }
            Finding::BearingLine(_)
            | Finding::Code { .. }
            | Finding::Count { .. }
            | Finding::Flat { .. }
            | Finding::Limit { .. }
            | Finding::NoData { .. }
            | Finding::Rate { .. }
            | Finding::Zone { .. } => own.and_then(|it| it.normal.as_ref()),
        };
        let channel = &anomaly.channel;
        Some(Change { channel, quantity, unit, value, normal, is_up, is_leading: true })
    });
    let contributing = case.episode.anomalies.iter().flat_map(|it| &it.signals).filter_map(|it| {
        let normal = it.normal.as_ref()?;
        let is_up = normal.high < it.value;
        (is_up || it.value < normal.low).then_some(Change {
            channel: &it.channel,
            quantity: it.quantity,
            unit: it.unit,
            value: it.value,
            normal: Some(normal),
            is_up,
            is_leading: false,
        })
    });
    for change in leading.chain(contributing) {
        if !found.iter().any(|it| it.channel == change.channel) {
            found.push(change);
        }
    }
    found
}

/// Reports a symptom for the first channel of these quantities that went up, or down.
pub(crate) fn moved(
    case: &Case<'_>,
    quantities: &[Quantity],
    is_up: bool,
    symptom: Symptom,
) -> Option<Observation> {
    let found = changes(case);
    let change = found.iter().find(|it| it.is_up == is_up && quantities.contains(&it.quantity))?;
    let far = change.normal.and_then(|normal| distance(change.value, normal, change.unit));
    let seen = match far {
        Some(far) => short_distance(far),
        None => Localized::same(amount(change.value, change.unit)),
    };
    Some(Observation { symptom, seen, source: change.channel.to_string() })
}

/// Reports a symptom for the first signal of these quantities that stayed normal, unless a
/// channel of the same quantities left its normal.
pub(crate) fn stayed(
    case: &Case<'_>,
    quantities: &[Quantity],
    symptom: Symptom,
) -> Option<Observation> {
    if changes(case).iter().any(|it| quantities.contains(&it.quantity)) {
        return None;
    }
    let signal = case.normal_signals().find(|it| quantities.contains(&it.quantity))?;
    let seen = Localized::same(amount(signal.value, signal.unit));
    Some(Observation { symptom, seen, source: signal.channel.to_string() })
}

fn departed(finding: &Finding) -> Option<(f64, bool)> {
    match finding {
        Finding::Level { z, value, .. } | Finding::Siblings { z, value, .. } => {
            Some((*value, 0.0 < *z))
        }
        Finding::Count { value, above, .. } | Finding::Limit { value, above, .. } => {
            Some((*value, *above))
        }
        Finding::Rate { per_minute, value, .. } => Some((*value, 0.0 < *per_minute)),
        Finding::Zone { value, .. } => Some((*value, true)),
        Finding::BearingLine(_)
        | Finding::Code { .. }
        | Finding::Flat { .. }
        | Finding::NoData { .. } => None,
    }
}
