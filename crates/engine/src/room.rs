//! One device in the engine: its compiled rules, and everything remembered about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_detect::{Detection, DevicePlan, DeviceState, Place, RuleStatus};
use forewarn_diagnose::{TriagePlan, TriageState};
use forewarn_domain::anomaly::Normal;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::evidence::QualityReport;
use forewarn_domain::id::StateId;
use forewarn_domain::quality::Quality;
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::{Burst, Sha256};
use serde::{Deserialize, Serialize};

use crate::check::Watch;

/// A device with its rules and its memory.
#[derive(Debug)]
pub struct Room {
    pub(crate) device: Arc<PlantDevice>,
    pub(crate) plan: DevicePlan,
    /// What its sensors cannot have measured.
    pub(crate) triage: TriagePlan,
    pub(crate) memory: Memory,
    /// Whether the memory has changed since it was last written into a snapshot.
    pub(crate) is_dirty: bool,
}

/// What must survive a restart.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Memory {
    pub(crate) detector: DeviceState,
    #[serde(default)]
    pub(crate) triage: TriageState,
    /// Event time of the newest reading.
    pub(crate) newest: Time,
    /// The newest burst of each waveform channel.
    newest_bursts: BTreeMap<ChannelId, Burst>,
    /// The newest burst of each waveform channel on which a bearing rule fired.
    telling_bursts: BTreeMap<ChannelId, Burst>,
    /// Repairs whose signals are being watched.
    #[serde(default)]
    pub(crate) watches: Vec<Watch>,
    hour: Hour,
    last_hour: Hour,
}

/// Readings of one hour of event time, by how good they were.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Hour {
    from: Time,
    good: u64,
    uncertain: u64,
    bad: u64,
    late: u64,
}

impl Room {
    /// The device.
    #[must_use]
    pub fn device(&self) -> &PlantDevice {
        &self.device
    }

    /// In which operating state it is.
    #[must_use]
    pub fn operating_state(&self) -> &StateId {
        self.plan.operating_state(&self.memory.detector, self.memory.newest)
    }

    /// Where each rule stands, and why it does nothing.
    #[must_use]
    pub fn rule_statuses(&self) -> Vec<RuleStatus> {
        self.plan.status(&self.memory.detector)
    }

    /// What is normal for a channel, for each operating state that was learned.
    #[must_use]
    pub fn normals(&self, channel: &ChannelId) -> Vec<Normal> {
        self.plan.normals(&self.memory.detector, channel)
    }

    /// Event time of the newest reading.
    #[must_use]
    pub fn newest(&self) -> Time {
        self.memory.newest
    }

    /// Fetches what the readings ahead will need, as far as they are of this room (number `own`).
    pub(crate) fn touch(&self, own: usize, ahead: impl Iterator<Item = Option<(usize, Place)>>) {
        let of_this = ahead.map_while(|it| it.filter(|(room, _)| *room == own));
        let sum = of_this.fold(0, |all, (_, place)| {
            let sense = self.triage.touch(&self.memory.triage, place.index());
            all ^ self.memory.detector.touch(place) ^ sense
        });
        std::hint::black_box(sum);
    }

    pub(crate) fn new(device: Arc<PlantDevice>, plan: DevicePlan) -> Self {
        let memory = Memory {
            detector: plan.start(),
            triage: TriageState::default(),
            newest: Time::default(),
            newest_bursts: BTreeMap::new(),
            telling_bursts: BTreeMap::new(),
            watches: Vec::new(),
            hour: Hour::default(),
            last_hour: Hour::default(),
        };
        let triage = TriagePlan::new(&device, plan.version());
        Self { device, plan, triage, memory, is_dirty: true }
    }

    pub(crate) fn burst(&mut self, burst: &Burst, out: &mut Vec<Detection>) {
        self.memory.newest_bursts.insert(burst.channel.clone(), burst.clone());
        self.plan.burst(&mut self.memory.detector, burst, out);
    }
}

impl Memory {
    /// Notes that a reading came; says whether it is still to be evaluated. A reading behind the
    /// device's newest by more than `lateness` is counted as late and stored only.
    #[inline]
    pub(crate) fn admit(&mut self, t: Time, quality: Quality, lateness: Span) -> bool {
        if t < self.newest - lateness {
            self.hour.late += 1;
            return false;
        }
        if self.newest < t {
            self.newest = t;
            if HOUR <= t - self.hour.from {
                self.last_hour = self.hour;
                self.hour = Hour { from: t, ..Hour::default() };
            }
        }
        match quality {
            Quality::Good => self.hour.good += 1,
            Quality::Uncertain(_) => self.hour.uncertain += 1,
            Quality::Bad(_) => self.hour.bad += 1,
        }
        true
    }

    /// Keeps the burst on which a bearing rule fired, for the ticket's spectrum.
    pub(crate) fn keep_burst(&mut self, channel: &ChannelId, sha256: Sha256) {
        let newest = self.newest_bursts.get(channel).filter(|it| it.sha256 == sha256);
        if let Some(burst) = newest {
            self.telling_bursts.insert(channel.clone(), burst.clone());
        }
    }

    pub(crate) fn newest_bursts(&self) -> impl Iterator<Item = &Burst> {
        self.newest_bursts.values()
    }

    pub(crate) fn telling_burst(&self, channel: &ChannelId) -> Option<&Burst> {
        self.telling_bursts.get(channel)
    }

    /// The readings of the running hour and the one before it.
    pub(crate) fn quality(&self) -> QualityReport {
        let (one, two) = (self.last_hour, self.hour);
        let since = if one.from == Time::default() { two.from } else { one.from };
        QualityReport {
            over: Span::from_secs((self.newest - since).micros() / 1_000_000),
            good: one.good + two.good,
            uncertain: one.uncertain + two.uncertain,
            bad: one.bad + two.bad,
            late: one.late + two.late,
        }
    }
}

const HOUR: Span = Span::from_secs(3_600);
