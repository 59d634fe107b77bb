//! Webhooks signed by the Standard Webhooks specification, version 1.
//!
//! The signed text is `id.timestamp.body`, by HMAC-SHA256. The body is a `CloudEvents` 1.0 envelope.
//! Rely on this: the id is the same for all attempts of a message, and stands in `Idempotency-Key` too.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use reqwest::header;
use sha2::Sha256;

use crate::http::{InvalidTarget, Target};
use crate::{Guard, Message, Outcome, Secret};

/// A receiver of signed messages.
#[derive(Clone, Debug)]
pub struct Webhook {
    target: Target,
    keys: Vec<SigningKey>,
}

impl Webhook {
    /// A receiver at `url`. With several keys, each signs: the receiver may change its own while both
    /// are valid.
    ///
    /// # Errors
    ///
    /// [`InvalidWebhook`] names what cannot work.
    pub fn new(url: &str, keys: Vec<SigningKey>, guard: &Guard) -> Result<Self, InvalidWebhook> {
        if keys.is_empty() {
            return Err(InvalidWebhook::NoSecret);
        }
        Ok(Self { target: Target::new(url, guard)?, keys })
    }

    /// Makes one attempt. `now_s` is the wall clock in seconds since 1970.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        let body = message.cloud_event();
        let signatures: Vec<String> =
            self.keys.iter().map(|key| key.sign(&message.id, now_s, &body)).collect();
        let secrets: Vec<&Secret> = self.keys.iter().map(|it| &it.text).collect();
        let shape = |it: reqwest::RequestBuilder| {
            it.header(header::CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
                .header("webhook-id", &message.id)
                .header("webhook-timestamp", now_s)
                .header("webhook-signature", signatures.join(" "))
                .header("idempotency-key", &message.id)
                .body(body)
        };
        match self.target.post(&[], &secrets, shape).await {
            Ok(answer) => answer.by_status(&secrets),
            Err(outcome) => outcome,
        }
    }
}

/// A shared secret, `whsec_<base64>`. It is not shown in logs.
#[derive(Clone)]
pub struct SigningKey {
    bytes: Vec<u8>,
    text: Secret,
}

impl SigningKey {
    /// Reads a secret of 24 to 64 bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`] says what is wrong, without showing the secret.
    pub fn new(secret: &Secret) -> Result<Self, InvalidSecret> {
        let encoded = secret.reveal().strip_prefix(SECRET_PREFIX).ok_or(InvalidSecret::Prefix)?;
        let bytes = STANDARD.decode(encoded)?;
        if SECRET_BYTES.contains(&bytes.len()) {
            Ok(Self { bytes, text: secret.clone() })
        } else {
            Err(InvalidSecret::Length { bytes: bytes.len() })
        }
    }

    /// The signature of a message, as it stands in the header.
    fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.bytes).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
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
    /// The address.
    #[error(transparent)]
    Target(#[from] InvalidTarget),
    /// Without a secret the receiver could not know us.
    #[error("the webhook has no secret; give it at least one")]
    NoSecret,
}

const SECRET_PREFIX: &str = "whsec_";

/// The range of the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn key(text: &str) -> Result<SigningKey, InvalidSecret> {
        SigningKey::new(&Secret::new(text))
    }

    #[test]
    fn the_signature_fits_the_test_vector() {
        let signature = key(SECRET).unwrap().sign("msg_1", 1_760_000_000, br#"{"test":1}"#);
        assert_eq!(signature, "v1,XtbNk9qNRf8C0qSfV7k75k7i/ba+XmpuchsH8c+V6Hs=");
    }

    #[test]
    fn a_secret_is_checked_and_never_shown() {
        assert_eq!(key("MfKQ").unwrap_err(), InvalidSecret::Prefix);
        assert_eq!(key("whsec_MfKQ").unwrap_err(), InvalidSecret::Length { bytes: 3 });
        assert!(matches!(key("whsec_***"), Err(InvalidSecret::Base64(_))));
        assert_eq!(format!("{:?}", key(SECRET).unwrap()), "SigningKey(..)");
    }

    #[test]
    fn a_webhook_without_a_secret_is_refused() {
        let guard = Guard::new(&[]).unwrap();
        let refused = Webhook::new("https://mes.example/tickets", Vec::new(), &guard);
        assert!(matches!(refused, Err(InvalidWebhook::NoSecret)));
    }
}
