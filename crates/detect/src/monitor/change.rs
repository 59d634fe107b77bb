//! When the machine changes from one way of running to another: onset, arrival at a new plateau,
//! departure from it, and the end.
//!
//! A fast return has one moment, its departure; a slow one has two. Nothing is said twice.
//!
//! Deliberately absent: thresholds on raw values; it sees the same distances as the alarm.

use serde::{Deserialize, Serialize};

use super::history::History;

/// Which kind of change a row marks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The alarm began.
    Onset,
    /// The leading signal stands on a new plateau.
    Settled,
    /// It leaves the plateau towards its normal.
    Departure,
    /// It rests again after a slow return.
    Rest,
    /// The alarm ended without a departure that was seen.
    End,
}

/// What the machine sees of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) is_alarm: bool,
    pub(super) leader: usize,
    pub(super) distance: f64,
    pub(super) z: &'a [f64],
    pub(super) z_fast: &'a [f64],
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Changes {
    phase: Phase,
    /// Rows since the distance was last small before the alarm.
    since_calm: u32,
    fast: History,
    slow: History,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
enum Phase {
    Normal,
    Leaving { rows: u32 },
    Plateau { on: Plateau, rows: u32, away: u32 },
    Returning { on: Plateau, rows: u32, since_departure: u32 },
    Resting { leader: usize, since_departure: u32 },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Plateau {
    leader: usize,
    sign: f64,
    height: f64,
}

impl Changes {
    pub(super) fn new(width: usize) -> Self {
        Self {
            phase: Phase::Normal,
            since_calm: 0,
            fast: History::new(STEADY + 1, width),
            slow: History::new(STEADY / 2 + 1, width),
        }
    }

    pub(super) fn take(&mut self, seen: &Seen<'_>) -> Option<Change> {
        self.fast.push(seen.z_fast);
        self.slow.push(seen.z);
        self.since_calm = self.since_calm.saturating_add(1);
        let change;
        (self.phase, change) = match self.phase {
            Phase::Normal => self.while_normal(seen),
            Phase::Resting { leader, since_departure } => {
                self.while_resting(seen, leader, since_departure + 1)
            }
            Phase::Returning { since_departure, .. } if !seen.is_alarm => {
                let leader = seen.leader;
                let is_slow = SLOW <= since_departure + 1;
                let since_departure = since_departure + 1;
                let next = Phase::Resting { leader, since_departure };
                (if is_slow { next } else { Phase::Normal }, None)
            }
            _ if !seen.is_alarm => (Phase::Normal, Some(Change::End)),
            Phase::Leaving { rows } => self.while_leaving(seen, rows + 1),
            Phase::Plateau { on, rows, away } => Self::on_plateau(seen, on, (rows + 1, away)),
            Phase::Returning { on, rows, since_departure } => {
                self.while_returning(seen, on, (rows + 1, since_departure + 1))
            }
        };
        change
    }

    fn while_normal(&mut self, seen: &Seen<'_>) -> (Phase, Option<Change>) {
        if seen.distance < CALM_SD {
            self.since_calm = 0;
        }
        if seen.is_alarm {
            (Phase::Leaving { rows: 0 }, Some(Change::Onset))
        } else {
            (Phase::Normal, None)
        }
    }

    fn while_resting(
        &mut self,
        seen: &Seen<'_>,
        leader: usize,
        since_departure: u32,
    ) -> (Phase, Option<Change>) {
        if seen.is_alarm {
            return self.while_normal(seen);
        }
        if seen.distance < CALM_SD {
            self.since_calm = 0;
        }
        if TRANSITION_BACK <= since_departure && self.step_fast(leader) < STEADY_SD {
            return (Phase::Normal, Some(Change::Rest));
        }
        if TRANSITION_BACK + REST_MAX < since_departure {
            return (Phase::Normal, None);
        }
        (Phase::Resting { leader, since_departure }, None)
    }

    fn while_leaving(&self, seen: &Seen<'_>, rows: u32) -> (Phase, Option<Change>) {
        let height = seen.z[seen.leader];
        let is_long = TRANSITION <= self.since_calm && STEADY <= usize::try_from(rows).unwrap_or(0);
        if is_long && self.is_steady(seen.leader, height) {
            let on = Plateau { leader: seen.leader, sign: height.signum(), height };
            return (Phase::Plateau { on, rows: 0, away: 0 }, Some(Change::Settled));
        }
        (Phase::Leaving { rows }, None)
    }

    fn on_plateau(
        seen: &Seen<'_>,
        mut on: Plateau,
        (rows, away): (u32, u32),
    ) -> (Phase, Option<Change>) {
        if rows <= FOLLOW {
            on.height += 0.1 * (seen.z[on.leader] - on.height);
        }
        let off = (on.height - seen.z_fast[on.leader]) * on.sign;
        let away = if (AWAY_SHARE * on.height.abs()).max(AWAY_SD) < off { away + 1 } else { 0 };
        if AWAY_ROWS <= away {
            return (Phase::Returning { on, rows: 0, since_departure: 0 }, Some(Change::Departure));
        }
        (Phase::Plateau { on, rows, away }, None)
    }

    fn while_returning(
        &self,
        seen: &Seen<'_>,
        on: Plateau,
        (rows, since_departure): (u32, u32),
    ) -> (Phase, Option<Change>) {
        let limit = (STEADY_SHARE * on.height.abs()).max(STEADY_SD);
        if STEADY <= usize::try_from(rows).unwrap_or(0) && self.step_fast(on.leader) < limit {
            let height = seen.z[on.leader];
            let on = Plateau { leader: on.leader, sign: height.signum(), height };
            return (Phase::Plateau { on, rows: 0, away: 0 }, None);
        }
        (Phase::Returning { on, rows, since_departure }, None)
    }

    fn is_steady(&self, leader: usize, height: f64) -> bool {
        let limit = (STEADY_SHARE * height.abs()).max(STEADY_SD);
        let slow = step(&self.slow, leader);
        self.step_fast(leader) < limit && slow < limit
    }

    fn step_fast(&self, leader: usize) -> f64 {
        step(&self.fast, leader)
    }
}

/// How far a signal moved over the whole ring; infinite before it is full.
fn step(ring: &History, signal: usize) -> f64 {
    match (ring.back(0), ring.oldest()) {
        (Some(now), Some(before)) => (now[signal] - before[signal]).abs(),
        _ => f64::INFINITY,
    }
}

/// Below this distance nothing has begun.
const CALM_SD: f64 = 1.6;

/// Rows over which a steady signal does not move by more than a share of its height, or this much.
const STEADY: usize = 25;
const STEADY_SHARE: f64 = 0.1;
const STEADY_SD: f64 = 1.4;

/// Rows after which the end of a transition is told at the earliest, on the way out and back.
const TRANSITION: u32 = 57;
const TRANSITION_BACK: u32 = 48;

/// A return that takes fewer rows has one moment only.
const SLOW: u32 = 16;

/// Rows over which the height of a plateau is averaged.
const FOLLOW: u32 = 30;

/// So far, for so many rows, and a signal has left its plateau.
const AWAY_SHARE: f64 = 0.2;
const AWAY_SD: f64 = 2.0;
const AWAY_ROWS: u32 = 5;

/// Rows after which a rest is no longer waited for.
const REST_MAX: u32 = 75;
