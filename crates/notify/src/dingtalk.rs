//! `DingTalk` (钉钉) group robot with a signature.
//!
//! The signature is base64 of HMAC-SHA256 over `timestamp`, a line end and the secret, keyed with the
//! secret; `timestamp` in milliseconds must be within an hour. The verdict is `errcode` in an answer
//! that is always 200. Limits: 20 messages a minute, then 10 minutes of nothing.
//! Source: open.dingtalk.com, "自定义机器人接入" and "自定义机器人安全设置".

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use reqwest::header;
use serde_json::json;
use sha2::Sha256;

use crate::http::{InvalidTarget, Target};
use crate::render::{Parts, facts, open, title, total};
use crate::robot::{Means, verdict};
use crate::wecom::JSON_TYPE;
use crate::{Guard, Message, Outcome, Secret, Text, Tongue};

/// A group robot.
#[derive(Clone, Debug)]
pub struct DingTalk {
    target: Target,
    token: Secret,
    secret: Secret,
    tongue: Tongue,
    /// Telephone numbers that each message calls.
    mention: Vec<String>,
}

impl DingTalk {
    /// The robot of `token`, signing with `secret`, at `url`, [`URL`] unless something stands in front
    /// of the service.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`] for an address that is none.
    pub fn new(
        url: &str,
        token: Secret,
        secret: Secret,
        guard: &Guard,
    ) -> Result<Self, InvalidTarget> {
        let target = Target::new(url, guard)?;
        Ok(Self { target, token, secret, tongue: Tongue::Zh, mention: Vec::new() })
    }

    /// The same in another language, calling these telephone numbers.
    #[must_use]
    pub fn speaking(mut self, tongue: Tongue, mention: Vec<String>) -> Self {
        (self.tongue, self.mention) = (tongue, mention);
        self
    }

    /// Makes one attempt.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        let timestamp = now_s.saturating_mul(1_000).to_string();
        let sign = sign(&timestamp, &self.secret);
        let called =
            message.text.addresses(&self.mention, |it| it.dingtalk.as_ref().or(it.phone.as_ref()));
        let text = markdown(&message.text, self.tongue, &called);
        let body = json!({
            "msgtype": "markdown",
            "markdown": {"title": title(&message.text, self.tongue), "text": text},
            "at": {"atMobiles": called, "isAtAll": false},
        })
        .to_string();
        let secrets = [&self.token, &self.secret];
        let query = [
            ("access_token", self.token.reveal()),
            ("timestamp", timestamp.as_str()),
            ("sign", sign.as_str()),
        ];
        let shape =
            |it: reqwest::RequestBuilder| it.header(header::CONTENT_TYPE, JSON_TYPE).body(body);
        match self.target.post(&query, &secrets, shape).await {
            Ok(answer) => verdict(&answer, &["errcode"], &secrets, means),
            Err(outcome) => outcome,
        }
    }
}

/// The signature in base64; the query of the address encodes it once more.
fn sign(timestamp_ms: &str, secret: &Secret) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp_ms}\n{}", secret.reveal()).as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn markdown(text: &Text, tongue: Tongue, mention: &[String]) -> String {
    let head = format!("### {}\n", title(text, tongue));
    let lines = facts(text, tongue)
        .map(|(label, value)| match label.as_str() {
            "" => format!("- {value}"),
            label => format!("- **{label}**：{value}"),
        })
        .collect();
    let link = text.link.as_ref().map(|it| format!("\n[{}]({it})", open(tongue)));
    let calls = mention.iter().map(|it| format!("@{it}")).collect::<Vec<_>>().join(" ");
    let tail: Vec<String> = [Some(total(text, tongue)), link, Some(calls)]
        .into_iter()
        .flatten()
        .filter(|it| !it.is_empty())
        .collect();
    Parts { head, lines, tail: tail.join("\n") }.fit(MARKDOWN_BYTES_MAX, tongue)
}

fn means(code: i64) -> Means {
    match code {
        0 => Means::Delivered,
        // Too fast: the robot is shut for ten minutes.
        130_101 | 302_033 | 410_100 | 90_018 | 90_030 => Means::TooFast(600),
        // Signature, keyword or address list; the token; the robot was taken away.
        300_001 | 300_005 | 310_000 | 400_013 | 400_101 | 400_102 | 400_106 | 40_035 => {
            Means::Locked
        }
        // The content: type, form, forbidden words or links, length.
        400_105 | 430_101 | 430_102 | 430_103 | 430_104 | 460_101 => Means::Refused,
        _ => Means::Trouble,
    }
}

/// Where the service is.
pub const URL: &str = "https://oapi.dingtalk.com/robot/send";

/// Messages of a robot in a minute: the limit of 20, less a tenth.
pub const PER_MINUTE: u32 = 18;

/// Well below the 20,000 bytes that the service names for a message.
const MARKDOWN_BYTES_MAX: usize = 6_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_fits_the_test_vector() {
        let signature = sign("1760000000000", &Secret::new("SECtest"));
        assert_eq!(signature, "6IoghBKw49dqVHyzlGNfS7+DTE6hHTbyKMslbn3uzKI=");
        let mut url = reqwest::Url::parse(URL).unwrap();
        url.query_pairs_mut().append_pair("sign", &signature);
        let encoded = "sign=6IoghBKw49dqVHyzlGNfS7%2BDTE6hHTbyKMslbn3uzKI%3D";
        assert_eq!(url.query(), Some(encoded));
    }
}
