//! Anomalies: the queue of those that wait for a word, one of them, and the word itself.

use axum::http::HeaderMap;
use axum::{Extension, Json};
use forewarn_domain::episode::EpisodeId;
use forewarn_domain::time::Time;
use forewarn_store::records::{
    EpisodeFilter, EpisodeRow, Judgement, LabelFilter, Marked, Origin, PageKey, Reason, Said,
    Saying, Standing,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Account;
use crate::body::{Asked, Body, Named, read, read_opt, request_key};
use crate::paging::{Page, Turn};
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{AnomalyView, LabelView};

/// Which anomalies.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnomalyQuery {
    /// Of this device only.
    device: Option<String>,
    /// Found by this rule first.
    rule: Option<String>,
    /// `live` or `shadow`.
    origin: Option<OriginWord>,
    /// `open`, `confirmed` or `rejected`.
    standing: Option<StandingWord>,
    /// Rows on a page, 1 to 200; 50 without it.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Whether the rules that found it open tickets.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OriginWord {
    /// They do.
    Live,
    /// They do not.
    Shadow,
}

/// How far people have come with it.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StandingWord {
    /// There is a fault.
    Confirmed,
    /// Nobody said anything.
    Open,
    /// There is none, or it is part of another one.
    Rejected,
}

/// Anomalies, newest first: also those that opened no ticket.
#[utoipa::path(get, path = "/api/v1/anomalies", params(AnomalyQuery), responses(
    (status = 200, body = Page<AnomalyView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_anomalies(
    Seen(state): Seen,
    Asked(query): Asked<AnomalyQuery>,
) -> Result<Page<AnomalyView>, ApiError> {
    let turn = Turn::new(query.limit, query.cursor.as_deref())?;
    let filter = EpisodeFilter {
        device: read_opt(query.device.as_deref(), "a device id is expected")?,
        rule: read_opt(query.rule.as_deref(), "a rule id is expected")?,
        origin: query.origin.map(|it| match it {
            OriginWord::Live => Origin::Live,
            OriginWord::Shadow => Origin::Shadow,
        }),
        standing: query.standing.map(|it| match it {
            StandingWord::Confirmed => Standing::Confirmed,
            StandingWord::Open => Standing::Open,
            StandingWord::Rejected => Standing::Rejected,
        }),
    };
    let rows = state.records.episodes(&filter, turn.after.as_ref(), turn.rows()).await?;
    let key =
        |row: &EpisodeRow| PageKey { at: row.episode.confirmed, id: row.episode.id.to_string() };
    Ok(turn.page(rows, key, |row| AnomalyView::new(row, &state.plant)))
}

/// One anomaly.
#[utoipa::path(get, path = "/api/v1/anomalies/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = AnomalyView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_anomaly(
    Seen(state): Seen,
    Named(id): Named<String>,
) -> Result<Json<AnomalyView>, ApiError> {
    let row = state.records.episode(read(&id, EPISODE_EXPECTED)?).await?;
    Ok(Json(AnomalyView::new(row, &state.plant)))
}

/// What a person says of some anomalies.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLabels {
    /// Of which ones, 1 to 200.
    anomalies: Vec<String>,
    /// `confirmed`, `rejected` or `merged`.
    #[schema(value_type = String)]
    judgement: Judgement,
    /// Why they are rejected: `maintenance`, `normal_state`, `other`, `process_change`,
    /// `sensor_fault` or `too_tight`.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    /// In own words.
    #[serde(default)]
    note: String,
    /// The anomaly with which they are one; only for `merged`.
    into: Option<String>,
}

/// Labels that were kept or taken back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LabelsView {
    labels: Vec<LabelView>,
}

/// Keeps what a person says of anomalies. A confirmation opens the ticket where there is none, a
/// rejection ends an open ticket as a false alarm.
#[utoipa::path(post, path = "/api/v1/anomalies/labels", request_body = NewLabels,
    params(("Idempotency-Key" = Option<String>, Header, description = "Recognises a repeat for a day")),
    responses(
        (status = 200, body = LabelsView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn label_anomalies(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    headers: HeaderMap,
    body: Body<NewLabels>,
) -> Result<Json<LabelsView>, ApiError> {
    let route = "/api/v1/anomalies/labels".to_owned();
    let request = request_key(&headers, &account, route, body.sha256)?;
    let saying = Saying { request, ..body.value.saying(account.name, state.now())? };
    let said = state.records.say(&saying).await?;
    Ok(answer(&state, said))
}

/// Which labels are taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undo {
    /// Their numbers, 1 to 200.
    labels: Vec<i64>,
}

/// Takes labels back, and what they did to tickets as far as nobody went on with them.
#[utoipa::path(post, path = "/api/v1/labels/undo", request_body = Undo, responses(
    (status = 200, body = LabelsView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn undo_labels(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    body: Body<Undo>,
) -> Result<Json<LabelsView>, ApiError> {
    check_count(body.value.labels.len())?;
    let said = state.records.unsay(&body.value.labels, &account.name, state.now()).await?;
    Ok(answer(&state, said))
}

/// Which labels.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LabelQuery {
    /// Of this device only.
    device: Option<String>,
    /// Of this rule only.
    rule: Option<String>,
}

/// Labels that were not taken back, newest first, the first 500 of them.
#[utoipa::path(get, path = "/api/v1/labels", params(LabelQuery), responses(
    (status = 200, body = Page<LabelView>),
))]
pub(crate) async fn list_labels(
    Seen(state): Seen,
    Asked(query): Asked<LabelQuery>,
) -> Result<Json<Page<LabelView>>, ApiError> {
    let filter = LabelFilter {
        device: read_opt(query.device.as_deref(), "a device id is expected")?,
        rule: read_opt(query.rule.as_deref(), "a rule id is expected")?,
        with_undone: false,
    };
    let labels = state.records.labels(&filter, LABELS_MAX).await?;
    Ok(Json(Page::whole(labels.iter().map(LabelView::from).collect())))
}

/// A stretch that a person marked in a chart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMark {
    /// `device/source/point`.
    channel: String,
    /// Beginning.
    #[schema(format = DateTime)]
    since: String,
    /// End.
    #[schema(format = DateTime)]
    until: String,
    /// `confirmed` or `rejected`.
    #[schema(value_type = String)]
    judgement: Judgement,
    /// Why there is no fault.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    /// Which kind of trouble; `other` without it.
    fault_family: Option<String>,
    /// In own words.
    #[serde(default)]
    note: String,
}

/// Keeps a stretch that a person marked: a fault that no rule saw, or none where one might think so.
#[utoipa::path(post, path = "/api/v1/labels", request_body = NewMark, responses(
    (status = 200, body = LabelView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn mark_range(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    body: Body<NewMark>,
) -> Result<Json<LabelView>, ApiError> {
    let marked = body.value.marked(&state, account.name)?;
    let label = state.records.mark(&marked).await?;
    Ok(Json(LabelView::from(&label)))
}

impl NewLabels {
    fn saying(self, author: String, at: Time) -> Result<Saying, ApiError> {
        check_count(self.anomalies.len())?;
        let wrong = |found: &str, expected| {
            Err(ApiError::BadParameter { found: found.to_owned(), expected })
        };
        match (self.judgement, &self.reason, &self.into) {
            (Judgement::Rejected, None, _) => {
                return wrong("rejected", "a rejection needs a `reason`");
            }
            (Judgement::Merged, _, None) => return wrong("merged", "merging needs `into`"),
            (Judgement::Confirmed | Judgement::Rejected, _, Some(into)) => {
                return wrong(into, "`into` belongs to `merged`");
            }
            _ => {}
        }
        let episodes: Result<Vec<EpisodeId>, _> =
            self.anomalies.iter().map(|it| read(it, EPISODE_EXPECTED)).collect();
        Ok(Saying {
            episodes: episodes?,
            judgement: self.judgement,
            reason: self.reason,
            note: self.note,
            merged_into: read_opt(self.into.as_deref(), EPISODE_EXPECTED)?,
            author,
            at,
            request: None,
        })
    }
}

impl NewMark {
    fn marked(self, state: &ApiState, author: String) -> Result<Marked, ApiError> {
        let channel = read(&self.channel, "a channel device/source/point is expected")?;
        let unknown = || ApiError::Unknown { what: "channel", named: self.channel.clone() };
        let known = state.plant.channel(&channel).ok_or_else(unknown)?;
        let now = state.now();
        let (since, until) = crate::body::range(Some(&self.since), Some(&self.until), now)?;
        if self.judgement == Judgement::Merged {
            return Err(ApiError::BadParameter {
                found: "merged".to_owned(),
                expected: "a marked stretch is `confirmed` or `rejected`",
            });
        }
        let family = self.fault_family.as_deref().unwrap_or("other");
        Ok(Marked {
            site: state.plant.site.id.clone(),
            component: known.component.clone(),
            family: read(family, "a fault family is expected")?,
            channel,
            since,
            until,
            judgement: self.judgement,
            reason: self.reason,
            note: self.note,
            author,
            at: now,
        })
    }
}

fn answer(state: &ApiState, said: Said) -> Json<LabelsView> {
    for input in said.inputs {
        state.wake_engine(Some(input));
    }
    Json(LabelsView { labels: said.labels.iter().map(LabelView::from).collect() })
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if (1..=AT_ONCE_MAX).contains(&count) {
        return Ok(());
    }
    Err(ApiError::BadParameter { found: count.to_string(), expected: "1 to 200 are expected" })
}

const EPISODE_EXPECTED: &str = "the id of an anomaly is expected";

/// A page of the queue.
const AT_ONCE_MAX: usize = 200;

const LABELS_MAX: i64 = 500;
