//! One trouble on several parts of a device.
//!
//! A box whose registers are mixed up falsifies every sensor behind it, whatever part each sits on. A
//! machine that has to work harder draws more current, gets warmer and shakes more, in its spindle, its
//! drive and its motor. Each is one ticket.

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::episode::Episode;
use forewarn_domain::family::{FaultFamily, TicketKind};
use forewarn_domain::quantity::Quantity;
use forewarn_domain::time::Span;

use super::FUSION_WINDOW;
use crate::triage::SensorFault;

/// Whether an anomaly belongs to an episode of the same device although it is about another part or
/// an unrelated family.
pub(super) fn is_akin(episode: &Episode, anomaly: &Anomaly) -> bool {
    episode.key.device == anomaly.device
        && (is_same_box(episode, anomaly)
            || works_harder(episode, anomaly)
            || is_about_its_parts(episode, anomaly))
}

/// Sensors of one box fail together only when the box does; two that fail by themselves stay apart.
fn is_same_box(episode: &Episode, anomaly: &Anomaly) -> bool {
    let is_instrument = |kind| kind == TicketKind::Instrumentation;
    let is_near = anomaly.confirmed <= episode.updated + BOX_WINDOW;
    is_near
        && is_instrument(episode.key.family.kind())
        && is_instrument(anomaly.family.kind())
        && episode.anomalies.iter().any(|it| {
            let is_of_the_box = |it: &Anomaly| {
                SensorFault::of(it).is_some_and(SensorFault::is_of_the_box)
                    || matches!(it.finding, Finding::NoData { .. })
            };
            it.channel.source() == anomaly.channel.source()
                && (is_of_the_box(it) || is_of_the_box(anomaly))
        })
}

/// More load, more current, more heat, more shaking: one cause, as long as they come together.
fn works_harder(episode: &Episode, anomaly: &Anomaly) -> bool {
    let is_machine = |kind| kind == TicketKind::Machine;
    if !is_machine(episode.key.family.kind()) || !is_machine(anomaly.family.kind()) {
        return false;
    }
    let Some(quantity) = risen(anomaly) else { return false };
    let follows = |window: Span, is_cause: fn(Quantity) -> bool| {
        anomaly.confirmed <= episode.updated + window
            && episode.anomalies.iter().any(|it| risen(it).is_some_and(is_cause))
    };
    let follows_heat = || follows(EFFORT_WINDOW, |it| it == Quantity::Temperature);
    if quantity == Quantity::Temperature {
        return follows(HEAT_WINDOW, is_effort);
    }
    if is_effort(quantity) {
        return follows(EFFORT_WINDOW, is_effort)
            || follows_heat()
            || follows(SHAKE_WINDOW, is_shaking);
    }
    is_shaking(quantity) && follows(SHAKE_WINDOW, is_effort)
}

/// Another symptom of a part that has come into the episode as a further one.
fn is_about_its_parts(episode: &Episode, anomaly: &Anomaly) -> bool {
    anomaly.confirmed <= episode.updated + FUSION_WINDOW
        && episode.anomalies.iter().any(|it| {
            it.component == anomaly.component
                && it.family.kind() == anomaly.family.kind()
                && (it.family == anomaly.family || are_related(it.family, anomaly.family))
        })
}

/// The quantity that has gone up, if one has.
fn risen(anomaly: &Anomaly) -> Option<Quantity> {
    let is_up = match anomaly.finding {
        Finding::Level { z, .. } | Finding::Siblings { z, .. } => 0.0 < z,
        Finding::Limit { above, .. } | Finding::Count { above, .. } => above,
        Finding::Rate { per_minute, .. } => 0.0 < per_minute,
        Finding::Zone { .. } => true,
        Finding::BearingLine(_)
        | Finding::Code { .. }
        | Finding::Flat { .. }
        | Finding::NoData { .. } => false,
    };
    let signal = anomaly.signals.iter().find(|it| it.channel == anomaly.channel)?;
    is_up.then_some(signal.quantity)
}

fn is_effort(quantity: Quantity) -> bool {
    matches!(
        quantity,
        Quantity::Current | Quantity::Force | Quantity::Load | Quantity::Power | Quantity::Torque
    )
}

fn is_shaking(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::VelocityRms | Quantity::VelocityPeak | Quantity::Displacement)
}

/// A box that has failed shows it on all its sensors within this time.
const BOX_WINDOW: Span = Span::from_secs(30 * 60);

/// Load and current follow each other at once; rules need a while to confirm.
const EFFORT_WINDOW: Span = Span::from_secs(60 * 60);

/// A tool that gets blunt over a shift shows it in its load and in how it shakes, not at one moment.
const SHAKE_WINDOW: Span = Span::from_secs(8 * 3_600);

/// Iron needs hours to get warm.
const HEAT_WINDOW: Span = Span::from_secs(24 * 3_600);

/// Whether one fault may show itself in both families, on the same component.
///
/// A damaged bearing shakes the rotor and gets hot; a worn pump heats its oil; one that draws vapour
/// hisses like a bearing. Tool and process,
/// and anything unnamed, stay apart: joining them would hide a second fault.
#[must_use]
pub fn are_related(one: FaultFamily, other: FaultFamily) -> bool {
    RELATED.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
}

const RELATED: [(FaultFamily, FaultFamily); 11] = [
    (FaultFamily::Bearing, FaultFamily::DriveTrain),
    (FaultFamily::Bearing, FaultFamily::Hydraulic),
    (FaultFamily::Bearing, FaultFamily::Rotor),
    (FaultFamily::Bearing, FaultFamily::Thermal),
    (FaultFamily::Connectivity, FaultFamily::Instrumentation),
    (FaultFamily::DriveTrain, FaultFamily::Electrical),
    (FaultFamily::DriveTrain, FaultFamily::Rotor),
    (FaultFamily::DriveTrain, FaultFamily::Thermal),
    (FaultFamily::Electrical, FaultFamily::Thermal),
    (FaultFamily::Hydraulic, FaultFamily::Rotor),
    (FaultFamily::Hydraulic, FaultFamily::Thermal),
];
