//! Trends, waveforms and episodes as they go out.

use forewarn_domain::time::Time;
use forewarn_store::readings::Bucket;
use forewarn_store::records::WaveformRow;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::SpectrumView;

/// A stretch of a channel, summed up.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeriesView {
    /// `device/source/point`.
    pub channel: String,
    /// In which unit.
    pub unit: String,
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Time,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub to: Time,
    /// Summaries; a gap has none.
    pub buckets: Vec<BucketView>,
    /// Operating states of the device; empty for ranges that are too long to work them out.
    pub states: Vec<StateSpanView>,
}

/// A summary of some readings. Where all of them were bad there is no minimum, maximum or mean.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BucketView {
    /// Its beginning.
    #[schema(value_type = String, format = DateTime)]
    pub t: Time,
    /// Smallest good value.
    pub min: Option<f64>,
    /// Largest good value.
    pub max: Option<f64>,
    /// Mean of the good values.
    pub mean: Option<f64>,
    /// Good readings.
    pub n: u64,
    /// Bad readings.
    pub bad: u64,
}

impl From<&Bucket> for BucketView {
    fn from(bucket: &Bucket) -> Self {
        Self {
            t: bucket.t,
            min: bucket.spread.map(|it| it.min),
            max: bucket.spread.map(|it| it.max),
            mean: bucket.spread.map(|it| it.mean),
            n: bucket.n,
            bad: bucket.bad,
        }
    }
}

/// A stretch in one operating state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StateSpanView {
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Time,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub to: Time,
    /// In which state.
    pub state: String,
}

/// A stored waveform in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WaveformRowView {
    /// UUID.
    pub id: String,
    /// SHA-256 of its samples.
    pub sha256: String,
    /// `device/source/waveform`.
    pub channel: String,
    /// Time of the first sample.
    #[schema(value_type = String, format = DateTime)]
    pub t0: Time,
    /// Samples per second and axis.
    pub rate_hz: f64,
    /// Axes in the order in which they are interleaved.
    pub axes: Vec<String>,
    /// Samples per axis.
    pub samples: u32,
    /// Sample × scale = acceleration in g.
    pub scale_g: f64,
    /// Speed at capture.
    pub rpm: Option<f64>,
    /// Operating state at capture.
    pub state: String,
    /// How far the samples may be trusted.
    pub quality: String,
    /// Until when a ticket wants it kept.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub held_until: Option<Time>,
}

impl From<&WaveformRow> for WaveformRowView {
    fn from(row: &WaveformRow) -> Self {
        let header = &row.header;
        Self {
            id: row.id.to_string(),
            sha256: header.sha256.to_string(),
            channel: header.channel.to_string(),
            t0: header.t0,
            rate_hz: header.rate_hz,
            axes: header.axes.iter().map(ToString::to_string).collect(),
            samples: header.samples,
            scale_g: header.scale_g,
            rpm: header.rpm,
            state: header.state.to_string(),
            quality: header.quality.to_string(),
            held_until: row.held_until,
        }
    }
}

/// A stored waveform with its spectra.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WaveformView {
    /// What lists show.
    #[serde(flatten)]
    pub row: WaveformRowView,
    /// Its spectra.
    #[serde(flatten)]
    pub spectra: SpectrumView,
}
