//! JSON from strangers: bounded in size and depth, no key twice, times in four spellings.

use std::fmt;

use forewarn_domain::template::MessageTime;
use forewarn_domain::time::{Span, Time};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a message. A key that stands twice has no meaning that two programs agree on, so the
/// message is refused; depth is limited by the parser (128).
///
/// # Errors
///
/// In words, for a log line and a counter.
pub fn parse(payload: &[u8]) -> Result<Value, String> {
    if JSON_BYTES_MAX < payload.len() {
        return Err(format!("{} bytes; {JSON_BYTES_MAX} are allowed", payload.len()));
    }
    serde_json::from_slice::<Strict>(payload).map(|it| it.0).map_err(|error| error.to_string())
}

/// The time that a message states, and whether it is too far from ours to be trusted. A time in
/// the future is replaced by ours, since everything after it would look late; a time in the past
/// may be a device that kept its readings, and stands.
///
/// # Errors
///
/// The kind of error, for a counter.
pub fn time(
    template: &MessageTime,
    found: Option<&Value>,
    now: Time,
) -> Result<(Time, bool), &'static str> {
    let found = found.ok_or("time_missing")?;
    let t = match (template.unit.as_str(), found) {
        ("rfc3339", Value::String(text)) => text.parse::<Time>().ok().ok_or("time_parse")?,
        (unit, Value::Number(number)) => number_time(unit, number).ok_or("time_parse")?,
        _ => return Err("time_parse"),
    };
    Ok(judged(t, now, template.max_skew.unwrap_or(SKEW_MAX)))
}

/// A stated time against ours.
#[must_use]
pub fn judged(t: Time, now: Time, skew_max: Span) -> (Time, bool) {
    if skew_max < t - now {
        return (now, true);
    }
    (t, skew_max < now - t)
}

fn number_time(unit: &str, number: &serde_json::Number) -> Option<Time> {
    let factor = match unit {
        "s" => 1_000_000,
        "ms" => 1_000,
        "us" => 1,
        _ => return None,
    };
    if let Some(whole) = number.as_i64() {
        return whole.checked_mul(factor).map(Time::from_micros);
    }
    let micros = number.as_f64()? * f64::from(i32::try_from(factor).ok()?);
    whole_micros(micros).map(Time::from_micros)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to lie within 2^53")]
fn whole_micros(micros: f64) -> Option<i64> {
    (micros.abs() < 9e15).then(|| micros.round() as i64)
}

/// Whether the message has an error code for the tag to which a pointer leads.
#[must_use]
pub fn has_error(errors: Option<&str>, pointer: &str, message: &Value) -> bool {
    let tag = pointer.rsplit('/').next().unwrap_or_default();
    let tag = tag.replace("~1", "/").replace("~0", "~");
    let found = errors.and_then(|it| message.pointer(it)).and_then(|it| it.get(tag));
    match found {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Number(code)) => code.as_f64() != Some(0.0),
        Some(_) => true,
    }
}

/// A JSON value in which no key stands twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((key, Strict(value))) = object.next_entry::<String, Strict>()? {
            if values.contains_key(&key) {
                return Err(A::Error::custom(format!("key `{key}` stands twice")));
            }
            values.insert(key, value);
        }
        Ok(Value::Object(values))
    }
}

/// A gateway with a thousand tags sends about 40 kB.
pub const JSON_BYTES_MAX: usize = 256 * 1024;

/// What two clocks without NTP part in a month.
pub const SKEW_MAX: Span = Span::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubtful_json_is_refused_and_never_crashes() {
        assert!(parse(br#"{"a": 1, "a": 2}"#).unwrap_err().contains("`a` stands twice"));
        assert!(parse(&[b'['; 10_000]).is_err());
        assert!(parse(&[b' '; JSON_BYTES_MAX + 1]).unwrap_err().contains("allowed"));
        assert!(parse(br#"{"a": 1e999}"#).is_err());
        assert!(parse(b"\xff\xfe").is_err());
        assert_eq!(parse(br#"{"a": [1, null, "x"]}"#).unwrap().pointer("/a/2").unwrap(), "x");
    }

    #[test]
    fn times_are_read_and_doubted() {
        let now = Time::from_millis(1_800_000_000_000);
        let template = |unit: &str| MessageTime {
            path: "/t".to_owned(),
            unit: unit.to_owned(),
            max_skew: Some(Span::from_secs(60)),
        };
        let read = |unit: &str, text: &str| {
            time(&template(unit), parse(text.as_bytes()).unwrap().pointer("/t"), now)
        };
        assert_eq!(read("ms", r#"{"t": 1800000000000}"#), Ok((now, false)));
        assert_eq!(read("s", r#"{"t": 1800000000.0}"#), Ok((now, false)));
        assert_eq!(read("rfc3339", r#"{"t": "2027-01-15T08:00:00Z"}"#), Ok((now, false)));
        let past = Time::from_millis(1_799_999_000_000);
        assert_eq!(read("ms", r#"{"t": 1799999000000}"#), Ok((past, true)), "its own time stands");
        assert_eq!(read("ms", r#"{"t": 1800009000000}"#), Ok((now, true)), "ours stands in");
        assert_eq!(read("ms", r#"{"t": "x"}"#), Err("time_parse"));
        assert_eq!(read("ms", "{}"), Err("time_missing"));
    }

    #[test]
    fn an_error_code_is_found_under_the_tag_of_the_point() {
        let message = parse(br#"{"errors": {"load": 2014, "ok": 0}}"#).unwrap();
        assert!(has_error(Some("/errors"), "/values/load", &message));
        assert!(!has_error(Some("/errors"), "/values/ok", &message));
        assert!(!has_error(Some("/errors"), "/values/speed", &message));
        assert!(!has_error(None, "/values/load", &message));
    }
}
