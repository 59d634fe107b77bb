//! A device beside its siblings: when it is compared, what it shows to others, and what follows.
//!
//! Rely on this: a comparison rests on what was read before its tick only, so it comes out the same in
//! whatever order the readings of several devices lie within it. Deliberately absent: who is a sibling.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::StateId;
use forewarn_domain::time::{Span, Time};

use super::{ChannelState, DeviceState};
use crate::outcome::Detection;
use crate::plan::{ChannelPlan, DevicePlan, Place, Watch};
use crate::rules::siblings::{Mark, Memory as Followed, Shown, Siblings, TICK};
use crate::rules::{Detector, Memory};
use crate::sample::Sample;

/// A rule of a device that compares one of its channels with the same channel of siblings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Compared {
    channel: Place,
    watch: usize,
}

/// How a channel stands at a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Its level in the channel's unit.
    pub level: f64,
    /// Repairs of its part so far.
    pub era: u32,
}

impl Compared {
    /// The channel.
    #[must_use]
    pub fn channel(&self) -> Place {
        self.channel
    }
}

impl DeviceState {
    /// Whether a reading at `t` is the first of a tick of the device's own time; gives the end of what
    /// is to be compared then. A whole tick lies between, so that siblings that are read a little later
    /// have been read too.
    pub fn enters_tick(&mut self, t: Time) -> Option<Time> {
        let tick = t.floor(TICK);
        if self.ticked.is_some_and(|last| tick <= last) {
            return None;
        }
        self.ticked = Some(tick);
        Some(tick - TICK)
    }
}

impl DevicePlan {
    /// Every rule that compares the device with siblings, on each of its channels.
    #[must_use]
    pub fn compared(&self) -> Vec<Compared> {
        let mut all = Vec::new();
        for plan in &self.channels {
            let Some(channel) = self.place(&plan.channel.id) else { continue };
            let watches = plan.watches.iter().enumerate();
            let own = watches.filter(|(_, it)| matches!(it.detector, Detector::Siblings(_)));
            all.extend(own.map(|(watch, _)| Compared { channel, watch }));
        }
        all
    }

    /// The same rule on the same channel of another device, where that has it.
    #[must_use]
    pub fn twin(&self, at: Compared, other: &Self) -> Option<Compared> {
        let (plan, watch, _) = self.watch_at(at)?;
        let id = &plan.channel.id;
        let twin = ChannelId::new(&other.device.device.id, &id.source(), &id.point());
        let channel = other.place(&twin)?;
        let watches = &other.channels.get(channel.index())?.watches;
        let is_same = |it: &Watch| {
            it.head.rule.id == watch.head.rule.id && matches!(it.detector, Detector::Siblings(_))
        };
        Some(Compared { channel, watch: watches.iter().position(is_same)? })
    }

    /// How a channel stood before `until` in an operating state; `None` where it has not come to rest
    /// there, where that is long ago, and where nothing fresh and trusted comes from it now.
    #[must_use]
    pub fn stands(
        &self,
        state: &DeviceState,
        at: Compared,
        (like, until): (&StateId, Time),
    ) -> Option<Standing> {
        let (plan, _, judge) = self.watch_at(at)?;
        let place = self.states.iter().position(|it| it == like)?;
        let kept = state.channels.get(at.channel.index()).filter(|it| !it.is_muted())?;
        let is_alive = kept.trusted.is_some_and(|it| until <= it + kept.patience(plan));
        let memory = kept.followed(at).filter(|_| is_alive)?;
        let mark = memory.mark_before(until, u8::try_from(place).ok()?)?;
        let is_fresh = mark.is_at_rest && until <= mark.t + judge.stands_for();
        is_fresh.then_some(Standing { level: mark.level, era: memory.era() })
    }

    /// Compares a channel with what its siblings show before `until` in the state in which it is.
    pub fn compare(
        &self,
        state: &mut DeviceState,
        (at, until): (Compared, Time),
        shown: &[Shown<'_>],
        out: &mut Vec<Detection>,
    ) {
        let (Some((plan, watch, judge)), place) = (self.watch_at(at), at.channel.index()) else {
            return;
        };
        let (from, now) = (out.len(), state.now);
        let Some(kept) = state.channels.get_mut(place) else { return };
        let patience = kept.patience(plan);
        let mark = kept.followed(at).and_then(|memory| memory.mark_before(until, now));
        let is_fresh = |it: &Mark| until <= it.t + patience && !kept.is_muted();
        let Some(own) = mark.filter(is_fresh) else { return };
        let Some(mind) = kept.minds.get_mut(at.watch) else { return };
        let Memory::Siblings(memory) = &mut mind.memory else { return };
        let is_calm = mind.confirm.is_normal();
        let Some((look, sample)) = judge.compare(memory, (own, patience), shown, is_calm) else {
            return;
        };
        let Some(turn) = mind.step(watch, look, &sample) else { return };
        let told = Sample { value: own.level, ..sample };
        self.report(state, (place, at.watch), (turn, &told), out);
        self.join(state, sample.t, from, out);
    }

    fn watch_at(&self, at: Compared) -> Option<(&ChannelPlan, &Watch, &Siblings)> {
        let plan = self.channels.get(at.channel.index())?;
        let watch = plan.watches.get(at.watch)?;
        let Detector::Siblings(judge) = &watch.detector else { return None };
        Some((plan, watch, judge))
    }
}

impl ChannelState {
    fn followed(&self, at: Compared) -> Option<&Followed> {
        let Memory::Siblings(memory) = &self.minds.get(at.watch)?.memory else { return None };
        Some(memory)
    }

    /// As many missed readings make a level stale as break a duration.
    fn patience(&self, plan: &ChannelPlan) -> Span {
        let interval = self.cadence.interval(plan.least_interval()).max(TICK);
        Span::from_micros(interval.micros().saturating_mul(STALE_INTERVALS))
    }
}

const STALE_INTERVALS: i64 = 3;
