//! Where a value stands in a message: a JSON pointer (RFC 6901) that can also look for things.
//!
//! Besides names and places a step may be `{asset}`, the device's own name; `key=value`, the first
//! element of a list that has it; or `**` and then `key=value`, the first object at any depth that has
//! it. A step `*` in the path of the time says that the message holds several samples.
//!
//! Rely on this: looking costs at most the message once per point, and its size is limited.

use serde_json::Value;

/// Finds the value to which a pointer leads.
#[must_use]
pub fn find<'a>(message: &'a Value, pointer: &str, address: &str) -> Option<&'a Value> {
    let mut found = message;
    let mut steps = pointer.split('/').skip(usize::from(pointer.starts_with('/')));
    while let Some(step) = steps.next() {
        if pointer.is_empty() {
            break;
        }
        found = if step == "**" {
            let (key, wanted) = steps.next()?.split_once('=')?;
            anywhere(found, &unescaped(key), &unescaped(wanted))?
        } else {
            one_step(found, step, address)?
        };
    }
    Some(found)
}

/// Finds every object to which a pointer with a `**` leads, in the order of the message: a document
/// may hold several observations of one thing.
#[must_use]
pub fn find_all<'a>(message: &'a Value, pointer: &str, address: &str) -> Vec<&'a Value> {
    let Some((before, after)) = pointer.split_once("/**/") else {
        return find(message, pointer, address).into_iter().collect();
    };
    let (looked_for, rest) = match after.split_once('/') {
        Some((looked_for, rest)) => (looked_for, format!("/{rest}")),
        None => (after, String::new()),
    };
    let (Some(root), Some((key, wanted))) =
        (find(message, before, address), looked_for.split_once('='))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    everywhere(root, (&unescaped(key), &unescaped(wanted)), &mut found);
    found.into_iter().filter_map(|it| find(it, &rest, address)).collect()
}

/// The samples of a message, in order, and the prefix that their pointers share: everything up to
/// the first `*` in the path of the time. Without one the message is one sample.
#[must_use]
pub fn samples<'a>(
    message: &'a Value,
    time_path: Option<&str>,
    address: &str,
) -> (Vec<&'a Value>, String) {
    let Some(at) = time_path.and_then(|path| path.find("/*").filter(|at| is_step(path, *at)))
    else {
        return (vec![message], String::new());
    };
    let root = &time_path.unwrap_or_default()[..at];
    let samples = match find(message, root, address) {
        Some(Value::Array(samples)) => samples.iter().collect(),
        // Senders of one sample leave the list out.
        Some(single @ Value::Object(_)) => vec![single],
        _ => Vec::new(),
    };
    (samples, format!("{root}/*"))
}

/// A pointer of the message as a pointer of one of its samples.
#[must_use]
pub fn within<'a>(pointer: &'a str, prefix: &str) -> &'a str {
    if prefix.is_empty() {
        return pointer;
    }
    match pointer.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => pointer,
    }
}

/// The time of a point where each value has one of its own beside it: a path that begins with `../`
/// counts from the value.
#[must_use]
pub fn beside(pointer: &str, path: &str) -> Option<String> {
    let rest = path.strip_prefix("../")?;
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    Some(format!("{parent}/{rest}"))
}

fn is_step(path: &str, at: usize) -> bool {
    let rest = &path[at + "/*".len()..];
    rest.is_empty() || rest.starts_with('/')
}

fn one_step<'a>(value: &'a Value, step: &str, address: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) if step == "{asset}" => fields.get(address),
        Value::Object(fields) => fields.get(&unescaped(step)),
        Value::Array(elements) => match step.split_once('=') {
            Some((key, wanted)) => {
                let (key, wanted) = (unescaped(key), unescaped(wanted));
                elements.iter().find(|it| has(it, &key, &wanted))
            }
            None => elements.get(step.parse::<usize>().ok()?),
        },
        _ => None,
    }
}

/// The parser limits the depth, so this ends.
fn everywhere<'a>(value: &'a Value, of: (&str, &str), found: &mut Vec<&'a Value>) {
    if has(value, of.0, of.1) {
        found.push(value);
        return;
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|it| everywhere(it, of, found)),
        Value::Array(elements) => elements.iter().for_each(|it| everywhere(it, of, found)),
        _ => {}
    }
}

fn anywhere<'a>(value: &'a Value, key: &str, wanted: &str) -> Option<&'a Value> {
    if has(value, key, wanted) {
        return Some(value);
    }
    match value {
        Value::Object(fields) => fields.values().find_map(|it| anywhere(it, key, wanted)),
        Value::Array(elements) => elements.iter().find_map(|it| anywhere(it, key, wanted)),
        _ => None,
    }
}

fn has(value: &Value, key: &str, wanted: &str) -> bool {
    value.get(key).and_then(Value::as_str) == Some(wanted)
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Value {
        serde_json::from_str(
            r#"{"a/b": 1, "tags": [{"name": "acts", "value": 7}, {"name": "load", "value": 8}],
                "press-1": [{"ts": 1, "values": {"t": 20}}, {"ts": 2, "values": {"t": 21}}],
                "deep": [{"Rotary": {"Load": [{"dataItemId": "S1load", "value": 12}]}}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_pointer_names_counts_and_looks_for_things() {
        let message = message();
        let number = |pointer: &str| find(&message, pointer, "press-1").and_then(Value::as_i64);
        assert_eq!(number("/a~1b"), Some(1));
        assert_eq!(number("/tags/1/value"), Some(8));
        assert_eq!(number("/tags/name=acts/value"), Some(7));
        assert_eq!(number("/{asset}/1/values/t"), Some(21));
        assert_eq!(number("/**/dataItemId=S1load/value"), Some(12));
        for absent in ["/x", "/tags/name=x/value", "/tags/9", "/**/dataItemId=S2/value", "/**"] {
            assert_eq!(number(absent), None, "{absent}");
        }
        assert_eq!(find(&message, "", "x"), Some(&message));
        let twice: Value = serde_json::from_str(
            r#"{"l": [{"id": "a", "v": 1}, {"id": "b", "v": 2}, {"id": "a", "v": 3}]}"#,
        )
        .unwrap();
        let all = find_all(&twice, "/**/id=a/v", "x");
        assert_eq!(all.iter().map(|it| it.as_i64()).collect::<Vec<_>>(), [Some(1), Some(3)]);
    }

    #[test]
    fn a_star_in_the_path_of_the_time_makes_several_samples() {
        let message = message();
        let (several, prefix) = samples(&message, Some("/{asset}/*/ts"), "press-1");
        assert_eq!((several.len(), prefix.as_str()), (2, "/{asset}/*"));
        assert_eq!(within("/{asset}/*/values/t", &prefix), "/values/t");
        let list: Value = serde_json::from_str(r#"[{"ts": 1}, {"ts": 2}]"#).unwrap();
        assert_eq!(samples(&list, Some("/*/ts"), "x").0.len(), 2);
        let single: Value = serde_json::from_str(r#"{"ts": 1}"#).unwrap();
        assert_eq!(samples(&single, Some("/*/ts"), "x").0.len(), 1);
        assert_eq!(samples(&single, Some("/ts"), "x"), (vec![&single], String::new()));
        assert_eq!(
            beside("/**/dataItemId=S1/value", "../timestamp").as_deref(),
            Some("/**/dataItemId=S1/timestamp")
        );
    }
}
