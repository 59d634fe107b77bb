//! Which channels a rule applies to.

use forewarn_domain::quantity::Quantity;
use forewarn_domain::site::Component;
use forewarn_domain::site::plant::{Channel, PlantDevice};
use serde::{Deserialize, Serialize};

/// A description of channels; an empty list does not restrict.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selector {
    pub(crate) quantities: Vec<Quantity>,
    /// `point` or `source/point`, with `*` for any run of letters.
    pub(crate) patterns: Vec<String>,
    pub(crate) origin: Option<Origin>,
    pub(crate) component_kinds: Vec<String>,
    pub(crate) not_component_kinds: Vec<String>,
    /// Whether the component has a bearing.
    pub(crate) bearing: Option<bool>,
}

/// Where the values of a channel come from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Computed from captured waveforms: few, and far apart.
    Bursts,
    /// Read as they are.
    Points,
}

impl Selector {
    /// Whether a channel of numbers is meant.
    pub(crate) fn fits(&self, device: &PlantDevice, channel: &Channel) -> bool {
        !channel.is_text && self.describes(device, channel)
    }

    /// Whether a channel of texts is meant.
    pub(crate) fn fits_text(&self, device: &PlantDevice, channel: &Channel) -> bool {
        channel.is_text && self.describes(device, channel)
    }

    fn describes(&self, device: &PlantDevice, channel: &Channel) -> bool {
        let origin = if channel.waveform.is_some() { Origin::Bursts } else { Origin::Points };
        let is_named = self.patterns.is_empty() || {
            let point = channel.id.point();
            let whole = format!("{}/{point}", channel.id.source());
            self.patterns.iter().any(|it| matches(it, point.as_str()) || matches(it, &whole))
        };
        is_named
            && (self.quantities.is_empty() || self.quantities.contains(&channel.quantity))
            && self.origin.is_none_or(|it| it == origin)
            && self.fits_component(&device.component(&channel.component))
    }

    /// Whether a component is meant.
    pub(crate) fn fits_component(&self, component: &Component) -> bool {
        (self.component_kinds.is_empty() || self.component_kinds.contains(&component.kind))
            && !self.not_component_kinds.contains(&component.kind)
            && self.bearing.is_none_or(|it| it == component.bearing.is_some())
    }
}

/// Whether a name fits a pattern in which `*` stands for any run of letters.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            match rest.find(before) {
                Some(at) => rest = &rest[at + before.len()..],
                None => return false,
            }
        }
    }
    match last {
        Some(end) => rest.ends_with(end),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_letters() {
        for (pattern, name, expected) in [
            ("temp", "temp", true),
            ("temp", "temp2", false),
            ("*temp*", "oil_temp_1", true),
            ("acc.*.hf_rms", "acc.z.hf_rms", true),
            ("acc.*.hf_rms", "acc.z.rms", false),
            ("*", "anything", true),
            ("a*a", "a", false),
            ("oil/*", "oil/temp", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }
}
