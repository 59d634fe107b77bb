//! The whole server in this process, at a time of the test's choice, and an agent that tells it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use forewarn_api::Access;
use forewarn_domain::id::{AgentId, SiteId};
use forewarn_domain::reading::{Batch, BatchBody, Stream};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::WaveformHeader;
use forewarn_lifecycle::{Clock, Tasks};
use forewarn_server::{Running, Setup};
use forewarn_store::readings::{ReadingStore, RetentionPolicy, StoreConfig};
use forewarn_store::records::{Records, WaveformQuery};
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_wire::agent_link::{self, AgentLinkOptions, Notice, OutgoingBatch, Standing};
use forewarn_wire::mqtt::ConnectOptions;
use forewarn_wire::payload::{self, StreamPosition};
use forewarn_wire::topic::AgentAddress;
use tokio::net::TcpListener;

use crate::plant::{self, Told};

/// What stays the same from start to start.
pub(crate) struct House {
    pub(crate) folder: PathBuf,
    pub(crate) broker: u16,
    pub(crate) policy: RetentionPolicy,
    pub(crate) cap_bytes: u64,
}

/// A server that runs.
pub(crate) struct Server {
    pub(crate) readings: ReadingStore,
    pub(crate) records: Records,
    running: Running,
    tasks: Tasks,
    broker: u16,
}

impl House {
    /// Starts the server at a time, and waits until it has looked for old data.
    pub(crate) async fn serve(&self, now: Time) -> Server {
        let config = StoreConfig::Chunks {
            dir: self.folder.clone(),
            cap_bytes: self.cap_bytes,
            lateness: Span::from_secs(60),
        };
        let readings = ReadingStore::open(&config).await.unwrap();
        let records = Records::open_file(&self.folder.join("records.db")).await.unwrap();
        let (clock, tasks) = (Clock::manual(now.micros()), Tasks::default());
        let setup = Setup {
            plant: plant::plant(),
            knowledge: plant::knowledge(),
            rules_text: plant::RULES.to_owned(),
            readings: readings.clone(),
            records: records.clone(),
            files: WaveformFiles::open(&self.folder).unwrap(),
            retention: self.policy.clone(),
            broker: ConnectOptions::new("127.0.0.1", self.broker, "server"),
            channels: Vec::new(),
            access: Access::LoopbackDemo,
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            clock: clock.clone(),
            notices: Vec::new(),
            history: None,
        };
        let running = forewarn_server::start(setup, &tasks).await.unwrap();
        tasks.start("clock", |stop| async move {
            // Fifty times as fast as the machine's: what waits for seconds comes soon.
            while !stop.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(2)).await;
                clock.advance(Duration::from_millis(100));
            }
        });
        let server = Server { readings, records, running, tasks, broker: self.broker };
        server.until("the first clean-up", || server.counted("retain_runs") == 1).await;
        server
    }
}

impl House {
    /// Bytes of the readings file and of what SQLite keeps beside it.
    pub(crate) fn readings_bytes(&self) -> u64 {
        let entries = std::fs::read_dir(&self.folder).unwrap();
        let files = entries.map(|it| it.unwrap());
        let of_readings =
            files.filter(|it| it.file_name().to_str().unwrap().starts_with("readings"));
        // SQLite may take a file away between the two looks.
        of_readings.filter_map(|it| it.metadata().ok()).map(|it| it.len()).sum()
    }
}

impl Server {
    /// Sends batches as an agent, waits until the server has acknowledged and judged all of them,
    /// and calls `watch` meanwhile.
    pub(crate) async fn hear(&self, told: &Told, batches: &[Batch], mut watch: impl FnMut()) {
        let address = AgentAddress {
            site: SiteId::new(plant::SITE).unwrap(),
            agent: AgentId::new(plant::AGENT).unwrap(),
        };
        let options = AgentLinkOptions {
            address,
            epoch: plant::key(Stream::NORMAL).epoch,
            software: "test".to_owned(),
            broker: ConnectOptions::new("127.0.0.1", self.broker, "agent"),
            resend_after: Duration::from_secs(1),
        };
        let (mut link, driver) = agent_link::open(options, Clock::system()).unwrap();
        let agent = Tasks::default();
        agent.start("agent", |stop| driver.run(stop));
        let position =
            |stream| StreamPosition { stream, first_available: 1, next_seq: told.next_seq(stream) };
        let streams = [Stream::NORMAL, Stream::BULK].map(position).to_vec();
        link.standing.send_replace(Standing { streams, ..Standing::default() });
        let mut waiting: Vec<&Batch> = batches.iter().collect();
        let mut unsent = batches.iter().map(|batch| OutgoingBatch {
            stream: batch.key.stream,
            seq: batch.seq,
            payload: payload::encode(batch, 1).unwrap().into(),
        });
        let mut next = unsent.next();
        let began = Instant::now();
        while !waiting.is_empty() {
            assert!(began.elapsed() < WAIT_MAX, "{} batches were not acknowledged", waiting.len());
            if let Some(batch) = next.take() {
                next = link.outlet.try_send(batch).err().or_else(|| unsent.next());
            }
            while let Ok(notice) = link.notices.try_recv() {
                let Notice::Acknowledged(ack) = notice else { continue };
                waiting.retain(|it| it.key.stream != ack.stream || !ack.received.contains(it.seq));
            }
            watch();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        agent.stop(GRACE).await.unwrap();
        self.until_judged(told).await;
        for batch in batches {
            if let BatchBody::Waveform(part) = &batch.body {
                self.until_assembled(&part.header).await;
            }
        }
    }

    async fn until_assembled(&self, header: &WaveformHeader) {
        let (from, to) = (header.t0, header.t0 + Span::from_micros(1));
        let query = WaveformQuery { channel: header.channel.clone(), from, to, limit: 1 };
        let began = Instant::now();
        while self.records.waveforms(&query).await.unwrap().is_empty() {
            assert!(began.elapsed() < WAIT_MAX, "a waveform was not assembled");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_judged(&self, told: &Told) {
        let began = Instant::now();
        loop {
            let snapshot = self.records.load_snapshot().await.unwrap().unwrap_or_default();
            let next = snapshot.cursors.iter().find(|(key, _)| key.stream == Stream::NORMAL);
            if next.is_some_and(|(_, next)| *next == told.next_seq(Stream::NORMAL)) {
                return;
            }
            assert!(began.elapsed() < WAIT_MAX, "the engine stands at {next:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for a state.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < WAIT_MAX, "{what} did not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A counter as the page of figures shows it, by the middle of its name.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        let page = get(self.running.http, "/metrics");
        let line = page.lines().find_map(|it| it.strip_prefix(&format!("forewarn_{name}_total ")));
        line.unwrap_or_else(|| panic!("no {name} among\n{page}")).trim().parse().unwrap()
    }

    /// Seals what is open, so that retention sees it, and ends in order.
    pub(crate) async fn stop(self) {
        self.readings.seal().await.unwrap();
        self.tasks.stop(GRACE).await.unwrap();
        self.readings.close().await.unwrap();
        self.records.close().await;
    }
}

/// The body of a page.
fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Names of the files in the folder of raw waveforms.
pub(crate) fn names_of_waveforms(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("waveforms")).unwrap();
    let mut names: Vec<String> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const GRACE: Duration = Duration::from_secs(10);

/// A loaded machine takes longer.
const WAIT_MAX: Duration = Duration::from_secs(120);
