//! Made-up machines.

use forewarn_detect::monitor::{Change, Judge, Monitor, Reason, Settings};

use super::bench::{Noise, is_alarm, judge, noise, runs};

const JUDGES: [Judge; 6] =
    [Judge::Adaptive, Judge::Fixed, Judge::Similar, Judge::Plane, Judge::Clusters, Judge::Boundary];

#[test]
fn storing_and_loading_at_any_row_changes_no_verdict() {
    let mut rows = noise(900, 4, 7);
    for row in &mut rows[600..800] {
        row[2] += 6.0;
    }
    for row in &mut rows[100..110] {
        row[1] = f64::NAN;
    }
    rows[0][3] = f64::NAN;
    for judge in JUDGES {
        let settings = Settings { judge, ..Settings::default() };
        let mut whole = Monitor::new(settings, 4, 400);
        let mut broken = whole.clone();
        for (at, row) in rows.iter().enumerate() {
            if at < 3 || at % 37 == 0 {
                let text = serde_json::to_string(&broken).unwrap();
                broken = serde_json::from_str(&text).unwrap();
            }
            assert_eq!(whole.update(row, false), broken.update(row, false), "{judge:?}, row {at}");
        }
        assert_eq!(whole, broken);
    }
}

#[test]
fn every_judge_finds_a_step_in_its_signal_and_lets_it_go_when_it_is_back() {
    let mut rows = noise(1_400, 5, 11);
    for row in &mut rows[600..1_000] {
        row[3] += 5.0;
    }
    for judge in JUDGES {
        let settings = Settings { judge, ..Settings::default() };
        let mut monitor = Monitor::new(settings, 5, 400);
        let mut alarms = Vec::new();
        for row in &rows {
            let verdict = monitor.update(row, false);
            alarms.push(is_alarm(&verdict));
            if alarms.len() == 650 {
                let parts = monitor.contributions();
                let largest = parts.iter().max_by(|a, b| a.share.total_cmp(&b.share)).unwrap();
                assert_eq!(largest.signal, 3, "{judge:?}: {parts:?}");
                let sum: f64 = parts.iter().map(|it| it.share).sum();
                assert!((sum - 1.0).abs() < 1e-9 && 0.5 < largest.share, "{judge:?}: {parts:?}");
                assert!((0.5..1.0).contains(&verdict.unwrap().score), "{verdict:?}");
            }
        }
        let found = runs(&alarms);
        let [(first, last)] = found.as_slice() else { panic!("{judge:?}: {found:?}") };
        assert!((604..625).contains(first), "{judge:?}: {found:?}");
        assert!((1_000..1_030).contains(last), "{judge:?}: {found:?}");
    }
}

#[test]
fn the_change_points_of_a_step_are_onset_settled_and_departure() {
    let mut rows = noise(1_400, 3, 3);
    for row in &mut rows[600..1_000] {
        row[0] -= 4.0;
    }
    let changes: Vec<(usize, Change)> = judge(&rows, 400)
        .iter()
        .enumerate()
        .filter_map(|(row, verdict)| Some((row, (*verdict)?.change?)))
        .collect();
    let kinds: Vec<Change> = changes.iter().map(|(_, it)| *it).collect();
    assert_eq!(kinds, [Change::Onset, Change::Settled, Change::Departure], "{changes:?}");
    assert!((600..620).contains(&changes[0].0) && (1_000..1_015).contains(&changes[2].0));
}

#[test]
fn signals_that_wander_or_hardly_move_raise_nothing() {
    let mut walk = Noise(99);
    let mut level = 300.0;
    let rows: Vec<Vec<f64>> = noise(3_000, 2, 21)
        .into_iter()
        .enumerate()
        .map(|(row, mut values)| {
            level += 0.3 * walk.next();
            values.push(level);
            // A coarse converter: 32, and now and then 33.
            values.push(if row % 50 == 0 { 33.0 } else { 32.0 });
            values
        })
        .collect();
    let verdicts = judge(&rows, 400);
    assert!(
        !verdicts.iter().any(is_alarm),
        "{:?}",
        runs(&verdicts.iter().map(is_alarm).collect::<Vec<_>>())
    );
    assert!(verdicts.iter().flatten().all(|it| (0.0..1.0).contains(&it.score)));
}

#[test]
fn an_excursion_of_a_signal_that_always_came_back_is_an_event_of_one_row() {
    let mut noise = Noise(5);
    let mut level = 0.0;
    // Wanders with a memory of some forty rows, so it comes back again and again.
    let mut rows: Vec<Vec<f64>> = (0..3_000)
        .map(|_| {
            level += -0.03 * level + 0.25 * noise.next();
            vec![80.0 + 4.0 * level + 0.1 * noise.next()]
        })
        .collect();
    for (at, row) in rows[1_500..1_900].iter_mut().enumerate() {
        row[0] -= 0.25 * f64::from(u32::try_from(at).unwrap());
    }
    let verdicts = judge(&rows, 800);
    let events: Vec<usize> = (0..rows.len()).filter(|it| is_alarm(&verdicts[*it])).collect();
    let [row] = events.as_slice() else { panic!("{events:?}") };
    assert!((1_500..1_900).contains(row), "{row}");
    assert_eq!(verdicts[*row].unwrap().reason, Some(Reason::Excursion));
}

#[test]
fn missing_values_and_a_dead_signal_do_no_harm() {
    let mut rows = noise(1_200, 3, 17);
    for (at, row) in rows.iter_mut().enumerate() {
        row[1] = f64::NAN;
        if at % 3 == 0 {
            row[2] = f64::NAN;
        }
    }
    for row in &mut rows[900..] {
        row[0] += 5.0;
    }
    let verdicts = judge(&rows, 400);
    let alarms: Vec<bool> = verdicts.iter().map(is_alarm).collect();
    let first = alarms.iter().position(|it| *it).unwrap();
    assert!((900..920).contains(&first), "{first}");
    assert!(verdicts.iter().flatten().all(|it| it.score.is_finite()));
}

#[test]
fn a_machine_that_was_starting_up_is_told_apart() {
    let mut rows = noise(500, 3, 23);
    for (at, row) in rows[..150].iter_mut().enumerate() {
        let missing = f64::from(u32::try_from(150 - at).unwrap());
        row.iter_mut().for_each(|it| *it -= 0.4 * missing);
    }
    let starting = |rows: &[Vec<f64>]| {
        let mut monitor = Monitor::new(Settings::default(), 3, 400);
        rows.iter().for_each(|row| assert!(!is_alarm(&monitor.update(row, false))));
        monitor.was_starting_up()
    };
    assert!(starting(&rows));
    assert!(!starting(&noise(500, 3, 23)));
}
