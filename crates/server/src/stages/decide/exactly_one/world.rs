//! Agents, a broker, a person, and a server that dies: everything around the stage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use forewarn_domain::id::AgentId;
use forewarn_domain::quality::Quality;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey};
use forewarn_domain::ticket::{Command, TicketState, Verdict};
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::Clock;
use forewarn_store::readings::{ReadingStore, StoreConfig};
use forewarn_store::records::{Act, Records, StateFilter, TicketFilter, TicketRow};
use tempfile::TempDir;

use super::part::Part;
use super::plant::{AGENTS, Chance, SECONDS, Truth};
use super::server::Server;

/// The world of one seed.
pub(super) struct World {
    pub(super) seed: u64,
    without: Option<Part>,
    pub(super) truths: Vec<Truth>,
    pub(super) records: Records,
    pub(super) crashes: usize,
    pub(super) closes: usize,
    chance: Chance,
    readings: ReadingStore,
    clock: Clock,
    agents: Vec<Agent>,
    /// What the broker holds: when it is due, and for whom.
    wire: Vec<(usize, Arc<Batch>)>,
    server: Option<Server>,
    tick: usize,
    is_rough: bool,
    /// Whether somebody still looks after tickets.
    is_staffed: bool,
    folder: TempDir,
}

struct Agent {
    key: StreamKey,
    all: Vec<Arc<Batch>>,
    /// Number and the tick at which it was last sent.
    waiting: BTreeMap<u64, usize>,
}

impl World {
    pub(super) async fn new(seed: u64, without: Option<Part>) -> Self {
        let mut chance = Chance(seed);
        let folder = in_memory_folder();
        let records = Records::open_file(&folder.path().join(RECORDS)).await.unwrap();
        let agent = |number: usize| {
            let agent = AgentId::new(&format!("edge-{number}")).unwrap();
            let key = StreamKey { agent, epoch: Epoch(7), stream: Stream::NORMAL };
            Agent { key, all: Vec::new(), waiting: BTreeMap::new() }
        };
        Self {
            seed,
            without,
            truths: (0..AGENTS).map(|_| Truth::new(&mut chance)).collect(),
            records,
            crashes: 0,
            closes: 0,
            chance,
            readings: ReadingStore::open(&StoreConfig::Memory { lateness: Span::from_secs(60) })
                .await
                .unwrap(),
            clock: Clock::manual(START_MS * 1_000),
            agents: (1..=AGENTS).map(agent).collect(),
            wire: Vec::new(),
            server: None,
            tick: 0,
            is_rough: true,
            is_staffed: true,
            folder,
        }
    }

    /// The rough time: everything that can go wrong does.
    pub(super) async fn live(&mut self) {
        while self.tick * TICK_S < SECONDS {
            self.measure();
            self.turn().await;
        }
    }

    /// Nothing goes wrong any more; ends when everything is stored and evaluated, and says whether
    /// that is so.
    pub(super) async fn heal(&mut self) -> bool {
        self.is_rough = false;
        for _turn in 0..TURNS_MAX {
            self.turn().await;
            let is_sent = self.agents.iter().all(|it| it.waiting.is_empty());
            if is_sent && self.wire.is_empty() && self.is_evaluated() {
                return true;
            }
        }
        false
    }

    /// Everything that was ever sent, three times, in any order.
    pub(super) async fn repeat_the_past(&mut self) -> bool {
        self.is_staffed = false;
        for _time in 0..3 {
            for batch in self.agents.iter().flat_map(|it| it.all.clone()) {
                self.wire.push((self.tick + self.chance.below(10), batch));
            }
        }
        self.heal().await
    }

    /// What can be counted: tickets with their numbers, readings, messages, lines of history.
    pub(super) async fn books(&self) -> (BTreeSet<String>, u64, i64) {
        let tickets = self.tickets().await;
        let tickets = tickets.iter().map(|it| format!("{} {}", it.id, it.number)).collect();
        let stored = self.readings.ledgers();
        let batches = stored.iter().map(|(_, it)| it.next_seq() - 1).sum();
        (tickets, batches, *self.records.changes().borrow())
    }

    pub(super) async fn tickets(&self) -> Vec<TicketRow> {
        let all = TicketFilter { state: StateFilter::All, ..TicketFilter::default() };
        self.records.tickets(&all, None, 1_000).await.unwrap()
    }

    /// Where the engine's cursor of an agent stands for good once a second of its life is evaluated.
    pub(super) fn seq_of_second(second: usize) -> u64 {
        u64::try_from(second / TICK_S + 1).unwrap()
    }

    pub(super) fn second_of(t: Time) -> usize {
        usize::try_from((t.micros() / 1_000 - START_MS) / 1_000).unwrap()
    }

    pub(super) fn key(&self, agent: usize) -> &StreamKey {
        &self.agents[agent].key
    }

    /// Each agent reads its press for one tick.
    fn measure(&mut self) {
        for (number, agent) in self.agents.iter_mut().enumerate() {
            let channel = format!("press-{}/plc/oil", number + 1).parse().unwrap();
            let truth = &self.truths[number];
            let mut numbers = Vec::new();
            for second in self.tick * TICK_S..(self.tick + 1) * TICK_S {
                // A greater leap would be the sensor's, not the oil's.
                let noise = f64::from(u8::try_from(self.chance.below(10)).unwrap()) / 10.0;
                let value = if truth.reads_hot(second) { 71.2 } else { 62.0 } + noise;
                let t = Time::from_millis(START_MS + 1_000 * i64::try_from(second).unwrap());
                numbers.push(Reading { channel: 0, t, value, quality: Quality::Good });
            }
            let readings = Readings { channels: vec![channel], numbers, ..Readings::default() };
            let seq = u64::try_from(agent.all.len() + 1).unwrap();
            let body = BatchBody::Readings(readings);
            agent.all.push(Arc::new(Batch { key: agent.key.clone(), seq, body }));
            agent.waiting.insert(seq, NEVER);
        }
    }

    async fn turn(&mut self) {
        self.clock.advance(Duration::from_secs(u64::try_from(TICK_S).unwrap()));
        self.send();
        if self.is_rough && self.chance.percent(2) {
            // A broker that restarts without persistence.
            self.wire.clear();
        }
        if self.server.is_none() && (!self.is_rough || self.chance.percent(25)) {
            self.start().await;
        }
        if self.server.is_some() {
            self.receive().await;
            self.work().await;
            self.close_what_is_calm().await;
        }
        self.tick += 1;
    }

    /// Whatever is not acknowledged goes out, again after a while.
    fn send(&mut self) {
        let (tick, mut due) = (self.tick, Vec::new());
        for agent in &mut self.agents {
            let is_due = |sent: &usize| *sent == NEVER || *sent + RESEND_TICKS <= tick;
            for (seq, sent) in agent.waiting.iter_mut().filter(|(_, sent)| is_due(sent)) {
                *sent = tick;
                due.push(Arc::clone(&agent.all[usize::try_from(*seq - 1).unwrap()]));
            }
        }
        for batch in due {
            self.send_copies(&batch);
        }
        if self.without == Some(Part::Acknowledgement) {
            self.agents.iter_mut().for_each(|it| it.waiting.clear());
        }
    }

    /// A rough wire loses, doubles and delays.
    fn send_copies(&mut self, batch: &Arc<Batch>) {
        let copies = match self.chance.below(10) {
            0 | 1 if self.is_rough => 0,
            2 if self.is_rough => 2,
            _ => 1,
        };
        for _copy in 0..copies {
            let delay = if self.is_rough { self.chance.below(6) } else { 0 };
            self.wire.push((self.tick + delay, Arc::clone(batch)));
        }
    }

    /// Stores what is due, acknowledges it, and passes it on, as the store stage does.
    async fn receive(&mut self) {
        let tick = self.tick;
        let (due, later): (Vec<_>, Vec<_>) = self.wire.drain(..).partition(|(at, _)| *at <= tick);
        self.wire = later;
        let mut due: Vec<Arc<Batch>> = due.into_iter().map(|(_, batch)| batch).collect();
        for last in (1..due.len()).rev() {
            due.swap(last, self.chance.below(last + 1));
        }
        if self.is_rough && self.chance.percent(2) {
            return self.die();
        }
        let appended = self.readings.append(due.clone()).await.unwrap();
        if self.is_rough && self.chance.percent(2) {
            return self.die();
        }
        for (batch, answer) in due.iter().zip(&appended) {
            let is_heard = !self.is_rough || !self.chance.percent(10);
            let agent = self.agents.iter_mut().find(|it| it.key == batch.key).unwrap();
            if is_heard {
                agent.waiting.retain(|seq, _| !answer.ledger.contains(*seq));
            }
            let server = self.server.as_mut().unwrap();
            if self.without == Some(Part::Ledger) {
                server.take_as_it_comes(batch).await;
            } else {
                server.pass_on(batch);
            }
        }
    }

    /// Lets the stage work; sometimes the process dies at one of its awaits.
    async fn work(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let deadly = self.is_rough && self.chance.percent(6);
        let polls = if deadly { 1 + self.chance.below(60) } else { usize::MAX };
        if server.lives_through_a_round(polls).await {
            self.server = Some(server);
        } else {
            self.die();
        }
    }

    /// A person closes a ticket once the signal has cleared and the machine is calm.
    async fn close_what_is_calm(&mut self) {
        if self.server.is_none() || !self.is_staffed {
            return;
        }
        let second = self.tick * TICK_S;
        for ticket in self.tickets().await {
            let press = ticket.key.device.as_str().rsplit('-').next().unwrap();
            let truth = &self.truths[press.parse::<usize>().unwrap() - 1];
            let is_over = ticket.state == TicketState::ToAssign && ticket.cleared_at.is_some();
            if !is_over || !truth.is_calm(second) || !self.chance.percent(30) {
                continue;
            }
            let finish = Command::Finish {
                cause: "oil-cooler-fouled".into(),
                note: String::new(),
                part: None,
            };
            let close = Command::Close { verdict: Verdict::Confirmed };
            for command in [Command::Accept {}, finish, close] {
                let (named, at) = (ticket.id.to_string(), Time::from_micros(self.clock.now_us()));
                let actor = "li".to_owned();
                let act =
                    Act { ticket: named, command, actor, at, if_revision: None, request: None };
                self.records.act(&act).await.unwrap();
            }
            self.closes += 1;
        }
    }

    fn die(&mut self) {
        self.server = None;
        self.crashes += 1;
    }

    /// A new process on what was committed, with connections of its own.
    async fn start(&mut self) {
        self.records.close().await;
        self.records = Records::open_file(&self.folder.path().join(RECORDS)).await.unwrap();
        let (readings, clock) = (self.readings.clone(), self.clock.clone());
        self.server = Some(Server::start(&self.records, readings, clock, self.without).await);
    }

    fn is_evaluated(&self) -> bool {
        let Some(server) = &self.server else { return false };
        if self.without == Some(Part::Ledger) {
            return true;
        }
        let cursors = server.cursors();
        self.agents.iter().all(|agent| {
            let next = u64::try_from(agent.all.len() + 1).unwrap();
            cursors.iter().any(|(key, reached)| *key == agent.key && *reached == next)
        })
    }
}

/// Where a commit costs no turn of a disk; what a power cut does is not asked here.
fn in_memory_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_no_such_place| tempfile::tempdir()).unwrap()
}

/// Seconds of event time in a turn; one batch of each agent.
const TICK_S: usize = 3;

const RECORDS: &str = "records.db";

const START_MS: i64 = 1_760_000_000_000;

/// Turns after which an unacknowledged batch is sent again.
const RESEND_TICKS: usize = 8;

/// A healed world rests long before.
const TURNS_MAX: usize = 400;

const NEVER: usize = usize::MAX;
