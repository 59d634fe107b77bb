//! Fault frequencies to mark in an envelope spectrum, matched or not.

use forewarn_domain::anomaly::{BearingDefect, Harmonic};
use forewarn_domain::evidence::FaultCursor;
use forewarn_domain::waveform::EnvelopeLine;
use forewarn_vibration::{Defect, Line, LineList, Orders, Verdict, assess};

use crate::case::Case;

/// Looks for the four defects of a bearing among the lines of one burst; `df_hz` is the resolution.
#[must_use]
pub fn fault_cursors(
    lines: &[EnvelopeLine],
    df_hz: f64,
    shaft_hz: f64,
    orders: &Orders,
) -> Vec<FaultCursor> {
    let list = LineList {
        df_hz,
        lines: lines.iter().map(|it| Line { hz: it.hz, ratio: it.ratio }).collect(),
    };
    let assessment = assess(&list, shaft_hz, orders);
    let cursor = |defect: Defect| {
        let found = assessment.of(defect);
        FaultCursor {
            defect: named(defect),
            label: defect.frequency_name().to_owned(),
            hz: found.expected_hz,
            order: orders.of(defect),
            harmonics: found
                .harmonics
                .iter()
                .map(|it| Harmonic { k: u32::from(it.k), hz: it.hz, ratio: it.ratio })
                .collect(),
            matched: assessment.verdict == Verdict::Fault(defect),
        }
    };
    Defect::ALL.into_iter().map(cursor).collect()
}

/// The cursors of the case's spectrum; what a rule matched over several bursts counts as matched.
/// Without a spectrum the matched lines alone.
pub(crate) fn marked(case: &Case<'_>) -> Vec<FaultCursor> {
    let is_matched = |defect| case.lines().any(|(_, line)| line.defect == defect);
    match case.spectrum {
        Some(spectrum) => spectrum
            .cursors
            .iter()
            .map(|it| FaultCursor { matched: it.matched || is_matched(it.defect), ..it.clone() })
            .collect(),
        None => case
            .lines()
            .map(|(_, line)| FaultCursor {
                defect: line.defect,
                label: line.defect.frequency().to_owned(),
                hz: line.expected_hz,
                order: line.order,
                harmonics: line.harmonics.clone(),
                matched: true,
            })
            .collect(),
    }
}

fn named(defect: Defect) -> BearingDefect {
    match defect {
        Defect::Cage => BearingDefect::Cage,
        Defect::InnerRace => BearingDefect::InnerRace,
        Defect::OuterRace => BearingDefect::OuterRace,
        Defect::RollingElement => BearingDefect::RollingElement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_damaged_part_is_matched_and_the_others_are_still_drawn() {
        let orders = Orders { ftf: 0.398, bpfo: 3.585, bpfi: 5.415, bsf: 2.357 };
        let shaft_hz = 29.83;
        let line = |k: f64| EnvelopeLine { hz: 3.585 * shaft_hz * k, ratio: 14.0 };
        let lines = [line(1.0), line(2.0), line(3.0)];
        let cursors = fault_cursors(&lines, 0.5, shaft_hz, &orders);
        assert_eq!(cursors.len(), 4);
        let matched: Vec<_> = cursors.iter().filter(|it| it.matched).map(|it| it.defect).collect();
        assert_eq!(matched, [BearingDefect::OuterRace]);
        assert_eq!(cursors[0].label, "BPFO");
        assert_eq!(cursors[0].harmonics.len(), 3);
    }
}
