//! The monitor of several signals: time for a row of eight channels on one core.
//!
//! `--rows N`, `--quick`. Each judge alone with everything that always runs beside it, and the sum of
//! all six.

use std::time::Instant;

use forewarn_benches::Failure;
use forewarn_benches::arguments::Arguments;
use forewarn_benches::figures::{Bar, Figures, figure};
use forewarn_benches::usage::thread_time;
use forewarn_detect::monitor::{Judge, Monitor, Settings};

fn main() -> Result<(), Failure> {
    let arguments = Arguments::of_process();
    let is_quick = arguments.has("--quick");
    let count: usize = arguments.value("--rows", if is_quick { 20_000 } else { 500_000 })?;
    let mut figures = Figures::of("monitor");
    let (learned, rows) = (rows(LEARN, 1), rows(4_096, 2));
    let mut sum = 0.0;
    for (name, judge) in JUDGES {
        let mut monitor = Monitor::new(Settings { judge, ..Settings::default() }, CHANNELS, LEARN);
        for row in &learned {
            monitor.update(row, false);
        }
        if monitor.is_learning() {
            return Err("it still learns".into());
        }
        let (began, ran) = (Instant::now(), thread_time());
        let mut alarms = 0_u64;
        for row in rows.iter().cycle().take(count) {
            alarms += u64::from(monitor.update(row, false).is_some_and(|it| it.is_alarm));
        }
        let took = ran.zip(thread_time()).map_or(began.elapsed(), |(a, b)| b.saturating_sub(a));
        let each = took.as_secs_f64() * 1e6 / figure(u64::try_from(count)?);
        sum += each;
        let bar = (judge == Judge::Adaptive).then_some(Bar::AtMost(1.0));
        figures.add(format!("a row of 8 channels, {name}"), each, "µs", bar)?;
        figures.add(format!("rows in alarm, {name}"), figure(alarms), "rows", None)?;
    }
    figures.add("a row of 8 channels, all judges one after another", sum, "µs", None)?;
    Ok(figures.print_table()?)
}

/// Rows of noise about different levels.
fn rows(count: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut word = 0x9e37_79b9_7f4a_7c15_u64 ^ seed;
    let mut uniform = || {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        figure(word >> 33) / figure(1 << 31) - 0.5
    };
    (0..count).map(|_| (0..8).map(|it| 10.0 * figure(it + 1) + uniform()).collect()).collect()
}

const CHANNELS: usize = 8;
const LEARN: usize = 3_600;

const JUDGES: [(&str, Judge); 6] = [
    ("adaptive", Judge::Adaptive),
    ("fixed", Judge::Fixed),
    ("similar", Judge::Similar),
    ("plane", Judge::Plane),
    ("clusters", Judge::Clusters),
    ("boundary", Judge::Boundary),
];
