//! How a machine usually differs from each of its siblings in one operating state.
//!
//! Rely on this: each sibling is taken with what is usual between it and this machine, so the median does
//! not leap when one of them stops; after a repair of either, that pair is learned anew.

use forewarn_domain::id::DeviceId;
use forewarn_domain::time::Span;
use serde::{Deserialize, Serialize};

use super::{Mark, PEERS_MAX};
use crate::rules::Learn;
use crate::statistics::quantile;

/// What a sibling shows at a tick: its level at rest in the same operating state.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Which sibling.
    pub device: &'a DeviceId,
    /// Its level in the channel's unit.
    pub level: f64,
    /// Its repairs so far: a repaired machine is another one.
    pub era: u32,
}

/// What was seen at a comparison.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct View {
    /// Place of the operating state; none before the first comparison.
    pub(super) state: Option<u8>,
    pub(super) is_at_rest: bool,
    /// Siblings that could be compared, and those of which enough is known.
    pub(super) comparable: usize,
    pub(super) compared: usize,
    /// The machine's own level.
    pub(super) level: f64,
    /// The median of the compared siblings' levels, as they are,
    pub(super) median: f64,
    /// and with what is usual between each and this machine.
    pub(super) expected: f64,
}

/// What is usual between a machine and its siblings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Pairs(Vec<Pair>);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Pair {
    device: DeviceId,
    era: u32,
    samples: u32,
    lived: Span,
    /// Mean of this machine's level less the sibling's.
    usual: f64,
}

impl Pairs {
    pub(super) fn view(&self, own: Mark, shown: &[Shown<'_>]) -> View {
        let known = |it: &Shown<'_>| Some((it.level, it.level + self.of(it)?.known()?));
        let (mut levels, mut expected): (Vec<f64>, Vec<f64>) =
            shown.iter().filter_map(known).unzip();
        levels.sort_by(f64::total_cmp);
        expected.sort_by(f64::total_cmp);
        View {
            state: Some(own.state),
            is_at_rest: own.is_at_rest,
            comparable: shown.len(),
            compared: levels.len(),
            level: own.level,
            median: quantile(&levels, 0.5),
            expected: quantile(&expected, 0.5),
        }
    }

    /// Takes a calm comparison; a pair that has learned for long enough stays as it is.
    pub(super) fn teach(
        &mut self,
        (level, passed): (f64, Span),
        shown: &[Shown<'_>],
        learn: &Learn,
    ) {
        for sibling in shown {
            let pair = self.pair(sibling);
            if learn.is_done(u64::from(pair.samples), pair.lived) {
                continue;
            }
            pair.samples = pair.samples.saturating_add(1);
            pair.lived = Span::from_micros(pair.lived.micros().saturating_add(passed.micros()));
            pair.usual += (level - sibling.level - pair.usual) / f64::from(pair.samples);
        }
    }

    fn of(&self, sibling: &Shown<'_>) -> Option<&Pair> {
        self.0.iter().find(|it| it.device == *sibling.device && it.era == sibling.era)
    }

    /// The pair with a sibling, new where it is not known or was repaired since.
    fn pair(&mut self, sibling: &Shown<'_>) -> &mut Pair {
        let known = self.0.iter().position(|it| it.device == *sibling.device);
        let place = known.unwrap_or_else(|| {
            if PAIRS_MAX <= self.0.len() {
                self.0.remove(0);
            }
            self.0.push(Pair::with(sibling));
            self.0.len() - 1
        });
        let pair = &mut self.0[place];
        if pair.era != sibling.era {
            *pair = Pair::with(sibling);
        }
        pair
    }
}

impl Pair {
    fn with(sibling: &Shown<'_>) -> Self {
        let (device, era) = (sibling.device.clone(), sibling.era);
        Self { device, era, samples: 0, lived: Span::ZERO, usual: 0.0 }
    }

    fn known(&self) -> Option<f64> {
        (SAMPLES_MIN <= self.samples).then_some(self.usual)
    }
}

/// Five minutes of ticks: the mean no longer hangs on the first ones.
const SAMPLES_MIN: u32 = 32;

/// Siblings that left the site are forgotten in time.
const PAIRS_MAX: usize = 2 * PEERS_MAX;
