//! What sources hand over: readings, raw waveforms, and who wants to know that they are on disk.
//!
//! Deliberately absent: numbering and storing; see [`collect`](crate::collect).

use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::time::Time;
use tokio::sync::{mpsc, oneshot};

use crate::decode::Value;

/// One poll or one message.
#[derive(Debug, Default)]
pub struct Intake {
    /// In the order in which they were taken.
    pub readings: Vec<Measured>,
    /// Where a message carried raw samples.
    pub capture: Option<Capture>,
    /// Told once everything above is on the disk; dropped when it was refused.
    pub receipt: Option<oneshot::Sender<()>>,
}

/// One value of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Which channel.
    pub channel: ChannelId,
    /// When it was measured.
    pub t: Time,
    /// Meaningless when the quality is bad.
    pub value: Value,
    /// How far it may be trusted.
    pub quality: Quality,
}

/// A raw waveform, its samples already in the form in which they are sent and stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// `device/source/waveform`.
    pub channel: ChannelId,
    /// Time of the first sample.
    pub t0: Time,
    /// Samples per second and axis.
    pub rate_hz: f64,
    /// Axes in the order in which they are interleaved.
    pub axes: Vec<Axis>,
    /// Sample × scale = g.
    pub scale_g: f64,
    /// Interleaved.
    pub samples: Vec<i16>,
    /// Speed from the message itself, where it says one.
    pub rpm: Option<f64>,
    /// How far the samples may be trusted.
    pub quality: Quality,
}

/// Where sources hand over. Full, it makes them wait, and turns are missed and counted.
pub type Inlet = mpsc::Sender<Intake>;

/// About a second of a busy agent; what waits here is not yet promised to anybody.
pub const INTAKES_MAX: usize = 256;
