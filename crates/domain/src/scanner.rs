//! Goes through a small formula from left to right: signs, words, names, and where it went wrong.
//!
//! Deliberately absent: a grammar. Conditions and relations each have their own.

/// What is left of a formula, and the names that it has used.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
    /// Each name once, in the order of first use.
    pub(crate) names: Vec<String>,
    depth: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, rest: text.trim_start(), names: Vec::new(), depth: 0 }
    }

    /// What comes next, without blanks before it.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The column of what comes next, counted from 1.
    pub(crate) fn column(&self) -> usize {
        self.text.len() - self.rest.len() + 1
    }

    /// Takes a sign, if it comes next.
    pub(crate) fn take(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest.trim_start();
        true
    }

    /// Takes the first sign that comes next; what it stands for.
    pub(crate) fn take_one<T: Copy>(&mut self, signs: &[(&str, T)]) -> Option<T> {
        signs.iter().find(|(sign, _)| self.take(sign)).map(|(_, what)| *what)
    }

    /// The letters that come next, as far as they are of a kind; they are not taken.
    pub(crate) fn word(&self, is_of_it: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !is_of_it(letter)).unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    /// The place of a name among the names.
    pub(crate) fn name(&mut self, name: &str) -> usize {
        self.names.iter().position(|it| it == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    /// Goes into a part; whether that is still less deep than `most`.
    pub(crate) fn enter(&mut self, most: usize) -> bool {
        self.depth += 1;
        self.depth <= most
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }
}
