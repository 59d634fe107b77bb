//! A small plant: an agent with a pretended spool and a server with a ledger.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use forewarn_domain::id::{AgentId, SiteId};
use forewarn_domain::ledger::SeqRanges;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Readings, Stream, StreamKey};
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_wire::agent_link::{self, AgentLink, AgentLinkOptions, Notice, OutgoingBatch};
use forewarn_wire::mqtt::ConnectOptions;
use forewarn_wire::payload::{self, Ack};
use forewarn_wire::server_link::{self, Answers, Delivery};
use forewarn_wire::topic::AgentAddress;

pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Far above what any step takes, also on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

const EPOCH: Epoch = Epoch(42);

pub(crate) struct Plant {
    port: u16,
    tasks: Tasks,
    agent: AgentLink,
    /// What the agent may not forget yet.
    spool: BTreeMap<u64, Bytes>,
    /// What the link has not taken yet.
    unsent: VecDeque<OutgoingBatch>,
    ledger: Arc<Mutex<SeqRanges>>,
}

impl Plant {
    pub(crate) fn new(port: u16) -> Self {
        let mut plant = Self::without_server(port);
        plant.start_server();
        plant
    }

    pub(crate) fn without_server(port: u16) -> Self {
        let tasks = Tasks::default();
        let (agent, driver) = agent_link::open(agent_options(port), Clock::system()).unwrap();
        tasks.start("agent link", |stop| driver.run(stop));
        let (spool, unsent) = (BTreeMap::new(), VecDeque::new());
        Self { port, tasks, agent, spool, unsent, ledger: Arc::default() }
    }

    pub(crate) fn start_server(&mut self) {
        let options = ConnectOptions::new("127.0.0.1", self.port, "server");
        let (link, driver) = server_link::open(options).unwrap();
        self.tasks.start("server link", |stop| driver.run(stop));
        let ledger = Arc::clone(&self.ledger);
        let answers = link.answers;
        let mut deliveries = link.deliveries;
        self.tasks.start("server", |_stop| async move {
            while let Some(delivery) = deliveries.recv().await {
                answer(delivery, &ledger, &answers).await;
            }
        });
    }

    /// Puts batches into the spool and hands over as many as the link takes at once.
    pub(crate) fn agent_commits(&mut self, seqs: RangeInclusive<u64>) {
        for seq in seqs {
            let payload = Bytes::from(payload::encode(&batch(seq), 1).unwrap());
            self.spool.insert(seq, payload.clone());
            self.unsent.push_back(OutgoingBatch { stream: Stream::NORMAL, seq, payload });
        }
        while let Some(batch) = self.unsent.pop_front() {
            if let Err(refused) = self.agent.outlet.try_send(batch) {
                self.unsent.push_front(refused);
                return;
            }
        }
    }

    /// Works on until no more than this many batches are in the spool.
    pub(crate) async fn drain_to(&mut self, batches: usize) {
        while batches < self.spool.len() {
            within(self.step()).await;
        }
    }

    pub(crate) async fn wait_until_acknowledged(&mut self, last: u64) {
        self.drain_to(0).await;
        assert_eq!(self.ledger.lock().unwrap().ranges(), [(1, last)]);
    }

    /// Hands over one batch or takes one notice, whatever goes first.
    async fn step(&mut self) {
        let unsent = self.unsent.front().cloned();
        let has_unsent = unsent.is_some();
        let send = async {
            if let Some(batch) = unsent {
                self.agent.outlet.send(batch).await.unwrap();
            }
        };
        tokio::select! {
            () = send, if has_unsent => drop(self.unsent.pop_front()),
            notice = self.agent.notices.recv() => match notice.unwrap() {
                Notice::Acknowledged(ack) => {
                    assert_eq!(ack.epoch, EPOCH);
                    self.spool.retain(|seq, _| !ack.received.contains(*seq));
                }
                Notice::Configured(_) => {}
            }
        }
    }

    pub(crate) async fn stop(self) {
        self.tasks.stop(GRACE).await.unwrap();
    }
}

/// Commits a batch to the ledger, then acknowledges; what the server stage does, without a disk.
async fn answer(delivery: Delivery, ledger: &Mutex<SeqRanges>, answers: &Answers) {
    let from = match delivery {
        Delivery::Batch { from, stream, payload } => {
            let decoded = payload::decode(&from.agent, stream, &payload).unwrap();
            assert_eq!(decoded.batch, batch(decoded.batch.seq));
            ledger.lock().unwrap().insert(decoded.batch.seq, decoded.batch.last_seq());
            from
        }
        Delivery::Hello { from, .. } => from,
        Delivery::Status { .. } => return,
        Delivery::Unreadable { topic, reason, .. } => panic!("{topic}: {reason}"),
    };
    let received = ledger.lock().unwrap().clone();
    let ack = Ack { epoch: EPOCH, stream: Stream::NORMAL, received };
    if let Err(error) = answers.acknowledge(&from, &ack).await {
        // The plant is being stopped.
        assert!(error.to_string().contains("closed"), "{error}");
    }
}

pub(crate) fn agent_options(port: u16) -> AgentLinkOptions {
    let (site, agent) = (SiteId::new("plant-1").unwrap(), AgentId::new("gw-7").unwrap());
    AgentLinkOptions {
        address: AgentAddress { site, agent },
        epoch: EPOCH,
        software: "0.1.0".to_owned(),
        broker: ConnectOptions::new("127.0.0.1", port, "gw-7"),
        resend_after: Duration::from_millis(500),
    }
}

fn batch(seq: u64) -> Batch {
    let key =
        StreamKey { agent: AgentId::new("gw-7").unwrap(), epoch: EPOCH, stream: Stream::NORMAL };
    let channels = vec![format!("mill-01/spindle/point_{seq}").parse().unwrap()];
    Batch { key, seq, body: BatchBody::Readings(Readings { channels, ..Readings::default() }) }
}

#[track_caller]
pub(crate) fn within<T>(awaited: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let in_time = tokio::time::timeout(LIMIT, awaited).await;
        in_time.unwrap_or_else(|_| panic!("nothing happened within {LIMIT:?} at {place}"))
    }
}
