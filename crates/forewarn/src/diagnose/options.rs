//! What can be typed after `forewarn diagnose`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use forewarn_vibration::faults::{Axis, Belt, Machine};

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Options {
    /// Raw samples, all channels interleaved; may be gzipped.
    #[arg(long, value_name = "FILE")]
    pub(crate) waveform: PathBuf,
    /// How a sample is written.
    #[arg(long, value_enum, default_value_t = Format::I16le)]
    pub(crate) format: Format,
    /// Names of the channels in their order, e.g. `DE,FE`.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub(crate) channels: Vec<String>,
    /// The channel to judge; may be left out where there is only one.
    #[arg(long)]
    pub(crate) channel: Option<String>,
    /// Sample × scale = g: one factor for all channels, or one for each.
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = positive)]
    pub(crate) scale: Vec<f64>,
    /// Samples per second and channel.
    #[arg(long, value_name = "HZ", value_parser = positive)]
    pub(crate) rate: f64,
    /// Turns of the shaft per minute; up to 1.5 % off is made good.
    #[arg(long, value_parser = speed)]
    pub(crate) rpm: f64,
    /// A bearing of the catalogue, or its geometry: `n=9,d=7.94,D=39.04,angle=0` (mm, degrees).
    #[arg(long)]
    pub(crate) bearing: Option<String>,
    /// Another catalogue of bearings; every row must pass the checks.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    /// One judgement for each window of this length, e.g. `1s` or `500ms`.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) window: Option<f64>,
    /// The file is a series of snapshots of this many samples a channel; with `--window` each is told.
    #[arg(long, value_name = "SAMPLES")]
    pub(crate) snapshot: Option<usize>,
    /// Teeth of the gear on this shaft: looks for its mesh.
    #[arg(long)]
    pub(crate) teeth: Option<u32>,
    /// Vanes of the pump on this shaft: looks for cavitation.
    #[arg(long)]
    pub(crate) vanes: Option<u32>,
    /// Edges of the tool in this spindle: looks for unequal ones.
    #[arg(long)]
    pub(crate) tool_teeth: Option<u32>,
    /// Frequency of the mains, 50 or 60: looks for electrical trouble.
    #[arg(long, value_name = "HZ", value_parser = positive)]
    pub(crate) line_frequency: Option<f64>,
    /// Pulley diameter and belt length in mm, e.g. `120:1100`: looks for the belt.
    #[arg(long, value_name = "MM:MM", value_parser = belt)]
    pub(crate) belt: Option<Belt>,
    /// Direction of the sensor against the shaft.
    #[arg(long, value_enum)]
    pub(crate) axis: Option<Direction>,
    /// RMS above 1 kHz of the same place in health, in g.
    #[arg(long, value_name = "G", value_parser = positive)]
    pub(crate) healthy_hf: Option<f64>,
    /// JSON lines on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    /// What is known of the machine.
    pub(crate) fn machine(&self) -> Machine {
        Machine {
            gear_teeth: self.teeth,
            vanes: self.vanes,
            tool_teeth: self.tool_teeth,
            line_hz: self.line_frequency,
            belt: self.belt,
            axis: self.axis.map(|it| match it {
                Direction::Axial => Axis::Axial,
                Direction::Radial => Axis::Radial,
            }),
            healthy_hf_g: self.healthy_hf,
        }
    }
}

/// How a sample is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// 32-bit float, little-endian.
    F32le,
    /// 16-bit integer, little-endian.
    I16le,
}

impl Format {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32le => 4,
            Self::I16le => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Direction {
    Axial,
    Radial,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && 0.0 < number => Ok(number),
        _ => Err(format!("`{text}` is no number above 0")),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    positive(text).map_err(|why| {
        format!(
            "{why}; a shaft that stands still passes no defect frequencies, give its real speed"
        )
    })
}

/// Seconds from `1s`, `0.5s` or `500ms`.
fn span(text: &str) -> Result<f64, String> {
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => return Err(format!("`{text}` has no unit; write 1s or 500ms")),
    };
    positive(number.trim()).map(|it| it * factor)
}

fn belt(text: &str) -> Result<Belt, String> {
    let (pulley, length) =
        text.split_once(':').ok_or_else(|| format!("`{text}` is no PULLEY:LENGTH in mm"))?;
    Ok(Belt { pulley_mm: positive(pulley)?, length_mm: positive(length)? })
}
