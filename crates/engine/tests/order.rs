//! Whatever the network does to the order, number and time of arrival, the tickets are the same.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../../tests/plants/chance.rs"]
mod chance;
#[path = "../../../tests/plants/presses.rs"]
mod presses;

use std::collections::BTreeMap;
use std::sync::Arc;

use chance::Chance;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Evicted, Reading, Readings, Stream, StreamKey,
};
use forewarn_domain::ticket::{TicketDraft, TicketId};
use forewarn_domain::time::Time;
use forewarn_engine::inbox::Inbox;
use forewarn_engine::{Decision, Engine};

/// The issue asks for at least a thousand.
const SCHEDULES: u64 = 1_200;

const RULES: &str = r#"
schema = "forewarn.rule/1"
version = 1
[[rule]]
id = "hot-oil"
kind = "limit"
quantity = ["temperature"]
on = 70.0
off = 65.0
alarm = 80.0
for = "10s"
samples = 5
clear_for = "20s"
severity = "warning"
fault_family = "hydraulic"
[[rule]]
id = "low-pressure"
kind = "limit"
quantity = ["pressure"]
direction = "below"
on = 90.0
off = 95.0
for = "8s"
n_of_m = [6, 9]
clear_for = "20s"
severity = "warning"
fault_family = "hydraulic"
[[rule]]
id = "silent"
kind = "no_data"
for = "30s"
intervals = 5
severity = "warning"
fault_family = "instrumentation"
"#;

#[test]
fn any_order_delay_and_repetition_of_arrival_gives_the_same_tickets() {
    let (mut with_tickets, mut tickets) = (0, 0);
    for seed in 0..SCHEDULES {
        let mut chance = Chance(seed);
        let streams = streams(&mut chance);
        let expected = tickets_of(&mut engine(), &in_order(&streams));
        let shuffled = arrivals(&streams, &mut chance);
        let found = tickets_of(&mut engine(), &shuffled);
        assert_eq!(found, expected, "seed {seed}");
        with_tickets += usize::from(!expected.is_empty());
        tickets += expected.len();
    }
    assert!(
        usize::try_from(SCHEDULES).unwrap() / 2 < with_tickets,
        "too few schedules say anything"
    );
    assert!(with_tickets < tickets, "some schedules should give several tickets");
}

#[test]
fn a_restart_at_any_point_gives_the_same_tickets() {
    for seed in 0..SCHEDULES / 6 {
        let mut chance = Chance(seed ^ 0xabcd);
        let streams = streams(&mut chance);
        let batches = in_order(&streams);
        let expected = tickets_of(&mut engine(), &batches);
        let (saved, killed) = {
            let one = chance.below(batches.len());
            let two = chance.below(batches.len());
            (one.min(two), one.max(two))
        };
        let mut first = engine();
        let mut found = tickets_of(&mut first, &batches[..saved]);
        let parts = first.changed_parts().unwrap();
        // What was decided after the save is made again from the save on.
        found.extend(tickets_of(&mut first, &batches[saved..killed]));
        let mut second = engine();
        second.restore(&parts).unwrap();
        found.extend(tickets_of(&mut second, &batches[saved..]));
        assert_eq!(found, expected, "seed {seed}, saved at {saved}, killed at {killed}");
    }
}

/// Runs arrivals through an inbox and an engine; each ticket as it read in the end.
fn tickets_of(engine: &mut Engine, arrivals: &[Arc<Batch>]) -> BTreeMap<TicketId, TicketDraft> {
    let cursors: Vec<_> = first_of_each(arrivals);
    let mut inbox = Inbox::resume(&cursors);
    let mut tickets = BTreeMap::new();
    for batch in arrivals {
        for batch in inbox.offer(Arc::clone(batch)) {
            for decision in engine.advance(&batch) {
                match decision {
                    Decision::Open { draft, .. } | Decision::Amend { draft, .. } => {
                        tickets.insert(draft.id, *draft);
                    }
                    Decision::Checked { .. }
                    | Decision::Cleared { .. }
                    | Decision::SetAside { .. } => {}
                }
            }
        }
    }
    tickets
}

/// Where each stream begins among these arrivals.
fn first_of_each(arrivals: &[Arc<Batch>]) -> Vec<(StreamKey, u64)> {
    let mut first: BTreeMap<StreamKey, u64> = BTreeMap::new();
    for batch in arrivals {
        let seq = first.entry(batch.key.clone()).or_insert(batch.seq);
        *seq = (*seq).min(batch.seq);
    }
    first.into_iter().collect()
}

/// One stream for each agent: some minutes of a press that may get hot, lose pressure or fall silent.
fn streams(chance: &mut Chance) -> Vec<Vec<Arc<Batch>>> {
    [1, 2].into_iter().map(|agent| stream(agent, chance)).collect()
}

fn stream(agent: u8, chance: &mut Chance) -> Vec<Arc<Batch>> {
    let agent_id = AgentId::new(&format!("edge-{agent}")).unwrap();
    let key = StreamKey { agent: agent_id, epoch: Epoch(7), stream: Stream::NORMAL };
    let channels: Vec<ChannelId> = ["oil", "pressure"]
        .iter()
        .map(|point| format!("press-{agent}/plc/{point}").parse().unwrap())
        .collect();
    let (hot_from, hot_for) = (chance.below(200), chance.below(120));
    let (low_from, low_for) = (chance.below(200), chance.below(60));
    let (mute_from, mute_for) = (chance.below(300), chance.below(60));
    let mut batches = Vec::new();
    let (mut second, mut seq) = (0, 0);
    while second < 300 {
        seq += 1;
        let more = 1 + chance.below(12);
        if chance.below(60) == 0 {
            let evicted = Evicted { to_seq: seq + 1, readings: 24, reason: "quota".into() };
            let body = BatchBody::Evicted(evicted);
            batches.push(Arc::new(Batch { key: key.clone(), seq, body }));
            seq += 1;
            second += more;
            continue;
        }
        let mut numbers = Vec::new();
        for at in second..second + more {
            // Devices that send by themselves are up to half a minute behind their own newest.
            let behind = if chance.below(20) == 0 { chance.below(30) } else { 0 };
            let t = Time::from_millis(
                1_760_000_000_000 + 1_000 * i64::try_from(at - behind.min(at)).unwrap(),
            );
            let noise = f64::from(u32::try_from(chance.below(300)).unwrap()) / 100.0;
            let is_hot = (hot_from..hot_from + hot_for).contains(&at);
            let is_low = (low_from..low_from + low_for).contains(&at);
            let oil = if is_hot { 72.0 } else { 55.0 } + noise;
            let pressure = if is_low { 80.0 } else { 120.0 } + noise;
            numbers.push(Reading { channel: 0, t, value: oil, quality: Quality::Good });
            if !(mute_from..mute_from + mute_for).contains(&at) {
                numbers.push(Reading { channel: 1, t, value: pressure, quality: Quality::Good });
            }
        }
        second += more;
        let readings = Readings { channels: channels.clone(), numbers, ..Readings::default() };
        let body = BatchBody::Readings(readings);
        batches.push(Arc::new(Batch { key: key.clone(), seq, body }));
    }
    batches
}

fn in_order(streams: &[Vec<Arc<Batch>>]) -> Vec<Arc<Batch>> {
    streams.iter().flatten().map(Arc::clone).collect()
}

/// All batches in any order, some of them several times.
fn arrivals(streams: &[Vec<Arc<Batch>>], chance: &mut Chance) -> Vec<Arc<Batch>> {
    let mut arrivals = in_order(streams);
    for _repeat in 0..chance.below(20) {
        arrivals.push(Arc::clone(&arrivals[chance.below(arrivals.len())]));
    }
    for last in (1..arrivals.len()).rev() {
        arrivals.swap(last, chance.below(last + 1));
    }
    arrivals
}

fn engine() -> Engine {
    let plant = presses::presses(2, |number| format!("edge-{number}"), "1s");
    Engine::new(plant, presses::knowledge(RULES), Vec::new()).unwrap()
}
