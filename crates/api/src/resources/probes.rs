//! What other programs ask: is it alive, is it ready, its metrics, its interface.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi;

use crate::live::StageStatus;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;

/// The process answers.
#[utoipa::path(get, path = "/livez", responses((status = 200, body = String)))]
pub(crate) async fn is_alive() -> &'static str {
    "alive\n"
}

/// The stores answer and no stage has failed.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, body = String),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn is_ready(State(state): State<Arc<ApiState>>) -> Result<&'static str, ApiError> {
    if state.stop.is_cancelled() {
        return Err(ApiError::Stopping);
    }
    state.records.ping().await?;
    let live = state.live();
    match live.stages.iter().find(|it| it.status == StageStatus::Failed) {
        Some(failed) => Err(ApiError::StageFailed { stage: failed.stage.clone() }),
        None => Ok("ready\n"),
    }
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String)))]
pub(crate) async fn get_metrics(
    State(state): State<Arc<ApiState>>,
) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)())
}

/// The OpenAPI document as text, made once.
#[derive(Clone)]
pub(crate) struct Text(Bytes);

impl Text {
    pub(crate) fn of(document: &OpenApi) -> Self {
        let text = document.to_json().expect("the document holds only strings, lists and maps");
        Self(Bytes::from(text))
    }
}

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
