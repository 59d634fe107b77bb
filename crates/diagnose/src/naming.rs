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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_start_small_inside_a_sentence_unless_they_are_abbreviations() {
        assert_eq!(mid_sentence("Front bearing"), "front bearing");
        assert_eq!(mid_sentence("CNC head"), "CNC head");
        assert_eq!(mid_sentence("主轴"), "主轴");
    }
}
