//! Keys of programs. A key is shown once, when it is made. An admin sees and gives only what his own sites
//! cover.

use axum::http::StatusCode;
use axum::{Extension, Json};
use forewarn_domain::time::Time;
use forewarn_store::records::{Key, NewKey, Sites};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::sites;
use crate::auth::{Account, KeyScope};
use crate::body::{Body, Named, read, read_opt};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::secrets;

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    id: String,
    /// What it is for.
    name: String,
    /// `admin`, `ingest`, `read`, `tickets`.
    scopes: Vec<String>,
    /// Its sites; `null` for all.
    #[schema(value_type = Option<Vec<String>>)]
    sites: Sites,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Time>,
}

impl From<Key> for KeyView {
    fn from(it: Key) -> Self {
        Self {
            id: it.id,
            name: it.name,
            scopes: it.scopes,
            sites: it.sites,
            created_by: it.created_by,
            created_at: it.created_at,
            expires_at: it.expires_at,
            used_at: it.used_at,
            revoked_at: it.revoked_at,
        }
    }
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKeyBody {
    /// What it is for, e.g. `ERP`.
    name: String,
    /// What it may do, at least one: `read`, `ingest` (repairs and the like), `tickets`, `admin` (rules,
    /// documents, channels).
    scopes: Vec<String>,
    /// Its sites; `null` (also without it) for all.
    #[serde(default)]
    sites: Option<Vec<String>>,
    /// Until when it counts; for good without it.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A key with its secret, for the only time.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKeyView {
    #[serde(flatten)]
    about: KeyView,
    /// Send it as `Authorization: Bearer <key>`. It is not kept, so nobody can look it up later.
    key: String,
}

/// The keys, newest first, revoked ones too.
#[utoipa::path(get, path = "/api/v1/keys", responses((status = 200, body = Page<KeyView>)))]
pub(crate) async fn list_keys(Seen(state): Seen) -> Result<Json<Page<KeyView>>, ApiError> {
    let keys = state.records.keys().await?;
    Ok(Json(Page::whole(keys.into_iter().map(KeyView::from).collect())))
}

/// Makes a key.
#[utoipa::path(post, path = "/api/v1/keys", request_body = NewKeyBody, responses(
    (status = 201, body = MadeKeyView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn add_key(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    body: Body<NewKeyBody>,
) -> Result<(StatusCode, Json<MadeKeyView>), ApiError> {
    let (asked, now) = (body.value, state.now());
    let wrong =
        |found: &str, expected| ApiError::BadParameter { found: found.to_owned(), expected };
    let name = asked.name.trim();
    if !(1..=NAME_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(wrong("name", "a `name` of 1 to 80 letters is expected"));
    }
    let mut scopes = Vec::new();
    for word in &asked.scopes {
        let scope: KeyScope = read(word, "a scope is read, ingest, tickets or admin")?;
        scopes.push(scope.as_str().to_owned());
    }
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(wrong("scopes", "at least one of read, ingest, tickets and admin is expected"));
    }
    let expires_at: Option<Time> =
        read_opt(asked.expires_at.as_deref(), "a time such as 2026-11-20T06:02:00Z is expected")?;
    if let Some(passed) = expires_at.filter(|it| *it <= now) {
        return Err(wrong(&passed.to_string(), "a time that is still to come is expected"));
    }
    let id = secrets::id()?;
    let secret = format!("fw_{id}_{}", secrets::secret()?);
    let sites = sites(asked.sites, &account)?;
    let name = name.to_owned();
    let new = NewKey { id, secret: secret.clone(), name, scopes, sites, expires_at };
    let made = state.records.add_key(&new, &account.name, now).await?;
    Ok((StatusCode::CREATED, Json(MadeKeyView { about: KeyView::from(made), key: secret })))
}

/// Revokes a key at once.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn revoke_key(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    state.records.revoke_key(&id, &account.name, state.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A line of a list.
const NAME_MAX: usize = 80;
