//! How much the word of each past record counts for and against a label.
//!
//! For each label a linear support vector machine with squared hinge loss, in its dual form, by
//! coordinate descent (Hsieh et al., *A dual coordinate descent method for large-scale linear SVM*,
//! ICML 2008). The dual weights are votes of records: a label's score is the sum of votes times
//! likeness, so every guess can name the records that it rests on. Fixed order, no chance.

use super::index::Vector;

/// Votes of the records for one kind of label (parts, or failure modes).
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    /// For each record its votes: label and weight, negative against.
    of: Vec<Vec<(usize, f64)>>,
    /// The sum of the votes for each label; times [`BIAS_SQUARE`] its score for a foreign text.
    sums: Vec<f64>,
}

impl Votes {
    /// Learns from records with their labels; `labels` numbers go from 0 to below `labels_len`.
    pub(super) fn learn(
        vectors: &[Vector],
        labels: &[Option<usize>],
        labels_len: usize,
        terms_len: usize,
    ) -> Self {
        let records: Vec<usize> =
            (0..vectors.len()).filter(|it| labels.get(*it).copied().flatten().is_some()).collect();
        let mut votes = Self { of: vec![Vec::new(); vectors.len()], sums: vec![0.0; labels_len] };
        let mut plane = vec![0.0_f32; terms_len];
        for label in 0..labels_len {
            let is_member = |record: usize| labels.get(record).copied().flatten() == Some(label);
            let side = |record: usize| if is_member(record) { 1.0 } else { -1.0 };
            let voter = |record: &usize| {
                let vector = vectors.get(*record)?;
                Some(Voter { record: *record, vector, side: side(*record), weight: 0.0 })
            };
            let voters: Vec<Voter<'_>> = records.iter().filter_map(voter).collect();
            for voter in separate(voters, &mut plane) {
                let vote = f64::from(voter.weight * voter.side);
                if let (Some(own), Some(sum)) =
                    (votes.of.get_mut(voter.record), votes.sums.get_mut(label))
                {
                    own.push((label, vote));
                    *sum += vote;
                }
            }
        }
        votes
    }

    /// Scores of all labels for a question: above 0 rather yes, below rather no. Records that
    /// `is_known` refuses do not vote; those that are left on their side stand in for them, since
    /// for and against a label were balanced when all of them voted.
    pub(super) fn scores(&self, likeness: &[f64], is_known: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut scores: Vec<f64> = self.sums.iter().map(|sum| sum * BIAS_SQUARE).collect();
        let share = self.known_share(&is_known);
        for (record, votes) in self.of.iter().enumerate() {
            if !is_known(record) {
                continue;
            }
            let alike = likeness.get(record).copied().unwrap_or(0.0);
            for (label, vote) in votes.iter().filter(|(_, vote)| *vote != 0.0) {
                if let (Some(score), Some(share)) = (scores.get_mut(*label), share.get(*label)) {
                    *score += vote * alike / share.of(*vote);
                }
            }
        }
        scores
    }

    /// For each label, how much of the votes for it and against it comes from known records.
    fn known_share(&self, is_known: impl Fn(usize) -> bool) -> Vec<Share> {
        let mut all = vec![Share::default(); self.sums.len()];
        let mut known = all.clone();
        for (record, votes) in self.of.iter().enumerate() {
            let weight = if is_known(record) { 1.0 } else { 0.0 };
            for (label, vote) in votes {
                let (Some(all), Some(known)) = (all.get_mut(*label), known.get_mut(*label)) else {
                    continue;
                };
                all.add(*vote);
                known.add(weight * vote);
            }
        }
        let share = |(known, all): (&Share, &Share)| Share {
            pro: if all.pro == 0.0 { 1.0 } else { known.pro / all.pro },
            contra: if all.contra == 0.0 { 1.0 } else { known.contra / all.contra },
        };
        known.iter().zip(&all).map(share).collect()
    }

    /// How many records it has learned from.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }
}

/// Votes for and against a label, each as a sum or as a part of one.
#[derive(Clone, Debug, Default)]
struct Share {
    pro: f64,
    contra: f64,
}

impl Share {
    fn add(&mut self, vote: f64) {
        if 0.0 < vote {
            self.pro += vote;
        } else {
            self.contra += vote;
        }
    }

    fn of(&self, vote: f64) -> f64 {
        if 0.0 < vote { self.pro } else { self.contra }
    }
}

struct Voter<'a> {
    record: usize,
    vector: &'a Vector,
    side: f32,
    weight: f32,
}

/// Finds the weights; who votes in the end is returned, `plane` is left at zero.
fn separate<'a>(mut voters: Vec<Voter<'a>>, plane: &mut [f32]) -> Vec<Voter<'a>> {
    let mut bias = 0.0_f32;
    let mut order: Vec<usize> = (0..voters.len()).collect();
    let mut is_whole = true;
    for pass in 0..PASSES_MAX {
        let mut worst = 0.0_f32;
        mix(&mut order, pass);
        order.retain(|place| {
            let Some(voter) = voters.get_mut(*place) else { return false };
            let gradient = voter.side * (dot(voter.vector, plane) + bias * BIAS) - 1.0
                + voter.weight * SOFTNESS;
            if voter.weight <= 0.0 && 0.0 <= gradient {
                // Far on the right side: not asked again until the rest agrees.
                return gradient < FAR;
            }
            worst = worst.max(gradient.abs());
            let weight = (voter.weight - gradient / (1.0 + BIAS * BIAS + SOFTNESS)).max(0.0);
            let step = (weight - voter.weight) * voter.side;
            voter.weight = weight;
            bias += step * BIAS;
            for (term, part) in voter.vector {
                if let Some(sum) = plane.get_mut(*term as usize) {
                    *sum += step * part;
                }
            }
            true
        });
        if worst < TOLERANCE {
            if is_whole {
                break;
            }
            order = (0..voters.len()).collect();
            is_whole = true;
        } else {
            is_whole = order.len() == voters.len();
        }
    }
    for (term, _) in voters.iter().flat_map(|it| it.vector) {
        if let Some(sum) = plane.get_mut(*term as usize) {
            *sum = 0.0;
        }
    }
    voters.retain(|it| 0.0 < it.weight);
    voters
}

/// Another order for each pass, the same in every run: going round always the same way takes ten
/// times as many passes. A linear congruential step (Knuth, *TAOCP* 2, 3.3.4) draws the places.
fn mix(order: &mut [usize], pass: u32) {
    let mut drawn = u64::from(pass) + 1;
    for last in (1..order.len()).rev() {
        drawn =
            drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from(drawn >> 33).map_or(0, |it| it % (last + 1));
        order.swap(last, place);
    }
}

fn dot(vector: &Vector, plane: &[f32]) -> f32 {
    vector.iter().map(|(term, part)| part * plane.get(*term as usize).unwrap_or(&0.0)).sum()
}

/// 1 / (2 C) with C = 1.3: chosen among C = 0.5, 0.7, 1, 2 (for vectors of length 1.37) by
/// cross-validation, which hardly minds.
const SOFTNESS: f32 = 1.0 / 2.6;

/// The constant term by which a label may lie away from the origin.
const BIAS: f32 = 0.73;

const BIAS_SQUARE: f64 = 0.73 * 0.73;

/// The largest error of a margin that is left.
const TOLERANCE: f32 = 0.1;

/// Beyond this distance on the right side a record is left out of most passes.
const FAR: f32 = 0.3;

/// Typical are 10 to 30.
const PASSES_MAX: u32 = 300;
