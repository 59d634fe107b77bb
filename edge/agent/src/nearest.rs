//! The word that was meant: a hint behind a refusal that names what would have been allowed.

/// A refusal of a configuration with the nearest allowed word behind it.
///
/// Of a list that nobody reads to its end only the nearest word is kept.
#[must_use]
pub fn hinted(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((wrong, allowed)) = quoted.split_first() else {
        return message.to_owned();
    };
    if !message.starts_with("unknown ") {
        return message.to_owned();
    }
    let distance = |word: &str| strsim::damerau_levenshtein(wrong, word);
    let nearest = allowed
        .iter()
        .min_by_key(|word| distance(word))
        .filter(|word| distance(word) <= (wrong.chars().count() / 3).max(2));
    match nearest {
        Some(word) if READ_TO_ITS_END < allowed.len() => {
            let (before, _) = message.split_once(", expected").unwrap_or((message, ""));
            format!("{before}; did you mean `{word}`? ({} words are known)", allowed.len())
        }
        Some(word) => format!("{message}; did you mean `{word}`?"),
        None => message.to_owned(),
    }
}

/// Words that fit into a line or two.
const READ_TO_ITS_END: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_named_and_a_far_one_is_not() {
        let message = "unknown field `evry`, expected one of `id`, `every`, `offset`";
        assert!(hinted(message).ends_with("`offset`; did you mean `every`?"));
        assert_eq!(
            hinted("unknown field `xyzzy`, expected `id`"),
            "unknown field `xyzzy`, expected `id`"
        );
        assert_eq!(hinted("invalid type: string"), "invalid type: string");
        let many: String = (0..20).map(|it| format!(", `quantity.{it}`")).collect();
        let message = format!("unknown variant `quantty.7`, expected one of `temperature`{many}");
        assert_eq!(
            hinted(&message),
            "unknown variant `quantty.7`; did you mean `quantity.7`? (21 words are known)"
        );
    }
}
