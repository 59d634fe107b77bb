//! Rules, what is wrong with a text of them, and what a run over stored history found.
//!
//! The server fills these; a report is stored as it stands here, so fields may only be added.

use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TextView;

/// What a text of rules says, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RuleCheckView {
    /// Nothing when the text can come into force.
    pub problems: Vec<RuleProblemView>,
    /// Its rules, as far as it could be read.
    pub rules: Vec<RuleFactsView>,
}

/// One thing that is wrong with a text of rules.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleProblemView {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The rule that it concerns.
    pub rule: Option<String>,
    /// What is wrong and what to write instead.
    pub detail: TextView,
}

/// A rule of a text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleFactsView {
    /// Its id.
    pub id: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// `baseline`, `limit` and the like.
    pub kind: String,
    /// Whether it runs without opening tickets.
    pub is_shadow: bool,
    /// `watch`, `warning` or `alarm`.
    pub severity: String,
    /// What kind of trouble it points to.
    pub fault_family: String,
    /// What it looks at: quantities and channel patterns.
    pub looks_at: Vec<String>,
    /// Operating states in which it looks; `null` for all.
    pub states: Option<Vec<String>>,
    /// The devices on which it has at least one channel.
    pub devices: Vec<String>,
    /// On how many channels it works.
    pub channels: usize,
    /// Its own lines of the text.
    pub toml: String,
}

/// What a run of rules over stored history found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct TrialReportView {
    /// From when findings count.
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Time,
    /// From when readings were taken, to learn what is normal.
    #[schema(value_type = String, format = DateTime)]
    pub learned_from: Time,
    /// Readings that were evaluated, for each side.
    pub readings: u64,
    /// Captured waveforms that were evaluated, for each side.
    pub bursts: u64,
    /// The devices that were run: those on which a changed rule looks, or all.
    pub devices: Vec<String>,
    /// Rules that differ.
    pub changed_rules: Vec<String>,
    /// The rules in force.
    pub base: TrialSideView,
    /// The candidate rules.
    pub candidate: TrialSideView,
    /// Found by the rules in force and no longer by the candidate.
    pub gone: Vec<FindingView>,
    /// Found only by the candidate.
    pub new: Vec<FindingView>,
    /// Found by both.
    pub kept: Vec<KeptView>,
    /// Confirmed faults that the candidate loses.
    pub lost: Vec<FindingView>,
    /// Of what people said.
    pub judged: JudgedView,
    /// Episodes that were recorded live in that time, and how many of them the rules in force found
    /// again here under the same id.
    pub recorded: u32,
    /// See `recorded`.
    pub reproduced: u32,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct TrialSideView {
    /// Version of the rules; 0 for rules that have none yet.
    pub version: i64,
    /// Anomalies found, each of which is a ticket or joins one.
    pub found: u32,
    /// The same for a week.
    pub per_week: f64,
    /// Of those that people judged, how many are real, 0 to 1.
    pub precision: Option<f64>,
    /// Of the confirmed faults, how many are found, 0 to 1.
    pub recall: Option<f64>,
}

/// An anomaly that a run found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct FindingView {
    /// The id that the rules gave it.
    pub id: String,
    /// Where.
    pub device: String,
    /// On which part.
    pub component: String,
    /// Of which family.
    pub fault_family: String,
    /// The rule that found it first.
    pub rule: String,
    /// Its leading channel.
    pub channel: String,
    /// In which operating state.
    pub state: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub onset: Time,
    /// When it was established.
    #[schema(value_type = String, format = DateTime)]
    pub confirmed: Time,
    /// What people said of it: `confirmed` or `rejected`.
    pub judgement: Option<String>,
}

/// An anomaly that both sides found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct KeptView {
    /// As the candidate found it.
    pub finding: FindingView,
    /// How much later the candidate establishes it, in seconds; negative is sooner.
    pub later_s: f64,
}

/// What people said, and how the two sides stand to it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct JudgedView {
    /// Confirmed faults in that time, whoever found them.
    pub confirmed: u32,
    /// How many of them the rules in force find.
    pub confirmed_in_base: u32,
    /// How many of them the candidate finds.
    pub confirmed_in_candidate: u32,
    /// Rejected anomalies in that time.
    pub rejected: u32,
    /// How many of them the rules in force find.
    pub rejected_in_base: u32,
    /// How many of them the candidate still finds.
    pub rejected_in_candidate: u32,
}
