//! Lists in pages: a cursor is the place of the last row, so inserts neither repeat nor hide rows.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forewarn_domain::time::Time;
use forewarn_store::records::PageKey;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::ApiError;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Where the next page begins; `null` on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A list that is short enough to be given whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let next = self.next_cursor.clone().map(NextCursor);
        let mut response = Json(self).into_response();
        if let Some(next) = next {
            response.extensions_mut().insert(next);
        }
        response
    }
}

/// Where the next page begins, for [`link_next`].
#[derive(Clone)]
struct NextCursor(String);

/// Names the next page in the header too (RFC 8288): the same question with its cursor.
pub(crate) async fn link_next(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if let Some(NextCursor(cursor)) = response.extensions_mut().remove() {
        let asked = uri.query().unwrap_or_default().split('&');
        let kept = asked.filter(|it| !it.is_empty() && !it.starts_with("cursor="));
        let query: Vec<&str> = kept.collect();
        let (path, query) = (uri.path(), query.join("&"));
        let and = if query.is_empty() { "" } else { "&" };
        let link = format!("<{path}?{query}{and}cursor={cursor}>; rel=\"next\"");
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

/// What a list was asked for.
pub(crate) struct Turn {
    /// Rows on the page.
    pub(crate) limit: usize,
    /// Where it begins.
    pub(crate) after: Option<PageKey>,
}

impl Turn {
    pub(crate) fn new(limit: Option<usize>, cursor: Option<&str>) -> Result<Self, ApiError> {
        let limit = limit.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::BadParameter {
                found: limit.to_string(),
                expected: "a limit from 1 to 200 is expected",
            });
        }
        let after = cursor.map(decode).transpose()?;
        Ok(Self { limit, after })
    }

    /// How many rows to ask the store for: one more tells whether there is a next page.
    pub(crate) fn rows(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// Makes the page of the rows that the store gave.
    pub(crate) fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> PageKey,
        view: impl Fn(R) -> T,
    ) -> Page<T> {
        let has_more = self.limit < rows.len();
        rows.truncate(self.limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| encode(&key(last)));
        Page { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

fn encode(key: &PageKey) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}:{}", key.at.micros(), key.id))
}

fn decode(cursor: &str) -> Result<PageKey, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|it| String::from_utf8(it).ok());
    let key = text.as_deref().and_then(|it| it.split_once(':')).and_then(|(at, id)| {
        Some(PageKey { at: Time::from_micros(at.parse().ok()?), id: id.to_owned() })
    });
    key.ok_or_else(|| ApiError::BadParameter {
        found: cursor.to_owned(),
        expected: "send a `next_cursor` as it was received",
    })
}

/// A screenful on a desk.
const LIMIT: usize = 50;

/// Keeps an answer below about a megabyte.
const LIMIT_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_anything_else_is_refused() {
        let key = PageKey { at: Time::from_micros(1_795_334_400_000_001), id: "a-b".into() };
        assert_eq!(decode(&encode(&key)).unwrap(), key);
        for text in ["", "!!", "AAAA", "b25seS10ZXh0"] {
            assert!(decode(text).is_err(), "{text} was accepted");
        }
        assert!(Turn::new(Some(201), None).is_err());
        assert!(Turn::new(Some(0), None).is_err());
    }
}
