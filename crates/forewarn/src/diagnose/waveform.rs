//! From the bytes of a waveform to the samples of one channel in g.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use forewarn_vibration::diagnosis;
use forewarn_vibration::features::SAMPLES_MIN;

use crate::diagnose::options::{Format, Options};

/// Reads the channel that the options name.
pub(crate) fn read(options: &Options) -> Result<Vec<f64>, WaveformError> {
    let place = channel_place(options)?;
    let scale = scale_of(options, place)?;
    let path = &options.waveform;
    let bytes = read_bytes(path)
        .map_err(|source| WaveformError::Unreadable { path: path.clone(), source })?;
    let frame = options.format.bytes() * options.channels.len();
    if MAX_BYTES < bytes.len() {
        return Err(WaveformError::TooLong { path: path.clone() });
    }
    if bytes.is_empty() || !bytes.len().is_multiple_of(frame) {
        let channels = options.channels.len();
        return Err(WaveformError::Size {
            path: path.clone(),
            bytes: bytes.len(),
            channels,
            frame,
        });
    }
    let width = options.format.bytes();
    let sample = |frame: &[u8]| -> f64 {
        let bytes = &frame[place * width..];
        match options.format {
            Format::I16le => f64::from(i16::from_le_bytes([bytes[0], bytes[1]])),
            Format::F32le => {
                f64::from(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            }
        }
    };
    let samples: Vec<f64> = bytes.chunks_exact(frame).map(|it| scale * sample(it)).collect();
    if samples.len() < SAMPLES_MIN {
        return Err(WaveformError::TooShort { what: "the record", samples: samples.len() });
    }
    Ok(samples)
}

/// Samples of a window of so many seconds in a record of `available` samples.
pub(crate) fn window_samples(
    seconds: f64,
    rate_hz: f64,
    available: usize,
) -> Result<usize, WaveformError> {
    let samples = diagnosis::samples(seconds, rate_hz);
    if available < samples {
        let record_s = diagnosis::seconds(available, rate_hz);
        return Err(WaveformError::WindowTooLong { window_s: seconds, record_s });
    }
    if samples < SAMPLES_MIN {
        return Err(WaveformError::TooShort { what: "a window", samples });
    }
    Ok(samples)
}

/// Refuses a series that does not consist of whole snapshots.
pub(crate) fn check_snapshots(snapshot: usize, available: usize) -> Result<(), WaveformError> {
    if snapshot < SAMPLES_MIN {
        return Err(WaveformError::TooShort { what: "a snapshot", samples: snapshot });
    }
    if !available.is_multiple_of(snapshot) {
        return Err(WaveformError::Snapshots { available, snapshot });
    }
    Ok(())
}

fn channel_place(options: &Options) -> Result<usize, WaveformError> {
    let known = || options.channels.join(", ");
    let Some(wanted) = &options.channel else {
        return match options.channels.len() {
            1 => Ok(0),
            _ => Err(WaveformError::ChannelNotSaid { known: known() }),
        };
    };
    let place = options.channels.iter().position(|it| it == wanted);
    place.ok_or_else(|| WaveformError::Channel { wanted: wanted.clone(), known: known() })
}

fn scale_of(options: &Options, place: usize) -> Result<f64, WaveformError> {
    let wrong =
        || WaveformError::Scales { scales: options.scale.len(), channels: options.channels.len() };
    match options.scale.as_slice() {
        [all] => Ok(*all),
        each if each.len() == options.channels.len() => each.get(place).copied().ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let _read = File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    let _read = MultiGzDecoder::new(bytes.as_slice()).take(limit).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// Why there are no samples.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WaveformError {
    #[error("channel `{wanted}` is not among --channels {known}")]
    Channel { wanted: String, known: String },
    #[error("several channels ({known}) and no --channel says which one to judge")]
    ChannelNotSaid { known: String },
    #[error("{scales} factors in --scale for {channels} channels; give one, or one for each")]
    Scales { scales: usize, channels: usize },
    #[error(
        "{} holds {bytes} bytes, which is not a whole number of samples of {channels} channels ({frame} bytes); check --format and --channels",
        path.display()
    )]
    Size { path: PathBuf, bytes: usize, channels: usize, frame: usize },
    #[error(
        "{available} samples are not a whole number of snapshots of {snapshot}; check --snapshot and --channels"
    )]
    Snapshots { available: usize, snapshot: usize },
    #[error("{} holds more than a gibibyte; cut it", path.display())]
    TooLong { path: PathBuf },
    #[error("{what} has {samples} samples; at least {SAMPLES_MIN} are needed")]
    TooShort { what: &'static str, samples: usize },
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("a window of {window_s} s does not fit into the record of {record_s:.3} s")]
    WindowTooLong { window_s: f64, record_s: f64 },
}

/// Two hours of one channel at 50 kHz and 16 bits.
const MAX_BYTES: usize = 1 << 30;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
