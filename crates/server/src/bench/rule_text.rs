//! A text of rules as lines: where a rule stands, and how it reads with one field changed.
//!
//! Comments and everything else stay as people wrote them, which a round trip through the parser
//! would not keep.

use std::ops::Range;

/// The lines of a rule, from its `[[rule]]` to the next one, comments before that one left out;
/// `None` when the text has no such rule.
pub(crate) fn lines_of(text: &str, rule: &str) -> Option<Range<usize>> {
    blocks(text).find(|(_, id)| id.as_deref() == Some(rule)).map(|(lines, _)| lines)
}

/// Every rule of a text with its lines, in order.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = (Range<usize>, Option<String>)> + '_ {
    let lines: Vec<&str> = text.lines().collect();
    let heads: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].trim() == "[[rule]]").collect();
    let ends = heads.iter().skip(1).copied().chain([lines.len()]).collect::<Vec<_>>();
    heads.into_iter().zip(ends).map(move |(head, next)| {
        let is_body = |at: &usize| {
            let line = lines[*at].trim();
            !line.is_empty() && !line.starts_with('#')
        };
        let end = (head..next).rev().find(is_body).map_or(head, |last| last + 1);
        let id = lines[head..end].iter().find_map(|line| value_of(line, "id"));
        (head..end, id.map(|it| it.trim_matches('"').to_owned()))
    })
}

/// The rule's own lines.
pub(crate) fn excerpt(text: &str, lines: &Range<usize>) -> String {
    let own: Vec<&str> = text.lines().skip(lines.start).take(lines.len()).collect();
    own.join("\n")
}

/// The text with one field of a rule set to a value, or removed; `None` when there is no such rule.
///
/// A value that spans several lines is replaced as a whole.
pub(crate) fn with_field(
    text: &str,
    rule: &str,
    field: &str,
    value: Option<&str>,
) -> Option<String> {
    let block = lines_of(text, rule)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let known = block.clone().find(|at| value_of(&lines[*at], field).is_some());
    if let Some(first) = known {
        let count = |line: &str, signs: [char; 2]| line.matches(signs).count();
        let (mut opened, mut closed) = (0, 0);
        let mut last = first;
        loop {
            opened += count(&lines[last], ['[', '{']);
            closed += count(&lines[last], [']', '}']);
            if opened <= closed || block.end <= last + 1 {
                break;
            }
            last += 1;
        }
        let replacement = value.map(|value| format!("{field} = {value}"));
        drop(lines.splice(first..=last, replacement));
    } else if let Some(value) = value {
        let kind = block.clone().find(|at| value_of(&lines[*at], "kind").is_some());
        lines.insert(kind.unwrap_or(block.start) + 1, format!("{field} = {value}"));
    }
    let mut changed = lines.join("\n");
    changed.push('\n');
    Some(changed)
}

/// What stands behind `field =` on a line.
fn value_of<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    let rest = line.trim_start().strip_prefix(field)?.trim_start().strip_prefix('=')?;
    Some(rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "schema = \"forewarn.rule/1\"\nversion = 1\n\n# Hot.\n[[rule]]\nid = \"hot\"\n\
        kind = \"limit\"\nquantity = [\n  \"temperature\",\n]\non = 80.0\n\n# Slow.\n[[rule]]\n\
        id   = \"slow\"\nkind = \"limit\"\n";

    #[test]
    fn a_rule_is_found_with_its_own_lines_only() {
        let lines = lines_of(TEXT, "hot").expect("there");
        assert_eq!(excerpt(TEXT, &lines).lines().last(), Some("on = 80.0"));
        assert_eq!(excerpt(TEXT, &lines_of(TEXT, "slow").expect("there")).lines().count(), 3);
        assert_eq!(lines_of(TEXT, "cold"), None);
    }

    #[test]
    fn one_field_changes_and_everything_else_stays() {
        let gated = with_field(TEXT, "hot", "states", Some("[\"cut\"]")).expect("there");
        let added: Vec<&str> = gated.lines().filter(|it| !TEXT.contains(it)).collect();
        assert_eq!(added, ["states = [\"cut\"]"]);
        assert_eq!(gated.lines().count(), TEXT.lines().count() + 1);
        let narrower =
            with_field(&gated, "hot", "quantity", Some("[\"pressure\"]")).expect("there");
        assert!(narrower.contains("quantity = [\"pressure\"]\non = 80.0"), "{narrower}");
        let back = with_field(&gated, "hot", "states", None).expect("there");
        assert_eq!(back, TEXT);
        assert_eq!(with_field(TEXT, "cold", "on", Some("1.0")), None);
    }
}
