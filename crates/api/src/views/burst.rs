//! Captured waveforms in figures: their features and the strongest lines of their envelopes.

use forewarn_domain::time::Time;
use forewarn_domain::waveform::Burst;
use serde::Serialize;
use utoipa::ToSchema;

/// A captured waveform.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BurstView {
    /// Time of the first sample.
    #[schema(value_type = String, format = DateTime)]
    pub t0: Time,
    /// SHA-256 of its samples; they may be gone.
    pub sha256: String,
    /// Operating state at capture.
    pub state: String,
    /// Shaft frequency at capture in Hz.
    pub shaft_hz: Option<f64>,
    /// One entry for each axis.
    pub axes: Vec<BurstAxisView>,
}

/// One axis of a captured waveform.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BurstAxisView {
    /// Which axis.
    pub axis: String,
    /// Velocity RMS in mm/s.
    pub velocity_rms: f64,
    /// Acceleration RMS of the high band in g.
    pub hf_rms: f64,
    /// Kurtosis.
    pub kurtosis: f64,
    /// The strongest lines of the envelope spectrum.
    pub lines: Vec<BurstLineView>,
}

/// A line of an envelope spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct BurstLineView {
    /// Where, in Hz.
    pub hz: f64,
    /// Height over the floor.
    pub ratio: f64,
}

/// A fault frequency of a bearing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FaultOrderView {
    /// `BPFO` and the like.
    pub label: String,
    /// As multiple of the shaft frequency.
    pub order: f64,
}

impl From<&Burst> for BurstView {
    fn from(burst: &Burst) -> Self {
        let axes = burst.axes.iter().map(|it| BurstAxisView {
            axis: it.axis.to_string(),
            velocity_rms: it.velocity_rms,
            hf_rms: it.hf_rms,
            kurtosis: it.kurtosis,
            lines: it
                .envelope
                .iter()
                .map(|line| BurstLineView { hz: line.hz, ratio: line.ratio })
                .collect(),
        });
        Self {
            t0: burst.t0,
            sha256: burst.sha256.to_string(),
            state: burst.state.to_string(),
            shaft_hz: burst.shaft_hz,
            axes: axes.collect(),
        }
    }
}
