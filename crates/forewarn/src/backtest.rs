//! `forewarn backtest`: a recorded folder through the engine that runs live, scored by what failed.
//!
//! Repairs and codes reach the engine as numbered inputs in the order of event time; failures reach only
//! the score. With `--rules` the folder passes twice, and the difference is told by failures and by
//! ticket ids. Deliberately absent: rules of its own, and any knowledge of a data set.

mod folder;
mod mine;
mod price;
mod score;
mod shdr;
mod snapshots;
mod table;
mod timeline;
mod trial;

use std::collections::BTreeSet;
use std::process::ExitCode;

use forewarn_domain::repair::{Activity, RepairRecord};
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::Time;
use serde_json::{Value, json};

use crate::args::BacktestOptions;
use crate::files;
use crate::output::{self, Failure};
use crate::progress;
use folder::Folder;
use trial::{Opened, Trial};

/// Runs the folder and prints the tickets that would have been opened, and the score.
pub(crate) fn run(options: &BacktestOptions) -> Result<ExitCode, Failure> {
    let folder = Folder::open(&options.site, &options.data)?;
    let bar = progress::bytes(0);
    let in_force = folder.rules();
    let now = Trial::run(&folder, in_force.as_deref(), options.mine, &bar)?;
    let tried = match &options.rules {
        None => None,
        Some(rules) => Some(Trial::run(&folder, Some(rules), options.mine, &bar)?),
    };
    let shown = tried.as_ref().unwrap_or(&now);
    let mut mined = Vec::new();
    if options.mine {
        let rules = options.rules.as_deref().or(in_force.as_deref());
        let knowledge = files::knowledge(rules, None)?;
        mined = mine::missed(shown);
        mined.extend(price::proposed(&folder, (&knowledge, shown), &mined, &bar)?);
    }
    bar.finish_and_clear();
    for (place, ticket) in shown.tickets.iter().enumerate() {
        print_ticket(shown, (place, ticket), options.json);
    }
    for line in &mined {
        if options.json {
            output::line(line);
        } else if line["type"] == "missed" {
            output::text(&mine::sentence(line));
        } else {
            output::text(&price::sentence(line));
        }
    }
    let mut summary = summary(shown, options.people);
    if let Some(tried) = &tried {
        summary["difference"] = difference(&now, tried);
    }
    if options.json {
        output::line(&summary);
    } else {
        output::text(&sentence(shown));
    }
    Ok(ExitCode::SUCCESS)
}

fn print_ticket(trial: &Trial, (place, ticket): (usize, &Opened), is_json: bool) {
    let draft = &ticket.draft;
    let foretold = trial.score.foretold.get(place).copied().flatten();
    let failure = foretold.and_then(|it| trial.failures.get(it));
    if !is_json {
        let summary = draft.summary.text();
        let (priority, device, component) =
            (draft.priority, &draft.key.device, &draft.key.component);
        let came =
            failure.map_or("no failure followed".to_owned(), |it| format!("failed {}", it.at));
        output::text(&format!(
            "{priority} {device} {component} · detected {} · {came}\n{}\n",
            draft.detected_at, summary.en
        ));
        return;
    }
    let mut line = output::ticket(draft);
    line["last_replaced"] = json!(last_replaced(draft, &trial.repairs));
    line["cited_repairs"] = json!(draft.past_repairs.iter().map(|it| it.id).collect::<Vec<_>>());
    line["matched"] = json!(failure.is_some());
    line["failure_at"] = json!(failure.map(|it| it.at));
    let lead_h = failure.map(|it| (it.at - draft.detected_at).secs_f64() / 3_600.0);
    line["lead_h"] = json!(lead_h);
    line["joined"] = json!(ticket.joined);
    output::line(&line);
}

/// When the part was last replaced, as the ticket cites it.
fn last_replaced(draft: &TicketDraft, repairs: &[RepairRecord]) -> Option<Time> {
    let is_own = |it: &&forewarn_domain::ticket::PastRepair| {
        it.device == draft.key.device && it.component == draft.key.component
    };
    let is_replacement = |it: &&forewarn_domain::ticket::PastRepair| {
        let record = repairs.iter().find(|record| record.id == it.id);
        record.is_some_and(|it| it.activity == Activity::Replace)
    };
    draft.past_repairs.iter().filter(is_own).filter(is_replacement).map(|it| it.at).max()
}

fn summary(trial: &Trial, people: u32) -> Value {
    let mut summary = json!(trial.score);
    let hours = trial.span.map(|(from, to)| (to - from).secs_f64() / 3_600.0);
    let shifts = hours.map(|it| (it / SHIFT_H).max(1.0) * f64::from(people.max(1)));
    let tickets = trial.tickets.len();
    summary["type"] = json!("summary");
    summary["tickets"] = json!(tickets);
    summary["false"] = json!(tickets - trial.score.matched);
    #[expect(clippy::cast_precision_loss, reason = "tickets are far fewer than 2^52")]
    let load = shifts.map(|it| tickets as f64 / it);
    summary["tickets_per_person_and_shift"] = json!(load);
    summary["within_h"] = json!(trial.within.secs_f64() / 3_600.0);
    summary["repairs"] = json!(trial.repairs.len());
    summary["readings"] = json!(trial.tally.readings);
    summary["late"] = json!(trial.tally.late);
    summary["unknown_machines"] = json!(trial.unknown_machines);
    summary["from"] = json!(trial.span.map(|it| it.0));
    summary["to"] = json!(trial.span.map(|it| it.1));
    summary
}

/// What other rules would change: failures by device, part and time, tickets by id.
fn difference(now: &Trial, tried: &Trial) -> Value {
    let caught = |trial: &Trial, place: usize| trial.score.lead_h.get(place).copied().flatten();
    let changed = |is_newly: fn(Option<f64>, Option<f64>) -> bool| -> Vec<Value> {
        let failures = now.failures.iter().enumerate();
        failures
            .filter(|(place, _)| is_newly(caught(now, *place), caught(tried, *place)))
            .map(|(_, failure)| json!(failure))
            .collect()
    };
    let ids =
        |trial: &Trial| -> BTreeSet<_> { trial.tickets.iter().map(|it| it.draft.id).collect() };
    let (before, after) = (ids(now), ids(tried));
    json!({
        "newly_caught": changed(|before, after| before.is_none() && after.is_some()),
        "newly_missed": changed(|before, after| before.is_some() && after.is_none()),
        "ids_kept": before.intersection(&after).count(),
        "ids_new": after.difference(&before).collect::<Vec<_>>(),
        "ids_gone": before.difference(&after).collect::<Vec<_>>(),
        "in_force": summary(now, 1),
    })
}

fn sentence(trial: &Trial) -> String {
    let (score, tickets) = (&trial.score, trial.tickets.len());
    let percent = |it: Option<f64>| it.map_or("-".to_owned(), |it| format!("{:.1} %", 100.0 * it));
    let hours = |it: Option<f64>| it.map_or("-".to_owned(), |it| format!("{it:.0} h"));
    format!(
        "{tickets} tickets, {} before a failure; precision {}, recall {} of {} failures, lead {} \
         (a tenth below {})",
        score.matched,
        percent(score.precision),
        percent(score.recall),
        score.failures,
        hours(score.lead_h_median),
        hours(score.lead_h_p10)
    )
}

/// Three shifts a day.
const SHIFT_H: f64 = 8.0;
