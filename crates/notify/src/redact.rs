//! Secrets that do not show, and reasons without them.
//!
//! What a receiver answers goes to logs and the health page, and receivers like to repeat what they
//! were sent. So every reason passes here.

use std::fmt;

/// A secret text. It is not shown in logs.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret; blanks and line ends around it, as files have them, do not count.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The secret itself, for those who need it to send.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A reason of readable length, without the secrets and without letters that move a terminal.
pub(crate) fn reason(text: &str, secrets: &[&Secret]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|it| !it.is_empty()) {
        clean = clean.replace(secret.reveal(), "***");
    }
    let clean = clean.chars().map(|it| if it.is_control() { ' ' } else { it });
    clean.take(REASON_CHARS_MAX).collect()
}

/// A reason is read on a page; a whole error page of a proxy helps nobody.
const REASON_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_neither_shown_nor_repeated() {
        let secret = Secret::new(" k-123\n");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        let told = reason("bad key k-123\u{1b}[2J", &[&secret, &Secret::new("")]);
        assert_eq!(told, "bad key *** [2J");
    }
}
