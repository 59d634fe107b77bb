//! Providers of text messages, calls or anything else that takes an HTTP request, by a template.
//!
//! The template says what is sent and what an answer means; no provider is known by name. A blank
//! such as `{text}` stands inside a value, never for a piece of JSON, so no text can change the shape
//! of a request. Deliberately absent: signatures of single makers; put their relay in front.

use std::collections::BTreeMap;

use reqwest::{RequestBuilder, Url, header};
use serde::Deserialize;
use serde_json::Value;

use crate::http::{Answer, InvalidTarget, Target};
use crate::redact::{Secret, reason};
use crate::render::{Parts, cut, facts, title, total};
use crate::{Guard, Message, Outcome, Tongue};

/// The template `forewarn.provider/1`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Always `forewarn.provider/1`.
    pub schema: String,
    /// Where requests go.
    pub url: String,
    /// How the body is written.
    pub body_as: BodyAs,
    /// The body; every text in it may hold blanks.
    pub body: toml::Table,
    /// Further headers; their values may hold blanks.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Longest text in letters; a provider charges by the part.
    #[serde(default = "letters_max")]
    pub text_letters_max: usize,
    /// What stands between two receivers.
    #[serde(default = "comma")]
    pub to_separator: String,
    /// What an accepted message looks like; any 2xx without this.
    pub accepted: Option<Match>,
    /// What "too fast" looks like.
    pub throttled: Option<Match>,
    /// What "this message is not taken" looks like.
    pub refused: Option<Match>,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum BodyAs {
    /// `application/x-www-form-urlencoded`; the body is flat then.
    Form,
    /// `application/json`.
    Json,
}

/// A field of an answer and the values that it must have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Where in the answer's JSON, e.g. `/result/code`.
    pub field: String,
    /// One of these; numbers as text.
    pub is: Vec<String>,
}

impl Match {
    fn holds(&self, body: &Value) -> bool {
        let found = match body.pointer(&self.field) {
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            Some(Value::Array(_) | Value::Null | Value::Object(_)) | None => return false,
        };
        self.is.contains(&found)
    }
}

/// A provider with its receivers.
#[derive(Clone, Debug)]
pub struct Provider {
    target: Target,
    template: Template,
    secret: Secret,
    to: Vec<String>,
    tongue: Tongue,
}

impl Provider {
    /// A provider that sends to all of `to` at once.
    ///
    /// # Errors
    ///
    /// [`InvalidProvider`] names what the template cannot mean.
    pub fn new(
        template: Template,
        secret: Secret,
        to: Vec<String>,
        guard: &Guard,
    ) -> Result<Self, InvalidProvider> {
        if template.schema != SCHEMA {
            return Err(InvalidProvider::Schema { found: template.schema });
        }
        let is_flat = template.body.values().all(|it| !it.is_table() && !it.is_array());
        if template.body_as == BodyAs::Form && !is_flat {
            return Err(InvalidProvider::Nested);
        }
        let texts = template.headers.values().cloned().chain(texts(&template.body));
        for blank in texts.flat_map(|it| blanks(&it)) {
            if !BLANKS.contains(&blank.as_str()) {
                return Err(InvalidProvider::Blank { blank });
            }
        }
        let target = Target::new(&template.url, guard)?;
        Ok(Self { target, template, secret, to, tongue: Tongue::Zh })
    }

    /// The same in another language.
    #[must_use]
    pub fn speaking(mut self, tongue: Tongue) -> Self {
        self.tongue = tongue;
        self
    }

    /// Makes one attempt.
    pub async fn send(&self, message: &Message, now_s: i64) -> Outcome {
        let secrets = [&self.secret];
        let body =
            fill(&Value::Object(json(&self.template.body)), &|it| self.filled(it, message, now_s));
        let shape = |request: RequestBuilder| {
            let request = request.header("idempotency-key", &message.id);
            let headers = self.template.headers.iter();
            let request = headers.fold(request, |it, (name, value)| {
                it.header(name, self.filled(value, message, now_s))
            });
            match self.template.body_as {
                BodyAs::Json => request
                    .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
                    .body(body.to_string()),
                BodyAs::Form => request
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form(&body)),
            }
        };
        match self.target.post(&[], &secrets, shape).await {
            Ok(answer) => self.outcome(&answer, &secrets),
            Err(outcome) => outcome,
        }
    }

    fn outcome(&self, answer: &Answer, secrets: &[&Secret]) -> Outcome {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let is = |found: &Option<Match>| found.as_ref().is_some_and(|it| it.holds(&body));
        let said = reason(String::from_utf8_lossy(&answer.body).trim(), secrets);
        let reason = format!("the provider answered {}: {said}", answer.status.as_u16());
        if is(&self.template.throttled) {
            let after = answer.retry_after.or(Some(THROTTLED_FOR));
            return Outcome::Retry { after, reason };
        }
        if is(&self.template.refused) {
            return Outcome::Refused { reason };
        }
        match answer.by_status(secrets) {
            Outcome::Delivered
                if self.template.accepted.is_none() || is(&self.template.accepted) =>
            {
                Outcome::Delivered
            }
            Outcome::Delivered => Outcome::Retry { after: None, reason },
            other => other,
        }
    }

    /// A text of the template with its blanks filled.
    fn filled(&self, text: &str, message: &Message, now_s: i64) -> String {
        let Message { id, subject, text: words, .. } = message;
        let letters = self.template.text_letters_max;
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((blank, after)) = after.split_once('}') else {
                filled.push('{');
                rest = after;
                continue;
            };
            let value = match blank {
                "id" => id.clone(),
                "link" => words.link.clone().unwrap_or_default(),
                "secret" => self.secret.reveal().to_owned(),
                "subject" => subject.clone(),
                "text" => self.words(message, letters),
                "timestamp" => now_s.to_string(),
                "title" => title(words, self.tongue).chars().take(letters).collect(),
                "to" => {
                    let called = words.addresses(&self.to, |it| it.phone.as_ref());
                    called.join(&self.template.to_separator)
                }
                other => format!("{{{other}}}"),
            };
            filled.push_str(&value);
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// The message in at most so many letters.
    fn words(&self, message: &Message, letters_max: usize) -> String {
        let text = &message.text;
        let lines = facts(text, self.tongue).map(|(label, value)| match label.as_str() {
            "" => value,
            label => format!("{label}：{value}"),
        });
        let tail = [total(text, self.tongue), text.link.clone().unwrap_or_default()];
        let tail = tail.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
        let parts = Parts { head: title(text, self.tongue), lines: lines.collect(), tail };
        // A letter has at most four bytes, so the first fit is generous; then letters are counted.
        let mut bytes_max = letters_max * 4;
        loop {
            let words = parts.fit(bytes_max, self.tongue);
            if words.chars().count() <= letters_max || bytes_max < 16 {
                return words;
            }
            bytes_max -= bytes_max / 8;
        }
    }
}

fn json(table: &toml::Table) -> serde_json::Map<String, Value> {
    table.iter().map(|(name, value)| (name.clone(), json_value(value))).collect()
}

fn json_value(value: &toml::Value) -> Value {
    match value {
        toml::Value::Array(values) => values.iter().map(json_value).collect(),
        toml::Value::Boolean(value) => Value::from(*value),
        toml::Value::Datetime(value) => Value::from(value.to_string()),
        toml::Value::Float(value) => Value::from(*value),
        toml::Value::Integer(value) => Value::from(*value),
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Table(table) => Value::Object(json(table)),
    }
}

fn fill(value: &Value, filled: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|it| fill(it, filled)).collect(),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (name.clone(), fill(value, filled))).collect(),
        ),
        Value::String(text) => Value::from(filled(text)),
        Value::Bool(_) | Value::Null | Value::Number(_) => value.clone(),
    }
}

fn form(body: &Value) -> String {
    // The query of an address has the same letters as a form.
    let mut url = Url::parse("http://form.invalid/").expect("it is an address");
    for (name, value) in body.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        url.query_pairs_mut().append_pair(name, &value);
    }
    url.query().unwrap_or_default().to_owned()
}

fn texts(table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<&toml::Value> = table.values().collect();
    while let Some(value) = waiting.pop() {
        match value {
            toml::Value::Array(values) => waiting.extend(values),
            toml::Value::String(text) => found.push(text.clone()),
            toml::Value::Table(table) => waiting.extend(table.values()),
            _ => {}
        }
    }
    found
}

fn blanks(text: &str) -> Vec<String> {
    let pieces = text.split('{').skip(1);
    let closed = pieces.filter_map(|it| it.split_once('}').map(|(blank, _)| blank));
    closed.map(|it| cut(it, 40).to_owned()).collect()
}

fn letters_max() -> usize {
    140
}

fn comma() -> String {
    ",".to_owned()
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProvider {
    /// A blank that nothing fills.
    #[error("the template has a blank {{{blank}}}; known are {}", BLANKS.join(", "))]
    Blank {
        /// Its name.
        blank: String,
    },
    /// A form has no inner tables.
    #[error("a body that is sent as a form has no tables or lists in it; use body_as = \"json\"")]
    Nested,
    /// Of another version.
    #[error("the template has schema `{found}`; this version reads `{SCHEMA}`")]
    Schema {
        /// What it says.
        found: String,
    },
    /// The address.
    #[error(transparent)]
    Target(#[from] InvalidTarget),
}

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.provider/1";

const BLANKS: [&str; 8] = ["id", "link", "secret", "subject", "text", "timestamp", "title", "to"];

/// How long a throttled provider is left alone when it does not say so itself.
const THROTTLED_FOR: std::time::Duration = std::time::Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Line, Text};
    use forewarn_domain::text::Localized;

    const TEMPLATE: &str = r#"
schema = "forewarn.provider/1"
url = "https://sms.example/send"
body_as = "json"
text_letters_max = 70
headers = { authorization = "Bearer {secret}" }
body = { phones = "{to}", content = { text = "{text}", ref = "{id}" }, kind = 3 }
accepted = { field = "/code", is = ["0"] }
throttled = { field = "/code", is = ["LIMIT"] }
"#;

    fn provider(template: &str) -> Result<Provider, InvalidProvider> {
        let to = vec!["13800000000".to_owned(), "13900000000".to_owned()];
        let template = toml::from_str(template).unwrap();
        Provider::new(template, Secret::new("tok"), to, &Guard::new(&[]).unwrap())
    }

    fn message(title: &str) -> Message {
        Message {
            id: "opened/1".into(),
            site: "plant".parse().unwrap(),
            kind: "ticket.opened.v1".into(),
            subject: "FW-2026-0001".into(),
            at: "2026-11-20T06:02:00Z".parse().unwrap(),
            body: Value::Null,
            text: Text {
                title: Localized::same(title),
                lines: vec![Line::new(Localized::same("设备"), Localized::same("七号冷却泵"))],
                link: Some("https://fw.plant/t/1".into()),
                ..Text::default()
            },
        }
    }

    #[test]
    fn no_text_changes_the_shape_of_a_request() {
        let provider = provider(TEMPLATE).unwrap();
        let message = message(r#"","admin":{to} {"x":"#);
        let body = Value::Object(json(&provider.template.body));
        let body = fill(&body, &|it| provider.filled(it, &message, 0));
        assert_eq!(body["phones"], "13800000000,13900000000");
        assert_eq!(body["content"]["ref"], "opened/1");
        assert_eq!(body["kind"], 3);
        let text = body["content"]["text"].as_str().unwrap();
        assert!(text.starts_with(r#"","admin":{to} {"x":"#), "{text}");
        assert!(text.chars().count() <= 70, "{text}");
        assert_eq!(body.as_object().unwrap().len(), 3);
    }

    #[test]
    fn a_form_is_encoded() {
        let template = TEMPLATE
            .replace("\"json\"", "\"form\"")
            .replace("content = { text = \"{text}\", ref = \"{id}\" }", "content = \"{title}\"");
        let provider = provider(&template).unwrap();
        let message = message("a&b=c 泵");
        let body = Value::Object(json(&provider.template.body));
        let body = fill(&body, &|it| provider.filled(it, &message, 0));
        let expected = "content=a%26b%3Dc+%E6%B3%B5&kind=3&phones=13800000000%2C13900000000";
        assert_eq!(form(&body), expected);
    }

    #[test]
    fn an_answer_means_what_the_template_says() {
        let provider = provider(TEMPLATE).unwrap();
        let told = |status: u16, body: &str| {
            let status = reqwest::StatusCode::from_u16(status).unwrap();
            let answer = Answer { status, retry_after: None, body: body.as_bytes().to_vec() };
            provider.outcome(&answer, &[&provider.secret])
        };
        assert_eq!(told(200, r#"{"code":0}"#), Outcome::Delivered);
        assert_eq!(told(200, r#"{"code":"0"}"#), Outcome::Delivered);
        let after = Some(THROTTLED_FOR);
        assert!(
            matches!(told(200, r#"{"code":"LIMIT"}"#), Outcome::Retry { after: it, .. } if it == after)
        );
        let Outcome::Retry { after: None, reason } = told(200, r#"{"code":9,"m":"tok"}"#) else {
            unreachable!()
        };
        assert!(!reason.contains("tok"), "{reason}");
    }

    #[test]
    fn a_template_that_cannot_be_meant_is_refused_by_name() {
        let check = |from: &str, to: &str, expected: &str| {
            let refused = provider(&TEMPLATE.replace(from, to)).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        };
        check("{text}", "{body}", "{body}");
        check("provider/1", "provider/2", "provider/2");
        check("\"json\"", "\"form\"", "json");
    }
}
