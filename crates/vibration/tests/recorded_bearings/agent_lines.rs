//! One-second windows as an agent sees them: the strongest lines, and the stated speed.

use forewarn_vibration::envelope::LINES_MAX;
use forewarn_vibration::features::envelope_high_hz;
use forewarn_vibration::{Assessment, EnvelopeSpectrum, Features, Verdict, assess};

use crate::records::{Record, own_ends};

#[test]
fn one_second_of_a_clearly_damaged_bearing_names_the_damaged_part() {
    let Some(records) = own_ends("one_second_of_a_clearly_damaged_bearing") else { return };
    for (set, windows_min) in [("CWRU", 150), ("MFPT", 20)] {
        let clear = records.iter().filter(|it| it.set == set && it.evidence == "clear");
        let tally = Tally::of(clear, 1.0, 1.0);
        println!("{set}, clear, 1 s: {tally:?}");
        assert!(windows_min <= tally.windows, "{tally:?}");
        assert_eq!(tally.wrong, 0, "{tally:?}");
        assert!(95 * tally.windows <= 100 * tally.right, "{tally:?}");
    }
}

#[test]
fn a_weak_fault_is_never_given_a_wrong_name() {
    let Some(records) = own_ends("a_weak_fault") else { return };
    let tally = Tally::of(records.iter().filter(|it| it.evidence == "weak"), 1.0, 1.0);
    println!("CWRU, weak, 1 s: {tally:?}");
    assert!(40 <= tally.windows, "{tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
}

#[test]
fn a_healthy_bearing_is_never_given_a_name() {
    let Some(records) = own_ends("a_healthy_bearing") else { return };
    for (set, windows_min) in [("CWRU", 2), ("IMS", 50)] {
        let healthy = records.iter().filter(|it| it.set == set && it.truth.is_none());
        let tally = Tally::of(healthy, 1.0, 1.0);
        println!("{set}, healthy, 1 s: {tally:?}");
        assert!(windows_min <= tally.windows, "{tally:?}");
        assert_eq!(tally.healthy, tally.windows, "{tally:?}");
    }
}

#[test]
fn a_speed_one_percent_below_the_truth_changes_no_name() {
    let Some(records) = own_ends("a_speed_one_percent_below_the_truth") else { return };
    let tally = Tally::of(records.iter().filter(|it| it.evidence == "clear"), 1.0, 0.99);
    println!("clear, 1 s, speed 1 % low: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(95 * tally.windows <= 100 * tally.right, "{tally:?}");
}

#[test]
fn a_third_of_a_second_names_less_but_nothing_wrong() {
    let Some(records) = own_ends("a_third_of_a_second") else { return };
    let tally = Tally::of(records.iter(), 0.34, 1.0);
    println!("all records, 0.34 s: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
}

#[test]
fn the_lines_that_travel_give_the_verdict_of_the_whole_spectrum() {
    let Some(records) = own_ends("the_lines_that_travel") else { return };
    let (mut windows, mut same) = (0, 0);
    for record in &records {
        for window in record.windows(1.0) {
            let spectrum = record.spectrum(window, 1.0);
            let orders = record.geometry.orders();
            let sent = assess(&spectrum.peaks(LINES_MAX), record.shaft_hz, &orders);
            let whole = assess(&spectrum.all_lines(), record.shaft_hz, &orders);
            windows += 1;
            same += usize::from(sent.verdict == whole.verdict);
            if let (Verdict::Fault(sent), Verdict::Fault(whole)) = (sent.verdict, whole.verdict) {
                assert_eq!(sent, whole, "{}", record.name);
            }
        }
    }
    println!("same verdict from {LINES_MAX} lines: {same} of {windows} windows");
    assert!(99 * windows <= 100 * same, "{same} of {windows}");
}

#[test]
fn a_name_comes_with_two_harmonics_and_its_frequency_within_two_percent() {
    let Some(records) = own_ends("a_name_comes_with_two_harmonics") else { return };
    let mut worst: f64 = 0.0;
    for record in &records {
        for window in record.windows(1.0) {
            let assessment = record.assess(window, 1.0);
            let Some(named) = assessment.named() else { continue };
            assert!(2 <= named.harmonics.len(), "{}: {named:?}", record.name);
            worst = worst.max((named.found_hz.unwrap() / named.expected_hz - 1.0).abs());
        }
    }
    println!("largest deviation of a named frequency: {:.2} %", worst * 100.0);
    assert!(worst <= 0.02, "{worst}");
}

#[test]
fn every_recorded_second_has_features() {
    let Some(records) = own_ends("every_recorded_second_has_features") else { return };
    for record in &records {
        for window in record.windows(1.0) {
            let features = Features::of(window, record.rate_hz, Some(record.shaft_hz))
                .unwrap_or_else(|refused| panic!("{}: {refused}", record.name));
            assert!(1.0 < features.kurtosis && 1.0 < features.crest, "{}", record.name);
            assert!(features.hf_rms_g <= features.acc_rms_g, "{}", record.name);
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    windows: usize,
    right: usize,
    wrong: usize,
    unclear: usize,
    healthy: usize,
    not_resolvable: usize,
}

impl Tally {
    fn of<'a>(records: impl Iterator<Item = &'a Record>, seconds: f64, speed: f64) -> Self {
        let mut tally = Self::default();
        for record in records {
            for window in record.windows(seconds) {
                tally.windows += 1;
                match record.assess(window, speed).verdict {
                    Verdict::Fault(named) if record.truth == Some(named) => tally.right += 1,
                    Verdict::Fault(_) => tally.wrong += 1,
                    Verdict::Unclear => tally.unclear += 1,
                    Verdict::Healthy => tally.healthy += 1,
                    Verdict::NotResolvable => tally.not_resolvable += 1,
                }
            }
        }
        tally
    }
}

impl Record {
    /// The verdict on the lines that an agent would send, at `speed` times the stated speed.
    fn assess(&self, window: &[f64], speed: f64) -> Assessment {
        let lines = self.spectrum(window, speed).peaks(LINES_MAX);
        assess(&lines, speed * self.shaft_hz, &self.geometry.orders())
    }

    fn spectrum(&self, window: &[f64], speed: f64) -> EnvelopeSpectrum {
        let high_hz = envelope_high_hz(Some(speed * self.shaft_hz));
        EnvelopeSpectrum::of(window, self.rate_hz, high_hz).unwrap()
    }
}
