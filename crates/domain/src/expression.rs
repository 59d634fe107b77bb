//! The condition under which a device is in an operating state, e.g. `running && load > 20`.
//!
//! A condition knows three answers: true, false, and unknown when a value it needs is missing. Names
//! are points, written `point` or `source/point`. No arithmetic, no functions: a condition must be
//! readable by the person who maintains the site file.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::scanner::Scanner;

/// A parsed condition over named values.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    text: String,
    names: Vec<String>,
    root: Node,
}

/// A value that a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand<'a> {
    /// A number; a switch is 0 or 1.
    Number(f64),
    /// A word.
    Text(&'a str),
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Compare { name: usize, with: Comparison, to: Literal },
    Not(Box<Node>),
    Truth { name: usize },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    NotEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Number(f64),
    Text(String),
}

impl Condition {
    /// The condition as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names that it looks at, each once; [`Condition::holds`] takes values in this order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the condition holds; `None` when that depends on a value that is missing.
    #[must_use]
    pub fn holds(&self, values: &[Option<Operand<'_>>]) -> Option<bool> {
        self.root.holds(values)
    }
}

impl Node {
    fn holds(&self, values: &[Option<Operand<'_>>]) -> Option<bool> {
        match self {
            Self::All(parts) => all(parts.iter().map(|part| part.holds(values))),
            Self::Any(parts) => {
                all(parts.iter().map(|part| part.holds(values).map(|it| !it))).map(|it| !it)
            }
            Self::Not(part) => part.holds(values).map(|it| !it),
            Self::Truth { name } => match values.get(*name).copied().flatten()? {
                Operand::Number(value) => Some(0.5 <= value.abs()),
                Operand::Text(text) => Some(!text.is_empty()),
            },
            Self::Compare { name, with, to } => {
                let value = values.get(*name).copied().flatten()?;
                Some(with.holds(value, to))
            }
        }
    }
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut is_known = true;
    for part in parts {
        match part {
            Some(true) => {}
            Some(false) => return Some(false),
            None => is_known = false,
        }
    }
    is_known.then_some(true)
}

impl Comparison {
    fn holds(self, value: Operand<'_>, to: &Literal) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let ordering = match (value, to) {
            (Operand::Number(value), Literal::Number(to)) => value.partial_cmp(to),
            (Operand::Text(value), Literal::Text(to)) => Some(value.cmp(to.as_str())),
            (Operand::Number(_), Literal::Text(_)) | (Operand::Text(_), Literal::Number(_)) => None,
        };
        match self {
            Self::Equal => ordering == Some(Equal),
            Self::NotEqual => ordering != Some(Equal),
            Self::Greater => ordering == Some(Greater),
            Self::GreaterOrEqual => matches!(ordering, Some(Greater | Equal)),
            Self::Less => ordering == Some(Less),
            Self::LessOrEqual => matches!(ordering, Some(Less | Equal)),
        }
    }
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, InvalidCondition> {
        let mut scanner = Scanner::new(text);
        let root = any(&mut scanner).and_then(|root| match scanner.is_at_end() {
            true => Ok(root),
            false => Err("an end, `&&` or `||`"),
        });
        match root {
            Ok(root) => Ok(Self { text: text.to_owned(), names: scanner.names, root }),
            Err(expected) => {
                let column = scanner.column();
                Err(InvalidCondition { text: text.to_owned(), column, expected })
            }
        }
    }
}

impl TryFrom<String> for Condition {
    type Error = InvalidCondition;

    fn try_from(text: String) -> Result<Self, InvalidCondition> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.text
    }
}

/// A part of a condition, or what was expected instead.
type Read<T> = Result<T, &'static str>;

fn any(scanner: &mut Scanner<'_>) -> Read<Node> {
    let mut parts = vec![every(scanner)?];
    while scanner.take("||") {
        parts.push(every(scanner)?);
    }
    Ok(single_or(parts, Node::Any))
}

fn every(scanner: &mut Scanner<'_>) -> Read<Node> {
    let mut parts = vec![negated(scanner)?];
    while scanner.take("&&") {
        parts.push(negated(scanner)?);
    }
    Ok(single_or(parts, Node::All))
}

fn negated(scanner: &mut Scanner<'_>) -> Read<Node> {
    if !scanner.enter(DEPTH_MAX) {
        return Err("fewer than 32 nested parts");
    }
    // `!` alone is a negation, `!=` is not.
    let node = if !scanner.rest().starts_with("!=") && scanner.take("!") {
        Node::Not(Box::new(negated(scanner)?))
    } else if scanner.take("(") {
        let node = any(scanner)?;
        if !scanner.take(")") {
            return Err("`)`");
        }
        node
    } else {
        compared(scanner)?
    };
    scanner.leave();
    Ok(node)
}

fn compared(scanner: &mut Scanner<'_>) -> Read<Node> {
    let name = name(scanner)?;
    let comparisons = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
    ];
    Ok(match scanner.take_one(&comparisons) {
        Some(with) => Node::Compare { name, with, to: literal(scanner)? },
        None => Node::Truth { name },
    })
}

fn name(scanner: &mut Scanner<'_>) -> Read<usize> {
    let name = scanner.word(|letter| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.-/".contains(letter)
    });
    if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        return Err("the name of a point");
    }
    scanner.take(name);
    Ok(scanner.name(name))
}

fn literal(scanner: &mut Scanner<'_>) -> Read<Literal> {
    if scanner.rest().starts_with('"') {
        let quoted = &scanner.rest()[1..];
        let Some((word, _)) = quoted.split_once('"') else {
            return Err("a closing quote");
        };
        scanner.take(&scanner.rest()[..word.len() + 2]);
        return Ok(Literal::Text(word.to_owned()));
    }
    let number = scanner.word(|letter| letter.is_ascii_digit() || ".-+e".contains(letter));
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            scanner.take(number);
            Ok(Literal::Number(value))
        }
        Ok(_) | Err(_) => Err("a number or a quoted word"),
    }
}

fn single_or(mut parts: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// Deep enough for any condition that a person can still read.
const DEPTH_MAX: usize = 32;

/// A text that is no condition.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("condition `{text}`: expected {expected} at column {column}")]
pub struct InvalidCondition {
    /// The refused text.
    pub text: String,
    /// Where, counted from 1.
    pub column: usize,
    /// What would have been right.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, values: &[(&str, Option<f64>)], expected: Option<bool>) {
        let condition: Condition = text.parse().expect("valid");
        let operands: Vec<_> = condition
            .names()
            .iter()
            .map(|name| {
                let (_, value) = values.iter().find(|(it, _)| it == name).expect("value given");
                value.map(Operand::Number)
            })
            .collect();
        assert_eq!(condition.holds(&operands), expected, "{text}");
    }

    #[test]
    fn conditions_follow_the_usual_precedence() {
        let values = [("running", Some(1.0)), ("load", Some(35.0)), ("speed", Some(100.0))];
        check("running && load > 20 && speed > 300", &values, Some(false));
        check("running && load > 20 || speed > 300", &values, Some(true));
        check("running && (load <= 20 || !(speed > 300))", &values, Some(true));
        check("!running", &values, Some(false));
        check("load != 35", &values, Some(false));
    }

    #[test]
    fn a_missing_value_makes_the_answer_unknown_only_where_it_matters() {
        let values = [("running", Some(0.0)), ("load", None)];
        check("running && load > 20", &values, Some(false));
        check("running || load > 20", &values, None);
    }

    #[test]
    fn words_compare_with_quotes() {
        let condition: Condition = "controller/mode == \"AUTO\"".parse().expect("valid");
        assert_eq!(condition.names(), ["controller/mode"]);
        assert_eq!(condition.holds(&[Some(Operand::Text("AUTO"))]), Some(true));
        assert_eq!(condition.holds(&[Some(Operand::Text("MDI"))]), Some(false));
        assert_eq!(condition.holds(&[Some(Operand::Number(1.0))]), Some(false));
    }

    #[test]
    fn a_refusal_names_the_column() {
        for (text, column) in [("load > ", 8), ("&& x", 1), ("load >> 3", 7), ("(load", 6), ("", 1)]
        {
            let error = text.parse::<Condition>().expect_err(text);
            assert_eq!(error.column, column, "{error}");
        }
        assert!("!".repeat(5000).parse::<Condition>().is_err());
    }
}
