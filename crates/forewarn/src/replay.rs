//! `forewarn replay`: recorded data through the same engine, in event time.

mod recording;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::reading::Batch;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::Time;
use forewarn_engine::{Decision, Engine};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args::{ReplayOptions, Speed};
use crate::output::{self, Failure};
use crate::{files, progress};
use recording::{BETWEEN_RUNS, Recording};

/// Replays the files one after another and prints the tickets that would have been opened.
pub(crate) fn run(options: &ReplayOptions) -> Result<ExitCode, Failure> {
    let plant = files::plant(&options.site)?;
    let knowledge = files::knowledge(options.rules.as_deref(), None)?;
    let mut engine = Engine::new(Arc::clone(&plant), knowledge, Vec::new())?;
    let bar = progress::bytes(total_bytes(&options.csv));
    let mut replay = Replay { pace: Pace::new(options.speed), ..Replay::default() };
    let mut start = None;
    for path in &options.csv {
        let mut recording = Recording::open(&plant, path, start)?;
        replay.file(&mut engine, &mut recording, &bar)?;
        start = (!recording.has_time()).then(|| recording.end() + BETWEEN_RUNS);
        replay.unreadable += recording.unreadable();
    }
    bar.finish_and_clear();
    replay.print(&engine, options.json);
    Ok(ExitCode::SUCCESS)
}

#[derive(Default)]
struct Replay {
    pace: Pace,
    tickets: Vec<TicketDraft>,
    cleared: u64,
    unreadable: u64,
    from: Option<Time>,
    to: Option<Time>,
}

impl Replay {
    fn file(
        &mut self,
        engine: &mut Engine,
        recording: &mut Recording,
        bar: &ProgressBar,
    ) -> Result<(), Failure> {
        let mut seen = 0;
        while let Some(batch) = recording.next_batch()? {
            let now = recording.now();
            self.pace.wait_for(now);
            self.from.get_or_insert(now);
            self.to = Some(now);
            self.step(engine, &batch);
            let bytes = recording.bytes();
            if PROGRESS_BYTES <= bytes - seen {
                bar.inc(bytes - seen);
                seen = bytes;
            }
        }
        bar.inc(recording.bytes() - seen);
        Ok(())
    }

    fn step(&mut self, engine: &mut Engine, batch: &Batch) {
        for decision in engine.advance(batch) {
            match decision {
                Decision::Open { draft, .. } => self.tickets.push(*draft),
                Decision::Amend { draft, .. } => {
                    if let Some(known) = self.tickets.iter_mut().find(|it| it.id == draft.id) {
                        *known = *draft;
                    }
                }
                Decision::Cleared { .. } => self.cleared += 1,
            }
        }
    }

    fn print(&self, engine: &Engine, is_json: bool) {
        let tally = engine.tally();
        for ticket in &self.tickets {
            if is_json {
                output::line(&output::ticket(ticket));
            } else {
                let summary = ticket.summary.text();
                output::text(&format!(
                    "{} {} {} · {} · onset {} · detected {}\n{}\n",
                    ticket.priority,
                    ticket.key.device,
                    ticket.key.component,
                    ticket.key.family,
                    ticket.onset_at,
                    ticket.detected_at,
                    summary.en
                ));
            }
        }
        let summary = json!({
            "type": "summary",
            "tickets": self.tickets.len(),
            "cleared": self.cleared,
            "readings": tally.readings,
            "late": tally.late,
            "unknown": tally.unknown,
            "unreadable_cells": self.unreadable,
            "from": self.from,
            "to": self.to,
        });
        if is_json {
            output::line(&summary);
        } else {
            output::text(&format!(
                "{} tickets from {} readings",
                self.tickets.len(),
                tally.readings
            ));
        }
    }
}

/// Lets recorded time pass at a factor of real time.
#[derive(Default)]
struct Pace {
    times: Option<f64>,
    last: Option<Time>,
}

impl Pace {
    fn new(speed: Speed) -> Self {
        let times = match speed {
            Speed::Max => None,
            Speed::Times(times) => Some(times),
        };
        Self { times, last: None }
    }

    fn wait_for(&mut self, now: Time) {
        let Some(times) = self.times else { return };
        if let Some(last) = self.last.replace(now) {
            let pause = (now - last).secs_f64() / times;
            if 0.0 < pause {
                std::thread::sleep(Duration::from_secs_f64(pause.min(PAUSE_MAX_S)));
            }
        }
    }
}

fn total_bytes(paths: &[impl AsRef<Path>]) -> u64 {
    let sizes = paths.iter().map(|it| std::fs::metadata(it.as_ref()).map_or(0, |it| it.len()));
    sizes.sum()
}

/// A gap in a recording is not waited for longer than this.
const PAUSE_MAX_S: f64 = 60.0;

const PROGRESS_BYTES: u64 = 64 * 1024;
