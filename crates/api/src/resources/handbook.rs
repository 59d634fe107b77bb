//! The handbook over the API: people, rotas, calendars, policies and ticket types as versioned texts.
//!
//! A text comes into force only if the whole handbook can be read with it; it then counts for the next
//! ticket, and tickets that are open keep the version of their type.

use axum::{Extension, Json};
use forewarn_domain::id::PersonId;
use forewarn_domain::rota::{Change, Rota};
use forewarn_domain::ticket::course::{KINDS, ROTA};
use forewarn_domain::time::Time;
use forewarn_store::records::{ConfigVersion, NewConfig};
use forewarn_tickets::duty;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Account;
use crate::body::{Body, Named, read};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::resources::rules::require_reason;
use crate::rights::Seen;
use crate::state::ApiState;

/// A document of the handbook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentView {
    /// `calendar`, `people`, `rota`, `escalation` or `ticket_type`.
    kind: String,
    /// Its name within the kind.
    id: String,
    /// From 1.
    version: i64,
    /// When it came into force.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    author: String,
    reason: String,
    sha256: String,
    /// The text.
    toml: String,
}

impl From<ConfigVersion> for DocumentView {
    fn from(it: ConfigVersion) -> Self {
        Self {
            kind: it.config.kind,
            id: it.config.id,
            version: it.version,
            at: it.at,
            author: it.config.author,
            reason: it.config.reason,
            sha256: it.sha256.to_string(),
            toml: it.config.toml,
        }
    }
}

/// The documents in force.
#[utoipa::path(get, path = "/api/v1/handbook", responses((status = 200, body = Page<DocumentView>)))]
pub(crate) async fn list_documents(
    Seen(state): Seen,
) -> Result<Json<Page<DocumentView>>, ApiError> {
    let mut named: Vec<(String, String)> = Vec::new();
    for document in state.records.documents().await? {
        let name = (document.kind, document.id);
        if !named.contains(&name) {
            named.push(name);
        }
    }
    let mut views = Vec::new();
    for (kind, id) in named {
        views.extend(state.records.config(&kind, &id).await?.map(DocumentView::from));
    }
    Ok(Json(Page::whole(views)))
}

/// Every version of a document, newest first.
#[utoipa::path(get, path = "/api/v1/handbook/{kind}/{id}",
    params(("kind" = String, Path), ("id" = String, Path)),
    responses(
        (status = 200, body = Page<DocumentView>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_document(
    Seen(state): Seen,
    Named((kind, id)): Named<(String, String)>,
) -> Result<Json<Page<DocumentView>>, ApiError> {
    require_kind(&kind)?;
    let versions = state.records.config_versions(&kind, &id).await?;
    if versions.is_empty() {
        return Err(ApiError::Unknown { what: "document", named: format!("{kind}/{id}") });
    }
    Ok(Json(Page::whole(versions.into_iter().rev().map(DocumentView::from).collect())))
}

/// A text that is to come into force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDocument {
    toml: String,
    /// Why.
    reason: String,
    /// The version that the person saw; 0 for a new document.
    base_version: i64,
}

/// Puts a document into force at once.
#[utoipa::path(post, path = "/api/v1/handbook/{kind}/{id}", request_body = NewDocument,
    params(("kind" = String, Path), ("id" = String, Path)),
    responses(
        (status = 200, body = DocumentView),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_document(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named((kind, id)): Named<(String, String)>,
    body: Body<NewDocument>,
) -> Result<Json<DocumentView>, ApiError> {
    require_kind(&kind)?;
    let NewDocument { toml, reason, base_version } = body.value;
    require_reason(&reason)?;
    let new = NewConfig { kind, id, author: account.name, reason, toml };
    put(&state, new, base_version).await
}

/// A change of a rota on one day; a swap is two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotaChange {
    /// The date on which the shift begins, e.g. `2026-11-27`.
    date: String,
    /// Which shift.
    shift: String,
    /// Who does not work.
    out: Option<String>,
    /// Who works.
    #[serde(rename = "in")]
    comes: Option<String>,
    /// Why.
    reason: String,
    /// The version of the rota that the person saw.
    base_version: i64,
}

/// Changes a rota on one day.
#[utoipa::path(post, path = "/api/v1/rotas/{group}/changes", request_body = RotaChange,
    params(("group" = String, Path)),
    responses(
        (status = 200, body = DocumentView),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_rota(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(group): Named<String>,
    body: Body<RotaChange>,
) -> Result<Json<DocumentView>, ApiError> {
    let asked = body.value;
    require_reason(&asked.reason)?;
    let person = |id: Option<String>| {
        id.map(|it| read::<PersonId>(&it, "a person's id is expected")).transpose()
    };
    let change = Change {
        date: read(&asked.date, "a date such as 2026-11-27 is expected")?,
        shift: read(&asked.shift, "a shift's id is expected")?,
        out: person(asked.out)?,
        comes: person(asked.comes)?,
        why: asked.reason.clone(),
    };
    let rota = duty::with_change(rota(&state, &group).await?, change)
        .map_err(|unfit| ApiError::BadHandbook { why: unfit.to_string() })?;
    put_rota(&state, &rota, (account.name, asked.reason), asked.base_version).await
}

/// A table of duties.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotaTable {
    /// CSV with the columns date, shift and person (日期, 班次, 人员).
    csv: String,
    /// Only says what is wrong; changes nothing.
    #[serde(default)]
    dry_run: bool,
    /// Why.
    reason: String,
    /// The version of the rota that the person saw.
    base_version: i64,
}

/// What an import did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotaImport {
    /// Whether the rota was changed.
    is_applied: bool,
    /// The version in force now.
    version: i64,
    /// Rows that cannot be read; nothing is changed while there are any.
    problems: Vec<RowView>,
}

/// A row of a table that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowView {
    /// Line of the table, from 1.
    line: u64,
    /// What is wrong with it.
    detail: String,
}

/// Takes a rota over from a table; the shifts in the table are replaced.
#[utoipa::path(post, path = "/api/v1/rotas/{group}/import", request_body = RotaTable,
    params(("group" = String, Path)),
    responses(
        (status = 200, body = RotaImport),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn import_rota(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(group): Named<String>,
    body: Body<RotaTable>,
) -> Result<Json<RotaImport>, ApiError> {
    let RotaTable { csv, dry_run, reason, base_version } = body.value;
    require_reason(&reason)?;
    let (rota, version) = (rota(&state, &group).await?, base_version);
    match duty::import(rota, &csv) {
        Ok(_) if dry_run => {
            Ok(Json(RotaImport { is_applied: false, version, problems: Vec::new() }))
        }
        Ok(rota) => {
            let put = put_rota(&state, &rota, (account.name, reason), base_version).await?;
            Ok(Json(RotaImport { is_applied: true, version: put.version, problems: Vec::new() }))
        }
        Err(problems) => {
            let row = |it: duty::RowProblem| RowView { line: it.line, detail: it.detail };
            let problems = problems.into_iter().map(row).collect();
            Ok(Json(RotaImport { is_applied: false, version, problems }))
        }
    }
}

async fn rota(state: &ApiState, group: &str) -> Result<Rota, ApiError> {
    let known = state.records.config(ROTA, group).await?;
    let known = known.ok_or_else(|| ApiError::Unknown { what: "rota", named: group.to_owned() })?;
    duty::read(&known.config.toml).map_err(|bad| ApiError::BadHandbook { why: bad.to_string() })
}

async fn put_rota(
    state: &ApiState,
    rota: &Rota,
    (author, reason): (String, String),
    base_version: i64,
) -> Result<Json<DocumentView>, ApiError> {
    let toml = duty::write(rota).map_err(|bad| ApiError::BadHandbook { why: bad.to_string() })?;
    let (kind, id) = (ROTA.to_owned(), rota.group.to_string());
    put(state, NewConfig { kind, id, author, reason, toml }, base_version).await
}

async fn put(
    state: &ApiState,
    new: NewConfig,
    base_version: i64,
) -> Result<Json<DocumentView>, ApiError> {
    state.records.change_document(&new, base_version, state.now()).await?;
    let known = state.records.config(&new.kind, &new.id).await?;
    let named =
        || ApiError::Unknown { what: "document", named: format!("{}/{}", new.kind, new.id) };
    Ok(Json(known.ok_or_else(named)?.into()))
}

fn require_kind(kind: &str) -> Result<(), ApiError> {
    if KINDS.contains(&kind) {
        return Ok(());
    }
    Err(ApiError::Unknown { what: "kind of document", named: kind.to_owned() })
}
