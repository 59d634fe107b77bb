//! The words of a label: what is said, and why there is no fault.

use serde::{Deserialize, Serialize};

/// What a person says of an anomaly.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// There is a fault.
    Confirmed,
    /// It is part of another anomaly.
    Merged,
    /// There is no fault.
    Rejected,
}

/// Why there is no fault.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody worked on the machine.
    Maintenance,
    /// The machine always does that in this operating state, e.g. while it warms up.
    NormalState,
    /// Anything else; the note says what.
    Other,
    /// Another product, tool or programme.
    ProcessChange,
    /// The sensor or its wiring.
    SensorFault,
    /// The limit is too tight for this machine.
    TooTight,
}

macro_rules! words {
    ($kind:ident, $($variant:ident = $word:literal),+) => {
        impl $kind {
            /// The word under which it is stored and sent.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $kind {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { word: word.to_owned() }),
                }
            }
        }
    };
}

words!(Judgement, Confirmed = "confirmed", Merged = "merged", Rejected = "rejected");
words!(
    Reason,
    Maintenance = "maintenance",
    NormalState = "normal_state",
    Other = "other",
    ProcessChange = "process_change",
    SensorFault = "sensor_fault",
    TooTight = "too_tight"
);

/// A word that no label holds.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{word}` is no word of a label")]
pub struct UnknownWord {
    /// The refused word.
    pub word: String,
}
