//! Which anomalies belong to one stretch of trouble, so that one fault gives one ticket.
//!
//! At most one episode is active for each device, component and fault family. The first symptom sets
//! the family; later symptoms of a related family on the same component join it as evidence
//! ([`are_related`]). A sensor known to be broken mutes what rests on it alone.
//!
//! Deliberately absent: silence as recovery. Only [`EpisodeBook::clear`] ends an anomaly.

use serde::{Deserialize, Serialize};

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey, Phase};
use forewarn_domain::family::{FaultFamily, Severity, TicketKind};
use forewarn_domain::id::{ComponentId, DeviceId, RuleId, SiteId};
use forewarn_domain::time::{Span, Time};

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
}

/// What an anomaly or a clearing did to the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
}

/// The end of one anomaly.
#[derive(Clone, Copy, Debug)]
pub struct Clearing<'a> {
    /// The rule whose condition ended.
    pub rule: &'a RuleId,
    /// On which part.
    pub component: &'a ComponentId,
    /// What kind of trouble it pointed to.
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

/// What makes two anomalies the same one, seen at two times.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
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
        let place = exact.or_else(related)?;
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
            let rest = channel.as_str().strip_prefix(it.channel.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
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
            && self.family == clearing.family
            && self.channel == *clearing.channel
    }
}

/// Whether one fault may show itself in both families, on the same component.
///
/// A damaged bearing shakes the rotor and gets hot; a worn pump heats its oil. Tool and process,
/// and anything unnamed, stay apart: joining them would hide a second fault.
#[must_use]
pub fn are_related(one: FaultFamily, other: FaultFamily) -> bool {
    RELATED.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
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

const RELATED: [(FaultFamily, FaultFamily); 8] = [
    (FaultFamily::Bearing, FaultFamily::DriveTrain),
    (FaultFamily::Bearing, FaultFamily::Rotor),
    (FaultFamily::Bearing, FaultFamily::Thermal),
    (FaultFamily::Connectivity, FaultFamily::Instrumentation),
    (FaultFamily::DriveTrain, FaultFamily::Rotor),
    (FaultFamily::DriveTrain, FaultFamily::Thermal),
    (FaultFamily::Electrical, FaultFamily::Thermal),
    (FaultFamily::Hydraulic, FaultFamily::Thermal),
];

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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{level, minutes, site};

    #[test]
    fn raising_twice_opens_once() {
        let mut book = EpisodeBook::default();
        let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
        let EpisodeChange::Opened(id) = book.raise(&site(), &hot) else { panic!("not opened") };
        let again = Anomaly { confirmed: minutes(1), ..hot };
        let expected = EpisodeChange::Amended { id, is_new_evidence: false };
        assert_eq!(book.raise(&site(), &again), expected);
        assert_eq!(book.episodes().count(), 1);
        let graver = Anomaly { severity: Severity::Alarm, ..again };
        let expected = EpisodeChange::Amended { id, is_new_evidence: true };
        assert_eq!(book.raise(&site(), &graver), expected);
    }

    #[test]
    fn a_related_symptom_on_the_same_part_joins_and_an_unrelated_one_does_not() {
        let mut book = EpisodeBook::default();
        let knock = level("spindle", "acc.z.hf_rms", FaultFamily::Bearing, minutes(0));
        let EpisodeChange::Opened(id) = book.raise(&site(), &knock) else { panic!("not opened") };
        let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(90));
        let joined = EpisodeChange::Amended { id, is_new_evidence: true };
        assert_eq!(book.raise(&site(), &hot), joined);
        let elsewhere = level("motor", "temp", FaultFamily::Thermal, minutes(91));
        assert!(matches!(book.raise(&site(), &elsewhere), EpisodeChange::Opened(_)));
        let process = level("spindle", "load", FaultFamily::ToolProcess, minutes(92));
        assert!(matches!(book.raise(&site(), &process), EpisodeChange::Opened(_)));
        assert_eq!(book.episode(id).expect("held").key.family, FaultFamily::Bearing);
        assert_eq!(clear(&mut book, &knock, minutes(100)), None, "the heat is still there");
        assert_eq!(clear(&mut book, &hot, minutes(101)), Some(EpisodeChange::Cleared(id)));
    }

    #[test]
    fn within_the_window_the_same_episode_comes_back_and_later_a_new_one_opens() {
        let mut book = EpisodeBook::default();
        let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
        let EpisodeChange::Opened(id) = book.raise(&site(), &hot) else { panic!("not opened") };
        assert_eq!(clear(&mut book, &hot, minutes(10)), Some(EpisodeChange::Cleared(id)));
        let soon = Anomaly { confirmed: minutes(40), ..hot.clone() };
        assert_eq!(book.raise(&site(), &soon), EpisodeChange::Recurred(id));
        assert_eq!(book.episode(id).expect("held").recurrences, 1);
        clear(&mut book, &hot, minutes(50));
        let late = Anomaly { confirmed: minutes(81), ..hot };
        let EpisodeChange::Opened(second) = book.raise(&site(), &late) else { panic!("not new") };
        assert_ne!(id, second);
        assert!(book.episode(id).is_none(), "the outlived episode is gone");
    }

    #[test]
    fn a_broken_sensor_mutes_what_rests_on_it_alone() {
        let mut book = EpisodeBook::default();
        let flat = level("spindle", "acc", FaultFamily::Instrumentation, minutes(0));
        let EpisodeChange::Opened(by) = book.raise(&site(), &flat) else { panic!("not opened") };
        let derived = level("spindle", "acc.z.hf_rms", FaultFamily::Bearing, minutes(1));
        assert_eq!(book.raise(&site(), &derived), EpisodeChange::Muted { by });
        let other = level("spindle", "accel2", FaultFamily::Bearing, minutes(1));
        assert!(matches!(book.raise(&site(), &other), EpisodeChange::Opened(_)));
        assert_eq!(book.unmuted(), [], "the sensor is still broken");
        clear(&mut book, &flat, minutes(2));
        assert_eq!(book.unmuted(), std::slice::from_ref(&derived));
        assert_eq!(book.unmuted(), [], "each is given back once");
        let joined = book.raise(&site(), &derived);
        assert!(matches!(joined, EpisodeChange::Amended { .. }), "{joined:?}");
    }

    #[test]
    fn a_muted_anomaly_that_ends_is_not_given_back() {
        let mut book = EpisodeBook::default();
        let flat = level("spindle", "temp", FaultFamily::Instrumentation, minutes(0));
        book.raise(&site(), &flat);
        let cold = level("spindle", "temp", FaultFamily::Thermal, minutes(1));
        assert!(matches!(book.raise(&site(), &cold), EpisodeChange::Muted { .. }));
        clear(&mut book, &cold, minutes(2));
        clear(&mut book, &flat, minutes(3));
        assert_eq!(book.unmuted(), []);
    }

    #[test]
    fn silence_does_not_mute_what_was_buffered_meanwhile() {
        let mut book = EpisodeBook::default();
        let mut silent = level("machine", "temp", FaultFamily::Connectivity, minutes(0));
        silent.finding = Finding::NoData { lasted: Span::from_secs(60), interval: Span::ZERO };
        book.raise(&site(), &silent);
        let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(1));
        assert!(matches!(book.raise(&site(), &hot), EpisodeChange::Opened(_)));
    }

    #[test]
    fn a_ticket_on_a_sensor_that_breaks_later_is_doubted() {
        let mut book = EpisodeBook::default();
        let cold = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
        let EpisodeChange::Opened(machine) = book.raise(&site(), &cold) else { panic!("opened") };
        let flat = level("spindle", "temp", FaultFamily::Instrumentation, minutes(9));
        let EpisodeChange::Opened(sensor) = book.raise(&site(), &flat) else { panic!("opened") };
        assert_eq!(book.doubted_by(sensor).collect::<Vec<_>>(), [machine]);
        assert_eq!(book.doubted_by(machine).count(), 0);
    }

    #[test]
    fn a_forgotten_episode_makes_room_for_a_new_one() {
        let mut book = EpisodeBook::default();
        let hot = level("spindle", "temp", FaultFamily::Thermal, minutes(0));
        let EpisodeChange::Opened(id) = book.raise(&site(), &hot) else { panic!("not opened") };
        assert_eq!(book.forget(id).map(|it| it.id), Some(id));
        let again = Anomaly { confirmed: minutes(5), ..hot };
        assert!(matches!(book.raise(&site(), &again), EpisodeChange::Opened(_)));
    }

    #[test]
    fn a_snapshot_reads_back_the_same() {
        let mut book = EpisodeBook::default();
        book.raise(&site(), &level("spindle", "temp", FaultFamily::Thermal, minutes(0)));
        let text = serde_json::to_string(&book).expect("json");
        assert_eq!(serde_json::from_str::<EpisodeBook>(&text).expect("reads back"), book);
    }

    fn clear(book: &mut EpisodeBook, anomaly: &Anomaly, at: Time) -> Option<EpisodeChange> {
        book.clear(&Clearing {
            rule: &anomaly.rule.id,
            component: &anomaly.component,
            family: anomaly.family,
            channel: &anomaly.channel,
            at,
        })
    }

    proptest! {
        #[test]
        fn any_interleaving_keeps_at_most_one_active_episode_for_each_key(
            steps in prop::collection::vec((any::<bool>(), 0..3_usize, 0..10_usize, 0..60_i64), 1..80)
        ) {
            let mut book = EpisodeBook::default();
            let mut now = 0;
            for (is_raise, point, family, wait) in steps {
                now += wait;
                let family = FaultFamily::ALL[family];
                let anomaly =
                    level("spindle", ["temp", "load", "acc"][point], family, minutes(now));
                if is_raise {
                    let first = book.raise(&site(), &anomaly);
                    let second = book.raise(&site(), &anomaly);
                    let is_open = matches!(second, EpisodeChange::Amended { .. });
                    let is_muted = matches!(second, EpisodeChange::Muted { .. });
                    prop_assert!(is_open || is_muted, "{first:?} then {second:?}");
                } else {
                    clear(&mut book, &anomaly, minutes(now));
                }
                let active: Vec<&EpisodeKey> = book
                    .held.iter().filter(|it| it.is_active()).map(|it| &it.episode.key).collect();
                for (place, key) in active.iter().enumerate() {
                    prop_assert!(!active[..place].contains(key), "{key:?} is open twice");
                }
                for held in &book.held {
                    prop_assert_eq!(held.is_active(), !held.active.is_empty());
                }
            }
        }
    }
}
