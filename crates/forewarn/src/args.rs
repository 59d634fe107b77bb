//! What can be typed after `forewarn`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Watches machines, and opens a maintenance ticket with a reason before they fail.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) word: Word,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Word {
    /// The audit trail: check that nobody altered it, or export it.
    Audit(crate::audit::Options),
    /// A recorded folder through the same engine, scored against what failed.
    Backtest(BacktestOptions),
    /// Site, templates and rules as versioned texts: export, diff, apply.
    Config(ConfigOptions),
    /// A simulated plant with real traffic, the agent, the server and the page, in one process.
    Demo(DemoOptions),
    /// Recorded signals of one machine: alarm, change point and score of every row.
    Detect(Box<crate::detect::Options>),
    /// A recorded waveform: which part of the machine is damaged, at which frequency, and why.
    Diagnose(Box<crate::diagnose::Options>),
    /// A ticket's reasons, derived again from what is stored: equal to what it said, or not.
    Explain(crate::explain::Options),
    /// Past repairs: take over a table of another system, look up similar cases.
    History(HistoryOptions),
    /// Fitted monitors with their cards: list them, put another version into force.
    Model(crate::models::Options),
    /// Recorded data through the same engine, in event time: which tickets it would have opened.
    Replay(ReplayOptions),
    /// The server of a real plant.
    Serve(ServeOptions),
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct DemoOptions {
    /// Moves the faults to other machines and bearing races.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the page is served; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,
    /// Keeps everything in this folder; without it a temporary one is used and removed at the end.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Readings store: `influx://host:port/database` or `victoria://host:port` instead of the embedded one.
    #[arg(long)]
    pub(crate) store: Option<String>,
    /// Writes what was injected, as JSON.
    #[arg(long)]
    pub(crate) truth: Option<PathBuf>,
    /// Without a hint to open the page.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Ends once this many tickets were open for the settle time; exit 0 only when they are exactly the injected faults.
    #[arg(long)]
    pub(crate) until_tickets: Option<usize>,
    /// How long to go on after the last expected ticket, so that a surplus one would show.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) settle: Duration,
    /// Gives up after this long.
    #[arg(long, default_value = "300s", value_parser = duration)]
    pub(crate) limit: Duration,
    /// JSON lines on stdout.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes the files of the demo plant to a folder and ends: the start for a plant of your own.
    #[arg(long, value_name = "DIR")]
    pub(crate) write_config: Option<PathBuf>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ReplayOptions {
    /// Site file; its templates lie in `devices/` beside it.
    #[arg(long)]
    pub(crate) site: PathBuf,
    /// Recorded file (also .gz); several are taken one after another.
    #[arg(long, required = true, num_args = 1..)]
    pub(crate) csv: Vec<PathBuf>,
    /// Rules to use instead of the shipped ones.
    #[arg(long)]
    pub(crate) rules: Option<PathBuf>,
    /// `max`, or a factor such as `60x`.
    #[arg(long, default_value = "max", value_parser = speed)]
    pub(crate) speed: Speed,
    /// Passes the readings through a store first: `chunks:DIR` or `influx://host:port/database`.
    #[arg(long)]
    pub(crate) store: Option<String>,
    /// JSON lines on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct BacktestOptions {
    /// Site file; its `[import]` says what lies where in the folder.
    #[arg(long)]
    pub(crate) site: PathBuf,
    /// Folder of readings, and of events, repairs and failures where there are any.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Rules to try: scored, and compared with those in force.
    #[arg(long)]
    pub(crate) rules: Option<PathBuf>,
    /// Names for each missed failure the stored signal that moved first.
    #[arg(long)]
    pub(crate) mine: bool,
    /// Among how many people of a shift the tickets are shared.
    #[arg(long, default_value_t = 1)]
    pub(crate) people: u32,
    /// JSON lines on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ConfigOptions {
    /// The server's own settings.
    #[arg(long)]
    pub(crate) config: PathBuf,
    #[command(subcommand)]
    pub(crate) word: ConfigWord,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigWord {
    /// Writes what is in force to a folder.
    Export {
        /// The folder.
        #[arg(long)]
        to: PathBuf,
    },
    /// Shows what a folder would change; exit code 4 when it would.
    Diff {
        /// The folder.
        #[arg(long)]
        from: PathBuf,
    },
    /// Puts the texts of a folder into force as new versions.
    Apply {
        /// The folder.
        #[arg(long)]
        from: PathBuf,
        /// Who answers for it.
        #[arg(long)]
        author: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ServeOptions {
    /// The server's own settings.
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Allows plain http off loopback, visibly; for a laboratory only.
    #[arg(long)]
    pub(crate) insecure_lab: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct HistoryOptions {
    #[command(subcommand)]
    pub(crate) word: HistoryWord,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum HistoryWord {
    /// Takes the rows of a table over as repair records; exit code 3 when rows were left out.
    Import(ImportOptions),
    /// Finds past cases like a trouble in words, the likely part and failure mode, and repeats.
    Similar(SimilarOptions),
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ImportOptions {
    /// The table (also .gz).
    #[arg(long)]
    pub(crate) csv: PathBuf,
    /// Which column is what; see docs/history.md.
    #[arg(long)]
    pub(crate) map: PathBuf,
    /// Only tells what would be taken over.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Records file; it is made when it is not there.
    #[arg(long, default_value = "records.db")]
    pub(crate) db: PathBuf,
    /// JSON lines on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct SimilarOptions {
    /// Records file.
    #[arg(long)]
    pub(crate) db: PathBuf,
    /// What was observed, in either language.
    #[arg(long, required_unless_present = "query", conflicts_with = "query")]
    pub(crate) text: Option<String>,
    /// On which device: its id, or its name at the source.
    #[arg(long, requires = "text")]
    pub(crate) device: Option<String>,
    /// On which part; only for the list of repeats, the guess does not look at it.
    #[arg(long, requires = "text")]
    pub(crate) part: Option<String>,
    /// When; later records are not looked at.
    #[arg(long, requires = "text")]
    pub(crate) date: Option<String>,
    /// Its own record, which is no answer.
    #[arg(long, requires = "text")]
    pub(crate) id: Option<String>,
    /// A table of questions, one answer a row: columns by --map, else `text,device,date,id,part`.
    #[arg(long)]
    pub(crate) query: Option<PathBuf>,
    /// Map of the table of questions.
    #[arg(long, requires = "query")]
    pub(crate) map: Option<PathBuf>,
    /// Looks only at what was imported from this source.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// How many cases.
    #[arg(short, long, default_value_t = 5)]
    pub(crate) k: usize,
    /// JSON lines on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How fast recorded time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// As fast as the machine can.
    Max,
    /// So many times as fast as it was recorded.
    Times(f64),
}

fn duration(text: &str) -> Result<Duration, forewarn_domain::time::InvalidSpan> {
    text.parse::<forewarn_domain::time::Span>().map(forewarn_domain::time::Span::to_std)
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.strip_suffix('x').and_then(|it| it.parse::<f64>().ok()) {
        Some(times) if times.is_finite() && 0.0 < times => Ok(Speed::Times(times)),
        _ => Err(format!("`{text}` is no speed; write max, or a factor such as 60x")),
    }
}
