//! What every kind of readings store must do, as one function over any of them.
//!
//! Each part uses channels of its own, so that the suite may run on a server that is in use.

use std::sync::Arc;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::AgentId;
use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Evicted, Reading, Readings, Stream, StreamKey, TextReading,
};
use forewarn_domain::time::Time;
use forewarn_store::readings::{Bucket, Outcome, ReadingStore, Refusal, Sample};

/// 2025-06-02T06:00:00Z, the beginning of an hour. Servers refuse points of the future.
pub(crate) const T0: i64 = 1_748_844_000_000_000;

pub(crate) const SECOND: i64 = 1_000_000;

pub(crate) fn at(micros_after_t0: i64) -> Time {
    Time::from_micros(T0 + micros_after_t0)
}

pub(crate) fn key(agent: &str) -> StreamKey {
    let agent = AgentId::new(agent).expect("a slug");
    StreamKey { agent, epoch: Epoch(0xfeed), stream: Stream::NORMAL }
}

pub(crate) fn channel(name: &str) -> ChannelId {
    name.parse().expect("a channel")
}

/// One batch of numbers of one channel: (µs after T0, value, quality).
pub(crate) fn numbers(
    key: &StreamKey,
    seq: u64,
    channel: &ChannelId,
    readings: &[(i64, f64, Quality)],
) -> Arc<Batch> {
    let number = |(t, value, quality): &(i64, f64, Quality)| Reading {
        channel: 0,
        t: at(*t),
        value: *value,
        quality: *quality,
    };
    let readings = Readings {
        channels: vec![channel.clone()],
        numbers: readings.iter().map(number).collect(),
        ..Readings::default()
    };
    Arc::new(Batch { key: key.clone(), seq, body: BatchBody::Readings(readings) })
}

pub(crate) fn texts(
    key: &StreamKey,
    seq: u64,
    channel: &ChannelId,
    texts: &[(i64, &str)],
) -> Arc<Batch> {
    let text = |(t, text): &(i64, &str)| TextReading {
        channel: 0,
        t: at(*t),
        text: (*text).to_owned(),
        quality: Quality::Good,
    };
    let readings = Readings {
        channels: vec![channel.clone()],
        texts: texts.iter().map(text).collect(),
        ..Readings::default()
    };
    Arc::new(Batch { key: key.clone(), seq, body: BatchBody::Readings(readings) })
}

/// Equal, where two NaN count as equal: a bad reading may have no value at all.
pub(crate) fn assert_same(found: &[Sample], expected: &[Sample]) {
    let row = |it: &Sample| (it.t, it.value.is_nan(), it.quality, it.late);
    let rows = |samples: &[Sample]| samples.iter().map(row).collect::<Vec<_>>();
    assert_eq!(rows(found), rows(expected));
    for (found, expected) in found.iter().zip(expected) {
        let is_same = found.value.total_cmp(&expected.value).is_eq() || expected.value.is_nan();
        assert!(is_same, "{found:?} instead of {expected:?}");
    }
}

/// Equal up to the order in which a mean was summed.
pub(crate) fn assert_close(found: &[Bucket], expected: &[Bucket]) {
    let row = |it: &Bucket| (it.t, it.n, it.bad, it.spread.map(|it| (it.min, it.max)));
    let rows = |buckets: &[Bucket]| buckets.iter().map(row).collect::<Vec<_>>();
    assert_eq!(rows(found), rows(expected));
    for (found, expected) in found.iter().zip(expected) {
        if let (Some(found), Some(expected)) = (found.spread, expected.spread) {
            let off = (found.mean - expected.mean).abs();
            assert!(off <= 1e-9 * (1.0 + expected.mean.abs()), "{found:?} {expected:?}");
        }
    }
}

pub(crate) async fn append(store: &ReadingStore, batch: Arc<Batch>) -> Outcome {
    let appended = store.append(vec![batch]).await.expect("stored");
    appended.first().expect("one answer for one batch").outcome
}

const NEW: Outcome = Outcome::New { late: 0 };

/// A store under test.
pub(crate) struct Subject<'a> {
    pub(crate) store: &'a ReadingStore,
    /// Makes the channels unique to this run.
    pub(crate) salt: &'a str,
    /// Whether reads see a write at once, or only after `seal`.
    pub(crate) shows_at_once: bool,
}

impl Subject<'_> {
    async fn shown(&self) {
        if !self.shows_at_once {
            self.store.seal().await.expect("sealed");
        }
    }
}

/// The whole contract, on a store that shows a write at once.
pub(crate) async fn keeps_the_contract(store: &ReadingStore, salt: &str) {
    every_part_holds(&Subject { store, salt, shows_at_once: true }).await;
}

/// The whole contract.
pub(crate) async fn every_part_holds(subject: &Subject<'_>) {
    readings_come_back_with_value_quality_and_late_flag(subject).await;
    a_batch_is_stored_once_and_the_ledger_says_so(subject).await;
    lateness_counts_from_the_contiguous_prefix(subject).await;
    the_greatest_reading_id_stays(subject).await;
    texts_come_back_with_their_reading_id(subject).await;
    the_newest_is_known_for_each_channel(subject).await;
    buckets_summarize_what_the_range_holds(subject).await;
    consumers_replay_the_prefix_until_they_release_it(subject).await;
    an_eviction_closes_the_gap_it_reports(subject).await;
    what_is_refused_leaves_the_rest_alone(subject).await;
}

async fn readings_come_back_with_value_quality_and_late_flag(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a1-{salt}")), channel(&format!("d1-{salt}/s/p")));
    let clamped = Quality::Uncertain(Uncertain::Clamped);
    let timeout = Quality::Bad(Bad::Timeout);
    let first = [
        (0, 20.5, Quality::Good),
        (SECOND, -0.000_123, clamped),
        (2 * SECOND + 7, 81_234.5, Quality::Good),
        (700 * SECOND, f64::NAN, timeout),
        (701 * SECOND, 3.0, timeout),
    ];
    let second = [(-100 * SECOND, 7.25, Quality::Good), (702 * SECOND, 8.0, Quality::Good)];
    assert_eq!(append(store, numbers(&key, 1, &channel, &first)).await, NEW);
    let outcome = append(store, numbers(&key, 2, &channel, &second)).await;
    assert_eq!(outcome, Outcome::New { late: 1 }, "the first lies 801 s behind");
    let sample = |t, value, quality, late| Sample { t: at(t), value, quality, late };
    let all = [
        sample(-100 * SECOND, 7.25, Quality::Good, true),
        sample(0, 20.5, Quality::Good, false),
        sample(SECOND, -0.000_123, clamped, false),
        sample(2 * SECOND + 7, 81_234.5, Quality::Good, false),
        sample(700 * SECOND, f64::NAN, timeout, false),
        sample(701 * SECOND, 3.0, timeout, false),
        sample(702 * SECOND, 8.0, Quality::Good, false),
    ];
    let (from, to) = (at(-3_600 * SECOND), at(3_600 * SECOND));
    subject.shown().await;
    assert_same(&store.range(&channel, from, to, 100).await.expect("read"), &all);
    assert_same(&store.range(&channel, from, to, 3).await.expect("read"), &all[..3]);
    let half_open = store.range(&channel, at(0), at(700 * SECOND), 100).await.expect("read");
    assert_same(&half_open, &all[1..4]);
    assert_same(&store.range(&channel, to, from, 100).await.expect("read"), &[]);
    assert!(store.channels().contains(&channel));
}

async fn a_batch_is_stored_once_and_the_ledger_says_so(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a2-{salt}")), channel(&format!("d2-{salt}/s/p")));
    let batch = |seq: i64| {
        numbers(&key, seq.unsigned_abs(), &channel, &[(seq * SECOND, 1.0, Quality::Good)])
    };
    let appended =
        store.append(vec![batch(1), batch(1), batch(3), batch(4)]).await.expect("stored");
    let outcomes: Vec<Outcome> = appended.iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes, [NEW, Outcome::Known, NEW, NEW]);
    assert_eq!(appended[0].ledger.ranges(), [(1, 1), (3, 4)]);
    assert_eq!(append(store, batch(3)).await, Outcome::Known);
    assert_eq!(append(store, batch(2)).await, NEW);
    assert_eq!(store.ledger(&key).ranges(), [(1, 4)]);
    assert!(store.ledgers().contains(&(key.clone(), store.ledger(&key))));
    assert!(store.ledger(&self::key("nobody")).ranges().is_empty());
    subject.shown().await;
    let stored = store.range(&channel, at(0), at(9 * SECOND), 100).await.expect("read");
    assert_eq!(stored.len(), 4);
}

async fn lateness_counts_from_the_contiguous_prefix(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a3-{salt}")), channel(&format!("d3-{salt}/s/p")));
    let batch =
        |seq, second: i64| numbers(&key, seq, &channel, &[(second * SECOND, 1.0, Quality::Good)]);
    assert_eq!(append(store, batch(1, 0)).await, NEW);
    assert_eq!(append(store, batch(9, 5_000)).await, NEW, "live data goes before the backlog");
    assert_eq!(append(store, batch(2, 100)).await, NEW, "backlog is not late");
    assert_eq!(append(store, batch(3, 41)).await, NEW, "59 s behind is within the bound");
    assert_eq!(append(store, batch(4, 39)).await, Outcome::New { late: 1 });
    for (seq, second) in [(5, 110), (6, 120), (7, 130), (8, 140)] {
        assert_eq!(append(store, batch(seq, second)).await, NEW);
    }
    let outcome = append(store, batch(10, 150)).await;
    assert_eq!(outcome, Outcome::New { late: 1 }, "the prefix now holds batch 9");
}

async fn the_greatest_reading_id_stays(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a4-{salt}")), channel(&format!("d4-{salt}/s/p")));
    let batch = |seq, values: &[f64]| {
        let readings: Vec<_> = values.iter().map(|it| (SECOND, *it, Quality::Good)).collect();
        numbers(&key, seq, &channel, &readings)
    };
    append(store, batch(1, &[1.0])).await;
    append(store, batch(2, &[2.0, 2.5])).await;
    subject.shown().await;
    let stored = store.range(&channel, at(0), at(9 * SECOND), 9).await.expect("read");
    assert_eq!(stored.iter().map(|it| it.value).collect::<Vec<_>>(), [2.5]);
}

async fn texts_come_back_with_their_reading_id(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a5-{salt}")), channel(&format!("d5-{salt}/s/program")));
    append(store, texts(&key, 1, &channel, &[(0, "O1 \"x\", y=z\n2"), (5, ""), (9, "主轴")])).await;
    append(store, texts(&key, 2, &channel, &[(5, "again")])).await;
    let found = store.texts(&channel, at(0), at(9), 9).await.expect("read");
    let rows: Vec<_> =
        found.iter().map(|it| (it.t, it.text.as_str(), it.id.seq, it.id.idx)).collect();
    assert_eq!(rows, [(at(0), "O1 \"x\", y=z\n2", 1, 0), (at(5), "again", 2, 0)]);
    assert!(found.iter().all(|it| it.id.key == key && it.quality == Quality::Good && !it.late));
    assert_eq!(store.texts(&channel, at(0), at(10), 1).await.expect("read").len(), 1);
}

async fn the_newest_is_known_for_each_channel(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let key = key(&format!("a6-{salt}"));
    let (load, program) =
        (channel(&format!("d6-{salt}/s/load")), channel(&format!("d6-{salt}/s/program")));
    append(store, numbers(&key, 1, &load, &[(9, 1.0, Quality::Good), (5, 2.0, Quality::Good)]))
        .await;
    append(store, numbers(&key, 2, &load, &[(7, 3.0, Quality::Good)])).await;
    append(store, texts(&key, 3, &program, &[(1, "O1"), (2, "O2")])).await;
    let device = load.device();
    let mut latest = store.last_of_device(&device).await.expect("read");
    latest.sort_by(|a, b| a.channel.cmp(&b.channel));
    assert_eq!(latest.len(), 2, "two channels: {latest:?}");
    let (of_load, of_program) = (&latest[0], &latest[1]);
    let number = of_load.number.expect("a number");
    assert_eq!((number.t, number.value), (at(9), 1.0));
    assert_eq!(of_load.text, None);
    assert_eq!(of_program.text.as_ref().map(|it| it.text.as_str()), Some("O2"));
    let unknown = channel(&format!("d6-{salt}/s/never"));
    assert_eq!(store.last(&[unknown]).await.expect("read"), []);
}

async fn buckets_summarize_what_the_range_holds(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a7-{salt}")), channel(&format!("d7-{salt}/s/p")));
    let reading = |n: i64| {
        let is_bad = n % 50 == 0;
        let quality = if is_bad { Quality::Bad(Bad::Crc) } else { Quality::Good };
        (n * 10 * SECOND, f64::from(i32::try_from(n % 97).expect("small")) / 8.0, quality)
    };
    for (seq, start) in (1..).zip((0..1_500).step_by(100)) {
        let readings: Vec<_> = (start..start + 100).map(reading).collect();
        append(store, numbers(&key, seq, &channel, &readings)).await;
    }
    subject.shown().await;
    for (from, to, count) in
        [(0, 15_000, 4), (0, 15_000, 1), (-10_000, 30_000, 7), (95, 3_333, 500), (7_190, 7_210, 3)]
    {
        let (from, to) = (at(from * SECOND), at(to * SECOND));
        let samples = store.range(&channel, from, to, usize::MAX).await.expect("read");
        let found = store.buckets(&channel, from, to, count).await.expect("read");
        assert_close(&found, &fold(&samples, from, to, count));
    }
    let none = store.buckets(&channel, at(5), at(5), 10).await.expect("read");
    assert_eq!(none, []);
}

/// Buckets by the book.
pub(crate) fn fold(samples: &[Sample], from: Time, to: Time, count: u32) -> Vec<Bucket> {
    use forewarn_store::readings::Spread;
    let length = (to - from).micros();
    let width = (length + i64::from(count) - 1) / i64::from(count);
    let mut buckets: Vec<Bucket> = Vec::new();
    for sample in samples {
        let step = (sample.t - from).micros() / width;
        let t = Time::from_micros(from.micros() + step * width);
        if buckets.last().is_none_or(|it| it.t != t) {
            buckets.push(Bucket { t, spread: None, n: 0, bad: 0 });
        }
        let bucket = buckets.last_mut().expect("just pushed");
        if sample.quality.is_bad() {
            bucket.bad += 1;
            continue;
        }
        bucket.n += 1;
        let value = sample.value;
        let spread = bucket.spread.get_or_insert(Spread { min: value, max: value, mean: 0.0 });
        spread.min = spread.min.min(value);
        spread.max = spread.max.max(value);
        spread.mean += value;
    }
    for bucket in &mut buckets {
        let n = f64::from(u32::try_from(bucket.n).expect("small"));
        bucket.spread.iter_mut().for_each(|it| it.mean /= n);
    }
    buckets
}

async fn consumers_replay_the_prefix_until_they_release_it(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a8-{salt}")), channel(&format!("d8-{salt}/s/p")));
    let batch = |seq: u64| {
        let t = i64::try_from(seq).expect("small") * SECOND;
        numbers(&key, seq, &channel, &[(t, 1.0, Quality::Good)])
    };
    for seq in [1, 3, 2, 5] {
        append(store, batch(seq)).await;
    }
    let replayed = |found: Vec<Arc<Batch>>| found.iter().map(|it| it.seq).collect::<Vec<_>>();
    let found = store.unconsumed(&[(key.clone(), 1)], 9).await.expect("read");
    assert_eq!(found.first(), Some(&batch(1)), "as it was appended");
    assert_eq!(replayed(found), [1, 2, 3], "5 is beyond the gap");
    let page = store.unconsumed(&[(key.clone(), 1)], 2).await.expect("read");
    assert_eq!(replayed(page), [1, 2]);
    store.release(&[(key.clone(), 3)]);
    store.seal().await.expect("sealed");
    let found = store.unconsumed(&[(key.clone(), 1)], 9).await.expect("read");
    assert_eq!(replayed(found), [3], "1 and 2 have left the log");
    append(store, batch(4)).await;
    let found = store.unconsumed(&[(key.clone(), 3)], 9).await.expect("read");
    assert_eq!(replayed(found), [3, 4, 5]);
    subject.shown().await;
    let stored = store.range(&channel, at(0), at(9 * SECOND), 9).await.expect("read");
    assert_eq!(stored.len(), 5, "leaving the log deletes no reading");
}

async fn an_eviction_closes_the_gap_it_reports(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let key = key(&format!("a9-{salt}"));
    let evicted = Evicted { to_seq: 40, readings: 9_000, reason: "quota".to_owned() };
    let batch = Batch { key: key.clone(), seq: 1, body: BatchBody::Evicted(evicted) };
    let batch = Arc::new(batch);
    assert_eq!(append(store, Arc::clone(&batch)).await, NEW);
    assert_eq!(append(store, Arc::clone(&batch)).await, Outcome::Known);
    assert_eq!(store.ledger(&key).ranges(), [(1, 40)]);
    assert_eq!(store.unconsumed(&[(key, 1)], 9).await.expect("read"), [batch]);
}

async fn what_is_refused_leaves_the_rest_alone(subject: &Subject<'_>) {
    let Subject { store, salt, .. } = *subject;
    let (key, channel) = (key(&format!("a10-{salt}")), channel(&format!("d10-{salt}/s/p")));
    let batch = |seq| numbers(&key, seq, &channel, &[(SECOND, 1.0, Quality::Good)]);
    for gap in 1..=64 {
        assert_eq!(append(store, batch(10 * gap)).await, NEW);
    }
    let mut wrong = batch(11).as_ref().clone();
    if let BatchBody::Readings(readings) = &mut wrong.body {
        readings.numbers[0].channel = 7;
    }
    let appended =
        store.append(vec![batch(9_999), Arc::new(wrong), batch(12)]).await.expect("answered");
    let outcomes: Vec<Outcome> = appended.iter().map(|it| it.outcome).collect();
    let refused = Outcome::Refused;
    let unknown = refused(Refusal::UnknownChannel { idx: 0 });
    assert_eq!(outcomes[..2], [refused(Refusal::TooManyGaps), unknown]);
    assert_eq!(outcomes[2], refused(Refusal::TooManyGaps), "12 touches no range");
    assert_eq!(append(store, batch(11)).await, NEW, "a neighbour needs no range of its own");
}
