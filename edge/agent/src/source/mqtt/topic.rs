//! Topic filters of foreign devices: `+`, `#`, and `{asset}` for the device's own name.

/// The filter with the name put in.
#[must_use]
pub fn filter(template: &str, address: &str) -> String {
    template.replace("{asset}", address)
}

/// Whether a filter covers a topic (MQTT 3.1.1, section 4.7).
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_what_the_standard_says() {
        for (pattern, topic, covered) in [
            ("/neuron/+/{asset}/spindle", "/neuron/n1/mill-07/spindle", true),
            ("/neuron/+/{asset}/spindle", "/neuron/n1/mill-08/spindle", false),
            ("cell/{asset}/burst/+", "cell/mill-07/burst/1", true),
            ("cell/{asset}/burst/+", "cell/mill-07/burst", false),
            ("cell/#", "cell", true),
            ("cell/#", "cell/a/b", true),
            ("+", "/a", false),
            ("+/a", "/a", true),
            ("#", "$SYS/broker", false),
        ] {
            assert_eq!(matches(&filter(pattern, "mill-07"), topic), covered, "{pattern} {topic}");
        }
    }
}
