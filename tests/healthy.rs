//! Healthy machines, with duty cycles, warm-ups, recipes, tools, weather and noise, open no ticket.
//!
//! In short: thirty days of the demo's seven machines, and three days of ten machines whose recipes,
//! tools and weather change. `FOREWARN_HEALTHY_SEEDS=10` runs forty such machines for thirty days
//! once for each seed and prints the rate of false tickets; `FOREWARN_ONLY_SHADOW=1` asks the rules that
//! run in shadow instead of those in force.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

use std::fs;
use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::Span;
use forewarn_engine::{Decision, Engine, Knowledge};
use forewarn_simulator::{History, HistoryOptions, Plan, SimulatedPlant, fleet};
use forewarn_tests::root;

#[test]
fn thirty_healthy_days_open_no_ticket_and_end_with_rules_that_watch() {
    let plant = plant(&text("config/demo/site.toml"));
    let (opened, engine) = false_tickets(&plant, 4_711, Plan::healthy(), HistoryOptions::default());
    assert_eq!(opened, Vec::<String>::new());
    let tally = engine.tally();
    assert!(10_000_000 < tally.readings, "{tally:?}");
    assert_eq!((tally.late, tally.unknown), (0, 0), "{tally:?}");
    for room in engine.rooms() {
        let device = &room.device().device.id;
        let learned = room.device().channels.keys().filter(|it| !room.normals(it).is_empty());
        assert!(2 < learned.count(), "{device} has learned nothing");
    }
}

#[test]
fn other_recipes_tools_and_weather_are_no_faults() {
    let seeds = std::env::var("FOREWARN_HEALTHY_SEEDS").ok().and_then(|it| it.parse().ok());
    let (seeds, machines, days) = seeds.map_or((1, 10, 3_u32), |seeds: u64| (seeds, 40, 30));
    let plant = plant(&fleet::site_file(machines));
    let options = HistoryOptions {
        reach: Span::from_secs(i64::from(days) * 86_400),
        step: Span::from_secs(if days == 30 { 20 } else { 10 }),
        ..HistoryOptions::default()
    };
    let mut opened = Vec::new();
    for seed in 1..=seeds {
        let (of_seed, _) = false_tickets(&plant, seed, Plan::healthy_everyday(), options);
        println!("seed {seed}: {} false tickets", of_seed.len());
        opened.extend(of_seed.into_iter().map(|it| format!("seed {seed}: {it}")));
    }
    let device_days = seeds * u64::try_from(machines).unwrap() * u64::from(days);
    let count = u64::try_from(opened.len()).unwrap();
    println!("{count} false tickets in {device_days} device-days: {opened:#?}");
    assert!(400 * count <= device_days, "{count} in {device_days} device-days: {opened:#?}");
}

/// What a healthy plant makes the engine open, in words.
fn false_tickets(
    plant: &Arc<Plant>,
    seed: u64,
    plan: Plan,
    options: HistoryOptions,
) -> (Vec<String>, Engine) {
    let bearings = Catalogue::parse(&text("models/bearings.csv")).unwrap();
    let origin = "2026-11-20T06:00:00Z".parse().unwrap();
    let simulated = SimulatedPlant::new(Arc::clone(plant), &bearings, seed, origin, plan).unwrap();
    let mut knowledge = Knowledge {
        rules: toml::from_str(&text("config/rules/default.toml")).unwrap(),
        library: Arc::new(Library::built_in()),
        bearings: Arc::new(bearings),
    };
    if std::env::var_os("FOREWARN_ONLY_SHADOW").is_some() {
        knowledge.rules = knowledge.rules.shadow();
    }
    let mut engine = Engine::new(Arc::clone(plant), knowledge, Vec::new()).unwrap();
    let mut opened = Vec::new();
    for batch in History::of(&simulated, options) {
        for decision in engine.advance(&batch) {
            if let Decision::Open { draft, because } = decision {
                let seen = draft.summary.observations.first().map_or("", |it| it.text.en.as_str());
                opened.push(format!("{} {because}: {seen}", draft.key.device));
            }
        }
    }
    (opened, engine)
}

fn plant(site: &str) -> Arc<Plant> {
    let templates = fs::read_dir(root().join("config/devices"))
        .unwrap()
        .map(|entry| toml::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap());
    Arc::new(Plant::new(toml::from_str(site).unwrap(), templates.collect()).unwrap())
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}
