//! The words of `forewarn-edge` and what each prints.

mod decode;
mod doctor;
mod plan;
mod read;
mod salvage;
mod scaffold;
mod target;
mod template;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use forewarn_agent::AgentConfig;
use forewarn_lifecycle::{Clock, logging};

/// Collects readings beside the machines and keeps them until the server has them.
#[derive(Debug, Parser)]
#[command(name = "forewarn-edge", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    word: Word,
    /// Print one JSON object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Print what a shell needs to complete this command's words.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Say how registers are to be read when the value on the display is known.
    Decode(decode::DecodeArguments),
    /// Look at everything that an agent needs: clock, disk, links, devices, broker.
    Doctor(doctor::DoctorArguments),
    /// Print which requests each device is asked.
    Plan(ConfigArgument),
    /// Read every point of a device once, raw and scaled.
    Read(ReadArguments),
    /// Run the agent until SIGINT or SIGTERM.
    Run(ConfigArgument),
    /// Bring what damaged spool files still hold into the spool; the agent must be stopped.
    Salvage(ConfigArgument),
    /// Check device templates.
    Template {
        #[command(subcommand)]
        word: TemplateWord,
    },
}

#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// The agent's configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
struct ReadArguments {
    /// The agent's configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this device.
    #[arg(long, value_name = "ID")]
    device: Option<String>,
}

#[derive(Debug, Subcommand)]
enum TemplateWord {
    /// Load and plan every template of a folder.
    Check {
        /// A folder of templates, or one file.
        folder: PathBuf,
    },
    /// Print a new template, from a table of registers where there is one.
    Scaffold(scaffold::ScaffoldArguments),
    /// Read a device once by a template and say what speaks against the map.
    Test {
        /// The template's file.
        template: PathBuf,
        #[command(flatten)]
        target: target::Target,
    },
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    NeedsAttention,
    Partly,
    Ran,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Ran => 0,
            Outcome::Partly => 3,
            Outcome::NeedsAttention => 4,
        })
    }
}

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

pub(crate) fn carry_out(arguments: &Arguments, out: &mut impl Write) -> Result<Outcome, Failure> {
    let is_json = arguments.json;
    match &arguments.word {
        Word::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "forewarn-edge", out);
            Ok(Outcome::Ran)
        }
        Word::Decode(given) => runtime()?.block_on(decode::print(given, is_json, out)),
        Word::Doctor(given) => runtime()?.block_on(doctor::print(given, is_json, out)),
        Word::Plan(at) => plan::print(&AgentConfig::load(&at.config)?, is_json, out),
        Word::Read(at) => {
            let config = AgentConfig::load(&at.config)?;
            runtime()?.block_on(read::print(&config, at.device.as_deref(), is_json, out))
        }
        Word::Run(at) => {
            logging::init(logging::Format::Auto)?;
            let config = AgentConfig::load(&at.config)?;
            runtime()?.block_on(Box::pin(forewarn_agent::run(&config, Clock::system())))?;
            Ok(Outcome::Ran)
        }
        Word::Salvage(at) => salvage::run(&AgentConfig::load(&at.config)?, is_json, out),
        Word::Template { word } => match word {
            TemplateWord::Check { folder } => template::check(folder, is_json, out),
            TemplateWord::Scaffold(given) => scaffold::print(given, out),
            TemplateWord::Test { template, target } => {
                runtime()?.block_on(template::test(template, target, is_json, out))
            }
        },
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, std::io::Error> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Tells a person why a command failed, with everything that caused it.
#[expect(clippy::print_stderr, reason = "the one place that speaks to a person at a terminal")]
pub(crate) fn explain(error: &(dyn Error + 'static)) {
    eprintln!("forewarn-edge: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because {error}");
        cause = error.source();
    }
}
