//! Brier score, calibration error, and how often the right cause stands first or among three.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forewarn_domain::repair::Outcome;
use forewarn_simulator::Truth;
use serde_json::{Value, json};

use crate::fleet::{Fleet, Ticket};

/// One closed ticket: what was said, and what it was.
pub(crate) struct Close {
    cause: String,
    /// Causes with their probabilities, most likely first.
    said: Vec<(String, f64)>,
    /// The class prior of the same candidates.
    prior: Vec<(String, f64)>,
}

/// Figures over many closes.
pub(crate) struct Score {
    pub(crate) top1: f64,
    pub(crate) top3: f64,
    pub(crate) brier: f64,
    pub(crate) brier_prior: f64,
    pub(crate) ece: f64,
}

impl Close {
    pub(crate) fn of(fleet: &Fleet, told: &Truth, ticket: &Ticket) -> Self {
        let draft = &ticket.draft;
        let device = fleet.plant.device(&draft.key.device).unwrap();
        let kind = device.component(&draft.key.component).kind;
        let class = &device.device.class;
        let candidates = fleet.library.candidates(draft.key.family, &kind, class);
        Self {
            cause: told.cause.clone(),
            said: draft.causes.iter().map(|it| (it.code.clone(), it.p)).collect(),
            prior: candidates.iter().map(|(mode, p)| (mode.code.clone(), *p)).collect(),
        }
    }

    /// What ratios are fitted on: the symptoms, the class prior, and the closes before.
    pub(crate) fn as_json(&self, fleet: &Fleet, ticket: &Ticket, closes: u64) -> Value {
        let key = &ticket.draft.key;
        let device = fleet.plant.device(&key.device).unwrap();
        let kind = device.component(&key.component).kind;
        let records = fleet.closes(closes);
        let of = |is_own: bool| -> Vec<(String, bool)> {
            records
                .iter()
                .filter(|it| match is_own {
                    true => it.device == key.device && it.component == key.component,
                    false => {
                        device.device.siblings.contains(&it.device) && {
                            let sister = fleet.plant.device(&it.device).unwrap();
                            it.component == key.component
                                || sister.component(&it.component).kind == kind
                        }
                    }
                })
                .map(|it| (it.cause.clone().unwrap(), it.outcome == Outcome::Solved))
                .collect()
        };
        json!({
            "truth": self.cause, "family": key.family, "kind": kind, "device": key.device,
            "symptoms": ticket.symptoms, "prior": self.prior, "said": self.said,
            "own": of(true), "sisters": of(false),
        })
    }

    fn place(&self) -> Option<usize> {
        self.said.iter().position(|(code, _)| *code == self.cause)
    }
}

impl Score {
    pub(crate) fn of(closes: &[Close]) -> Self {
        let within = |places: usize| {
            let right = closes.iter().filter(|it| it.place().is_some_and(|at| at < places));
            share(right.count(), closes.len())
        };
        let mean = |of: fn(&Close) -> &[(String, f64)]| {
            closes.iter().map(|it| brier(of(it), &it.cause)).sum::<f64>() / float(closes.len())
        };
        Self {
            top1: within(1),
            top3: within(3),
            brier: mean(|it| &it.said),
            brier_prior: mean(|it| &it.prior),
            ece: calibration_error(closes),
        }
    }

    /// Which causes were taken for which.
    pub(crate) fn table(&self, closes: &[Close]) -> String {
        let mut mixed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for close in closes.iter().filter(|it| it.place() != Some(0)) {
            let first = close.said.first().map_or("", |(code, _)| code.as_str());
            *mixed.entry((&close.cause, first)).or_default() += 1;
        }
        let mut text = String::from("taken for another cause (was, said, times):\n");
        for ((was, said), times) in mixed {
            writeln!(text, "  {was:28} {said:28} {times}").unwrap();
        }
        text
    }
}

/// Squared distance between what was said and what it was, over all causes (Brier 1950, in its form
/// for several classes). A cause that was not named counts with probability 0.
fn brier(said: &[(String, f64)], cause: &str) -> f64 {
    let is_named = said.iter().any(|(code, _)| code == cause);
    let miss: f64 =
        said.iter().map(|(code, p)| (p - f64::from(u8::from(code == cause))).powi(2)).sum();
    miss + if is_named { 0.0 } else { 1.0 }
}

/// Expected calibration error of the first cause over ten bins of equal width (Naeini 2015).
fn calibration_error(closes: &[Close]) -> f64 {
    let mut bins = [(0_usize, 0_usize, 0.0_f64); 10];
    for close in closes {
        let Some((code, p)) = close.said.first() else { continue };
        let bin = (0..10_u8).rev().find(|it| f64::from(*it) / 10.0 <= *p).unwrap_or(0);
        let (count, right, sum) = &mut bins[usize::from(bin)];
        *count += 1;
        *right += usize::from(*code == close.cause);
        *sum += p;
    }
    let off = |(count, right, sum): (usize, usize, f64)| {
        (float(right) - sum).abs() * f64::from(u8::from(0 < count))
    };
    bins.into_iter().map(off).sum::<f64>() / float(closes.len())
}

pub(crate) fn share(part: usize, whole: usize) -> f64 {
    float(part) / float(whole.max(1))
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
