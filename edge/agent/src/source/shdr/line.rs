//! One line of SHDR, as MTConnect adapters write it: `time|key|value|key|value…`.
//!
//! Rely on this: each line becomes one of a few known things or a named error; an asset's text, which
//! may be any number of lines, is passed over as a whole. Pure.
//!
//! Source: the adapter protocol of the MTConnect agent of reference.

use std::time::Duration;

use forewarn_domain::time::Time;

/// Remembers where an asset's text ends.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    until: Option<String>,
}

/// What one line is.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// An asset, whose text may follow; assets are not read.
    Asset,
    /// A line of an asset's text.
    Body,
    /// A word of the adapter about itself, or nothing.
    Comment,
    /// A condition: one to a line, with five fields after its key.
    Condition {
        /// When; the time of arrival without one.
        t: Option<Time>,
        /// Which.
        key: String,
        /// `NORMAL`, `WARNING`, `FAULT` or `UNAVAILABLE`.
        level: String,
        /// The controller's own code.
        code: String,
        /// For people.
        text: String,
    },
    /// Values by their keys.
    Observations {
        /// When; the time of arrival without one.
        t: Option<Time>,
        /// Keys and values, in order.
        pairs: Vec<(String, String)>,
    },
    /// The answer to a ping, with the time between two pings that the adapter wants.
    Pong {
        /// See above.
        every: Option<Duration>,
    },
}

impl Reader {
    /// Reads the next line.
    ///
    /// # Errors
    ///
    /// [`LineError`] names what is wrong with it.
    pub fn read(&mut self, line: &str) -> Result<Line, LineError> {
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some(end) = &self.until {
            if line == end {
                self.until = None;
            }
            return Ok(Line::Body);
        }
        // The end of an asset whose beginning we have not seen.
        if line.starts_with(MULTILINE) {
            return Ok(Line::Body);
        }
        if let Some(word) = line.strip_prefix('*') {
            return Ok(comment(word.trim()));
        }
        if line.trim().is_empty() {
            return Ok(Line::Comment);
        }
        let fields: Vec<&str> = line.split('|').collect();
        let (Some(time), Some(rest)) = (fields.first(), fields.get(1..)) else {
            return Err(LineError::Torn { fields: 0 });
        };
        let t = time_of(time)?;
        if rest.first().is_some_and(|key| key.starts_with('@')) {
            self.until =
                rest.last().filter(|it| it.starts_with(MULTILINE)).map(|it| (*it).to_owned());
            return Ok(Line::Asset);
        }
        if let [key, level, code, _severity, _qualifier, text] = rest
            && is_condition(level, code)
        {
            let [key, level, code, text] = [key, level, code, text].map(|it| (*it).to_owned());
            return Ok(Line::Condition { t, key, level, code, text });
        }
        if rest.is_empty() || !rest.len().is_multiple_of(2) {
            return Err(LineError::Torn { fields: rest.len() });
        }
        let pairs = rest.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
        Ok(Line::Observations { t, pairs: pairs.collect() })
    }
}

impl Line {
    /// A condition as one text: its level, and what the controller says of it.
    #[must_use]
    pub fn condition_text(&self) -> String {
        let Self::Condition { level, code, text, .. } = self else { return String::new() };
        let words = [level.as_str(), code, text];
        words.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

fn comment(word: &str) -> Line {
    let Some(rest) = word.strip_prefix("PONG") else { return Line::Comment };
    Line::Pong { every: rest.trim().parse().ok().map(Duration::from_millis) }
}

/// Three pairs look the same. A level is none of the words that other keys have, but for
/// `UNAVAILABLE`; behind that an empty code cannot be a key.
fn is_condition(level: &str, code: &str) -> bool {
    match level.to_ascii_uppercase().as_str() {
        "NORMAL" | "WARNING" | "FAULT" => true,
        "UNAVAILABLE" => code.is_empty(),
        _ => false,
    }
}

/// Behind an `@` stands how long the values were sampled.
fn time_of(text: &str) -> Result<Option<Time>, LineError> {
    let at = text.split('@').next().unwrap_or_default().trim();
    if at.is_empty() {
        return Ok(None);
    }
    at.parse().map(Some).map_err(|_not_one| LineError::Time { text: at.chars().take(40).collect() })
}

/// What announces the text of an asset, and ends it.
const MULTILINE: &str = "--multiline--";

/// Why a line was left out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LineError {
    /// A key without a value, or nothing at all.
    #[error("{fields} fields stand behind the time; keys and values come in pairs")]
    Torn {
        /// How many.
        fields: usize,
    },
    /// Not a time.
    #[error("`{text}` is no time; RFC 3339 is expected")]
    Time {
        /// What stands there.
        text: String,
    },
}
