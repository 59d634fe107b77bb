//! `forewarn history`: past repairs of another system taken over, and similar cases looked up.
//!
//! An imported repair is a record like any other: tickets cite it, causes are counted with it. A running
//! server sees it at its next start. Nothing is dropped silently: each row is kept or told.

mod import;
mod map;
mod rows;
mod similar;

use std::path::Path;
use std::process::ExitCode;

use forewarn_lifecycle::Clock;
use forewarn_store::records::{Imports, Records};
use serde_json::json;

use crate::args::{HistoryOptions, HistoryWord, ImportOptions, SimilarOptions};
use crate::output::{self, Failure};
use map::HistoryMap;
use similar::{Asked, Past};

/// Runs the command.
pub(crate) async fn run(options: &HistoryOptions) -> Result<ExitCode, Failure> {
    match &options.word {
        HistoryWord::Import(options) => take_over(options).await,
        HistoryWord::Similar(options) => look_up(options).await,
    }
}

async fn take_over(options: &ImportOptions) -> Result<ExitCode, Failure> {
    let map = HistoryMap::read(&options.map)?;
    let table = rows::read(&options.csv, map.separator)?;
    let harvest = import::harvest(table, &map)?;
    for bad in &harvest.bad {
        if options.json {
            output::line(&bad.json());
        } else {
            output::text(&bad.text());
        }
    }
    let imports = if options.dry_run {
        None
    } else {
        let records = Records::open_file(&options.db).await?;
        let imports = records.import_repairs(&harvest.good).await?;
        records.close().await;
        Some(imports)
    };
    let changed = imports.as_ref().map(|it| it.changed.clone()).unwrap_or_default();
    for id in &changed {
        let told = "was imported before with other cells; the stored record stays as it is";
        if options.json {
            output::line(&json!({ "type": "changed_row", "id": id, "reason": told }));
        } else {
            output::text(&format!("{id} {told}"));
        }
    }
    tell_sum(options, &harvest, imports.as_ref());
    let is_whole = harvest.bad.is_empty() && changed.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(PARTLY) })
}

fn tell_sum(options: &ImportOptions, harvest: &import::Harvest, imports: Option<&Imports>) {
    let (rows, kept, bad) = (harvest.rows, harvest.good.len(), harvest.bad.len());
    if options.json {
        output::line(&json!({
            "type": "summary",
            "file": options.csv.display().to_string(),
            "rows": rows,
            "kept": kept,
            "bad": bad,
            "new": imports.map(|it| it.new),
            "known": imports.map(|it| it.known),
            "changed": imports.map(|it| it.changed.len()),
            "dry_run": options.dry_run,
        }));
        return;
    }
    let stored = match imports {
        None => "nothing was written (dry run)".to_owned(),
        Some(it) => {
            format!(
                "{} new, {} known, {} changed at the source",
                it.new,
                it.known,
                it.changed.len()
            )
        }
    };
    output::text(&format!("{rows} rows: {kept} good, {bad} left out; {stored}"));
}

async fn look_up(options: &SimilarOptions) -> Result<ExitCode, Failure> {
    if !options.db.try_exists()? {
        return Err(format!(
            "there is no records file {}; import a history first",
            options.db.display()
        )
        .into());
    }
    let map = options.map.as_deref().map(HistoryMap::read).transpose()?;
    let asked = match &options.query {
        Some(path) => similar::of_table(path, map.as_ref())?,
        None => vec![Ok(similar::of_options(options)?)],
    };
    let past = load(&options.db, options.source.as_deref()).await?;
    if past.len() == 0 {
        output::remark("the history is empty");
    }
    let good: Vec<bool> = asked.iter().map(Result::is_ok).collect();
    let mut bad = Vec::new();
    let mut questions: Vec<Asked> = Vec::new();
    for row in asked {
        match row {
            Ok(question) => questions.push(question),
            Err(refused) => bad.push(refused),
        }
    }
    let is_whole = bad.is_empty();
    let mut answers = past.answers(&questions, options.k, &Clock::system()).into_iter();
    let mut refusals = bad.into_iter().map(|it| it.json());
    // One line for each row, in the order of the table.
    for is_good in good {
        let next = if is_good { answers.next() } else { refusals.next() };
        if let Some(value) = next {
            if options.json { output::line(&value) } else { output::text(&in_words(&value)) }
        }
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(PARTLY) })
}

async fn load(db: &Path, source: Option<&str>) -> Result<Past, Failure> {
    let records = Records::open_file(db).await?;
    let past = Past::load(&records, source).await?;
    records.close().await;
    Ok(past)
}

/// An answer for people: the guesses, then a line for each case.
fn in_words(value: &serde_json::Value) -> String {
    let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    if value["type"] == "bad_row" {
        return format!(
            "line {}: {}; {}",
            value["line"],
            word(&value["reason"]),
            word(&value["remedy"])
        );
    }
    let mut lines = vec![format!(
        "part: {}   failure mode: {}",
        word(&value["part"]),
        word(&value["failure_mode"])
    )];
    let of = |name: &str| value[name].as_array().cloned().unwrap_or_default();
    for case in of("cases") {
        lines.push(format!(
            "  {:.2}  {}  {}  {}  {}: {}",
            case["score"].as_f64().unwrap_or(0.0),
            word(&case["id"]),
            word(&case["at"]).split('T').next().unwrap_or_default(),
            word(&case["device"]),
            word(&case["part"]),
            word(&case["text"]),
        ));
    }
    let repeats: Vec<String> =
        of("same_device_part_90d").iter().map(|it| word(&it["id"])).collect();
    if !repeats.is_empty() {
        lines.push(format!("  same machine and part within 90 days: {}", repeats.join(", ")));
    }
    lines.join("\n")
}

/// Ran, but not for every row.
const PARTLY: u8 = 3;
