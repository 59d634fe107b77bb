//! The past of the demo plant: repairs, and thirty days of readings of the healthy machines.

use forewarn_domain::cause::CauseCode;
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::reading::Batch;
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::time::{Span, Time};
use forewarn_simulator::{History, HistoryOptions, SimulatedPlant};
use serde::Deserialize;

use crate::output::Failure;
use crate::{files, progress};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepairFile {
    schema: String,
    #[serde(rename = "repair")]
    repairs: Vec<RepairEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepairEntry {
    days_ago: f64,
    device: DeviceId,
    component: ComponentId,
    activity: Activity,
    part: Option<String>,
    text: String,
    language: Language,
    cause: Option<CauseCode>,
    outcome: Outcome,
    hours: Option<f64>,
    ticket: Option<String>,
}

/// The invented repairs, dated back from `origin`.
pub(crate) fn repairs(origin: Time) -> Result<Vec<RepairRecord>, Failure> {
    let file: RepairFile = toml::from_str(&files::one("config/demo/repairs.toml")?.text)?;
    if file.schema != SCHEMA {
        return Err(format!("repairs: schema is `{}`; `{SCHEMA}` is expected", file.schema).into());
    }
    Ok(file.repairs.into_iter().map(|it| record(it, origin)).collect())
}

/// Thirty days of readings up to the origin, with a progress bar on a terminal.
pub(crate) fn readings(simulated: &SimulatedPlant) -> Box<dyn Iterator<Item = Batch> + Send> {
    let options = HistoryOptions::default();
    let batches = options.reach.micros() / options.batch.micros().max(1);
    let bar = progress::steps(u64::try_from(batches).unwrap_or(0), "learning from 30 days");
    Box::new(History::of(simulated, options).inspect(move |_| bar.inc(1)))
}

fn record(entry: RepairEntry, origin: Time) -> RepairRecord {
    let at = origin - days(entry.days_ago);
    RepairRecord {
        id: RepairId::derive(&entry.device, at, &entry.text),
        at,
        device: entry.device,
        component: entry.component,
        activity: entry.activity,
        part: entry.part,
        text: entry.text,
        language: entry.language,
        cause: entry.cause,
        outcome: entry.outcome,
        hours: entry.hours,
        ticket: entry.ticket,
        shape: None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a history of less than 200,000 years")]
fn days(days: f64) -> Span {
    Span::from_micros((days * 86_400e6) as i64)
}

const SCHEMA: &str = "forewarn.repairs/1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_has_a_repair_history_worth_citing() {
        let origin = "2026-11-20T06:00:00Z".parse().expect("a time");
        let repairs = repairs(origin).expect("the shipped file loads");
        assert!(60 <= repairs.len(), "{} records", repairs.len());
        let oldest = repairs.iter().map(|it| it.at).min().expect("not empty");
        assert!(days(180.0) <= origin - oldest);
        for language in [Language::En, Language::Zh] {
            assert!(repairs.iter().any(|it| it.language == language), "none in {language}");
        }
    }
}
