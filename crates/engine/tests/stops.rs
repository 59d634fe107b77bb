//! Planned stops: what is found in one opens no ticket, and does when it outlasts the stop.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../../tests/plants/presses.rs"]
mod presses;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey};
use forewarn_domain::stop::PlannedStop;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine, Notice};

const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "hot-oil"
kind = "limit"
quantity = ["temperature"]
on = 65.0
off = 60.0
for = "60s"
clear_for = "60s"
severity = "warning"
fault_family = "hydraulic"
"#;

struct Line {
    engine: Engine,
    minute: i64,
    seq: u64,
}

impl Line {
    fn new() -> Self {
        let plant = presses::presses(2, |_| "edge-1".to_owned(), "1m");
        let engine = Engine::new(plant, presses::knowledge(RULES), Vec::new()).unwrap();
        Self { engine, minute: 29_000_000, seq: 0 }
    }

    fn now(&self) -> Time {
        Time::from_micros(self.minute * 60_000_000)
    }

    /// The oil of a press for some minutes; gives what was decided.
    fn run(&mut self, press: u8, minutes: u32, oil: f64) -> Vec<Decision> {
        let mut decided = Vec::new();
        for _ in 0..minutes {
            self.minute += 1;
            self.seq += 1;
            let channel: ChannelId = format!("press-{press}/plc/oil").parse().unwrap();
            let value = oil + if self.minute % 2 == 0 { 0.1 } else { -0.1 };
            let numbers =
                vec![Reading { channel: 0, t: self.now(), value, quality: Quality::Good }];
            let readings = Readings { channels: vec![channel], numbers, ..Readings::default() };
            let agent = AgentId::new("edge-1").unwrap();
            let key = StreamKey { agent, epoch: Epoch(1), stream: Stream::NORMAL };
            let body = BatchBody::Readings(readings);
            decided.extend(self.engine.advance(&Batch { key, seq: self.seq, body }));
        }
        decided
    }

    /// Plans a stop of press 1 for so many minutes from now on.
    fn plan(&mut self, minutes: i64) -> Time {
        let until = self.now() + Span::from_secs(60 * minutes);
        let (devices, from) = (vec!["press-1".parse().unwrap()], self.now());
        let stop = PlannedStop { number: "STOP-2026-0001".to_owned(), devices, from, until };
        assert_eq!(self.engine.apply(&Notice::StopPlanned { stop }), []);
        until
    }
}

/// How many tickets were opened, and how many findings were set aside.
fn counts(decisions: &[Decision]) -> (usize, usize) {
    let opened = decisions.iter().filter(|it| matches!(it, Decision::Open { .. }));
    let aside = decisions.iter().filter(|it| matches!(it, Decision::SetAside { .. }));
    (opened.count(), aside.count())
}

#[test]
fn what_ends_within_a_stop_opens_no_ticket_and_is_counted() {
    let mut line = Line::new();
    line.run(1, 30, 45.0);
    line.plan(60);
    assert_eq!(counts(&line.run(1, 20, 80.0)), (0, 1), "set aside once");
    assert_eq!(counts(&line.run(1, 100, 45.0)), (0, 0), "nothing is left when the press is back");
    assert_eq!(counts(&line.run(1, 20, 80.0)), (1, 0), "behind the stop the rule counts again");
}

#[test]
fn what_outlasts_a_stop_opens_one_ticket_that_knows_when_it_began() {
    let mut line = Line::new();
    line.run(1, 30, 45.0);
    let until = line.plan(30);
    assert_eq!(counts(&line.run(1, 30, 80.0)), (0, 1));
    let decisions = line.run(1, 60, 80.0);
    assert_eq!(counts(&decisions), (1, 0), "one ticket, however long it goes on");
    let Some(Decision::Open { draft, .. }) = decisions.first() else { panic!("{decisions:?}") };
    assert!(until <= draft.detected_at && draft.onset_at < until, "{draft:?}");
}

#[test]
fn another_machine_and_a_ticket_that_is_open_go_on_as_ever() {
    let mut line = Line::new();
    line.run(2, 30, 45.0);
    line.plan(60);
    assert_eq!(counts(&line.run(2, 20, 80.0)), (1, 0), "press 2 does not stand");
    let mut line = Line::new();
    line.run(1, 30, 45.0);
    assert_eq!(counts(&line.run(1, 20, 80.0)), (1, 0));
    line.plan(60);
    assert_eq!(counts(&line.run(1, 90, 80.0)), (0, 0), "its ticket is there already");
}

#[test]
fn a_stop_that_is_ended_early_counts_no_longer() {
    let mut line = Line::new();
    line.run(1, 30, 45.0);
    line.plan(600);
    assert_eq!(counts(&line.run(1, 20, 80.0)), (0, 1));
    let (number, at) = ("STOP-2026-0001".to_owned(), line.now());
    assert_eq!(line.engine.apply(&Notice::StopEnded { number, at }), []);
    assert_eq!(counts(&line.run(1, 10, 80.0)), (0, 0), "the press gets a moment to come back");
    assert_eq!(counts(&line.run(1, 10, 80.0)), (1, 0));
}

#[test]
fn an_agent_that_fell_silent_in_a_stop_is_reported_when_the_stop_is_over() {
    let mut line = Line::new();
    line.run(1, 30, 45.0);
    let (since, until) = (line.now(), line.plan(60));
    let at = since + Span::from_secs(300);
    let agent: AgentId = "edge-1".parse().unwrap();
    let silent = Notice::AgentSilent { agent, since, at };
    let aside = counts(&line.engine.apply(&silent));
    assert_eq!(aside.1, 1, "press 1 stands");
    let ended = Notice::StopEnded { number: "STOP-2026-0001".to_owned(), at: until };
    assert_eq!(counts(&line.engine.apply(&ended)).0 + aside.0, aside.0 + 1);
}

#[test]
fn a_restart_within_a_stop_changes_nothing() {
    let mut line = Line::new();
    line.run(1, 30, 45.0);
    line.plan(30);
    line.run(1, 20, 80.0);
    let parts = line.engine.changed_parts().unwrap();
    let mut fresh = Line::new();
    fresh.engine.restore(&parts).unwrap();
    (fresh.minute, fresh.seq) = (line.minute, line.seq);
    let (one, two) = (line.run(1, 60, 80.0), fresh.run(1, 60, 80.0));
    assert_eq!((counts(&one), &one), ((1, 0), &two));
}
