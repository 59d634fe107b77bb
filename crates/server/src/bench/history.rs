//! Stored history as batches, in the order in which an agent would have sent them.
//!
//! Rely on this: readings come by time, at one time in the order of the device's templates; a batch
//! ends where a text or a burst came, so that the engine sees it at its place. Late readings were not
//! evaluated live and are left out. Deliberately absent: the batches' own numbers, which a store of
//! series does not keep.

use std::collections::BTreeSet;

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{AgentId, DeviceId};
use forewarn_domain::reading::{
    Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey, TextReading,
};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Burst;
use forewarn_store::readings::{ReadingStore, StoreError};
use forewarn_store::records::{Records, RecordsError};

/// The stored past of some devices.
pub(crate) struct History {
    readings: ReadingStore,
    records: Records,
    key: StreamKey,
    channels: Vec<ChannelId>,
    devices: BTreeSet<DeviceId>,
    seq: u64,
}

/// Something that was measured, with its place among things of the same time.
enum Event {
    Burst(Box<Burst>),
    Number(Reading),
    Text(TextReading),
}

impl History {
    pub(crate) fn of(
        plant: &Plant,
        devices: BTreeSet<DeviceId>,
        readings: ReadingStore,
        records: Records,
    ) -> Self {
        let known: BTreeSet<ChannelId> = readings.channels().into_iter().collect();
        let mut channels = Vec::new();
        for device in plant.devices().filter(|it| devices.contains(&it.device.id)) {
            for source in &device.device.sources {
                let Some(template) = plant.template(&source.template) else { continue };
                for point in &template.points {
                    channels.push(ChannelId::new(&device.device.id, &source.id, &point.id));
                }
            }
            let computed = device.channels.keys().filter(|it| !channels.contains(it));
            let computed: Vec<ChannelId> = computed.cloned().collect();
            channels.extend(computed);
        }
        channels.retain(|it| known.contains(it));
        channels.truncate(Readings::CHANNELS_MAX);
        let agent = AgentId::new("backtest").expect("a word of letters is an id");
        let key = StreamKey { agent, epoch: Epoch(0), stream: Stream::NORMAL };
        Self { readings, records, key, channels, devices, seq: 0 }
    }

    /// When the first reading was taken, as far back as `since`; `None` for an empty past.
    pub(crate) async fn begins(
        &self,
        since: Time,
        now: Time,
    ) -> Result<Option<Time>, HistoryError> {
        let mut first: Option<Time> = None;
        for channel in &self.channels {
            let found = self.readings.range(channel, since, now, 1).await?;
            let found = found.first().map(|it| it.t);
            first = first.into_iter().chain(found).min();
        }
        Ok(first)
    }

    /// What was measured with `from <= t < to`.
    pub(crate) async fn batches(
        &mut self,
        from: Time,
        to: Time,
    ) -> Result<Vec<Batch>, HistoryError> {
        let mut events: Vec<(Time, u8, Event)> = Vec::new();
        for (channel, id) in (0_u16..).zip(&self.channels) {
            for it in self.readings.range(id, from, to, SAMPLES_MAX).await? {
                if !it.late {
                    let (t, value, quality) = (it.t, it.value, it.quality);
                    let reading = Reading { channel, t, value, quality };
                    events.push((t, 0, Event::Number(reading)));
                }
            }
            for it in self.readings.texts(id, from, to, SAMPLES_MAX).await? {
                if !it.late {
                    let (t, text, quality) = (it.t, it.text, it.quality);
                    let text = TextReading { channel, t, text, quality };
                    events.push((t, 1, Event::Text(text)));
                }
            }
        }
        for burst in self.records.bursts(from, to).await? {
            if self.devices.contains(&burst.channel.device()) {
                events.push((burst.t0, 2, Event::Burst(Box::new(burst))));
            }
        }
        // Stable: at one time the order of the channels stays.
        events.sort_by_key(|(t, kind, _)| (*t, *kind));
        Ok(self.cut(events))
    }

    fn cut(&mut self, events: Vec<(Time, u8, Event)>) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut readings = self.empty();
        for (_, _, event) in events {
            let is_over = match &event {
                Event::Number(_) => !readings.texts.is_empty() || !readings.bursts.is_empty(),
                Event::Text(_) => !readings.bursts.is_empty(),
                Event::Burst(_) => false,
            };
            if is_over {
                let full = std::mem::replace(&mut readings, self.empty());
                batches.push(self.batch(full));
            }
            match event {
                Event::Burst(burst) => readings.bursts.push(*burst),
                Event::Number(reading) => readings.numbers.push(reading),
                Event::Text(text) => readings.texts.push(text),
            }
        }
        if 0 < readings.count() + readings.bursts.len() {
            batches.push(self.batch(readings));
        }
        batches
    }

    fn empty(&self) -> Readings {
        Readings { channels: self.channels.clone(), ..Readings::default() }
    }

    fn batch(&mut self, readings: Readings) -> Batch {
        self.seq += 1;
        Batch { key: self.key.clone(), seq: self.seq, body: BatchBody::Readings(readings) }
    }
}

/// The beginning of each batch, for inputs that took effect between two.
pub(crate) fn first_time(batch: &Batch) -> Option<Time> {
    let BatchBody::Readings(readings) = &batch.body else { return None };
    let number = readings.numbers.first().map(|it| it.t);
    let text = readings.texts.first().map(|it| it.t);
    let burst = readings.bursts.first().map(|it| it.t0);
    number.into_iter().chain(text).chain(burst).min()
}

/// How much time is read at once: half an hour of a thousand channels at one reading a second fits
/// into memory.
pub(crate) const WINDOW: Span = Span::from_secs(1_800);

/// Beyond ten readings a second of one channel a window is cut short, which the report's count shows.
const SAMPLES_MAX: usize = 18_000;

/// Why the past cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// The readings store.
    #[error(transparent)]
    Readings(#[from] StoreError),
    /// The records store.
    #[error(transparent)]
    Records(#[from] RecordsError),
}
