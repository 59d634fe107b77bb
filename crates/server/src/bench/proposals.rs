//! From what people said to changes of the rules that they may approve.
//!
//! A rule that was rejected again and again in one operating state, and never confirmed there, is to
//! look only in the others; where that does not help, a higher limit, a longer time or more readings may
//! (`tighten`). A fault that a person marked and no rule saw may be worth a new one (`missed`). Every proposal comes with its run over the stored history, and one whose run loses a
//! confirmed fault or spares nobody anything is put aside; nothing changes before a person approves it.
//! But a rule that overspent its budget of false alarms goes to shadow at once (`budget`); a person may
//! put it back.

mod missed;
mod said;
mod tighten;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forewarn_api::views::TrialReportView;
use forewarn_detect::RuleSet;
use forewarn_domain::id::{DeviceId, RuleId, StateId};
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_store::readings::{ReadingStore, StoreError};
use forewarn_store::records::{
    ConfigVersion, EpisodeFilter, EpisodeRow, NewProposal, NewTrial, RULES, Records, RecordsError,
    Standing, TrialState,
};
use serde_json::json;

use super::budget::{Overspent, overspent};
use super::rule_text;
use super::rulebook::{Rulebook, RulebookError, parse};

/// The stage and what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Proposals {
    pub(crate) book: Rulebook,
    pub(crate) readings: ReadingStore,
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
            let now = Time::from_micros(self.clock.now_us());
            if let Err(error) = self.look(now).await {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(error = cause, "no proposals could be made");
            }
        }
    }

    /// One look at what people have said up to now.
    pub(super) async fn look(&self, now: Time) -> Result<(), ProposalError> {
        let Some(config) = self.records.config(RULES, RULES).await? else { return Ok(()) };
        let rules = parse(&config.config.toml, config.version)?;
        let rows = self.records.episodes(&EpisodeFilter::default(), None, EPISODES_MAX).await?;
        let versions = self.records.config_versions(RULES, RULES).await?;
        if let Some(overspent) = overspent(&rules, &rows, &versions, now) {
            // A new version is a change of the records, so the next look follows by itself.
            return self.demote(&overspent, &config, now).await;
        }
        let known = self.records.proposals(KNOWN_MAX).await?;
        for ((rule, state), case) in self.cases(rows) {
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
                let names = states.iter().map(ToString::to_string).collect::<Vec<_>>();
                let told = Told {
                    kind: GATE,
                    why: gate(&rule, &state, case.rejected.len(), &names),
                    evidence: json!({
                        "state": state, "states": states, "rejected": ids(&case.rejected),
                    }),
                };
                let changed = (toml, config.version);
                let first = first_onset(&case.rejected).unwrap_or(now);
                self.propose((&rule, told), first, changed, now).await?;
            }
        }
        self.tighten(&config, now).await?;
        self.mine(&config, now).await?;
        self.judge(now).await
    }

    /// Puts aside what its own run speaks against: a confirmed fault would be lost, or not one of the
    /// rejected anomalies would go, or no marked fault would be found that was not before.
    async fn judge(&self, now: Time) -> Result<(), ProposalError> {
        for proposal in self.records.proposals(KNOWN_MAX).await? {
            let is_ours =
                [GATE, MINED, "limit", "duration", "n_of_m"].contains(&proposal.new.kind.as_str());
            if proposal.state != "open" || !is_ours {
                continue;
            }
            let trial = self.records.trial(proposal.new.backtest).await?;
            let Some(report) = trial.report.filter(|_| trial.state == TrialState::Done) else {
                continue;
            };
            let Ok(report) = serde_json::from_str::<TrialReportView>(&report) else { continue };
            let judged = &report.judged;
            let is_better = match proposal.new.kind.as_str() {
                MINED => judged.confirmed_in_base < judged.confirmed_in_candidate,
                _ => judged.rejected_in_candidate < judged.rejected_in_base,
            };
            if !report.lost.is_empty() || !is_better {
                self.records.dismiss(proposal.number, "forewarn", now).await?;
                let (number, lost) = (proposal.number, report.lost.len());
                tracing::info!(number, lost, "a proposal was put aside after its run");
            }
        }
        Ok(())
    }

    /// What people said, by rule and operating state; speed bands count as their state.
    fn cases(&self, rows: Vec<EpisodeRow>) -> BTreeMap<(RuleId, StateId), Case> {
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
        cases
    }

    /// Puts a rule into shadow, with its reason and a run that shows what that changes.
    async fn demote(
        &self,
        overspent: &Overspent,
        config: &ConfigVersion,
        now: Time,
    ) -> Result<(), ProposalError> {
        let (rule, toml) = (&overspent.rule, &config.config.toml);
        let changed = rule_text::with_field(toml, rule.as_str(), "mode", Some("\"shadow\""));
        let Some(toml) = changed else { return Ok(()) };
        let base_version = config.version;
        let backtest = self.ask_backtest((&toml, base_version), overspent.since, now).await?;
        let why = overspent.why();
        let rejected: Vec<String> = overspent.rejected.iter().map(ToString::to_string).collect();
        let evidence = json!({
            "rejected": rejected, "confirmed": overspent.confirmed, "budget": overspent.budget,
        });
        tracing::warn!(%rule, "{}", why.en);
        let new = NewProposal {
            rule: rule.clone(),
            kind: DEMOTE.to_owned(),
            base_version,
            toml,
            why,
            evidence: evidence.to_string(),
            backtest,
        };
        self.records.demote(&new, now).await?;
        Ok(())
    }

    /// Asks for a run of changed rules over the time of what they follow from, a week at least.
    async fn ask_backtest(
        &self,
        (toml, base_version): (&str, i64),
        first: Time,
        now: Time,
    ) -> Result<i64, ProposalError> {
        let trial = NewTrial {
            author: AUTHOR.to_owned(),
            purpose: "proposal".to_owned(),
            base_version,
            toml: toml.to_owned(),
            since: (first - LEAD).min(now - WEEK),
            until: now,
        };
        Ok(self.records.ask_trial(&trial, now).await?)
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
        (rule, told): (&RuleId, Told),
        first: Time,
        (toml, base_version): (String, i64),
        now: Time,
    ) -> Result<(), ProposalError> {
        let backtest = self.ask_backtest((&toml, base_version), first, now).await?;
        let new = NewProposal {
            rule: rule.clone(),
            kind: told.kind.to_owned(),
            base_version,
            toml,
            why: told.why,
            evidence: told.evidence.to_string(),
            backtest,
        };
        if let Some(number) = self.records.propose(&new, now).await? {
            tracing::info!(number, %rule, kind = told.kind, "proposed a change of a rule");
        }
        Ok(())
    }
}

/// What a proposal says.
struct Told {
    kind: &'static str,
    why: Localized,
    evidence: serde_json::Value,
}

fn gate(rule: &RuleId, state: &StateId, count: usize, names: &[String]) -> Localized {
    Localized::new(
        format!(
            "{count} anomalies of rule {rule} in state {state} were rejected and none was confirmed \
             there; let it look only in {}",
            names.join(", ")
        ),
        format!(
            "规则 {rule} 在工况 {state} 下的 {count} 个异常被判为误报，无一确认；建议仅在以下工况判断：{}",
            names.join("、")
        ),
    )
}

fn first_onset(rows: &[EpisodeRow]) -> Option<Time> {
    rows.iter().map(|it| it.episode.onset).min()
}

fn ids(rows: &[EpisodeRow]) -> Vec<String> {
    rows.iter().map(|it| it.episode.id.to_string()).collect()
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

/// The kind that puts a rule into shadow.
const DEMOTE: &str = "demote";

/// The kind that adds a rule for a fault that people marked and no rule saw.
const MINED: &str = "mined";

/// Who asks and decides where no person does.
const AUTHOR: &str = "forewarn";

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
pub(super) enum ProposalError {
    #[error(transparent)]
    Engine(#[from] forewarn_engine::EngineError),
    #[error(transparent)]
    Readings(#[from] StoreError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Rules(#[from] RulebookError),
}
