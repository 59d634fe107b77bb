//! Recorded data as records: read from a folder laid out like the public ones.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use forewarn_vibration::{Defect, Geometry};

/// One accelerometer of one record.
pub(crate) struct Record {
    pub(crate) set: &'static str,
    pub(crate) name: String,
    pub(crate) rate_hz: f64,
    pub(crate) shaft_hz: f64,
    pub(crate) geometry: Geometry,
    pub(crate) truth: Option<Defect>,
    pub(crate) evidence: String,
    pub(crate) samples: Vec<f64>,
}

impl Record {
    pub(crate) fn windows(&self, seconds: f64) -> impl Iterator<Item = &[f64]> {
        let len: usize = format!("{:.0}", seconds * self.rate_hz).parse().unwrap();
        self.samples.chunks_exact(len)
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
            let is_own = row["bearing_end"] == *end;
            records.push(Record {
                set: "CWRU",
                name: format!("{} {end}", row["file"]),
                rate_hz: row["fs_hz"].parse().unwrap(),
                shaft_hz: row["rpm_nominal"].parse::<f64>().unwrap() / 60.0,
                geometry,
                truth: defect(&row["fault"]).filter(|_| is_own),
                evidence: match (is_healthy, is_own) {
                    (true, _) => "healthy".to_owned(),
                    (false, true) => row["evidence"].clone(),
                    (false, false) => "other end".to_owned(),
                },
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

/// The records of the end at which the fault was seeded, and the healthy ones.
pub(crate) fn own_ends(test: &str) -> Option<Vec<Record>> {
    let mut all = all(test)?;
    all.retain(|it| it.evidence != "other end");
    Some(all)
}

/// All of them, also the sound bearing at the other end of a machine.
pub(crate) fn all(test: &str) -> Option<Vec<Record>> {
    let folder = data(test, &["cwru", "mfpt", "ims_day1"])?;
    Some(cwru(&folder).into_iter().chain(mfpt(&folder)).chain(ims(&folder)).collect())
}

/// The folder of data, if it holds these sets.
fn data(test: &str, sets: &[&str]) -> Option<PathBuf> {
    let shared = std::env::var_os("FOREWARN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data");
    if sets.iter().all(|set| folder.join(set).is_dir()) {
        return Some(folder);
    }
    let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|it| it.trim() == "data"), "{test} needs {folder:?}");
    println!("SKIPPED {test}: needs the bearing records in {}", folder.display());
    None
}

/// A bearing that ran to failure, seen by one accelerometer in snapshots of a tenth of a second.
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) rate_hz: f64,
    pub(crate) shaft_hz: f64,
    pub(crate) snapshot: usize,
    pub(crate) samples: Vec<f64>,
}

/// The runs to failure of the FEMTO set.
pub(crate) fn runs(test: &str) -> Option<Vec<Run>> {
    let folder = data(test, &["femto"])?.join("femto");
    let mut runs = Vec::new();
    for row in rows(&folder) {
        let path = folder.join(&row["file"]);
        if !path.try_exists().unwrap() {
            continue;
        }
        let bytes = gunzip(&path);
        let channels: Vec<&str> = row["channels"].split('+').collect();
        for (i, name) in channels.iter().enumerate() {
            let scales: Vec<f64> = row["scale"].split('+').map(|s| s.parse().unwrap()).collect();
            runs.push(Run {
                name: format!("{} {name}", row["bearing"]),
                rate_hz: row["fs_hz"].parse().unwrap(),
                shaft_hz: row["rpm"].parse::<f64>().unwrap() / 60.0,
                snapshot: row["samples_per_snapshot"].parse().unwrap(),
                samples: channel(&bytes, i, channels.len(), scales[i.min(scales.len() - 1)]),
            });
        }
    }
    Some(runs)
}
