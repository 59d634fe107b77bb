//! The root-cause summary as it goes out.

use forewarn_domain::ticket::{Sentence, Summary};
use serde::Serialize;
use utoipa::ToSchema;

use super::TextView;

/// The root-cause summary, sentence by sentence.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BriefView {
    /// What and how sure.
    pub headline: TextView,
    /// How urgent.
    pub urgency: TextView,
    /// What is seen.
    pub observations: Vec<SentenceView>,
    /// What did not change.
    pub unchanged: Vec<SentenceView>,
    /// What this machine and its sisters had before.
    pub history: Vec<SentenceView>,
    /// What happens if nothing is done.
    pub consequence: Option<SentenceView>,
    /// What to do first, in order.
    pub actions: Vec<SentenceView>,
    /// Data quality, rule and hash.
    pub footer: Vec<SentenceView>,
}

impl From<&Summary> for BriefView {
    fn from(summary: &Summary) -> Self {
        let sentences = |all: &[Sentence]| all.iter().map(SentenceView::from).collect();
        Self {
            headline: (&summary.headline).into(),
            urgency: (&summary.urgency).into(),
            observations: sentences(&summary.observations),
            unchanged: sentences(&summary.unchanged),
            history: sentences(&summary.history),
            consequence: summary.consequence.as_ref().map(SentenceView::from),
            actions: sentences(&summary.actions),
            footer: sentences(&summary.footer),
        }
    }
}

/// A sentence with the place where it can be checked.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SentenceView {
    /// The sentence.
    pub text: TextView,
    /// A channel, waveform hash, repair id, rule or standard.
    pub source: String,
}

impl From<&Sentence> for SentenceView {
    fn from(sentence: &Sentence) -> Self {
        Self { text: (&sentence.text).into(), source: sentence.source.clone() }
    }
}
