//! Recorded machines: what the monitor must reach on them, with one set of settings for all.

use forewarn_detect::monitor::{Monitor, Settings};

use super::bench::{data, is_alarm, judge, runs, table};

const FILES: [&str; 17] = [
    "valve1/0",
    "valve1/2",
    "valve1/4",
    "valve1/6",
    "valve1/8",
    "valve1/10",
    "valve1/12",
    "valve1/14",
    "valve2/0",
    "valve2/2",
    "other/1",
    "other/3",
    "other/5",
    "other/7",
    "other/9",
    "other/11",
    "other/13",
];

/// Precision and recall in one, and the share of healthy rows in alarm.
fn score(learn_from: usize) -> Option<(f64, f64, usize)> {
    let folder = data("the pump experiments", "skab")?;
    let (mut hit, mut false_rows, mut missed, mut quiet, mut tickets) = (0.0, 0.0, 0.0, 0.0, 0);
    for name in FILES {
        let table = table(&folder.join(format!("{name}.csv")), ';');
        let alarms: Vec<bool> =
            judge(&table.rows[learn_from..], 400 - learn_from).iter().map(is_alarm).collect();
        for (is_alarm, is_fault) in
            alarms.iter().zip(&table.is_fault[learn_from..]).skip(400 - learn_from)
        {
            match (is_alarm, is_fault) {
                (true, true) => hit += 1.0,
                (true, false) => false_rows += 1.0,
                (false, true) => missed += 1.0,
                (false, false) => quiet += 1.0,
            }
        }
        // Alarms that are less than a minute apart are one ticket.
        let mut last = None;
        for (first, end) in runs(&alarms) {
            tickets += usize::from(last.is_none_or(|it| it + 60 < first));
            last = Some(end);
        }
    }
    Some((hit / (hit + 0.5 * (false_rows + missed)), false_rows / (false_rows + quiet), tickets))
}

#[test]
fn pump_faults_are_found_with_few_false_alarms_wherever_learning_begins() {
    let Some((f1, false_share, tickets)) = score(0) else { return };
    assert!(0.89 <= f1 && false_share <= 0.08, "F1 {f1:.3}, false {false_share:.3}");
    assert_eq!(tickets, FILES.len(), "one ticket for each experiment");
    for learn_from in [70, 140] {
        let (other, ..) = score(learn_from).unwrap();
        assert!((other - f1).abs() <= 0.02, "{f1:.3} {other:.3} from row {learn_from}");
    }
}

#[test]
fn a_healthy_pump_raises_nothing_after_an_hour_and_slow_ramps_are_found_early() {
    let Some(folder) = data("the healthy pump", "skab") else { return };
    let rows = table(&folder.join("anomaly-free/anomaly-free.csv"), ';').rows;
    let mut learned = Monitor::new(Settings::default(), 8, 3_600);
    rows[..3_600].iter().for_each(|row| assert_eq!(learned.update(row, false), None));
    let rest = &rows[3_600..];
    let mut calm = learned.clone();
    assert!(!rest.iter().any(|row| is_alarm(&calm.update(row, false))), "a false alarm");
    let watched = learned.drift_is_watched();
    let signals: Vec<usize> = (0..8).filter(|it| watched[*it]).collect();
    assert!(3 <= signals.len(), "{watched:?}");
    let (mut found, mut all) = (0, 0);
    for signal in signals {
        let sd = deviation(rows[..3_600].iter().map(|row| row[signal]));
        for rise in [-5.0, -3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0, 5.0] {
            all += 1;
            found += usize::from(is_found(&learned, rest, (signal, rise, sd)));
        }
    }
    assert!(9 * all <= 10 * found, "{found} of {all}");
}

/// Whether a ramp that rises by so many standard deviations over the run is found before 3 of them.
fn is_found(learned: &Monitor, rest: &[Vec<f64>], (signal, rise, sd): (usize, f64, f64)) -> bool {
    let mut monitor = learned.clone();
    let whole = f64::from(u32::try_from(rest.len()).unwrap());
    for (at, row) in rest.iter().enumerate() {
        let reached = rise * f64::from(u32::try_from(at).unwrap()) / whole;
        let mut row = row.clone();
        row[signal] += reached * sd;
        if is_alarm(&monitor.update(&row, false)) {
            return reached.abs() < 3.0;
        }
    }
    false
}

fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    (squares / count - (sum / count) * (sum / count)).sqrt()
}

#[test]
fn the_troubles_of_a_large_machine_are_events_with_one_false_one() {
    let Some(folder) = data("the large machine", "nab_machine") else { return };
    let file = "data/realKnownCause/machine_temperature_system_failure.csv";
    let rows = table(&folder.join(file), ',').rows;
    let verdicts = judge(&rows, 750);
    let events: Vec<usize> = (0..rows.len()).filter(|it| is_alarm(&verdicts[*it])).collect();
    // The rows of the four windows in `labels/combined_windows.json`.
    let windows = [2_126..=2_692, 3_703..=4_269, 16_057..=16_623, 19_232..=19_798];
    for window in &windows {
        assert!(events.iter().any(|it| window.contains(it)), "{window:?} {events:?}");
    }
    let outside = events.iter().filter(|it| !windows.iter().any(|window| window.contains(it)));
    assert!(outside.count() <= 1, "{events:?}");
}
