//! Rules: those in force, their history, whether a text could take their place, and doing it.

use std::sync::Arc;

use axum::{Extension, Json};
use forewarn_domain::time::Time;
use forewarn_store::records::{ConfigVersion, NewRules, RULES, RuleScore};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Account;
use crate::body::{Body, Named};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{RuleCheckView, RuleFactsView};

/// The rules in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RulesView {
    /// Their version.
    version: RuleVersionView,
    /// Their text.
    toml: String,
    /// Each rule with what became of its findings.
    rules: Vec<RuleStandingView>,
}

/// A rule in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleStandingView {
    /// What it says.
    #[serde(flatten)]
    facts: RuleFactsView,
    /// The version in which it was last changed.
    changed: RuleVersionView,
    /// Its anomalies that wait for a word.
    open: i64,
    /// Those that are real.
    confirmed: i64,
    /// Those that are not.
    rejected: i64,
}

/// A version of the rules.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RuleVersionView {
    version: i64,
    /// When it came into force.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    author: String,
    reason: String,
    sha256: String,
}

impl From<&ConfigVersion> for RuleVersionView {
    fn from(it: &ConfigVersion) -> Self {
        Self {
            version: it.version,
            at: it.at,
            author: it.config.author.clone(),
            reason: it.config.reason.clone(),
            sha256: it.sha256.to_string(),
        }
    }
}

/// The rules in force, with what became of their findings.
#[utoipa::path(get, path = "/api/v1/rules", responses((status = 200, body = RulesView)))]
pub(crate) async fn get_rules(Seen(state): Seen) -> Result<Json<RulesView>, ApiError> {
    let versions = state.records.config_versions(RULES, RULES).await?;
    let newest = versions.last().ok_or_else(none_yet)?.clone();
    let scores = state.records.rule_scores().await?;
    let check = check(&state, newest.config.toml.clone()).await?;
    let rules = check.rules.into_iter().map(|facts| standing(facts, &versions, &scores)).collect();
    let toml = newest.config.toml.clone();
    Ok(Json(RulesView { version: RuleVersionView::from(&newest), toml, rules }))
}

fn standing(
    facts: RuleFactsView,
    versions: &[ConfigVersion],
    scores: &[RuleScore],
) -> RuleStandingView {
    // The oldest version since which the rule's own lines have been the same.
    let same = versions.iter().rev().take_while(|it| it.config.toml.contains(&facts.toml));
    let changed = same.last().or(versions.last()).map(RuleVersionView::from);
    let score = scores.iter().find(|it| it.rule == facts.id).cloned().unwrap_or_default();
    RuleStandingView {
        changed: changed.expect("the caller has at least one version"),
        facts,
        open: score.open,
        confirmed: score.confirmed,
        rejected: score.rejected,
    }
}

/// Every version of the rules, newest first.
#[utoipa::path(get, path = "/api/v1/rules/versions", responses(
    (status = 200, body = Page<RuleVersionView>),
))]
pub(crate) async fn list_rule_versions(
    Seen(state): Seen,
) -> Result<Json<Page<RuleVersionView>>, ApiError> {
    let versions = state.records.config_versions(RULES, RULES).await?;
    Ok(Json(Page::whole(versions.iter().rev().map(RuleVersionView::from).collect())))
}

/// A version with its text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleTextView {
    #[serde(flatten)]
    version: RuleVersionView,
    toml: String,
}

/// One version of the rules.
#[utoipa::path(get, path = "/api/v1/rules/versions/{version}", params(("version" = i64, Path)),
    responses(
        (status = 200, body = RuleTextView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_rule_version(
    Seen(state): Seen,
    Named(version): Named<i64>,
) -> Result<Json<RuleTextView>, ApiError> {
    let versions = state.records.config_versions(RULES, RULES).await?;
    let found = versions.iter().find(|it| it.version == version);
    let unknown = || ApiError::Unknown { what: "version", named: version.to_string() };
    let found = found.ok_or_else(unknown)?;
    let toml = found.config.toml.clone();
    Ok(Json(RuleTextView { version: RuleVersionView::from(found), toml }))
}

/// A text of rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    toml: String,
}

/// What a text of rules says and what is wrong with it; changes nothing.
#[utoipa::path(post, path = "/api/v1/rules/check", request_body = RuleText, responses(
    (status = 200, body = RuleCheckView),
))]
pub(crate) async fn check_rules(
    Seen(state): Seen,
    body: Body<RuleText>,
) -> Result<Json<RuleCheckView>, ApiError> {
    Ok(Json(check(&state, body.value.toml).await?))
}

/// Rules that are to come into force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRuleText {
    toml: String,
    /// Why.
    reason: String,
    /// The version that the person saw.
    base_version: i64,
}

/// Puts rules into force: the engine takes them within a second. An earlier text makes a new version
/// too, so a rollback is seen.
#[utoipa::path(post, path = "/api/v1/rules/versions", request_body = NewRuleText, responses(
    (status = 200, body = RuleTextView),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn change_rules(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    body: Body<NewRuleText>,
) -> Result<Json<RuleTextView>, ApiError> {
    let NewRuleText { toml, reason, base_version } = body.value;
    require_reason(&reason)?;
    require_sound(&state, &toml).await?;
    let new = NewRules { author: account.name, reason, toml, base_version };
    let (version, input) = state.records.change_rules(&new, state.now()).await?;
    state.wake_engine(Some(input));
    get_rule_version(Seen(state), Named(version)).await
}

pub(crate) async fn check(state: &ApiState, toml: String) -> Result<RuleCheckView, ApiError> {
    let check = Arc::clone(&state.check_rules);
    tokio::task::spawn_blocking(move || check(&toml)).await.map_err(ApiError::Broken)
}

/// Refuses a text that cannot come into force.
pub(crate) async fn require_sound(state: &ApiState, toml: &str) -> Result<(), ApiError> {
    match check(state, toml.to_owned()).await?.problems.first() {
        None => Ok(()),
        Some(it) => Err(ApiError::BadRules { why: format!("line {}: {}", it.line, it.detail.en) }),
    }
}

pub(crate) fn require_reason(reason: &str) -> Result<(), ApiError> {
    if (1..=REASON_MAX).contains(&reason.trim().chars().count()) {
        return Ok(());
    }
    Err(ApiError::BadParameter {
        found: reason.chars().take(20).collect(),
        expected: "a `reason` of 1 to 500 letters is expected",
    })
}

fn none_yet() -> ApiError {
    ApiError::Unknown { what: "version of the rules", named: "1".to_owned() }
}

/// A sentence or two; the history shows it in a line.
const REASON_MAX: usize = 500;
