//! Relations between points that hold when the map is right, e.g. the same speed in two units.
//!
//! A relation compares two sums; names are points of the template. It is a formula and no program:
//! `abs(z_in * 25.4 - z_mm) < 0.05`. A missing value makes the answer unknown, not false.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::scanner::Scanner;

/// A relation that must hold when the points are mapped right.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Selftest {
    /// The relation.
    pub expr: Relation,
    /// What to say when it does not hold.
    pub say: String,
}

/// A parsed relation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Relation {
    text: String,
    names: Vec<String>,
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    And(Box<Node>, Box<Node>),
    Apply(Function, Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Number(f64),
    Or(Box<Node>, Box<Node>),
    Point(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Abs,
    Add,
    Divide,
    Max,
    Min,
    Multiply,
    Sqrt,
    Subtract,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Relation {
    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The points that it looks at, each once.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether it holds; `None` when a point has no value.
    #[must_use]
    pub fn holds(&self, value: impl Fn(&str) -> Option<f64>) -> Option<bool> {
        let values: Vec<Option<f64>> = self.names.iter().map(|name| value(name)).collect();
        self.root.truth(&values)
    }
}

impl Node {
    fn truth(&self, values: &[Option<f64>]) -> Option<bool> {
        match self {
            Self::And(left, right) => Some(left.truth(values)? && right.truth(values)?),
            Self::Or(left, right) => Some(left.truth(values)? || right.truth(values)?),
            Self::Compare(with, left, right) => {
                let (left, right) = (left.number(values)?, right.number(values)?);
                Some(match with {
                    Comparison::Greater => right < left,
                    Comparison::GreaterOrEqual => right <= left,
                    Comparison::Less => left < right,
                    Comparison::LessOrEqual => left <= right,
                })
            }
            Self::Apply(..) | Self::Number(_) | Self::Point(_) => None,
        }
    }

    fn number(&self, values: &[Option<f64>]) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Point(place) => values.get(*place).copied().flatten(),
            Self::Apply(function, arguments) => {
                let numbers: Vec<f64> =
                    arguments.iter().map(|it| it.number(values)).collect::<Option<_>>()?;
                function.apply(&numbers)
            }
            Self::And(..) | Self::Compare(..) | Self::Or(..) => None,
        }
    }
}

impl Function {
    fn apply(self, numbers: &[f64]) -> Option<f64> {
        Some(match (self, numbers) {
            (Self::Abs, [it]) => it.abs(),
            (Self::Sqrt, [it]) => it.sqrt(),
            (Self::Add, [left, right]) => left + right,
            (Self::Subtract, [left, right]) => left - right,
            (Self::Multiply, [left, right]) => left * right,
            (Self::Divide, [left, right]) => left / right,
            (Self::Min, [left, right]) => left.min(*right),
            (Self::Max, [left, right]) => left.max(*right),
            _ => return None,
        })
    }

    fn arguments(self) -> usize {
        if matches!(self, Self::Abs | Self::Sqrt) { 1 } else { 2 }
    }
}

impl FromStr for Relation {
    type Err = InvalidRelation;

    fn from_str(text: &str) -> Result<Self, InvalidRelation> {
        let mut scanner = Scanner::new(text);
        let root = either(&mut scanner).and_then(|root| match scanner.is_at_end() {
            true => Ok(root),
            false => Err("an end, `&&` or `||`"),
        });
        match root {
            Ok(root) => Ok(Self { text: text.to_owned(), names: scanner.names, root }),
            Err(expected) => {
                let column = scanner.column();
                Err(InvalidRelation { text: text.to_owned(), column, expected })
            }
        }
    }
}

impl TryFrom<String> for Relation {
    type Error = InvalidRelation;

    fn try_from(text: String) -> Result<Self, InvalidRelation> {
        text.parse()
    }
}

impl From<Relation> for String {
    fn from(relation: Relation) -> Self {
        relation.text
    }
}

/// A part of a relation, or what was expected instead.
type Read<T> = Result<T, &'static str>;

fn either(scanner: &mut Scanner<'_>) -> Read<Node> {
    let mut left = both(scanner)?;
    while scanner.take("||") {
        left = Node::Or(Box::new(left), Box::new(both(scanner)?));
    }
    Ok(left)
}

fn both(scanner: &mut Scanner<'_>) -> Read<Node> {
    let mut left = compared(scanner)?;
    while scanner.take("&&") {
        left = Node::And(Box::new(left), Box::new(compared(scanner)?));
    }
    Ok(left)
}

fn compared(scanner: &mut Scanner<'_>) -> Read<Node> {
    let left = sum(scanner)?;
    let signs = [
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let with = scanner.take_one(&signs).ok_or("`<`, `<=`, `>` or `>=`")?;
    Ok(Node::Compare(with, Box::new(left), Box::new(sum(scanner)?)))
}

fn sum(scanner: &mut Scanner<'_>) -> Read<Node> {
    let mut left = product(scanner)?;
    while let Some(function) = scanner.take_one(&[("+", Function::Add), ("-", Function::Subtract)])
    {
        left = Node::Apply(function, vec![left, product(scanner)?]);
    }
    Ok(left)
}

fn product(scanner: &mut Scanner<'_>) -> Read<Node> {
    let mut left = atom(scanner)?;
    while let Some(function) =
        scanner.take_one(&[("*", Function::Multiply), ("/", Function::Divide)])
    {
        left = Node::Apply(function, vec![left, atom(scanner)?]);
    }
    Ok(left)
}

fn atom(scanner: &mut Scanner<'_>) -> Read<Node> {
    if !scanner.enter(DEPTH_MAX) {
        return Err("fewer than 64 parts");
    }
    if scanner.take("-") {
        return Ok(Node::Apply(Function::Subtract, vec![Node::Number(0.0), atom(scanner)?]));
    }
    if scanner.take("(") {
        let inner = sum(scanner)?;
        return if scanner.take(")") { Ok(inner) } else { Err("`)`") };
    }
    let word =
        scanner.word(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_' || it == '.');
    if let Ok(number) = word.parse::<f64>() {
        scanner.take(word);
        return Ok(Node::Number(number));
    }
    if !word.starts_with(|it: char| it.is_ascii_lowercase()) {
        return Err("a number, a point or `(`");
    }
    scanner.take(word);
    if scanner.take("(") { call(scanner, word) } else { Ok(Node::Point(scanner.name(word))) }
}

fn call(scanner: &mut Scanner<'_>, word: &str) -> Read<Node> {
    let function = match word {
        "abs" => Function::Abs,
        "max" => Function::Max,
        "min" => Function::Min,
        "sqrt" => Function::Sqrt,
        _ => return Err("abs, max, min or sqrt before `(`"),
    };
    let mut arguments = vec![sum(scanner)?];
    while scanner.take(",") {
        arguments.push(sum(scanner)?);
    }
    if !scanner.take(")") || arguments.len() != function.arguments() {
        return Err("`)` after one argument of abs and sqrt, two of max and min");
    }
    Ok(Node::Apply(function, arguments))
}

/// More than any relation between registers has.
const DEPTH_MAX: usize = 64;

/// A text that is no relation.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("relation `{text}`: expected {expected} at column {column}")]
pub struct InvalidRelation {
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

    fn holds(text: &str, values: &[(&str, f64)]) -> Option<bool> {
        let value = |name: &str| values.iter().find(|it| it.0 == name).map(|it| it.1);
        text.parse::<Relation>().expect(text).holds(value)
    }

    #[test]
    fn relations_are_computed_as_written() {
        let values = [("z_in", 0.1), ("z_mm", 2.54), ("u", 400.0), ("i", 10.0), ("p", 6.6)];
        assert_eq!(holds("abs(z_in * 25.4 - z_mm) < 0.05", &values), Some(true));
        assert_eq!(holds("abs(z_in*25.4-2*z_mm)<0.05", &values), Some(false));
        assert_eq!(holds("abs(u*i*sqrt(3)/1000 - p) < 0.15*max(p, 1)", &values), Some(true));
        assert_eq!(holds("-u < 0 && (u + i) / 2 >= 205 || p > 100", &values), Some(true));
        assert_eq!(holds("absent > 0", &values), None);
    }

    #[test]
    fn what_is_no_relation_is_refused_with_its_column() {
        for (text, column) in [
            ("z_in", 5),
            ("z_in <", 7),
            ("foo(z) < 1", 5),
            ("abs(z, 1) < 1", 11),
            ("(z < 1", 4),
            ("1 < 2 < 3", 7),
        ] {
            let error = text.parse::<Relation>().expect_err(text);
            assert_eq!(error.column, column, "{error}");
        }
        assert!("(".repeat(5_000).parse::<Relation>().is_err());
        assert!("-".repeat(5_000).parse::<Relation>().is_err());
    }
}
