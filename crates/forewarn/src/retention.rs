//! How long what is kept, by class of signal.
//!
//! Three classes: `vibration` (dense, and told best by its waveforms), `process` (temperatures,
//! pressures, currents: what a diagnosis of next year looks back at), `context` (switches, programs,
//! counters). Evidence of open tickets is held whatever its class.

use std::collections::BTreeMap;

use forewarn_domain::quantity::Quantity;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::Span;
use forewarn_store::readings::{ClassRetention, RetentionPolicy};
use serde::Deserialize;

/// One class in `server.toml`, e.g. `[retention.process] raw = "400d" rollup = "3650d"`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// Single readings.
    raw: Span,
    /// Hourly summaries.
    rollup: Span,
    /// Raw waveforms; a month without it.
    #[serde(default = "a_month")]
    waveform: Span,
}

/// The policy of a plant; `changed` names classes that keep more or less than by default.
pub(crate) fn policy(
    plant: &Plant,
    changed: &BTreeMap<String, Kept>,
) -> Result<RetentionPolicy, UnknownClass> {
    if let Some(class) = changed.keys().find(|it| !CLASSES.iter().any(|(name, ..)| name == it)) {
        return Err(UnknownClass { class: class.clone() });
    }
    let spans = |class: &str, raw: i64, rollup: i64| match changed.get(class) {
        Some(kept) => {
            ClassRetention { raw: kept.raw, rollup: kept.rollup, waveform: kept.waveform }
        }
        None => ClassRetention { raw: days(raw), rollup: days(rollup), waveform: a_month() },
    };
    let classes: BTreeMap<String, ClassRetention> = CLASSES
        .iter()
        .map(|(class, raw, rollup)| ((*class).to_owned(), spans(class, *raw, *rollup)))
        .collect();
    let channels = plant.devices().flat_map(|it| it.channels.values());
    // A waveform is of the class of what is computed from it.
    let class_of = channels
        .flat_map(|it| {
            let ids = std::iter::once(it.id.clone()).chain(it.waveform.clone());
            ids.map(|id| (id, class_of(it.quantity).to_owned()))
        })
        .collect();
    let otherwise = spans("process", PROCESS_DAYS, ROLLUP_DAYS);
    Ok(RetentionPolicy { classes, otherwise, class_of })
}

fn class_of(quantity: Quantity) -> &'static str {
    if quantity.as_str().starts_with("vibration.") {
        "vibration"
    } else if quantity.is_condition() {
        "process"
    } else {
        "context"
    }
}

/// A year and a month: last year's summer is the normal of this one.
const PROCESS_DAYS: i64 = 400;

const ROLLUP_DAYS: i64 = 3_650;

/// Class, days of single readings, days of hourly summaries.
const CLASSES: [(&str, i64, i64); 3] = [
    ("context", 100, ROLLUP_DAYS),
    ("process", PROCESS_DAYS, ROLLUP_DAYS),
    ("vibration", 100, ROLLUP_DAYS),
];

fn a_month() -> Span {
    days(30)
}

fn days(days: i64) -> Span {
    Span::from_secs(days * 86_400)
}

/// A class that no channel is of.
#[derive(Debug, thiserror::Error)]
#[error("retention class `{class}` does not exist; vibration, process and context do")]
pub(crate) struct UnknownClass {
    class: String,
}
