//! Verdicts on recorded bearings: CWRU (seeded faults), MFPT (variable load), IMS (healthy).
//!
//! One-second windows, since that is what an agent sees; the lines that an agent sends, and for
//! comparison the whole spectrum. The speeds are those of the name plates, as in a plant without a
//! tachometer at each shaft. The records lie outside the repository.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "the figures reached, and which test was skipped")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use forewarn_vibration::envelope::LINES_MAX;
use forewarn_vibration::features::envelope_high_hz;
use forewarn_vibration::{
    Assessment, Defect, EnvelopeSpectrum, Features, Geometry, Verdict, assess,
};

#[test]
fn one_second_of_a_clearly_damaged_bearing_names_the_damaged_part() {
    let Some(records) = records("one_second_of_a_clearly_damaged_bearing") else { return };
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
    let Some(records) = records("a_weak_fault") else { return };
    let tally = Tally::of(records.iter().filter(|it| it.evidence == "weak"), 1.0, 1.0);
    println!("CWRU, weak, 1 s: {tally:?}");
    assert!(40 <= tally.windows, "{tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
}

#[test]
fn a_healthy_bearing_is_never_given_a_name() {
    let Some(records) = records("a_healthy_bearing") else { return };
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
    let Some(records) = records("a_speed_one_percent_below_the_truth") else { return };
    let tally = Tally::of(records.iter().filter(|it| it.evidence == "clear"), 1.0, 0.99);
    println!("clear, 1 s, speed 1 % low: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(95 * tally.windows <= 100 * tally.right, "{tally:?}");
}

#[test]
fn a_third_of_a_second_names_less_but_nothing_wrong() {
    let Some(records) = records("a_third_of_a_second") else { return };
    let tally = Tally::of(records.iter(), 0.34, 1.0);
    println!("all records, 0.34 s: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
}

#[test]
fn the_lines_that_travel_give_the_verdict_of_the_whole_spectrum() {
    let Some(records) = records("the_lines_that_travel") else { return };
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
    let Some(records) = records("a_name_comes_with_two_harmonics") else { return };
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
    let Some(records) = records("every_recorded_second_has_features") else { return };
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

struct Record {
    set: &'static str,
    name: String,
    rate_hz: f64,
    shaft_hz: f64,
    geometry: Geometry,
    truth: Option<Defect>,
    evidence: String,
    samples: Vec<f64>,
}

impl Record {
    fn windows(&self, seconds: f64) -> impl Iterator<Item = &[f64]> {
        let len: usize = format!("{:.0}", seconds * self.rate_hz).parse().unwrap();
        self.samples.chunks_exact(len)
    }

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

fn cwru(folder: &Path) -> Vec<Record> {
    let folder = folder.join("cwru");
    let mut records = Vec::new();
    for row in rows(&folder) {
        let channels: Vec<&str> = row["channels"].split('+').collect();
        let scales: Vec<f64> = row["scale"].split('+').map(|s| s.parse().unwrap()).collect();
        let bytes = gunzip(&folder.join(&row["file"]));
        for (i, end) in channels.iter().enumerate() {
            let geometry = match *end {
                "DE" => Geometry::new(9, 0.3126 * 25.4, 1.537 * 25.4, 0.0).unwrap(),
                _ => Geometry::new(8, 0.2656 * 25.4, 1.122 * 25.4, 0.0).unwrap(),
            };
            let is_healthy = row["fault"] == "none";
            if !is_healthy && row["bearing_end"] != *end {
                continue;
            }
            records.push(Record {
                set: "CWRU",
                name: format!("{} {end}", row["file"]),
                rate_hz: row["fs_hz"].parse().unwrap(),
                shaft_hz: row["rpm_nominal"].parse::<f64>().unwrap() / 60.0,
                geometry,
                truth: defect(&row["fault"]),
                evidence: row["evidence"].clone(),
                samples: channel(&bytes, i, channels.len(), scales[i]),
            });
        }
    }
    records
}

fn mfpt(folder: &Path) -> Vec<Record> {
    let folder = folder.join("mfpt");
    rows(&folder)
        .into_iter()
        .map(|row| Record {
            set: "MFPT",
            name: row["file"].clone(),
            rate_hz: row["fs_hz"].parse().unwrap(),
            shaft_hz: row["shaft_hz"].parse().unwrap(),
            geometry: Geometry::new(8, 0.235 * 25.4, 1.245 * 25.4, 0.0).unwrap(),
            truth: defect(&row["fault"]),
            evidence: row["evidence"].clone(),
            samples: gunzip(&folder.join(&row["file"]))
                .chunks_exact(4)
                .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
                .collect(),
        })
        .collect()
}

fn ims(folder: &Path) -> Vec<Record> {
    let folder = folder.join("ims_day1");
    let mut records = Vec::new();
    for row in rows(&folder) {
        let path = folder.join(&row["file"]);
        if !path.try_exists().unwrap() {
            continue;
        }
        let bytes = gunzip(&path);
        for i in 0..8 {
            records.push(Record {
                set: "IMS",
                name: format!("{} channel {}", row["file"], i + 1),
                rate_hz: row["fs_hz"].parse().unwrap(),
                shaft_hz: row["rpm"].parse::<f64>().unwrap() / 60.0,
                geometry: Geometry::new(16, 8.407, 71.50, 15.17).unwrap(),
                truth: None,
                evidence: "healthy".to_owned(),
                samples: channel(&bytes, i, 8, 0.001),
            });
        }
    }
    records
}

fn defect(fault: &str) -> Option<Defect> {
    match fault {
        "outer" => Some(Defect::OuterRace),
        "inner" => Some(Defect::InnerRace),
        "ball" => Some(Defect::RollingElement),
        "none" => None,
        other => panic!("unknown fault {other}"),
    }
}

fn channel(bytes: &[u8], index: usize, channels: usize, scale: f64) -> Vec<f64> {
    bytes
        .chunks_exact(2)
        .map(|b| f64::from(i16::from_le_bytes([b[0], b[1]])) * scale)
        .skip(index)
        .step_by(channels)
        .collect()
}

/// Each line of `records.csv` as column → text. One column is quoted, since it holds a comma.
fn rows(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(folder.join("records.csv")).unwrap();
    let mut lines = text.lines().map(fields);
    let header = lines.next().unwrap();
    lines.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

fn fields(line: &str) -> Vec<String> {
    let mut is_quoted = false;
    let split = line.split(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    split.map(|field| field.trim_matches('"').to_owned()).collect()
}

fn gunzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn records(test: &str) -> Option<Vec<Record>> {
    let shared = std::env::var_os("FOREWARN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data");
    if ["cwru", "mfpt", "ims_day1"].iter().all(|set| folder.join(set).is_dir()) {
        return Some(cwru(&folder).into_iter().chain(mfpt(&folder)).chain(ims(&folder)).collect());
    }
    let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|it| it.trim() == "data"), "{test} needs {folder:?}");
    println!("SKIPPED {test}: needs the bearing records in {}", folder.display());
    None
}
