//! The glossary `forewarn.glossary/1`: which words of maintenance mean the same, in both languages.
//!
//! Data in `models/glossary.toml`. Reading is strict: unknown keys are refused, and a word stands in
//! one entry only, so that the notions of a text do not depend on the order of the file.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::words::{Token, is_chinese, split, stem};

/// Words and the notions behind them.
#[derive(Clone, Debug)]
pub struct Glossary {
    names: Vec<Notion>,
    /// English: up to [`WORDS_MAX`] stems in a row, joined by a blank.
    english: HashMap<String, usize>,
    chinese: HashMap<String, usize>,
    negations: Vec<Vec<String>>,
}

/// A notion with the words by which people know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notion {
    /// Its name in the file.
    pub id: String,
    /// The first English word.
    pub en: String,
    /// The first Chinese word.
    pub zh: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GlossaryFile {
    schema: String,
    negation: Vec<String>,
    concept: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    en: Vec<String>,
    zh: Vec<String>,
}

impl Glossary {
    /// Reads a glossary file.
    ///
    /// # Errors
    ///
    /// [`GlossaryError`] for the first contradiction.
    pub fn parse(text: &str) -> Result<Self, GlossaryError> {
        let file: GlossaryFile = toml::from_str(text).map_err(Box::new)?;
        if file.schema != SCHEMA {
            return Err(GlossaryError::Schema { found: file.schema });
        }
        let mut negations: Vec<Vec<String>> =
            file.negation.iter().map(|it| words_of(&split(it))).collect();
        negations.sort_by_key(|it| std::cmp::Reverse(it.len()));
        let mut glossary =
            Self { names: Vec::new(), english: HashMap::new(), chinese: HashMap::new(), negations };
        for (id, entry) in file.concept {
            glossary.take(id, &entry)?;
        }
        Ok(glossary)
    }

    /// The glossary that comes with the program.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("a test parses the same text")
    }

    /// A notion by its place.
    #[must_use]
    pub fn notion(&self, place: usize) -> Option<&Notion> {
        self.names.get(place)
    }

    /// The text as stems, every negation as `not`; Chinese runs stay as they are.
    #[must_use]
    pub fn stems(&self, text: &str) -> Vec<Token> {
        let tokens = split(text);
        let mut stems = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let rest = tokens.get(at..).unwrap_or_default();
            if let Some(len) = self.negated(rest) {
                stems.push(Token::Word(NOT.to_owned()));
                at += len;
                continue;
            }
            stems.push(match token {
                Token::Word(word) => Token::Word(stem(word)),
                Token::Chinese(run) => Token::Chinese(run.clone()),
            });
            at += 1;
        }
        stems
    }

    /// The notions of a text in its order, by their places.
    #[must_use]
    pub fn notions(&self, stems: &[Token]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(token) = stems.get(at) {
            match token {
                Token::Word(_) => {
                    let (len, notion) = self.english_at(stems.get(at..).unwrap_or_default());
                    found.extend(notion);
                    at += len;
                }
                Token::Chinese(run) => {
                    self.chinese_in(run, &mut found);
                    at += 1;
                }
            }
        }
        found
    }

    fn take(&mut self, id: String, entry: &Entry) -> Result<(), GlossaryError> {
        let place = self.names.len();
        for word in &entry.en {
            let key = words_of(&self.stems(word)).join(" ");
            if key.is_empty() || WORDS_MAX < key.split(' ').count() {
                return Err(GlossaryError::Word { id, word: word.clone() });
            }
            // Two inflections of one word are one key of the same entry.
            if let Some(other) = self.english.insert(key, place)
                && other != place
            {
                return Err(self.twice(word, &id, other));
            }
        }
        for word in &entry.zh {
            if !word.chars().any(is_chinese) || ZH_CHARS_MAX < word.chars().count() {
                return Err(GlossaryError::Word { id, word: word.clone() });
            }
            if let Some(other) = self.chinese.insert(word.to_lowercase(), place) {
                return Err(self.twice(word, &id, other));
            }
        }
        let first = |words: &[String]| words.first().cloned().unwrap_or_default();
        self.names.push(Notion { en: first(&entry.en), zh: first(&entry.zh), id });
        Ok(())
    }

    fn twice(&self, word: &str, id: &str, other: usize) -> GlossaryError {
        let other = self.names.get(other).map_or(id, |it| &it.id).to_owned();
        GlossaryError::Twice { word: word.to_owned(), id: id.to_owned(), other }
    }

    fn negated(&self, tokens: &[Token]) -> Option<usize> {
        let is_here = |phrase: &&Vec<String>| {
            phrase.len() <= tokens.len()
                && phrase.iter().zip(tokens).all(|(word, token)| token.is_word(word))
        };
        self.negations.iter().find(is_here).map(Vec::len)
    }

    /// The longest entry that begins here: how many words it takes, and its notion.
    fn english_at(&self, stems: &[Token]) -> (usize, Option<usize>) {
        for len in (1..=WORDS_MAX.min(stems.len())).rev() {
            let words = words_of(stems.get(..len).unwrap_or_default());
            if words.len() < len {
                continue;
            }
            if let Some(notion) = self.english.get(&words.join(" ")) {
                return (len, Some(*notion));
            }
        }
        (1, None)
    }

    fn chinese_in(&self, run: &str, found: &mut Vec<usize>) {
        let letters: Vec<char> = run.chars().collect();
        let mut at = 0;
        while at < letters.len() {
            let longest = (1..=ZH_CHARS_MAX.min(letters.len() - at)).rev().find_map(|len| {
                let word: String = letters.get(at..at + len)?.iter().collect();
                self.chinese.get(&word).map(|notion| (len, *notion))
            });
            match longest {
                Some((len, notion)) => {
                    found.push(notion);
                    at += len;
                }
                None => at += 1,
            }
        }
    }
}

fn words_of(tokens: &[Token]) -> Vec<String> {
    tokens
        .iter()
        .filter_map(|it| match it {
            Token::Word(word) => Some(word.clone()),
            Token::Chinese(_) => None,
        })
        .collect()
}

/// Why a text is no glossary.
#[derive(Debug, thiserror::Error)]
pub enum GlossaryError {
    /// Another schema.
    #[error("the glossary's schema is `{found}`; `{SCHEMA}` is expected")]
    Schema {
        /// What was found.
        found: String,
    },
    /// Not TOML, or keys that nobody knows.
    #[error("the glossary does not read")]
    Toml(#[from] Box<toml::de::Error>),
    /// A word means two things.
    #[error("glossary: `{word}` stands in `{other}` and in `{id}`; keep one of them")]
    Twice {
        /// The word.
        word: String,
        /// Where it was met again.
        id: String,
        /// Where it stood before.
        other: String,
    },
    /// A word that could never match.
    #[error("glossary: `{word}` of `{id}` is empty, too long or of the other language")]
    Word {
        /// The entry.
        id: String,
        /// The word.
        word: String,
    },
}

/// The only schema that this version reads.
pub(super) const SCHEMA: &str = "forewarn.glossary/1";

const BUILT_IN: &str = include_str!("../../../../models/glossary.toml");

const NOT: &str = "not";

/// Longest English entry, in words.
const WORDS_MAX: usize = 3;

/// Longest Chinese entry, in letters.
const ZH_CHARS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        let glossary = Glossary::built_in();
        let places = glossary.notions(&glossary.stems(text));
        places.iter().map(|it| glossary.notion(*it).expect("known").id.clone()).collect()
    }

    #[test]
    fn the_shipped_glossary_is_free_of_contradictions() {
        let glossary = Glossary::parse(BUILT_IN).unwrap_or_else(|error| panic!("{error:?}"));
        assert!(100 <= glossary.names.len(), "{} notions", glossary.names.len());
        assert!(glossary.names.iter().all(|it| it.zh.chars().any(is_chinese)));
    }

    #[test]
    fn both_languages_lead_to_the_same_notions() {
        assert_eq!(ids("Hydraulic hose LEAKING"), ["hydraulic", "hose", "leak"]);
        assert_eq!(ids("液压软管漏油"), ["hydraulic", "hose", "leak"]);
        assert_eq!(ids("won't start"), ids("无法启动"));
        assert_eq!(ids("unable to start"), ["no_start"]);
    }

    #[test]
    fn a_word_in_two_entries_is_refused_by_name() {
        let text = "schema = 'forewarn.glossary/1'\nnegation = []\n[concept]\n\
            a = { en = ['leak'], zh = ['漏'] }\nb = { en = ['leaking'], zh = ['渗'] }";
        let error = Glossary::parse(text).expect_err("leak stands twice").to_string();
        assert!(error.contains("`leaking` stands in `a` and in `b`"), "{error}");
        let wrong = text.replace("'leaking'", "'drip'").replace("'渗'", "'seep'");
        assert!(matches!(Glossary::parse(&wrong), Err(GlossaryError::Word { .. })));
    }
}
