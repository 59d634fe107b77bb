//! `forewarn model`: fitted monitors as numbered files with cards, and the way back.
//!
//! A folder holds `1.json`, `2.json`, … each with `N.toml`, its card: what it was fitted on, with which
//! settings, how it did on the rows behind, and its SHA-256. `in-force` names the version that counts.
//! Rely on this: a model is used only if it still has the hash of its card; versions are never changed,
//! only added, and every choice of a version is kept in `choices.jsonl`.
//!
//! Deliberately absent: fitting (`detect`), and the normals that a plant learns while it runs; those are
//! part of the engine's snapshot.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use forewarn_detect::monitor::{Monitor, Settings};
use forewarn_domain::time::Time;
use forewarn_domain::waveform::Sha256;
use forewarn_lifecycle::Clock;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Digest as _;

use crate::output::{self, Failure};

/// What can be typed after `forewarn model`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The folder of models that `forewarn detect --keep-model` filled.
    #[arg(long)]
    folder: PathBuf,
    /// Puts this version into force, an older one as well.
    #[arg(long, value_name = "VERSION", requires = "reason")]
    put_in_force: Option<u32>,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// JSON lines on stdout.
    #[arg(long)]
    json: bool,
}

/// A fitted monitor with what it takes to use it on other rows.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    schema: String,
    /// Names of the columns, in the order of the rows.
    pub(crate) signals: Vec<String>,
    /// Time without a row that counts as a gap.
    pub(crate) gap_us: i64,
    /// The monitor as it stood when it had learned.
    pub(crate) monitor: Monitor,
}

/// What a person must know of a model before trusting it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    schema: String,
    version: u32,
    /// Of the model's file.
    sha256: Sha256,
    made_at: Time,
    pub(crate) data: DataSpan,
    pub(crate) score: Score,
    pub(crate) settings: Settings,
}

/// On what a model was fitted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataSpan {
    pub(crate) files: Vec<String>,
    pub(crate) signals: Vec<String>,
    pub(crate) rows: usize,
    /// First and last moment, as they are written in the data.
    pub(crate) from: String,
    pub(crate) until: String,
}

/// How a model did on the rows behind those that it learned from.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Score {
    pub(crate) rows: usize,
    pub(crate) alarms: u64,
    pub(crate) alarm_rows: u64,
}

#[derive(Debug, Deserialize, Serialize)]
struct Choice {
    at: Time,
    version: u32,
    reason: String,
}

impl Model {
    pub(crate) fn new(signals: &[String], gap_us: i64, monitor: &Monitor) -> Self {
        let (schema, signals) = (MODEL.to_owned(), signals.to_vec());
        Self { schema, signals, gap_us, monitor: monitor.clone() }
    }
}

/// Lists the versions of a folder, or puts one into force.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let folder = &options.folder;
    if let (Some(version), Some(reason)) = (options.put_in_force, &options.reason) {
        read(folder, version)?;
        put_in_force(folder, version, reason)?;
    }
    let chosen = in_force(folder)?;
    for version in 1..=newest(folder)? {
        let card = card(folder, version)?;
        let is_in_force = version == chosen;
        if options.json {
            output::line(&json!({
                "type": "model", "version": version, "in_force": is_in_force, "card": card,
            }));
        } else {
            let mark = if is_in_force { "in force" } else { "" };
            let DataSpan { rows, from, until, .. } = &card.data;
            output::text(&format!(
                "{version}\t{}\t{rows} rows from {from} to {until}\t{} alarms in {} rows behind\t{mark}",
                card.sha256, card.score.alarms, card.score.rows
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds a model as the next version and puts it into force.
pub(crate) fn keep(
    folder: &Path,
    model: &Model,
    data: DataSpan,
    score: Score,
) -> Result<(u32, Sha256), Failure> {
    fs::create_dir_all(folder)?;
    let version = newest(folder)? + 1;
    let text = serde_json::to_string(model)?;
    let sha256 = hash(text.as_bytes());
    let card = Card {
        schema: CARD.to_owned(),
        version,
        sha256,
        made_at: Time::from_micros(Clock::system().now_us()),
        data,
        score,
        settings: model.monitor.settings(),
    };
    fs::write(folder.join(format!("{version}.json")), text)?;
    fs::write(folder.join(format!("{version}.toml")), toml::to_string(&card)?)?;
    put_in_force(folder, version, "newly fitted")?;
    Ok((version, sha256))
}

/// The model in force, with its version and hash.
pub(crate) fn load(folder: &Path) -> Result<(u32, Sha256, Model), Failure> {
    let version = in_force(folder)?;
    let (sha256, model) = read(folder, version)?;
    Ok((version, sha256, model))
}

fn read(folder: &Path, version: u32) -> Result<(Sha256, Model), Failure> {
    let card = card(folder, version)?;
    let path = folder.join(format!("{version}.json"));
    let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
    let found = hash(text.as_bytes());
    if found != card.sha256 {
        return Err(format!(
            "{} is not the model of its card ({found}, not {}); put another version into force with \
             `forewarn model --put-in-force`",
            path.display(),
            card.sha256
        )
        .into());
    }
    let model: Model = serde_json::from_str(&text).map_err(|error| at(&path, &error))?;
    if model.schema != MODEL {
        return Err(
            format!("{} is `{}`; `{MODEL}` is expected", path.display(), model.schema).into()
        );
    }
    Ok((found, model))
}

fn card(folder: &Path, version: u32) -> Result<Card, Failure> {
    let path = folder.join(format!("{version}.toml"));
    let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
    Ok(toml::from_str(&text).map_err(|error| at(&path, &error))?)
}

/// 0 for a folder without models.
fn newest(folder: &Path) -> Result<u32, Failure> {
    let mut newest = 0;
    for entry in fs::read_dir(folder).map_err(|error| at(folder, &error))? {
        let name = entry?.file_name();
        let version = name.to_str().and_then(|it| it.strip_suffix(".json")?.parse().ok());
        newest = newest.max(version.unwrap_or(0));
    }
    Ok(newest)
}

fn in_force(folder: &Path) -> Result<u32, Failure> {
    let path = folder.join(IN_FORCE);
    let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
    Ok(text.trim().parse().map_err(|error| at(&path, &error))?)
}

fn put_in_force(folder: &Path, version: u32, reason: &str) -> Result<(), Failure> {
    let at = Time::from_micros(Clock::system().now_us());
    let choice = serde_json::to_string(&Choice { at, version, reason: reason.to_owned() })?;
    let choices = folder.join("choices.jsonl");
    let mut log = fs::OpenOptions::new().create(true).append(true).open(choices)?;
    writeln!(log, "{choice}")?;
    // The new name replaces the old one at once, so nobody ever reads half a number.
    let next = folder.join(format!("{IN_FORCE}.next"));
    fs::write(&next, format!("{version}\n"))?;
    fs::rename(next, folder.join(IN_FORCE))?;
    Ok(())
}

fn hash(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

const MODEL: &str = "forewarn.monitor/1";
const CARD: &str = "forewarn.model/1";
const IN_FORCE: &str = "in-force";
