//! Which causes are likely, from counts and likelihoods that can be shown.
//!
//! Prior of the class ← closes of sister machines ← closes of this device (partial pooling), times
//! the likelihood ratios of what was observed. Without history the prior stands, and
//! [`Ranking::is_history_enough`] says so.

use std::collections::BTreeMap;

use forewarn_domain::cause::RankedCause;
use forewarn_domain::repair::{Outcome, RepairRecord};
use forewarn_domain::text::Localized;

use crate::case::Case;
use crate::library::{Blanks, Calibration, DecidingTest, FailureMode, Library, OTHER};
use crate::symptom::Observation;

/// Ranked causes and what they rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Most likely first; probabilities add up to 1, `other` included.
    pub causes: Vec<RankedCause>,
    /// Confirmed closes on this device among the causes looked at.
    pub device_closes: u32,
    /// Confirmed closes on sister machines.
    pub sibling_closes: u32,
    /// The cheapest action that separates the first two causes.
    pub deciding: Option<ChosenTest>,
}

/// A test with its blanks filled.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenTest {
    /// What to do and what the outcome means.
    pub text: Localized,
    /// How long it takes.
    pub minutes: u32,
    /// Whether tools or a stop are needed.
    pub tools: bool,
}

impl Ranking {
    /// The code of the most likely cause.
    #[must_use]
    pub fn leading_code(&self) -> &str {
        self.causes.first().map_or(OTHER, |it| it.code.as_str())
    }

    /// Whether the plant's own closes carry the probabilities, not only general experience.
    #[must_use]
    pub fn is_history_enough(&self) -> bool {
        CLOSES_ENOUGH <= self.device_closes + self.sibling_closes
    }
}

/// Ranks the causes of a case.
#[must_use]
pub fn rank(case: &Case<'_>, library: &Library, observations: &[Observation]) -> Ranking {
    let class = &case.device.device.class;
    let kind = case.component().kind;
    let candidates = library.candidates(case.episode.key.family, &kind, class);
    let own = count(&candidates, case.part_repairs());
    let sisters = count(&candidates, case.sibling_repairs().map(|(_, record)| record));
    let prior = pooled(&candidates, &sisters, &own);
    let posterior = weighed((&candidates, &prior), observations, library.calibration());

    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|a, b| posterior[*b].total_cmp(&posterior[*a]).then(a.cmp(b)));
    let modes: Vec<&FailureMode> = order.iter().map(|place| candidates[*place].0).collect();
    let blanks = Blanks::of(case);
    let closes = own.total() + sisters.total();
    let mut causes: Vec<RankedCause> = order
        .iter()
        .map(|place| {
            let mode = candidates[*place].0;
            RankedCause {
                p: posterior[*place],
                confirmed: own.of(&mode.code) + sisters.of(&mode.code),
                closes,
                test: test_of(mode, &modes, &blanks).map(|it| it.text),
                ..describe((library, mode), observations, &blanks)
            }
        })
        .collect();
    fold_unlikely(&mut causes);
    Ranking {
        deciding: modes
            .iter()
            .find(|it| it.code != OTHER)
            .and_then(|mode| test_of(mode, &modes, &blanks)),
        causes,
        device_closes: own.total(),
        sibling_closes: sisters.total(),
    }
}

/// Closes by cause: confirmed, and refuted because nothing was found or the remedy did not help.
#[derive(Debug, Default)]
struct Closes {
    confirmed: BTreeMap<String, u32>,
    refuted: BTreeMap<String, u32>,
}

impl Closes {
    fn of(&self, code: &str) -> u32 {
        self.confirmed.get(code).copied().unwrap_or(0)
    }

    fn total(&self) -> u32 {
        self.confirmed.values().sum()
    }

    /// What is left of a cause that was looked for and not found: Laplace's rule of succession.
    fn credit(&self, code: &str) -> f64 {
        let refuted = f64::from(self.refuted.get(code).copied().unwrap_or(0));
        let tried = f64::from(self.of(code)) + refuted;
        (tried - refuted + 1.0) / (tried + 1.0)
    }
}

/// Counts the repairs whose cause was written down. A remedy that worked confirms its cause; one that
/// did not, or a look that found nothing, speaks against it. A cause of another kind of trouble says
/// nothing about this one.
fn count<'a>(
    candidates: &[(&FailureMode, f64)],
    records: impl Iterator<Item = &'a RepairRecord>,
) -> Closes {
    let mut closes = Closes::default();
    for record in records {
        let Some(cause) = &record.cause else { continue };
        if !candidates.iter().any(|(mode, _)| mode.code == *cause) {
            continue;
        }
        let column = match record.outcome {
            Outcome::Solved | Outcome::Improved => &mut closes.confirmed,
            Outcome::NoEffect | Outcome::NothingFound => &mut closes.refuted,
            Outcome::Unknown => continue,
        };
        *column.entry(cause.clone()).or_default() += 1;
    }
    closes
}

/// Two steps of a Dirichlet update: sister machines pull the class prior, the device pulls that.
fn pooled(candidates: &[(&FailureMode, f64)], sisters: &Closes, own: &Closes) -> Vec<f64> {
    let step = |prior: f64, weight: f64, closes: &Closes, code: &str| {
        (weight * prior + f64::from(closes.of(code))) / (weight + f64::from(closes.total()))
    };
    let mut pooled: Vec<f64> = candidates
        .iter()
        .map(|(mode, prior)| {
            let of_fleet = step(*prior, CLASS_WEIGHT, sisters, &mode.code);
            step(of_fleet, FLEET_WEIGHT, own, &mode.code) * own.credit(&mode.code)
        })
        .collect();
    let total: f64 = pooled.iter().sum();
    pooled.iter_mut().for_each(|it| *it /= total);
    pooled
}

/// Bayes, with a share of doubt that the library's ratios apply at all.
fn weighed(
    (candidates, prior): (&[(&FailureMode, f64)], &[f64]),
    observations: &[Observation],
    calibration: &Calibration,
) -> Vec<f64> {
    let doubt = calibration.doubt;
    let weights: Vec<f64> = candidates
        .iter()
        .zip(prior)
        .map(|((mode, _), prior)| prior * likelihood(mode, observations).powf(calibration.exponent))
        .collect();
    let total: f64 = weights.iter().sum();
    weights
        .iter()
        .zip(prior)
        .map(|(weight, prior)| (1.0 - doubt) * weight / total + doubt * prior)
        .collect()
}

fn likelihood(mode: &FailureMode, observations: &[Observation]) -> f64 {
    let is_seen = |symptom| observations.iter().any(|it| it.symptom == symptom);
    mode.evidence.iter().filter(|it| is_seen(it.symptom)).map(|it| it.ratio).product()
}

/// Name, for and against; the numbers are filled in by the caller.
fn describe(
    (library, mode): (&Library, &FailureMode),
    observations: &[Observation],
    blanks: &Blanks,
) -> RankedCause {
    let mut items: Vec<_> = mode
        .evidence
        .iter()
        .filter_map(|item| {
            let seen = observations.iter().find(|it| it.symptom == item.symptom)?;
            let is_said = SAID_FROM <= item.ratio.ln().abs();
            let words = library.words_of(item).filter(|_| is_said)?;
            Some((item.ratio, blanks.fill_seen(words, &seen.seen)?))
        })
        .collect();
    let strength = |ratio: f64| ratio.ln().abs();
    items.sort_by(|a, b| strength(b.0).total_cmp(&strength(a.0)));
    let (supporting, against): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|(ratio, _)| 1.0 < *ratio);
    let texts = |items: Vec<(f64, Localized)>| items.into_iter().map(|(_, text)| text).collect();
    RankedCause {
        code: mode.code.clone(),
        name: mode.name.clone(),
        p: 0.0,
        supporting: texts(supporting),
        against: texts(against),
        test: None,
        confirmed: 0,
        closes: 0,
    }
}

/// The cheapest test that separates a cause from its strongest rival. A test of either side will
/// do; one that needs a number which this case does not have will not.
fn test_of(mode: &FailureMode, ranked: &[&FailureMode], blanks: &Blanks) -> Option<ChosenTest> {
    let rival = ranked.iter().find(|it| it.code != mode.code && it.code != OTHER)?;
    let separates = |test: &DecidingTest, code: &str| {
        test.separates.is_empty() || test.separates.iter().any(|it| it == code)
    };
    let own = mode.tests.iter().filter(|it| separates(it, &rival.code));
    let theirs = rival.tests.iter().filter(|it| it.separates.contains(&mode.code));
    own.chain(theirs)
        .chain(&mode.tests)
        .filter_map(|test| {
            let text = blanks.fill(&test.text)?;
            let rank = u8::from(!separates(test, &rival.code) && !separates(test, &mode.code));
            let chosen = ChosenTest { text, minutes: test.minutes, tools: test.tools };
            Some((rank, chosen))
        })
        .min_by_key(|(rank, test)| (*rank, test.minutes))
        .map(|(_, test)| test)
}

/// What is hardly likely joins `other`, so that a table fits on a phone and still adds up to 1.
fn fold_unlikely(causes: &mut Vec<RankedCause>) {
    let mut folded = 0.0;
    let mut shown = 0;
    causes.retain(|cause| {
        let is_shown = shown < RIVALS_MIN || (P_MIN <= cause.p && shown < CAUSES_MAX);
        let is_kept = cause.code == OTHER || is_shown;
        if !is_kept {
            folded += cause.p;
        } else if cause.code != OTHER {
            shown += 1;
        }
        is_kept
    });
    if let Some(place) = causes.iter().position(|it| it.code == OTHER) {
        let mut other = causes.remove(place);
        other.p += folded;
        other.test = None;
        causes.push(other);
    }
    // Stable: what nobody thought of leads only where it is strictly the likeliest.
    causes.sort_by(|a, b| b.p.total_cmp(&a.p));
}

/// Below this many confirmed closes, on the device and its sisters together, a ticket says that
/// there is not enough data.
pub const CLOSES_ENOUGH: u32 = 5;

/// Closes of sister machines that weigh as much as the class prior.
const CLASS_WEIGHT: f64 = 6.0;

/// Own closes that weigh as much as the whole fleet: a machine has its own habits.
const FLEET_WEIGHT: f64 = 4.0;

/// Evidence that hardly moves a probability is not told: a ratio of 1.3 or its inverse.
const SAID_FROM: f64 = 0.26;

/// So many causes are shown however unlikely: what was thought of and ruled out is worth a line.
const RIVALS_MIN: usize = 3;

/// Further causes below it are folded into `other`.
const P_MIN: f64 = 0.02;

/// Causes shown besides `other`: one screen of a phone.
const CAUSES_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engines::observe;
    use crate::fixtures::{Scene, repair};
    use forewarn_domain::repair::Activity;

    fn ranked(scene: &Scene) -> Ranking {
        let library = Library::built_in();
        scene.case(|case| rank(case, &library, &observe(case)))
    }

    #[test]
    fn without_history_and_symptoms_the_prior_stands_and_is_called_so() {
        let mut scene = Scene::outer_race();
        scene.repairs.clear();
        let library = Library::built_in();
        let ranking = scene.case(|case| rank(case, &library, &[]));
        assert!(!ranking.is_history_enough());
        assert_eq!(ranking.device_closes + ranking.sibling_closes, 0);
        let priors = scene.case(|case| {
            let class = &case.device.device.class;
            let kind = case.component().kind;
            let candidates = library.candidates(case.episode.key.family, &kind, class);
            candidates.iter().map(|(mode, p)| (mode.code.clone(), *p)).collect::<BTreeMap<_, _>>()
        });
        for cause in ranking.causes.iter().filter(|it| it.code != OTHER) {
            assert!((cause.p - priors[&cause.code]).abs() < 1e-12, "{}", cause.code);
        }
    }

    #[test]
    fn the_line_names_the_part_and_the_test_is_the_cheapest_that_decides() {
        let ranking = ranked(&Scene::outer_race());
        assert_eq!(ranking.leading_code(), "bearing-outer-race");
        assert!(0.7 < ranking.causes[0].p, "{}", ranking.causes[0].p);
        let deciding = ranking.deciding.expect("there is a test");
        assert!(deciding.text.en.contains("900 rpm"), "{}", deciding.text.en);
        assert!(deciding.text.en.contains("53.8 Hz"), "{}", deciding.text.en);
        assert!(ranking.causes[1..].iter().any(|it| !it.against.is_empty()));
    }

    #[test]
    fn own_closes_pull_harder_than_those_of_sisters() {
        let p_of = |device: &str| {
            let mut scene = Scene::hot_oil();
            scene.repairs.clear();
            for day in 0..4 {
                let mut record = repair(device, "hydraulics", Activity::Service, 100 + day);
                record.cause = Some("oil-low".into());
                scene.repairs.push(record);
            }
            let library = Library::built_in();
            let ranking = scene.case(|case| rank(case, &library, &[]));
            let cause = ranking.causes.iter().find(|it| it.code == "oil-low").expect("candidate");
            assert_eq!((cause.confirmed, cause.closes), (4, 4));
            cause.p
        };
        assert!(p_of("mill-02") < p_of("mill-01"));
    }

    #[test]
    fn what_did_not_help_confirms_nothing() {
        let mut scene = Scene::outer_race();
        scene.repairs.iter_mut().for_each(|it| it.outcome = Outcome::NoEffect);
        let ranking = ranked(&scene);
        assert_eq!(ranking.device_closes + ranking.sibling_closes, 0);
    }

    proptest! {
        #[test]
        fn probabilities_add_up_to_one_whatever_was_repaired_before(
            closes in prop::collection::vec((0..20_usize, any::<bool>(), 0..900_i64), 0..40),
            scene in 0..3_usize,
        ) {
            let library = Library::built_in();
            let mut scene =
                [Scene::outer_race, Scene::hot_oil, Scene::flat_sensor][scene]();
            for (mode, is_own, age) in closes {
                let device = if is_own { "mill-01" } else { "mill-02" };
                let component = scene.episode.key.component.clone();
                let mut record = repair(device, component.as_str(), Activity::Repair, age);
                record.cause = library.modes().get(mode).map(|it| it.code.clone());
                scene.repairs.push(record);
            }
            let ranking = scene.case(|case| rank(case, &library, &observe(case)));
            let total: f64 = ranking.causes.iter().map(|it| it.p).sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{total}");
            prop_assert!(ranking.causes.is_sorted_by(|a, b| b.p <= a.p));
            prop_assert!(ranking.causes.iter().filter(|it| it.code == OTHER).count() == 1);
        }
    }
}
