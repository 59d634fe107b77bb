//! One trouble on several parts of a device.
//!
//! A box whose registers are mixed up falsifies every sensor behind it, whatever part each sits on. A
//! machine that has to work harder draws more current and gets warmer, in its spindle and in its
//! motor. Each is one ticket.

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::episode::Episode;
use forewarn_domain::family::TicketKind;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::time::Span;

use super::{FUSION_WINDOW, are_related};
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

/// More load, more current, more heat: one cause, as long as they come together.
fn works_harder(episode: &Episode, anomaly: &Anomaly) -> bool {
    let is_machine = |kind| kind == TicketKind::Machine;
    if !is_machine(episode.key.family.kind()) || !is_machine(anomaly.family.kind()) {
        return false;
    }
    let Some(quantity) = risen(anomaly) else { return false };
    let with_effort = |window: Span| {
        anomaly.confirmed <= episode.updated + window
            && episode.anomalies.iter().any(|it| risen(it).is_some_and(is_effort))
    };
    let follows_heat = || {
        let is_heat = |it: &Anomaly| risen(it) == Some(Quantity::Temperature);
        anomaly.confirmed <= episode.updated + EFFORT_WINDOW
            && episode.anomalies.iter().any(is_heat)
    };
    match quantity {
        Quantity::Temperature => with_effort(HEAT_WINDOW),
        it if is_effort(it) => with_effort(EFFORT_WINDOW) || follows_heat(),
        _ => false,
    }
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
        Finding::Level { z, .. } => 0.0 < z,
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

/// A box that has failed shows it on all its sensors within this time.
const BOX_WINDOW: Span = Span::from_secs(30 * 60);

/// Load and current follow each other at once; rules need a while to confirm.
const EFFORT_WINDOW: Span = Span::from_secs(60 * 60);

/// Iron needs hours to get warm.
const HEAT_WINDOW: Span = Span::from_secs(24 * 3_600);
