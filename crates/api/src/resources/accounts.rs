//! Accounts of people. An admin sees and gives only what his own sites cover.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::{Extension, Json};
use forewarn_domain::id::{PersonId, SiteId};
use forewarn_domain::time::Time;
use forewarn_store::records::{self, AccountChange, NewAccount, Role, Sites};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Account, Gate};
use crate::body::{Body, Named, read};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    name: String,
    /// The name that others read.
    display_name: String,
    /// `admin`, `integrator`, `lead`, `maintainer`, `process_engineer` or `viewer`.
    role: &'static str,
    /// Its sites; `null` for all.
    #[schema(value_type = Option<Vec<String>>)]
    sites: Sites,
    disabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    password_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_in_at: Option<Time>,
}

impl From<records::Account> for AccountView {
    fn from(it: records::Account) -> Self {
        Self {
            name: it.name.to_string(),
            display_name: it.display,
            role: it.role.as_str(),
            sites: it.sites,
            disabled: it.is_disabled,
            created_at: it.created_at,
            password_at: it.password_at,
            signed_in_at: it.signed_in_at,
        }
    }
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccountBody {
    /// The name with which the person signs in, `a-z`, `0-9` and `-`: where the handbook knows the
    /// person, its id.
    name: String,
    /// The name that others read; the name without it.
    #[serde(default)]
    display_name: String,
    /// `admin`, `integrator`, `lead`, `maintainer`, `process_engineer` or `viewer`.
    role: String,
    /// Its sites; `null` (also without it) for all.
    #[serde(default)]
    sites: Option<Vec<String>>,
    /// Its first password, 8 to 128 letters.
    password: String,
}

/// What is to be different; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChangeBody {
    display_name: Option<String>,
    role: Option<String>,
    /// Its sites; `null` for all.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    sites: Option<Option<Vec<String>>>,
    /// Whether it is closed; its sessions end then.
    disabled: Option<bool>,
    /// A new password; its sessions end then.
    password: Option<String>,
}

/// Tells `null` from nothing.
fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Vec<String>>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// The accounts, by name, disabled ones too.
#[utoipa::path(get, path = "/api/v1/accounts", responses((status = 200, body = Page<AccountView>)))]
pub(crate) async fn list_accounts(Seen(state): Seen) -> Result<Json<Page<AccountView>>, ApiError> {
    let accounts = state.records.accounts().await?;
    Ok(Json(Page::whole(accounts.into_iter().map(AccountView::from).collect())))
}

/// Makes an account.
#[utoipa::path(post, path = "/api/v1/accounts", request_body = NewAccountBody, responses(
    (status = 201, body = AccountView),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn add_account(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Extension(gate): Extension<Arc<Gate>>,
    body: Body<NewAccountBody>,
) -> Result<(StatusCode, Json<AccountView>), ApiError> {
    let new = body.value;
    let name: PersonId = read(&new.name, NAME_EXPECTED)?;
    let new = NewAccount {
        display: display(&new.display_name, &name)?,
        role: read::<Role>(&new.role, ROLE_EXPECTED)?,
        sites: sites(new.sites, &account)?,
        password: gate.passwords.hash(name.as_str(), &new.password).await?,
        name,
    };
    state.records.add_account(&new, &account.name, state.now()).await?;
    let made = state.records.password_of(new.name.as_str()).await?;
    let unknown = || ApiError::Unknown { what: "account", named: new.name.to_string() };
    let (made, _) = made.ok_or_else(unknown)?;
    Ok((StatusCode::CREATED, Json(AccountView::from(made))))
}

/// Changes an account. Role and sites count from the next request on.
#[utoipa::path(patch, path = "/api/v1/accounts/{name}", request_body = AccountChangeBody,
    params(("name" = String, Path)),
    responses(
        (status = 200, body = AccountView),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_account(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Extension(gate): Extension<Arc<Gate>>,
    Named(name): Named<String>,
    body: Body<AccountChangeBody>,
) -> Result<Json<AccountView>, ApiError> {
    let asked = body.value;
    let known: PersonId = read(&name, NAME_EXPECTED)?;
    let password = match &asked.password {
        Some(password) => Some(gate.passwords.hash(&name, password).await?),
        None => None,
    };
    let change = AccountChange {
        display: asked.display_name.map(|it| display(&it, &known)).transpose()?,
        role: asked.role.map(|it| read::<Role>(&it, ROLE_EXPECTED)).transpose()?,
        sites: asked.sites.map(|it| sites(it, &account)).transpose()?,
        is_disabled: asked.disabled,
        password,
    };
    let by = (account.name.as_str(), state.now());
    Ok(Json(state.records.change_account(&name, &change, by).await?.into()))
}

/// The sites of a request, as far as the caller may give them.
pub(super) fn sites(asked: Option<Vec<String>>, by: &Account) -> Result<Sites, ApiError> {
    let sites = match asked {
        None => Sites::All,
        Some(ids) => {
            let ids = ids.iter().map(|it| read::<SiteId>(it, "the id of a site is expected"));
            Sites::Only(ids.collect::<Result<_, _>>()?)
        }
    };
    if by.sites.cover(&sites) {
        return Ok(sites);
    }
    Err(ApiError::NotAllowed { who: "an account of fewer sites".to_owned() })
}

/// The name that others read.
pub(super) fn display(text: &str, name: &PersonId) -> Result<String, ApiError> {
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Ok(name.to_string());
    }
    if text.chars().count() <= DISPLAY_MAX && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(ApiError::BadParameter {
        found: text.chars().take(20).collect(),
        expected: "a `display_name` of at most 80 letters is expected",
    })
}

pub(super) const NAME_EXPECTED: &str = "a name of 1 to 64 letters of a-z, 0-9 and `-` is expected";

const ROLE_EXPECTED: &str =
    "a role is admin, integrator, lead, maintainer, process_engineer or viewer";

/// A line of a list.
const DISPLAY_MAX: usize = 80;
