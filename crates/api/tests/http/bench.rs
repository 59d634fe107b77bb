//! A server's interface on a bench: temporary records, readings in memory, a clock moved by hand.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode, header};
use forewarn_api::channels::{ChannelState, MessageChannels, Tested, Trying};
use forewarn_api::live::{
    AgentLive, ChannelLive, DeviceHealth, DeviceLive, LastReading, RuleLive, RuleStatus, StageLive,
    StageStatus,
};
use forewarn_api::views::{RuleCheckView, RuleProblemView};
use forewarn_api::{
    Access, ApiState, CauseChoice, EnvelopeView, LiveView, SpectrumView, Transport, VelocityView,
    router,
};
use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::cause::RankedCause;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId, Phase};
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{Batch, BatchBody, Epoch, Reading, Readings, Stream, StreamKey};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{TicketDraft, TicketId};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::{Sha256, WaveformHeader};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::readings::{ReadingStore, StoreConfig};
use forewarn_store::records::{
    Commit, EngineInput, NewAccount, NewConfig, NewProposal, NewSession, NewStop, PasswordHash,
    RULES, Records, Role, Sites, TicketWrite,
};
use forewarn_store::waveform_files::WaveformFiles;
use forewarn_tickets::Handbook;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

#[path = "../../../../tests/plants/draft.rs"]
mod shared;

/// 2026-11-22T08:00:00Z.
pub(crate) const NOW: Time = Time::from_micros(1_795_334_400_000_000);

/// The setup token of every bench.
pub(crate) const TOKEN: &str = "a-token-of-160-bits";

/// A server for people with accounts and programs with keys, by plain http.
pub(crate) const ACCOUNTS: Access =
    Access::Accounts(Transport { is_secure: false, is_behind_proxy: false });

/// A router with everything behind it at hand.
pub(crate) struct Bench {
    router: Router,
    pub(crate) records: Records,
    readings: ReadingStore,
    files: WaveformFiles,
    live: watch::Sender<Arc<LiveView>>,
    pub(crate) inputs: mpsc::Receiver<EngineInput>,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// A channel that takes everything.
#[derive(Debug)]
struct Channels;

impl MessageChannels for Channels {
    fn list(&self) -> Vec<ChannelState> {
        let id = "wecom-mechanics".to_owned();
        vec![ChannelState { id, kind: "wecom", last_ok: Some(NOW), ..ChannelState::default() }]
    }

    fn test(&self, id: &str) -> Option<Trying> {
        let tested = Tested { is_delivered: true, ..Tested::default() };
        (id == "wecom-mechanics").then(|| Box::pin(async { tested }) as Trying)
    }
}

/// An answer that was read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

impl Bench {
    pub(crate) async fn new(access: Access) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open_file(&folder.path().join("records.db")).await.unwrap();
        let plant = Arc::new(plant());
        let reader = Handbook::reader(Arc::clone(&plant));
        let records = records.with_handbook(Arc::new(reader));
        records.seed_documents(&forewarn_tickets::seeds(), NOW).await.unwrap();
        records.set_setup_token(TOKEN, NOW).await.unwrap();
        let devices: Vec<_> = plant.devices().map(|it| &it.device.id).collect();
        records.know_devices(&plant.site.id, devices).await.unwrap();
        let config = StoreConfig::Memory { lateness: Span::from_secs(60) };
        let readings = ReadingStore::open(&config).await.unwrap();
        let files = WaveformFiles::open(folder.path()).unwrap();
        let (live, live_receiver) = watch::channel(Arc::new(live_view()));
        let (inputs_sender, inputs) = mpsc::channel(8);
        let (clock, stop) = (Clock::manual(NOW.micros()), CancellationToken::new());
        let state = ApiState {
            records: records.clone(),
            readings: readings.clone(),
            waveform_files: files.clone(),
            plant,
            live: live_receiver,
            inputs: inputs_sender,
            spectrum: Arc::new(|_, bytes| SpectrumView {
                spectrum: EnvelopeView { df_hz: 1.5, ratio: vec![f64::from(bytes[0])] },
                velocity: VelocityView { df_hz: 2.5, mm_s: vec![0.5] },
            }),
            fault_orders: Arc::default(),
            check_rules: Arc::new(check_rules),
            metrics: Arc::new(|| "forewarn_readings_total 7\n".to_owned()),
            causes: Arc::from(causes()),
            message_channels: Arc::new(Channels),
            access,
            clock: clock.clone(),
            stop: stop.clone(),
        };
        let router = router(state);
        Self { router, records, readings, files, live, inputs, clock, stop, _folder: folder }
    }

    /// Makes an account of a name, without a password, and signs it in; returns its cookie.
    pub(crate) async fn sign_in(&self, name: &str, role: Role, sites: Sites) -> String {
        let new = NewAccount {
            name: name.parse().unwrap(),
            display: name.to_owned(),
            role,
            sites,
            password: PasswordHash("none".to_owned()),
        };
        self.records.add_account(&new, "setup", NOW).await.unwrap();
        let secret = format!("secret-of-{name}");
        let session = NewSession {
            secret: secret.clone(),
            account: name.to_owned(),
            address: "192.0.2.1".to_owned(),
            program: "test".to_owned(),
            expires_at: NOW + Span::from_secs(3_600),
        };
        self.records.open_session(&session, NOW).await.unwrap();
        format!("forewarn_session={secret}")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send("POST", path, &all, &body.to_string()).await
    }

    pub(crate) async fn command(&self, number: &str, revision: i64, command: Value) -> Answer {
        let path = format!("/api/v1/tickets/{number}/commands");
        let seen = format!("\"{revision}\"");
        self.post(&path, &[("if-match", &seen)], &command).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let request = request(method, path, headers, Body::from(body.to_owned()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Opens a ticket of a device that another site has.
    pub(crate) async fn open_elsewhere(&self, site: &str, device: &str) -> TicketId {
        let mut draft = draft(device, 0);
        draft.key.site = site.parse().unwrap();
        draft.episode = EpisodeId::derive(&draft.key, draft.detected_at);
        draft.id = TicketId::derive(draft.episode);
        self.records.know_devices(&draft.key.site, [&draft.key.device]).await.unwrap();
        let commit = Commit {
            episodes: vec![episode(&draft)],
            tickets: vec![TicketWrite::Open(Box::new(draft.clone()))],
            snapshot: None,
            at: NOW,
        };
        self.records.commit(&commit).await.unwrap();
        draft.id
    }

    pub(crate) async fn follow(&self, headers: &[(&str, &str)]) -> BodyDataStream {
        let request = request("GET", "/api/v1/events", headers, Body::empty());
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        response.into_body().into_data_stream()
    }

    /// Opens a ticket, or lets one more episode join the one of the device.
    pub(crate) async fn open_ticket(&self, device: &str, minute: i64) -> TicketId {
        let draft = draft(device, minute);
        let commit = Commit {
            episodes: vec![episode(&draft)],
            tickets: vec![TicketWrite::Open(Box::new(draft.clone()))],
            snapshot: None,
            at: NOW,
        };
        self.records.commit(&commit).await.unwrap();
        draft.id
    }

    /// Stores loads of 0, 1, 2, … per cent, one a second.
    pub(crate) async fn store_load(&self, device: &str, from: Time, count: i32) {
        let channel: ChannelId = format!("{device}/plc/load").parse().unwrap();
        let numbers = (0..count).map(|second| Reading {
            channel: 0,
            t: from + Span::from_secs(i64::from(second)),
            value: f64::from(second),
            quality: Quality::Good,
        });
        let readings =
            Readings { channels: vec![channel], numbers: numbers.collect(), ..Readings::default() };
        let batch = Batch { key: numbering(), seq: 1, body: BatchBody::Readings(readings) };
        self.readings.append(vec![Arc::new(batch)]).await.unwrap();
    }

    /// Plans a day's stop of a device; its number.
    pub(crate) async fn plan_stop(&self, device: &str) -> String {
        let new = NewStop {
            site: "plant".parse().unwrap(),
            devices: vec![device.parse().unwrap()],
            from: NOW,
            until: NOW + Span::from_secs(86_400),
            reason: "belt".to_owned(),
        };
        self.records.plan_stop(&new, "setup", NOW).await.unwrap().0.stop.number
    }

    pub(crate) async fn store_waveform(&self) -> Sha256 {
        let sha256 = self.files.put(&[4, 0, 5, 0]).unwrap();
        let header = WaveformHeader {
            channel: "mill-01/plc/burst".parse().unwrap(),
            t0: NOW - Span::from_secs(60),
            rate_hz: 6_400.0,
            axes: vec![Axis::Z],
            samples: 2,
            scale_g: 0.001,
            rpm: Some(1_790.0),
            state: "cut".parse().unwrap(),
            quality: Quality::Good,
            sha256,
        };
        let id = WaveformHeader::id(&numbering(), 1);
        self.records.insert_waveform(id, &header, NOW).await.unwrap();
        sha256
    }

    /// What the server would do with the oldest run that waits.
    pub(crate) async fn end_trial(&self, report: &Value) -> i64 {
        let trial = self.records.take_trial().await.unwrap().unwrap();
        self.records.end_trial(trial.number, Ok(report.to_string()), NOW).await.unwrap();
        trial.number
    }

    pub(crate) async fn seed_rules(&self, toml: &str) {
        let new = NewConfig {
            kind: RULES.to_owned(),
            id: RULES.to_owned(),
            author: "forewarn".to_owned(),
            reason: "first start".to_owned(),
            toml: toml.to_owned(),
        };
        self.records.add_config(&new, NOW).await.unwrap();
    }

    pub(crate) async fn propose(&self, toml: &str, backtest: i64) -> i64 {
        let new = NewProposal {
            rule: "hot".parse().unwrap(),
            kind: "gate".to_owned(),
            base_version: 1,
            toml: toml.to_owned(),
            why: Localized::new("rejected ten times", "被否决十次"),
            evidence: "{}".to_owned(),
            backtest,
        };
        self.records.propose(&new, NOW).await.unwrap().unwrap()
    }

    pub(crate) fn set_state(&self, device: &str, state: &str) {
        self.change(|live| {
            let device = live.devices.get_mut(&device.parse().unwrap()).unwrap();
            device.state = Some(state.parse().unwrap());
        });
    }

    pub(crate) fn fail_stage(&self) {
        self.change(|live| live.stages[0].status = StageStatus::Failed);
    }

    fn change(&self, change: impl FnOnce(&mut LiveView)) {
        let mut live = LiveView::clone(&self.live.borrow());
        change(&mut live);
        self.live.send_replace(Arc::new(live));
    }
}

/// Knows one rule and one mistake.
fn check_rules(text: &str) -> RuleCheckView {
    let problem = |line: usize| RuleProblemView {
        line: line + 1,
        column: 1,
        rule: Some("hot".to_owned()),
        detail: Localized::new("`broken` is no field; remove it", "没有字段 broken，请删除").into(),
    };
    let broken = text.lines().position(|line| line.contains("broken"));
    RuleCheckView { problems: broken.map(problem).into_iter().collect(), rules: Vec::new() }
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of a problem.
    #[track_caller]
    pub(crate) fn problem(&self, status: StatusCode) -> String {
        let problem = self.json(status);
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json");
        assert_eq!(problem["status"], status.as_u16());
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        code.to_owned()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: HeaderName) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header(header::HOST, "127.0.0.1:8080");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

fn plant() -> Plant {
    let site = toml::from_str(include_str!("bench/plant.toml")).unwrap();
    let template = toml::from_str(include_str!("bench/template.toml")).unwrap();
    Plant::new(site, vec![template]).unwrap()
}

fn live_view() -> LiveView {
    let last = LastReading {
        t: NOW - Span::from_secs(12),
        value: Some(42.5),
        text: None,
        quality: Quality::Good,
    };
    let why = Localized::new("412 samples learned", "已学习 412 个样本");
    let rule = RuleLive { rule: "load-level".parse().unwrap(), status: RuleStatus::Armed, why };
    let channel = ChannelLive { last: Some(last), normal: None, rules: vec![rule] };
    let device = DeviceLive {
        state: Some("cut".parse().unwrap()),
        last_reading: Some(NOW - Span::from_secs(12)),
        health: DeviceHealth::Warn,
        channels: [("mill-01/plc/load".parse().unwrap(), channel)].into(),
    };
    let stage = StageLive {
        stage: "ingest".to_owned(),
        status: StageStatus::Ok,
        last_run: Some(NOW),
        why: Localized::new("7 readings", "7 条读数"),
        counters: [("readings".to_owned(), 7)].into(),
    };
    let agent = AgentLive {
        id: "edge-1".parse().unwrap(),
        is_online: true,
        last_seen: Some(NOW),
        lag: Some(Span::from_secs(2)),
        version: "0.1.0".to_owned(),
        spool: [("bytes".to_owned(), 4_096.0)].into(),
    };
    LiveView {
        devices: [("mill-01".parse().unwrap(), device)].into(),
        stages: vec![stage],
        agents: vec![agent],
        ..LiveView::default()
    }
}

fn causes() -> Vec<CauseChoice> {
    let cause = |family, code: &str| CauseChoice {
        family: Some(family),
        code: code.to_owned(),
        name: Localized::same(code),
    };
    vec![
        cause(FaultFamily::Bearing, "bearing-outer-race"),
        cause(FaultFamily::Bearing, "poor-lubrication"),
        cause(FaultFamily::Rotor, "imbalance"),
    ]
}

fn numbering() -> StreamKey {
    let agent = "edge-1".parse().unwrap();
    StreamKey { agent, epoch: Epoch(1), stream: Stream::NORMAL }
}

fn draft(device: &str, minute: i64) -> TicketDraft {
    let outer_race = RankedCause {
        code: "bearing-outer-race".to_owned(),
        name: Localized::new("outer race", "外圈损伤"),
        p: 0.75,
        supporting: vec![Localized::same("BPFO")],
        against: Vec::new(),
        test: None,
        confirmed: 1,
        closes: 2,
    };
    let confirmed = NOW - Span::from_secs(3_600) + Span::from_secs(60 * minute);
    let mut draft = shared::draft(device, confirmed);
    draft.causes = vec![outer_race];
    draft.summary.urgency = Localized::new("within days", "几天之内");
    draft
}

fn episode(draft: &TicketDraft) -> Episode {
    let anomaly = Anomaly {
        rule: draft.rule.clone(),
        device: draft.key.device.clone(),
        component: draft.key.component.clone(),
        family: draft.key.family,
        channel: format!("{}/plc/load", draft.key.device).parse().unwrap(),
        onset: draft.onset_at,
        confirmed: draft.detected_at,
        state: "cut".parse().unwrap(),
        severity: Severity::Warning,
        finding: Finding::Limit { value: 91.0, limit: 85.0, above: true },
        signals: Vec::new(),
    };
    Episode {
        id: draft.episode,
        key: draft.key.clone(),
        onset: draft.onset_at,
        confirmed: draft.detected_at,
        updated: draft.detected_at,
        phase: Phase::Active,
        anomalies: vec![anomaly],
        recurrences: 0,
    }
}
