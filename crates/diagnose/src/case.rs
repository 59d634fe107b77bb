//! Everything that a diagnosis may look at. Built by the engine, then only read.

use forewarn_domain::anomaly::{Anomaly, BearingLine, Finding, Normal, Signal};
use forewarn_domain::episode::Episode;
pub use forewarn_domain::evidence::Outlook;
use forewarn_domain::evidence::{QualityReport, SimilarCase, SpectrumEvidence};
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::id::ComponentId;
use forewarn_domain::quantity::{Quantity, Unit};
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::site::Component;
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Burst;

use crate::episodes::gravest;

/// One episode with its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The device in trouble.
    pub device: &'a PlantDevice,
    /// Devices of the same make and duty.
    pub siblings: &'a [&'a PlantDevice],
    /// The trouble.
    pub episode: &'a Episode,
    /// Repairs of the device and of its siblings, in any order.
    pub repairs: &'a [RepairRecord],
    /// Past cases that are like it, most alike first.
    pub similar: &'a [SimilarCase],
    /// Signals of the same part that stayed normal; for a broken sensor, of the same device.
    pub unchanged: &'a [Signal],
    /// How good the readings were.
    pub quality: QualityReport,
    /// The envelope spectrum of the newest telling burst; without one, of the newest.
    pub spectrum: Option<&'a SpectrumEvidence>,
    /// The burst of that spectrum.
    pub burst: Option<&'a Burst>,
    /// Where the trend leads, if one was fitted; nothing is said about the future without it.
    pub outlook: Option<&'a Outlook>,
    /// Offset of the site's time zone from UTC at `now`.
    pub utc_offset_minutes: i32,
    /// Event time of the newest reading. Repairs after it are not looked at.
    pub now: Time,
}

impl<'a> Case<'a> {
    /// The worst anomaly of the episode.
    #[must_use]
    pub fn severity(&self) -> Severity {
        gravest(&self.episode.anomalies)
    }

    /// The part in trouble.
    #[must_use]
    pub fn component(&self) -> Component {
        self.device.component(&self.episode.key.component)
    }

    /// Contributing signals of all anomalies, each channel once, heaviest first; weights add up
    /// to 1. An anomaly without signals (silence, say) counts with its leading channel.
    #[must_use]
    pub fn signals(&self) -> Vec<Signal> {
        let mut merged: Vec<Signal> = Vec::new();
        for anomaly in &self.episode.anomalies {
            let lead = anomaly.signals.is_empty().then(|| self.leading_signal(anomaly)).flatten();
            for signal in anomaly.signals.iter().chain(&lead) {
                match merged.iter_mut().find(|it| it.channel == signal.channel) {
                    Some(known) => {
                        *known = Signal { weight: known.weight + signal.weight, ..signal.clone() };
                    }
                    None => merged.push(signal.clone()),
                }
            }
        }
        let total: f64 = merged.iter().map(|it| it.weight).sum();
        if 0.0 < total {
            merged.iter_mut().for_each(|it| it.weight /= total);
        }
        merged
            .sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.channel.cmp(&b.channel)));
        merged
    }

    /// Whether nothing comes from the machine at all, not only from one of its sensors: such a
    /// silence has no interval of its own.
    pub(crate) fn is_machine_silent(&self) -> bool {
        self.episode.anomalies.iter().any(|it| match it.finding {
            Finding::NoData { interval, .. } => interval == Span::ZERO,
            Finding::BearingLine(_)
            | Finding::Code { .. }
            | Finding::Count { .. }
            | Finding::Flat { .. }
            | Finding::Level { .. }
            | Finding::Limit { .. }
            | Finding::Rate { .. }
            | Finding::Siblings { .. }
            | Finding::Zone { .. } => false,
        })
    }

    /// Signals that stayed normal, as far as that is known: the last values of a silent source,
    /// or of a silent machine, tell nothing.
    pub(crate) fn normal_signals(&self) -> impl Iterator<Item = &'a Signal> {
        let is_silent = self.is_machine_silent();
        let lead = self.episode.anomalies.first();
        let is_lost = self.episode.key.family == FaultFamily::Connectivity;
        let lost = lead.filter(|_| is_lost).map(|it| it.channel.source());
        self.unchanged.iter().filter(|it| is_telling(it)).filter(move |signal| {
            !is_silent && lost.as_ref().is_none_or(|lost| signal.channel.source() != *lost)
        })
    }

    /// Bearing lines of the episode with the anomaly that carries each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'a Anomaly, &'a BearingLine)> {
        let line = |it: &'a Anomaly| Some((it, it.finding.bearing_line()?));
        self.episode.anomalies.iter().filter_map(line)
    }

    /// Finished repairs of this device, any part.
    pub(crate) fn own_repairs(&self) -> impl Iterator<Item = &'a RepairRecord> {
        let (device, now) = (&self.device.device.id, self.now);
        self.repairs.iter().filter(move |it| it.device == *device && it.at <= now)
    }

    /// Finished repairs of this very part.
    pub(crate) fn part_repairs(&self) -> impl Iterator<Item = &'a RepairRecord> {
        let part = &self.episode.key.component;
        self.own_repairs().filter(move |it| it.component == *part)
    }

    /// Finished repairs of the same kind of part on sister machines.
    pub(crate) fn sibling_repairs(
        &self,
    ) -> impl Iterator<Item = (&'a PlantDevice, &'a RepairRecord)> {
        let (own, now) = (self.component(), self.now);
        let (siblings, repairs) = (self.siblings, self.repairs);
        repairs.iter().filter(move |it| it.at <= now).filter_map(move |record| {
            let sibling = siblings.iter().find(|it| it.device.id == record.device)?;
            let is_same_kind = record.component == own.id
                || (!own.kind.is_empty() && kind_of(sibling, &record.component) == own.kind);
            is_same_kind.then_some((*sibling, record))
        })
    }

    /// The quantity and unit of an anomaly's leading channel.
    pub(crate) fn measured(&self, anomaly: &Anomaly) -> Option<(Quantity, Unit)> {
        let signal = anomaly.signals.iter().find(|it| it.channel == anomaly.channel);
        let known = || self.device.channels.get(&anomaly.channel).map(|it| (it.quantity, it.unit));
        signal.map(|it| (it.quantity, it.unit)).or_else(known)
    }

    fn leading_signal(&self, anomaly: &Anomaly) -> Option<Signal> {
        let value = match &anomaly.finding {
            Finding::Count { value, .. }
            | Finding::Flat { value, .. }
            | Finding::Level { value, .. }
            | Finding::Limit { value, .. }
            | Finding::Rate { value, .. }
            | Finding::Siblings { value, .. }
            | Finding::Zone { value, .. } => *value,
            Finding::BearingLine(_) | Finding::Code { .. } | Finding::NoData { .. } => return None,
        };
        let (quantity, unit) = self.measured(anomaly)?;
        let channel = anomaly.channel.clone();
        Some(Signal { channel, quantity, weight: 1.0, value, unit, normal: None })
    }
}

/// Whether a value inside its normal says anything: a band from next to nothing to full load takes
/// whatever comes. Values of both signs, such as errors of a position, have no such measure.
fn is_telling(signal: &Signal) -> bool {
    let Some(Normal { low, high, .. }) = signal.normal.as_ref() else { return true };
    let has_one_sign = 0.0 <= low * high;
    !has_one_sign || high - low <= WIDEST * low.abs().max(high.abs())
}

/// Of its larger edge, a normal band wider than this says nothing about a machine.
const WIDEST: f64 = 0.65;

fn kind_of(device: &PlantDevice, component: &ComponentId) -> String {
    device.component(component).kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Scene, level, minutes};

    #[test]
    fn a_normal_from_nothing_to_full_load_is_no_evidence_that_the_load_is_normal() {
        let mut scene = Scene::hot_oil();
        let normals = |scene: &Scene| scene.case(|case| case.normal_signals().count());
        let before = normals(&scene);
        let press = scene.unchanged[0].normal.as_mut().expect("learned");
        (press.low, press.median, press.high) = (0.33, 600.0, 1_095.0);
        assert_eq!(normals(&scene), before - 1);
        let error = scene.unchanged[0].normal.as_mut().expect("learned");
        (error.low, error.median, error.high) = (-0.02, 0.0, 0.02);
        assert_eq!(normals(&scene), before, "an error about zero is told");
    }

    #[test]
    fn signals_of_several_anomalies_are_merged_and_weigh_one_together() {
        let mut scene = Scene::hot_oil();
        let mut second = level("hydraulics", "pressure", FaultFamily::Hydraulic, minutes(3));
        second.signals = scene.episode.anomalies[0].signals.clone();
        second.signals[0].weight = 0.5;
        scene.episode.anomalies.push(second);
        let signals = scene.case(|case| case.signals());
        let total: f64 = signals.iter().map(|it| it.weight).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
        assert!(signals.is_sorted_by(|a, b| b.weight <= a.weight));
    }
}
