//! Missed failures: which stored signal moved first, and how long before.
//!
//! The normal of a channel is what the folder shows of it outside the time before failures of its
//! device. A move begins with the first reading of a trailing mean that stays clear of that normal,
//! counted in standard errors. Only the past of the failure is looked at, but the normal is that of the
//! whole folder: this explains afterwards, it foretells nothing.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::time::{Span, Time};
use serde_json::{Value, json};

use super::score::{Failure, quantile};
use super::trial::{Series, Trial};

/// What moved before a failure that no ticket foretold.
struct Move {
    channel: ChannelId,
    at: Time,
    /// Mean of the readings from there on, and the usual value.
    value: f64,
    usual: f64,
    /// In standard errors.
    z: f64,
}

/// One line for each missed failure of a trial.
pub(super) fn missed(trial: &Trial) -> Vec<Value> {
    let missed = trial.failures.iter().zip(&trial.score.lead_h).filter(|(_, lead)| lead.is_none());
    missed.map(|(failure, _)| line(failure, trial)).collect()
}

/// A missed failure for people.
pub(super) fn sentence(line: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let (device, component, at) =
        (text(&line["device"]), text(&line["component"]), text(&line["at"]));
    let first = &line["first"];
    match first["before_h"].as_f64() {
        Some(before_h) => format!(
            "missed: {device} {component} failed {at}; {} moved first, {before_h:.0} h before",
            text(&first["channel"])
        ),
        None => format!("missed: {device} {component} failed {at}; no stored signal moved"),
    }
}

fn line(failure: &Failure, trial: &Trial) -> Value {
    let mut moves: Vec<Move> = trial
        .series
        .iter()
        .filter(|(channel, _)| channel.device_str() == failure.device.as_str())
        .filter_map(|(channel, readings)| first_move(channel, readings, (failure, trial)))
        .collect();
    moves.sort_by(|a, b| a.at.cmp(&b.at).then(b.z.abs().total_cmp(&a.z.abs())));
    let before = |at: Time| (failure.at - at).secs_f64() / 3_600.0;
    let shown = |it: &Move| {
        json!({
            "channel": it.channel,
            "at": it.at,
            "before_h": before(it.at),
            "value": it.value,
            "usual": it.usual,
            "standard_errors": it.z,
            "would_catch": rule_of(it, (failure, trial)),
        })
    };
    json!({
        "type": "missed",
        "device": failure.device,
        "component": failure.component,
        "at": failure.at,
        "first": moves.first().map(shown),
        "also": moves.iter().skip(1).map(shown).collect::<Vec<_>>(),
    })
}

/// A rule that sees this move: the same trailing mean, by the class's normal until the machine has its
/// own. Its id says what it watches, so that two failures of one kind propose one rule.
fn rule_of(it: &Move, (failure, trial): (&Failure, &Trial)) -> String {
    let (way, point) = (if 0.0 < it.z { "above" } else { "below" }, it.channel.point_str());
    let component = failure.component.as_ref();
    let id = match component {
        Some(component) => format!("mined-{component}-{point}-{way}"),
        None => format!("mined-{point}-{way}"),
    };
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let on = (0.8 * it.z.abs()).min(ON);
    let readings = trial.series.get(&it.channel).map_or(&[][..], |it| it);
    let mut gaps: Vec<i64> = readings.windows(2).map(|it| (it[1].0 - it[0].0).micros()).collect();
    gaps.sort_unstable();
    let interval = gaps.get(gaps.len() / 2).copied().unwrap_or(1_000_000) / 1_000_000;
    let window = Span::from_secs(interval.max(1) * 10);
    let component = component.map(|it| format!("component = \"{it}\"\n")).unwrap_or_default();
    format!(
        "[[rule]]\nid = \"{}\"\nkind = \"shift\"\nchannels = [\"{point}\"]\n{component}\
         direction = \"{way}\"\non = {on:.1}\noff = {:.1}\nwindow = \"{window}\"\n\
         window_samples = 6\npool = \"class\"\nlearn = {{ samples = 64, for = \"24h\" }}\n\
         severity = \"warning\"\nfault_family = \"other\"\n",
        id.to_lowercase(),
        on / 2.0,
    )
}

fn first_move(
    channel: &ChannelId,
    readings: &[(Time, f64)],
    (failure, trial): (&Failure, &Trial),
) -> Option<Move> {
    let (usual, sd) = normal(channel, &trial.series, (&trial.failures, trial.within))?;
    let from = failure.at - trial.within;
    let before: Vec<&(Time, f64)> =
        readings.iter().filter(|(t, _)| from <= *t && *t <= failure.at).collect();
    let mut found: Option<Move> = None;
    for window in before.windows(WINDOW) {
        let mean = window.iter().map(|(_, value)| value).sum::<f64>() / WINDOW_F64;
        let z = (mean - usual) / sd * WINDOW_F64.sqrt();
        let goes_on = found.as_ref().is_some_and(|it| 0.0 < it.z * z);
        if z.abs() < OFF {
            found = None;
        } else if goes_on {
            if let Some(it) = found.as_mut().filter(|it| it.z.abs() < z.abs()) {
                (it.z, it.value) = (z, mean);
            }
        } else if ON <= z.abs() {
            let at = window.last()?.0;
            found = Some(Move { channel: channel.clone(), at, value: mean, usual, z });
        }
    }
    found
}

/// Median and robust standard deviation of a point on all devices that have it, outside the time
/// before failures.
fn normal(
    channel: &ChannelId,
    series: &Series,
    (failures, within): (&[Failure], Span),
) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = Vec::new();
    for (other, readings) in series {
        if other.point_str() != channel.point_str() || other.source() != channel.source() {
            continue;
        }
        let of_device: Vec<Time> = failures
            .iter()
            .filter(|it| it.device.as_str() == other.device_str())
            .map(|it| it.at)
            .collect();
        let is_calm = |t: Time| !of_device.iter().any(|at| *at - within <= t && t <= *at);
        values.extend(readings.iter().filter(|(t, _)| is_calm(*t)).map(|(_, value)| value));
    }
    values.sort_by(f64::total_cmp);
    let median = quantile(&values, 0.5)?;
    let sd = (quantile(&values, 0.9)? - quantile(&values, 0.1)?) / 2.563;
    (0.0 < sd).then_some((median, sd))
}

const WINDOW: usize = 6;
const WINDOW_F64: f64 = 6.0;

/// Six readings this far off are no chance.
const ON: f64 = 4.0;

const OFF: f64 = 1.5;
