//! Machines beside their siblings: what one alone does is found, what all of them do is not.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../../tests/plants/chance.rs"]
mod chance;
#[path = "../../../tests/plants/presses.rs"]
mod presses;

use chance::Chance;
use forewarn_detect::{Condition, RuleSet, WhyNot};
use forewarn_domain::anomaly::Finding;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey};
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine, Notice};

const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "unlike-siblings"
kind = "siblings"
quantity = ["temperature"]
on = 4.0
off = 2.0
alarm = 2.0
weight_least = 0.5
change = { least = 1.5, percent = 0.0 }
window = "30m"
least = 3
learn = { samples = 400, for = "8h" }
refine_for = "14d"
for = "10m"
samples = 30
severity = "warning"
fault_family = "hydraulic"
"#;

/// Shipped rules about the same channel.
const BESIDE: [&str; 4] = ["hot-oil", "heating-oil", "warmer-oil", "stuck-value"];

/// When the trouble begins: by then two days have been learned.
const TROUBLE: f64 = 50.0;

struct Hall {
    engine: Engine,
    machines: usize,
    step: i64,
    seq: u64,
    /// Steps of ten seconds in a batch, and whether the machines are read in the other order.
    batch: i64,
    is_reversed: bool,
}

impl Hall {
    fn new(machines: usize) -> Self {
        let plant = presses::presses(machines, |_| "edge-1".to_owned(), "10s");
        let mut knowledge = presses::knowledge(RULES);
        let shipped: RuleSet =
            toml::from_str(include_str!("../../../config/rules/default.toml")).unwrap();
        let beside = shipped.rules.into_iter().filter(|it| BESIDE.contains(&it.id().as_str()));
        knowledge.rules.rules.extend(beside);
        assert_eq!(knowledge.rules.rules.len(), 1 + BESIDE.len());
        let engine = Engine::new(plant, knowledge, Vec::new()).unwrap();
        Self { engine, machines, step: 0, seq: 0, batch: 6, is_reversed: false }
    }

    fn now(&self) -> Time {
        time(self.step)
    }

    /// Runs to an hour; `oil` gives the temperature of a machine in an hour, without its noise.
    fn run(&mut self, to: f64, oil: impl Fn(usize, f64) -> Option<f64>) -> Vec<Decision> {
        let mut decided = Vec::new();
        while hour(self.step) < to {
            let steps = self.step..self.step + self.batch;
            self.step = steps.end;
            let mut numbers = Vec::new();
            for step in steps {
                let read = |it: usize| Some(read(it, step, oil(it + 1, hour(step))?));
                numbers.extend(self.order().into_iter().filter_map(read).flatten());
            }
            decided.extend(self.take(numbers));
        }
        decided
    }

    fn order(&self) -> Vec<usize> {
        let order = 0..self.machines;
        if self.is_reversed { order.rev().collect() } else { order.collect() }
    }

    fn take(&mut self, numbers: Vec<Reading>) -> Vec<Decision> {
        self.seq += 1;
        let channel = |it: usize| -> ChannelId {
            let point = if it.is_multiple_of(2) { "oil" } else { "pressure" };
            format!("press-{}/plc/{point}", it / 2 + 1).parse().unwrap()
        };
        let channels = (0..2 * self.machines).map(channel).collect();
        let readings = Readings { channels, numbers, ..Readings::default() };
        let agent = AgentId::new("edge-1").unwrap();
        let key = StreamKey { agent, epoch: Epoch(1), stream: Stream::NORMAL };
        self.engine.advance(&Batch { key, seq: self.seq, body: BatchBody::Readings(readings) })
    }

    fn replace(&mut self, machine: usize) {
        let (device, at) = (format!("press-{machine}").parse().unwrap(), self.now());
        let repair = RepairRecord {
            id: RepairId::derive(&device, at, "hydraulics"),
            at,
            device,
            component: "hydraulics".parse().unwrap(),
            activity: Activity::Replace,
            part: None,
            text: "a new pump".to_owned(),
            language: Language::En,
            cause: None,
            outcome: Outcome::Unknown,
            hours: None,
            ticket: None,
            shape: None,
        };
        self.engine.apply(&Notice::RepairRecorded { repair });
    }

    /// Where the rule stands on the oil of a machine.
    fn condition(&self, machine: usize) -> Condition {
        let name = format!("press-{machine}");
        let room = self.engine.rooms().find(|it| it.device().device.id.as_str() == name).unwrap();
        let mut all = room.rule_statuses().into_iter();
        all.find(|it| it.rule.as_str() == "unlike-siblings").unwrap().condition
    }
}

/// Oil and pressure of a machine, with noise that depends on nothing but machine and time.
fn read(machine: usize, step: i64, oil: f64) -> [Reading; 2] {
    let seed = u64::try_from(step).unwrap() * 64 + u64::try_from(machine).unwrap();
    let mut chance = Chance(seed);
    let mut noise = || f64::from(u32::try_from(chance.below(2_001)).unwrap()) / 1_000.0 - 1.0;
    let (first, t, quality) = (u16::try_from(2 * machine).unwrap(), time(step), Quality::Good);
    let oil = oil + 0.3 * noise();
    let pressure = 120.0 + noise();
    [
        Reading { channel: first, t, value: oil, quality },
        Reading { channel: first + 1, t, value: pressure, quality },
    ]
}

/// What is healthy: each machine has its own level, and the hall swings by eight kelvins a day.
fn healthy(machine: usize, hour: f64) -> f64 {
    let own = [0.0, 2.5, -1.5, 1.0, -3.0, 0.5][machine - 1];
    45.0 + own + 4.0 * (std::f64::consts::TAU * hour / 24.0).sin()
}

/// The third machine gains so many kelvins within six hours.
fn drift(by: f64) -> impl Fn(usize, f64) -> Option<f64> {
    move |machine, hour| {
        let gained = if machine == 3 { by * ((hour - TROUBLE) / 6.0).clamp(0.0, 1.0) } else { 0.0 };
        Some(healthy(machine, hour) + gained)
    }
}

fn time(step: i64) -> Time {
    Time::from_millis(1_760_000_000_000) + Span::from_secs(10 * step)
}

fn hour(step: i64) -> f64 {
    Span::from_secs(10 * step).secs_f64() / 3_600.0
}

fn hour_of(at: Time) -> f64 {
    (at - time(0)).secs_f64() / 3_600.0
}

fn opened(decisions: &[Decision]) -> Vec<&TicketDraft> {
    let drafts = decisions.iter().filter_map(|it| {
        let Decision::Open { draft, .. } = it else { return None };
        Some(draft.as_ref())
    });
    drafts.collect()
}

#[test]
fn one_machine_that_leaves_its_siblings_is_found_early_where_its_own_past_hides_it() {
    let mut hall = Hall::new(5);
    let decided = hall.run(72.0, drift(3.0));
    let opened = opened(&decided);
    let [ticket] = opened.as_slice() else { panic!("one ticket, not {opened:#?}") };
    assert_eq!(ticket.key.device.as_str(), "press-3");
    assert_eq!(ticket.rule.id.as_str(), "unlike-siblings");
    let confirmed = hour_of(ticket.detected_at);
    assert!((TROUBLE..TROUBLE + 6.0).contains(&confirmed), "before it has gained 3 K: {confirmed}");
    let episode = hall.engine.episode(ticket.episode).unwrap();
    let rules: Vec<&str> = episode.anomalies.iter().map(|it| it.rule.id.as_str()).collect();
    assert_eq!(rules, ["unlike-siblings"], "the learned normal of the machine itself is silent");
    let Finding::Siblings { value, median, siblings, .. } = &episode.anomalies[0].finding else {
        panic!("{:?}", episode.anomalies[0]);
    };
    assert_eq!(*siblings, 4);
    let said = &ticket.summary.observations[0].text;
    assert!(said.en.contains("4 sister machines show"), "{}", said.en);
    assert!(said.zh.contains("4 台同型机的中位数"), "{}", said.zh);
    assert!(value.is_finite() && median.is_finite());
}

#[test]
fn what_the_whole_hall_does_raises_nothing() {
    let mut hall = Hall::new(5);
    let heated = |machine, hour: f64| {
        let heating = 6.0 * ((hour - TROUBLE) / 2.0).clamp(0.0, 1.0);
        Some(healthy(machine, hour) + heating)
    };
    let decided = hall.run(72.0, heated);
    assert_eq!(opened(&decided), Vec::<&TicketDraft>::new());
    for machine in 1..=5 {
        assert_eq!(hall.condition(machine), Condition::Armed, "press-{machine}");
    }
}

#[test]
fn machines_that_come_back_cold_are_left_out_until_they_are_warm() {
    let mut hall = Hall::new(6);
    let stopped = |machine, hour: f64| {
        let since = hour - (TROUBLE + 4.0);
        let is_stopped = machine <= 3 && (TROUBLE..TROUBLE + 4.0).contains(&hour);
        let cold = if machine <= 3 && 0.0 <= since { 15.0 * (-since / 0.7).exp() } else { 0.0 };
        (!is_stopped).then(|| healthy(machine, hour) - cold)
    };
    let decided = hall.run(TROUBLE + 4.1, stopped);
    let few = Condition::Waiting(WhyNot::FewSiblings { comparable: 2, least: 3 });
    assert_eq!(hall.condition(5), few, "three of its five siblings are cold");
    let later = hall.run(72.0, stopped);
    assert_eq!(opened(&decided), Vec::<&TicketDraft>::new());
    assert_eq!(opened(&later), Vec::<&TicketDraft>::new());
    assert_eq!(hall.condition(5), Condition::Armed);
}

#[test]
fn a_snapshot_in_the_middle_of_a_drift_changes_no_decision() {
    let mut hall = Hall::new(5);
    assert_eq!(opened(&hall.run(TROUBLE + 2.0, drift(3.0))).len(), 0);
    let parts = hall.engine.changed_parts().unwrap();
    let mut fresh = Hall::new(5);
    fresh.engine.restore(&parts).unwrap();
    (fresh.step, fresh.seq) = (hall.step, hall.seq);
    let (one, two) = (hall.run(66.0, drift(3.0)), fresh.run(66.0, drift(3.0)));
    assert_eq!(opened(&one).len(), 1);
    assert_eq!(one, two);
}

#[test]
fn neither_the_order_of_machines_nor_the_size_of_batches_changes_what_is_found() {
    let ids = |batch, is_reversed| -> Vec<_> {
        let mut hall = Hall { batch, is_reversed, ..Hall::new(5) };
        let decided = hall.run(60.0, drift(3.0));
        opened(&decided).iter().map(|it| (it.id, it.detected_at)).collect()
    };
    let usual = ids(6, false);
    assert_eq!(usual.len(), 1);
    assert_eq!(ids(6, true), usual);
    assert_eq!(ids(180, true), usual);
}

#[test]
fn with_too_few_siblings_the_rule_says_so_and_finds_nothing() {
    let mut hall = Hall::new(3);
    let decided = hall.run(60.0, drift(5.0));
    assert_eq!(opened(&decided), Vec::<&TicketDraft>::new());
    let condition = hall.condition(3);
    let few = WhyNot::FewSiblings { comparable: 2, least: 3 };
    assert_eq!(condition, Condition::Waiting(few));
    assert_eq!(condition.text().zh, "目前可对比的同型机只有 2 台，至少需要 3 台");
}

#[test]
fn after_a_repair_the_machine_and_its_siblings_learn_anew_how_they_differ() {
    let mut hall = Hall::new(5);
    assert_eq!(opened(&hall.run(60.0, drift(3.0))).len(), 1);
    hall.replace(3);
    assert_eq!(hall.engine.episodes().count(), 0);
    assert_ne!(hall.condition(3), Condition::Armed);
    // The new part runs hotter by as much as the old one had gained.
    let after = hall.run(110.0, drift(3.0));
    assert_eq!(opened(&after), Vec::<&TicketDraft>::new());
    assert_eq!(hall.condition(3), Condition::Armed);
    let again = |machine, hour: f64| {
        let gained = if machine == 3 { (0.5 * (hour - 110.0)).clamp(0.0, 3.0) } else { 0.0 };
        drift(3.0)(machine, hour).map(|it| it + gained)
    };
    assert_eq!(opened(&hall.run(120.0, again)).len(), 1, "a new trouble of the new part");
}

#[test]
fn a_sensor_that_is_stuck_counts_neither_for_its_machine_nor_for_its_siblings() {
    let mut hall = Hall::new(4);
    let mut decided = hall.run(TROUBLE, |machine, hour| Some(healthy(machine, hour)));
    // Ten hours of one value on one machine, while the hall goes on.
    while hour(hall.step) < TROUBLE + 10.0 {
        let mut numbers = Vec::new();
        for machine in 0..4 {
            let [mut oil, pressure] =
                read(machine, hall.step, healthy(machine + 1, hour(hall.step)));
            if machine == 0 {
                oil.value = 45.0;
            }
            numbers.extend([oil, pressure]);
        }
        hall.step += 1;
        decided.extend(hall.take(numbers));
    }
    let opened = opened(&decided);
    let [ticket] = opened.as_slice() else { panic!("one ticket, not {opened:#?}") };
    assert_eq!(ticket.key.family, FaultFamily::Instrumentation);
    assert_eq!(hall.condition(1), Condition::Waiting(WhyNot::NotTrusted));
    let few = WhyNot::FewSiblings { comparable: 2, least: 3 };
    assert_eq!(hall.condition(2), Condition::Waiting(few));
}
