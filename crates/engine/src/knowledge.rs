//! What the engine knows before the first reading, besides the plant: rules, causes, bearings.

use std::sync::Arc;

use forewarn_detect::RuleSet;
use forewarn_diagnose::{Catalogue, Library};

/// Rules and models of one version. The texts are read from files by the caller.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// Detection rules.
    pub rules: RuleSet,
    /// Failure modes.
    pub library: Arc<Library>,
    /// Bearing geometries.
    pub bearings: Arc<Catalogue>,
}
