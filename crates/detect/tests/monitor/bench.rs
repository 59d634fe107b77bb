//! Made-up signals, and tables of recorded ones.
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::fs;
use std::path::PathBuf;

use forewarn_detect::monitor::{Monitor, Settings, Verdict};

/// A fixed pseudo-random series of standard deviation 1, nearly normal.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> f64 {
        (0..4).map(|_| self.uniform()).sum::<f64>() * 1.732
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1_u32 << 31) - 0.5
    }
}

/// Rows of `width` signals of noise about 10, 20, 30, …
pub(crate) fn noise(rows: usize, width: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut noise = Noise(seed);
    let level = |signal: usize| 10.0 * f64::from(u32::try_from(signal + 1).unwrap());
    (0..rows).map(|_| (0..width).map(|it| level(it) + 0.5 * noise.next()).collect()).collect()
}

/// What a monitor says about rows; `None` while it learns.
pub(crate) fn judge(rows: &[Vec<f64>], learn: usize) -> Vec<Option<Verdict>> {
    let mut monitor = Monitor::new(Settings::default(), rows[0].len(), learn);
    rows.iter().map(|row| monitor.update(row, false)).collect()
}

pub(crate) fn is_alarm(verdict: &Option<Verdict>) -> bool {
    verdict.is_some_and(|it| it.is_alarm)
}

/// First and last row of each alarm.
pub(crate) fn runs(alarms: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (row, _) in alarms.iter().enumerate().filter(|(_, is)| **is) {
        match runs.last_mut() {
            Some(run) if run.1 + 1 == row => run.1 = row,
            _ => runs.push((row, row)),
        }
    }
    runs
}

/// A recorded table: the signals of each row, and the last but one column as a label.
pub(crate) struct Table {
    pub(crate) rows: Vec<Vec<f64>>,
    pub(crate) is_fault: Vec<bool>,
}

/// Reads a table of eight signals after the time, or of as many as there are.
pub(crate) fn table(path: &PathBuf, separator: char) -> Table {
    let text = fs::read_to_string(path).unwrap();
    let (mut rows, mut is_fault) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let cells: Vec<f64> = line.split(separator).skip(1).map(|it| it.parse().unwrap()).collect();
        is_fault.push(cells.get(8).is_some_and(|it| 0.5 < *it));
        rows.push(cells.into_iter().take(8).collect());
    }
    Table { rows, is_fault }
}

/// The folder of recorded data, or `None` after saying that the test is skipped.
pub(crate) fn data(test: &str, place: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("FOREWARN_SHARED").map_or_else(beside, PathBuf::from);
    let path = shared.join("data").join(place);
    if path.is_dir() {
        return Some(path);
    }
    println!("SKIPPED {test}: needs data/{place}");
    let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|it| it == "data"), "{} is required", path.display());
    None
}
