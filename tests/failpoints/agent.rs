//! An agent with a fixed past: it sends, keeps what is not acknowledged, and sends it again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use forewarn_domain::id::{AgentId, SiteId};
use forewarn_domain::reading::{Batch, BatchBody, Stream};
use forewarn_lifecycle::Tasks;
use forewarn_wire::mqtt::{self, ConnectOptions, Connection, Publication};
use forewarn_wire::payload::{self, Ack};
use forewarn_wire::topic::{AgentAddress, Purpose};
use tokio::sync::mpsc::error::TryRecvError;

use crate::plant;

/// A batch as it goes over the wire.
pub(crate) struct Message {
    stream: Stream,
    seq: u64,
    last_seq: u64,
    ends_waveform: bool,
    topic: String,
    bytes: Vec<u8>,
}

/// Where the server must stand.
pub(crate) struct Sent {
    /// The next number of the normal stream.
    pub(crate) next_seq: i64,
    /// How many waveforms are complete.
    pub(crate) waveforms: i64,
}

/// Encodes a past.
pub(crate) fn messages(batches: &[Batch]) -> Vec<Message> {
    let address = address();
    let message = |batch: &Batch| Message {
        stream: batch.key.stream,
        seq: batch.seq,
        last_seq: batch.last_seq(),
        ends_waveform: matches!(&batch.body, BatchBody::Waveform(it) if it.part + 1 == it.parts),
        topic: address.topic(Purpose::Data(batch.key.stream)).to_string(),
        bytes: payload::encode(batch, 1).unwrap(),
    };
    batches.iter().map(message).collect()
}

/// The agent and its connection to the broker.
pub(crate) struct Agent<'a> {
    past: &'a [Message],
    connection: Connection,
    /// How much of the past was sent at least once.
    begun: usize,
    unacknowledged: BTreeMap<usize, Instant>,
    /// The planted mistake: what was sent counts as received.
    believes_the_broker: bool,
}

impl<'a> Agent<'a> {
    pub(crate) fn connect(
        (port, client_id): (u16, String),
        past: &'a [Message],
        tasks: &Tasks,
    ) -> Self {
        let topic = address().topic(Purpose::Ack).to_string();
        let options = ConnectOptions::new("127.0.0.1", port, client_id).subscribe(topic);
        let (connection, driver) = mqtt::open(options).unwrap();
        tasks.start("agent", |stop| driver.run(stop));
        Self {
            past,
            connection,
            begun: 0,
            unacknowledged: BTreeMap::new(),
            believes_the_broker: false,
        }
    }

    pub(crate) fn believe_the_broker(&mut self) {
        self.believes_the_broker = true;
    }

    /// How much of the past the server has confirmed.
    pub(crate) fn acknowledged(&self) -> usize {
        self.begun - self.unacknowledged.len()
    }

    /// How much of the past is begun.
    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    /// Where the server must stand when it has dealt with everything that was sent.
    pub(crate) fn sent(&self) -> Sent {
        let sent = &self.past[..self.begun];
        let normal = sent.iter().filter(|it| it.stream == Stream::NORMAL);
        let next_seq = normal.map(|it| it.last_seq + 1).max().unwrap_or(1);
        let ends = sent.iter().filter(|it| it.ends_waveform).count();
        Sent { next_seq: next_seq.cast_signed(), waveforms: i64::try_from(ends).unwrap() }
    }

    /// A new server: what it does not have must go out again at once.
    pub(crate) fn greet(&mut self) {
        self.unacknowledged.values_mut().for_each(|sent| *sent = Instant::now() - RESEND_AFTER);
    }

    /// One round: takes acknowledgements, sends again, begins new batches while the window has room
    /// and fewer than `until` were begun.
    pub(crate) async fn step(&mut self, until: usize) {
        loop {
            match self.connection.incoming.try_recv() {
                Ok(mut arrived) => {
                    self.take(&Ack::decode(&arrived.payload).unwrap());
                    arrived.acknowledge().await;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => panic!("the agent's link has ended"),
            }
        }
        let now = Instant::now();
        let due: Vec<usize> = self
            .unacknowledged
            .iter()
            .filter(|(_, sent)| RESEND_AFTER <= now.duration_since(**sent))
            .map(|(index, _)| *index)
            .collect();
        for index in due {
            self.send(index).await;
        }
        while self.unacknowledged.len() < WINDOW && self.begun < until {
            self.begun += 1;
            self.send(self.begun - 1).await;
        }
    }

    async fn send(&mut self, index: usize) {
        let Message { topic, bytes, .. } = &self.past[index];
        let publication = Publication::new(topic.clone(), bytes.clone());
        if self.believes_the_broker {
            self.connection.publisher.publish_confirmed(publication).await.unwrap();
            return;
        }
        self.connection.publisher.publish(publication).await.unwrap();
        self.unacknowledged.insert(index, Instant::now());
    }

    fn take(&mut self, ack: &Ack) {
        let past = self.past;
        self.unacknowledged.retain(|index, _| {
            let Message { stream, seq, .. } = past[*index];
            stream != ack.stream || !ack.received.contains(seq)
        });
    }
}

fn address() -> AgentAddress {
    let (site, agent) = (SiteId::new(plant::SITE).unwrap(), AgentId::new(plant::AGENT).unwrap());
    AgentAddress { site, agent }
}

/// Batches under way at once; several share a commit now and then.
const WINDOW: usize = 3;

/// A server needs some milliseconds to come up; nobody counts how often it is asked meanwhile.
const RESEND_AFTER: Duration = Duration::from_millis(15);
