//! Feishu (飞书, Lark) group robot with a signature.
//!
//! The signature is base64 of HMAC-SHA256 over nothing, keyed with `timestamp`, a line end and the
//! secret; both stand in the body, `timestamp` in seconds. The verdict is `code`. Limits: 100 messages
//! a minute, 5 a second, 20 KB a body.
//! Source: open.feishu.cn, "自定义机器人使用指南".

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
pub struct Feishu {
    target: Target,
    hook: Secret,
    secret: Secret,
    tongue: Tongue,
}

impl Feishu {
    /// The robot whose address ends in `hook`, signing with `secret`. `url` is the address without
    /// that end, [`URL`] or its like of Lark.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`] for an address that is none.
    pub fn new(
        url: &str,
        hook: Secret,
        secret: Secret,
        guard: &Guard,
    ) -> Result<Self, InvalidTarget> {
        let target =
            Target::new(&format!("{}/{}", url.trim_end_matches('/'), hook.reveal()), guard)?;
        Ok(Self { target, hook, secret, tongue: Tongue::Zh })
    }

    /// The same in another language.
    #[must_use]
    pub fn speaking(mut self, tongue: Tongue) -> Self {
        self.tongue = tongue;
        self
    }

    /// Makes one attempt.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        let timestamp = now_s.to_string();
        let body = json!({
            "timestamp": timestamp,
            "sign": sign(&timestamp, &self.secret),
            "msg_type": "interactive",
            "card": card(&message.text, self.tongue),
        })
        .to_string();
        let secrets = [&self.hook, &self.secret];
        let shape =
            |it: reqwest::RequestBuilder| it.header(header::CONTENT_TYPE, JSON_TYPE).body(body);
        match self.target.post(&[], &secrets, shape).await {
            Ok(answer) => verdict(&answer, &["code", "StatusCode"], &secrets, means),
            Err(outcome) => outcome,
        }
    }
}

/// The odd one among the signatures: the message is empty, the key is not.
fn sign(timestamp_s: &str, secret: &Secret) -> String {
    let key = format!("{timestamp_s}\n{}", secret.reveal());
    let mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    STANDARD.encode(mac.finalize().into_bytes())
}

fn card(text: &Text, tongue: Tongue) -> serde_json::Value {
    let template = match text.priority.map(|it| it.as_str()) {
        Some("P1") => "red",
        Some("P2") => "orange",
        Some(_) => "blue",
        None => "grey",
    };
    let lines = facts(text, tongue)
        .map(|(label, value)| match label.as_str() {
            "" => value,
            label => format!("**{label}**：{value}"),
        })
        .collect();
    let called = text.addresses(&[], |it| it.feishu.as_ref());
    let calls = called.iter().map(|it| format!("<at id={it}></at>")).collect::<Vec<_>>().join(" ");
    let tail = [total(text, tongue), calls].into_iter().filter(|it| !it.is_empty());
    let tail = tail.collect::<Vec<_>>().join("\n");
    let parts = Parts { head: String::new(), lines, tail };
    let content = parts.fit(CONTENT_BYTES_MAX, tongue);
    let mut elements = vec![json!({
        "tag": "div", "text": {"tag": "lark_md", "content": content.trim_start()},
    })];
    if let Some(link) = &text.link {
        elements.push(json!({"tag": "action", "actions": [{
            "tag": "button", "type": "primary", "url": link,
            "text": {"tag": "plain_text", "content": open(tongue)},
        }]}));
    }
    json!({
        "config": {"wide_screen_mode": true},
        "header": {
            "title": {"tag": "plain_text", "content": title(text, tongue)},
            "template": template,
        },
        "elements": elements,
    })
}

fn means(code: i64) -> Means {
    match code {
        0 => Means::Delivered,
        // Limits of the tenant, of the robot and of the gateway.
        9_499 | 11_232 | 230_020 | 99_991_400 => Means::TooFast(60),
        // Robot or hook gone; signature, address list, keyword.
        19_001 | 19_003 | 19_007 | 19_021 | 19_022 | 19_024 => Means::Locked,
        // The content: form, size, card.
        9_002 | 19_002 | 11_246 | 11_247 | 230_001 | 230_025 | 230_099 => Means::Refused,
        _ => Means::Trouble,
    }
}

/// Where the service is, up to the last part of a robot's address.
pub const URL: &str = "https://open.feishu.cn/open-apis/bot/v2/hook";

/// Messages of a robot in a minute: the limit of 100, less a tenth.
pub const PER_MINUTE: u32 = 90;

/// A body has at most 20 KB; JSON needs up to twice the bytes of a text with many quotes.
const CONTENT_BYTES_MAX: usize = 9_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Line;
    use forewarn_domain::text::Localized;

    #[test]
    fn the_signature_fits_the_test_vector() {
        let signature = sign("1760000000", &Secret::new("SECtest"));
        assert_eq!(signature, "vQyVNHdGRcb1jk7vJ4CJQoleqJ0ATbUFJF4QQNER8DY=");
    }

    #[test]
    fn the_largest_card_fits_a_body() {
        let line = || Line::new(Localized::same("\"\\\""), Localized::same("\"".repeat(60)));
        let text = Text {
            title: Localized::same("\"".repeat(200)),
            lines: std::iter::repeat_with(line).take(1000).collect(),
            ..Text::default()
        };
        let bytes = card(&text, Tongue::Both).to_string().len();
        assert!(bytes < 20_000, "{bytes}");
    }
}
