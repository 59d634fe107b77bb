//! What the chat services have in common: a verdict in the body of an answer that is always 200.

use std::time::Duration;

use serde_json::Value;

use crate::Outcome;
use crate::http::Answer;
use crate::redact::{Secret, reason};

/// What a code of a service means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Means {
    /// It arrived.
    Delivered,
    /// The key, the signature, a required word or our address is wrong.
    Locked,
    /// This message is not accepted.
    Refused,
    /// Too fast: nothing arrives for so many seconds.
    TooFast(u64),
    /// Something else, which may pass.
    Trouble,
}

/// Reads the code in one of `fields` of the body. An answer without a code is trouble: a proxy, or a
/// page of another server, must not pass for a delivery.
pub(crate) fn verdict(
    answer: &Answer,
    fields: &[&str],
    secrets: &[&Secret],
    means: impl Fn(i64) -> Means,
) -> Outcome {
    if !answer.status.is_success() {
        // Feishu answers 400 with a code; a gateway answers 429 or 5xx without one.
        if answer.status.is_server_error() || answer.status.as_u16() == 429 {
            return answer.by_status(secrets);
        }
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = fields.iter().find_map(|it| body.get(*it)).and_then(Value::as_i64);
    let said = reason(String::from_utf8_lossy(&answer.body).trim(), secrets);
    let Some(code) = code else {
        let reason = format!("the answer has no code (HTTP {}): {said}", answer.status.as_u16());
        return match answer.by_status(secrets) {
            Outcome::Delivered => Outcome::Retry { after: None, reason },
            other => other,
        };
    };
    let reason = format!("the service answered code {code}: {said}");
    match means(code) {
        Means::Delivered => Outcome::Delivered,
        Means::Locked => Outcome::Locked { reason },
        Means::Refused => Outcome::Refused { reason },
        Means::TooFast(seconds) => {
            Outcome::Retry { after: Some(Duration::from_secs(seconds)), reason }
        }
        Means::Trouble => Outcome::Retry { after: answer.retry_after, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> Outcome {
        let status = reqwest::StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, retry_after: None, body: body.as_bytes().to_vec() };
        verdict(&answer, &["errcode"], &[], |code| match code {
            0 => Means::Delivered,
            1 => Means::TooFast(60),
            _ => Means::Trouble,
        })
    }

    #[test]
    fn only_the_code_of_success_is_a_delivery() {
        assert_eq!(told(200, r#"{"errcode":0}"#), Outcome::Delivered);
        for body in ["", "<html>welcome</html>", "{}", r#"{"errcode":"0"}"#, r#"{"errcode":7}"#] {
            assert!(matches!(told(200, body), Outcome::Retry { after: None, .. }), "{body}");
        }
        let after = Some(Duration::from_secs(60));
        assert!(
            matches!(told(200, r#"{"errcode":1}"#), Outcome::Retry { after: it, .. } if it == after)
        );
        assert!(matches!(told(502, r#"{"errcode":0}"#), Outcome::Retry { .. }));
        assert!(matches!(told(404, ""), Outcome::Locked { .. }));
    }
}
