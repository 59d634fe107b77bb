//! The first start: the setup token makes the first admin, and is worth nothing afterwards.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use forewarn_domain::id::PersonId;
use forewarn_store::records::{NewAccount, Role, Sites};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{NAME_EXPECTED, display};
use super::session::{Visit, begin_try, signed_in};
use crate::auth::{self, Gate};
use crate::body::{Body, read};
use crate::denials::Tried;
use crate::problem::{ApiError, Problem};
use crate::state::{Access, ApiState};

/// Whether the installation waits for its first admin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupView {
    /// It does: the page asks for the setup token.
    needed: bool,
}

/// The first admin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstAdmin {
    /// The setup token, as the server printed it.
    token: String,
    /// The account's name: `a-z`, `0-9` and `-`.
    #[schema(value_type = String)]
    name: String,
    /// The name that others read.
    display_name: String,
    /// Its password, 8 to 128 letters.
    password: String,
}

/// Whether the installation waits for its first admin.
#[utoipa::path(get, path = "/api/v1/setup", responses((status = 200, body = SetupView)))]
pub(crate) async fn get_setup(
    State(state): State<Arc<ApiState>>,
) -> Result<Json<SetupView>, ApiError> {
    let is_demo = state.access == Access::LoopbackDemo;
    Ok(Json(SetupView { needed: !is_demo && !state.records.has_admin().await? }))
}

/// Makes the first admin and signs the browser in.
#[utoipa::path(post, path = "/api/v1/setup", request_body = FirstAdmin, responses(
    (status = 200, body = super::session::SessionView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn set_up(
    State(state): State<Arc<ApiState>>,
    Extension(gate): Extension<Arc<Gate>>,
    visit: Visit,
    body: Body<FirstAdmin>,
) -> Result<Response, ApiError> {
    auth::require_own_page(&visit.headers, &visit.uri)?;
    let FirstAdmin { token, name, display_name, password } = body.value;
    let name: PersonId = read(&name, NAME_EXPECTED)?;
    // No account has this name, so tries of the token meet no tries of passwords.
    begin_try(&state, (&gate, &visit), ":setup")?;
    let first = NewAccount {
        display: display(&display_name, &name)?,
        password: gate.passwords.hash(name.as_str(), &password).await?,
        name,
        role: Role::Admin,
        sites: Sites::All,
    };
    if !state.records.set_up(token.trim(), &first, state.now()).await? {
        let mut response = ApiError::WrongToken.into_response();
        response.extensions_mut().insert(Tried { name: "setup".to_owned() });
        return Ok(response);
    }
    gate.tries.succeeded(":setup", visit.address);
    let made = state.records.password_of(first.name.as_str()).await?;
    let (account, _) = made.ok_or(ApiError::NotSignedIn)?;
    signed_in(&state, &visit, account).await
}
