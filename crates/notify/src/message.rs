//! What is told: a `CloudEvents` 1.0 envelope around a thing's JSON.

use forewarn_domain::id::SiteId;
use forewarn_domain::time::Time;
use serde::Serialize;

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
        };
        let expected = r#"{"specversion":"1.0","id":"7d7f","source":"/forewarn/plant-1","type":"io.forewarn.ticket.created.v1","subject":"FW-2026-7","time":"2026-11-20T06:02:00.000Z","datacontenttype":"application/json","data":{"priority":"high"}}"#;
        assert_eq!(String::from_utf8(message.cloud_event()).unwrap(), expected);
    }
}
