//! The command `forewarn-edge`: run an agent, show its plan, read once, check templates.
//!
//! Exit codes: 0 ran, 1 failed, 2 wrong use, 3 partly, 4 needs attention. What it prints goes to
//! standard output, one JSON object a line with `--json`; logs go to standard error.

mod command;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    match command::carry_out(&arguments, &mut std::io::stdout().lock()) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            command::explain(error.as_ref());
            ExitCode::from(1)
        }
    }
}
