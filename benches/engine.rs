//! The engine alone on one core: readings a second under the shipped rules, and its memory.
//!
//! 1,000 machines of twelve channels whose normals are learned; one in a hundred gets hot oil.
//! `--devices N`, `--seconds N` (of event time), `--quick`.

use std::time::{Duration, Instant};

use forewarn_benches::arguments::Arguments;
use forewarn_benches::figures::{Bar, Figures, figure};
use forewarn_benches::load::{Faults, Load};
use forewarn_benches::usage::{Usage, thread_time};
use forewarn_benches::{Failure, plant};
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Decision, Engine};

fn main() -> Result<(), Failure> {
    let arguments = Arguments::of_process();
    let is_quick = arguments.has("--quick");
    let devices: u32 = arguments.value("--devices", if is_quick { 100 } else { 1_000 })?;
    let seconds: u64 = arguments.value("--seconds", if is_quick { 120 } else { 1_200 })?;
    let mut figures = Figures::of("engine");

    let start = Time::from_millis(1_760_000_000_000);
    let load = Load {
        devices,
        agents: 5,
        period: Span::from_secs(1),
        phases: 1,
        start,
        batches: seconds,
        faults: Some(Faults {
            every: 100,
            first: Span::from_secs(60),
            last: Span::from_secs(i64::try_from(seconds)? / 2 + 60),
        }),
    };
    let mut agents = (0..load.agents).map(|it| load.agent(it)).collect::<Result<Vec<_>, _>>()?;
    let before = Usage::now();
    let mut engine = Engine::new(plant::plant(devices, load.agents)?, plant::knowledge()?, vec![])?;
    engine.restore(&plant::learned(devices, start)?)?;
    let ready = Usage::now();

    // Only the engine is timed; making the readings is not its work. Processor time counts, since a
    // neighbour on the machine must not slow the figure down.
    let (mut busy, mut elapsed, mut tickets) = (Duration::ZERO, Duration::ZERO, 0);
    for seq in 1..=load.batches {
        if seq == WARM_UP {
            (busy, elapsed) = (Duration::ZERO, Duration::ZERO);
        }
        for agent in &mut agents {
            let batch = agent.batch(seq);
            let (began, ran) = (Instant::now(), thread_time());
            let decisions = engine.advance(&batch);
            let took = began.elapsed();
            elapsed += took;
            busy += ran.zip(thread_time()).map_or(took, |(from, to)| to.saturating_sub(from));
            tickets += decisions.iter().filter(|it| matches!(it, Decision::Open { .. })).count();
        }
    }
    let timed = load.readings() / load.batches * (load.batches + 1 - WARM_UP);
    let rate = figure(timed) / busy.as_secs_f64();
    figures.add("readings/s on one core", rate, "readings/s", Some(Bar::AtLeast(1e6)))?;
    let by_clock = figure(timed) / elapsed.as_secs_f64();
    figures.add("same, by the wall clock", by_clock, "readings/s", None)?;
    figures.add("time for a reading", 1e9 / rate, "ns", None)?;

    let began = Instant::now();
    let parts = engine.changed_parts()?;
    let snapshot = began.elapsed();
    let bytes: usize = parts.iter().map(|(_, text)| text.len()).sum();
    figures.add("snapshot of all machines", snapshot.as_secs_f64() * 1e3, "ms", None)?;
    figures.add("snapshot of all machines", figure(u64::try_from(bytes)?) / 1e6, "MB", None)?;
    drop(parts);
    let held = ready.resident_mib - before.resident_mib;
    figures.add("memory of plant, rules and learned normals", held, "MiB", None)?;
    figures.add("peak resident memory", Usage::now().peak_mib, "MiB", None)?;
    figures.add("readings evaluated", figure(engine.tally().readings), "readings", None)?;
    figures.add("tickets", figure(u64::try_from(tickets)?), "tickets", None)?;
    if engine.tally().readings != load.readings() {
        return Err(format!("not every reading was evaluated: {:?}", engine.tally()).into());
    }
    Ok(figures.print_table()?)
}

/// Batches before the clock counts: caches are filled, states have settled.
const WARM_UP: u64 = 30;
