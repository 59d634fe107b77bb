//! One HTTP request to a receiver, with everything that all kinds of channel share.
//!
//! Rely on this: a redirect is not followed, proxies of the environment are not used, and only
//! addresses that the guard allows are connected to, so a message goes where the configuration says
//! and nowhere else. An answer is read up to a limit.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, RequestBuilder, StatusCode, Url, header, redirect};
use rustls::crypto::{CryptoProvider, ring};

use crate::Outcome;
use crate::guard::{Forbidden, Guard, Wire};
use crate::redact::{Secret, reason};

/// A receiver that can be asked.
#[derive(Clone)]
pub(crate) struct Target {
    url: Url,
    wire: Wire,
    guard: Guard,
    client: Client,
}

impl fmt::Debug for Target {
    /// The path and the query may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// What a receiver answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl Target {
    /// A receiver at `url`.
    pub(crate) fn new(url: &str, guard: &Guard) -> Result<Self, InvalidTarget> {
        // The address may hold a key, so it is not repeated in an error.
        let url = Url::parse(url).map_err(|error| InvalidTarget::Url { why: error.to_string() })?;
        let wire = match url.scheme() {
            "https" => Wire::Encrypted,
            "http" => Wire::Plain,
            _ => return Err(InvalidTarget::Url { why: "write https:// or http://".to_owned() }),
        };
        if url.host_str().is_none() {
            return Err(InvalidTarget::Url { why: "it names no host".to_owned() });
        }
        install_ring();
        let resolver = Checked { guard: guard.clone(), wire };
        let client = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .dns_resolver(Arc::new(resolver))
            .user_agent(concat!("forewarn/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { url, wire, guard: guard.clone(), client })
    }

    /// Sends a POST request; `shape` adds headers and body, `query` pairs to the address.
    pub(crate) async fn post(
        &self,
        query: &[(&str, &str)],
        secrets: &[&Secret],
        shape: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Outcome> {
        let mut url = self.url.clone();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.check_written_address(secrets)?;
        let answer = shape(self.client.post(url)).send().await;
        let mut answer = answer.map_err(|error| failed(error, secrets))?;
        let (status, retry_after) = (answer.status(), retry_after(answer.headers()));
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| failed(error, secrets))? {
            body.extend_from_slice(&part);
            if BODY_BYTES_MAX < body.len() {
                body.truncate(BODY_BYTES_MAX);
                break;
            }
        }
        Ok(Answer { status, retry_after, body })
    }

    /// An address that is written as numbers is never resolved, so it is checked here.
    fn check_written_address(&self, secrets: &[&Secret]) -> Result<(), Outcome> {
        let host = self.url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let Ok(address) = bare.parse() else { return Ok(()) };
        self.guard.check(address, self.wire).map_err(|forbidden| Outcome::Locked {
            reason: reason(&forbidden.to_string(), secrets),
        })
    }
}

impl Answer {
    /// What a status alone tells: 2xx is delivered, 410 is the end of the receiver, and 408, 429 and
    /// 5xx are tried again. 400, 413, 415 and 422 are about this message; other answers come from a
    /// wrong address or secret.
    pub(crate) fn by_status(&self, secrets: &[&Secret]) -> Outcome {
        let status = self.status;
        let said = reason(String::from_utf8_lossy(&self.body).trim(), secrets);
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let reason = format!("the receiver answered {status}{said}");
        let is_passing = status.is_server_error()
            || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        match status {
            _ if status.is_success() => Outcome::Delivered,
            _ if is_passing => Outcome::Retry { after: self.retry_after, reason },
            StatusCode::GONE => {
                Outcome::Refused { reason: format!("{reason}; it wants no more messages") }
            }
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => Outcome::Refused { reason },
            _ => Outcome::Locked { reason: format!("{reason}; check the address and the secret") },
        }
    }
}

/// Resolves names and lets only checked addresses through.
#[derive(Clone, Debug)]
struct Checked {
    guard: Guard,
    wire: Wire,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { guard, wire } = self.clone();
        Box::pin(async move {
            let found = guard.resolve(name.as_str(), 0, wire).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A request that brought no answer. The URL may carry a key, which must not reach a log.
fn failed(error: reqwest::Error, secrets: &[&Secret]) -> Outcome {
    let is_builder = error.is_builder();
    let error = error.without_url();
    let reason = reason(&chain(&error), secrets);
    let causes = std::iter::successors(std::error::Error::source(&error), |it| it.source());
    let forbidden = causes.filter_map(|it| it.downcast_ref::<Forbidden>()).next();
    match forbidden {
        Some(Forbidden::Plain { .. } | Forbidden::Private { .. }) => Outcome::Locked { reason },
        Some(Forbidden::Unknown { .. }) | None if is_builder => Outcome::Refused { reason },
        Some(Forbidden::Unknown { .. }) | None => Outcome::Retry { after: None, reason },
    }
}

/// `Retry-After` in seconds; the form with a date is not worth a parser and counts as absent.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// The error and its causes in one line: `reqwest` alone only says that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// `reqwest` and `lettre` bring no cryptography of their own and panic without one.
pub(crate) fn install_ring() {
    if CryptoProvider::get_default().is_none()
        && let Err(_lost_race) = ring::default_provider().install_default()
    {
        tracing::debug!("another thread chose the provider of cryptography first");
    }
}

/// Why a receiver cannot be told anything.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTarget {
    /// No client could be made.
    #[error("no HTTP client could be made")]
    Client(#[from] reqwest::Error),
    /// The address is none.
    #[error("the address is none: {why}")]
    Url {
        /// What is wrong with it.
        why: String,
    },
}

/// A receiver on the plant's network is there at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Standard Webhooks suggests 15 to 30 s; the outbox tries again anyway.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A receiver cannot put us off for longer than this; tickets grow old.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 3_600);

/// A verdict has a hundred bytes; what is longer is not for us.
const BODY_BYTES_MAX: usize = 64 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_leads_to_what_can_be_done_about_it() {
        let check = |status: u16, expected: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let answer = Answer { status, retry_after: None, body: b"key k1 is bad".to_vec() };
            let outcome = format!("{:?}", answer.by_status(&[&Secret::new("k1")]));
            assert!(outcome.starts_with(expected), "{status}: {outcome}");
            assert!(!outcome.contains("k1"), "{outcome}");
        };
        for status in [200, 201, 202, 204] {
            check(status, "Delivered");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            check(status, "Retry");
        }
        for status in [400, 410, 413, 422] {
            check(status, "Refused");
        }
        for status in [301, 302, 401, 403, 404] {
            check(status, "Locked");
        }
    }

    #[test]
    fn an_address_that_cannot_work_is_refused() {
        let guard = Guard::new(&[]).unwrap();
        for url in ["not a url", "ftp://mes/tickets?key=k", "https://?key=k"] {
            let refused = Target::new(url, &guard).unwrap_err().to_string();
            assert!(!refused.contains("key=k"), "{refused}");
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_to_an_address_that_is_not_allowed() {
        let guard = Guard::new(&[]).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for url in [
            format!("http://127.0.0.1:{port}/"),
            format!("https://127.0.0.1:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            format!("http://2130706433:{port}/"),
            format!("http://localhost:{port}/"),
            format!("https://localhost:{port}/"),
        ] {
            let sent = Target::new(&url, &guard).unwrap().post(&[], &[], |it| it).await;
            assert!(matches!(sent, Err(Outcome::Locked { .. })), "{url}: {sent:?}");
        }
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(accepted.is_err(), "somebody connected");
    }
}
