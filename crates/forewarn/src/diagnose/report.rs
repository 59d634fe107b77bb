//! A judgement as a JSON line or as a few lines for people.

use forewarn_vibration::diagnosis::Diagnosis;
use serde_json::{Map, Value, json};

use crate::diagnose::options::Options;
use crate::output;

/// What was judged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Snapshot { number: usize },
    Snapshots { count: usize },
    Whole,
    Window { number: usize, start_s: f64 },
}

/// Prints one judgement.
pub(crate) fn print(options: &Options, place: Place, found: &Diagnosis) {
    if options.json {
        output::line(&as_json(place, found));
    } else {
        output::text(&as_text(place, found));
    }
}

fn as_json(place: Place, found: &Diagnosis) -> Value {
    let harmonics: Vec<Value> = found
        .harmonics
        .iter()
        .map(|(k, hz, height)| json!({"k": order(*k), "hz": rounded(*hz), "height": rounded(*height)}))
        .collect();
    let scores: Map<String, Value> = found
        .scores
        .iter()
        .map(|(defect, score)| (defect.code().to_owned(), rounded(*score)))
        .collect();
    let also: Vec<Value> = found
        .findings
        .iter()
        .filter(|it| Some(it.cause) != found.cause)
        .map(|it| {
            let (hz, strength) = (rounded(it.hz), rounded(it.strength));
            json!({"cause": it.cause, "frequency_hz": hz, "strength": strength, "why": it.why})
        })
        .collect();
    let mut value = json!({
        "type": "diagnosis",
        "verdict": found.judgement.code(),
        "cause": found.cause,
        "frequency_hz": found.frequency_hz.map(rounded),
        "expected_hz": found.expected_hz.map(rounded),
        "harmonics": harmonics,
        "scores": scores,
        "shaft_hz": found.shaft.map(|it| rounded(it.hz)),
        "shaft_measured": found.shaft.is_some_and(|it| it.is_measured),
        "also": also,
        "why": found.why,
    });
    match place {
        Place::Snapshot { number } => value["snapshot"] = json!(number),
        Place::Snapshots { count } => value["snapshots"] = json!(count),
        Place::Whole => {}
        Place::Window { number, start_s } => {
            value["window"] = json!(number);
            value["start_s"] = rounded(start_s);
        }
    }
    value
}

fn as_text(place: Place, found: &Diagnosis) -> String {
    let place = match place {
        Place::Snapshot { number } => format!("snapshot {number}: "),
        Place::Snapshots { count } => format!("{count} snapshots: "),
        Place::Whole => String::new(),
        Place::Window { number, start_s } => format!("window {number} at {start_s:.3} s: "),
    };
    let verdict = found.judgement.code().replace('_', " ");
    let cause = found.cause.map_or_else(String::new, |it| format!(", {}", it.replace('_', " ")));
    let at = found.frequency_hz.map_or_else(String::new, |it| format!(" at {it:.1} Hz"));
    let also: String = found
        .findings
        .iter()
        .filter(|it| Some(it.cause) != found.cause)
        .map(|it| format!("\n  also {}: {}", it.cause.replace('_', " "), it.why))
        .collect();
    format!("{place}{verdict}{cause}{at}\n  {}{also}", found.why)
}

/// Multiples are whole numbers, but for halves and sidebands.
fn order(k: f64) -> Value {
    match format!("{k}").parse::<u32>() {
        Ok(whole) => json!(whole),
        Err(_not_whole) => rounded(k),
    }
}

/// Three digits after the point: finer than any bin.
fn rounded(number: f64) -> Value {
    json!((number * 1000.0).round() / 1000.0)
}
