//! How near cases are to a question by words, signals and codes, without votes.

use super::words::Features;
use super::{Match, PastCase, Question, SimilarCases, first};

impl SimilarCases<'_> {
    /// Weighs all texts again, without learning votes.
    pub fn refresh(&mut self) {
        self.index.refresh();
    }

    /// The cases that are most alike by words, signals and codes, nearest first; among equals the
    /// newest. Labels do not vote: what is asked for is the case, not its part.
    #[must_use]
    pub fn nearest(
        &self,
        question: &Question,
        is_wanted: impl Fn(&PastCase) -> bool,
        k: usize,
    ) -> Vec<Match> {
        let asked = self.index.question(&Features::of(&question.text, self.glossary));
        let texts = self.index.likeness(&asked);
        let nearness = self.nearness(question, &texts, asked.is_empty());
        let mut found: Vec<(usize, &PastCase, f64, Option<f64>)> = self
            .cases
            .iter()
            .zip(nearness)
            .enumerate()
            .map(|(place, (case, (near, shape)))| (place, case, near, shape))
            .filter(|(_, case, near, _)| {
                0.0 < *near && question.at.is_none_or(|at| case.at <= at) && is_wanted(case)
            })
            .collect();
        found.sort_by(|a, b| {
            b.2.total_cmp(&a.2).then(b.1.at.cmp(&a.1.at)).then_with(|| a.1.id.cmp(&b.1.id))
        });
        let of = |(case, _, likeness, shape)| Match {
            case,
            score: likeness,
            likeness,
            terms: first(self.index.shared(&asked, case)),
            shape,
        };
        found.into_iter().take(k).map(of).collect()
    }

    /// For each case how near it is by everything that both sides have, and by its shape alone.
    pub(super) fn nearness(
        &self,
        question: &Question,
        texts: &[f64],
        is_wordless: bool,
    ) -> Vec<(f64, Option<f64>)> {
        let of = |(place, case): (usize, &PastCase)| {
            let mut views = Vec::with_capacity(3);
            if !is_wordless && !case.text.is_empty() {
                views.push((TEXT_SHARE, texts.get(place).copied().unwrap_or(0.0)));
            }
            let shape = question.shape.as_ref().zip(case.shape.as_ref());
            let shape = shape.and_then(|(own, other)| own.likeness(other));
            // Squared, a cosine is the share of one shape that the other has too: troubles of one
            // machine have much in common, and what sets them apart must weigh.
            views.extend(shape.map(|it| (SHAPE_SHARE, it.max(0.0).powi(2))));
            if !question.codes.is_empty() && !case.codes.is_empty() {
                let shared = question.codes.iter().filter(|it| case.codes.contains(it)).count();
                #[expect(clippy::cast_precision_loss, reason = "a handful of codes")]
                let ratio = shared as f64 / question.codes.len() as f64;
                views.push((CODES_SHARE, ratio));
            }
            let shares: f64 = views.iter().map(|it| it.0).sum();
            let sum: f64 = views.iter().map(|(share, likeness)| share * likeness).sum();
            (if 0.0 < shares { sum / shares } else { 0.0 }, shape)
        };
        self.cases.iter().enumerate().map(of).collect()
    }
}

/// Shares of words, signal shape and codes in the nearness of two cases, where both have them.
const TEXT_SHARE: f64 = 1.0;
const SHAPE_SHARE: f64 = 1.0;
const CODES_SHARE: f64 = 0.05;
