//! The chunk store alone: how long pages wait for their curves, and how many bytes a reading takes.
//!
//! One file holds a plant of 12,000 channels, the other one channel over a year: 1 Hz in the last
//! 90 days, a reading in 10 s before. `--quick` makes both smaller.

use std::sync::Arc;
use std::time::Instant;

use forewarn_benches::arguments::Arguments;
use forewarn_benches::figures::{Figures, figure, quantile};
use forewarn_benches::load::Load;
use forewarn_benches::usage::Usage;
use forewarn_benches::{Failure, plant};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Reading, Readings, StreamKey};
use forewarn_domain::time::{Span, Time};
use forewarn_store::readings::{ReadingStore, StoreConfig};

fn main() -> Result<(), Failure> {
    let arguments = Arguments::of_process();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut figures = Figures::of("queries");
    runtime.block_on(async {
        wide(&mut figures, arguments.has("--quick")).await?;
        long(&mut figures, arguments.has("--quick")).await
    })?;
    figures.add("peak resident memory", Usage::now().peak_mib, "MiB", None)?;
    Ok(figures.print_table()?)
}

/// A plant of 12,000 channels: writing, bytes, last values.
async fn wide(figures: &mut Figures, is_quick: bool) -> Result<(), Failure> {
    let (devices, seconds) = if is_quick { (100, 120) } else { (1_000, 1_500) };
    let folder = tempfile::tempdir()?;
    let store = open(&folder).await?;
    let load = Load {
        devices,
        agents: 5,
        period: Span::from_secs(1),
        phases: 1,
        start: Time::from_millis(1_760_000_000_000),
        batches: seconds,
        faults: None,
    };
    let mut agents = (0..load.agents).map(|it| load.agent(it)).collect::<Result<Vec<_>, _>>()?;
    let mut busy = 0.0;
    for first in (1..=load.batches).step_by(BATCHES_AT_ONCE) {
        let last = load.batches.min(first + u64::try_from(BATCHES_AT_ONCE)? - 1);
        let mut batches = Vec::new();
        for agent in &mut agents {
            batches.extend((first..=last).map(|seq| Arc::new(agent.batch(seq))));
        }
        let began = Instant::now();
        store.append(batches).await?;
        busy += began.elapsed().as_secs_f64();
        let passed: Vec<(StreamKey, u64)> =
            agents.iter().map(|agent| (agent.key.clone(), last + 1)).collect();
        store.release(&passed);
    }
    let began = Instant::now();
    store.seal().await?;
    let sealing = began.elapsed().as_secs_f64();
    let readings = figure(load.readings());
    figures.add("12,000 channels: written durably", readings / busy, "readings/s", None)?;
    figures.add(
        "same, with sealing everything",
        readings / (busy + sealing),
        "readings/s",
        None,
    )?;

    let mut channels = Vec::new();
    for device in 0..devices {
        channels.extend(plant::channels(device)?);
    }
    measure(figures, "last values of 12,000 channels", async || {
        Ok(store.last(&channels).await?.len())
    })
    .await?;
    let bytes = bytes_of(store, &folder).await?;
    figures.add("12,000 channels: on disk", bytes / readings, "bytes/reading", None)?;
    Ok(())
}

/// One channel over a year: curves.
async fn long(figures: &mut Figures, is_quick: bool) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let store = open(&folder).await?;
    let (days_coarse, days_fine) = if is_quick { (20, 3) } else { (275, 90) };
    let from = Time::from_millis(1_730_000_000_000).floor(DAY);
    let fine_from = from + days(days_coarse);
    let to = fine_from + days(days_fine);
    let channel = plant::channels(0)?.swap_remove(0);
    let mut readings = 0;
    let mut batch =
        Filling { store: &store, channel: channel.clone(), seq: 0, numbers: Vec::new() };
    for (begin, end, step) in
        [(from, fine_from, Span::from_secs(10)), (fine_from, to, Span::from_secs(1))]
    {
        let mut t = begin;
        while t < end {
            batch.take(t).await?;
            readings += 1;
            t = t + step;
        }
    }
    batch.flush().await?;
    drop(batch);
    store.seal().await?;

    measure(figures, "24 h raw of one channel at 1 Hz (86,400 readings)", async || {
        Ok(store.range(&channel, to - DAY, to, 100_000).await?.len())
    })
    .await?;
    measure(figures, "24 h in 500 steps", async || {
        Ok(store.buckets(&channel, to - DAY, to, 500).await?.len())
    })
    .await?;
    measure(figures, "90 days hourly (2,160 steps, 7.8 M readings)", async || {
        let hours = u32::try_from(24 * days_fine)?;
        Ok(store.buckets(&channel, fine_from, to, hours).await?.len())
    })
    .await?;
    measure(figures, "1 year in 500 steps (10.2 M readings)", async || {
        Ok(store.buckets(&channel, from, to, 500).await?.len())
    })
    .await?;
    let bytes = bytes_of(store, &folder).await?;
    figures.add(
        "one channel over a year: on disk",
        bytes / figure(readings),
        "bytes/reading",
        None,
    )?;
    Ok(())
}

/// One channel's readings on their way into the store.
struct Filling<'a> {
    store: &'a ReadingStore,
    channel: ChannelId,
    seq: u64,
    numbers: Vec<Reading>,
}

impl Filling<'_> {
    async fn take(&mut self, t: Time) -> Result<(), Failure> {
        // A slow wave over the day with noise in the last digit, in tenths.
        let phase = t.micros().rem_euclid(DAY.micros()) / 1_000_000;
        let phase = f64::from(i32::try_from(phase)?) / 86_400.0 * std::f64::consts::TAU;
        let noise = f64::from(i32::try_from((t.micros() / 1_000_000 * 7_919).rem_euclid(5))?);
        let value = (480.0 + 60.0 * phase.sin() + noise).round() / 10.0;
        self.numbers.push(Reading { channel: 0, t, value, quality: Quality::Good });
        if self.numbers.len() < READINGS_AT_ONCE {
            return Ok(());
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        self.seq += 1;
        let key = plant_key()?;
        let readings = Readings {
            channels: vec![self.channel.clone()],
            numbers: std::mem::take(&mut self.numbers),
            ..Readings::default()
        };
        let batch = Batch { key: key.clone(), seq: self.seq, body: BatchBody::Readings(readings) };
        self.store.append(vec![Arc::new(batch)]).await?;
        self.store.release(&[(key, self.seq + 1)]);
        Ok(())
    }
}

fn plant_key() -> Result<StreamKey, Failure> {
    let load = Load {
        devices: 1,
        agents: 1,
        period: Span::from_secs(1),
        phases: 1,
        start: Time::default(),
        batches: 1,
        faults: None,
    };
    Ok(load.agent(0)?.key)
}

async fn open(folder: &tempfile::TempDir) -> Result<ReadingStore, Failure> {
    let dir = folder.path().to_owned();
    let lateness = Span::from_secs(60);
    let config = StoreConfig::Chunks { dir, cap_bytes: CAP_BYTES, lateness };
    Ok(ReadingStore::open(&config).await?)
}

/// The first answer, from a cold cache of our own, and the median of the next ones.
async fn measure(
    figures: &mut Figures,
    name: &str,
    ask: impl AsyncFn() -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let mut times = Vec::new();
    let mut rows = 0;
    for _ in 0..=REPEATS {
        let began = Instant::now();
        rows = ask().await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    if rows == 0 {
        return Err(format!("{name}: nothing was found").into());
    }
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    figures.add(format!("{name}, median"), quantile(&times, 0.5), "ms", None)?;
    figures.add(
        format!("{name}, worst"),
        times.iter().copied().fold(first, f64::max),
        "ms",
        None,
    )?;
    Ok(())
}

/// What the closed file takes. Readers keep SQLite from folding its log in, so it is opened once more
/// without any.
async fn bytes_of(store: ReadingStore, folder: &tempfile::TempDir) -> Result<f64, Failure> {
    store.close().await?;
    drop(store);
    open(folder).await?.close().await?;
    Ok(figure(std::fs::metadata(folder.path().join("readings.db"))?.len()))
}

fn days(count: i64) -> Span {
    Span::from_micros(count * DAY.micros())
}

const DAY: Span = Span::from_secs(86_400);

/// A commit of the server under load.
const BATCHES_AT_ONCE: usize = 2;

/// What an agent commits at once.
const READINGS_AT_ONCE: usize = 5_000;

const REPEATS: usize = 20;

/// More than both files need.
const CAP_BYTES: u64 = 64 * 1024 * 1024 * 1024;
