//! What can be typed after `forewarn detect`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use forewarn_detect::monitor::Judge;

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// A table with one row for each moment (also .gz).
    #[arg(long, required_unless_present = "stream")]
    pub(crate) csv: Option<PathBuf>,
    /// A folder of such tables (and of its folders), taken as one series in the order of time:
    /// learned once, at the head. A file named by --csv joins them.
    #[arg(long, value_name = "DIR")]
    pub(crate) stream: Option<PathBuf>,
    /// The column that says when.
    #[arg(long)]
    pub(crate) time_column: String,
    /// What stands between two cells.
    #[arg(long, default_value_t = ',')]
    pub(crate) separator: char,
    /// Rows at the head from which the normal is learned.
    #[arg(long, required_unless_present = "model")]
    pub(crate) learn_rows: Option<usize>,
    /// Judges by the model in force of this folder instead of learning.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["learn_rows", "keep_model", "monitor"])]
    pub(crate) model: Option<PathBuf>,
    /// Keeps what was learned in this folder, with a card; see `forewarn model`.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep_model: Option<PathBuf>,
    /// Columns that are no signals, e.g. labels.
    #[arg(long, value_delimiter = ',')]
    pub(crate) ignore_columns: Vec<String>,
    /// Which monitor decides; what each is worth stands in docs/detection.md.
    #[arg(long, value_enum, default_value_t = Monitor::Adaptive)]
    pub(crate) monitor: Monitor,
    /// Adds a column `explanation`: reason, leading signal and contributions as JSON.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Where the result is written.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// JSON lines on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    /// Rows to learn from; none where a model says what is normal.
    pub(crate) fn learn_rows(&self) -> usize {
        self.learn_rows.unwrap_or(0)
    }
}

/// The names of the monitors.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Monitor {
    /// Distance from a slow reference of each signal.
    Adaptive,
    /// Largest distance from the learned middle.
    Fixed,
    /// Unlike all remembered rows (AAKR).
    Similar,
    /// Along and off the plane of the signals (T², Q).
    Plane,
    /// Far from every cluster of the learning rows (k-means).
    Clusters,
    /// Outside the boundary of the learning rows (one-class support vector machine).
    Boundary,
}

impl From<Monitor> for Judge {
    fn from(name: Monitor) -> Self {
        match name {
            Monitor::Adaptive => Self::Adaptive,
            Monitor::Fixed => Self::Fixed,
            Monitor::Similar => Self::Similar,
            Monitor::Plane => Self::Plane,
            Monitor::Clusters => Self::Clusters,
            Monitor::Boundary => Self::Boundary,
        }
    }
}
