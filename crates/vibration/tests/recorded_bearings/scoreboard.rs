//! What `forewarn diagnose` says of whole records and of windows, in tables, with what must hold.
//!
//! `cargo test -p forewarn-vibration --test recorded_bearings scoreboard -- --nocapture` prints
//! them; `FOREWARN_SHARED` names another folder of records.

use std::collections::BTreeMap;

use forewarn_vibration::Geometry;
use forewarn_vibration::diagnosis::{self, Diagnosis, Judgement};
use forewarn_vibration::faults::Machine;

use crate::records::{Record, Run, all, runs};

#[test]
fn scoreboard_of_whole_records_and_seconds_at_the_stated_speed() {
    let Some(records) = all("scoreboard_of_whole_records") else { return };
    for (unit, seconds) in [("record", None), ("1 s", Some(1.0))] {
        let board = Board::of(&records, seconds, 1.0);
        board.print(unit);
        let clear = board.sum(|(_, evidence)| evidence == "clear");
        let all = board.sum(|_| true);
        let own = board.sum(|(_, evidence)| evidence != "other end");
        assert!(20 <= clear.judged, "{unit}: {clear:?}");
        assert!(97 * clear.judged <= 100 * clear.right, "{unit}: {clear:?}");
        assert!(100 * own.wrong <= own.judged, "{unit}: {own:?}");
        assert!(100 * all.wrong <= all.judged, "{unit}: {all:?}");
        assert_eq!(clear.wrong, 0, "{unit}: {clear:?}");
        assert_eq!(board.sum(|(_, evidence)| evidence == "healthy").wrong, 0, "{unit}");
        assert!(board.deviation <= 0.02, "{unit}: {}", board.deviation);
    }
}

#[test]
fn scoreboard_under_a_wrong_speed_a_wrong_scale_and_half_windows() {
    let Some(mut records) = all("scoreboard_under_a_wrong_speed") else { return };
    // The many alike of the healthy rig: every eighth shows what a wrong speed does to them.
    let mut healthy = 0;
    records.retain(|it| {
        healthy += usize::from(it.set == "IMS");
        it.set != "IMS" || healthy.is_multiple_of(8)
    });
    for speed in [0.985, 0.99, 0.995, 1.005, 1.01, 1.015] {
        for (unit, seconds) in [("record", None), ("1 s", Some(1.0)), ("0.5 s", Some(0.5))] {
            let board = Board::of(&records, seconds, speed);
            board.print(&format!("{unit}, speed × {speed}"));
            let clear = board.sum(|(_, evidence)| evidence == "clear");
            let right_min = if unit == "0.5 s" { 85 } else { 97 };
            assert!(right_min * clear.judged <= 100 * clear.right, "{unit} at {speed}: {clear:?}");
            assert_eq!(clear.wrong, 0, "{unit} at {speed}: {clear:?}");
            let own = board.sum(|(_, evidence)| evidence != "other end");
            assert!(100 * own.wrong <= own.judged, "{unit} at {speed}: {own:?}");
        }
    }
    let before = Board::of(&records, Some(1.0), 1.0).sum(|_| true);
    for record in &mut records {
        record.samples.iter_mut().for_each(|sample| *sample *= 0.5);
    }
    let after = Board::of(&records, Some(1.0), 1.0).sum(|_| true);
    assert_eq!((before.right, before.wrong), (after.right, after.wrong), "a scale names nothing");
}

#[test]
fn scoreboard_of_runs_to_failure_names_no_race_that_ten_hertz_cannot_part() {
    let Some(runs) = runs("scoreboard_of_runs_to_failure") else { return };
    let orders = Geometry::new(13, 3.5, 25.6, 0.0).unwrap().orders();
    for Run { name, rate_hz, shaft_hz, snapshot, samples } in &runs {
        let judge = |burst: &[f64]| {
            diagnosis::diagnose(burst, *rate_hz, *shaft_hz, Some(&orders), &Machine::default())
                .unwrap_or_else(|error| diagnosis::refused(&error))
        };
        let each: Vec<Diagnosis> = samples.chunks_exact(*snapshot).map(judge).collect();
        let whole = diagnosis::over_snapshots(&each).unwrap();
        let mut counts = BTreeMap::new();
        for found in each.iter().chain([&whole]) {
            *counts.entry((found.judgement.code(), found.cause)).or_insert(0) += 1;
            let is_honest = match found.judgement {
                Judgement::Fault => found.cause == Some("outer_race"),
                Judgement::NotResolvable | Judgement::Unclear => found.cause.is_none(),
                Judgement::Healthy => false,
            };
            assert!(is_honest, "{name}: {found:?}");
        }
        println!(
            "FEMTO {name}: {} {:?}, snapshots {counts:?}",
            whole.judgement.code(),
            whole.cause
        );
    }
    assert!(!runs.is_empty());
}

#[test]
fn a_healthy_record_shows_no_fault_of_the_machine_either_whatever_is_known_of_it() {
    let Some(records) = all("a_healthy_record_shows_no_fault") else { return };
    let known = Machine {
        gear_teeth: Some(23),
        vanes: Some(5),
        tool_teeth: Some(4),
        line_hz: Some(60.0),
        ..Machine::default()
    };
    let mut judged = 0;
    for record in records.iter().filter(|it| it.evidence == "healthy") {
        for machine in [Machine::default(), known] {
            for window in record.windows(1.0).chain([record.samples.as_slice()]) {
                let shaft_hz = record.shaft_hz;
                let found =
                    diagnosis::diagnose(window, record.rate_hz, shaft_hz, None, &machine).unwrap();
                assert_eq!(found.findings, [], "{}", record.name);
                assert_eq!(found.judgement, Judgement::Healthy, "{}", record.name);
                judged += 1;
            }
        }
    }
    println!("healthy records and windows without a finding: {judged}");
    assert!(100 <= judged, "{judged}");
}

/// Counts for each set and kind of evidence.
#[derive(Debug, Default)]
struct Board {
    rows: BTreeMap<(&'static str, String), Row>,
    /// Largest relative distance of a rightly named frequency from where it is.
    deviation: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    judged: usize,
    right: usize,
    wrong: usize,
    unclear: usize,
    healthy: usize,
    not_resolvable: usize,
}

impl Board {
    fn of(records: &[Record], seconds: Option<f64>, speed: f64) -> Self {
        let mut board = Self::default();
        for record in records {
            match seconds {
                None => board.judge(record, &record.samples, speed),
                Some(seconds) => {
                    record.windows(seconds).for_each(|window| board.judge(record, window, speed));
                }
            }
        }
        board
    }

    fn judge(&mut self, record: &Record, samples: &[f64], speed: f64) {
        let orders = record.geometry.orders();
        let shaft_hz = speed * record.shaft_hz;
        let machine = Machine::default();
        let found = diagnosis::diagnose(samples, record.rate_hz, shaft_hz, Some(&orders), &machine)
            .unwrap();
        let row = self.rows.entry((record.set, record.evidence.clone())).or_default();
        row.judged += 1;
        match found.judgement {
            Judgement::Fault if found.cause == record.truth.map(|it| it.code()) => {
                row.right += 1;
                assert!(2 <= found.harmonics.len(), "{}: {found:?}", record.name);
                let true_hz = orders.of(record.truth.unwrap()) * record.shaft_hz;
                let deviation = (found.frequency_hz.unwrap() / true_hz - 1.0).abs();
                self.deviation = self.deviation.max(deviation);
            }
            Judgement::Fault => {
                row.wrong += 1;
                let end = if record.evidence == "other end" { "wrong end" } else { "wrong" };
                println!("  {end}: {} {:?}, {}", record.name, found.cause, found.why);
            }
            Judgement::Unclear => row.unclear += 1,
            Judgement::Healthy => row.healthy += 1,
            Judgement::NotResolvable => row.not_resolvable += 1,
        }
    }

    fn sum(&self, chosen: impl Fn((&str, &str)) -> bool) -> Row {
        let rows = self.rows.iter().filter(|((set, evidence), _)| chosen((set, evidence)));
        rows.fold(Row::default(), |sum, (_, row)| Row {
            judged: sum.judged + row.judged,
            right: sum.right + row.right,
            wrong: sum.wrong + row.wrong,
            unclear: sum.unclear + row.unclear,
            healthy: sum.healthy + row.healthy,
            not_resolvable: sum.not_resolvable + row.not_resolvable,
        })
    }

    fn print(&self, unit: &str) {
        println!("BEARINGS by {unit}: largest deviation {:.2} %", 100.0 * self.deviation);
        for ((set, evidence), row) in &self.rows {
            let Row { judged, right, wrong, unclear, healthy, not_resolvable } = row;
            println!(
                "  {set:5} {evidence:10} n {judged:4}  right {right:4}  wrong {wrong:3}  \
                 unclear {unclear:3}  healthy {healthy:4}  not resolvable {not_resolvable:3}"
            );
        }
    }
}
