//! The blanks of library texts: `{component}`, `{bearing}`, `{test_hz}` and the like.

use forewarn_domain::text::Localized;

use crate::case::Case;
use crate::naming::{mid_sentence, whole};

/// What stands in the blanks of one case. A text with a blank that the case cannot fill is not
/// used: a test at another speed, say, needs a line that would move.
#[derive(Clone, Debug)]
pub(crate) struct Blanks {
    known: Vec<(&'static str, Localized)>,
}

impl Blanks {
    pub(crate) fn of(case: &Case<'_>) -> Self {
        let component = case.component();
        let name = inside(&component.name);
        let place = Localized::new(
            with_word(&name.en, "bearing", " bearing"),
            with_word(&name.zh, "轴承", "轴承"),
        );
        let mut known = vec![("component", name), ("place", place)];
        if let Some(bearing) = component.bearing.as_deref().or_else(|| bearing_of_line(case)) {
            known.push(("bearing", Localized::same(bearing)));
        }
        // A raw waveform has no name of its own, so its id must do.
        known.extend(case.episode.anomalies.first().map(|lead| {
            let channel = case.device.channels.get(&lead.channel);
            let id = || Localized::same(lead.channel.point_str());
            ("channel", channel.map_or_else(id, |it| inside(&it.name)))
        }));
        known.extend([("signal", signal_at(&known))]);
        if let Some((_, line)) = case.lines().next() {
            // Operators set speeds in round numbers.
            let half = line.shaft_hz * 60.0 / 2.0;
            let step = if half < 500.0 { 10.0 } else { 50.0 };
            let rpm = (half / step).round() * step;
            let hz = line.order * rpm / 60.0;
            known.push(("test_rpm", Localized::same(format!("{rpm:.0}"))));
            known.push(("test_hz", Localized::same(format!("{hz:.1}"))));
        }
        Self { known }
    }

    /// The text with its blanks filled; `None` if one of them is not known.
    pub(crate) fn fill(&self, text: &Localized) -> Option<Localized> {
        let mut filled = text.clone();
        for (name, value) in &self.known {
            let blank = format!("{{{name}}}");
            filled.en = filled.en.replace(&blank, &value.en);
            filled.zh = filled.zh.replace(&blank, &value.zh);
        }
        let is_whole = !NAMES.iter().any(|name| {
            let blank = format!("{{{name}}}");
            filled.en.contains(&blank) || filled.zh.contains(&blank)
        });
        is_whole.then_some(filled)
    }

    /// The text of a piece of evidence, with what was seen.
    pub(crate) fn fill_seen(&self, text: &Localized, seen: &Localized) -> Option<Localized> {
        let with = Localized::new(text.en.replace(SEEN, &seen.en), text.zh.replace(SEEN, &seen.zh));
        self.fill(&with)
    }
}

/// The first blank of a text that no case could fill.
pub(super) fn unknown(text: &str) -> Option<String> {
    text.split('{').skip(1).find_map(|rest| {
        let name = rest.split_once('}').map_or(rest, |(name, _)| name);
        (!NAMES.contains(&name)).then(|| name.to_owned())
    })
}

/// `bearing temperature at the pump`; a channel that names its part is not placed once more.
fn signal_at(known: &[(&'static str, Localized)]) -> Localized {
    let of = |name| known.iter().find(|(it, _)| *it == name).map(|(_, text)| text.clone());
    let (component, channel) =
        (of("component").unwrap_or_default(), of("channel").unwrap_or_default());
    let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_lowercase).collect() };
    let named = words(&channel.en);
    let is_placed = words(&component.en).iter().any(|it| 3 < it.len() && named.contains(it));
    if is_placed || channel.zh.contains(&component.zh) {
        return channel;
    }
    Localized::new(
        format!("{} at the {}", channel.en, component.en),
        format!("{}的{}", component.zh, channel.zh),
    )
}

fn bearing_of_line<'a>(case: &Case<'a>) -> Option<&'a str> {
    case.lines().next().map(|(_, line)| line.bearing.as_str())
}

fn inside(name: &Localized) -> Localized {
    let Localized { en, zh } = whole(name);
    Localized { en: mid_sentence(&en), zh }
}

fn with_word(name: &str, word: &str, ending: &str) -> String {
    if name.contains(word) { name.to_owned() } else { format!("{name}{ending}") }
}

const NAMES: [&str; 8] =
    ["bearing", "channel", "component", "place", "seen", "signal", "test_hz", "test_rpm"];
const SEEN: &str = "{seen}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearing_is_not_called_a_bearing_twice() {
        assert_eq!(with_word("主轴前轴承", "轴承", "轴承"), "主轴前轴承");
        assert_eq!(with_word("spindle", "bearing", " bearing"), "spindle bearing");
    }

    #[test]
    fn an_unknown_blank_is_found() {
        assert_eq!(unknown("at {test_hz} on {colour}").as_deref(), Some("colour"));
        assert_eq!(unknown("at {test_hz}"), None);
    }
}
