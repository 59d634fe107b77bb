//! `forewarn replay`: recorded data through the same engine, in event time.
//!
//! The summary says what was seen and how far the rules had learned at the end, so that silence can
//! be told from health.

mod pace;
mod standing;
mod through_store;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::Time;
use forewarn_engine::{Decision, Engine};
use serde_json::json;

use crate::args::ReplayOptions;
use crate::output::{self, Failure};
use crate::recording::{BETWEEN_RUNS, Recording, Row, Source, Whose};
use crate::{files, progress};
use pace::Pace;
use standing::{RuleCount, StateRows};
use through_store::ThroughStore;

/// Replays the files one after another and prints the tickets that would have been opened.
pub(crate) fn run(options: &ReplayOptions) -> Result<ExitCode, Failure> {
    let plant = files::plant(&options.site)?;
    let knowledge = files::knowledge(options.rules.as_deref(), None)?;
    let mut engine = Engine::new(Arc::clone(&plant), knowledge, Vec::new())?;
    let bar = progress::bytes(total_bytes(&options.csv));
    let through = options.store.as_deref().map(ThroughStore::open).transpose()?;
    let mut replay = Replay { pace: Pace::new(options.speed), through, ..Replay::default() };
    let mut start = None;
    for path in &options.csv {
        let source = Source { path, start, whose: Whose::All };
        let mut recording = Recording::open(&plant, source, &bar)?;
        replay.file(&mut engine, &mut recording)?;
        start = (!recording.has_time()).then(|| recording.end() + BETWEEN_RUNS);
        replay.unreadable += recording.unreadable();
    }
    bar.finish_and_clear();
    replay.print(&engine, options.json);
    if let Some(remark) = replay.through.as_ref().and_then(|it| it.passed().remark()) {
        output::remark(&remark);
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Default)]
struct Replay {
    pace: Pace,
    through: Option<ThroughStore>,
    tickets: Vec<TicketDraft>,
    states: StateRows,
    cleared: u64,
    unreadable: u64,
    from: Option<Time>,
    to: Option<Time>,
}

impl Replay {
    fn file(&mut self, engine: &mut Engine, recording: &mut Recording) -> Result<(), Failure> {
        while let Some(row) = recording.next_row()? {
            match &mut self.through {
                None => self.step(engine, &row),
                Some(through) => {
                    let rows = through.pass(row)?;
                    rows.iter().for_each(|row| self.step(engine, row));
                }
            }
        }
        let rest = self.through.as_mut().map_or_else(|| Ok(Vec::new()), ThroughStore::rest)?;
        rest.iter().for_each(|row| self.step(engine, row));
        Ok(())
    }

    fn step(&mut self, engine: &mut Engine, row: &Row) {
        self.pace.wait_for(row.t);
        self.from.get_or_insert(row.t);
        self.to = Some(row.t);
        for decision in engine.advance(&row.batch) {
            match decision {
                Decision::Open { draft, .. } => self.tickets.push(*draft),
                Decision::Amend { draft, .. } => {
                    if let Some(known) = self.tickets.iter_mut().find(|it| it.id == draft.id) {
                        *known = *draft;
                    }
                }
                Decision::Checked { .. } | Decision::SetAside { .. } => {}
                Decision::Cleared { .. } => self.cleared += 1,
            }
        }
        self.states.count(engine);
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
        let rules = RuleCount::of(engine);
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
            "states": self.states,
            "rules": rules,
            "store": self.through.as_ref().map(ThroughStore::passed),
        });
        if is_json {
            output::line(&summary);
        } else {
            let (tickets, readings) = (self.tickets.len(), tally.readings);
            let noun = if tickets == 1 { "ticket" } else { "tickets" };
            output::text(&format!(
                "{tickets} {noun} from {readings} readings; rules at the end: {rules}"
            ));
        }
    }
}

fn total_bytes(paths: &[impl AsRef<Path>]) -> u64 {
    let sizes = paths.iter().map(|it| std::fs::metadata(it.as_ref()).map_or(0, |it| it.len()));
    sizes.sum()
}
