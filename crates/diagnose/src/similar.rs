//! Similar cases: past repairs that read, are coded, or look in the signals like a present trouble.
//!
//! A function of the records that were pushed: no clock, no chance. Texts count by letter groups,
//! stems and the notions of a glossary, which also carries a question from one language to the other;
//! codes (device, class, family) and signal shapes count where both sides have them. Parts and
//! failure modes are guessed by learned votes of the records, and every match says which words it
//! rests on. A question with a time sees no later record, and never the record that it is itself.
//!
//! Deliberately absent: files and stores; what a ticket says about the matches.

mod glossary;
mod index;
mod near;
mod votes;
mod walk;
mod words;

use std::collections::HashMap;

use forewarn_domain::repair::{Outcome, RepairRecord};
use forewarn_domain::shape::Shape;
use forewarn_domain::time::Time;

pub use glossary::{Glossary, GlossaryError, Notion};
pub use walk::answer_in_time;

use index::TermIndex;
use votes::Votes;
use words::Features;

/// A past repair as far as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCase {
    /// Under which it is cited.
    pub id: String,
    /// When.
    pub at: Time,
    /// The device's id.
    pub device: String,
    /// What was observed, in the words of whoever wrote it.
    pub text: String,
    /// Codes as `key=value`: `device=mill-01`, `class=cnc-mill`, `component=spindle`.
    pub codes: Vec<String>,
    /// The part in trouble.
    pub part: Option<String>,
    /// How it failed.
    pub failure_mode: Option<String>,
    /// Whether the repair helped.
    pub outcome: Outcome,
    /// How it looked in the signals.
    pub shape: Option<Shape>,
}

impl PastCase {
    /// A record of this plant: its component is the part, its cause the failure mode.
    #[must_use]
    pub fn of_record(record: &RepairRecord) -> Self {
        Self {
            id: record.id.to_string(),
            at: record.at,
            device: record.device.to_string(),
            text: record.text.clone(),
            codes: vec![format!("device={}", record.device)],
            part: Some(record.component.to_string()),
            failure_mode: record.cause.clone(),
            outcome: record.outcome,
            shape: None,
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// The words, possibly none.
    pub text: String,
    /// Codes as in [`PastCase::codes`].
    pub codes: Vec<String>,
    /// How it looks in the signals.
    pub shape: Option<Shape>,
    /// Its own record, which is no answer.
    pub id: Option<String>,
    /// Records after this time are not looked at.
    pub at: Option<Time>,
}

/// What is known about a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Similar cases, the likeliest part first: the nearest case of each likely part, then further
    /// near ones. Five cases thus show five ways it may be, not one five times.
    pub cases: Vec<Match>,
    /// Guessed parts, likeliest first.
    pub parts: Vec<Guess>,
    /// Guessed failure modes, likeliest first.
    pub failure_modes: Vec<Guess>,
}

/// A similar case.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Its place in the order in which cases were pushed.
    pub case: usize,
    /// How sure its part is, 0 to 1; without parts, its failure mode; without both, the likeness.
    pub score: f64,
    /// How alike the two are, 0 to 1.
    pub likeness: f64,
    /// Words and notions that both share, with their part of the likeness of the texts.
    pub terms: Vec<(String, f64)>,
    /// How alike the signals are, -1 to 1, where both have them.
    pub shape: Option<f64>,
}

/// A label with its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// The part or failure mode.
    pub label: String,
    /// 0 to 1; one half is the border of yes and no. Scores of several labels do not add up to 1.
    pub score: f64,
}

/// Past cases, ready to be asked.
#[derive(Clone, Debug)]
pub struct SimilarCases<'g> {
    glossary: &'g Glossary,
    cases: Vec<PastCase>,
    index: TermIndex,
    parts: Kind,
    failure_modes: Kind,
}

/// One kind of label.
#[derive(Clone, Debug, Default)]
struct Kind {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    /// The label of each case.
    of: Vec<Option<usize>>,
    votes: Votes,
}

impl<'g> SimilarCases<'g> {
    /// No cases yet.
    #[must_use]
    pub fn new(glossary: &'g Glossary) -> Self {
        Self {
            glossary,
            cases: Vec::new(),
            index: TermIndex::default(),
            parts: Kind::default(),
            failure_modes: Kind::default(),
        }
    }

    /// Adds a case. It is found at once; until the next [`SimilarCases::learn`] it votes for its own
    /// labels with a fixed weight.
    pub fn push(&mut self, case: PastCase) {
        self.index.push(&Features::of(&case.text, self.glossary));
        self.parts.push(case.part.as_deref());
        self.failure_modes.push(case.failure_mode.as_deref());
        self.cases.push(case);
    }

    /// Weighs all texts again and learns the votes of all cases: seconds for thousands of them.
    pub fn learn(&mut self) {
        self.index.refresh();
        self.parts.learn(&self.index);
        self.failure_modes.learn(&self.index);
    }

    /// How many cases there are, and from how many the votes were learned.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        (self.cases.len(), self.parts.votes.len())
    }

    /// A case by its place.
    #[must_use]
    pub fn case(&self, place: usize) -> Option<&PastCase> {
        self.cases.get(place)
    }

    /// Answers a question with up to `k` cases.
    #[must_use]
    pub fn ask(&self, question: &Question, k: usize) -> Answer {
        let is_known = |place: usize| {
            self.cases.get(place).is_some_and(|case| {
                question.at.is_none_or(|at| case.at <= at)
                    && question.id.as_ref().is_none_or(|id| case.id != *id)
            })
        };
        let asked = self.index.question(&Features::of(&question.text, self.glossary));
        let texts = self.index.likeness(&asked);
        let nearness = self.nearness(question, &texts, asked.is_empty());
        let near: Vec<f64> = nearness.iter().map(|it| it.0).collect();
        let parts = self.parts.scores(&near, is_known);
        let failure_modes = self.failure_modes.scores(&near, is_known);
        let leading = if parts.is_empty() {
            (&self.failure_modes, &failure_modes)
        } else {
            (&self.parts, &parts)
        };
        let mut chosen = choose(leading.0, leading.1, &near, &is_known, k);
        chosen.sort_by(|a, b| b.1.total_cmp(&a.1));
        let cases = chosen
            .into_iter()
            .map(|(case, score)| Match {
                case,
                score,
                likeness: near.get(case).copied().unwrap_or(0.0),
                terms: first(self.index.shared(&asked, case)),
                shape: nearness.get(case).and_then(|it| it.1),
            })
            .collect();
        Answer {
            cases,
            parts: self.parts.ranked(&parts),
            failure_modes: self.failure_modes.ranked(&failure_modes),
        }
    }
}

impl Kind {
    fn push(&mut self, label: Option<&str>) {
        let label = label.map(|name| {
            *self.numbers.entry(name.to_owned()).or_insert_with(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            })
        });
        self.of.push(label);
    }

    fn learn(&mut self, index: &TermIndex) {
        self.votes = Votes::learn(index.vectors(), &self.of, self.names.len(), index.terms_len());
    }

    /// A score for each label, 0 to 1; 0 for a label that no known case bears.
    fn scores(&self, near: &[f64], is_known: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut margins = self.votes.scores(near, &is_known);
        margins.resize(self.names.len(), -1.0);
        let mut is_borne = vec![false; self.names.len()];
        for (place, label) in self.of.iter().enumerate() {
            let Some(label) = *label else { continue };
            if !is_known(place) {
                continue;
            }
            if let Some(borne) = is_borne.get_mut(label) {
                *borne = true;
            }
            if self.votes.len() <= place
                && let Some(margin) = margins.get_mut(label)
            {
                *margin += FRESH_VOTE * near.get(place).copied().unwrap_or(0.0);
            }
        }
        let score = |(margin, borne): (f64, bool)| {
            if borne { 1.0 / (1.0 + (-STEEPNESS * margin).exp()) } else { 0.0 }
        };
        margins.into_iter().zip(is_borne).map(score).collect()
    }

    fn ranked(&self, scores: &[f64]) -> Vec<Guess> {
        let mut guesses: Vec<Guess> = self
            .names
            .iter()
            .zip(scores)
            .filter(|(_, score)| 0.0 < **score)
            .map(|(label, score)| Guess { label: label.clone(), score: *score })
            .collect();
        guesses.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.label.cmp(&b.label)));
        guesses.truncate(GUESSES_MAX);
        guesses
    }
}

/// The nearest known case of each of the `k` likeliest labels, then the nearest of the rest.
fn choose(
    kind: &Kind,
    scores: &[f64],
    near: &[f64],
    is_known: &impl Fn(usize) -> bool,
    k: usize,
) -> Vec<(usize, f64)> {
    let mut places: Vec<usize> = (0..near.len())
        .filter(|it| is_known(*it) && near.get(*it).is_some_and(|n| 0.0 < *n))
        .collect();
    let nearness = |place: &usize| near.get(*place).copied().unwrap_or(0.0);
    places.sort_by(|a, b| nearness(b).total_cmp(&nearness(a)).then(a.cmp(b)));
    let mut nearest: HashMap<usize, usize> = HashMap::new();
    for place in &places {
        if let Some(label) = kind.of.get(*place).copied().flatten() {
            nearest.entry(label).or_insert(*place);
        }
    }
    let mut labels: Vec<(usize, usize)> = nearest.into_iter().collect();
    let score = |label: usize| scores.get(label).copied().unwrap_or(0.0);
    labels.sort_by(|a, b| score(b.0).total_cmp(&score(a.0)).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<(usize, f64)> =
        labels.into_iter().take(k).map(|(label, place)| (place, score(label))).collect();
    for place in places {
        if k <= chosen.len() {
            break;
        }
        if chosen.iter().all(|it| it.0 != place) {
            let label = kind.of.get(place).copied().flatten();
            let sure = label.map_or_else(|| nearness(&place), score);
            chosen.push((place, sure.min(nearness(&place))));
        }
    }
    chosen
}

fn first(mut terms: Vec<(String, f64)>) -> Vec<(String, f64)> {
    terms.truncate(TERMS_MAX);
    terms
}

/// Vote of a case that came after the last learning, for its own labels.
const FRESH_VOTE: f64 = 1.0;

/// How fast a score rises with the margin.
const STEEPNESS: f64 = 2.0;

/// Guesses of a kind that are told.
const GUESSES_MAX: usize = 10;

/// Shared words that are told.
const TERMS_MAX: usize = 6;

#[cfg(test)]
mod tests;
