//! The rules in force, and whether another text could take their place.
//!
//! The records store holds every version; the first start seeds version 1. A text is checked by what
//! would really use it: parsed strictly, then resolved for every device of the plant.

use std::collections::BTreeMap;
use std::sync::Arc;

use forewarn_api::views::{RuleCheckView, RuleFactsView, RuleProblemView, TextView};
use forewarn_detect::{Condition, RuleSet, WhyNot};
use forewarn_domain::site::plant::Plant;
use forewarn_domain::time::Time;
use forewarn_engine::{Engine, EngineError, Knowledge};
use forewarn_store::records::{NewConfig, RULES, Records, RecordsError};
use serde::Deserialize;

use super::rule_text;

/// What rules are checked against.
#[derive(Clone, Debug)]
pub(crate) struct Rulebook {
    pub(crate) plant: Arc<Plant>,
    /// Models; the rules in it are those of the start.
    pub(crate) knowledge: Knowledge,
}

impl Rulebook {
    /// The rules in force; `seed` becomes version 1 of a new store.
    pub(crate) async fn in_force(
        &self,
        records: &Records,
        seed: &str,
        now: Time,
    ) -> Result<RuleSet, RulebookError> {
        let version = match records.config(RULES, RULES).await? {
            Some(known) => known,
            None => {
                let new = NewConfig {
                    kind: RULES.to_owned(),
                    id: RULES.to_owned(),
                    author: "forewarn".to_owned(),
                    reason: "first start".to_owned(),
                    toml: seed.to_owned(),
                };
                records.add_config(&new, now).await?;
                let known = records.config(RULES, RULES).await?;
                known.ok_or(RulebookError::NoVersion { version: 1 })?
            }
        };
        parse(&version.config.toml, version.version)
    }

    /// The rules of a version.
    pub(crate) async fn version(
        &self,
        records: &Records,
        version: i64,
    ) -> Result<(String, RuleSet), RulebookError> {
        let all = records.config_versions(RULES, RULES).await?;
        let found = all.into_iter().find(|it| it.version == version);
        let found = found.ok_or(RulebookError::NoVersion { version })?;
        let rules = parse(&found.config.toml, version)?;
        Ok((found.config.toml, rules))
    }

    /// An engine that has learned nothing, with these rules.
    pub(crate) fn engine(&self, rules: RuleSet) -> Result<Engine, EngineError> {
        let knowledge = Knowledge { rules, ..self.knowledge.clone() };
        Engine::new(Arc::clone(&self.plant), knowledge, Vec::new())
    }

    /// Reads a text as if it were to come into force.
    pub(crate) fn check(&self, text: &str) -> RuleCheckView {
        let mut check = RuleCheckView { rules: facts(text), problems: Vec::new() };
        let rules = match toml::from_str::<RuleSet>(text) {
            Ok(rules) => rules,
            Err(error) => {
                check.problems.push(problem_of(text, &error));
                return check;
            }
        };
        match self.engine(rules.promoted()) {
            Ok(engine) => count_channels(&mut check.rules, &engine),
            Err(EngineError::Rule(error)) => {
                let told = error.to_string();
                let rule = quoted(&told);
                let line = rule.as_deref().and_then(|it| rule_text::lines_of(text, it));
                let line = line.map_or(1, |it| it.start + 1);
                check.problems.push(RuleProblemView { line, column: 1, rule, detail: say(&told) });
            }
        }
        check
    }
}

/// Rules as they are under a version.
pub(crate) fn parse(text: &str, version: i64) -> Result<RuleSet, RulebookError> {
    let mut rules: RuleSet =
        toml::from_str(text).map_err(|source| RulebookError::Text { version, source })?;
    rules.version = u32::try_from(version).unwrap_or(u32::MAX);
    Ok(rules)
}

/// A rule as far as a page shows it; a text with mistakes shows those that it can.
#[derive(Deserialize)]
struct Loose {
    kind: Option<String>,
    mode: Option<String>,
    severity: Option<String>,
    fault_family: Option<String>,
    #[serde(default)]
    quantity: Vec<String>,
    #[serde(default)]
    channels: Vec<String>,
    states: Option<Vec<String>>,
}

fn facts(text: &str) -> Vec<RuleFactsView> {
    let mut all = Vec::new();
    for (lines, id) in rule_text::blocks(text) {
        let Some(id) = id else { continue };
        let own = rule_text::excerpt(text, &lines);
        let body = own.split_once('\n').map_or("", |(_, body)| body);
        let Ok(loose) = toml::from_str::<Loose>(body) else { continue };
        all.push(RuleFactsView {
            id,
            line: lines.start + 1,
            kind: loose.kind.unwrap_or_default(),
            is_shadow: loose.mode.as_deref() == Some("shadow"),
            severity: loose.severity.unwrap_or_default(),
            fault_family: loose.fault_family.unwrap_or_default(),
            looks_at: loose.quantity.into_iter().chain(loose.channels).collect(),
            states: loose.states,
            devices: Vec::new(),
            channels: 0,
            toml: own,
        });
    }
    all
}

/// Counts where each rule works; a channel on which it never can is left out.
fn count_channels(rules: &mut [RuleFactsView], engine: &Engine) {
    let mut by_rule: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for room in engine.rooms() {
        for status in room.rule_statuses() {
            let never = matches!(
                status.condition,
                Condition::Waiting(
                    WhyNot::Band
                        | WhyNot::NoBearing
                        | WhyNot::NoInterval
                        | WhyNot::NoIsoClass
                        | WhyNot::NoSuchState
                        | WhyNot::ReportsChanges
                )
            );
            if !never {
                let devices = by_rule.entry(status.rule.to_string()).or_default();
                *devices.entry(room.device().device.id.to_string()).or_default() += 1;
            }
        }
    }
    for rule in rules {
        let Some(devices) = by_rule.remove(&rule.id) else { continue };
        rule.channels = devices.values().sum();
        rule.devices = devices.into_keys().collect();
    }
}

/// Where a parser's complaint points to, and in whose words.
fn problem_of(text: &str, error: &toml::de::Error) -> RuleProblemView {
    let message = error.message().trim().to_owned();
    let offset = error.span().map_or(0, |it| it.start).min(text.len());
    let before = text.get(..offset).unwrap_or_default();
    let mut line = before.lines().count().max(1);
    if before.ends_with('\n') {
        line += 1;
    }
    let mut column = before.rsplit('\n').next().map_or(0, |it| it.chars().count()) + 1;
    let mut rule = quoted_after(&message, "rule `");
    if let Some(named) = &rule
        && let Some(lines) = rule_text::lines_of(text, named)
    {
        // The parser points at the whole rule; the field that is named is nearer.
        let field = fields(&message).find_map(|field| {
            lines.clone().find(|at| {
                let own = text.lines().nth(*at).unwrap_or_default().trim_start();
                own.strip_prefix(field).is_some_and(|it| it.trim_start().starts_with('='))
            })
        });
        (line, column) = (field.unwrap_or(lines.start) + 1, 1);
    } else if rule.is_none() {
        let around = rule_text::blocks(text).find(|(lines, _)| lines.contains(&(line - 1)));
        rule = around.and_then(|(_, id)| id);
    }
    RuleProblemView { line, column, rule, detail: say(&message) }
}

/// The words between backticks.
fn fields(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

fn quoted(message: &str) -> Option<String> {
    quoted_after(message, "rule `")
}

fn quoted_after(message: &str, before: &str) -> Option<String> {
    let (_, rest) = message.split_once(before)?;
    rest.split_once('`').map(|(named, _)| named.to_owned())
}

/// The complaint with what to do, in both languages; the parser itself speaks English only.
fn say(message: &str) -> TextView {
    let remedy = [
        ("unknown field", "remove it or correct its name", "删除该字段或更正其名称"),
        ("unknown variant", "take one of the words that are named", "请改用列出的词之一"),
        ("missing field", "add it", "请补上该字段"),
        ("has no `", "add it", "请补上该字段"),
        ("means nothing for its kind", "", "该字段不适用于此类规则，请删除"),
        ("stands twice", "", "规则编号重复，每条规则需要唯一编号"),
        ("duplicate key", "keep one of the two lines", "同一字段写了两次，请保留一行"),
        ("expected", "correct the line", "请按语法更正此行"),
        ("is wrong", "", "数值不合理，请更正"),
    ];
    let found = remedy.iter().find(|(sign, ..)| message.contains(sign));
    let (en, zh) = found.map_or(("", "请更正"), |(_, en, zh)| (*en, *zh));
    let first = message.lines().next().unwrap_or(message);
    let en = if en.is_empty() { message.to_owned() } else { format!("{message}; {en}") };
    TextView { en, zh: format!("{zh}（{first}）") }
}

/// Why rules cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RulebookError {
    /// The plant does not take them.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No such version.
    #[error("the records store has no version {version} of the rules")]
    NoVersion {
        /// Which one.
        version: i64,
    },
    /// The records store.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The text does not read.
    #[error("version {version} of the rules cannot be read; put an earlier version into force")]
    Text {
        /// Which one.
        version: i64,
        /// What is wrong with it.
        source: toml::de::Error,
    },
}
