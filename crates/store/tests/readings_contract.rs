//! The contract of the readings store, on the file and on its twin, and what is the file's alone:
//! crashes, retention, the cap.

#[path = "readings_suite/contract.rs"]
mod contract;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::reading::Batch;
use forewarn_domain::time::Span;
use forewarn_store::readings::{
    ClassRetention, Hold, ReadingStore, RetentionPolicy, StoreConfig, StoreError,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use self::contract::{
    SECOND, append, assert_close, assert_same, at, channel, keeps_the_contract, key, numbers, texts,
};

const HOUR: i64 = 3_600 * SECOND;

fn in_file(dir: &Path) -> StoreConfig {
    StoreConfig::Chunks { dir: dir.to_owned(), cap_bytes: 1 << 30, lateness: Span::from_secs(60) }
}

async fn open(config: &StoreConfig) -> ReadingStore {
    ReadingStore::open(config).await.expect("opens")
}

async fn open_memory() -> ReadingStore {
    open(&StoreConfig::Memory { lateness: Span::from_secs(60) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twin_keeps_the_contract() {
    keeps_the_contract(&open_memory().await, "x").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_keeps_the_contract_open_sealed_and_reopened() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(&in_file(dir.path())).await;
    keeps_the_contract(&store, "x").await;
    store.seal().await.expect("sealed");
    keeps_the_contract(&store, "y").await;
    store.close().await.expect("closed");
    assert!(matches!(store.seal().await, Err(StoreError::Closed)));
    keeps_the_contract(&open(&in_file(dir.path())).await, "z").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    let _store = open(&in_file(dir.path())).await;
    let second = ReadingStore::open(&in_file(dir.path())).await;
    assert!(matches!(second, Err(StoreError::InUse { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_of_a_running_file_has_everything_that_was_answered() {
    let (dir, image) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    let store = open(&in_file(dir.path())).await;
    let (key, channel) = (key("agent"), channel("mill/s/p"));
    for seq in 1..=10_u64 {
        let t = i64::try_from(seq).expect("small") * SECOND;
        append(&store, numbers(&key, seq, &channel, &[(t, 1.5, Quality::Good)])).await;
    }
    for name in ["readings.db", "readings.db-wal"] {
        std::fs::copy(dir.path().join(name), image.path().join(name)).expect("copied");
    }
    let copy = open(&in_file(image.path())).await;
    assert_eq!(copy.ledger(&key).ranges(), [(1, 10)]);
    let stored = copy.range(&channel, at(0), at(HOUR), 99).await.expect("read");
    assert_eq!(stored.len(), 10);
    assert_eq!(copy.unconsumed(&[(key, 1)], 99).await.expect("read").len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reading_opens_its_bucket_again() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = open(&in_file(dir.path())).await;
    let (key, channel) = (key("agent"), channel("mill/s/p"));
    let good = |t: i64, value| (t * SECOND, value, Quality::Good);
    append(&store, numbers(&key, 1, &channel, &[good(0, 1.0), good(2_000, 2.0)])).await;
    store.seal().await.expect("sealed");
    append(&store, numbers(&key, 2, &channel, &[good(5, 9.0)])).await;
    for round in ["open", "sealed again"] {
        let stored = store.range(&channel, at(0), at(HOUR), 9).await.expect("read");
        let rows: Vec<_> = stored.iter().map(|it| (it.value, it.late)).collect();
        assert_eq!(rows, [(1.0, false), (9.0, true), (2.0, false)], "{round}");
        let buckets = store.buckets(&channel, at(0), at(HOUR), 1).await.expect("read");
        assert_eq!((buckets[0].n, buckets[0].spread.expect("values").max), (3, 9.0), "{round}");
        store.seal().await.expect("sealed");
    }
}

fn policy(raw_hours: i64, rollup_hours: i64) -> RetentionPolicy {
    let hours = |hours| Span::from_secs(3_600 * hours);
    let (raw, rollup) = (hours(raw_hours), hours(rollup_hours));
    RetentionPolicy::uniform(ClassRetention { raw, rollup, waveform: raw })
}

/// Six hours of one reading a minute on each channel.
async fn fill(store: &ReadingStore, channels: &[ChannelId]) {
    for (agent, channel) in (0..).zip(channels) {
        let key = key(&format!("agent-{agent}"));
        for hour in 0..6 {
            let minute = |minute: i64| {
                let value = f64::from(i32::try_from(hour * 60 + minute).expect("small"));
                (hour * HOUR + minute * 60 * SECOND, value, Quality::Good)
            };
            let readings: Vec<_> = (0..60).map(minute).collect();
            append(store, numbers(&key, hour.unsigned_abs() + 1, channel, &readings)).await;
        }
        append(store, texts(&key, 7, channel, &[(0, "old"), (5 * HOUR, "new")])).await;
    }
    store.seal().await.expect("sealed");
}

async fn retention_keeps_its_promises(store: &ReadingStore) {
    let (plain, held, slow) = (channel("a/s/p"), channel("b/s/p"), channel("c/s/p"));
    fill(store, &[plain.clone(), held.clone(), slow.clone()]).await;
    let hours_with_readings = async |channel: &ChannelId| {
        let stored = store.range(channel, at(0), at(6 * HOUR), 999).await.expect("read");
        let mut hours: Vec<i64> = stored.iter().map(|it| (it.t - at(0)).micros() / HOUR).collect();
        hours.dedup();
        hours
    };
    let mut policy = policy(2, 4);
    policy.class_of = BTreeMap::from([(slow.clone(), "slow".to_owned())]);
    let week = Span::from_secs(7 * 86_400);
    let spans = ClassRetention { raw: week, rollup: week, waveform: week };
    policy.classes = BTreeMap::from([("slow".to_owned(), spans)]);
    let hold = Hold { channel: held.clone(), from: at(HOUR + 1), to: at(HOUR + 2) };
    let done = store.retain(&policy, at(6 * HOUR), &[hold]).await.expect("retained");
    assert_eq!((done.expired, done.rollups, done.texts), (240 + 180, 2 + 1, 2));
    assert_eq!(hours_with_readings(&plain).await, [4, 5]);
    assert_eq!(hours_with_readings(&held).await, [1, 4, 5], "a hold keeps its hour");
    assert_eq!(hours_with_readings(&slow).await, [0, 1, 2, 3, 4, 5], "a class of its own");
    let summarized = store.buckets(&plain, at(0), at(6 * HOUR), 6).await.expect("read");
    let rows: Vec<_> = summarized.iter().map(|it| (it.t, it.n)).collect();
    let hours = [2, 3, 4, 5].map(|hour| (at(hour * HOUR), 60));
    assert_eq!(rows, hours, "summaries outlive their readings");
    let mean = summarized[0].spread.expect("values").mean;
    assert!((mean - 149.5).abs() < 1e-9, "{mean}");

    let again = store.retain(&policy, at(6 * HOUR), &[]).await.expect("retained");
    assert_eq!(again.expired, 60, "without its hold the hour goes");
    assert_eq!(hours_with_readings(&held).await, [4, 5]);
    let key = key("agent-0");
    append(store, numbers(&key, 8, &plain, &[(2 * HOUR, 7.0, Quality::Good)])).await;
    store.seal().await.expect("sealed");
    let summarized = store.buckets(&plain, at(0), at(6 * HOUR), 6).await.expect("read");
    assert_eq!(summarized[0].n, 61, "a late reading joins the summary of its hour");
    let done = store.retain(&policy, at(6 * HOUR), &[]).await.expect("retained");
    assert_eq!(done.expired, 1, "and goes with the next run");
    let summarized = store.buckets(&plain, at(0), at(6 * HOUR), 6).await.expect("read");
    assert_eq!(summarized[0].n, 61);
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_keeps_its_promises_in_memory_and_in_the_file() {
    retention_keeps_its_promises(&open_memory().await).await;
    let dir = tempfile::tempdir().expect("temp dir");
    retention_keeps_its_promises(&open(&in_file(dir.path())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_stays_within_the_cap_and_holds_stay() {
    const CAP: u64 = 12 << 20;
    const CHANNELS: usize = 40;
    let dir = tempfile::tempdir().expect("temp dir");
    let lateness = Span::from_secs(60);
    let config = StoreConfig::Chunks { dir: dir.path().to_owned(), cap_bytes: CAP, lateness };
    let store = open(&config).await;
    let key = key("agent");
    let channels: Vec<ChannelId> =
        (0..CHANNELS).map(|n| channel(&format!("mill-{n}/s/p"))).collect();
    let held = Hold { channel: channels[0].clone(), from: at(0), to: at(1) };
    let (mut seed, mut largest, mut over_cap) = (1_u64, 0, 0);
    for seq in 1..=600_u64 {
        let batch = noise(&key, seq, &channels, &mut seed);
        store.append(vec![batch]).await.expect("stored");
        store.release(&[(key.clone(), seq)]);
        largest = largest.max(bytes_in(dir.path()));
        if seq % 100 == 0 {
            let holds = std::slice::from_ref(&held);
            let done = store.retain(&policy(9_999, 9_999), at(0), holds).await.expect("retained");
            over_cap += done.over_cap;
        }
    }
    assert!(largest <= CAP, "{largest} bytes of {CAP}");
    assert!(CAP / 2 < largest, "the test wrote too little: {largest}");
    assert!(0 < over_cap, "nothing was counted");
    let of_held = store.range(&channels[0], at(0), at(HOUR), 9_999).await.expect("read");
    let of_other = store.range(&channels[1], at(0), at(HOUR), 9_999).await.expect("read");
    assert_eq!(of_held.len(), 3_600);
    assert_eq!(of_other.len(), 0, "the oldest hour of a channel that is not held");
    store.seal().await.expect("sealed");
    assert!(bytes_in(dir.path()) <= CAP);
}

/// A minute of every channel, second by second, with values that hardly compress.
fn noise(
    key: &forewarn_domain::reading::StreamKey,
    seq: u64,
    channels: &[ChannelId],
    seed: &mut u64,
) -> Arc<Batch> {
    use forewarn_domain::reading::{BatchBody, Reading, Readings};
    let start = (i64::try_from(seq).expect("small") - 1) * 60;
    let mut batch = numbers(key, seq, &channels[0], &[]).as_ref().clone();
    let mut readings = Readings { channels: channels.to_vec(), ..Readings::default() };
    for second in start..start + 60 {
        for channel in 0..u16::try_from(channels.len()).expect("small") {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = f64::from(u32::try_from(*seed >> 32).expect("32 bits")) * 1.1;
            let (t, quality) = (at(second * SECOND), Quality::Good);
            readings.numbers.push(Reading { channel, t, value, quality });
        }
    }
    batch.body = BatchBody::Readings(readings);
    Arc::new(batch)
}

fn bytes_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("listed");
    entries.map(|it| it.expect("entry").metadata().expect("metadata").len()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_may_be_deleted_batches_are_refused_and_later_taken() {
    let dir = tempfile::tempdir().expect("temp dir");
    let lateness = Span::from_secs(60);
    let config = StoreConfig::Chunks { dir: dir.path().to_owned(), cap_bytes: 4 << 20, lateness };
    let store = open(&config).await;
    let (key, channels) = (key("agent"), [channel("mill/s/p"), channel("mill/s/q")]);
    let mut seed = 7;
    let mut refused = None;
    for seq in 1..=20_000 {
        let batch = noise(&key, seq, &channels, &mut seed);
        match store.append(vec![batch]).await {
            Ok(_) => {}
            Err(StoreError::Full { .. }) => {
                refused = Some(seq);
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let refused = refused.expect("the log of a stalled consumer fills the cap");
    assert_eq!(store.ledger(&key).next_seq(), refused, "a refused batch is not in the ledger");
    store.release(&[(key.clone(), refused)]);
    let batch = noise(&key, refused, &channels, &mut seed);
    store.append(vec![batch]).await.expect("the consumer has moved on");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_does_not_go_for_a_burst_that_waits_for_its_consumer() {
    let dir = tempfile::tempdir().expect("temp dir");
    let lateness = Span::from_secs(60);
    let config = StoreConfig::Chunks { dir: dir.path().to_owned(), cap_bytes: 4 << 20, lateness };
    let store = open(&config).await;
    let (key, channels) = (key("agent"), [channel("mill/s/p"), channel("mill/s/q")]);
    let mut seed = 7;
    // An hour of history, consumed and sealed: a small part of the cap.
    for seq in 1..=60 {
        store.append(vec![noise(&key, seq, &channels, &mut seed)]).await.expect("stored");
    }
    store.release(&[(key.clone(), 61)]);
    store.seal().await.expect("sealed");
    let mut seq = 60;
    let full = loop {
        seq += 1;
        match store.append(vec![noise(&key, seq, &channels, &mut seed)]).await {
            Ok(_) => assert!(seq < 20_000, "the burst never filled the file"),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full { .. }), "{full}");
    let history = store.range(&channels[0], at(0), at(HOUR), 9_999).await.expect("read");
    assert_eq!(history.len(), 3_600, "the hour that was there before the burst");
    let done = store.retain(&policy(9_999, 9_999), at(0), &[]).await.expect("retained");
    assert_eq!(done.over_cap, 0);
    // Once the consumer has passed the burst there is room again, if need be for history.
    store.release(&[(key.clone(), seq)]);
    store.append(vec![noise(&key, seq, &channels, &mut seed)]).await.expect("stored");
}

/// What may happen to a readings file.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Arc<Batch>>),
    Crash,
    Release(u8, u64),
    Seal,
}

fn batches() -> impl Strategy<Value = Arc<Batch>> {
    let reading = (0_i64..9_000, -50_i32..50, 0_u8..20).prop_map(|(second, value, quality)| {
        let quality = if quality == 0 { Quality::Bad(Bad::Frozen) } else { Quality::Good };
        (second * SECOND, f64::from(value) / 4.0, quality)
    });
    let numbers_of = prop::collection::vec(reading, 0..12);
    (0_u8..3, 1_u64..24, 0_u8..3, numbers_of, any::<bool>()).prop_map(
        |(agent, seq, device, readings, is_text)| {
            let (key, channel) = (agent_key(agent), device_channel(device));
            // What a number stands for never changes, as with a real agent: its seed is its name.
            let shift = i64::try_from(seq).expect("small") * 300 * SECOND;
            if is_text {
                let rows: Vec<_> = readings.iter().map(|it| (it.0 + shift, "word")).collect();
                return texts(&key, seq, &channel, &rows);
            }
            let rows: Vec<_> = readings.iter().map(|it| (it.0 + shift, it.1, it.2)).collect();
            numbers(&key, seq, &channel, &rows)
        },
    )
}

fn agent_key(agent: u8) -> forewarn_domain::reading::StreamKey {
    key(&format!("agent-{agent}"))
}

fn device_channel(device: u8) -> ChannelId {
    channel(&format!("mill-{device}/s/p"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(batches(), 1..5).prop_map(Step::Append),
        1 => Just(Step::Crash),
        1 => (0_u8..3, 1_u64..24).prop_map(|(agent, seq)| Step::Release(agent, seq)),
        2 => Just(Step::Seal),
    ]
}

/// Does the same to the file and to the twin, and compares every answer.
async fn agree(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut file = open(&in_file(dir.path())).await;
    let twin = open_memory().await;
    let mut released = [1_u64; 3];
    for step in steps {
        match step {
            Step::Append(batches) => {
                let of_file = file.append(batches.clone()).await.expect("stored");
                let of_twin = twin.append(batches).await.expect("stored");
                prop_assert_eq!(of_file, of_twin);
            }
            Step::Crash => {
                // Dropped without a word: the next start has log and chunks only.
                drop(file);
                file = open(&in_file(dir.path())).await;
            }
            Step::Release(agent, seq) => {
                file.release(&[(agent_key(agent), seq)]);
                twin.release(&[(agent_key(agent), seq)]);
                let released = &mut released[usize::from(agent)];
                *released = seq.max(*released);
            }
            Step::Seal => file.seal().await.expect("sealed"),
        }
        compare(&file, &twin).await?;
        // Below what was released the file may still have batches that the twin has dropped.
        let from: Vec<_> = (0_u8..).map(agent_key).zip(released).collect();
        let of_file = file.unconsumed(&from, 999).await.expect("read");
        prop_assert_eq!(of_file, twin.unconsumed(&from, 999).await.expect("read"));
    }
    Ok(())
}

async fn compare(file: &ReadingStore, twin: &ReadingStore) -> Result<(), TestCaseError> {
    let (from, to) = (at(-HOUR), at(9 * HOUR));
    prop_assert_eq!(file.channels(), twin.channels());
    for agent in 0..3 {
        prop_assert_eq!(file.ledger(&agent_key(agent)), twin.ledger(&agent_key(agent)));
    }
    let channels = twin.channels();
    let (of_file, of_twin) = (file.last(&channels).await, twin.last(&channels).await);
    prop_assert_eq!(of_file.expect("read"), of_twin.expect("read"));
    for channel in channels {
        let of_file = file.range(&channel, from, to, 9_999).await.expect("read");
        let of_twin = twin.range(&channel, from, to, 9_999).await.expect("read");
        assert_same(&of_file, &of_twin);
        let of_file = file.texts(&channel, from, to, 9_999).await.expect("read");
        prop_assert_eq!(of_file, twin.texts(&channel, from, to, 9_999).await.expect("read"));
        for count in [1, 7, 40, 900] {
            let of_file = file.buckets(&channel, from, to, count).await.expect("read");
            let of_twin = twin.buckets(&channel, from, to, count).await.expect("read");
            assert_close(&of_file, &of_twin);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn the_file_agrees_with_its_twin_through_duplicates_seals_and_crashes(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .expect("a runtime");
        runtime.block_on(agree(steps))?;
    }
}
