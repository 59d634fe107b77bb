//! The table of contents: every route, and the layers around them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Gate;
use crate::denials;
use crate::problem::ApiError;
use crate::resources::{
    accounts, anomalies, backtests, bursts, channels, devices, handbook, health, history,
    incidents, keys, messages, probes, repairs, rules, series, session, setup, sites, stops,
    tickets, waveforms, work,
};
use crate::state::{Access, ApiState};
use crate::{auth, body, page, paging, rights, sse};

/// The whole interface: REST, live events, probes and the page.
pub fn router(state: ApiState) -> Router {
    let state = Arc::new(state);
    let (routes, document) = routes().split_for_parts();
    let document = probes::Text::of(&document);
    let require_right = middleware::from_fn_with_state(Arc::clone(&state), rights::require);
    let require_own_origin =
        middleware::from_fn_with_state(Arc::clone(&state), auth::require_own_origin);
    let trail = (Arc::clone(&state), Arc::default());
    let note_denials = middleware::from_fn_with_state(trail, denials::note);
    let add_headers = middleware::map_response_with_state(Arc::clone(&state), add_headers);
    routes
        .route("/openapi.json", get(move || async move { document.clone() }))
        .fallback(page::show)
        .method_not_allowed_fallback(no_such_method)
        .layer(require_right)
        .layer(Extension(Arc::<Gate>::default()))
        .layer(DefaultBodyLimit::max(body::BYTES_MAX))
        .layer(middleware::from_fn(paging::link_next))
        .layer(middleware::from_fn(within_time))
        .layer(require_own_origin)
        .layer(note_denials)
        .layer(add_headers)
        .layer(CompressionLayer::new().gzip(true))
        .with_state(state)
}

/// The OpenAPI document of all routes.
#[must_use]
pub fn openapi() -> Document {
    routes().split_for_parts().1
}

/// The routes; `rights.rs` says who may use them.
fn routes() -> OpenApiRouter<Arc<ApiState>> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(probes::is_alive))
        .routes(routes!(probes::is_ready))
        .routes(routes!(probes::get_metrics))
        .routes(routes!(setup::get_setup, setup::set_up))
        .routes(routes!(session::get_session, session::close_session))
        .routes(routes!(session::list_sessions, session::open_session))
        .routes(routes!(session::end_session))
        .routes(routes!(session::change_password))
        .routes(routes!(accounts::list_accounts, accounts::add_account))
        .routes(routes!(accounts::change_account))
        .routes(routes!(keys::list_keys, keys::add_key))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(sites::list_sites))
        .routes(routes!(devices::list_devices))
        .routes(routes!(devices::get_device))
        .routes(routes!(channels::list_channels))
        .routes(routes!(series::get_series))
        .routes(routes!(history::get_history))
        .routes(routes!(waveforms::list_waveforms))
        .routes(routes!(waveforms::get_waveform))
        .routes(routes!(bursts::list_bursts))
        .routes(routes!(anomalies::list_anomalies))
        .routes(routes!(anomalies::get_anomaly))
        .routes(routes!(anomalies::label_anomalies))
        .routes(routes!(anomalies::list_labels, anomalies::mark_range))
        .routes(routes!(anomalies::undo_labels))
        .routes(routes!(rules::get_rules))
        .routes(routes!(rules::list_rule_versions, rules::change_rules))
        .routes(routes!(rules::get_rule_version))
        .routes(routes!(rules::check_rules))
        .routes(routes!(backtests::list_backtests, backtests::ask_backtest))
        .routes(routes!(backtests::get_backtest))
        .routes(routes!(backtests::cancel_backtest))
        .routes(routes!(backtests::list_proposals))
        .routes(routes!(backtests::decide_proposal))
        .routes(routes!(tickets::list_tickets))
        .routes(routes!(tickets::get_ticket))
        .routes(routes!(tickets::command_ticket))
        .routes(routes!(incidents::list_incidents))
        .routes(routes!(incidents::get_incident))
        .routes(routes!(stops::list_stops, stops::plan_stop))
        .routes(routes!(stops::get_stop))
        .routes(routes!(stops::end_stop))
        .routes(routes!(work::list_candidates))
        .routes(routes!(work::show_evidence))
        .routes(routes!(work::preview_calls))
        .routes(routes!(handbook::list_documents))
        .routes(routes!(handbook::get_document, handbook::change_document))
        .routes(routes!(handbook::change_rota))
        .routes(routes!(handbook::import_rota))
        .routes(routes!(repairs::list_repairs, repairs::record_repair))
        .routes(routes!(health::get_health))
        .routes(routes!(messages::list_message_channels))
        .routes(routes!(messages::test_message_channel))
        .routes(routes!(messages::list_messages))
        .routes(routes!(messages::retry_message))
        .routes(routes!(sse::follow_events))
}

/// What the document says of itself.
#[derive(OpenApi)]
#[openapi(info(
    title = "Forewarn",
    description = "Machines, their condition, and the tickets that it leads to. Times are RFC 3339 \
                   in UTC. Lists come in pages; errors are problem details (RFC 9457)."
))]
struct Head;

async fn no_such_method() -> ApiError {
    ApiError::NoSuchMethod
}

/// Ends requests that take too long; a stream of events counts only until it begins.
async fn within_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => ApiError::TookTooLong.into_response(),
    }
}

/// What every answer carries: the browser runs nothing but our own scripts, in no foreign frame.
async fn add_headers(State(state): State<Arc<ApiState>>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if matches!(state.access, Access::Accounts(transport) if transport.is_secure) {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Answers of the interface are of the moment; the page's files say for themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

/// Longest that a request may take: a chart over a year, on a slow disk.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
