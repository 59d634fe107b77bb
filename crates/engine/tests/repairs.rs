//! What a repair ends, and what devices of a class teach each other.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../../tests/plants/presses.rs"]
mod presses;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey};
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine, Notice};

const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "shift"
kind = "shift"
quantity = ["pressure"]
on = 5.0
off = 2.0
window = "12h"
pool = "class"
learn = { samples = 64, for = "24h" }
severity = "warning"
fault_family = "hydraulic"
"#;

struct Hall {
    engine: Engine,
    hour: i64,
    seq: u64,
    chance: u64,
}

impl Hall {
    fn new() -> Self {
        let plant = presses::presses(2, |_| "edge-1".to_owned(), "1h");
        let engine = Engine::new(plant, presses::knowledge(RULES), Vec::new()).unwrap();
        Self { engine, hour: 490_000, seq: 0, chance: 0x9e37_79b9_7f4a_7c15 }
    }

    fn now(&self) -> Time {
        Time::from_micros(self.hour * 3_600_000_000)
    }

    /// Runs one press for some hours, its pressure off by so much; gives what was decided.
    fn run(&mut self, press: u8, hours: u32, off: f64) -> Vec<Decision> {
        let mut decided = Vec::new();
        for _ in 0..hours {
            self.hour += 1;
            self.seq += 1;
            self.chance ^= self.chance << 13;
            self.chance ^= self.chance >> 7;
            self.chance ^= self.chance << 17;
            let noise =
                f64::from(u32::try_from(self.chance >> 33).unwrap()) / f64::from(1_u32 << 30);
            let channel: ChannelId = format!("press-{press}/plc/pressure").parse().unwrap();
            let (value, quality) = (120.0 + noise + off, Quality::Good);
            let numbers = vec![Reading { channel: 0, t: self.now(), value, quality }];
            let readings = Readings { channels: vec![channel], numbers, ..Readings::default() };
            let agent = AgentId::new("edge-1").unwrap();
            let key = StreamKey { agent, epoch: Epoch(1), stream: Stream::NORMAL };
            let body = BatchBody::Readings(readings);
            decided.extend(self.engine.advance(&Batch { key, seq: self.seq, body }));
        }
        decided
    }

    fn repair(&mut self, activity: Activity, at: Time) -> Vec<Decision> {
        let device = "press-2".parse().unwrap();
        let repair = RepairRecord {
            id: RepairId::derive(&device, at, "hydraulics"),
            at,
            device,
            component: "hydraulics".parse().unwrap(),
            activity,
            part: None,
            text: "a new unit".to_owned(),
            language: Language::En,
            cause: None,
            outcome: Outcome::Unknown,
            hours: None,
            ticket: None,
            shape: None,
        };
        self.engine.apply(&Notice::RepairRecorded { repair })
    }
}

fn opened(decisions: &[Decision]) -> usize {
    decisions.iter().filter(|it| matches!(it, Decision::Open { .. })).count()
}

#[test]
fn what_one_press_has_shown_needs_no_learning_on_its_sister() {
    let mut hall = Hall::new();
    assert_eq!(opened(&hall.run(1, 100, 0.0)), 0);
    assert_eq!(opened(&hall.run(2, 5, 8.0)), 0, "fewer readings than a window needs");
    assert_eq!(opened(&hall.run(2, 5, 8.0)), 1, "judged by the class");
}

#[test]
fn a_replacement_ends_the_episode_and_the_same_trouble_later_is_a_new_one() {
    let mut hall = Hall::new();
    hall.run(1, 100, 0.0);
    assert_eq!(opened(&hall.run(2, 20, 8.0)), 1);
    hall.repair(Activity::Inspection, hall.now());
    assert_eq!(hall.engine.episodes().count(), 1, "a check repairs nothing");
    hall.repair(Activity::Replace, hall.now() - Span::from_secs(30 * 3_600));
    assert_eq!(hall.engine.episodes().count(), 1, "written down too late to be the present part");
    hall.repair(Activity::Replace, hall.now());
    assert_eq!(hall.engine.episodes().count(), 0, "the new unit has no trouble yet");
    assert_eq!(opened(&hall.run(2, 30, 0.0)), 0);
    assert_eq!(opened(&hall.run(2, 20, 8.0)), 1, "a new trouble of the new unit");
}

#[test]
fn a_snapshot_keeps_what_the_class_has_learned() {
    let mut hall = Hall::new();
    hall.run(1, 100, 0.0);
    let parts = hall.engine.changed_parts().unwrap();
    let mut fresh = Hall::new();
    fresh.engine.restore(&parts).unwrap();
    (fresh.hour, fresh.seq, fresh.chance) = (hall.hour, hall.seq, hall.chance);
    let ids =
        |decisions: &[Decision]| -> Vec<_> { decisions.iter().map(Decision::episode).collect() };
    let (one, two) = (hall.run(2, 20, 8.0), fresh.run(2, 20, 8.0));
    assert_eq!((opened(&one), ids(&one)), (1, ids(&two)));
}

#[test]
fn a_repair_of_a_machine_that_was_never_read_is_taken() {
    let mut hall = Hall::new();
    hall.repair(Activity::Replace, hall.now());
    assert_eq!(opened(&hall.run(1, 100, 0.0)), 0);
    assert_eq!(opened(&hall.run(2, 20, 8.0)), 1, "judged by the class");
}
