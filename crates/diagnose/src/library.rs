//! The failure-mode library `forewarn.failure-modes/1`: what can break, how it shows, what to do.
//!
//! A failure mode is data in `models/failure-modes/`. Reading is strict: unknown keys, symptoms and
//! placeholders are refused, every text is there in both languages, codes are unique. Whoever holds
//! a [`Library`] can diagnose.
//!
//! Deliberately absent: files. [`Library::built_in`] carries the texts that were compiled in.

mod blanks;
mod calibration;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use forewarn_domain::family::FaultFamily;
use forewarn_domain::text::Localized;

pub(crate) use blanks::Blanks;
pub use calibration::Calibration;
use calibration::SymptomWords;

use crate::symptom::Symptom;

/// Every known failure mode, `other` among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Library {
    modes: Vec<FailureMode>,
    words: BTreeMap<Symptom, SymptomWords>,
    calibration: Calibration,
}

/// One failure mode.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FailureMode {
    /// Its code on tickets, in repair records and in counts, e.g. `bearing-outer-race`.
    pub code: String,
    /// Its name, as in a table of causes.
    pub name: Localized,
    /// The first line of a ticket, without the probability.
    pub headline: Localized,
    /// Prior weight for each family of first symptom; a family that is not named rules it out.
    pub seen_as: BTreeMap<FaultFamily, f64>,
    /// Factors on the prior for classes of device.
    #[serde(default)]
    pub class_factor: BTreeMap<String, f64>,
    /// Kinds of component that can have it; empty means any.
    #[serde(default)]
    pub components: Vec<String>,
    /// How symptoms speak for and against it.
    #[serde(default)]
    pub evidence: Vec<EvidenceItem>,
    /// Actions that tell it from others.
    #[serde(default, rename = "test")]
    pub tests: Vec<DecidingTest>,
    /// What keeps the machine from harm until then.
    pub meanwhile: Option<Localized>,
    /// What to do once it is confirmed, in order.
    pub actions: Vec<Localized>,
    /// Parts that are typically needed.
    #[serde(default)]
    pub parts: Vec<Localized>,
    /// Working hours in general experience, until own repairs say better.
    pub hours: Option<f64>,
    /// Codes for exchange with maintenance systems.
    pub iso14224: Iso14224,
}

/// How a symptom speaks for or against a failure mode.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct EvidenceItem {
    /// The symptom.
    pub symptom: Symptom,
    /// How much more often the symptom is seen with this failure mode than without it; above 1
    /// speaks for it, below 1 against. Within [`RATIO_MIN`] and [`RATIO_MAX`].
    pub ratio: f64,
    /// Said in a few words; `{seen}` stands for the number. Without it the symptom's own words stand.
    #[serde(default)]
    pub text: Option<Localized>,
}

impl EvidenceItem {
    /// Sets the ratio. Words that were written for the other side would contradict it, and go.
    fn set_ratio(&mut self, ratio: f64) {
        if (self.ratio < 1.0) != (ratio < 1.0) {
            self.text = None;
        }
        self.ratio = ratio;
    }
}

/// The cheapest action that tells a failure mode from others.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct DecidingTest {
    /// How long it takes.
    pub minutes: u32,
    /// Whether tools or a stop are needed.
    pub tools: bool,
    /// Codes from which it separates; empty means from any.
    #[serde(default)]
    pub separates: Vec<String>,
    /// What to do and what the outcome means.
    pub text: Localized,
}

/// Codes in the style of ISO 14224.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Iso14224 {
    /// Failure mode, three letters.
    pub mode: String,
    /// Failure mechanism, two levels.
    pub mechanism: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryFile {
    schema: String,
    #[serde(rename = "mode")]
    modes: Vec<FailureMode>,
}

impl Library {
    /// Reads library files, each with the name under which an error should speak of it.
    ///
    /// # Errors
    ///
    /// [`LibraryError`] for the first contradiction. One bad entry refuses the library: a failure
    /// mode that silently lacks is found out on a wrong ticket.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, LibraryError> {
        let mut modes: Vec<FailureMode> = Vec::new();
        let (mut symptoms, mut calibration) = (None, None);
        for (name, text) in files {
            match name.rsplit('/').next() {
                Some(SYMPTOM_FILE) => symptoms = Some((name, text)),
                Some(CALIBRATION_FILE) => calibration = Some((name, text)),
                _ => modes.extend(modes_of(name, text)?),
            }
        }
        let mut library =
            Self { modes, words: BTreeMap::new(), calibration: Calibration::default() };
        if let Some((name, text)) = symptoms {
            library = library.with_symptoms(name, text)?;
        }
        if let Some((name, text)) = calibration {
            library = library.calibrated(name, text)?;
        }
        library.check()?;
        Ok(library)
    }

    /// The library that comes with the program.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("a test parses the same texts")
    }

    /// One failure mode.
    #[must_use]
    pub fn mode(&self, code: &str) -> Option<&FailureMode> {
        self.modes.iter().find(|it| it.code == code)
    }

    /// Every failure mode, in the order of the files.
    #[must_use]
    pub fn modes(&self) -> &[FailureMode] {
        &self.modes
    }

    /// The failure modes that a first symptom of this family on this kind of part may have, each
    /// with its prior for a class of device. The priors add up to 1.
    #[must_use]
    pub fn candidates(
        &self,
        family: FaultFamily,
        kind: &str,
        class: &str,
    ) -> Vec<(&FailureMode, f64)> {
        let weight = |mode: &FailureMode| {
            let factor = mode.class_factor.get(class).copied().unwrap_or(1.0);
            mode.seen_as.get(&family).map(|weight| weight * factor)
        };
        // A part of no kind is the machine as a whole, and a machine has no oil cooler of its own.
        let kind = if kind.is_empty() { "machine" } else { kind };
        let fits = |mode: &FailureMode| {
            mode.components.is_empty() || mode.components.iter().any(|it| it == kind)
        };
        let mut found: Vec<(&FailureMode, f64)> = self
            .modes
            .iter()
            .filter(|mode| fits(mode))
            .filter_map(|mode| Some((mode, weight(mode)?)))
            .collect();
        let total: f64 = found.iter().map(|(_, weight)| weight).sum();
        found.iter_mut().for_each(|(_, weight)| *weight /= total);
        found
    }

    fn check(&self) -> Result<(), LibraryError> {
        let mut codes = BTreeSet::new();
        for mode in &self.modes {
            if !codes.insert(mode.code.as_str()) {
                return Err(LibraryError::Twice { code: mode.code.clone() });
            }
        }
        let Some(other) = self.mode(OTHER) else { return Err(LibraryError::NoOther) };
        for family in FaultFamily::ALL {
            if !other.seen_as.contains_key(family) {
                return Err(other.refused(format!("`seen_as` lacks the family {family}")));
            }
        }
        for mode in &self.modes {
            mode.check()?;
            for code in mode.tests.iter().flat_map(|it| &it.separates) {
                if !codes.contains(code.as_str()) {
                    return Err(mode.refused(format!("a test separates from unknown `{code}`")));
                }
            }
        }
        Ok(())
    }
}

fn modes_of(name: &str, text: &str) -> Result<Vec<FailureMode>, LibraryError> {
    let file: LibraryFile = toml::from_str(text)
        .map_err(|source| LibraryError::Toml { file: name.to_owned(), source: Box::new(source) })?;
    if file.schema != SCHEMA {
        return Err(LibraryError::Schema { file: name.to_owned(), found: file.schema });
    }
    Ok(file.modes)
}

impl FailureMode {
    fn check(&self) -> Result<(), LibraryError> {
        let weights = self.seen_as.values().chain(self.class_factor.values());
        if self.seen_as.is_empty() || weights.into_iter().any(|it| !(0.0 < *it && it.is_finite())) {
            return Err(self.refused("every weight must be a number above zero".to_owned()));
        }
        let mut seen = BTreeSet::new();
        for item in &self.evidence {
            if !(RATIO_MIN..=RATIO_MAX).contains(&item.ratio) {
                return Err(self.refused(format!(
                    "the ratio of {:?} is {}; {RATIO_MIN} to {RATIO_MAX} are allowed",
                    item.symptom, item.ratio
                )));
            }
            if !seen.insert(item.symptom) {
                return Err(self.refused(format!("{:?} stands twice", item.symptom)));
            }
        }
        if self.actions.is_empty() {
            return Err(self.refused("there is no action".to_owned()));
        }
        for text in self.texts() {
            if text.en.trim().is_empty() || text.zh.trim().is_empty() {
                return Err(self.refused(format!("`{}` / `{}` lacks a language", text.en, text.zh)));
            }
            if let Some(unknown) =
                [&text.en, &text.zh].into_iter().find_map(|it| blanks::unknown(it))
            {
                return Err(self.refused(format!("placeholder `{{{unknown}}}` is not known")));
            }
        }
        Ok(())
    }

    fn texts(&self) -> impl Iterator<Item = &Localized> {
        [&self.name, &self.headline]
            .into_iter()
            .chain(self.evidence.iter().filter_map(|it| it.text.as_ref()))
            .chain(self.tests.iter().map(|it| &it.text))
            .chain(&self.meanwhile)
            .chain(&self.actions)
            .chain(&self.parts)
    }

    fn refused(&self, what: String) -> LibraryError {
        LibraryError::Mode { code: self.code.clone(), what }
    }
}

/// Why texts are no library.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// An entry contradicts itself or the rest.
    #[error("failure mode `{code}`: {what}")]
    Mode {
        /// Which entry.
        code: String,
        /// What is wrong with it.
        what: String,
    },
    /// The entry for what nobody thought of is missing.
    #[error("there is no failure mode `{OTHER}`, so probabilities could not add up to 1 honestly")]
    NoOther,
    /// Another schema.
    #[error("{file}: schema is `{found}`; `{SCHEMA}` is expected")]
    Schema {
        /// Which file.
        file: String,
        /// What was found.
        found: String,
    },
    /// Not TOML, or keys that nobody knows.
    #[error("{file} is no failure-mode file")]
    Toml {
        /// Which file.
        file: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A code stands twice.
    #[error("failure mode `{code}` stands twice")]
    Twice {
        /// The code.
        code: String,
    },
}

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.failure-modes/1";

/// The code of the entry for what is not in the library.
pub const OTHER: &str = "other";

/// Below it a single symptom would all but rule a cause out, which no symptom of a slow sensor can.
pub const RATIO_MIN: f64 = 0.05;

/// Above it a single symptom would decide alone.
pub const RATIO_MAX: f64 = 20.0;

/// The words of symptoms, and what was fitted: files of a library that hold no failure modes.
const SYMPTOM_FILE: &str = "symptoms.toml";
const CALIBRATION_FILE: &str = "calibration.toml";

const BUILT_IN: [(&str, &str); 9] = [
    ("bearing.toml", include_str!("../../../models/failure-modes/bearing.toml")),
    ("rotor.toml", include_str!("../../../models/failure-modes/rotor.toml")),
    ("drive.toml", include_str!("../../../models/failure-modes/drive.toml")),
    ("electrical.toml", include_str!("../../../models/failure-modes/electrical.toml")),
    ("hydraulic.toml", include_str!("../../../models/failure-modes/hydraulic.toml")),
    ("instrument.toml", include_str!("../../../models/failure-modes/instrument.toml")),
    ("general.toml", include_str!("../../../models/failure-modes/general.toml")),
    ("symptoms.toml", include_str!("../../../models/failure-modes/symptoms.toml")),
    ("calibration.toml", include_str!("../../../models/failure-modes/calibration.toml")),
];

#[cfg(test)]
mod tests;
