//! Relations between points that hold when the map is right, e.g. the same speed in two units.
//!
//! A relation compares two sums; names are points of the template. It is a formula and no program:
//! `abs(z_in * 25.4 - z_mm) < 0.05`. A missing value makes the answer unknown, not false.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

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
        let mut parser = Parser { text, rest: text, names: Vec::new(), depth: 0 };
        let root = parser.either()?;
        if !parser.rest.trim_start().is_empty() {
            return Err(parser.refuse("an end, `&&` or `||`"));
        }
        Ok(Self { text: text.to_owned(), names: parser.names, root })
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

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    names: Vec<String>,
    depth: usize,
}

impl Parser<'_> {
    fn either(&mut self) -> Result<Node, InvalidRelation> {
        let mut left = self.both()?;
        while self.take("||") {
            left = Node::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Node, InvalidRelation> {
        let mut left = self.compared()?;
        while self.take("&&") {
            left = Node::And(Box::new(left), Box::new(self.compared()?));
        }
        Ok(left)
    }

    fn compared(&mut self) -> Result<Node, InvalidRelation> {
        let left = self.sum()?;
        let signs = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (sign, with) in signs {
            if self.take(sign) {
                return Ok(Node::Compare(with, Box::new(left), Box::new(self.sum()?)));
            }
        }
        Err(self.refuse("`<`, `<=`, `>` or `>=`"))
    }

    fn sum(&mut self) -> Result<Node, InvalidRelation> {
        let mut left = self.product()?;
        loop {
            let function = match () {
                () if self.take("+") => Function::Add,
                () if self.take("-") => Function::Subtract,
                () => return Ok(left),
            };
            left = Node::Apply(function, vec![left, self.product()?]);
        }
    }

    fn product(&mut self) -> Result<Node, InvalidRelation> {
        let mut left = self.atom()?;
        loop {
            let function = match () {
                () if self.take("*") => Function::Multiply,
                () if self.take("/") => Function::Divide,
                () => return Ok(left),
            };
            left = Node::Apply(function, vec![left, self.atom()?]);
        }
    }

    fn atom(&mut self) -> Result<Node, InvalidRelation> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err(self.refuse("fewer than 64 parts"));
        }
        if self.take("-") {
            return Ok(Node::Apply(Function::Subtract, vec![Node::Number(0.0), self.atom()?]));
        }
        if self.take("(") {
            let inner = self.sum()?;
            return if self.take(")") { Ok(inner) } else { Err(self.refuse("`)`")) };
        }
        self.rest = self.rest.trim_start();
        let is_word =
            |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_' || it == '.';
        let end = self.rest.find(|it| !is_word(it)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if let Ok(number) = word.parse::<f64>() {
            self.rest = rest;
            return Ok(Node::Number(number));
        }
        if !word.starts_with(|it: char| it.is_ascii_lowercase()) {
            return Err(self.refuse("a number, a point or `(`"));
        }
        self.rest = rest;
        if self.take("(") { self.call(word) } else { Ok(self.point(word)) }
    }

    fn call(&mut self, word: &str) -> Result<Node, InvalidRelation> {
        let function = match word {
            "abs" => Function::Abs,
            "max" => Function::Max,
            "min" => Function::Min,
            "sqrt" => Function::Sqrt,
            _ => return Err(self.refuse("abs, max, min or sqrt before `(`")),
        };
        let mut arguments = vec![self.sum()?];
        while self.take(",") {
            arguments.push(self.sum()?);
        }
        if !self.take(")") || arguments.len() != function.arguments() {
            return Err(self.refuse("`)` after one argument of abs and sqrt, two of max and min"));
        }
        Ok(Node::Apply(function, arguments))
    }

    fn point(&mut self, word: &str) -> Node {
        let known = self.names.iter().position(|it| it == word);
        Node::Point(known.unwrap_or_else(|| {
            self.names.push(word.to_owned());
            self.names.len() - 1
        }))
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest.trim_start().strip_prefix(sign);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn refuse(&self, expected: &'static str) -> InvalidRelation {
        let column = self.text.len() - self.rest.trim_start().len() + 1;
        InvalidRelation { text: self.text.to_owned(), column, expected }
    }
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
