//! Names as they stand on the shop floor, in both languages.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::StateId;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::site::Bands;
use forewarn_domain::text::{Language, Localized};

use crate::case::Case;
use crate::figures::grouped;

/// A channel's name; without one, its id and quantity say more than nothing.
pub(crate) fn name_of(case: &Case<'_>, channel: &ChannelId, quantity: Quantity) -> Localized {
    match case.device.channels.get(channel) {
        Some(known) => whole(&known.name),
        None => Localized::same(format!("{} ({quantity})", channel.point_str())),
    }
}

/// An operating state as people call it, with its speed band; without a name of its own its id.
pub(crate) fn state_of(case: &Case<'_>, id: &StateId) -> Localized {
    for state in &case.device.device.states {
        let id_of_state = Localized::same(state.id.as_str());
        let name = whole(state.name.as_ref().unwrap_or(&id_of_state));
        if state.id == *id {
            return name;
        }
        let place = id.as_str().strip_prefix(state.id.as_str());
        let place = place.and_then(|it| it.strip_prefix('-')).and_then(|it| it.parse().ok());
        let (Some(bands), Some(place)) = (&state.bands, place) else { continue };
        if let Some(band) = band(case, bands, place) {
            return Localized::new(
                format!("{} at {}", name.en, band.en),
                format!("{}（{}）", name.zh, band.zh),
            );
        }
    }
    Localized::same(id.as_str())
}

/// `2,400–3,750 rpm`; the outer bands are open.
fn band(case: &Case<'_>, bands: &Bands, place: usize) -> Option<Localized> {
    let channel = case.device.channels.values().find(|it| {
        bands.channel == it.id.point_str()
            || it.id.as_str().ends_with(&format!("/{}", bands.channel))
    })?;
    let edge = |place: usize| bands.edges.get(place).map(|it| format!("{it:.0}"));
    let unit = channel.unit.symbol();
    let low = place.checked_sub(1).and_then(edge);
    Some(match (low, edge(place)) {
        (Some(low), Some(high)) => Localized::new(
            format!("{}–{} {unit}", grouped(&low), grouped(&high)),
            format!("{low}–{high} {unit}"),
        ),
        (None, Some(high)) => Localized::new(
            format!("less than {} {unit}", grouped(&high)),
            format!("低于 {high} {unit}"),
        ),
        (Some(low), None) => Localized::new(
            format!("more than {} {unit}", grouped(&low)),
            format!("高于 {low} {unit}"),
        ),
        (None, None) => return None,
    })
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

/// A record's own words, cut where a phone would break the line twice.
pub(crate) fn shortened(text: &str) -> String {
    let text = text.trim().trim_end_matches(['.', '。']);
    if text.chars().count() <= QUOTE_CHARS_MAX {
        return text.to_owned();
    }
    let cut: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    // Chinese has no blanks; a long word without one is cut where it must be.
    let whole = cut.rsplit_once(' ').map(|(whole, _)| whole);
    let whole = whole.filter(|it| QUOTE_CHARS_MAX / 2 < it.chars().count()).unwrap_or(&cut);
    format!("{}…", whole.trim_end_matches([' ', ',', ';', '.']))
}

/// About two lines on a phone.
const QUOTE_CHARS_MAX: usize = 80;

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
