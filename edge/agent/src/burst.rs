//! From a raw waveform to its features, its feature readings, and its parts for the server.
//!
//! Rely on this: features are computed from the very samples that are sent, so the server can
//! compute them again; the hash is over exactly those bytes. A burst from which nothing should be
//! concluded gives bad readings and still travels, since it is evidence of its sensor.
//!
//! Deliberately absent: when to capture, and any judgement of the machine.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::{PointId, StateId};
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::BatchBody;
use forewarn_domain::waveform::{
    AxisFeatures, BURST_FEATURES, Burst, EnvelopeLine, Sha256, WaveformHeader, WaveformPart,
};
use forewarn_vibration::features::{FeatureError, Features};
use forewarn_wire::payload::WAVEFORM_PART_BYTES;
use sha2::Digest as _;

use crate::decode::Value;
use crate::intake::{Capture, Measured};

/// What the agent knows of the machine when a waveform was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Circumstances {
    /// Operating state at the first sample.
    pub state: StateId,
    /// Shaft frequency, where the speed is known.
    pub shaft_hz: Option<f64>,
}

/// What becomes of a waveform.
#[derive(Clone, Debug, PartialEq)]
pub struct Processed {
    /// The features, for stream 1; absent when no axis gave any.
    pub burst: Option<Burst>,
    /// The features as ordinary readings.
    pub readings: Vec<Measured>,
    /// The samples in parts, for stream 2.
    pub parts: Vec<BatchBody>,
}

/// Computes features and cuts the samples. Takes milliseconds: not for an async task.
#[must_use]
pub fn process(capture: &Capture, at: &Circumstances) -> Processed {
    let bytes: Vec<u8> = capture.samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    let sha256 = Sha256(sha2::Sha256::digest(&bytes).into());
    let (mut axes, mut readings, mut quality) = (Vec::new(), Vec::new(), capture.quality);
    for (place, axis) in capture.axes.iter().enumerate() {
        let samples_g: Vec<f64> = capture
            .samples
            .iter()
            .skip(place)
            .step_by(capture.axes.len())
            .map(|it| f64::from(*it) * capture.scale_g)
            .collect();
        match Features::of(&samples_g, capture.rate_hz, at.shaft_hz) {
            Ok(features) => {
                let features = axis_features(*axis, &features);
                readings.extend(feature_readings(
                    capture,
                    *axis,
                    features.values(),
                    capture.quality,
                ));
                axes.push(features);
            }
            Err(error) => {
                let channel = &capture.channel;
                tracing::warn!(%channel, %axis, %error, "an axis of a burst has no features");
                quality = Quality::Bad(why_bad(&error));
                let no_values = [0.0; BURST_FEATURES.len()];
                readings.extend(feature_readings(capture, *axis, no_values, quality));
            }
        }
    }
    let samples = capture.samples.len() / capture.axes.len().max(1);
    let samples = u32::try_from(samples).expect("captures are limited to 2^20 samples");
    let burst = (!axes.is_empty()).then(|| Burst {
        channel: capture.channel.clone(),
        t0: capture.t0,
        rate_hz: capture.rate_hz,
        samples,
        state: at.state.clone(),
        shaft_hz: at.shaft_hz,
        sha256,
        quality,
        axes,
    });
    let header = WaveformHeader {
        channel: capture.channel.clone(),
        t0: capture.t0,
        rate_hz: capture.rate_hz,
        axes: capture.axes.clone(),
        samples,
        scale_g: capture.scale_g,
        rpm: at.shaft_hz.map(|hz| hz * 60.0),
        state: at.state.clone(),
        quality,
        sha256,
    };
    Processed { burst, readings, parts: parts(&header, &bytes) }
}

fn axis_features(axis: Axis, features: &Features) -> AxisFeatures {
    let line = |line: &forewarn_vibration::Line| EnvelopeLine { hz: line.hz, ratio: line.ratio };
    AxisFeatures {
        axis,
        velocity_rms: features.velocity_rms_mm_s,
        acc_rms: features.acc_rms_g,
        hf_rms: features.hf_rms_g,
        acc_peak: features.acc_peak_g,
        crest: features.crest,
        kurtosis: features.kurtosis,
        envelope_df_hz: features.envelope.df_hz,
        envelope: features.envelope.lines.iter().map(line).collect(),
    }
}

fn feature_readings(
    capture: &Capture,
    axis: Axis,
    values: [f64; BURST_FEATURES.len()],
    quality: Quality,
) -> impl Iterator<Item = Measured> {
    let (whole, t) = (capture.channel.clone(), capture.t0);
    BURST_FEATURES.into_iter().zip(values).filter_map(move |(feature, value)| {
        let point = format!("{}.{axis}.{}", whole.point_str(), feature.suffix);
        // A name that is too long was refused when the site file was joined with its templates.
        let point = PointId::new(&point).ok()?;
        let channel = ChannelId::new(&whole.device(), &whole.source(), &point);
        Some(Measured { channel, t, value: Value::Number(value), quality })
    })
}

fn why_bad(error: &FeatureError) -> Bad {
    match error {
        FeatureError::NoMovement => Bad::Frozen,
        FeatureError::Length { .. }
        | FeatureError::NotFinite { .. }
        | FeatureError::Rate { .. }
        | FeatureError::Saturated { .. } => Bad::Parse,
    }
}

fn parts(header: &WaveformHeader, bytes: &[u8]) -> Vec<BatchBody> {
    let chunks: Vec<&[u8]> = bytes.chunks(WAVEFORM_PART_BYTES).collect();
    let parts = u16::try_from(chunks.len()).expect("captures are limited to 2^20 samples");
    (0..parts)
        .zip(chunks)
        .map(|(part, chunk)| {
            BatchBody::Waveform(WaveformPart {
                header: header.clone(),
                // The spool puts the number in when it gives it out.
                first_seq: 0,
                part,
                parts,
                bytes: chunk.to_vec(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use forewarn_domain::time::Time;
    use forewarn_vibration::synth::Machine;

    use super::*;

    fn capture(samples: Vec<i16>, axes: Vec<Axis>) -> Capture {
        Capture {
            channel: "mill-07/spindle/acc".parse().unwrap(),
            t0: Time::from_millis(1_800_000_000_000),
            rate_hz: 12_800.0,
            axes,
            scale_g: 0.000_1,
            samples,
            rpm: None,
            quality: Quality::Good,
        }
    }

    fn at() -> Circumstances {
        Circumstances { state: StateId::new("cut").unwrap(), shaft_hz: Some(25.0) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "synthetic bursts stay far below 3 g")]
    fn steps(samples_g: &[f64]) -> Vec<i16> {
        samples_g.iter().map(|it| (it / 0.000_1) as i16).collect()
    }

    #[test]
    fn features_readings_and_parts_tell_of_the_same_samples() {
        let x = steps(&Machine::healthy(25.0).burst(12_800.0, 51_200, 1));
        let z = steps(&Machine::healthy(25.0).burst(12_800.0, 51_200, 2));
        let both: Vec<i16> = x.iter().zip(&z).flat_map(|(x, z)| [*x, *z]).collect();
        let found = process(&capture(both.clone(), vec![Axis::X, Axis::Z]), &at());
        let burst = found.burst.unwrap();
        assert_eq!((burst.samples, burst.state.as_str()), (51_200, "cut"));
        assert_eq!(found.readings.len(), 12);
        assert_eq!(found.readings[6].channel.as_str(), "mill-07/spindle/acc.z.vel_rms");
        assert_eq!(found.readings[6].value, Value::Number(burst.axes[1].velocity_rms));
        assert!((2.0..3.0).contains(&burst.axes[0].velocity_rms), "{burst:?}");

        let mut bytes = Vec::new();
        for (index, body) in found.parts.iter().enumerate() {
            let BatchBody::Waveform(part) = body else { panic!("not a part") };
            assert_eq!((usize::from(part.part), usize::from(part.parts)), (index, 2));
            assert_eq!(part.header.sha256, burst.sha256);
            bytes.extend(&part.bytes);
        }
        let again: Vec<i16> =
            bytes.chunks(2).map(|it| i16::from_le_bytes([it[0], it[1]])).collect();
        assert_eq!(again, both);
        assert_eq!(Sha256(sha2::Sha256::digest(&bytes).into()), burst.sha256);
    }

    #[test]
    fn a_dead_axis_gives_bad_readings_and_the_waveform_as_evidence() {
        let found = process(&capture(vec![7; 4_096], vec![Axis::Z]), &at());
        assert_eq!(found.burst, None);
        assert!(found.readings.iter().all(|it| it.quality == Quality::Bad(Bad::Frozen)));
        assert_eq!((found.readings.len(), found.parts.len()), (6, 1));
    }
}
