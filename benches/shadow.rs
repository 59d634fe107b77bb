//! What the rules in shadow add to the engine's work and to its snapshot, on the demo plant's history.
//!
//! Both engines take every batch in turn, as the server does, and each is timed by itself.
//! `--days N`, `--quick`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forewarn_benches::arguments::Arguments;
use forewarn_benches::figures::{Bar, Figures, figure};
use forewarn_benches::usage::thread_time;
use forewarn_benches::{Failure, plant};
use forewarn_diagnose::Catalogue;
use forewarn_domain::reading::Batch;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::Span;
use forewarn_engine::{Engine, Knowledge};
use forewarn_simulator::{History, HistoryOptions, Plan, SimulatedPlant};

fn main() -> Result<(), Failure> {
    let arguments = Arguments::of_process();
    let days: i64 = arguments.value("--days", if arguments.has("--quick") { 1 } else { 30 })?;
    let mut figures = Figures::of("shadow");
    let site = Arc::new(demo()?);
    let bearings = Catalogue::parse(include_str!("../models/bearings.csv"))?;
    let origin = "2026-11-20T06:00:00Z".parse()?;
    let simulated = SimulatedPlant::new(Arc::clone(&site), &bearings, 1, origin, Plan::healthy())?;
    let knowledge = plant::knowledge()?;
    let beside = Knowledge { rules: knowledge.rules.shadow(), ..knowledge.clone() };
    let mut live = Timed::of(Engine::new(Arc::clone(&site), knowledge, Vec::new())?);
    let mut shadow = Timed::of(Engine::new(site, beside, Vec::new())?);
    let options =
        HistoryOptions { reach: Span::from_secs(days * 86_400), ..HistoryOptions::default() };
    let mut making = Duration::ZERO;
    let mut began = Instant::now();
    for batch in History::of(&simulated, options) {
        making += began.elapsed();
        live.take(&batch);
        shadow.take(&batch);
        began = Instant::now();
    }
    let readings = live.engine.tally().readings;
    let (alone, more) = (live.busy.as_secs_f64(), shadow.busy.as_secs_f64());
    let (bytes, more_bytes) = (live.bytes()?, shadow.bytes()?);
    figures.add("readings", figure(readings), "readings", None)?;
    figures.add("making them", making.as_secs_f64(), "s", None)?;
    figures.add("rules in force", alone, "s", None)?;
    figures.add("rules in shadow", more, "s", None)?;
    let share = more / (alone + making.as_secs_f64());
    figures.add("shadow over history and engine", share, "", Some(Bar::AtMost(0.2)))?;
    figures.add("shadow over engine", more / alone, "", None)?;
    figures.add("snapshot of the rules in force", bytes / 1e6, "MB", None)?;
    figures.add("snapshot of the rules in shadow", more_bytes / 1e6, "MB", None)?;
    figures.add("shadow over snapshot", more_bytes / bytes, "", Some(Bar::AtMost(0.2)))?;
    Ok(figures.print_table()?)
}

/// The plant of the demo, as its files stand in the folder.
fn demo() -> Result<Plant, Failure> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let mut templates = Vec::new();
    for entry in fs::read_dir(config.join("devices"))? {
        templates.push(toml::from_str(&fs::read_to_string(entry?.path())?)?);
    }
    let site = fs::read_to_string(config.join("demo/site.toml"))?;
    Ok(Plant::new(toml::from_str(&site)?, templates)?)
}

/// An engine and the processor time that it took.
struct Timed {
    engine: Engine,
    busy: Duration,
}

impl Timed {
    fn of(engine: Engine) -> Self {
        Self { engine, busy: Duration::ZERO }
    }

    fn take(&mut self, batch: &Batch) {
        let (began, ran) = (Instant::now(), thread_time());
        drop(self.engine.advance(batch));
        let took = began.elapsed();
        self.busy += ran.zip(thread_time()).map_or(took, |(from, to)| to.saturating_sub(from));
    }

    /// The length of what a snapshot stores.
    fn bytes(&mut self) -> Result<f64, Failure> {
        let parts = self.engine.changed_parts()?;
        Ok(figure(u64::try_from(parts.iter().map(|(_, text)| text.len()).sum::<usize>())?))
    }
}
