//! Oil, heat and load: temperature, pressure, flow, level, and how hard the machine works.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::text::Localized;

use crate::case::Case;
use crate::change::{moved, stayed};
use crate::figures::per_minute;
use crate::symptom::{Observation, Symptom};

pub(super) fn observe(case: &Case<'_>) -> Vec<Observation> {
    use Symptom as S;
    [
        moved(case, &PRESSURE, false, S::PressureDown),
        moved(case, &PRESSURE, true, S::PressureUp),
        stayed(case, &PRESSURE, S::PressureUnchanged),
        moved(case, &FLOW, false, S::FlowDown),
        stayed(case, &FLOW, S::FlowUnchanged),
        moved(case, &LEVEL, false, S::LevelDown),
        stayed(case, &LEVEL, S::LevelUnchanged),
        moved(case, &LOAD, true, S::LoadUp),
        stayed(case, &LOAD, S::LoadUnchanged),
        moved(case, &CURRENT, true, S::CurrentUp),
        stayed(case, &CURRENT, S::CurrentUnchanged),
        moved(case, &TEMPERATURE, true, S::TemperatureUp),
        moved(case, &TEMPERATURE, false, S::TemperatureDown),
        stayed(case, &TEMPERATURE, S::TemperatureUnchanged),
        fast_rise(case),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn fast_rise(case: &Case<'_>) -> Option<Observation> {
    case.episode.anomalies.iter().find_map(|anomaly| {
        let (quantity, unit) = case.measured(anomaly)?;
        let Finding::Rate { per_minute: rate, .. } = anomaly.finding else { return None };
        (quantity == Quantity::Temperature && 0.0 < rate).then(|| Observation {
            symptom: Symptom::TemperatureFastRise,
            seen: Localized::same(per_minute(rate, quantity, unit)),
            source: anomaly.channel.to_string(),
        })
    })
}

const FLOW: [Quantity; 1] = [Quantity::Flow];
const LEVEL: [Quantity; 1] = [Quantity::Level];
const CURRENT: [Quantity; 2] = [Quantity::Current, Quantity::Power];
const LOAD: [Quantity; 3] = [Quantity::Load, Quantity::Torque, Quantity::Force];
const PRESSURE: [Quantity; 1] = [Quantity::Pressure];
const TEMPERATURE: [Quantity; 1] = [Quantity::Temperature];
