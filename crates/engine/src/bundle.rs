//! From an episode to its ticket: the evidence is gathered, then diagnosed, then drafted.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;
use forewarn_diagnose::{Case, diagnose, fault_cursors};
use forewarn_domain::anomaly::{Anomaly, BearingLine, Finding, Normal, Signal};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId};
use forewarn_domain::evidence::{Evidence, SpectrumEvidence, Trend};
use forewarn_domain::family::TicketKind;
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Sha256;
use forewarn_tickets::{Diagnosed, SealedEvidence, draft};
use sha2::Digest;

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
        let unchanged = unchanged(room, episode);
        let spectrum = spectrum(self, room, episode);
        let quality = room.memory.quality();
        let case = Case {
            device: &room.device,
            siblings: &siblings,
            episode,
            repairs: &self.repairs,
            unchanged: &unchanged,
            quality,
            spectrum: spectrum.as_ref(),
            outlook: None,
            utc_offset_minutes: utc_offset_minutes(&self.plant.site.time_zone, episode.updated),
            now: episode.updated,
        };
        let diagnosis = diagnose(&case, &self.knowledge.library);
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
        };
        let sealed = SealedEvidence { sha256: fingerprint(&evidence)?, evidence };
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

    fn siblings(&self, device: &PlantDevice) -> Vec<&PlantDevice> {
        let ids = device.device.siblings.iter();
        ids.filter_map(|id| self.plant.device(id).map(AsRef::as_ref)).collect()
    }
}

/// Signals that stayed normal: of the same part; of the whole device when a sensor is in doubt.
fn unchanged(room: &Room, episode: &Episode) -> Vec<Signal> {
    let is_instrument = episode.key.family.kind() == TicketKind::Instrumentation;
    let involved = |channel: &ChannelId| {
        episode.anomalies.iter().any(|it| {
            it.channel == *channel || it.signals.iter().any(|signal| signal.channel == *channel)
        })
    };
    room.plan
        .levels(&room.memory.detector)
        .into_iter()
        .filter(|signal| {
            let channel = room.device.channels.get(&signal.channel);
            is_instrument || channel.is_some_and(|it| it.component == episode.key.component)
        })
        .filter(|signal| !involved(&signal.channel))
        .filter(|signal| {
            let normal = signal.normal.as_ref();
            normal.is_some_and(|it| it.low <= signal.value && signal.value <= it.high)
        })
        .collect()
}

/// The spectrum of the newest burst on which a bearing rule fired.
fn spectrum(engine: &Engine, room: &Room, episode: &Episode) -> Option<SpectrumEvidence> {
    let line = episode.anomalies.iter().rev().find_map(|it| bearing_line(&it.finding))?;
    let burst = room.memory.telling_burst(&line.waveform_channel)?;
    let shaft_hz = burst.shaft_hz?;
    let axis = burst.axes.iter().max_by(|a, b| strength(a).total_cmp(&strength(b)))?;
    let bearing = engine.knowledge.bearings.resolve(&line.bearing).ok()?;
    Some(SpectrumEvidence {
        channel: burst.channel.clone(),
        captured: burst.t0,
        waveform: burst.sha256,
        shaft_hz,
        df_hz: axis.envelope_df_hz,
        lines: axis.envelope.clone(),
        cursors: fault_cursors(
            &axis.envelope,
            axis.envelope_df_hz,
            shaft_hz,
            &bearing.geometry.orders(),
        ),
    })
}

fn strength(axis: &forewarn_domain::waveform::AxisFeatures) -> f64 {
    axis.envelope.first().map_or(0.0, |it| it.ratio)
}

fn bearing_line(finding: &Finding) -> Option<&BearingLine> {
    match finding {
        Finding::BearingLine(line) => Some(line),
        Finding::Flat { .. }
        | Finding::Level { .. }
        | Finding::Limit { .. }
        | Finding::NoData { .. }
        | Finding::Rate { .. }
        | Finding::Zone { .. } => None,
    }
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
        Finding::Limit { limit, .. } | Finding::Zone { limit, .. } => (Some(*limit), None),
        Finding::Level { normal, .. } => (None, Some(normal.clone())),
        Finding::BearingLine(_)
        | Finding::Flat { .. }
        | Finding::NoData { .. }
        | Finding::Rate { .. } => (None, None),
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

/// SHA-256 of the evidence as JSON; fields stand in the order of their declaration.
fn fingerprint(evidence: &Evidence) -> Option<Sha256> {
    let bytes = serde_json::to_vec(evidence).ok()?;
    Some(Sha256(sha2::Sha256::digest(bytes).into()))
}

/// Offset of the site's zone at a time; UTC for a zone that nobody knows.
fn utc_offset_minutes(time_zone: &str, at: Time) -> i32 {
    let Ok(zone) = time_zone.parse::<Tz>() else { return 0 };
    zone.offset_from_utc_datetime(&at.to_utc().naive_utc()).fix().local_minus_utc() / 60
}

/// Enough of the time before the onset to show what was normal.
const TREND_MIN: Span = Span::from_secs(30 * 60);

/// A slow drift of weeks needs no more than this to be seen.
const TREND_MAX: Span = Span::from_secs(14 * 86_400);
