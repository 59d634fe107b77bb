//! `forewarn detect`: recorded signals of one machine in; alarm, change point and score of every row
//! out.
//!
//! The first rows are learned, every later row is judged as it comes, by what came before it alone.
//! What was missing or out of order is counted and told. Tickets are not this command's business.

mod options;
mod table;

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use forewarn_detect::monitor::{Monitor, Settings, Verdict};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Sha256;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::models::{self, DataSpan, Model, Score};
use crate::output::{self, Failure};
use crate::progress;
pub(crate) use options::Options;
use table::{Moment, Table, files_of};

/// Judges the rows of a file or folder and writes the result.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    if options.model.is_none() && options.learn_rows() < Monitor::LEARN_ROWS_MIN {
        let (least, given) = (Monitor::LEARN_ROWS_MIN, options.learn_rows());
        return Err(format!("--learn-rows {given} is too few; at least {least} are needed").into());
    }
    let files = files_of(options)?;
    let bar = progress::bytes(files.iter().map(|(_, path)| size(path)).sum());
    let writer = csv::Writer::from_path(&options.out)
        .map_err(|error| format!("{} cannot be written: {error}", options.out.display()))?;
    let mut series = Series::new(options, writer)?;
    for (name, path) in &files {
        series.file(name, path, &bar)?;
    }
    bar.finish_and_clear();
    series.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// The series as far as it was read.
struct Series<'a> {
    options: &'a Options,
    out: csv::Writer<File>,
    monitor: Option<Monitor>,
    signals: Vec<String>,
    /// Steps between rows while learning, and what counts as a gap after it.
    steps: Vec<i64>,
    gap: Option<Span>,
    last: Option<Time>,
    was_alarm: bool,
    /// What was learned, as it stood then, and the moments of its rows.
    learned: Option<Model>,
    moments: Option<(String, String)>,
    /// The model by which is judged: its version and its hash.
    model: Option<(u32, Sha256)>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    files: u64,
    rows: usize,
    alarm_rows: u64,
    alarms: u64,
    changepoints: u64,
    gaps: u64,
    disordered: u64,
    missing: u64,
}

impl<'a> Series<'a> {
    fn new(options: &'a Options, mut out: csv::Writer<File>) -> Result<Self, Failure> {
        let mut head = vec!["timestamp", "alarm", "changepoint", "score"];
        head.extend(options.stream.as_ref().map(|_| "file"));
        head.extend(options.explain.then_some("explanation"));
        out.write_record(head)?;
        let mut series = Self {
            options,
            out,
            monitor: None,
            signals: Vec::new(),
            steps: Vec::new(),
            gap: None,
            last: None,
            was_alarm: false,
            learned: None,
            moments: None,
            model: None,
            tally: Tally::default(),
        };
        if let Some(folder) = &options.model {
            let (version, sha256, model) = models::load(folder)?;
            series.model = Some((version, sha256));
            series.gap = Some(Span::from_micros(model.gap_us));
            (series.signals, series.monitor) = (model.signals, Some(model.monitor));
        }
        Ok(series)
    }

    fn file(&mut self, name: &str, path: &Path, bar: &ProgressBar) -> Result<(), Failure> {
        let mut table = Table::open(path, self.options, bar)?;
        if self.monitor.is_none() {
            let judge = self.options.monitor.into();
            let settings = Settings { judge, ..Settings::default() };
            let width = table.signals.len();
            self.monitor = Some(Monitor::new(settings, width, self.options.learn_rows()));
            self.signals.clone_from(&table.signals);
        } else if self.signals != table.signals {
            let (is, was) = (table.signals.join(", "), self.signals.join(", "));
            let path = path.display();
            let than = if self.model.is_some() { "the model" } else { "the files before" };
            return Err(format!("{path} has other signals ({is}) than {than} ({was})").into());
        }
        let mut values = Vec::new();
        while let Some(moment) = table.next_row(&mut values)? {
            self.row(name, &moment, &values)?;
        }
        self.tally.files += 1;
        self.tally.missing += table.missing;
        Ok(())
    }

    fn row(&mut self, name: &str, moment: &Moment, values: &[f64]) -> Result<(), Failure> {
        let is_after_gap = self.step_to(moment.t);
        let Some(monitor) = &mut self.monitor else { return Ok(()) };
        let was_learning = monitor.is_learning();
        let verdict = monitor.update(values, is_after_gap);
        if was_learning {
            let (_, until) =
                self.moments.get_or_insert_with(|| (moment.text.clone(), String::new()));
            until.clone_from(&moment.text);
            if !monitor.is_learning() {
                let gap_us = self.gap.unwrap_or_default().micros();
                self.learned = Some(Model::new(&self.signals, gap_us, monitor));
            }
        }
        self.tally.rows += 1;
        let is_alarm = verdict.is_some_and(|it| it.is_alarm);
        let is_change = verdict.is_some_and(|it| it.change.is_some());
        self.tally.alarm_rows += u64::from(is_alarm);
        self.tally.alarms += u64::from(is_alarm && !self.was_alarm);
        self.tally.changepoints += u64::from(is_change);
        self.was_alarm = is_alarm;
        let score = format!("{:.4}", verdict.map_or(0.0, |it| it.score));
        let flag = |it: bool| if it { "1" } else { "0" };
        let explanation = self.options.explain.then(|| {
            verdict.map(|it| explain(monitor, &self.signals, &it).to_string()).unwrap_or_default()
        });
        let mut cells = vec![moment.text.as_str(), flag(is_alarm), flag(is_change), &score];
        if self.options.stream.is_some() {
            cells.push(name);
        }
        cells.extend(explanation.as_deref());
        self.out.write_record(cells)?;
        Ok(())
    }

    /// Moves on to the time of the next row; whether rows are missing before it.
    fn step_to(&mut self, t: Time) -> bool {
        let Some(last) = self.last.replace(t) else { return false };
        let step = t - last;
        if step <= Span::ZERO {
            self.tally.disordered += 1;
            return false;
        }
        if self.gap.is_none() {
            self.steps.push(step.micros());
            if self.options.learn_rows() <= self.steps.len() + 1 {
                self.steps.sort_unstable();
                let usual = self.steps[self.steps.len() / 2];
                self.gap = Some(Span::from_micros(usual.saturating_mul(GAP_STEPS)));
            }
            return false;
        }
        let is_gap = self.gap.is_some_and(|gap| gap < step);
        self.tally.gaps += u64::from(is_gap);
        is_gap
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.out.flush()?;
        let Some(monitor) = &self.monitor else { return Ok(()) };
        let (seen, needed) = monitor.progress();
        if monitor.is_learning() {
            return Err(format!(
                "only {seen} rows, and --learn-rows asks for {needed}: nothing could be judged"
            )
            .into());
        }
        if monitor.was_starting_up() {
            output::remark(
                "the machine was starting up while it was learned: learn from a later part",
            );
        }
        let learned = if self.options.model.is_some() { 0 } else { needed };
        let model = self.keep_model(learned)?.or(self.model);
        let tally = &self.tally;
        let watched = self.signals.iter().zip(monitor.drift_is_watched());
        let watched: Vec<&String> = watched.filter_map(|(it, is)| is.then_some(it)).collect();
        let summary = json!({
            "type": "summary",
            "files": tally.files,
            "rows": tally.rows,
            "learned_rows": learned,
            "signals": self.signals,
            "alarms": tally.alarms,
            "alarm_rows": tally.alarm_rows,
            "changepoints": tally.changepoints,
            "gaps": tally.gaps,
            "disordered_rows": tally.disordered,
            "missing_cells": tally.missing,
            "starting_up": monitor.was_starting_up(),
            "drift_watched": watched,
            "model": model.map(|(version, sha256)| json!({"version": version, "sha256": sha256})),
            "out": self.options.out,
        });
        if self.options.json {
            output::line(&summary);
        } else {
            output::text(&format!(
                "{} rows, {learned} of them learned: {} alarms over {} rows, {} change points; {} gaps, \
                 {} rows out of order, {} cells without a number → {}",
                tally.rows,
                tally.alarms,
                tally.alarm_rows,
                tally.changepoints,
                tally.gaps,
                tally.disordered,
                tally.missing,
                self.options.out.display(),
            ));
        }
        Ok(())
    }
}

impl Series<'_> {
    /// Keeps what was learned, where that was asked for.
    fn keep_model(&self, learned_rows: usize) -> Result<Option<(u32, Sha256)>, Failure> {
        let (Some(folder), Some(model)) = (&self.options.keep_model, &self.learned) else {
            return Ok(None);
        };
        let (from, until) = self.moments.clone().unwrap_or_default();
        let files = [&self.options.stream, &self.options.csv].into_iter().flatten();
        let data = DataSpan {
            files: files.map(|it| it.display().to_string()).collect(),
            signals: self.signals.clone(),
            rows: learned_rows,
            from,
            until,
        };
        let Tally { rows, alarms, alarm_rows, .. } = self.tally;
        let score = Score { rows: rows - learned_rows, alarms, alarm_rows };
        models::keep(folder, model, data, score).map(Some)
    }
}

/// Why a row was judged so, signals by what they contribute.
fn explain(monitor: &Monitor, signals: &[String], verdict: &Verdict) -> Value {
    let mut parts = monitor.contributions();
    parts.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.signal.cmp(&b.signal)));
    let shown = |value: f64| (value * 1e6).round() / 1e6;
    let contributions: Vec<Value> = parts
        .iter()
        .map(|it| {
            json!({
                "signal": signals.get(it.signal),
                "share": shown(it.share),
                "z": shown(it.z),
                "level": it.level,
                "normal": it.normal,
                "weight": shown(it.weight),
            })
        })
        .collect();
    let trend = monitor.trend().map(|it| {
        json!({
            "signal": signals.get(it.signal),
            "slope_per_row": it.slope_per_row,
            "rows_to_limit": it.rows_to_limit,
            "rows_at_least": it.rows_at_least,
            "rows_at_most": it.rows_at_most,
        })
    });
    json!({
        "reason": verdict.reason,
        "change": verdict.change,
        "leader": signals.get(verdict.leader),
        "signals": contributions,
        "trend": trend,
    })
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |it| it.len())
}

/// So many usual steps without a row are a gap: the machine may have stood still.
const GAP_STEPS: i64 = 120;
