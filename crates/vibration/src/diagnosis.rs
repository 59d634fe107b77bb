//! One burst, or a series of snapshots, to one judgement: which part, which frequency, and why.
//!
//! A bearing's part is named by [`crate::defect_lines`], anything else by [`crate::faults`]. The
//! bearing goes first: its trains of impacts are the sharper evidence. What it cannot tell stays
//! untold, and other findings then stand beside the judgement and do not replace it.
//!
//! Deliberately absent: history and other channels. A ticket needs both; see `diagnose`.

use crate::bearing::{Defect, Orders};
use crate::convert;
use crate::defect_lines::{Assessment, DefectMatch, FAULT_SCORE_MIN, Verdict, assess_spectrum};
use crate::faults::{self, Burst, Finding, Machine};
use crate::features::{self, FeatureError};
use crate::shaft_speed::ShaftSpeed;

/// What a burst says of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    pub judgement: Judgement,
    /// The code of the cause, for a fault.
    pub cause: Option<&'static str>,
    /// Where the cause was found, and where it was expected.
    pub frequency_hz: Option<f64>,
    pub expected_hz: Option<f64>,
    /// Lines of the cause: order, Hz, height over the floor.
    pub harmonics: Vec<(f64, f64, f64)>,
    /// Of the four parts of the bearing, if one was given.
    pub scores: Vec<(Defect, f64)>,
    /// The speed that was used; none where the signal was refused.
    pub shaft: Option<ShaftSpeed>,
    /// What else was found.
    pub findings: Vec<Finding>,
    pub why: String,
}

/// The four answers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Judgement {
    Fault,
    Healthy,
    NotResolvable,
    Unclear,
}

impl Judgement {
    /// The word used on the command line.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Healthy => "healthy",
            Self::NotResolvable => "not_resolvable",
            Self::Unclear => "unclear",
        }
    }
}

/// Judges `samples` in g, taken at `rate_hz` while the shaft was said to turn `shaft_hz` times a
/// second; `bearing` holds the orders of the bearing beside the sensor.
///
/// # Errors
///
/// [`FeatureError`] for samples from which nothing should be concluded.
pub fn diagnose(
    samples: &[f64],
    rate_hz: f64,
    shaft_hz: f64,
    bearing: Option<&Orders>,
    machine: &Machine,
) -> Result<Diagnosis, FeatureError> {
    features::check_signal(samples)?;
    let burst = Burst::of(samples, rate_hz, shaft_hz)?;
    let findings = faults::look(&burst, machine);
    let Some(orders) = bearing else { return Ok(without_bearing(burst.shaft, findings)) };
    let assessment = assess_spectrum(&burst.envelope, burst.shaft, orders);
    let scores = assessment.matches.iter().map(|it| (it.defect, it.score)).collect();
    let mut diagnosis = Diagnosis {
        judgement: judgement_of(assessment.verdict),
        cause: None,
        frequency_hz: None,
        expected_hz: None,
        harmonics: Vec::new(),
        scores,
        shaft: Some(burst.shaft),
        findings,
        why: explain(&assessment, burst.envelope.df_hz),
    };
    match (assessment.named(), diagnosis.judgement) {
        (Some(named), _) => {
            diagnosis.cause = Some(named.defect.code());
            diagnosis.frequency_hz = named.found_hz;
            diagnosis.expected_hz = Some(named.expected_hz);
            let lines = named.harmonics.iter();
            diagnosis.harmonics = lines.map(|it| (f64::from(it.k), it.hz, it.ratio)).collect();
        }
        (None, Judgement::NotResolvable) => {}
        (None, _) => take_first_finding(&mut diagnosis),
    }
    Ok(diagnosis)
}

/// The judgement on snapshots in their order: a part counts as damaged when it was named in
/// [`SNAPSHOTS_NAMED_MIN`] of [`SNAPSHOTS_NEAR`] successive ones, the latest such run first. One
/// tenth of a second proves nothing, and a bearing that fails in its last hour was healthy before.
#[must_use]
pub fn over_snapshots(snapshots: &[Diagnosis]) -> Option<Diagnosis> {
    let last = snapshots.last()?;
    let named_again =
        snapshots.windows(SNAPSHOTS_NEAR.min(snapshots.len())).rev().find_map(|near| {
            near.iter().rev().find(|it| {
                let same = near.iter().filter(|other| other.cause == it.cause).count();
                it.cause.is_some() && SNAPSHOTS_NAMED_MIN <= same
            })
        });
    let count = |judgement| snapshots.iter().filter(|it| it.judgement == judgement).count();
    let said = format!(
        "{} snapshots: {} fault, {} unclear, {} not resolvable, {} healthy",
        snapshots.len(),
        count(Judgement::Fault),
        count(Judgement::Unclear),
        count(Judgement::NotResolvable),
        count(Judgement::Healthy)
    );
    if let Some(named) = named_again {
        let why = format!("{}; {said}", named.why);
        return Some(Diagnosis { why, ..named.clone() });
    }
    let most = [Judgement::Unclear, Judgement::NotResolvable, Judgement::Healthy]
        .into_iter()
        .max_by_key(|it| count(*it))?;
    let latest = snapshots.iter().rev().find(|it| it.judgement == most).unwrap_or(last);
    let why = format!("{}; {said}, and no part was named again and again", latest.why);
    Some(Diagnosis { why, ..latest.clone() })
}

/// A burst that was refused, as a judgement among those of other bursts.
#[must_use]
pub fn refused(error: &FeatureError) -> Diagnosis {
    Diagnosis { why: error.to_string(), ..blank(Judgement::NotResolvable) }
}

fn without_bearing(shaft: ShaftSpeed, findings: Vec<Finding>) -> Diagnosis {
    let why = "no bearing was given, and nothing else stands out".to_owned();
    let mut diagnosis =
        Diagnosis { shaft: Some(shaft), findings, why, ..blank(Judgement::Healthy) };
    take_first_finding(&mut diagnosis);
    diagnosis
}

fn blank(judgement: Judgement) -> Diagnosis {
    Diagnosis {
        judgement,
        cause: None,
        frequency_hz: None,
        expected_hz: None,
        harmonics: Vec::new(),
        scores: Vec::new(),
        shaft: None,
        findings: Vec::new(),
        why: String::new(),
    }
}

fn take_first_finding(diagnosis: &mut Diagnosis) {
    let Some(first) = diagnosis.findings.first() else { return };
    diagnosis.judgement = Judgement::Fault;
    diagnosis.cause = Some(first.cause);
    diagnosis.frequency_hz = (0.0 < first.hz).then_some(first.hz);
    diagnosis.expected_hz = diagnosis.frequency_hz;
    diagnosis.harmonics = first.lines.iter().map(|it| (it.order, it.hz, it.height)).collect();
    diagnosis.why = if diagnosis.scores.is_empty() {
        first.why.clone()
    } else {
        format!("{}; bearing: {}", first.why, diagnosis.why)
    };
}

fn judgement_of(verdict: Verdict) -> Judgement {
    match verdict {
        Verdict::Fault(_) => Judgement::Fault,
        Verdict::Healthy => Judgement::Healthy,
        Verdict::NotResolvable => Judgement::NotResolvable,
        Verdict::Unclear => Judgement::Unclear,
    }
}

fn explain(assessment: &Assessment, df_hz: f64) -> String {
    let mut ranked: Vec<&DefectMatch> = assessment.matches.iter().collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    let [best, next, ..] = ranked.as_slice() else { return String::new() };
    match assessment.verdict {
        Verdict::Fault(_) => assessment.named().map_or_else(String::new, |named| {
            let rival = if std::ptr::eq(*best, named) { next } else { best };
            explain_fault(named, rival)
        }),
        Verdict::Unclear => format!(
            "something stands out ({} {:.1}, {} {:.1}) and no part explains it clearly better than \
             the others or than the shaft's own multiples; take a longer burst at steady speed",
            best.defect, best.score, next.defect, next.score
        ),
        Verdict::Healthy => format!(
            "no part's harmonics stand out: the highest is {} with {:.1}, {FAULT_SCORE_MIN:.1} and \
             two harmonics are needed",
            best.defect, best.score
        ),
        Verdict::NotResolvable => {
            let inner_hz = assessment.of(Defect::InnerRace).expected_hz;
            let element_hz = assessment.of(Defect::RollingElement).expected_hz;
            format!(
                "bins of {df_hz:.2} Hz do not part the inner race's {inner_hz:.1} Hz from the \
                 element's {element_hz:.1} Hz; a burst of {:.2} s would",
                2.0 / (inner_hz - element_hz).abs()
            )
        }
    }
}

fn explain_fault(named: &DefectMatch, rival: &DefectMatch) -> String {
    let found_hz = named.found_hz.unwrap_or(named.expected_hz);
    let harmonics: Vec<String> = named
        .harmonics
        .iter()
        .map(|it| format!("{}× {:.1} Hz ({:.1} × floor)", it.k, it.hz, it.ratio))
        .collect();
    let sidebands = match named.sidebands {
        0 => String::new(),
        count => format!(", {count} sidebands"),
    };
    format!(
        "{} expected at {:.1} Hz stands at {found_hz:.1} Hz ({:+.1} %): {}{sidebands}; the next, \
         {}, reaches {:.1} against {:.1}",
        named.defect.frequency_name(),
        named.expected_hz,
        100.0 * (found_hz / named.expected_hz - 1.0),
        harmonics.join(", "),
        rival.defect,
        rival.score,
        named.score
    )
}

/// Whole samples in so many seconds at a rate, for those who cut windows.
#[must_use]
pub fn samples(seconds: f64, rate_hz: f64) -> usize {
    // A product like 0.1 × 25600 may come out a hair below the whole number that it is.
    convert::index_below(seconds * rate_hz + 1e-6)
}

/// Seconds of `samples` at a rate.
#[must_use]
pub fn seconds(samples: usize, rate_hz: f64) -> f64 {
    convert::count(samples) / rate_hz
}

/// So many of the snapshots near each other must name the same part.
pub const SNAPSHOTS_NAMED_MIN: usize = 3;

/// Snapshots that are near each other.
pub const SNAPSHOTS_NEAR: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bearing::Geometry;
    use crate::synth::parts::Part;
    use crate::synth::{Machine as Shaker, SeededDefect};

    const RATE_HZ: f64 = 25_600.0;
    const SHAFT_HZ: f64 = 24.3;

    fn orders() -> Orders {
        Geometry::new(9, 7.94, 39.04, 0.0).unwrap().orders()
    }

    fn judge(samples: &[f64], stated_hz: f64) -> Diagnosis {
        diagnose(samples, RATE_HZ, stated_hz, Some(&orders()), &Machine::default()).unwrap()
    }

    fn damaged(defect: Defect) -> Shaker {
        let seeded = SeededDefect { defect, orders: orders(), impact_g: 0.6, slip: 0.005 };
        Shaker { defect: Some(seeded), ..Shaker::healthy(SHAFT_HZ) }
    }

    #[test]
    fn a_damaged_part_is_named_at_a_speed_that_is_stated_wrongly() {
        for speed in [0.985, 0.99, 1.0, 1.01, 1.015] {
            for defect in [Defect::OuterRace, Defect::InnerRace, Defect::RollingElement] {
                let samples = damaged(defect).burst(RATE_HZ, 51_200, 5);
                let found = judge(&samples, speed * SHAFT_HZ);
                assert_eq!(found.cause, Some(defect.code()), "at {speed}: {found:?}");
                assert!(2 <= found.harmonics.len());
                let true_hz = orders().of(defect) * SHAFT_HZ;
                let off = (found.frequency_hz.unwrap() / true_hz - 1.0).abs();
                assert!(off < 0.01, "at {speed}: {found:?}");
            }
        }
    }

    #[test]
    fn a_healthy_bearing_under_imbalance_is_imbalance() {
        let mut samples = Shaker::healthy(SHAFT_HZ).burst(RATE_HZ, 51_200, 5);
        assert_eq!(judge(&samples, SHAFT_HZ).judgement, Judgement::Healthy);
        Part::Tone { hz: SHAFT_HZ, peak_g: 0.3 }.add(&mut samples, RATE_HZ, 6);
        let found = judge(&samples, SHAFT_HZ);
        assert_eq!((found.judgement, found.cause), (Judgement::Fault, Some("imbalance")));
        assert!(found.why.contains("bearing: no part"), "{}", found.why);
    }

    #[test]
    fn looseness_is_not_taken_for_a_bearing_whose_order_lies_beside_a_multiple() {
        // The inner race of a 6203 passes 4.95 times a turn, and what is loose knocks five times.
        let orders = Geometry::new(8, 6.746, 28.5, 0.0).unwrap().orders();
        for seed in 0..6 {
            let mut samples = Shaker::healthy(SHAFT_HZ).burst(RATE_HZ, 51_200, seed);
            Part::Comb { hz: SHAFT_HZ, peak_g: 0.15, count: 20, fall: 0.95 }.add(
                &mut samples,
                RATE_HZ,
                6,
            );
            Part::Carpet {
                low_hz: 2000.0,
                high_hz: 6000.0,
                rms_g: 0.3,
                by_hz: SHAFT_HZ,
                depth: 0.9,
            }
            .add(&mut samples, RATE_HZ, 7 + seed);
            let machine = Machine::default();
            let found = diagnose(&samples, RATE_HZ, SHAFT_HZ, Some(&orders), &machine).unwrap();
            assert_eq!(found.cause, Some("looseness"), "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn snapshots_name_a_part_only_when_it_comes_again() {
        let fault = judge(&damaged(Defect::OuterRace).burst(RATE_HZ, 25_600, 1), SHAFT_HZ);
        let calm = judge(&Shaker::healthy(SHAFT_HZ).burst(RATE_HZ, 25_600, 1), SHAFT_HZ);
        let series = |named: &[usize]| {
            let all: Vec<Diagnosis> = (0..30)
                .map(|i| if named.contains(&i) { fault.clone() } else { calm.clone() })
                .collect();
            over_snapshots(&all).unwrap()
        };
        assert_eq!(series(&[20, 21]).judgement, Judgement::Healthy);
        assert_eq!(series(&[2, 12, 22]).judgement, Judgement::Healthy, "too far apart");
        let again = series(&[20, 23, 25]);
        assert_eq!(again.cause, Some("outer_race"));
        assert!(again.why.contains("3 fault"), "{}", again.why);
        assert_eq!(over_snapshots(&[]), None);
    }

    #[test]
    fn a_dead_sensor_is_refused() {
        let refusal =
            diagnose(&[0.5; 4096], RATE_HZ, SHAFT_HZ, None, &Machine::default()).unwrap_err();
        assert_eq!(refusal, FeatureError::NoMovement);
        assert_eq!(refused(&refusal).judgement, Judgement::NotResolvable);
    }
}
