//! From an episode to its ticket: the evidence is gathered, then diagnosed, then drafted.

use forewarn_detect::{Ahead, Forecast};
use forewarn_diagnose::{
    Case, Library, Observation, Precedents, amount, diagnose, engines, fault_cursors, history,
};
use forewarn_domain::anomaly::{Anomaly, Finding, Normal, Signal};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId};
use forewarn_domain::evidence::{
    Evidence, ModelRef, Outlook, QualityReport, SimilarCase, SpectrumEvidence, Trend,
};
use forewarn_domain::family::TicketKind;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::shape::Shape;
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::Span;
use forewarn_domain::waveform::Burst;
use forewarn_tickets::{Diagnosed, SealedEvidence, draft};

use crate::explain;
use crate::pipeline::Engine;
use crate::room::Room;

impl Engine {
    /// Drafts the ticket of an episode from everything that is known now; `trace` names the batch
    /// that opened it.
    pub(crate) fn draft(
        &self,
        episode: EpisodeId,
        revision: u32,
        trace: String,
    ) -> Option<TicketDraft> {
        let episode = self.desk.book.episode(episode)?;
        let room = self.room(&episode.key.device)?;
        let siblings = self.siblings(&room.device);
        let mut gathered = self.gather(room, episode);
        gathered.repairs = history::looked_at(&Case {
            repairs: &self.repairs,
            ..self.case((room, episode), &siblings, &gathered)
        });
        let case = self.case((room, episode), &siblings, &gathered);
        let signals = case.signals();
        let shape = Shape::of(&episode.anomalies, &signals, gathered.spectrum.as_ref());
        gathered.similar = self.precedents().like(&case, &self.knowledge.library, &shape);
        let case = self.case((room, episode), &siblings, &gathered);
        let diagnosis = diagnose(&case, &self.knowledge.library);
        let Gathered { unchanged, spectrum, quality, burst, outlook, repairs, similar } = gathered;
        let spectrum =
            spectrum.map(|it| SpectrumEvidence { cursors: diagnosis.cursors.clone(), ..it });
        let first = episode.anomalies.first()?;
        let mut rules: Vec<_> = episode.anomalies.iter().map(|it| it.rule.clone()).collect();
        rules.sort();
        rules.dedup();
        let evidence = Evidence {
            onset: episode.onset,
            confirmed: episode.confirmed,
            trace,
            state: first.state.clone(),
            rules,
            trends: all_trends(room, episode),
            spectrum,
            signals: diagnosis.signals.clone(),
            unchanged,
            quality,
            episode: Some(episode.clone()),
            burst: burst.cloned(),
            outlook,
            models: models(&self.knowledge.library),
            repairs,
            shape,
            similar,
        };
        let sealed = SealedEvidence { sha256: explain::fingerprint(&evidence)?, evidence };
        let diagnosed = Diagnosed {
            causes: diagnosis.causes,
            past_repairs: diagnosis.past_repairs,
            summary: diagnosis.summary,
            confidence: diagnosis.confidence,
        };
        let opened_by = first.rule.clone();
        let criticality = room.device.device.criticality;
        let draft = draft(episode, diagnosed, sealed, opened_by, criticality);
        Some(TicketDraft { revision, ..draft })
    }

    /// What can be seen of an episode now: the symptoms that its causes are weighed by.
    #[must_use]
    pub fn observed(&self, episode: EpisodeId) -> Vec<Observation> {
        let Some(episode) = self.desk.book.episode(episode) else { return Vec::new() };
        let Some(room) = self.room(&episode.key.device) else { return Vec::new() };
        let gathered = self.gather(room, episode);
        let siblings = self.siblings(&room.device);
        let case = self.case((room, episode), &siblings, &gathered);
        engines::observe(&Case { repairs: &self.repairs, ..case })
    }

    fn gather<'a>(&self, room: &'a Room, episode: &Episode) -> Gathered<'a> {
        let levels = room.plan.levels(&room.memory.detector);
        let burst = telling_burst(room, episode);
        Gathered {
            unchanged: unchanged(room, episode, &levels),
            spectrum: burst.and_then(|it| spectrum(self, room, it)),
            burst,
            quality: room.memory.quality(),
            outlook: outlook(room, episode),
            repairs: Vec::new(),
            similar: Vec::new(),
        }
    }

    fn case<'a>(
        &'a self,
        (room, episode): (&'a Room, &'a Episode),
        siblings: &'a [&'a PlantDevice],
        gathered: &'a Gathered<'_>,
    ) -> Case<'a> {
        Case {
            device: &room.device,
            siblings,
            episode,
            repairs: &gathered.repairs,
            similar: &gathered.similar,
            unchanged: &gathered.unchanged,
            quality: gathered.quality,
            spectrum: gathered.spectrum.as_ref(),
            burst: gathered.burst,
            outlook: gathered.outlook.as_ref(),
            utc_offset_minutes: explain::utc_offset_minutes(&self.plant, episode.updated),
            now: episode.updated,
        }
    }

    /// All past cases, ready to be compared; made when the first ticket needs them.
    fn precedents(&self) -> &Precedents {
        let made = || Precedents::of(&self.repairs, &self.plant, &self.knowledge.library);
        self.precedents.get_or_init(made)
    }

    /// Takes a repair into the history, once.
    pub(crate) fn remember(&mut self, repair: &RepairRecord) {
        if self.repairs.iter().any(|it| it.id == repair.id) {
            return;
        }
        self.repairs.push(repair.clone());
        if let Some(precedents) = self.precedents.get_mut() {
            precedents.push(repair, &self.plant, &self.knowledge.library);
        }
    }

    fn siblings(&self, device: &PlantDevice) -> Vec<&PlantDevice> {
        let ids = device.device.siblings.iter();
        ids.filter_map(|id| self.plant.device(id).map(AsRef::as_ref)).collect()
    }
}

/// What is looked up once for an episode.
struct Gathered<'a> {
    unchanged: Vec<Signal>,
    spectrum: Option<SpectrumEvidence>,
    burst: Option<&'a Burst>,
    quality: QualityReport,
    outlook: Option<Outlook>,
    repairs: Vec<RepairRecord>,
    similar: Vec<SimilarCase>,
}

/// Signals that stayed normal: of the same part, and how hard the machine works; of the whole device
/// when a sensor is in doubt.
fn unchanged(room: &Room, episode: &Episode, levels: &[Signal]) -> Vec<Signal> {
    let is_instrument = episode.key.family.kind() == TicketKind::Instrumentation;
    let involved = |channel: &ChannelId| {
        episode.anomalies.iter().any(|it| {
            it.channel == *channel || it.signals.iter().any(|signal| signal.channel == *channel)
        })
    };
    let is_effort = |quantity| {
        matches!(quantity, Quantity::Current | Quantity::Force | Quantity::Load | Quantity::Torque)
    };
    levels
        .iter()
        .filter(|signal| {
            let channel = room.device.channels.get(&signal.channel);
            is_instrument
                || is_effort(signal.quantity)
                || channel.is_some_and(|it| it.component == episode.key.component)
        })
        .filter(|signal| !involved(&signal.channel))
        .filter(|signal| {
            let normal = signal.normal.as_ref();
            normal.is_some_and(|it| it.low <= signal.value && signal.value <= it.high)
        })
        .cloned()
        .collect()
}

/// The newest burst on which a bearing rule fired; without one, the newest of the part, as long as it
/// is about this trouble at all.
fn telling_burst<'a>(room: &'a Room, episode: &Episode) -> Option<&'a Burst> {
    let line = episode.anomalies.iter().rev().find_map(|it| it.finding.bearing_line());
    if let Some(line) = line {
        return room.memory.telling_burst(&line.waveform_channel);
    }
    if episode.key.family.kind() != TicketKind::Machine {
        return None;
    }
    let sits_on = |burst: &Burst| {
        let features = room.device.channels.values();
        let mut of_burst = features.filter(|it| it.waveform.as_ref() == Some(&burst.channel));
        of_burst.any(|it| episode.anomalies.iter().any(|a| a.component == it.component))
    };
    let bursts = room.memory.newest_bursts().filter(|it| episode.onset <= it.t0 && sits_on(it));
    bursts.max_by_key(|it| it.t0)
}

/// The spectrum of a burst, with the fault frequencies of the bearing where the part has one.
fn spectrum(engine: &Engine, room: &Room, burst: &Burst) -> Option<SpectrumEvidence> {
    let shaft_hz = burst.shaft_hz?;
    let axis = burst.axes.iter().max_by(|a, b| strength(a).total_cmp(&strength(b)))?;
    let features = room.device.channels.values();
    let part = features.into_iter().find(|it| it.waveform.as_ref() == Some(&burst.channel))?;
    let code = room.device.component(&part.component).bearing;
    let bearing = code.and_then(|it| engine.knowledge.bearings.resolve(&it).ok());
    Some(SpectrumEvidence {
        channel: burst.channel.clone(),
        captured: burst.t0,
        waveform: burst.sha256,
        shaft_hz,
        df_hz: axis.envelope_df_hz,
        lines: axis.envelope.clone(),
        cursors: bearing.map_or_else(Vec::new, |it| {
            let orders = it.geometry.orders();
            fault_cursors(&axis.envelope, axis.envelope_df_hz, shaft_hz, &orders)
        }),
    })
}

fn strength(axis: &forewarn_domain::waveform::AxisFeatures) -> f64 {
    axis.envelope.first().map_or(0.0, |it| it.ratio)
}

/// What ranked the causes, besides what was written by hand.
fn models(library: &Library) -> Vec<ModelRef> {
    let fitted = library.calibration().sha256;
    fitted.map(|sha256| ModelRef { name: "causes".to_owned(), sha256 }).into_iter().collect()
}

/// When the next level is reached, of the channel that will be there first; nothing about sensors.
fn outlook(room: &Room, episode: &Episode) -> Option<Outlook> {
    if episode.key.family.kind() == TicketKind::Instrumentation {
        return None;
    }
    let mut channels: Vec<&ChannelId> = episode.anomalies.iter().map(|it| &it.channel).collect();
    channels.dedup();
    let forecasts = channels
        .into_iter()
        .filter_map(|channel| Some((channel, room.plan.outlook(&room.memory.detector, channel)?)));
    let (channel, first) = forecasts.min_by_key(|(_, it)| (it.latest, it.earliest))?;
    let level = amount(first.level, room.device.channels.get(channel)?.unit);
    let limit = match first.ahead {
        Ahead::Alarm => Localized::new(
            format!("the alarm level of {level} is reached"),
            format!("达到报警值 {level}"),
        ),
        Ahead::Limit => {
            Localized::new(format!("the limit of {level} is reached"), format!("达到限值 {level}"))
        }
        Ahead::Zone(zone) => Localized::new(
            format!("zone {zone} begins at {level}"),
            format!("进入 {zone} 区（{level}）"),
        ),
    };
    let Forecast { earliest, latest, over, .. } = first;
    Some(Outlook { channel: channel.clone(), limit, earliest, latest, fitted_over: over })
}

/// Every channel once, in the order of confirmation; a later rule may add the normal or the limit.
fn all_trends(room: &Room, episode: &Episode) -> Vec<Trend> {
    let mut all: Vec<Trend> = Vec::new();
    for trend in episode.anomalies.iter().flat_map(|it| trends(room, episode, it)) {
        match all.iter_mut().find(|it| it.channel == trend.channel) {
            Some(known) => {
                known.normal = known.normal.take().or(trend.normal);
                known.limit = known.limit.or(trend.limit);
            }
            None => all.push(trend),
        }
    }
    all
}

/// The stretches to draw for one anomaly: its leading channel, and for a bearing line the
/// high-frequency level of the same waveform, since the line itself is no series.
fn trends(room: &Room, episode: &Episode, anomaly: &Anomaly) -> Vec<Trend> {
    let lead = (episode.confirmed - episode.onset).micros().saturating_mul(4);
    let before = Span::from_micros(lead.clamp(TREND_MIN.micros(), TREND_MAX.micros()));
    let (limit, normal) = match &anomaly.finding {
        Finding::Count { limit, .. }
        | Finding::Limit { limit, .. }
        | Finding::Zone { limit, .. } => (Some(*limit), None),
        Finding::Level { normal, .. } => (None, Some(normal.clone())),
        Finding::BearingLine(_)
        | Finding::Code { .. }
        | Finding::Flat { .. }
        | Finding::NoData { .. }
        | Finding::Rate { .. }
        // What the siblings let expect moves with them; no band of the past would be true.
        | Finding::Siblings { .. } => (None, None),
    };
    let known = || -> Option<Normal> {
        let own = anomaly.signals.iter().find(|it| it.channel == anomaly.channel);
        own.and_then(|it| it.normal.clone())
    };
    let is_series = room.device.channels.contains_key(&anomaly.channel);
    is_series
        .then(|| Trend {
            channel: anomaly.channel.clone(),
            from: episode.onset - before,
            to: episode.updated,
            normal: normal.or_else(known),
            limit,
        })
        .into_iter()
        .collect()
}

/// Enough of the time before the onset to show what was normal.
const TREND_MIN: Span = Span::from_secs(30 * 60);

/// A slow drift of weeks needs no more than this to be seen.
const TREND_MAX: Span = Span::from_secs(14 * 86_400);
