//! The evidence bundle of a ticket: what a person may check before believing it.
//!
//! The bundle holds numbers and pointers into stored data, never pictures. Its SHA-256 over canonical
//! JSON stands on the ticket; holding the pointed-to data past retention is the store's work.

use serde::{Deserialize, Serialize};

use crate::anomaly::{BearingDefect, Harmonic, Normal, RuleRef, Signal};
use crate::channel::ChannelId;
use crate::episode::Episode;
use crate::id::StateId;
use crate::time::{Span, Time};
use crate::waveform::{Burst, EnvelopeLine, Sha256};

/// Everything that a ticket rests on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Evidence {
    /// When the trouble began.
    pub onset: Time,
    /// Event time of the confirming reading.
    pub confirmed: Time,
    /// The batch that held the confirming reading, as logs name it.
    pub trace: String,
    /// Operating state at confirmation.
    pub state: StateId,
    /// Rules that took part, with their versions.
    pub rules: Vec<RuleRef>,
    /// Charts to draw, most telling first.
    pub trends: Vec<Trend>,
    /// The spectrum to draw, where there is one.
    pub spectrum: Option<SpectrumEvidence>,
    /// Contributing signals.
    pub signals: Vec<Signal>,
    /// Signals of the same component that stayed normal.
    pub unchanged: Vec<Signal>,
    /// How good the readings were.
    pub quality: QualityReport,
    /// The trouble as it stood: with it causes and summary can be derived again.
    #[serde(default)]
    pub episode: Option<Episode>,
    /// Features of the burst behind the spectrum.
    #[serde(default)]
    pub burst: Option<Burst>,
}

/// A stretch of one channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Trend {
    /// Which channel.
    pub channel: ChannelId,
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// The normal band.
    pub normal: Option<Normal>,
    /// A fixed limit to draw.
    pub limit: Option<f64>,
}

/// The envelope spectrum of the newest telling burst.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SpectrumEvidence {
    /// Its channel.
    pub channel: ChannelId,
    /// When it was captured.
    pub captured: Time,
    /// SHA-256 of the raw samples.
    pub waveform: Sha256,
    /// Shaft frequency.
    pub shaft_hz: f64,
    /// Resolution in Hz.
    pub df_hz: f64,
    /// Strongest lines.
    pub lines: Vec<EnvelopeLine>,
    /// Fault frequencies of the bearing, matched or not.
    pub cursors: Vec<FaultCursor>,
}

/// A fault frequency to mark in a spectrum.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FaultCursor {
    /// Which part of the bearing.
    pub defect: BearingDefect,
    /// E.g. `BPFO`.
    pub label: String,
    /// Expected frequency.
    pub hz: f64,
    /// As multiple of the shaft frequency.
    pub order: f64,
    /// Harmonics found at it.
    pub harmonics: Vec<Harmonic>,
    /// Whether the rule took it for a match.
    pub matched: bool,
}

/// How good the readings were that the ticket rests on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct QualityReport {
    /// Length of the looked-at stretch.
    pub over: Span,
    /// Good readings.
    pub good: u64,
    /// Readings to be used with care.
    pub uncertain: u64,
    /// Bad readings.
    pub bad: u64,
    /// Readings that came too late to be evaluated.
    pub late: u64,
}
