//! Findings that count only together: what the members found is kept, joined and let go.

use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{ComponentId, RuleId};
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::DeviceState;
use crate::outcome::Detection;
use crate::plan::{DevicePlan, Place, TogetherPlan};

/// What a member of a `together` rule has found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Evidence {
    anomaly: Anomaly,
    /// When it ended.
    ended: Option<Time>,
    /// The channel's breaks when it was told last.
    breaks: u32,
    /// Whether its channel still reports, without a break since.
    is_fresh: bool,
}

/// A `together` rule that holds for a part.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Joined {
    rule: RuleId,
    component: ComponentId,
    /// What it has raised.
    channels: Vec<ChannelId>,
}

impl DevicePlan {
    /// Joins what was found since `from`; findings that are only evidence leave the list.
    pub(super) fn join(
        &self,
        state: &mut DeviceState,
        t: Time,
        from: usize,
        out: &mut Vec<Detection>,
    ) {
        if self.together.is_empty() && self.evidence.is_empty() {
            return;
        }
        let mut renewed: Vec<(RuleId, ChannelId)> = Vec::new();
        let mut kept = Vec::new();
        let mut has_news = !state.evidence.is_empty() && self.lets_go(state, t);
        for detection in out.drain(from..) {
            if self.together.iter().any(|it| it.settings.member(rule_of(&detection)).is_some()) {
                has_news = true;
                renewed.extend(state.remember(&detection));
            }
            if !self.evidence.contains(rule_of(&detection)) {
                kept.push(detection);
            }
        }
        out.append(&mut kept);
        if has_news {
            self.refresh(state, t);
            for plan in &self.together {
                plan.join(state, t, &renewed, out);
            }
            state.evidence.retain(|it| it.ended.is_none_or(|ended| t <= ended + self.linger));
        }
    }

    /// Says of each finding whether its channel still reports. A stale one opens nothing; neither
    /// does it end what is open, since silence is no recovery.
    fn refresh(&self, state: &mut DeviceState, t: Time) {
        for evidence in &mut state.evidence {
            let place = self.place(&evidence.anomaly.channel).map(Place::index);
            let known = place.and_then(|it| self.channels.get(it).zip(state.channels.get(it)));
            let Some((plan, kept)) = known.filter(|(plan, _)| !plan.channel.is_text) else {
                evidence.is_fresh = true;
                continue;
            };
            let interval = kept.cadence.interval(plan.least_interval());
            let patience = Span::from_micros(interval.micros().saturating_mul(STALE_INTERVALS));
            evidence.is_fresh = evidence.breaks == kept.breaks
                && kept.trusted.is_some_and(|last| t <= last + patience);
        }
    }

    /// Whether a finding that had ended no longer counts.
    fn lets_go(&self, state: &DeviceState, t: Time) -> bool {
        state.evidence.iter().any(|it| it.ended.is_some_and(|ended| ended + self.linger < t))
    }
}

impl DeviceState {
    /// The part was repaired: what was found before speaks of the old one.
    pub(super) fn forget_evidence(&mut self, component: &ComponentId, is_whole: bool) {
        self.evidence.retain(|it| !is_whole && it.anomaly.component != *component);
    }

    /// Keeps what a member found, or when it ended; names what is new or renewed.
    fn remember(&mut self, detection: &Detection) -> Option<(RuleId, ChannelId)> {
        match detection {
            Detection::Raised(anomaly) | Detection::Updated(anomaly) => {
                let key = (anomaly.rule.id.clone(), anomaly.channel.clone());
                self.evidence.retain(|it| !it.is_of(&key.0, &key.1, &anomaly.component));
                if self.evidence.len() < EVIDENCE_MAX {
                    let channel = self.channels.iter().find(|it| it.id == anomaly.channel);
                    let breaks = channel.map_or(0, |it| it.breaks);
                    let (anomaly, ended, is_fresh) = (anomaly.clone(), None, true);
                    self.evidence.push(Evidence { anomaly, ended, breaks, is_fresh });
                }
                Some(key)
            }
            Detection::Cleared { rule, component, channel, at, .. } => {
                let ended =
                    self.evidence.iter_mut().find(|it| it.is_of(&rule.id, channel, component));
                if let Some(evidence) = ended {
                    evidence.ended = Some(*at);
                }
                None
            }
        }
    }
}

impl Evidence {
    fn is_of(&self, rule: &RuleId, channel: &ChannelId, component: &ComponentId) -> bool {
        self.anomaly.rule.id == *rule
            && self.anomaly.channel == *channel
            && self.anomaly.component == *component
    }
}

impl TogetherPlan {
    fn join(
        &self,
        state: &mut DeviceState,
        t: Time,
        renewed: &[(RuleId, ChannelId)],
        out: &mut Vec<Detection>,
    ) {
        let mut components: Vec<ComponentId> =
            state.evidence.iter().map(|it| it.anomaly.component.clone()).collect();
        let rule = &self.head.rule.id;
        let held = state.joined.iter().filter(|it| it.rule == *rule);
        components.extend(held.map(|it| it.component.clone()));
        components.sort();
        components.dedup();
        for component in components {
            let known = state.joined.iter().position(|it| it.is_of(rule, &component));
            let members = self.members(&state.evidence, &component, (t, known.is_none()));
            match (members, known) {
                (Some(members), known) => {
                    let place = known.unwrap_or_else(|| {
                        let channels = Vec::new();
                        let rule = rule.clone();
                        state.joined.push(Joined { rule, component, channels });
                        state.joined.len() - 1
                    });
                    self.raise(&mut state.joined[place], (members, t), renewed, out);
                }
                (None, Some(place)) => {
                    let over = state.joined.remove(place);
                    out.extend(over.channels.into_iter().map(|channel| Detection::Cleared {
                        rule: self.head.rule.clone(),
                        component: over.component.clone(),
                        family: self.head.family,
                        channel,
                        at: t,
                    }));
                }
                (None, None) => {}
            }
        }
    }

    /// The findings of all members on a part, in the order of the rule; `None` while one is missing,
    /// or stale where only fresh ones count.
    fn members(
        &self,
        evidence: &[Evidence],
        component: &ComponentId,
        (t, only_fresh): (Time, bool),
    ) -> Option<Vec<Anomaly>> {
        let counts = |it: &&Evidence| {
            it.anomaly.component == *component
                && (it.is_fresh || !only_fresh)
                && it.ended.is_none_or(|ended| t <= ended + self.settings.within)
                && it.ended.is_none_or(|_| self.settings.within.micros() != 0)
        };
        let mut members = Vec::new();
        for place in 0..self.settings.of.len() {
            let is_meant =
                |it: &&Evidence| self.settings.member(&it.anomaly.rule.id) == Some(place);
            let before = members.len();
            let found = evidence.iter().filter(counts).filter(is_meant);
            members.extend(found.map(|it| it.anomaly.clone()));
            if members.len() == before {
                return None;
            }
        }
        Some(members)
    }

    /// Raises what is new and tells again what was renewed.
    fn raise(
        &self,
        joined: &mut Joined,
        (members, t): (Vec<Anomaly>, Time),
        renewed: &[(RuleId, ChannelId)],
        out: &mut Vec<Detection>,
    ) {
        for member in members {
            let is_new = !joined.channels.contains(&member.channel);
            let is_renewed =
                renewed.iter().any(|(rule, it)| *rule == member.rule.id && *it == member.channel);
            if !is_new && !is_renewed {
                continue;
            }
            if is_new {
                joined.channels.push(member.channel.clone());
            }
            let anomaly = Anomaly {
                rule: self.head.rule.clone(),
                component: joined.component.clone(),
                family: self.head.family,
                severity: self.head.severity.max(member.severity),
                confirmed: t,
                ..member
            };
            out.push(if is_new { Detection::Raised(anomaly) } else { Detection::Updated(anomaly) });
        }
    }
}

impl Joined {
    fn is_of(&self, rule: &RuleId, component: &ComponentId) -> bool {
        self.rule == *rule && self.component == *component
    }
}

fn rule_of(detection: &Detection) -> &RuleId {
    match detection {
        Detection::Raised(anomaly) | Detection::Updated(anomaly) => &anomaly.rule.id,
        Detection::Cleared { rule, .. } => &rule.id,
    }
}

/// As many missed readings make a channel stale as break a duration.
const STALE_INTERVALS: i64 = 3;

/// More findings on one device are not a machine that a rule could judge.
const EVIDENCE_MAX: usize = 64;
