//! The command `forewarn`: the server for a plant, the demo, and replay of recorded data.
//!
//! Results go to stdout (JSON lines with `--json`), everything else to stderr. Exit codes: 0 it ran,
//! 1 it failed, 2 it was called wrongly, 3 it ran in part, 4 it needs attention.

mod args;
mod audit;
mod backtest;
mod demo;
mod detect;
mod diagnose;
mod explain;
mod files;
mod history;
mod models;
mod output;
mod progress;
mod recording;
mod replay;
mod retention;
mod serve;
mod stores;
mod versions;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Word};

fn main() -> ExitCode {
    let args = Args::parse();
    forewarn_wire::tls::install_ring();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::failed(&error),
    };
    let ran = runtime.block_on(async {
        match args.word {
            Word::Audit(options) => audit::run(&options).await,
            Word::Backtest(options) => backtest::run(&options),
            Word::Config(options) => versions::run(&options).await,
            Word::Demo(options) => demo::run(&options).await,
            Word::Detect(options) => detect::run(&options),
            Word::Diagnose(options) => diagnose::run(&options),
            Word::Explain(options) => explain::run(&options).await,
            Word::History(options) => history::run(&options).await,
            Word::Model(options) => models::run(&options),
            Word::Replay(options) => replay::run(&options),
            Word::Serve(options) => serve::run(&options).await,
        }
    });
    match ran {
        Ok(code) => code,
        Err(error) => output::failed(error.as_ref()),
    }
}
