//! The server's end of the link: what it has stored, in memory, under each reading's own name.
//!
//! Rely on this: it acknowledges after it has stored, unless a bug is planted. Deliberately absent:
//! durability. It lives as long as the program, which is what a durable server looks like from here.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use forewarn_domain::id::AgentId;
use forewarn_domain::ledger::{Inserted, SeqRanges};
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Readings, Stream};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::mqtt::ConnectOptions;
use forewarn_wire::payload::{self, Ack, Hello};
use forewarn_wire::server_link::{self, Delivery, ServerLink};

use crate::bugs::Bug;

/// Everything that was stored, by agent.
#[derive(Clone)]
pub(crate) struct Receiver {
    agents: Arc<Mutex<BTreeMap<AgentId, Store>>>,
    is_away: Arc<AtomicBool>,
    bug: Option<Bug>,
}

/// What is stored of one agent.
#[derive(Default)]
pub(crate) struct Store {
    ledgers: BTreeMap<(Epoch, Stream), SeqRanges>,
    batches: HashMap<(Epoch, Stream, u64), u64>,
    /// How often each reading, by the hash of its channel, time and value.
    readings: HashMap<u64, u32>,
    pub(crate) unreadable: u64,
    /// When something new came: wall clock, time of its newest reading, readings.
    pub(crate) arrivals: Vec<(i64, i64, usize)>,
    /// With a bug planted: acknowledged, and not stored.
    promised: Vec<(Instant, Batch)>,
}

impl Receiver {
    /// Listens on a thread of its own until the program ends.
    pub(crate) fn start(broker: u16, bug: Option<Bug>) -> Self {
        let receiver = Self { agents: Arc::default(), is_away: Arc::default(), bug };
        let (link, driver) =
            server_link::open(ConnectOptions::new("127.0.0.1", broker, "kill9-server")).unwrap();
        let listening = receiver.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let stop = CancellationToken::new();
                tokio::join!(Box::pin(driver.run(stop)), listening.listen(link));
            });
        });
        receiver
    }

    /// Takes nothing, or takes what comes again.
    pub(crate) fn go_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// What the server and the agent share in this bug is the power.
    pub(crate) fn agent_was_killed(&self, agent: &AgentId) {
        self.of(agent, |store| store.promised.clear());
    }

    pub(crate) fn of<T>(&self, agent: &AgentId, look: impl FnOnce(&mut Store) -> T) -> T {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        look(agents.entry(agent.clone()).or_default())
    }

    async fn listen(self, mut link: ServerLink) {
        while let Some(delivery) = link.deliveries.recv().await {
            while self.is_away.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let (from, acks) = match delivery {
                Delivery::Batch { from, stream, payload } => {
                    let ack = self.of(&from.agent, |store| {
                        store.take(&from.agent, stream, &payload, self.bug)
                    });
                    (from, ack.into_iter().collect())
                }
                Delivery::Hello { from, hello } => {
                    let acks = self.of(&from.agent, |store| store.greet(&hello, self.bug));
                    (from, acks)
                }
                Delivery::Status { .. } => continue,
                Delivery::Unreadable { topic, reason, .. } => {
                    panic!("{topic}: {reason}");
                }
            };
            for ack in acks {
                link.answers.acknowledge(&from, &ack).await.unwrap();
            }
        }
    }
}

impl Store {
    /// Readings that were stored, each name once.
    pub(crate) fn stored(&self) -> u64 {
        self.readings.values().map(|it| u64::from(*it)).sum()
    }

    /// Readings that were stored under a second name.
    pub(crate) fn doubled(&self) -> u64 {
        self.readings.values().map(|it| u64::from(it.saturating_sub(1))).sum()
    }

    pub(crate) fn has(&self, epoch: Epoch, stream: Stream, seq: u64) -> bool {
        self.ledgers.get(&(epoch, stream)).is_some_and(|it| it.contains(seq))
    }

    /// The digest of a batch, as it was stored.
    pub(crate) fn digest(&self, epoch: Epoch, stream: Stream, seq: u64) -> Option<u64> {
        self.batches.get(&(epoch, stream, seq)).copied()
    }

    /// The first number that is missing.
    pub(crate) fn next_seq(&self, epoch: Epoch, stream: Stream) -> u64 {
        self.ledgers.get(&(epoch, stream)).map_or(1, SeqRanges::next_seq)
    }

    fn take(
        &mut self,
        agent: &AgentId,
        stream: Stream,
        message: &[u8],
        bug: Option<Bug>,
    ) -> Option<Ack> {
        let Ok(decoded) = payload::decode(agent, stream, message) else {
            self.unreadable += 1;
            return None;
        };
        let batch = decoded.batch;
        let (epoch, seq, last) = (batch.key.epoch, batch.seq, batch.last_seq());
        if bug == Some(Bug::AckBeforeStore) {
            self.promised.push((Instant::now() + STORED_AFTER, batch));
            self.store_due();
            let mut received = self.ledgers.entry((epoch, stream)).or_default().clone();
            received.insert(seq, last);
            return Some(Ack { epoch, stream, received });
        }
        self.store(&batch, bug == Some(Bug::NoLedger));
        let received = self.ledgers.entry((epoch, stream)).or_default().clone();
        Some(Ack { epoch, stream, received })
    }

    fn greet(&mut self, hello: &Hello, bug: Option<Bug>) -> Vec<Ack> {
        let ack = |at: &payload::StreamPosition| {
            let (epoch, stream) = (hello.epoch, at.stream);
            let mut received = self.ledgers.get(&(epoch, stream)).cloned().unwrap_or_default();
            if bug == Some(Bug::TrustTheBroker) && 1 < at.next_seq {
                received.insert(1, at.next_seq - 1);
            }
            Ack { epoch, stream, received }
        };
        hello.streams.iter().map(ack).collect()
    }

    fn store_due(&mut self) {
        let now = Instant::now();
        let (due, later) =
            std::mem::take(&mut self.promised).into_iter().partition(|it| it.0 <= now);
        self.promised = later;
        let due: Vec<(Instant, Batch)> = due;
        due.iter().for_each(|(_, batch)| self.store(batch, false));
    }

    fn store(&mut self, batch: &Batch, is_blind: bool) {
        let (epoch, stream) = (batch.key.epoch, batch.key.stream);
        let ledger = self.ledgers.entry((epoch, stream)).or_default();
        let is_known = ledger.insert(batch.seq, batch.last_seq()) == Inserted::Known;
        if is_known && !is_blind {
            return;
        }
        self.batches.insert((epoch, stream, batch.seq), digest(&batch.body));
        if let BatchBody::Readings(readings) = &batch.body {
            let newest = readings.numbers.iter().map(|it| it.t.micros()).max().unwrap_or_default();
            self.arrivals.push((Clock::system().now_us(), newest, readings.count()));
            for reading in hashes(readings) {
                *self.readings.entry(reading).or_default() += 1;
            }
        }
    }
}

/// Says whether two batches hold the same.
pub(crate) fn digest(body: &BatchBody) -> u64 {
    let mut hasher = DefaultHasher::new();
    match body {
        BatchBody::Readings(readings) => hashes(readings).for_each(|it| it.hash(&mut hasher)),
        BatchBody::Evicted(evicted) => evicted.to_seq.hash(&mut hasher),
        BatchBody::Waveform(part) => part.bytes.hash(&mut hasher),
    }
    hasher.finish()
}

fn hashes(readings: &Readings) -> impl Iterator<Item = u64> {
    let hash = move |channel: u16, t: i64, value: &[u8], quality: u8| {
        let mut hasher = DefaultHasher::new();
        let channel = readings.channel(channel).unwrap();
        (channel.as_str(), t, value, quality).hash(&mut hasher);
        hasher.finish()
    };
    let numbers = readings.numbers.iter().map(move |it| {
        hash(it.channel, it.t.micros(), &it.value.to_bits().to_le_bytes(), it.quality.code())
    });
    let texts = readings
        .texts
        .iter()
        .map(move |it| hash(it.channel, it.t.micros(), it.text.as_bytes(), it.quality.code()));
    numbers.chain(texts)
}

/// How far a server with the bug lags behind its word.
const STORED_AFTER: Duration = Duration::from_millis(150);
