//! Many questions against one history, each seeing only what was known at its time.

use forewarn_domain::time::Time;

use super::{Answer, Glossary, PastCase, Question, SimilarCases};

/// Answers questions, each with up to `k` cases, in the order in which they were given.
///
/// The walk goes forward in time: votes and rarities are learned from cases before the question
/// only, again whenever a tenth has come on top. Cases of the very same time are found but not
/// learned from. A question without a time sees everything but its own record. `told` hears how
/// many questions are answered.
pub fn answer_in_time(
    glossary: &Glossary,
    mut cases: Vec<PastCase>,
    questions: &[Question],
    k: usize,
    mut told: impl FnMut(usize),
) -> Vec<(Answer, Vec<PastCase>)> {
    cases.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| b.id.cmp(&a.id)));
    let mut order: Vec<(Option<Time>, usize)> =
        questions.iter().enumerate().map(|(place, it)| (it.at, place)).collect();
    // Whoever has no time comes last and sees all.
    order.sort_by_key(|(at, place)| (at.is_none(), *at, *place));
    let mut known = SimilarCases::new(glossary);
    let mut answers: Vec<(Answer, Vec<PastCase>)> = vec![Default::default(); questions.len()];
    for (answered, (at, place)) in order.into_iter().enumerate() {
        take(&mut known, &mut cases, |it| at.is_none_or(|at| it.at < at));
        let (len, learned) = known.sizes();
        if learned < len && (at.is_none() || learned * 11 <= len * 10) {
            known.learn();
        }
        take(&mut known, &mut cases, |it| at.is_none_or(|at| it.at <= at));
        if let (Some(question), Some(slot)) = (questions.get(place), answers.get_mut(place)) {
            let answer = known.ask(question, k);
            let cited = answer.cases.iter().filter_map(|it| known.case(it.case).cloned()).collect();
            *slot = (answer, cited);
        }
        told(answered + 1);
    }
    answers
}

/// Moves the earliest cases over while they fit; `cases` is sorted latest first.
fn take(known: &mut SimilarCases<'_>, cases: &mut Vec<PastCase>, fits: impl Fn(&PastCase) -> bool) {
    while let Some(case) = cases.pop_if(|it| fits(it)) {
        known.push(case);
    }
}
