//! `WeCom` (企业微信) group robot.
//!
//! The key in the address is the whole secret; there is no signature. The service answers 200 to
//! everything, its verdict is `errcode`. Limits: 20 messages a minute for a robot, 4,096 bytes of
//! UTF-8 for Markdown.
//! Source: developer.work.weixin.qq.com, "群机器人配置说明" and "全局错误码".

use reqwest::header;
use serde_json::json;

use crate::http::{InvalidTarget, Target};
use crate::render::{Parts, facts, open, plain, title, total};
use crate::robot::{Means, verdict};
use crate::{Guard, Message, Outcome, Secret, Text, Tongue};

/// A group robot.
#[derive(Clone, Debug)]
pub struct WeCom {
    target: Target,
    key: Secret,
    tongue: Tongue,
    /// User ids that each message calls.
    mention: Vec<String>,
}

impl WeCom {
    /// The robot of `key` at `url`, [`URL`] unless something stands in front of the service.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`] for an address that is none.
    pub fn new(url: &str, key: Secret, guard: &Guard) -> Result<Self, InvalidTarget> {
        let target = Target::new(url, guard)?;
        Ok(Self { target, key, tongue: Tongue::Zh, mention: Vec::new() })
    }

    /// The same in another language, calling these users.
    #[must_use]
    pub fn speaking(mut self, tongue: Tongue, mention: Vec<String>) -> Self {
        (self.tongue, self.mention) = (tongue, mention);
        self
    }

    /// Makes one attempt.
    pub async fn send(&self, message: &Message) -> Outcome {
        let called = message.text.addresses(&self.mention, |it| it.wecom.as_ref());
        let content = markdown(&message.text, self.tongue, &called);
        let body = json!({"msgtype": "markdown", "markdown": {"content": content}}).to_string();
        let secrets = [&self.key];
        let query = [("key", self.key.reveal())];
        let shape =
            |it: reqwest::RequestBuilder| it.header(header::CONTENT_TYPE, JSON_TYPE).body(body);
        match self.target.post(&query, &secrets, shape).await {
            Ok(answer) => verdict(&answer, &["errcode"], &secrets, means),
            Err(outcome) => outcome,
        }
    }
}

fn markdown(text: &Text, tongue: Tongue, mention: &[String]) -> String {
    let colour = match text.priority.map(|it| it.as_str()) {
        Some("P1" | "P2") => "warning",
        Some(_) => "comment",
        None => "info",
    };
    let head = format!("**<font color=\"{colour}\">{}</font>**", title(text, tongue));
    let lines = facts(text, tongue)
        .map(|(label, value)| match label.as_str() {
            "" => format!("> {value}"),
            label => format!("> {label}：{value}"),
        })
        .collect();
    let link = text.link.as_ref().map(|it| format!("[{}]({it})", open(tongue)));
    let calls = mention.iter().map(|it| format!("<@{}>", plain(it)));
    let tail: Vec<String> = std::iter::once(total(text, tongue))
        .filter(|it| !it.is_empty())
        .chain(link)
        .chain(calls)
        .collect();
    Parts { head, lines, tail: tail.join("\n") }.fit(MARKDOWN_BYTES_MAX, tongue)
}

fn means(code: i64) -> Means {
    match code {
        0 => Means::Delivered,
        // Frequency limits of the interface, of the minute and of parallel calls.
        45_009 | 45_011 | 45_033 => Means::TooFast(60),
        // The key: of no robot, missing, or of a group that is gone; an address list.
        40_001 | 40_014 | 41_001 | 60_020 | 93_000 | 93_008 => Means::Locked,
        // The content: wrong type or form, empty, too long.
        40_008 | 40_035 | 40_058 | 44_004 | 45_002 | 45_008 => Means::Refused,
        _ => Means::Trouble,
    }
}

/// Where the service is.
pub const URL: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";

/// Messages of a robot in a minute: the limit of 20, less a tenth.
pub const PER_MINUTE: u32 = 18;

const MARKDOWN_BYTES_MAX: usize = 4_096;

pub(crate) const JSON_TYPE: &str = "application/json; charset=utf-8";

#[cfg(test)]
mod tests {
    use forewarn_domain::family::Priority;
    use forewarn_domain::text::Localized;

    use super::*;
    use crate::Line;

    #[test]
    fn a_message_is_short_markdown_that_calls_only_whom_it_should() {
        let text = Text {
            title: Localized::new("front bearing wears", "前轴承磨损 <@all>"),
            lines: vec![Line::new(Localized::new("device", "设备"), Localized::same("mill-01"))],
            priority: Some(Priority::P2),
            link: Some("https://fw.plant/tickets/7".into()),
            ..Text::default()
        };
        let expected = "**<font color=\"warning\">[P2] 前轴承磨损 ＜@all＞</font>**\n> 设备：mill-01\n[查看](https://fw.plant/tickets/7)\n<@li>";
        assert_eq!(markdown(&text, Tongue::Zh, &["li".to_owned()]), expected);
    }

    #[test]
    fn a_long_digest_stays_within_the_bytes_of_the_service() {
        let line = |it| Line::new(Localized::same(format!("FW-{it}")), Localized::same("轴承磨损"));
        let text = Text {
            title: Localized::same("1000"),
            lines: (0..1000).map(line).collect(),
            total: Some(Localized::same("FW-2026-0001–1000")),
            ..Text::default()
        };
        let markdown = markdown(&text, Tongue::Both, &[]);
        assert!(markdown.len() <= 4_096, "{}", markdown.len());
        assert!(markdown.contains("FW-2026-0001–1000"));
    }
}
