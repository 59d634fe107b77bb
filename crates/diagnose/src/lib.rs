//! From anomalies to a diagnosis: which trouble belongs together, what may cause it, what to do.
//!
//! [`EpisodeBook`] groups anomalies into episodes. [`diagnose`] is a function of one episode, the
//! failure-mode [`Library`] and the repair history; the same input gives the same words, so a
//! summary can be derived again years later. Every sentence carries its source.
//!
//! Deliberately absent: how a score was computed, whether a ticket opens, clocks and files.
#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod episodes;
pub mod triage;
pub mod case;
pub mod symptom;
pub mod engines;
pub mod library;
pub mod ranking;
pub mod history;
pub mod similar;
pub mod precedents;
pub mod cursors;
pub mod summary;
mod change;
mod figures;
mod naming;
#[cfg(test)]
mod fixtures;

pub use case::{Case, Outlook};
pub use cursors::fault_cursors;
pub use episodes::{Clearing, EpisodeBook, EpisodeChange};
pub use figures::amount;
pub use library::{FailureMode, Library, LibraryError};
pub use precedents::Precedents;
pub use ranking::{CLOSES_ENOUGH, Ranking};
pub use symptom::{Observation, Symptom};
pub use triage::{SensorChange, SensorFault, Taken, TriagePlan, TriageState};

pub use forewarn_vibration::Catalogue;

use forewarn_domain::anomaly::Signal;
use forewarn_domain::cause::RankedCause;
use forewarn_domain::evidence::FaultCursor;
use forewarn_domain::family::Severity;
use forewarn_domain::ticket::{PastRepair, Summary};

/// What is thought of an episode, ready for a ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// How bad: the worst anomaly of the episode.
    pub severity: Severity,
    /// Causes, most likely first; probabilities add up to 1.
    pub causes: Vec<RankedCause>,
    /// Probability of the first cause.
    pub confidence: f64,
    /// Whether enough confirmed closes stand behind the probabilities.
    pub is_history_enough: bool,
    /// Repairs to cite: this device's last three months, older ones, sister machines'.
    pub past_repairs: Vec<PastRepair>,
    /// The root-cause summary in both languages.
    pub summary: Summary,
    /// Contributing signals of all anomalies, heaviest first; weights add up to 1.
    pub signals: Vec<Signal>,
    /// Fault frequencies to mark in the spectrum.
    pub cursors: Vec<FaultCursor>,
}

/// Diagnoses one episode.
#[must_use]
pub fn diagnose(case: &Case<'_>, library: &Library) -> Diagnosis {
    let observations = engines::observe(case);
    let ranking = ranking::rank(case, library, &observations);
    let past = history::look_back(case, library, ranking.leading_code());
    let summary = summary::write(case, library, &ranking, &past);
    Diagnosis {
        severity: case.severity(),
        confidence: ranking.causes.first().map_or(0.0, |it| it.p),
        is_history_enough: ranking.is_history_enough(),
        causes: ranking.causes,
        past_repairs: past.cited,
        summary,
        signals: case.signals(),
        cursors: cursors::marked(case),
    }
}
