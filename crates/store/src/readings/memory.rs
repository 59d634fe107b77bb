//! The in-memory twin: plain maps that do what the file does, for tests and for trying rules out.
//!
//! Nothing here is durable and nothing is bounded but by [`Memory::retain`]; a process that serves a
//! plant uses a file or a server.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use forewarn_domain::channel::ChannelId;
use forewarn_domain::ledger::{Inserted, SeqRanges};
use forewarn_domain::reading::{Batch, ReadingId, Readings, StreamKey};
use forewarn_domain::time::{Span, Time};

use super::appended::{Appended, Outcome, Refusal};
use super::judge::{check, judge, readings};
use super::numbering::Numbering;
use super::retention::{HOUR_US, Hold, Retained, RetentionPolicy};
use super::sample::{Axis, Bucket, Latest, Sample, Summary, TextSample};

/// A handle to maps; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    plant: Arc<Mutex<Plant>>,
    lateness: Span,
}

#[derive(Debug, Default)]
struct Plant {
    streams: BTreeMap<StreamKey, Numbered>,
    devices: HashMap<String, u32>,
    series: BTreeMap<ChannelId, Series>,
}

#[derive(Debug, Default)]
struct Numbered {
    numbering: Numbering,
    batches: BTreeMap<(u64, u64), Arc<Batch>>,
    released: u64,
}

#[derive(Debug, Default)]
struct Series {
    numbers: BTreeMap<i64, (ReadingId, Sample)>,
    texts: BTreeMap<i64, TextSample>,
    rollups: BTreeMap<i64, Summary>,
    last: Option<(ReadingId, Sample)>,
}

impl Memory {
    pub(crate) fn new(lateness: Span) -> Self {
        Self { plant: Arc::default(), lateness }
    }

    pub(crate) fn append(&self, batches: &[Arc<Batch>]) -> Vec<Appended> {
        let mut plant = self.plant();
        let outcomes: Vec<Outcome> =
            batches.iter().map(|batch| plant.append(batch, self.lateness)).collect();
        let appended = batches.iter().zip(outcomes).map(|(batch, outcome)| Appended {
            key: batch.key.clone(),
            seq: batch.seq,
            outcome,
            ledger: plant.ledger(&batch.key),
        });
        appended.collect()
    }

    pub(crate) fn ledger(&self, key: &StreamKey) -> SeqRanges {
        self.plant().ledger(key)
    }

    pub(crate) fn ledgers(&self) -> Vec<(StreamKey, SeqRanges)> {
        let plant = self.plant();
        let of = |(key, it): (&StreamKey, &Numbered)| (key.clone(), it.numbering.ranges.clone());
        plant.streams.iter().map(of).collect()
    }

    pub(crate) fn release(&self, passed: &[(StreamKey, u64)]) {
        let mut plant = self.plant();
        for (key, next_seq) in passed {
            if let Some(stream) = plant.streams.get_mut(key) {
                stream.released = stream.released.max(*next_seq);
                let consumed = stream.released.min(stream.numbering.ranges.next_seq());
                stream.batches.retain(|(_, last), _| consumed <= *last);
            }
        }
    }

    pub(crate) fn unconsumed(&self, from: &[(StreamKey, u64)], limit: usize) -> Vec<Arc<Batch>> {
        let plant = self.plant();
        let mut found = Vec::new();
        for (key, next_seq) in from {
            let Some(stream) = plant.streams.get(key) else { continue };
            let mut next = *next_seq;
            for ((first, last), batch) in &stream.batches {
                let is_in_prefix = *first < stream.numbering.ranges.next_seq();
                if next <= *last && is_in_prefix && found.len() < limit {
                    next = last + 1;
                    found.push(Arc::clone(batch));
                }
            }
        }
        found
    }

    pub(crate) fn range(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Vec<Sample> {
        let plant = self.plant();
        let Some(series) = plant.series.get(channel) else { return Vec::new() };
        within(&series.numbers, from, to).map(|(_, sample)| *sample).take(limit).collect()
    }

    pub(crate) fn buckets(&self, channel: &ChannelId, axis: &Axis) -> Vec<Bucket> {
        let plant = self.plant();
        let Some(series) = plant.series.get(channel) else { return Vec::new() };
        let mut summaries = axis.summaries();
        for (hour, rollup) in &series.rollups {
            if let Some(step) = axis.step(hour * HOUR_US) {
                summaries[step].merge(rollup);
            }
        }
        for (t, (_, sample)) in &series.numbers {
            if let Some(step) = axis.step(*t) {
                summaries[step].add(sample.value, sample.quality.is_bad());
            }
        }
        axis.buckets(&summaries)
    }

    pub(crate) fn texts(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: usize,
    ) -> Vec<TextSample> {
        let plant = self.plant();
        let Some(series) = plant.series.get(channel) else { return Vec::new() };
        within(&series.texts, from, to).take(limit).cloned().collect()
    }

    pub(crate) fn last(&self, channels: &[ChannelId]) -> Vec<Latest> {
        let plant = self.plant();
        let of = |channel: &ChannelId| {
            let series = plant.series.get(channel)?;
            let number = series.last.as_ref().map(|(_, sample)| *sample);
            let text = series.texts.values().next_back().cloned();
            Some(Latest { channel: channel.clone(), number, text })
        };
        channels.iter().filter_map(of).collect()
    }

    pub(crate) fn channels(&self) -> Vec<ChannelId> {
        self.plant().series.keys().cloned().collect()
    }

    pub(crate) fn retain(&self, policy: &RetentionPolicy, now: Time, holds: &[Hold]) -> Retained {
        let mut done = Retained::default();
        for (channel, series) in &mut self.plant().series {
            let spans = policy.spans(policy.class(channel));
            let of_channel: Vec<&Hold> = holds.iter().filter(|it| it.channel == *channel).collect();
            let is_held = |from: i64, to: i64| {
                of_channel.iter().any(|it| it.from.micros() < to && from < it.to.micros())
            };
            let hour_is_held = |hour: i64| is_held(hour * HOUR_US, (hour + 1) * HOUR_US);
            let raw_cutoff = spans.raw_cutoff(now);
            let Series { numbers, rollups, texts, .. } = series;
            numbers.retain(|t, (_, sample)| {
                let hour = t.div_euclid(HOUR_US);
                if raw_cutoff <= hour || hour_is_held(hour) {
                    return true;
                }
                let rollup = rollups.entry(hour).or_default();
                rollup.add(sample.value, sample.quality.is_bad());
                done.expired += 1;
                false
            });
            let rollup_cutoff = spans.rollup_cutoff(now);
            rollups.retain(|hour, _| {
                let is_kept = rollup_cutoff <= *hour || hour_is_held(*hour);
                done.rollups += u64::from(!is_kept);
                is_kept
            });
            texts.retain(|t, _| {
                let is_kept = raw_cutoff.saturating_mul(HOUR_US) <= *t || is_held(*t, *t + 1);
                done.texts += u64::from(!is_kept);
                is_kept
            });
        }
        done
    }

    fn plant(&self) -> MutexGuard<'_, Plant> {
        self.plant.lock().expect("no holder of this lock panics: it only moves memory")
    }
}

impl Plant {
    fn ledger(&self, key: &StreamKey) -> SeqRanges {
        self.streams.get(key).map(|it| it.numbering.ranges.clone()).unwrap_or_default()
    }

    fn append(&mut self, batch: &Arc<Batch>, lateness: Span) -> Outcome {
        let mut stream = self.streams.remove(&batch.key).unwrap_or_default();
        let outcome = self.append_to(&mut stream, batch, lateness);
        if stream.numbering.ranges != SeqRanges::default() {
            self.streams.insert(batch.key.clone(), stream);
        }
        outcome
    }

    fn append_to(&mut self, stream: &mut Numbered, batch: &Arc<Batch>, lateness: Span) -> Outcome {
        let nothing = Readings::default();
        let readings = readings(batch).unwrap_or(&nothing);
        if let Err(refusal) = check(readings) {
            return Outcome::Refused(refusal);
        }
        let devices: Vec<u32> =
            readings.channels.iter().map(|it| self.device(it.device_str())).collect();
        let passed = |device| stream.numbering.passed.get(device).copied();
        let passed: Vec<Option<i64>> = devices.iter().map(passed).collect();
        let judged = judge(readings, &passed, lateness);
        match stream.numbering.insert(batch.seq, batch.last_seq()) {
            Inserted::Known => return Outcome::Known,
            Inserted::TooManyGaps => return Outcome::Refused(Refusal::TooManyGaps),
            Inserted::New => {}
        }
        let mut newest: HashMap<u32, i64> = HashMap::new();
        for (device, t) in devices.iter().zip(&judged.newest) {
            if let Some(t) = t {
                let known = newest.entry(*device).or_insert(*t);
                *known = (*known).max(*t);
            }
        }
        stream.numbering.advance(batch.seq, newest);
        stream.batches.insert((batch.seq, batch.last_seq()), Arc::clone(batch));
        self.store(batch, readings, &judged.late);
        Outcome::New { late: u32::try_from(judged.late.len()).unwrap_or(u32::MAX) }
    }

    fn store(&mut self, batch: &Batch, readings: &Readings, late: &[u32]) {
        let id = |idx| ReadingId { key: batch.key.clone(), seq: batch.seq, idx };
        let is_late = |idx: u32| late.binary_search(&idx).is_ok();
        for channel in &readings.channels {
            self.series.entry(channel.clone()).or_default();
        }
        let mut idx = 0;
        for reading in &readings.numbers {
            let (t, value, quality) = (reading.t, reading.value, reading.quality);
            let sample = Sample { t, value, quality, late: is_late(idx) };
            let channel = readings.channel(reading.channel);
            if let Some(series) = channel.and_then(|it| self.series.get_mut(it)) {
                let known = series.numbers.get(&t.micros());
                if known.is_none_or(|(known, _)| *known <= id(idx)) {
                    series.numbers.insert(t.micros(), (id(idx), sample));
                }
                let is_newer =
                    |(known, last): &(ReadingId, Sample)| (last.t, known) <= (t, &id(idx));
                if series.last.as_ref().is_none_or(is_newer) {
                    series.last = Some((id(idx), sample));
                }
            }
            idx += 1;
        }
        for text in &readings.texts {
            let (t, quality, late, id) = (text.t, text.quality, is_late(idx), id(idx));
            let sample = TextSample { t, text: text.text.clone(), quality, late, id };
            let channel = readings.channel(text.channel);
            if let Some(series) = channel.and_then(|it| self.series.get_mut(it)) {
                let known = series.texts.get(&t.micros());
                if known.is_none_or(|known| known.id <= sample.id) {
                    series.texts.insert(t.micros(), sample);
                }
            }
            idx += 1;
        }
    }

    fn device(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        *self.devices.entry(name.to_owned()).or_insert(next)
    }
}

fn within<T>(map: &BTreeMap<i64, T>, from: Time, to: Time) -> impl Iterator<Item = &T> {
    let range = from.micros()..to.micros().max(from.micros());
    map.range(range).map(|(_, stored)| stored)
}
