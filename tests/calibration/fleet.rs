//! A simulated fleet in front of the engine: it learns once, and any number of courses follow.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use forewarn_diagnose::{Catalogue, Library, Symptom};
use forewarn_domain::id::DeviceId;
use forewarn_domain::reading::Batch;
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Language;
use forewarn_domain::ticket::{TicketDraft, TicketId};
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine, Knowledge};
use forewarn_simulator::{History, HistoryOptions, Plan, SimulatedPlant, fleet};
use forewarn_tests::root;

/// A fleet that has learned what is normal.
pub(crate) struct Fleet {
    pub(crate) plant: Arc<Plant>,
    pub(crate) seed: u64,
    pub(crate) library: Arc<Library>,
    bearings: Arc<Catalogue>,
    /// Where learning ends and courses begin.
    pub(crate) origin: Time,
    options: HistoryOptions,
    learned: Vec<(String, String)>,
}

/// One ticket as it stands at the end of a course.
pub(crate) struct Ticket {
    pub(crate) draft: TicketDraft,
    pub(crate) symptoms: Vec<Symptom>,
}

impl Fleet {
    /// Lets `machines` machines run for `days` healthy days.
    pub(crate) fn learned(seed: u64, machines: usize, days: i64) -> Self {
        let (plant, bearings) = (site(machines), bearings());
        let origin: Time = "2026-11-20T06:00:00Z".parse().unwrap();
        let options = HistoryOptions {
            reach: Span::from_secs(days * 86_400),
            step: Span::from_secs(10),
            burst_every: Span::from_secs(600),
            batch: Span::from_secs(1_800),
        };
        let library = Arc::new(library());
        let mut fleet = Self {
            plant,
            seed,
            library,
            bearings: Arc::new(bearings),
            origin,
            options,
            learned: Vec::new(),
        };
        let simulated = fleet.simulated(Plan::healthy());
        let mut engine = fleet.engine(Vec::new());
        for batch in History::of(&simulated, options) {
            let decisions = engine.advance(&batch);
            assert!(decisions.is_empty(), "a healthy fleet opens nothing: {decisions:?}");
        }
        fleet.learned = engine.changed_parts().unwrap();
        fleet
    }

    pub(crate) fn simulated(&self, plan: Plan) -> SimulatedPlant {
        let plant = Arc::clone(&self.plant);
        SimulatedPlant::new(plant, &self.bearings, self.seed, self.origin, plan).unwrap()
    }

    pub(crate) fn engine(&self, repairs: Vec<RepairRecord>) -> Engine {
        let mut knowledge = Knowledge {
            rules: toml::from_str(&text("config/rules/default.toml")).unwrap(),
            library: Arc::clone(&self.library),
            bearings: Arc::clone(&self.bearings),
        };
        // To see what the rules in shadow would do beside the others.
        if std::env::var_os("FOREWARN_WITH_SHADOW").is_some() {
            knowledge.rules = knowledge.rules.promoted();
        }
        let mut engine = Engine::new(Arc::clone(&self.plant), knowledge, repairs).unwrap();
        engine.restore(&self.learned).unwrap();
        engine
    }

    /// The batches of the hours after learning, with the faults of a plan.
    pub(crate) fn course(&self, plan: Plan, hours: i64) -> impl Iterator<Item = Batch> {
        let simulated = self.simulated(plan);
        let end = self.origin + Span::from_secs(hours * 3_600);
        History::between(&simulated, self.origin, end, self.options)
    }

    /// The tickets of a course, each as it stands at its end.
    pub(crate) fn tickets(
        &self,
        plan: Plan,
        hours: i64,
        repairs: Vec<RepairRecord>,
    ) -> Vec<Ticket> {
        let mut engine = self.engine(repairs);
        let mut drafts: BTreeMap<TicketId, TicketDraft> = BTreeMap::new();
        let mut symptoms = BTreeMap::new();
        for batch in self.course(plan, hours) {
            for decision in engine.advance(&batch) {
                let (Decision::Open { draft, .. } | Decision::Amend { draft, .. }) = decision
                else {
                    continue;
                };
                let seen = engine.observed(draft.episode);
                symptoms.insert(draft.id, seen.into_iter().map(|it| it.symptom).collect());
                drafts.insert(draft.id, *draft);
            }
        }
        let with = |(id, draft): (TicketId, TicketDraft)| Ticket {
            symptoms: symptoms.remove(&id).unwrap_or_default(),
            draft,
        };
        drafts.into_iter().map(with).collect()
    }

    /// What was closed on this plant before: `count` closes on each device, as its habits are. One in
    /// ten was a false alarm, and one in ten was closed with a cause that was not the right one.
    pub(crate) fn closes(&self, count: u64) -> Vec<RepairRecord> {
        let mut records = Vec::new();
        for device in self.plant.devices() {
            let id = &device.device.id;
            let past = Plan::past_causes(self.seed, device, count);
            for (turn, (component, kind)) in (0_i64..).zip(past) {
                let at = self.origin - Span::from_secs((20 + 45 * turn) * 86_400);
                let is_false_alarm = (turn + id_number(id)) % 10 == 9;
                records.push(RepairRecord {
                    id: RepairId::derive(id, at, kind.cause()),
                    at,
                    device: id.clone(),
                    component,
                    activity: Activity::Repair,
                    part: None,
                    text: String::new(),
                    language: Language::En,
                    cause: Some(kind.cause().to_owned()),
                    outcome: if is_false_alarm { Outcome::NothingFound } else { Outcome::Solved },
                    hours: Some(1.0),
                    ticket: None,
                    shape: None,
                });
            }
        }
        records
    }
}

/// A fleet's site with the demo's templates.
pub(crate) fn site(machines: usize) -> Arc<Plant> {
    let templates = fs::read_dir(root().join("config/devices"))
        .unwrap()
        .map(|entry| toml::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap());
    let file = toml::from_str(&fleet::site_file(machines)).unwrap();
    Arc::new(Plant::new(file, templates.collect()).unwrap())
}

/// The library as it stands in the folder, so that a fit can be looked at without compiling it in.
fn library() -> Library {
    let folder = fs::read_dir(root().join("models/failure-modes")).unwrap();
    let mut files: Vec<(String, String)> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    Library::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap()
}

pub(crate) fn bearings() -> Catalogue {
    Catalogue::parse(&text("models/bearings.csv")).unwrap()
}

pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn id_number(id: &DeviceId) -> i64 {
    id.as_str().bytes().map(i64::from).sum()
}
