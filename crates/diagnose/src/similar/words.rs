//! A technician's words taken apart: tokens, stems and letter groups.
//!
//! Short texts full of shorthand and misspellings are compared by their letter groups (which forgive
//! a wrong letter), by stems, and by the notions of the glossary (which forgive another word).

use super::glossary::Glossary;

/// A word of Latin letters and digits, or a run of Chinese.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Token {
    /// Lower case.
    Word(String),
    /// Letters without blanks between them.
    Chinese(String),
}

impl Token {
    /// Whether it is this word.
    #[must_use]
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Chinese(text) => text,
        }
    }
}

/// What a text is made of, as keys that another text may share.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Features {
    /// Letter groups.
    pub letters: Vec<String>,
    /// Stems and pairs of neighbours.
    pub stems: Vec<String>,
    /// Notions of the glossary and pairs of neighbours.
    pub notions: Vec<String>,
}

impl Features {
    /// Takes a text apart.
    #[must_use]
    pub(super) fn of(text: &str, glossary: &Glossary) -> Self {
        let stems = glossary.stems(text);
        let names: Vec<String> = glossary
            .notions(&stems)
            .into_iter()
            .filter_map(|it| glossary.notion(it))
            .map(|it| format!("{} ({})", it.en, it.zh))
            .collect();
        let words: Vec<String> = stems.iter().map(|it| it.text().to_owned()).collect();
        Self {
            letters: split(text).iter().flat_map(letter_groups).collect(),
            stems: with_pairs(words),
            notions: with_pairs(names),
        }
    }
}

/// Splits a text into words and runs of Chinese. `/`, `#` and `&` belong to words: `l/h`, `#3`.
#[must_use]
pub(super) fn split(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut is_joined = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let is_zh = is_chinese(letter);
        if !is_zh && !letter.is_alphanumeric() && !matches!(letter, '/' | '#' | '&') {
            is_joined = false;
            continue;
        }
        match tokens.last_mut() {
            Some(Token::Word(word)) if is_joined && !is_zh => word.push(letter),
            Some(Token::Chinese(run)) if is_joined && is_zh => run.push(letter),
            Some(_) | None if is_zh => tokens.push(Token::Chinese(letter.into())),
            Some(_) | None => tokens.push(Token::Word(letter.into())),
        }
        is_joined = true;
    }
    tokens
}

/// The stem of an English word: without -ing, -ed, -es, -s, a doubled last letter and a last -e.
/// Lighter than Porter's (Program 14, 1980): names and shorthand must stay apart.
#[must_use]
pub(super) fn stem(word: &str) -> String {
    if word.len() < 4 || !word.is_ascii() {
        return word.to_owned();
    }
    let is_double_s = word.ends_with("ss");
    let bare = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|it| 3 <= it.len() && !is_double_s));
    let mut stem = bare.unwrap_or(word).to_owned();
    let mut last = stem.bytes().rev();
    if let (Some(one), Some(two)) = (last.next(), last.next())
        && 3 < stem.len()
        && one == two
        && !matches!(one, b's' | b'l')
    {
        stem.pop();
    }
    if 3 < stem.len() && stem.ends_with('e') {
        stem.pop();
    }
    stem
}

/// Whether a letter is Chinese.
#[must_use]
pub(super) fn is_chinese(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// Groups of 2 to 5 letters of a word between its bounds; of 1 to 3 letters of Chinese.
fn letter_groups(token: &Token) -> Vec<String> {
    let (letters, sizes): (Vec<char>, _) = match token {
        Token::Word(word) => {
            let bound = std::iter::once(' ');
            (bound.clone().chain(word.chars()).chain(bound).collect(), 2..=5)
        }
        Token::Chinese(run) => (run.chars().collect(), 1..=3),
    };
    let mut groups = Vec::new();
    for size in sizes {
        if letters.len() <= size {
            groups.push(letters.iter().collect());
            break;
        }
        groups.extend(letters.windows(size).map(|it| it.iter().collect::<String>()));
    }
    groups
}

fn with_pairs(words: Vec<String>) -> Vec<String> {
    let pairs: Vec<String> = words
        .windows(2)
        .map(|pair| pair.iter().map(String::as_str).collect::<Vec<_>>().join(" + "))
        .collect();
    words.into_iter().chain(pairs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_both_languages_splits_at_the_change() {
        let word = |it: &str| Token::Word(it.to_owned());
        let zh = |it: &str| Token::Chinese(it.to_owned());
        let expected = [word("l/h"), word("cyl"), zh("漏油"), word("no"), word("2")];
        assert_eq!(split("L/H cyl. 漏油,no 2"), expected);
        assert!(split(" ...").is_empty());
    }

    #[test]
    fn inflections_of_a_word_share_a_stem() {
        for (word, expected) in [
            ("leaking", "leak"),
            ("leaks", "leak"),
            ("tripped", "trip"),
            ("hoses", "hos"),
            ("hose", "hos"),
            ("loss", "loss"),
            ("seals", "seal"),
            ("rh", "rh"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }

    #[test]
    fn letter_groups_stay_inside_their_word() {
        let groups = letter_groups(&Token::Word("oil".to_owned()));
        assert!(groups.contains(&" o".to_owned()) && groups.contains(&" oil ".to_owned()));
        assert_eq!(groups.iter().filter(|it| it.as_str() == " oil ").count(), 1);
        assert_eq!(letter_groups(&Token::Chinese("漏油".to_owned())), ["漏", "油", "漏油"]);
    }
}
