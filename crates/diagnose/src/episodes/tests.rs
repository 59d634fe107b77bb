//! Which anomalies join, and which stay apart.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{level, minutes, site};

#[test]
fn raising_twice_opens_once() {
    let mut book = EpisodeBook::default();
    let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
    let EpisodeChange::Opened(id) = book.raise(&site(), &hot) else { panic!("not opened") };
    let again = Anomaly { confirmed: minutes(1), ..hot };
    let expected = EpisodeChange::Amended { id, is_new_evidence: false };
    assert_eq!(book.raise(&site(), &again), expected);
    assert_eq!(book.episodes().count(), 1);
    let graver = Anomaly { severity: Severity::Alarm, ..again };
    let expected = EpisodeChange::Amended { id, is_new_evidence: true };
    assert_eq!(book.raise(&site(), &graver), expected);
}

#[test]
fn a_related_symptom_on_the_same_part_joins_and_an_unrelated_one_does_not() {
    let mut book = EpisodeBook::default();
    let knock = level("spindle", "acc.z.hf_rms", FaultFamily::Bearing, minutes(0));
    let EpisodeChange::Opened(id) = book.raise(&site(), &knock) else { panic!("not opened") };
    let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(90));
    let joined = EpisodeChange::Amended { id, is_new_evidence: true };
    assert_eq!(book.raise(&site(), &hot), joined);
    let elsewhere = level("motor", "temp", FaultFamily::Thermal, minutes(91));
    assert!(matches!(book.raise(&site(), &elsewhere), EpisodeChange::Opened(_)));
    let process = level("spindle", "load", FaultFamily::ToolProcess, minutes(92));
    assert!(matches!(book.raise(&site(), &process), EpisodeChange::Opened(_)));
    assert_eq!(book.episode(id).expect("held").key.family, FaultFamily::Bearing);
    assert_eq!(clear(&mut book, &knock, minutes(100)), None, "the heat is still there");
    assert_eq!(clear(&mut book, &hot, minutes(101)), Some(EpisodeChange::Cleared(id)));
}

#[test]
fn within_the_window_the_same_episode_comes_back_and_later_a_new_one_opens() {
    let mut book = EpisodeBook::default();
    let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
    let EpisodeChange::Opened(id) = book.raise(&site(), &hot) else { panic!("not opened") };
    assert_eq!(clear(&mut book, &hot, minutes(10)), Some(EpisodeChange::Cleared(id)));
    let soon = Anomaly { confirmed: minutes(40), ..hot.clone() };
    assert_eq!(book.raise(&site(), &soon), EpisodeChange::Recurred(id));
    assert_eq!(book.episode(id).expect("held").recurrences, 1);
    clear(&mut book, &hot, minutes(50));
    let late = Anomaly { confirmed: minutes(81), ..hot };
    let EpisodeChange::Opened(second) = book.raise(&site(), &late) else { panic!("not new") };
    assert_ne!(id, second);
    assert!(book.episode(id).is_none(), "the outlived episode is gone");
}

#[test]
fn a_broken_sensor_mutes_what_rests_on_it_alone() {
    let mut book = EpisodeBook::default();
    let flat = level("spindle", "acc", FaultFamily::Instrumentation, minutes(0));
    let EpisodeChange::Opened(by) = book.raise(&site(), &flat) else { panic!("not opened") };
    let derived = level("spindle", "acc.z.hf_rms", FaultFamily::Bearing, minutes(1));
    assert_eq!(book.raise(&site(), &derived), EpisodeChange::Muted { by });
    let other = level("spindle", "accel2", FaultFamily::Bearing, minutes(1));
    assert!(matches!(book.raise(&site(), &other), EpisodeChange::Opened(_)));
    assert_eq!(book.unmuted(), [], "the sensor is still broken");
    clear(&mut book, &flat, minutes(2));
    assert_eq!(book.unmuted(), std::slice::from_ref(&derived));
    assert_eq!(book.unmuted(), [], "each is given back once");
    let joined = book.raise(&site(), &derived);
    assert!(matches!(joined, EpisodeChange::Amended { .. }), "{joined:?}");
}

#[test]
fn a_muted_anomaly_that_ends_is_not_given_back() {
    let mut book = EpisodeBook::default();
    let flat = of_sensor(level("spindle", "temp", FaultFamily::Instrumentation, minutes(0)));
    book.raise(&site(), &flat);
    let cold = level("spindle", "temp", FaultFamily::Thermal, minutes(1));
    assert!(matches!(book.raise(&site(), &cold), EpisodeChange::Muted { .. }));
    clear(&mut book, &cold, minutes(2));
    clear(&mut book, &flat, minutes(3));
    assert_eq!(book.unmuted(), []);
}

#[test]
fn silence_does_not_mute_what_was_buffered_meanwhile() {
    let mut book = EpisodeBook::default();
    let mut silent = level("machine", "temp", FaultFamily::Connectivity, minutes(0));
    silent.finding = Finding::NoData { lasted: Span::from_secs(60), interval: Span::ZERO };
    book.raise(&site(), &silent);
    let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(1));
    assert!(matches!(book.raise(&site(), &hot), EpisodeChange::Opened(_)));
}

#[test]
fn a_ticket_on_a_sensor_that_breaks_later_is_doubted() {
    let mut book = EpisodeBook::default();
    let cold = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
    let EpisodeChange::Opened(machine) = book.raise(&site(), &cold) else { panic!("opened") };
    let flat = of_sensor(level("spindle", "temp", FaultFamily::Instrumentation, minutes(9)));
    let EpisodeChange::Opened(sensor) = book.raise(&site(), &flat) else { panic!("opened") };
    assert_eq!(book.doubted_by(sensor).collect::<Vec<_>>(), [machine]);
    assert_eq!(book.doubted_by(machine).count(), 0);
}

#[test]
fn a_forgotten_episode_makes_room_for_a_new_one() {
    let mut book = EpisodeBook::default();
    let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
    let EpisodeChange::Opened(id) = book.raise(&site(), &hot) else { panic!("not opened") };
    assert_eq!(book.forget(id).map(|it| it.id), Some(id));
    let again = Anomaly { confirmed: minutes(5), ..hot };
    assert!(matches!(book.raise(&site(), &again), EpisodeChange::Opened(_)));
}

#[test]
fn a_snapshot_reads_back_the_same() {
    let mut book = EpisodeBook::default();
    book.raise(&site(), &level("spindle", "temp", FaultFamily::Thermal, minutes(0)));
    let text = serde_json::to_string(&book).expect("json");
    assert_eq!(serde_json::from_str::<EpisodeBook>(&text).expect("reads back"), book);
}

/// The same anomaly from a rule about the sensor.
fn of_sensor(mut anomaly: Anomaly) -> Anomaly {
    anomaly.rule.id = RuleId::new("stuck-value").expect("slug");
    anomaly
}

fn clear(book: &mut EpisodeBook, anomaly: &Anomaly, at: Time) -> Option<EpisodeChange> {
    book.clear(&Clearing {
        rule: &anomaly.rule.id,
        component: &anomaly.component,
        family: anomaly.family,
        channel: &anomaly.channel,
        at,
    })
}

proptest! {
    #[test]
    fn any_interleaving_keeps_at_most_one_active_episode_for_each_key(
        steps in prop::collection::vec((any::<bool>(), 0..3_usize, 0..10_usize, 0..60_i64), 1..80)
    ) {
        let mut book = EpisodeBook::default();
        let mut now = 0;
        for (is_raise, point, family, wait) in steps {
            now += wait;
            let family = FaultFamily::ALL[family];
            let anomaly =
                level("spindle", ["temp", "load", "acc"][point], family, minutes(now));
            if is_raise {
                let first = book.raise(&site(), &anomaly);
                let second = book.raise(&site(), &anomaly);
                let is_open = matches!(second, EpisodeChange::Amended { .. });
                let is_muted = matches!(second, EpisodeChange::Muted { .. });
                prop_assert!(is_open || is_muted, "{first:?} then {second:?}");
            } else {
                clear(&mut book, &anomaly, minutes(now));
            }
            let active: Vec<&EpisodeKey> = book
                .held.iter().filter(|it| it.is_active()).map(|it| &it.episode.key).collect();
            for (place, key) in active.iter().enumerate() {
                prop_assert!(!active[..place].contains(key), "{key:?} is open twice");
            }
            for held in &book.held {
                prop_assert_eq!(held.is_active(), !held.active.is_empty());
            }
        }
    }
}
