//! Webhooks signed by the Standard Webhooks specification, version 1.
//!
//! The signed text is `id.timestamp.body`, by HMAC-SHA256. Rely on this: a redirect is not
//! followed and proxies of the environment are not used, so a signed ticket goes where the
//! configuration says and nowhere else.

use std::fmt;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use reqwest::{Client, StatusCode, Url, header, redirect};
use rustls::crypto::{CryptoProvider, ring};
use sha2::Sha256;

use crate::{Message, Outcome};

/// A receiver of signed messages.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: Url,
    secrets: Vec<Secret>,
    client: Client,
}

impl Webhook {
    /// A receiver at `url`. With several secrets, each signs: the receiver may change its own
    /// while both are valid.
    ///
    /// # Errors
    ///
    /// [`InvalidWebhook`] names what cannot work.
    pub fn new(url: &str, secrets: Vec<Secret>) -> Result<Self, InvalidWebhook> {
        let refused = |reason| InvalidWebhook::Url { url: url.to_owned(), reason };
        let parsed = Url::parse(url).map_err(|error| refused(error.to_string()))?;
        if !["http", "https"].contains(&parsed.scheme()) {
            return Err(refused("the scheme must be http or https".to_owned()));
        }
        if secrets.is_empty() {
            return Err(InvalidWebhook::NoSecret { url: url.to_owned() });
        }
        install_ring();
        let client = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("forewarn/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { url: parsed, secrets, client })
    }

    /// Makes one attempt. `now_s` is the wall clock in seconds since 1970.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        let body = message.cloud_event();
        let signatures: Vec<String> =
            self.secrets.iter().map(|secret| secret.sign(&message.id, now_s, &body)).collect();
        let answer = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", now_s)
            .header("webhook-signature", signatures.join(" "))
            .body(body)
            .send()
            .await;
        match answer {
            Ok(answer) => outcome(answer.status(), retry_after(answer.headers())),
            // The URL may carry a token of the receiver, which must not reach a log.
            Err(error) if error.is_builder() => {
                Outcome::Refused { reason: chain(&error.without_url()) }
            }
            Err(error) => Outcome::Retry { after: None, reason: chain(&error.without_url()) },
        }
    }
}

/// What the specification asks of senders: 2xx is delivered, 410 is the end, and 408, 429 and 5xx
/// are tried again. Other answers come from a wrong address or secret, which a repetition does
/// not cure.
fn outcome(status: StatusCode, after: Option<Duration>) -> Outcome {
    let reason = format!("the receiver answered {status}");
    let is_passing = status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    match status {
        _ if status.is_success() => Outcome::Delivered,
        _ if is_passing => Outcome::Retry { after, reason },
        StatusCode::GONE => {
            Outcome::Refused { reason: format!("{reason}; it wants no more messages") }
        }
        _ => Outcome::Refused { reason: format!("{reason}; check the address and the secret") },
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

/// `reqwest` brings no cryptography of its own and panics without one.
fn install_ring() {
    if CryptoProvider::get_default().is_none()
        && let Err(_lost_race) = ring::default_provider().install_default()
    {
        tracing::debug!("another thread chose the provider of cryptography first");
    }
}

/// A shared secret, `whsec_<base64>`. It is not shown in logs.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads a secret of 24 to 64 bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`] says what is wrong, without showing the secret.
    pub fn new(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(InvalidSecret::Prefix)?;
        let bytes = STANDARD.decode(encoded)?;
        if SECRET_BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(InvalidSecret::Length { bytes: bytes.len() })
        }
    }

    /// The signature of a message, as it stands in the header.
    fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a text is no secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidSecret {
    /// Not base64.
    #[error("webhook secret is not base64 after `{SECRET_PREFIX}`")]
    Base64(#[from] base64::DecodeError),
    /// Too short to be safe, or longer than receivers take.
    #[error("webhook secret has {bytes} bytes; 24 to 64 are needed")]
    Length {
        /// How many it has.
        bytes: usize,
    },
    /// The beginning is missing, so something else was pasted.
    #[error("webhook secret does not begin with `{SECRET_PREFIX}`")]
    Prefix,
}

/// Why a receiver cannot be told anything.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWebhook {
    /// No client could be made.
    #[error("no HTTP client could be made")]
    Client(#[from] reqwest::Error),
    /// Without a secret the receiver could not know us.
    #[error("webhook `{url}` has no secret; give it at least one")]
    NoSecret {
        /// The address.
        url: String,
    },
    /// The address is none.
    #[error("`{url}` is no address for a webhook: {reason}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

const SECRET_PREFIX: &str = "whsec_";

/// The range of the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A receiver on the plant's network is there at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The specification suggests 15 to 30 s; the outbox tries again anyway.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A receiver cannot put us off for longer than this; tickets grow old.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_signature_fits_the_test_vector() {
        let signature = Secret::new(SECRET).unwrap().sign("msg_1", 1_760_000_000, br#"{"test":1}"#);
        assert_eq!(signature, "v1,XtbNk9qNRf8C0qSfV7k75k7i/ba+XmpuchsH8c+V6Hs=");
    }

    #[test]
    fn a_secret_is_checked_and_never_shown() {
        assert_eq!(Secret::new("MfKQ").unwrap_err(), InvalidSecret::Prefix);
        assert_eq!(Secret::new("whsec_MfKQ").unwrap_err(), InvalidSecret::Length { bytes: 3 });
        assert!(matches!(Secret::new("whsec_***"), Err(InvalidSecret::Base64(_))));
        assert_eq!(format!("{:?}", Secret::new(SECRET).unwrap()), "Secret(..)");
    }

    #[test]
    fn every_answer_leads_to_what_the_specification_asks() {
        let check = |status: u16, expected: &str| {
            let outcome = outcome(StatusCode::from_u16(status).unwrap(), None);
            assert!(format!("{outcome:?}").starts_with(expected), "{status}: {outcome:?}");
        };
        for status in [200, 201, 202, 204] {
            check(status, "Delivered");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            check(status, "Retry");
        }
        for status in [301, 400, 401, 404, 410] {
            check(status, "Refused");
        }
    }

    #[test]
    fn a_webhook_that_cannot_work_is_refused_by_name() {
        let secret = || vec![Secret::new(SECRET).unwrap()];
        let check = |url: &str, secrets, expected: &str| {
            let refused = Webhook::new(url, secrets).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        };
        check("not a url", secret(), "`not a url`");
        check("ftp://mes/tickets", secret(), "http or https");
        check("http://mes/tickets", Vec::new(), "no secret");
    }
}
