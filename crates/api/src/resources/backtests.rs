//! Runs of candidate rules over stored history, and the proposals that rest on them.

use axum::http::StatusCode;
use axum::{Extension, Json};
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::audit::Deed;
use forewarn_store::records::{NewTrial, Proposal, RULES, Trial, TrialState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::rules::require_sound;
use crate::auth::Account;
use crate::body::{Body, Named};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{TextView, TrialReportView};

/// A run over stored history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BacktestView {
    number: i64,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    author: String,
    /// `diff`, `proposal` or `shadow`.
    purpose: String,
    /// The version of the rules beside which it runs.
    base_version: i64,
    /// From when findings count.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    until: Time,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: String,
    /// Share of the history that is done, 0 to 1.
    progress: f64,
    /// Why it failed.
    why: Option<String>,
    /// What came out.
    report: Option<TrialReportView>,
}

/// Rules to be run over stored history.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBacktest {
    /// All rules, as they would be.
    toml: String,
    /// `diff` (also without it) compares with the rules in force; `shadow` keeps what rules in
    /// shadow find for review.
    #[serde(default)]
    purpose: Purpose,
    /// How many days count, 1 to 35; what was stored before them only teaches.
    days: u32,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// To compare.
    #[default]
    Diff,
    /// To fill the queue of anomalies.
    Shadow,
}

/// Asks for a run; ask for its number until it has ended.
#[utoipa::path(post, path = "/api/v1/backtests", request_body = NewBacktest, responses(
    (status = 202, body = BacktestView),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn ask_backtest(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    body: Body<NewBacktest>,
) -> Result<(StatusCode, Json<BacktestView>), ApiError> {
    let NewBacktest { toml, purpose, days } = body.value;
    if !(1..=DAYS_MAX).contains(&days) {
        let (found, expected) = (days.to_string(), "1 to 35 days are expected");
        return Err(ApiError::BadParameter { found, expected });
    }
    require_sound(&state, &toml).await?;
    let now = state.now();
    let base = state.records.config(RULES, RULES).await?;
    let trial = NewTrial {
        author: account.name,
        purpose: match purpose {
            Purpose::Diff => "diff".to_owned(),
            Purpose::Shadow => "shadow".to_owned(),
        },
        base_version: base.map_or(0, |it| it.version),
        toml,
        since: now - Span::from_secs(i64::from(days) * 86_400),
        until: now,
    };
    let number = state.records.ask_trial(&trial, now).await?;
    let view = view(state.records.trial(number).await?)?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Runs, newest first, the first 50 of them, without their reports.
#[utoipa::path(get, path = "/api/v1/backtests", responses((status = 200, body = Page<BacktestView>)))]
pub(crate) async fn list_backtests(
    Seen(state): Seen,
) -> Result<Json<Page<BacktestView>>, ApiError> {
    let trials = state.records.trials(LISTED_MAX).await?;
    let views = trials.into_iter().map(|it| view(Trial { report: None, ..it }));
    Ok(Json(Page::whole(views.collect::<Result<_, _>>()?)))
}

/// One run.
#[utoipa::path(get, path = "/api/v1/backtests/{number}", params(("number" = i64, Path)), responses(
    (status = 200, body = BacktestView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_backtest(
    Seen(state): Seen,
    Named(number): Named<i64>,
) -> Result<Json<BacktestView>, ApiError> {
    Ok(Json(view(state.records.trial(number).await?)?))
}

/// Ends a run that nobody waits for any more.
#[utoipa::path(post, path = "/api/v1/backtests/{number}/cancel", params(("number" = i64, Path)),
    responses(
        (status = 200, body = BacktestView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel_backtest(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(number): Named<i64>,
) -> Result<Json<BacktestView>, ApiError> {
    let now = state.now();
    let trial = state.records.cancel_trial(number, now).await?;
    let deed = Deed::new(&account.name, "backtest.cancel", &number.to_string(), json!({}));
    state.records.audit(&deed, now).await?;
    Ok(Json(view(trial)?))
}

/// A proposed change of the rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProposalView {
    number: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// The rule that it changes.
    rule: String,
    /// `gate`, `limit`, `duration` or `n_of_m`.
    kind: String,
    /// Why.
    why: TextView,
    /// The version of the rules from which it was made.
    base_version: i64,
    /// All rules as they would be.
    toml: String,
    /// What it follows from.
    #[schema(value_type = Object)]
    evidence: serde_json::Value,
    /// `open`, `approved`, `dismissed` or `outdated`.
    state: String,
    decided_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Time>,
    /// The version that its approval made.
    version: Option<i64>,
    /// What it would have changed.
    backtest: BacktestView,
}

/// Proposals, newest first, the first 50 of them.
#[utoipa::path(get, path = "/api/v1/proposals", responses((status = 200, body = Page<ProposalView>)))]
pub(crate) async fn list_proposals(
    Seen(state): Seen,
) -> Result<Json<Page<ProposalView>>, ApiError> {
    let mut views = Vec::new();
    for proposal in state.records.proposals(LISTED_MAX).await? {
        views.push(proposal_view(&state, proposal).await?);
    }
    Ok(Json(Page::whole(views)))
}

/// What a person decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// `approve` or `dismiss`.
    decision: DecisionWord,
    /// Approve although the run shows that confirmed faults are lost.
    #[serde(default)]
    with_losses: bool,
}

/// What a person decides.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DecisionWord {
    /// The proposal's rules come into force.
    Approve,
    /// They do not.
    Dismiss,
}

/// Decides on a proposal. It can be approved when its run has ended and no confirmed fault is lost.
#[utoipa::path(post, path = "/api/v1/proposals/{number}/decision", request_body = Decision,
    params(("number" = i64, Path)),
    responses(
        (status = 200, body = ProposalView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn decide_proposal(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(number): Named<i64>,
    body: Body<Decision>,
) -> Result<Json<ProposalView>, ApiError> {
    let now = state.now();
    if body.value.decision == DecisionWord::Dismiss {
        let proposal = state.records.dismiss(number, &account.name, now).await?;
        return Ok(Json(proposal_view(&state, proposal).await?));
    }
    let proposal = state.records.proposal(number).await?;
    require_harmless(&state, &proposal, body.value.with_losses).await?;
    let (proposal, input) = state.records.approve(number, &account.name, now).await?;
    state.wake_engine(Some(input));
    Ok(Json(proposal_view(&state, proposal).await?))
}

/// Refuses an approval that nobody can judge, or that loses confirmed faults unseen.
async fn require_harmless(
    state: &ApiState,
    proposal: &Proposal,
    with_losses: bool,
) -> Result<(), ApiError> {
    let trial = view(state.records.trial(proposal.new.backtest).await?)?;
    let lost = trial.report.as_ref().map(|it| it.lost.len());
    let why = match lost {
        None => format!("its backtest {} has not ended well; wait, or ask anew", trial.number),
        Some(1..) if !with_losses => {
            "confirmed faults would be lost; say `with_losses` if that is meant".to_owned()
        }
        Some(_) => return Ok(()),
    };
    Err(ApiError::NotReady { why })
}

async fn proposal_view(state: &ApiState, proposal: Proposal) -> Result<ProposalView, ApiError> {
    let backtest = view(state.records.trial(proposal.new.backtest).await?)?;
    let (decided_by, decided_at) = proposal.decided.unzip();
    let number = proposal.number;
    let evidence = serde_json::from_str(&proposal.new.evidence).map_err(|source| {
        ApiError::Unwritable { what: "the evidence of proposal", id: number.to_string(), source }
    })?;
    Ok(ProposalView {
        number,
        at: proposal.at,
        rule: proposal.new.rule.to_string(),
        kind: proposal.new.kind,
        why: TextView::from(&proposal.new.why),
        base_version: proposal.new.base_version,
        toml: proposal.new.toml,
        evidence,
        state: proposal.state,
        decided_by,
        decided_at,
        version: proposal.version,
        backtest,
    })
}

fn view(trial: Trial) -> Result<BacktestView, ApiError> {
    let number = trial.number;
    let unreadable = |source| ApiError::Unwritable {
        what: "the report of backtest",
        id: number.to_string(),
        source,
    };
    let report = trial.report.as_deref().map(serde_json::from_str).transpose();
    Ok(BacktestView {
        number,
        at: trial.at,
        author: trial.asked.author,
        purpose: trial.asked.purpose,
        base_version: trial.asked.base_version,
        since: trial.asked.since,
        until: trial.asked.until,
        state: trial.state.as_str().to_owned(),
        progress: if trial.state == TrialState::Done { 1.0 } else { trial.progress },
        why: trial.why,
        report: report.map_err(unreadable)?,
    })
}

/// What the server keeps readings for at most, by default.
const DAYS_MAX: u32 = 35;

const LISTED_MAX: i64 = 50;
