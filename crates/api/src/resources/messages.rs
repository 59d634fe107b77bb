//! What people were told and over which channels; trying a channel, and a message that was given up.

use axum::{Extension, Json};
use forewarn_domain::time::Time;
use forewarn_store::records::MessageFilter;
use forewarn_store::records::audit::Deed;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Account;
use crate::body::{Asked, Named};
use crate::paging::{Page, Turn};
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{MessageChannelView, MessageView};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageQuery {
    /// About this ticket, by id or number.
    ticket: Option<String>,
    /// Over this channel.
    channel: Option<String>,
    /// Only those that were given up.
    #[serde(default)]
    given_up: bool,
    /// At most so many, 1 to 200; 50 without it.
    limit: Option<usize>,
}

/// What came of a test message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestedView {
    /// Whether the receiver took it.
    delivered: bool,
    /// Why not, without secrets.
    reason: Option<String>,
    /// It was not sent: the channel is full or paused until then.
    #[schema(value_type = Option<String>, format = DateTime)]
    busy_until: Option<Time>,
}

/// The channels over which people and systems are told, with their state and queue.
#[utoipa::path(get, path = "/api/v1/message-channels", responses(
    (status = 200, body = Page<MessageChannelView>),
))]
pub(crate) async fn list_message_channels(
    Seen(state): Seen,
) -> Result<Json<Page<MessageChannelView>>, ApiError> {
    Ok(Json(Page::whole(channels(&state).await?)))
}

/// Sends a test message over a channel, now, and says what came of it. It counts as a message of this
/// minute, and says when the channel is full.
#[utoipa::path(post, path = "/api/v1/message-channels/{id}/test", params(("id" = String, Path)),
    responses(
        (status = 200, body = TestedView),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn test_message_channel(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(id): Named<String>,
) -> Result<Json<TestedView>, ApiError> {
    let unknown = || ApiError::Unknown { what: "message channel", named: id.clone() };
    let tested = state.message_channels.test(&id).ok_or_else(unknown)?.await;
    let detail = json!({"delivered": tested.is_delivered});
    let deed = Deed::new(&account.name, "channel.test", &id, detail);
    state.records.audit(&deed, state.now()).await?;
    tracing::info!(
        channel = id,
        account = account.name,
        tested.is_delivered,
        "a channel was tried"
    );
    Ok(Json(TestedView {
        delivered: tested.is_delivered,
        reason: tested.reason,
        busy_until: tested.busy_until,
    }))
}

/// Messages with where they stand, newest first.
#[utoipa::path(get, path = "/api/v1/messages", params(MessageQuery), responses(
    (status = 200, body = Page<MessageView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_messages(
    Seen(state): Seen,
    Asked(query): Asked<MessageQuery>,
) -> Result<Json<Page<MessageView>>, ApiError> {
    let turn = Turn::new(query.limit, None)?;
    let ticket = match query.ticket.as_deref() {
        None => None,
        Some(named) => Some(state.records.ticket(named).await?.id),
    };
    let filter = MessageFilter { ticket, channel: query.channel, is_dead: query.given_up };
    let limit = i64::try_from(turn.limit).unwrap_or(i64::MAX);
    let rows = state.records.messages(&filter, limit).await?;
    Ok(Json(Page::whole(rows.into_iter().map(MessageView::from).collect())))
}

/// Tries a message again that was given up; its key stays the same.
#[utoipa::path(post, path = "/api/v1/messages/{id}/retry", params(("id" = i64, Path)), responses(
    (status = 204),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn retry_message(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(id): Named<i64>,
) -> Result<axum::http::StatusCode, ApiError> {
    if state.records.revive_message(id, state.now()).await? {
        let object = format!("message/{id}");
        let deed = Deed::new(&account.name, "message.retry", &object, json!({}));
        state.records.audit(&deed, state.now()).await?;
        return Ok(axum::http::StatusCode::NO_CONTENT);
    }
    Err(ApiError::Unknown { what: "message that was given up", named: id.to_string() })
}

/// Every channel with its state and queue.
pub(crate) async fn channels(state: &ApiState) -> Result<Vec<MessageChannelView>, ApiError> {
    let counts = state.records.channel_counts().await?;
    let states = state.message_channels.list().into_iter();
    Ok(states.map(|it| MessageChannelView::new(it, &counts)).collect())
}
