//! Ranked causes of an episode: what speaks for each, what against, and which test decides.

use serde::{Deserialize, Serialize};

use crate::text::Localized;

/// A cause of the failure-mode library, e.g. `bearing-outer-race`, or `other`.
pub type CauseCode = String;

/// One possible cause with its probability.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RankedCause {
    /// Entry of the failure-mode library.
    pub code: CauseCode,
    /// Its name for people.
    pub name: Localized,
    /// Probability, 0 to 1; all causes of a ticket add up to 1.
    pub p: f64,
    /// What speaks for it.
    #[serde(rename = "for")]
    pub supporting: Vec<Localized>,
    /// What speaks against it.
    pub against: Vec<Localized>,
    /// The cheapest test that would decide.
    pub test: Option<Localized>,
    /// Confirmed closes with this cause on this device and its siblings.
    pub confirmed: u32,
    /// Confirmed closes of any cause that were looked at.
    pub closes: u32,
}
