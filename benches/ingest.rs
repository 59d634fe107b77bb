//! The whole server path on real sockets: agents, broker, ingest, ledger, chunk store, engine, tickets.
//!
//! Three scenarios, each with fresh processes: a backlog as fast as it goes (`drain`), 1,000 machines
//! of twelve channels at 1 Hz with faults (`paced`), and 200,000 readings/s for a minute (`burst`).
//! `--scenario NAME` runs one of them, `--broker HOST:PORT` takes another broker than the embedded
//! one, `--seconds N`, `--quick`.

use std::process::{Command, Stdio};

use forewarn_benches::Failure;
use forewarn_benches::arguments::Arguments;
use forewarn_benches::figures::{Bar, Figures};
use forewarn_benches::line::{agents, server};
use serde_json::Value;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::of_process();
    match arguments.text("--role") {
        Some("agents") => runtime()?.block_on(agents::run(&arguments)),
        Some("server") => {
            let outcome = runtime()?.block_on(server::run(&arguments))?;
            std::fs::write(arguments.text("--report").ok_or("no --report")?, outcome.to_string())?;
            Ok(())
        }
        Some(_) | None => compare(&arguments),
    }
}

fn compare(arguments: &Arguments) -> Result<(), Failure> {
    let mut figures = Figures::of("ingest");
    let folder = tempfile::tempdir()?;
    for scenario in ["drain", "paced", "burst"] {
        if arguments.text("--scenario").is_some_and(|only| only != scenario) {
            continue;
        }
        let report = folder.path().join(scenario);
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", "server", "--scenario", scenario, "--report"]).arg(&report);
        command.args(arguments.of_scenario()).args(arguments.pair("--broker"));
        if !command.stdin(Stdio::null()).status()?.success() {
            return Err(format!("scenario {scenario} failed").into());
        }
        let outcome: Value = serde_json::from_str(&std::fs::read_to_string(&report)?)?;
        for (scenario_of, name, unit, bar) in ROWS {
            if scenario_of.contains(&scenario) {
                let value = outcome[*name].as_f64().ok_or_else(|| format!("no {name}"))?;
                figures.add(format!("{scenario}: {name}"), value, unit, *bar)?;
            }
        }
    }
    Ok(figures.print_table()?)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

type Row = (&'static [&'static str], &'static str, &'static str, Option<Bar>);

const ROWS: &[Row] = &[
    (&["drain"], "readings/s", "readings/s", Some(Bar::AtLeast(200_000.0))),
    (ALL, "readings offered", "readings", None),
    (ALL, "readings lost", "readings", Some(Bar::AtMost(0.0))),
    (ALL, "batches sent again", "batches", None),
    (&["paced"], "reading to ticket p50", "s", None),
    (&["paced"], "reading to ticket p95", "s", Some(Bar::AtMost(2.0))),
    (&["paced"], "reading to ticket, worst", "s", None),
    (&["burst"], "reading to ticket p95", "s", None),
    (&["burst"], "reading to ticket, worst", "s", Some(Bar::AtMost(60.0))),
    (ALL, "tickets", "tickets", None),
    (ALL, "tickets missing or unexpected", "tickets", Some(Bar::AtMost(0.0))),
    (&["paced", "burst"], "caught up after the last batch was due", "s", None),
    (&["paced", "burst"], "longest wait of a batch at the agent", "s", None),
    (&["drain"], "seconds", "s", None),
    (&["drain"], "acknowledged after", "s", None),
    (ALL, "processor time of server and broker for 1,000,000 readings", "s", None),
    (ALL, "memory before", "MiB", None),
    (ALL, "peak memory of server and broker", "MiB", None),
    (ALL, "written to disk", "MB", None),
    (ALL, "size of all files", "MB", None),
];

const ALL: &[&str] = &["drain", "paced", "burst"];
