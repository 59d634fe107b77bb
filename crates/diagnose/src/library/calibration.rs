//! What was fitted, and how symptoms speak where a failure mode has no words of its own.
//!
//! `symptoms.toml` gives each symptom a sentence in both languages. `calibration.toml` gives fitted
//! likelihood ratios, which stand over those written by hand, together with what they were fitted on.
//! Deliberately absent: the fitting itself; `tests/calibration.rs` writes what it needs and judges it.

use std::collections::BTreeMap;

use serde::Deserialize;

use forewarn_domain::text::Localized;
use forewarn_domain::waveform::Sha256;
use sha2::Digest as _;

use super::{EvidenceItem, Library, LibraryError, RATIO_MAX, RATIO_MIN, SCHEMA};
use crate::symptom::Symptom;

/// How far the likelihoods are believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Symptoms come in groups and are no independent witnesses: the exponent of each ratio.
    pub exponent: f64,
    /// Share of the answer that ignores the symptoms.
    pub doubt: f64,
    /// On what it was fitted, in words.
    pub fitted_on: String,
    /// SHA-256 of the file; `None` where nothing was fitted.
    pub sha256: Option<Sha256>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { exponent: 1.0, doubt: 0.03, fitted_on: "nothing".to_owned(), sha256: None }
    }
}

/// A symptom in words, for and against a cause.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct SymptomWords {
    symptom: Symptom,
    text: Localized,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SymptomFile {
    schema: String,
    #[serde(rename = "words")]
    words: Vec<SymptomWords>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationFile {
    schema: String,
    fitted_on: String,
    exponent: f64,
    doubt: f64,
    #[serde(default)]
    ratio: BTreeMap<String, BTreeMap<Symptom, f64>>,
}

impl Library {
    /// Takes over the words of symptoms.
    ///
    /// # Errors
    ///
    /// [`LibraryError`] for another schema or what is no such file.
    pub fn with_symptoms(mut self, file: &str, text: &str) -> Result<Self, LibraryError> {
        let read: SymptomFile = read(file, text)?;
        check_schema(file, &read.schema)?;
        self.words = read.words.into_iter().map(|it| (it.symptom, it)).collect();
        Ok(self)
    }

    /// Takes over fitted likelihood ratios.
    ///
    /// # Errors
    ///
    /// [`LibraryError`] for another schema, an unknown failure mode, or a ratio out of bounds.
    pub fn calibrated(mut self, file: &str, text: &str) -> Result<Self, LibraryError> {
        let read: CalibrationFile = read(file, text)?;
        check_schema(file, &read.schema)?;
        for (code, ratios) in read.ratio {
            let refused = |what: String| LibraryError::Mode { code: code.clone(), what };
            let Some(mode) = self.modes.iter_mut().find(|it| it.code == code) else {
                return Err(refused(format!("{file} has ratios for it, but no file has it")));
            };
            for (symptom, ratio) in ratios {
                if !(RATIO_MIN..=RATIO_MAX).contains(&ratio) {
                    return Err(refused(format!("{file}: the ratio of {symptom:?} is {ratio}")));
                }
                match mode.evidence.iter_mut().find(|it| it.symptom == symptom) {
                    Some(item) => item.set_ratio(ratio),
                    None => mode.evidence.push(EvidenceItem { symptom, ratio, text: None }),
                }
            }
        }
        let CalibrationFile { exponent, doubt, fitted_on, .. } = read;
        let sha256 = Some(Sha256(sha2::Sha256::digest(text.as_bytes()).into()));
        self.calibration = Calibration { exponent, doubt, fitted_on, sha256 };
        Ok(self)
    }

    /// How far the likelihoods are believed, and on what they were fitted.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// What a piece of evidence says, in words of the failure mode or of the symptom itself.
    pub(crate) fn words_of<'a>(&'a self, item: &'a EvidenceItem) -> Option<&'a Localized> {
        item.text.as_ref().or_else(|| self.words.get(&item.symptom).map(|it| &it.text))
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, LibraryError> {
    toml::from_str(text)
        .map_err(|source| LibraryError::Toml { file: file.to_owned(), source: Box::new(source) })
}

fn check_schema(file: &str, found: &str) -> Result<(), LibraryError> {
    if found == SCHEMA {
        return Ok(());
    }
    Err(LibraryError::Schema { file: file.to_owned(), found: found.to_owned() })
}
