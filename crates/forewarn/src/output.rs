//! What the command says: JSON lines or plain text on stdout, failures on stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the one place that prints")]

use std::error::Error;
use std::process::ExitCode;

use forewarn_domain::ticket::TicketDraft;
use forewarn_store::records::TicketRow;
use serde_json::{Value, json};

/// Any failure, on its way to the person who typed the command.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Prints a failure with its causes; the code says that the command failed.
pub(crate) fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    eprint!("forewarn: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

/// Prints one JSON line.
pub(crate) fn line(value: &Value) {
    println!("{value}");
}

/// Prints a line of text.
pub(crate) fn text(text: &str) {
    println!("{text}");
}

/// Prints a remark that is no result.
pub(crate) fn remark(text: &str) {
    eprintln!("{text}");
}

/// A drafted ticket as JSON, in the shape of every ticket that a command prints.
pub(crate) fn ticket(draft: &TicketDraft) -> Value {
    let signals: Vec<Value> = draft
        .signals
        .iter()
        .map(|it| {
            json!({
                "channel": it.channel,
                "weight": it.weight,
                "value": it.value,
                "normal": it.normal.as_ref().map(|normal| normal.median),
                "unit": it.unit,
            })
        })
        .collect();
    json!({
        "type": "ticket",
        "id": draft.id,
        "number": Value::Null,
        "site": draft.key.site,
        "device": draft.key.device,
        "component": draft.key.component,
        "fault_family": draft.key.family,
        "kind": draft.kind,
        "priority": draft.priority,
        "state": "to_assign",
        "opened_at": draft.detected_at,
        "onset_at": draft.onset_at,
        "detected_at": draft.detected_at,
        "confidence": draft.confidence,
        "causes": draft.causes,
        "signals": signals,
        "past_repairs": draft.past_repairs,
        "similar_cases": draft.evidence.similar,
        "summary": draft.summary.text(),
        "rule": draft.rule,
        "evidence_sha256": draft.evidence_sha256,
    })
}

/// A stored ticket as JSON: as drafted, with what its life added.
pub(crate) fn stored_ticket(row: &TicketRow, draft: &TicketDraft) -> Value {
    let mut value = ticket(draft);
    value["number"] = json!(row.number);
    value["state"] = json!(row.state);
    value["opened_at"] = json!(row.opened_at);
    value
}
