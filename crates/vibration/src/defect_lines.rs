//! From the lines of an envelope spectrum to the part of the bearing that is damaged.
//!
//! [`assess`] works the same on the few lines that an agent sends and on a whole spectrum. It
//! names a part only if that part's harmonics stand out and no other part explains them nearly
//! as well; otherwise it says what it cannot tell.
//!
//! Deliberately absent: history. Whether one verdict is enough to act is decided elsewhere.

use crate::bearing::{Defect, Orders};
use crate::convert;
use crate::envelope::{EnvelopeSpectrum, Heights, LineList};
use crate::shaft_speed::ShaftSpeed;

/// Matches the lines of one burst with the four defects of one bearing.
///
/// `shaft_hz` is the speed of the inner ring in turns per second; an unknown speed needs an
/// unknown verdict, so do not guess it. A speed that is stated up to 1.5 % wrong is made good by
/// the search for slip.
#[must_use]
pub fn assess(lines: &LineList, shaft_hz: f64, orders: &Orders) -> Assessment {
    assess_heights(lines, ShaftSpeed::stated(shaft_hz), orders)
}

/// The same on a whole envelope spectrum, where a speed read from the vibration itself narrows the
/// search and shows up lines that belong to the shaft.
#[must_use]
pub fn assess_spectrum(
    spectrum: &EnvelopeSpectrum,
    shaft: ShaftSpeed,
    orders: &Orders,
) -> Assessment {
    let mut assessment = assess_heights(spectrum, shaft, orders);
    let is_comb =
        |named: &DefectMatch| shaft.is_measured && is_shafts_own(spectrum, shaft.hz, named);
    if assessment.named().is_some_and(is_comb) {
        assessment.verdict = Verdict::Unclear;
    }
    assessment
}

fn assess_heights(lines: &impl Heights, shaft: ShaftSpeed, orders: &Orders) -> Assessment {
    let matches = Defect::ALL.map(|defect| match_defect(lines, shaft, orders, defect));
    let apart_hz = (orders.of(Defect::InnerRace) - orders.of(Defect::RollingElement)).abs();
    let is_resolved = lines.df_hz() <= apart_hz * shaft.hz / 2.0;
    let verdict = judge(&matches, lines.df_hz(), is_resolved);
    Assessment { verdict, matches, is_resolved }
}

/// How well each defect explains a burst, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    pub verdict: Verdict,
    /// In the order of [`Defect::ALL`].
    pub matches: [DefectMatch; 4],
    /// Whether the burst is long enough to tell the inner race from a rolling element: its bins
    /// are at most half their distance wide.
    pub is_resolved: bool,
}

impl Assessment {
    #[must_use]
    pub fn of(&self, defect: Defect) -> &DefectMatch {
        match defect {
            Defect::OuterRace => &self.matches[0],
            Defect::InnerRace => &self.matches[1],
            Defect::RollingElement => &self.matches[2],
            Defect::Cage => &self.matches[3],
        }
    }

    /// The match of the named defect, if one is named.
    #[must_use]
    pub fn named(&self) -> Option<&DefectMatch> {
        match self.verdict {
            Verdict::Fault(defect) => Some(self.of(defect)),
            Verdict::Unclear | Verdict::Healthy | Verdict::NotResolvable => None,
        }
    }
}

/// What one burst says about a bearing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// This part is damaged.
    Fault(Defect),
    /// No part stands out.
    Healthy,
    /// The bins are too wide for the distance of the defect frequencies: take a longer burst.
    NotResolvable,
    /// Something stands out, and no part explains it clearly better than the others.
    Unclear,
}

/// How well one defect explains the lines.
#[derive(Clone, Debug, PartialEq)]
pub struct DefectMatch {
    pub defect: Defect,
    /// The defect's frequency without slip.
    pub expected_hz: f64,
    /// The fundamental that fits the found harmonics best.
    pub found_hz: Option<f64>,
    /// Those of the first three harmonics that stand out of the noise.
    pub harmonics: Vec<Harmonic>,
    /// Mean height of the first three harmonics over the floor; about 1.5 to 2.5 in noise.
    pub score: f64,
    /// Lines beside the harmonics, at the distance at which this defect passes the load zone: the
    /// shaft's frequency for the inner race, the cage's for a rolling element, none for the rest.
    pub sidebands: usize,
}

impl DefectMatch {
    /// Wide bins let a train pass that stands farther off than slip and a wrong speed explain.
    fn is_where_expected(&self) -> bool {
        let reach_hz = PLACE_MAX * self.expected_hz;
        self.found_hz.is_some_and(|found_hz| (found_hz - self.expected_hz).abs() <= reach_hz)
    }
}

/// A harmonic that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Harmonic {
    /// 1 for the fundamental.
    pub k: u8,
    pub hz: f64,
    /// Height over the floor of the envelope spectrum.
    pub ratio: f64,
}

fn match_defect(
    lines: &impl Heights,
    shaft: ShaftSpeed,
    orders: &Orders,
    defect: Defect,
) -> DefectMatch {
    let expected_hz = orders.of(defect) * shaft.hz;
    let reach = if shaft.is_measured { REACH_MEASURED } else { REACH_STATED };
    let (score, harmonics) = best_train(lines, expected_hz, reach);
    let spacing_hz = sideband_spacing(defect, orders) * shaft.hz;
    DefectMatch {
        defect,
        expected_hz,
        found_hz: fundamental(&harmonics),
        score,
        sidebands: count_sidebands(lines, &harmonics, spacing_hz),
        harmonics,
    }
}

/// The highest train of harmonics whose fundamental lies near `expected_hz`.
///
/// All harmonics must agree on one fundamental within a bin: three independent searches would
/// find three unrelated lines more easily, and would lose the third harmonic of a shaft that runs
/// 1 % slower than its name plate.
fn best_train(lines: &impl Heights, expected_hz: f64, reach: f64) -> (f64, Vec<Harmonic>) {
    // A third of a bin, so that the third harmonic moves on by no more than its own search range.
    let step_hz = lines.df_hz() / f64::from(HARMONICS_MAX);
    let reach_hz = (expected_hz * reach).max(lines.df_hz());
    let steps = convert::index_above(reach_hz / step_hz).min(STEPS_MAX);
    let mut best = (0.0, Vec::new());
    for step in 0..=2 * steps {
        let offset_hz = (convert::count(step) - convert::count(steps)) * step_hz;
        let (height, harmonics) = train_at(lines, expected_hz + offset_hz);
        let score = height * credit(offset_hz / expected_hz);
        if best.0 < score {
            best = (score, harmonics);
        }
    }
    best
}

/// What a train's height is worth at a relative distance from where it is expected: all of it
/// within the usual slip, and less where only a wrong speed would explain it.
fn credit(deviation: f64) -> f64 {
    let beyond = (deviation.abs() - SLIP_MAX).max(0.0);
    (1.0 - DOUBT * beyond / (REACH_STATED - SLIP_MAX)).max(1.0 - DOUBT)
}

/// Mean height, and those that stand out, of the first harmonics of one fundamental.
fn train_at(lines: &impl Heights, fundamental_hz: f64) -> (f64, Vec<Harmonic>) {
    let mut harmonics = Vec::new();
    let mut sum = 0.0;
    for k in 1..=HARMONICS_MAX {
        let hz = f64::from(k) * fundamental_hz;
        let found = lines.strongest(hz - lines.df_hz(), hz + lines.df_hz());
        sum += found.map_or(ABSENT_RATIO, |line| line.ratio);
        if let Some(line) = found.filter(|line| STANDING_OUT_MIN <= line.ratio) {
            harmonics.push(Harmonic { k, hz: line.hz, ratio: line.ratio });
        }
    }
    (sum / f64::from(HARMONICS_MAX), harmonics)
}

/// The fundamental that the harmonics fit best, in the sense of least squares weighted by height:
/// a higher harmonic tells it more finely than a bin does.
fn fundamental(harmonics: &[Harmonic]) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for found in harmonics {
        let k = f64::from(found.k);
        sum += found.ratio * k * found.hz;
        weight += found.ratio * k * k;
    }
    (0.0 < weight).then(|| sum / weight)
}

fn sideband_spacing(defect: Defect, orders: &Orders) -> f64 {
    match defect {
        Defect::InnerRace => 1.0,
        Defect::RollingElement => orders.ftf,
        Defect::OuterRace | Defect::Cage => 0.0,
    }
}

fn count_sidebands(lines: &impl Heights, harmonics: &[Harmonic], spacing_hz: f64) -> usize {
    // Closer than two bins a sideband is the foot of its own harmonic.
    if spacing_hz < 2.0 * lines.df_hz() {
        return 0;
    }
    let reach_hz = (spacing_hz * SLIP_MAX).max(lines.df_hz());
    let centres = harmonics.iter().flat_map(|found| [found.hz - spacing_hz, found.hz + spacing_hz]);
    centres
        .filter_map(|hz| lines.strongest(hz - reach_hz, hz + reach_hz))
        .filter(|line| STANDING_OUT_MIN <= line.ratio)
        .count()
}

fn judge(matches: &[DefectMatch; 4], df_hz: f64, is_resolved: bool) -> Verdict {
    let [outer_race, inner_race, rolling_element, cage] = matches;
    let mut ranked = [outer_race, inner_race, rolling_element];
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    let [best, runner_up, _] = ranked;
    if fault_score_min(df_hz) <= best.score {
        let is_clear = HARMONICS_MIN <= best.harmonics.len()
            && runner_up.score * LEAD_MIN <= best.score
            && best.is_where_expected();
        return match best.defect {
            Defect::InnerRace | Defect::RollingElement if !is_resolved => Verdict::NotResolvable,
            named if is_clear => Verdict::Fault(named),
            _ if !is_resolved => Verdict::NotResolvable,
            _ => Verdict::Unclear,
        };
    }
    // The cage's frequency is no rival to the others: a damaged element brings it along.
    let cage_score_min = CAGE_SCORE_MIN * (1.0 / df_hz).sqrt().max(1.0);
    if cage_score_min <= cage.score && cage.harmonics.len() == usize::from(HARMONICS_MAX) {
        return Verdict::Fault(Defect::Cage);
    }
    if is_resolved { Verdict::Healthy } else { Verdict::NotResolvable }
}

/// The longer the burst, the more bins are searched and the higher the highest of them in noise.
fn fault_score_min(df_hz: f64) -> f64 {
    FAULT_SCORE_MIN * (1.0 / df_hz).powf(0.125).max(1.0)
}

/// Whether a named train stands on multiples of half the shaft's speed while the shaft's other
/// multiples stand as high: what is loose rattles at all of them, and a bearing passes by there.
fn is_shafts_own(spectrum: &EnvelopeSpectrum, shaft_hz: f64, named: &DefectMatch) -> bool {
    let Some(found_hz) = named.found_hz else { return false };
    let half_hz = 0.5 * shaft_hz;
    let nearest = (found_hz / half_hz).round();
    let df_hz = spectrum.df_hz;
    if df_hz.max(COMB_TOLERANCE * found_hz) < (found_hz - nearest * half_hz).abs() {
        return false;
    }
    let step_hz = if nearest.rem_euclid(2.0) < 0.5 { shaft_hz } else { half_hz };
    let mut others: Vec<f64> = (1..=COMB_LINES)
        .map(|k| f64::from(k) * step_hz)
        .filter(|hz| 3.0 * df_hz < (hz - (hz / found_hz).round() * found_hz).abs())
        .filter_map(|hz| spectrum.strongest(hz - df_hz, hz + df_hz))
        .map(|line| line.ratio)
        .collect();
    others.sort_by(|a, b| b.total_cmp(a));
    let highest = others.iter().take(usize::from(HARMONICS_MAX)).sum::<f64>();
    COMB_SHARE_MIN * named.score <= highest / f64::from(HARMONICS_MAX)
}

/// Higher harmonics drown in the random slip of the elements.
const HARMONICS_MAX: u8 = 3;

/// Slip of a bearing whose shaft turns as stated; the search adds one bin to it.
const SLIP_MAX: f64 = 0.015;

/// How far the search goes where the speed was only stated: slip, and a speed 1 % off.
const REACH_STATED: f64 = 0.025;

/// How far a named frequency may lie from where it is expected: the reach and what a bin blurs.
const PLACE_MAX: f64 = 0.03;

/// How far the search goes where the speed was read from the vibration, which in a second errs by 0.6 %.
const REACH_MEASURED: f64 = 0.02;

/// What is taken off a train's height at the end of the reach.
const DOUBT: f64 = 0.3;

/// Lines this near to a multiple of the shaft, as a share of their frequency, may be its own.
const COMB_TOLERANCE: f64 = 0.003;

/// Multiples that are looked at.
const COMB_LINES: u8 = 12;

/// As high as this share of the named train, the shaft's other multiples explain it too. An inner
/// race brings lines of the shaft along, which reach about half.
const COMB_SHARE_MIN: f64 = 0.9;

/// Bounds the search when a frequency is huge against the bins; real ones need fewer than 100.
const STEPS_MAX: usize = 500;

/// A line this high above the floor is more than the highest of a few bins of noise.
const STANDING_OUT_MIN: f64 = 3.0;

/// What stands at a place that is not among the strongest lines: noise.
const ABSENT_RATIO: f64 = 1.0;

/// Mean height of three harmonics that names a race or an element.
///
/// Every second of the clearly damaged bearings of CWRU and MFPT reaches it; the healthy ones of
/// the IMS run's first day end at 3.6.
pub const FAULT_SCORE_MIN: f64 = 4.0;

/// The same for the cage, from one second of signal. Healthy roller bearings breathe with their
/// cage, up to a score of 11 on the first day of the IMS run, so one burst must show much more.
pub const CAGE_SCORE_MIN: f64 = 16.0;

/// A single harmonic may be any machine's tone; two are a train of impacts.
pub const HARMONICS_MIN: usize = 2;

/// By how much the named defect must lead the next one.
pub const LEAD_MIN: f64 = 1.25;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bearing::Geometry;
    use crate::envelope::Line;

    const SHAFT_HZ: f64 = 30.0;

    fn orders() -> Orders {
        Geometry::new(9, 7.94, 39.04, 0.0).unwrap().orders()
    }

    fn lines(heights: &[(f64, f64)]) -> LineList {
        let lines = heights.iter().map(|&(order, ratio)| Line { hz: order * SHAFT_HZ, ratio });
        LineList { df_hz: 1.0, lines: lines.collect() }
    }

    #[track_caller]
    fn check(heights: &[(f64, f64)], expected: Verdict) -> Assessment {
        let assessment = assess(&lines(heights), SHAFT_HZ, &orders());
        assert_eq!(assessment.verdict, expected, "{assessment:?}");
        assessment
    }

    #[test]
    fn no_lines_are_a_healthy_bearing() {
        let assessment = check(&[], Verdict::Healthy);
        assert_eq!(assessment.named(), None);
        assert_eq!(assessment.of(Defect::Cage).found_hz, None);
    }

    #[test]
    fn a_train_of_harmonics_names_the_part_and_its_frequency() {
        let bpfi = orders().bpfi;
        let slow = 0.99 * bpfi;
        let assessment = check(
            &[(slow, 9.0), (2.0 * slow, 6.0), (slow - 1.0, 4.0), (slow + 1.0, 3.5), (7.77, 3.0)],
            Verdict::Fault(Defect::InnerRace),
        );
        let named = assessment.named().unwrap();
        assert_eq!(named.harmonics.iter().map(|found| found.k).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(named.sidebands, 2);
        assert!((named.found_hz.unwrap() - slow * SHAFT_HZ).abs() < 1e-9);
        assert!((named.score - (9.0 + 6.0 + ABSENT_RATIO) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_single_line_names_nothing_however_high_it_is() {
        check(&[(orders().bpfo, 40.0)], Verdict::Unclear);
    }

    #[test]
    fn lines_that_agree_on_no_fundamental_are_no_train() {
        let bpfo = orders().bpfo;
        let scattered = [(0.985 * bpfo, 6.0), (2.0 * 1.015 * bpfo, 6.0), (3.0 * bpfo, 3.1)];
        check(&scattered, Verdict::Healthy);
    }

    #[test]
    fn two_parts_that_explain_a_burst_nearly_as_well_leave_it_unclear() {
        let (bpfo, bpfi) = (orders().bpfo, orders().bpfi);
        check(&[(bpfo, 8.0), (2.0 * bpfo, 8.0), (bpfi, 7.0), (2.0 * bpfi, 8.0)], Verdict::Unclear);
    }

    #[test]
    fn the_breathing_of_a_healthy_cage_is_no_fault_and_hides_none() {
        let (ftf, bpfo) = (orders().ftf, orders().bpfo);
        let breathing = [(ftf, 11.0), (2.0 * ftf, 13.0), (3.0 * ftf, 7.0)];
        check(&breathing, Verdict::Healthy);
        let with_outer_race: Vec<_> =
            breathing.into_iter().chain([(bpfo, 7.0), (2.0 * bpfo, 6.0)]).collect();
        check(&with_outer_race, Verdict::Fault(Defect::OuterRace));
        check(&[(ftf, 30.0), (2.0 * ftf, 20.0), (3.0 * ftf, 10.0)], Verdict::Fault(Defect::Cage));
    }

    #[test]
    fn bins_too_wide_to_tell_two_parts_apart_are_said_to_be_so() {
        // The PRONOSTIA bearing at 1800 rpm: inner race and element lie 6 Hz apart.
        let orders = Geometry::new(13, 3.5, 25.6, 0.0).unwrap().orders();
        let assess_with = |df_hz, order: f64| {
            let heights = [(order, 20.0), (2.0 * order, 15.0), (3.0 * order, 15.0)];
            assess(&LineList { df_hz, ..lines(&heights) }, SHAFT_HZ, &orders)
        };
        let coarse = assess_with(10.0, orders.bpfi);
        assert!(!coarse.is_resolved);
        assert_eq!(coarse.verdict, Verdict::NotResolvable);
        assert_eq!(assess_with(1.0, orders.bpfi).verdict, Verdict::Fault(Defect::InnerRace));
        // The outer race lies 50 Hz away from both and may still be named.
        assert_eq!(assess_with(10.0, orders.bpfo).verdict, Verdict::Fault(Defect::OuterRace));
        let silent = assess(&LineList { df_hz: 10.0, lines: Vec::new() }, SHAFT_HZ, &orders);
        assert_eq!(silent.verdict, Verdict::NotResolvable);
    }

    #[test]
    fn a_shaft_that_stands_still_has_no_verdict() {
        assert_eq!(assess(&lines(&[]), 0.0, &orders()).verdict, Verdict::NotResolvable);
        assert_eq!(assess(&lines(&[]), f64::NAN, &orders()).verdict, Verdict::NotResolvable);
    }

    proptest! {
        #[test]
        fn any_lines_from_outside_are_assessed_without_harm(
            found in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..20),
            df_hz in prop::num::f64::ANY,
            shaft_hz in prop::num::f64::ANY,
        ) {
            let lines = found.into_iter().map(|(hz, ratio)| Line { hz, ratio }).collect();
            let assessment = assess(&LineList { df_hz, lines }, shaft_hz, &orders());
            if let Some(named) = assessment.named() {
                prop_assert!(HARMONICS_MIN <= named.harmonics.len());
            }
        }
    }
}
