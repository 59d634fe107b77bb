//! How far a reading may be trusted.
//!
//! Rules never fire on a bad reading, and a missing reading is not a zero. A quality is one byte in
//! stores and on the wire ([`Quality::code`]); the codes are frozen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Trust in one reading.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Quality {
    /// As measured.
    #[default]
    Good,
    /// Usable with care.
    Uncertain(Uncertain),
    /// Not a measurement of the machine.
    Bad(Bad),
}

/// Why a reading needs care.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Uncertain {
    /// Limited by the sensor or converter.
    Clamped,
    /// The device clock is off by more than is allowed.
    Clock,
    /// Filled in between two readings.
    Interpolated,
    /// Taken under an older configuration.
    OldConfig,
    /// Outside the physical range that the template states.
    Range,
    /// Changed faster than the machine can, or a counter that went back.
    Rate,
}

/// Why a reading says nothing about the machine.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Bad {
    /// Check sum or frame was wrong.
    Crc,
    /// The device answered with an exception or an error code.
    Exception,
    /// The source is known to be stuck.
    Frozen,
    /// The point is not set up on the device.
    NotConfigured,
    /// The answer could not be understood.
    Parse,
    /// The device's own word for "no value".
    Sentinel,
    /// Nothing new for longer than the source allows.
    Stale,
    /// No answer in time.
    Timeout,
}

const TABLE: [(Quality, u8, &str); 15] = [
    (Quality::Good, 0, "good"),
    (Quality::Uncertain(Uncertain::Clamped), 64, "uncertain:clamped"),
    (Quality::Uncertain(Uncertain::Clock), 65, "uncertain:clock"),
    (Quality::Uncertain(Uncertain::Interpolated), 66, "uncertain:interpolated"),
    (Quality::Uncertain(Uncertain::OldConfig), 67, "uncertain:old_config"),
    (Quality::Uncertain(Uncertain::Range), 68, "uncertain:range"),
    (Quality::Uncertain(Uncertain::Rate), 69, "uncertain:rate"),
    (Quality::Bad(Bad::Crc), 128, "bad:crc"),
    (Quality::Bad(Bad::Exception), 129, "bad:exception"),
    (Quality::Bad(Bad::Frozen), 130, "bad:frozen"),
    (Quality::Bad(Bad::NotConfigured), 131, "bad:not_configured"),
    (Quality::Bad(Bad::Parse), 132, "bad:parse"),
    (Quality::Bad(Bad::Sentinel), 133, "bad:sentinel"),
    (Quality::Bad(Bad::Stale), 134, "bad:stale"),
    (Quality::Bad(Bad::Timeout), 135, "bad:timeout"),
];

impl Quality {
    /// All qualities that exist.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(quality, _, _)| *quality)
    }

    /// One byte for stores and the wire: 0 good, 64.. uncertain, 128.. bad.
    #[must_use]
    pub fn code(self) -> u8 {
        self.row().1
    }

    /// Back from the byte; `None` for a code that this version does not know.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        TABLE.iter().find(|(_, known, _)| *known == code).map(|(quality, _, _)| *quality)
    }

    /// Whether the reading says nothing about the machine.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Bad(_))
    }

    fn row(self) -> (Self, u8, &'static str) {
        *TABLE.iter().find(|(quality, _, _)| *quality == self).expect("every quality has its row")
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

impl FromStr for Quality {
    type Err = InvalidQuality;

    fn from_str(text: &str) -> Result<Self, InvalidQuality> {
        TABLE
            .iter()
            .find(|(_, _, name)| *name == text)
            .map(|(quality, _, _)| *quality)
            .ok_or_else(|| InvalidQuality { text: text.to_owned() })
    }
}

impl Serialize for Quality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u8(self.code())
        }
    }
}

impl<'de> Deserialize<'de> for Quality {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            let code = u8::deserialize(deserializer)?;
            Self::from_code(code)
                .ok_or_else(|| de::Error::custom(format!("unknown quality code {code}")))
        }
    }
}

/// A text that is no quality.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is no quality; known are good, uncertain:<why> and bad:<why>")]
pub struct InvalidQuality {
    /// The refused text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quality_has_one_code_and_one_name() {
        for quality in Quality::all() {
            assert_eq!(Quality::from_code(quality.code()), Some(quality));
            assert_eq!(quality.to_string().parse(), Ok(quality));
            assert_eq!(quality.is_bad(), 128 <= quality.code());
        }
        assert_eq!(Quality::from_code(7), None);
    }
}
