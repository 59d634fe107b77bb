//! The evidence bundle of a ticket: what a person may check before believing it.
//!
//! The bundle holds numbers and pointers into stored data, never pictures. Its SHA-256 over canonical
//! JSON stands on the ticket; holding the pointed-to data past retention is the store's work.

use serde::{Deserialize, Serialize};

use crate::anomaly::{BearingDefect, Harmonic, Normal, RuleRef, Signal};
use crate::cause::CauseCode;
use crate::channel::ChannelId;
use crate::episode::Episode;
use crate::id::{ComponentId, DeviceId, StateId};
use crate::repair::{Activity, Outcome, RepairId, RepairRecord};
use crate::shape::Shape;
use crate::text::Localized;
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
    /// Where the trend leads, where one was significant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// Fitted models that had a say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelRef>,
    /// The repairs that were known and looked at, so that what is said of them can be derived again.
    #[serde(default)]
    pub repairs: Vec<RepairRecord>,
    /// How the trouble looks in the signals, without words.
    #[serde(default)]
    pub shape: Shape,
    /// Past cases that are like it, most alike first.
    #[serde(default)]
    pub similar: Vec<SimilarCase>,
}

/// A fitted model as it was then; its card lies in `models/cards/` under its name.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ModelRef {
    /// E.g. `causes`.
    pub name: String,
    /// SHA-256 of its file.
    pub sha256: Sha256,
}

/// When a limit will be reached if the trend goes on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Outlook {
    /// The channel whose trend it is.
    pub channel: ChannelId,
    /// What is reached, e.g. "zone C is reached".
    pub limit: Localized,
    /// Earliest time from now, lower end of the 80 % interval.
    pub earliest: Span,
    /// Latest time from now, upper end of the 80 % interval.
    pub latest: Span,
    /// Length of the stretch to which the trend was fitted.
    pub fitted_over: Span,
}

/// A past case that is like a present trouble, and how it turned out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SimilarCase {
    /// The record of its repair.
    pub id: RepairId,
    /// When the repair was finished.
    pub at: Time,
    /// On which device.
    pub device: DeviceId,
    /// On which part.
    pub component: ComponentId,
    /// The cause that was found.
    pub cause: Option<CauseCode>,
    /// What was done.
    pub activity: Activity,
    /// The part that was used.
    pub part: Option<String>,
    /// The record's own words.
    pub text: String,
    /// Whether it helped; `no_effect` is what did not work.
    pub outcome: Outcome,
    /// Working hours.
    pub hours: Option<f64>,
    /// The ticket that it closed.
    pub ticket: Option<String>,
    /// How alike the two are by all that both have, 0 to 1.
    pub likeness: f64,
    /// How alike the signals are, -1 to 1, where both have them.
    pub shape: Option<f64>,
    /// Words and notions that both share.
    pub words: Vec<String>,
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
