//! Which anomalies belong to one stretch of trouble, so that one fault gives one ticket.
//!
//! At most one episode is active for each device, component and fault family. The first symptom sets
//! the family; later symptoms of a related family on the same component join it as evidence
//! ([`are_related`]). A sensor known to be broken mutes what rests on it alone, a planned stop
//! ([`stops`]) everything. What belongs to one trouble across parts (a box of several sensors, a machine
//! that works too hard) is in [`kinship`].
//!
//! Deliberately absent: silence as recovery. Only [`EpisodeBook::clear`] ends an anomaly.

mod kinship;
mod stops;

pub use kinship::are_related;
pub use stops::Stops;

use serde::{Deserialize, Serialize};

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey, Phase};
use forewarn_domain::family::{FaultFamily, Severity, TicketKind};
use forewarn_domain::id::{ComponentId, DeviceId, RuleId, SiteId};
use forewarn_domain::time::{Span, Time};

use crate::triage::SensorFault;

/// Every episode that is active, or cleared so lately that it may come back.
///
/// A snapshot of it is part of the engine's; equal inputs in equal order give equal books.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeBook {
    /// In the order of opening.
    held: Vec<Held>,
    /// Anomalies that were muted and have not ended; they count again when their sensor does.
    muted: Vec<Anomaly>,
    /// Planned stops, and what was found in them and has not ended.
    #[serde(default)]
    stops: Stops,
}

/// What an anomaly or a clearing did to the book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EpisodeChange {
    /// It joined an active episode.
    Amended {
        /// Which one.
        id: EpisodeId,
        /// Whether it says something that the episode did not know: another rule or channel, a
        /// graver severity, another part of the bearing.
        is_new_evidence: bool,
    },
    /// Its last anomaly ended.
    Cleared(EpisodeId),
    /// It rests only on a channel that is known to be broken, so it opens nothing.
    Muted {
        /// The instrumentation episode that says so.
        by: EpisodeId,
    },
    /// It opened an episode.
    Opened(EpisodeId),
    /// It brought back an episode that had just cleared.
    Recurred(EpisodeId),
    /// It was found in a planned stop, and no open episode knows of it.
    SetAside {
        /// The stop's number.
        stop: String,
    },
}

/// The end of one anomaly.
#[derive(Clone, Copy, Debug)]
pub struct Clearing<'a> {
    /// The rule whose condition ended.
    pub rule: &'a RuleId,
    /// On which part.
    pub component: &'a ComponentId,
    /// What kind of trouble its rule points to.
    pub family: FaultFamily,
    /// The leading channel.
    pub channel: &'a ChannelId,
    /// Event time of the reading that ended it.
    pub at: Time,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Held {
    episode: Episode,
    /// Anomalies that have not ended, each once.
    active: Vec<AnomalyKey>,
}

/// What makes two anomalies the same one, seen at two times. The family does not: the triage may
/// have come to another view of it meanwhile.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AnomalyKey {
    rule: RuleId,
    component: ComponentId,
    family: FaultFamily,
    channel: ChannelId,
}

impl EpisodeBook {
    /// Takes in an anomaly, new or seen again.
    pub fn raise(&mut self, site: &SiteId, anomaly: &Anomaly) -> EpisodeChange {
        let key = AnomalyKey::of(anomaly);
        if let Some(held) = self.held.iter_mut().find(|it| it.holds(&key, &anomaly.device)) {
            let is_new_evidence = held.take(key, anomaly);
            return EpisodeChange::Amended { id: held.episode.id, is_new_evidence };
        }
        if let Some(stop) = self.stops.set_aside(anomaly) {
            return EpisodeChange::SetAside { stop };
        }
        if let Some(by) = self.muted_by(anomaly) {
            self.mute(&key, anomaly);
            return EpisodeChange::Muted { by };
        }
        if let Some(held) = self.active_for(anomaly) {
            let is_new_evidence = held.take(key, anomaly);
            return EpisodeChange::Amended { id: held.episode.id, is_new_evidence };
        }
        if let Some(held) = self.lately_cleared_for(anomaly) {
            held.take(key, anomaly);
            held.episode.phase = Phase::Active;
            held.episode.recurrences = held.episode.recurrences.saturating_add(1);
            return EpisodeChange::Recurred(held.episode.id);
        }
        self.drop_outlived(anomaly);
        EpisodeChange::Opened(self.open(site, key, anomaly))
    }

    /// Takes in the end of an anomaly; says so when it was the last one of its episode.
    pub fn clear(&mut self, clearing: &Clearing<'_>) -> Option<EpisodeChange> {
        self.muted.retain(|it| !AnomalyKey::of(it).ends(clearing));
        self.stops.clear(clearing);
        let held =
            self.held.iter_mut().find(|it| it.active.iter().any(|key| key.ends(clearing)))?;
        held.active.retain(|key| !key.ends(clearing));
        held.episode.updated = held.episode.updated.max(clearing.at);
        if !held.active.is_empty() {
            return None;
        }
        held.episode.phase = Phase::Cleared;
        Some(EpisodeChange::Cleared(held.episode.id))
    }

    /// Lets go of an episode, e.g. because its ticket was closed: the next anomaly opens a new one.
    pub fn forget(&mut self, id: EpisodeId) -> Option<Episode> {
        let place = self.held.iter().position(|it| it.episode.id == id)?;
        Some(self.held.remove(place).episode)
    }

    /// Muted anomalies whose sensor is trusted again: raise each of them. To be asked after every
    /// clearing and every [`forget`](Self::forget).
    pub fn unmuted(&mut self) -> Vec<Anomaly> {
        let muted = std::mem::take(&mut self.muted);
        let (muted, free) = muted.into_iter().partition(|it| self.muted_by(it).is_some());
        self.muted = muted;
        free
    }

    /// The planned stops that it knows.
    pub fn stops(&mut self) -> &mut Stops {
        &mut self.stops
    }

    /// One episode.
    #[must_use]
    pub fn episode(&self, id: EpisodeId) -> Option<&Episode> {
        self.held.iter().map(|it| &it.episode).find(|it| it.id == id)
    }

    /// Every episode that is held, in the order of opening.
    pub fn episodes(&self) -> impl Iterator<Item = &Episode> {
        self.held.iter().map(|it| &it.episode)
    }

    /// Active machine episodes that rest only on channels which an instrumentation episode calls
    /// broken: their tickets are to be doubted.
    pub fn doubted_by(&self, instrumentation: EpisodeId) -> impl Iterator<Item = EpisodeId> {
        let broken = self.held.iter().find(|it| it.episode.id == instrumentation);
        let broken = broken.filter(|it| it.is_instrumentation());
        self.held
            .iter()
            .filter(|it| it.is_active() && !it.is_instrumentation())
            .filter(move |it| {
                broken.is_some_and(|broken| it.active.iter().all(|key| broken.breaks(&key.channel)))
            })
            .map(|it| it.episode.id)
    }

    fn muted_by(&self, anomaly: &Anomaly) -> Option<EpisodeId> {
        if anomaly.family.kind() == TicketKind::Instrumentation {
            return None;
        }
        let rests_on = |held: &Held| {
            held.breaks(&anomaly.channel)
                && anomaly.signals.iter().all(|signal| held.breaks(&signal.channel))
        };
        self.held
            .iter()
            .find(|it| it.is_active() && it.is_instrumentation() && rests_on(it))
            .map(|it| it.episode.id)
    }

    fn mute(&mut self, key: &AnomalyKey, anomaly: &Anomaly) {
        self.muted.retain(|it| AnomalyKey::of(it) != *key);
        if self.muted.len() < MUTED_MAX {
            self.muted.push(anomaly.clone());
        }
    }

    fn active_for(&mut self, anomaly: &Anomaly) -> Option<&mut Held> {
        let exact = self
            .held
            .iter()
            .position(|it| it.is_active() && it.fits(anomaly, |family| family == anomaly.family));
        let related = || {
            self.held.iter().position(|it| {
                it.is_active()
                    && it.fits(anomaly, |family| are_related(family, anomaly.family))
                    && anomaly.confirmed <= it.episode.updated + FUSION_WINDOW
            })
        };
        let akin = || {
            self.held.iter().position(|it| it.is_active() && kinship::is_akin(&it.episode, anomaly))
        };
        let place = exact.or_else(related).or_else(akin)?;
        self.held.get_mut(place)
    }

    fn lately_cleared_for(&mut self, anomaly: &Anomaly) -> Option<&mut Held> {
        let fits = |it: &Held, same: bool| {
            it.episode.phase == Phase::Cleared
                && anomaly.confirmed <= it.episode.updated + REOPEN_WINDOW
                && it.fits(anomaly, |family| match same {
                    true => family == anomaly.family,
                    false => are_related(family, anomaly.family),
                })
        };
        let exact = self.held.iter().rposition(|it| fits(it, true));
        let place = exact.or_else(|| self.held.iter().rposition(|it| fits(it, false)))?;
        self.held.get_mut(place)
    }

    /// Cleared episodes of a device go when an anomaly shows that their time to come back is over.
    fn drop_outlived(&mut self, anomaly: &Anomaly) {
        self.held.retain(|it| {
            it.is_active()
                || it.episode.key.device != anomaly.device
                || anomaly.confirmed <= it.episode.updated + REOPEN_WINDOW
        });
    }

    fn open(&mut self, site: &SiteId, key: AnomalyKey, anomaly: &Anomaly) -> EpisodeId {
        let about = EpisodeKey {
            site: site.clone(),
            device: anomaly.device.clone(),
            component: anomaly.component.clone(),
            family: anomaly.family,
        };
        let id = EpisodeId::derive(&about, anomaly.confirmed);
        let episode = Episode {
            id,
            key: about,
            onset: anomaly.onset,
            confirmed: anomaly.confirmed,
            updated: anomaly.confirmed,
            phase: Phase::Active,
            anomalies: vec![anomaly.clone()],
            recurrences: 0,
        };
        // A replay may bring the very same reading again after its episode was cleared.
        self.held.retain(|it| it.episode.id != id);
        self.held.push(Held { episode, active: vec![key] });
        id
    }
}

impl Held {
    /// Adds an anomaly, or renews the one of the same rule and channel; says whether it is news.
    fn take(&mut self, key: AnomalyKey, anomaly: &Anomaly) -> bool {
        let gravest = self.episode.anomalies.iter().map(|it| it.severity).max();
        let is_graver = gravest < Some(anomaly.severity);
        let known = self.episode.anomalies.iter().position(|it| AnomalyKey::of(it) == key);
        let has_room = self.episode.anomalies.len() < ANOMALIES_MAX;
        let is_news = match known {
            Some(place) => {
                let older = &mut self.episode.anomalies[place];
                let is_other = names_another_part(older, anomaly);
                let onset = older.onset.min(anomaly.onset);
                *older = Anomaly { onset, ..anomaly.clone() };
                is_other
            }
            None => has_room,
        };
        if known.is_none() && has_room {
            self.episode.anomalies.push(anomaly.clone());
        }
        if !self.active.contains(&key) && self.active.len() < ANOMALIES_MAX {
            self.active.push(key);
        }
        self.episode.onset = self.episode.onset.min(anomaly.onset);
        self.episode.updated = self.episode.updated.max(anomaly.confirmed);
        is_news || is_graver
    }

    fn holds(&self, key: &AnomalyKey, device: &DeviceId) -> bool {
        self.episode.key.device == *device && self.active.contains(key)
    }

    fn fits(&self, anomaly: &Anomaly, is_wanted: impl Fn(FaultFamily) -> bool) -> bool {
        let EpisodeKey { device, component, family, .. } = &self.episode.key;
        *device == anomaly.device && *component == anomaly.component && is_wanted(*family)
    }

    fn is_active(&self) -> bool {
        self.episode.phase == Phase::Active
    }

    fn is_instrumentation(&self) -> bool {
        self.episode.key.family.kind() == TicketKind::Instrumentation
    }

    /// Whether a channel is one of the broken ones, or computed from a broken waveform: features
    /// are named after their waveform, `acc` gives `acc.z.hf_rms`.
    ///
    /// Silence breaks nothing: what was buffered meanwhile is as good as ever.
    fn breaks(&self, channel: &ChannelId) -> bool {
        let wrong = self.episode.anomalies.iter().filter(|it| {
            !matches!(it.finding, Finding::NoData { .. })
                && self.active.contains(&AnomalyKey::of(it))
        });
        wrong.into_iter().any(|it| {
            if SensorFault::of(it) == Some(SensorFault::Words)
                && it.channel.source() == channel.source()
            {
                return true;
            }
            let rest = channel.as_str().strip_prefix(it.channel.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

impl PartialEq for AnomalyKey {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule
            && self.component == other.component
            && self.channel == other.channel
    }
}

impl AnomalyKey {
    fn of(anomaly: &Anomaly) -> Self {
        Self {
            rule: anomaly.rule.id.clone(),
            component: anomaly.component.clone(),
            family: anomaly.family,
            channel: anomaly.channel.clone(),
        }
    }

    fn ends(&self, clearing: &Clearing<'_>) -> bool {
        self.rule == *clearing.rule
            && self.component == *clearing.component
            && self.channel == *clearing.channel
    }
}

fn names_another_part(older: &Anomaly, newer: &Anomaly) -> bool {
    match (&older.finding, &newer.finding) {
        (Finding::BearingLine(older), Finding::BearingLine(newer)) => older.defect != newer.defect,
        (Finding::Zone { zone: older, .. }, Finding::Zone { zone: newer, .. }) => older < newer,
        (older, newer) => std::mem::discriminant(older) != std::mem::discriminant(newer),
    }
}

/// The gravest severity among anomalies; an episode without any is only to be watched.
#[must_use]
pub fn gravest(anomalies: &[Anomaly]) -> Severity {
    anomalies.iter().map(|it| it.severity).max().unwrap_or(Severity::Watch)
}

/// How long after the newest evidence a symptom of a related family still counts as the same
/// fault. A bearing's stages are days apart; a week keeps them together.
pub const FUSION_WINDOW: Span = Span::from_secs(7 * 86_400);

/// How long after clearing the same trouble still counts as the same episode: a machine that goes
/// quiet over a break must not open a second ticket.
pub const REOPEN_WINDOW: Span = Span::from_secs(30 * 60);

/// Anomalies kept in one episode. A part has a few channels and a few rules; beyond this number
/// another one adds nothing that a person would read.
pub const ANOMALIES_MAX: usize = 64;

/// Muted anomalies kept: a plant with more broken sensors than that has other worries, and what is
/// still wrong is raised again by its rule.
pub const MUTED_MAX: usize = 256;

#[cfg(test)]
mod tests;
