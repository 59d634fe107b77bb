//! Refusals go into the audit trail: who was turned away, where, and how.
//!
//! Somebody who knocks a thousand times a second must not fill the disk, so only so many refusals of a
//! minute are written one by one; the rest is counted, and the count is written with the next one.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::audit::Deed;
use serde_json::json;

use crate::auth::{self, Account};
use crate::state::ApiState;

/// How many refusals were written in this minute, and how many were only counted.
#[derive(Debug, Default)]
pub(crate) struct Denials(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    began: Time,
    written: u32,
    uncounted: u64,
}

impl Denials {
    /// Whether this refusal is to be written, and how many were left out before it.
    fn admit(&self, now: Time) -> Option<u64> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if MINUTE <= now - minute.began || now < minute.began {
            (minute.began, minute.written) = (now, 0);
        }
        if WRITTEN_MAX <= minute.written {
            minute.uncounted += 1;
            return None;
        }
        minute.written += 1;
        Some(std::mem::take(&mut minute.uncounted))
    }
}

/// Stands on the answer to somebody who did not prove to be whom he named: an account that is there.
/// Other names are not kept: people type passwords into the wrong field.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) name: String,
}

/// Writes refusals of requests down.
pub(crate) async fn note(
    State((state, denials)): State<(Arc<ApiState>, Arc<Denials>)>,
    request: Request,
    next: Next,
) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let address = auth::address(state.access, request.headers(), request.extensions());
    let response = next.run(request).await;
    let status = response.status();
    let tried = response.extensions().get::<Tried>().cloned();
    let is_refusal = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
    if !is_refusal && tried.is_none() {
        return response;
    }
    let now = state.now();
    let Some(left_out) = denials.admit(now) else { return response };
    let account = response.extensions().get::<Account>().map_or("", |it| it.name.as_str());
    let mut detail = json!({"status": status.as_u16(), "address": address});
    if let Some(Tried { name }) = tried {
        detail["account"] = json!(name);
    }
    if 0 < left_out {
        detail["left_out_before"] = json!(left_out);
    }
    let object: String = asked.chars().take(OBJECT_CHARS_MAX).collect();
    let deed = Deed::new(account, "denied", &object, detail);
    if let Err(error) = state.records.audit(&deed, now).await {
        let cause = &error as &dyn std::error::Error;
        tracing::error!(error = cause, asked, "a refusal could not be written to the audit trail");
    }
    response
}

const MINUTE: Span = Span::from_secs(60);

/// A person who mistypes is far below it.
const WRITTEN_MAX: u32 = 60;

/// Longer paths are nobody's of ours.
const OBJECT_CHARS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_told_with_the_next_minute() {
        let (denials, t0) = (Denials::default(), Time::from_micros(1_795_334_400_000_000));
        let written = (0..1_000).filter(|_| denials.admit(t0).is_some()).count();
        assert_eq!(written, 60);
        let later = t0 + MINUTE;
        assert_eq!(denials.admit(later), Some(940));
        assert_eq!(denials.admit(later), Some(0));
    }
}
