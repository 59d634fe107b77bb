//! What is told: a `CloudEvents` 1.0 envelope for systems, and the same in words for people.

use std::collections::BTreeSet;

use forewarn_domain::family::Priority;
use forewarn_domain::id::SiteId;
use forewarn_domain::people::Reach;
use forewarn_domain::text::{Language, Localized};
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};

/// A message, whole before the first attempt and the same in all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Names the message for good; a receiver knows a repetition by it.
    pub id: String,
    /// Where it happened.
    pub site: SiteId,
    /// What happened: the end of the `CloudEvents` type, e.g. `ticket.created.v1`.
    pub kind: String,
    /// What it happened to, e.g. the number of a ticket.
    pub subject: String,
    /// When it happened.
    pub at: Time,
    /// The thing itself.
    pub body: serde_json::Value,
    /// The same for people.
    pub text: Text,
}

/// What people read. A channel that has less room than this needs cuts the lines, from the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// One line that says it all.
    pub title: Localized,
    /// Facts, the most important first.
    pub lines: Vec<Line>,
    /// Stands there whatever else is cut: in a digest, the numbers of everything in it.
    pub total: Option<Localized>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// Where more is to be read.
    pub link: Option<String>,
    /// What it belongs to; mails of one thread are shown together.
    pub thread: Option<String>,
    /// Whom it is meant for by name, beside whoever reads the channel.
    pub call: Vec<Reach>,
}

impl Text {
    /// The addresses that a channel always has and those of the people who are called, each once.
    pub(crate) fn addresses(
        &self,
        always: &[String],
        of: impl Fn(&Reach) -> Option<&String>,
    ) -> Vec<String> {
        let mut all = always.to_vec();
        all.extend(self.call.iter().filter_map(of).cloned());
        let mut seen = BTreeSet::new();
        all.retain(|it| seen.insert(it.clone()));
        all
    }
}

/// A fact with its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it is; empty for a line that speaks for itself.
    pub label: Localized,
    /// The fact.
    pub value: Localized,
}

impl Line {
    /// A named fact.
    #[must_use]
    pub fn new(label: Localized, value: Localized) -> Self {
        Self { label, value }
    }
}

impl Message {
    /// The bytes of the JSON envelope. Equal messages have equal bytes, which the signature needs.
    #[must_use]
    pub fn cloud_event(&self) -> Vec<u8> {
        let event = CloudEvent {
            specversion: "1.0",
            id: &self.id,
            source: format!("/forewarn/{}", self.site),
            kind: format!("io.forewarn.{}", self.kind),
            subject: &self.subject,
            time: self.at.to_string(),
            datacontenttype: "application/json",
            data: &self.body,
        };
        serde_json::to_vec(&event).expect("text and JSON values are always writable")
    }
}

/// The attributes of `CloudEvents` 1.0, JSON format, in its order.
#[derive(Serialize)]
struct CloudEvent<'m> {
    specversion: &'static str,
    id: &'m str,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    subject: &'m str,
    time: String,
    datacontenttype: &'static str,
    data: &'m serde_json::Value,
}

/// In which language a channel speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Tongue {
    /// Chinese, then English.
    #[default]
    Both,
    /// English.
    En,
    /// Chinese.
    Zh,
}

impl Tongue {
    /// A text in this language; what is the same in both is said once.
    #[must_use]
    pub fn say(self, text: &Localized) -> String {
        let (en, zh) = (text.in_language(Language::En), text.in_language(Language::Zh));
        match self {
            Self::Both if en != zh => format!("{zh} / {en}"),
            Self::Both | Self::En => en.to_owned(),
            Self::Zh => zh.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_cloud_event() {
        let message = Message {
            id: "7d7f".to_owned(),
            site: SiteId::new("plant-1").unwrap(),
            kind: "ticket.created.v1".to_owned(),
            subject: "FW-2026-7".to_owned(),
            at: "2026-11-20T06:02:00Z".parse().unwrap(),
            body: serde_json::json!({"priority": "high"}),
            text: Text::default(),
        };
        let expected = r#"{"specversion":"1.0","id":"7d7f","source":"/forewarn/plant-1","type":"io.forewarn.ticket.created.v1","subject":"FW-2026-7","time":"2026-11-20T06:02:00.000Z","datacontenttype":"application/json","data":{"priority":"high"}}"#;
        assert_eq!(String::from_utf8(message.cloud_event()).unwrap(), expected);
    }

    #[test]
    fn what_is_the_same_in_both_languages_is_said_once() {
        assert_eq!(Tongue::Both.say(&Localized::same("FW-1")), "FW-1");
        assert_eq!(Tongue::Both.say(&Localized::new("device", "设备")), "设备 / device");
        assert_eq!(Tongue::Zh.say(&Localized::new("device", "")), "device");
    }
}
