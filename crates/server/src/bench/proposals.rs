//! From what people said to changes of the rules that they may approve.
//!
//! One kind of change so far: a rule that was rejected again and again in one operating state, and
//! never confirmed there, is to look only in the others. Every proposal comes with its run over the
//! stored history; nothing changes before a person approves it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forewarn_detect::RuleSet;
use forewarn_domain::id::{DeviceId, RuleId, StateId};
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::records::{
    EpisodeFilter, EpisodeRow, NewProposal, NewTrial, RULES, Records, RecordsError, Standing,
};
use serde_json::json;

use super::rule_text;
use super::rulebook::{Rulebook, RulebookError, parse};

/// The stage and what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Proposals {
    pub(crate) book: Rulebook,
    pub(crate) records: Records,
    pub(crate) clock: Clock,
}

/// What people said of a rule in one operating state.
#[derive(Default)]
struct Case {
    rejected: Vec<EpisodeRow>,
    confirmed: u32,
}

impl Proposals {
    /// Looks whenever the records have changed, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut changes = self.records.changes();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            // A bulk of labels is one change; a storm of tickets is looked at once.
            tokio::time::sleep(GATHER).await;
            changes.borrow_and_update();
            if let Err(error) = self.look().await {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(error = cause, "no proposals could be made");
            }
        }
    }

    async fn look(&self) -> Result<(), ProposalError> {
        let Some(config) = self.records.config(RULES, RULES).await? else { return Ok(()) };
        let rules = parse(&config.config.toml, config.version)?;
        let known = self.records.proposals(KNOWN_MAX).await?;
        for ((rule, state), case) in self.cases().await? {
            if case.rejected.len() < REJECTED_MIN || 0 < case.confirmed {
                continue;
            }
            let is_known = known.iter().any(|it| {
                let is_about = it.new.rule == rule && it.new.kind == GATE;
                is_about && (it.state == "open" || it.new.base_version == config.version)
            });
            if is_known {
                continue;
            }
            let devices = self.devices_of(&rules, &rule)?;
            let Some(states) = self.others(&rules, (&rule, &state), &devices) else { continue };
            let list = states.iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(", ");
            let value = format!("[{list}]");
            let text = &config.config.toml;
            let changed = rule_text::with_field(text, rule.as_str(), "states", Some(&value));
            if let Some(toml) = changed {
                self.propose((&rule, &state, &states), case, (toml, config.version)).await?;
            }
        }
        Ok(())
    }

    /// What people said, by rule and operating state; speed bands count as their state.
    async fn cases(&self) -> Result<BTreeMap<(RuleId, StateId), Case>, ProposalError> {
        let rows = self.records.episodes(&EpisodeFilter::default(), None, EPISODES_MAX).await?;
        let mut cases: BTreeMap<(RuleId, StateId), Case> = BTreeMap::new();
        for row in rows {
            let Some(first) = row.episode.anomalies.first() else { continue };
            let Some(device) = self.book.plant.device(&first.device) else { continue };
            let key = (first.rule.id.clone(), whole(device, &first.state));
            match row.standing() {
                Standing::Confirmed => cases.entry(key).or_default().confirmed += 1,
                Standing::Rejected if !row.is_merged() => {
                    cases.entry(key).or_default().rejected.push(row);
                }
                Standing::Open | Standing::Rejected => {}
            }
        }
        Ok(cases)
    }

    /// The machines on which a rule looks.
    fn devices_of(
        &self,
        rules: &RuleSet,
        rule: &RuleId,
    ) -> Result<BTreeSet<DeviceId>, ProposalError> {
        let only = rules.promoted().rules.into_iter().filter(|it| it.id() == rule).collect();
        let engine = self.book.engine(RuleSet { rules: only, ..rules.clone() })?;
        let looks = engine.rooms().filter(|it| !it.rule_statuses().is_empty());
        Ok(looks.map(|it| it.device().device.id.clone()).collect())
    }

    /// The operating states in which a rule looks, without one of them; `None` when it does not look
    /// in that one, or in no other.
    fn others(
        &self,
        rules: &RuleSet,
        (rule, state): (&RuleId, &StateId),
        devices: &BTreeSet<DeviceId>,
    ) -> Option<Vec<StateId>> {
        let rule = rules.rules.iter().find(|it| it.id() == rule)?;
        let mut states: Vec<StateId> = match rule.states() {
            Some(listed) => listed.to_vec(),
            None => {
                let devices = devices.iter().filter_map(|it| self.book.plant.device(it));
                let mut all: Vec<StateId> = Vec::new();
                for state in devices.flat_map(|it| &it.device.states) {
                    if !all.contains(&state.id) {
                        all.push(state.id.clone());
                    }
                }
                all
            }
        };
        let before = states.len();
        states.retain(|it| it != state);
        (states.len() < before && !states.is_empty()).then_some(states)
    }

    async fn propose(
        &self,
        (rule, state, states): (&RuleId, &StateId, &[StateId]),
        case: Case,
        (toml, base_version): (String, i64),
    ) -> Result<(), ProposalError> {
        let now = Time::from_micros(self.clock.now_us());
        let first = case.rejected.iter().map(|it| it.episode.onset).min().unwrap_or(now);
        let since = (first - LEAD).min(now - WEEK);
        let trial = NewTrial {
            author: "forewarn".to_owned(),
            purpose: "proposal".to_owned(),
            base_version,
            toml: toml.clone(),
            since,
            until: now,
        };
        let backtest = self.records.ask_trial(&trial, now).await?;
        let count = case.rejected.len();
        let names = states.iter().map(ToString::to_string).collect::<Vec<_>>();
        let why = Localized::new(
            format!(
                "{count} anomalies of rule {rule} in state {state} were rejected and none was \
                 confirmed there; let it look only in {}",
                names.join(", ")
            ),
            format!(
                "规则 {rule} 在工况 {state} 下的 {count} 个异常被判为误报，无一确认；建议仅在以下工况判断：{}",
                names.join("、")
            ),
        );
        let episodes: Vec<String> =
            case.rejected.iter().map(|it| it.episode.id.to_string()).collect();
        let evidence = json!({ "state": state, "states": states, "rejected": episodes });
        let new = NewProposal {
            rule: rule.clone(),
            kind: GATE.to_owned(),
            base_version,
            toml,
            why,
            evidence: evidence.to_string(),
            backtest,
        };
        if let Some(number) = self.records.propose(&new, now).await? {
            tracing::info!(number, %rule, %state, count, "proposed a gate");
        }
        Ok(())
    }
}

/// The declared state of which an operating state is a speed band, or itself.
fn whole(device: &PlantDevice, state: &StateId) -> StateId {
    let declared = device.device.states.iter().map(|it| &it.id);
    let is_of = |it: &&StateId| {
        let band = state.as_str().strip_prefix(it.as_str()).and_then(|it| it.strip_prefix('-'));
        band.is_some_and(|it| !it.is_empty() && it.bytes().all(|letter| letter.is_ascii_digit()))
    };
    declared
        .clone()
        .find(|it| *it == state)
        .or_else(|| declared.clone().find(is_of))
        .map_or_else(|| state.clone(), Clone::clone)
}

/// The kind of proposal that takes a state out of a rule.
const GATE: &str = "gate";

/// Ten of ten is no chance: a fault rate of a fifth would have shown itself with 90 per cent.
const REJECTED_MIN: usize = 10;

/// Enough of the past to see what else changes.
const WEEK: Span = Span::from_secs(7 * 86_400);

/// So that the first rejected anomaly lies inside the run.
const LEAD: Span = Span::from_secs(3_600);

const EPISODES_MAX: i64 = 20_000;

const KNOWN_MAX: i64 = 500;

/// Labels of one review arrive within it.
const GATHER: Duration = Duration::from_millis(400);

#[derive(Debug, thiserror::Error)]
enum ProposalError {
    #[error(transparent)]
    Engine(#[from] forewarn_engine::EngineError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Rules(#[from] RulebookError),
}
