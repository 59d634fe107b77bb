//! Arguments of a bench, as `--name value` or `--name`; cargo's own `--bench` is passed over.

use std::fmt::Display;
use std::str::FromStr;

use crate::Failure;

/// The words after the program's name.
#[derive(Clone, Debug)]
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// Whether a flag such as `--quick` was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word == name)
    }

    /// The word behind a name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|word| word == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    /// A name with the word behind it, for another process; nothing when it was not given.
    #[must_use]
    pub fn pair(&self, name: &str) -> Vec<String> {
        self.text(name).map(|text| vec![name.to_owned(), text.to_owned()]).unwrap_or_default()
    }

    /// What every process of a scenario must agree upon.
    #[must_use]
    pub fn of_scenario(&self) -> Vec<String> {
        let mut words = Vec::new();
        for name in ["--scenario", "--devices", "--seconds"] {
            words.extend(self.pair(name));
        }
        if self.has("--quick") {
            words.push("--quick".to_owned());
        }
        words
    }

    /// The value behind a name, or another one.
    ///
    /// # Errors
    ///
    /// A text that names the argument which is not understood.
    pub fn value<T>(&self, name: &str, otherwise: T) -> Result<T, Failure>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.text(name) else { return Ok(otherwise) };
        text.parse().map_err(|error| format!("{name} {text}: {error}").into())
    }
}
