//! Names as they stand on the shop floor, in both languages.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::text::{Language, Localized};

use crate::case::Case;

/// A channel's name; without one, its id and quantity say more than nothing.
pub(crate) fn name_of(case: &Case<'_>, channel: &ChannelId, quantity: Quantity) -> Localized {
    match case.device.channels.get(channel) {
        Some(known) => whole(&known.name),
        None => Localized::same(format!("{} ({quantity})", channel.point_str())),
    }
}

/// A name that has both languages, where a site file may leave Chinese out.
pub(crate) fn whole(name: &Localized) -> Localized {
    Localized::new(name.en.as_str(), name.in_language(Language::Zh))
}

/// `Spindle` inside a sentence is `spindle`; `CNC head` stays as it is.
pub(crate) fn mid_sentence(name: &str) -> String {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(name.chars().skip(1)).collect()
        }
        _ => name.to_owned(),
    }
}

/// A sentence that begins with a word begins with a capital; one that begins with an id such as
/// `mill-01` stays as it is.
pub(crate) fn sentence_case(sentence: &str) -> String {
    let word = sentence.split(' ').next().unwrap_or_default();
    let is_id = word.chars().any(|letter| letter.is_ascii_digit() || letter == '_');
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) if !is_id => first.to_uppercase().chain(letters).collect(),
        Some(_) | None => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_with_a_capital_unless_they_begin_with_an_id() {
        assert_eq!(sentence_case("oil is 61 °C"), "Oil is 61 °C");
        assert_eq!(sentence_case("mill-01 is silent"), "mill-01 is silent");
        assert_eq!(sentence_case(""), "");
    }

    #[test]
    fn names_start_small_inside_a_sentence_unless_they_are_abbreviations() {
        assert_eq!(mid_sentence("Front bearing"), "front bearing");
        assert_eq!(mid_sentence("CNC head"), "CNC head");
        assert_eq!(mid_sentence("主轴"), "主轴");
    }
}
