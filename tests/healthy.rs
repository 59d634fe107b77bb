//! Thirty days of seven healthy machines, with duty cycles, warm-ups and noise, open no ticket.

use std::fs;
use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::site::plant::Plant;
use forewarn_engine::{Engine, Knowledge};
use forewarn_simulator::{History, HistoryOptions, Plan, SimulatedPlant};
use forewarn_tests::root;

#[test]
fn thirty_healthy_days_open_no_ticket_and_end_with_rules_that_watch() {
    let text = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let templates = fs::read_dir(root().join("config/devices"))
        .unwrap()
        .map(|entry| toml::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap());
    let site = toml::from_str(&text("config/demo/site.toml")).unwrap();
    let plant = Arc::new(Plant::new(site, templates.collect()).unwrap());
    let bearings = Catalogue::parse(&text("models/bearings.csv")).unwrap();
    let origin = "2026-11-20T06:00:00Z".parse().unwrap();
    let (machines, healthy) = (Arc::clone(&plant), Plan::healthy());
    let simulated = SimulatedPlant::new(machines, &bearings, 4_711, origin, healthy).unwrap();
    let knowledge = Knowledge {
        rules: toml::from_str(&text("config/rules/default.toml")).unwrap(),
        library: Arc::new(Library::built_in()),
        bearings: Arc::new(bearings),
    };
    let mut engine = Engine::new(Arc::clone(&plant), knowledge, Vec::new()).unwrap();
    for batch in History::of(&simulated, HistoryOptions::default()) {
        let decisions = engine.advance(&batch);
        assert!(decisions.is_empty(), "{decisions:?}");
    }
    let tally = engine.tally();
    assert!(10_000_000 < tally.readings, "{tally:?}");
    assert_eq!((tally.late, tally.unknown), (0, 0), "{tally:?}");
    for room in engine.rooms() {
        let device = &room.device().device.id;
        let learned = room.device().channels.keys().filter(|it| !room.normals(it).is_empty());
        assert!(2 < learned.count(), "{device} has learned nothing");
    }
}
