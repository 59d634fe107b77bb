//! Names under which people and programs know the things of a plant.
//!
//! An id stands in MQTT topics, file names, URLs and SQL without escaping, because its letters are
//! restricted where it is parsed. Cloning one is cheap. Derived ids (UUIDv5) live with their nouns.

use std::fmt;
use std::sync::Arc;

/// Longest id that is accepted: it fits a topic level, a file name and a label on a phone.
pub const ID_LEN_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidId {
    /// A letter outside the allowed set.
    #[error("{kind} id `{text}` holds {found:?}; only {allowed} are allowed")]
    Character {
        /// What the id names.
        kind: &'static str,
        /// The refused text.
        text: String,
        /// The first refused letter.
        found: char,
        /// The allowed letters, in words.
        allowed: &'static str,
    },
    /// Empty or longer than [`ID_LEN_MAX`].
    #[error("{kind} id is {len} bytes long; 1 to {ID_LEN_MAX} are allowed")]
    Length {
        /// What the id names.
        kind: &'static str,
        /// Length of the refused text in bytes.
        len: usize,
    },
}

pub(crate) fn checked(
    kind: &'static str,
    text: &str,
    is_allowed: fn(char) -> bool,
    allowed: &'static str,
) -> Result<Arc<str>, InvalidId> {
    if text.is_empty() || ID_LEN_MAX < text.len() {
        return Err(InvalidId::Length { kind, len: text.len() });
    }
    match text.chars().find(|letter| !is_allowed(*letter)) {
        Some(found) => Err(InvalidId::Character { kind, text: text.to_owned(), found, allowed }),
        None => Ok(Arc::from(text)),
    }
}

pub(crate) fn is_slug(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
}

pub(crate) fn is_point(letter: char) -> bool {
    is_slug(letter) || letter == '_' || letter == '.'
}

/// Defines one id type: a checked, cheaply cloned text.
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $is_allowed:path, $allowed:literal) => {
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            ///
            /// [`InvalidId`] names the letter or the length that is refused.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                checked($kind, text, $is_allowed, $allowed).map(Self)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id_type!(
    /// An edge agent, or a recorded file that plays one (`file-<sha256>`, shortened to fit).
    AgentId, "agent", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A hall or area of a plant.
    AreaId, "area", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A working calendar.
    CalendarId, "calendar", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A maintainable part of a device, e.g. `spindle-front`. Tickets are keyed by it.
    ComponentId, "component", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A machine that people repair, e.g. `mill-07`.
    DeviceId, "device", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A group of people who share work.
    GroupId, "group", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A serial line, gateway or broker over which sources are reached.
    LinkId, "link", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A person; the same as the name of the account.
    PersonId, "person", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// One measured point of a source, e.g. `z_vel_rms` or `acc.z.hf_rms`.
    PointId, "point", is_point, "a-z, 0-9, `-`, `_` and `.`"
);
id_type!(
    /// An escalation policy.
    PolicyId, "escalation policy", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A detection rule.
    RuleId, "rule", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A shift of a rota.
    ShiftId, "shift", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A plant.
    SiteId, "site", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A sensor, controller or gateway through which a device is seen.
    SourceId, "source", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// An operating state of a device, e.g. `cut`.
    StateId, "state", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A device template, e.g. `banner-qm30vt2`.
    TemplateId, "template", is_slug, "a-z, 0-9 and `-`"
);
id_type!(
    /// A ticket type: what a kind of ticket demands and how fast.
    TicketTypeId, "ticket type", is_slug, "a-z, 0-9 and `-`"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_refuses_what_a_topic_or_a_url_would_have_to_escape() {
        for text in ["", "Mill-7", "mill 7", "mill/7", "mill+", "mill#", "mühle", &"x".repeat(65)]
        {
            assert!(DeviceId::new(text).is_err(), "{text} was accepted");
        }
        let id = DeviceId::new("mill-07").expect("a plain slug");
        assert_eq!(id.as_str(), "mill-07");
        assert!(PointId::new("acc.z.hf_rms").is_ok());
    }

    #[test]
    fn serde_goes_through_the_same_door() {
        let error = serde_json::from_str::<SiteId>("\"A b\"").expect_err("capital and blank");
        assert!(error.to_string().contains("only a-z"), "{error}");
    }
}
