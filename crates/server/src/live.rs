//! How things stand right now, for pages: filled about once a second from the engine and the stages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use forewarn_api::LiveView;
use forewarn_api::live::{
    AgentLive, ChannelLive, DeviceHealth, DeviceLive, LastReading, RuleLive, RuleStatus, StageLive,
    StageStatus,
};
use forewarn_detect::Condition;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::Phase;
use forewarn_domain::family::Severity;
use forewarn_domain::id::DeviceId;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::{Engine, Room};
use forewarn_store::readings::{Latest, ReadingStore};
use forewarn_wire::payload::AgentState;
use tokio::sync::watch;

use crate::health::{Health, StageState};
use crate::metrics::Metrics;
use crate::roster::{AgentEntry, Roster};
use crate::stages::ingest::{Quarantine, Refused};

/// Fills and publishes the view.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) view: watch::Sender<Arc<LiveView>>,
    pub(crate) readings: ReadingStore,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) quarantine: Arc<Quarantine>,
    pub(crate) notices: Vec<Localized>,
}

impl Live {
    /// Publishes how things stand.
    pub(crate) async fn show(&self, engine: &Engine, now: Time) {
        let worst = worst_by_device(engine);
        // One question for the whole plant: asked machine by machine, a large one takes seconds.
        let latest = self.readings.last(&self.readings.channels()).await.unwrap_or_default();
        let latest = by_device(&latest);
        let mut devices = BTreeMap::new();
        let (mut learning, mut armed) = (0.0, 0.0);
        for room in engine.rooms() {
            let id = &room.device().device.id;
            let latest = latest.get(id.as_str()).map_or(&[][..], Vec::as_slice);
            let device = device_live(room, latest, worst.get(id).copied(), now);
            for rule in device.channels.values().flat_map(|it| &it.rules) {
                match rule.status {
                    RuleStatus::Learning => learning += 1.0,
                    RuleStatus::Armed => armed += 1.0,
                    RuleStatus::Active | RuleStatus::Waiting => {}
                }
            }
            devices.insert(id.clone(), device);
        }
        let view = LiveView {
            devices,
            stages: self.stages(),
            agents: self.roster.entries().into_iter().map(|it| agent_live(it, now)).collect(),
            store: BTreeMap::from([(
                "channels".to_owned(),
                f64::from(u32::try_from(self.readings.channels().len()).unwrap_or(u32::MAX)),
            )]),
            setup: BTreeMap::from([
                ("rules_learning".to_owned(), learning),
                ("rules_armed".to_owned(), armed),
            ]),
            notices: self.notices.iter().cloned().chain(self.refusals()).collect(),
        };
        self.view.send_replace(Arc::new(view));
    }

    /// The newest messages that were not understood, newest first.
    fn refusals(&self) -> impl Iterator<Item = Localized> {
        self.quarantine.newest().into_iter().rev().take(REFUSALS_SHOWN).map(|refused| {
            let Refused { at, topic, reason, bytes } = refused;
            Localized::new(
                format!("refused {bytes} bytes on {topic} at {at}: {reason}"),
                format!("{at} 拒收 {topic} 上的 {bytes} 字节：{reason}"),
            )
        })
    }

    fn stages(&self) -> Vec<StageLive> {
        let reports = self.health.reports().into_iter();
        reports
            .map(|(stage, report)| StageLive {
                stage: stage.name().to_owned(),
                status: match report.state {
                    StageState::Degraded => StageStatus::Degraded,
                    StageState::Failed => StageStatus::Failed,
                    StageState::Idle => StageStatus::Idle,
                    StageState::Ok => StageStatus::Ok,
                },
                last_run: report.last_run,
                why: report.why,
                counters: self
                    .metrics
                    .of_stage(stage.name())
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            })
            .collect()
    }
}

fn worst_by_device(engine: &Engine) -> BTreeMap<DeviceId, Severity> {
    let mut worst = BTreeMap::new();
    for episode in engine.episodes().filter(|it| it.phase == Phase::Active) {
        let severity = episode.anomalies.iter().map(|it| it.severity).max();
        let known = worst.entry(episode.key.device.clone()).or_insert(Severity::Watch);
        *known = (*known).max(severity.unwrap_or(Severity::Watch));
    }
    worst
}

fn by_device(latest: &[Latest]) -> HashMap<&str, Vec<&Latest>> {
    let mut by_device: HashMap<&str, Vec<&Latest>> = HashMap::new();
    for it in latest {
        by_device.entry(it.channel.device_str()).or_default().push(it);
    }
    by_device
}

fn device_live(room: &Room, latest: &[&Latest], worst: Option<Severity>, now: Time) -> DeviceLive {
    let state = room.operating_state().clone();
    let mut channels: BTreeMap<ChannelId, ChannelLive> = BTreeMap::new();
    for it in latest {
        channels.entry(it.channel.clone()).or_default().last = last_reading(it);
    }
    for status in room.rule_statuses() {
        channels.entry(status.channel).or_default().rules.push(RuleLive {
            rule: status.rule,
            why: status.condition.text(),
            status: match status.condition {
                Condition::Active => RuleStatus::Active,
                Condition::Armed => RuleStatus::Armed,
                Condition::Learning { .. } => RuleStatus::Learning,
                Condition::Waiting(_) => RuleStatus::Waiting,
            },
        });
    }
    for (channel, live) in &mut channels {
        live.normal = room.normals(channel).into_iter().find(|it| it.state == state);
    }
    let is_fresh = now - room.newest() < STALE_AFTER;
    let health = match worst {
        _ if !is_fresh => DeviceHealth::Unknown,
        None => DeviceHealth::Ok,
        Some(Severity::Watch) => DeviceHealth::Watch,
        Some(Severity::Warning) => DeviceHealth::Warn,
        Some(Severity::Alarm) => DeviceHealth::Alarm,
    };
    let last_reading = (room.newest() != Time::default()).then(|| room.newest());
    DeviceLive { state: Some(state), last_reading, health, channels }
}

fn last_reading(latest: &Latest) -> Option<LastReading> {
    if let Some(sample) = latest.number {
        let (t, quality) = (sample.t, sample.quality);
        return Some(LastReading { t, value: Some(sample.value), text: None, quality });
    }
    let text = latest.text.as_ref()?;
    let (t, quality) = (text.t, text.quality);
    Some(LastReading { t, value: None, text: Some(text.text.clone()), quality })
}

fn agent_live((id, entry): (forewarn_domain::id::AgentId, AgentEntry), now: Time) -> AgentLive {
    let status = entry.status.as_ref();
    let is_online = status.is_none_or(|it| it.state == AgentState::Online)
        && now - entry.last_seen < STALE_AFTER;
    let figure = |value: u64| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
    let mut spool = BTreeMap::new();
    if let Some(status) = status {
        spool.insert("batches".to_owned(), figure(status.waiting.batches));
        spool.insert("readings".to_owned(), figure(status.waiting.readings));
        spool.insert("evicted_readings".to_owned(), figure(status.evicted_readings));
    }
    if let Some(ahead) = entry.clock_ahead {
        spool.insert("clock_ahead_s".to_owned(), ahead.secs_f64());
    }
    AgentLive {
        id,
        is_online,
        last_seen: Some(entry.last_seen),
        lag: Some(now - entry.last_seen),
        version: entry.software,
        spool,
    }
}

/// A device or agent of which nothing came for this long is shown as unknown.
const STALE_AFTER: Span = Span::from_secs(60);

/// Enough to recognise a pattern; the counter has the true number.
const REFUSALS_SHOWN: usize = 3;
