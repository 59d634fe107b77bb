//! The page that people use, embedded in the binary.
//!
//! Files under `assets/` carry a hash of their content in their name and never change; everything
//! else is asked for again each time. Paths that belong to the page's own screens get its
//! `index.html`. Without a built page, a plain one says how to build it.

use axum::body::Bytes;
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::ApiError;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Files;

/// Answers whatever no route answers.
pub(crate) async fn show(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || !matches!(method, Method::GET | Method::HEAD) {
        return ApiError::Unknown { what: "route", named: uri.path().to_owned() }.into_response();
    }
    let name = if path.is_empty() { INDEX } else { path };
    if let Some(file) = Files::get(name) {
        let caching = if name.starts_with("assets/") { IMMUTABLE } else { ASK_AGAIN };
        return found(name, file, caching);
    }
    let is_screen = name == INDEX || SCREENS.contains(&name.split('/').next().unwrap_or_default());
    match Files::get(INDEX) {
        Some(index) if is_screen => found(INDEX, index, ASK_AGAIN),
        None if is_screen => (headers(HTML, ASK_AGAIN), PLACEHOLDER).into_response(),
        Some(_) | None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
}

fn found(name: &str, file: EmbeddedFile, caching: &'static str) -> Response {
    let ending = name.rsplit('.').next().unwrap_or_default();
    let kind = KINDS.iter().find(|(known, _)| *known == ending).map_or(BYTES, |(_, kind)| kind);
    (headers(kind, caching), Bytes::from(file.data.into_owned())).into_response()
}

fn headers(kind: &'static str, caching: &'static str) -> [(HeaderName, &'static str); 2] {
    [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)]
}

const INDEX: &str = "index.html";

/// First parts of the paths that are screens of the page.
const SCREENS: [&str; 12] = [
    "access", "account", "d", "devices", "explore", "health", "review", "rules", "sign-in",
    "stops", "t", "tickets",
];

const HTML: &str = "text/html; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// What the page is made of; browsers do not guess, since we tell them not to.
const KINDS: [(&str, &str); 9] = [
    ("css", "text/css; charset=utf-8"),
    ("html", HTML),
    ("ico", "image/x-icon"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("webmanifest", "application/manifest+json"),
    ("woff2", "font/woff2"),
];

/// A year, the longest that caches honour.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

const PLACEHOLDER: &str = include_str!("page/placeholder.html");
