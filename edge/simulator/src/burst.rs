//! Raw bursts of a spindle's acceleration, and the features that the edge agent computes of them.
//!
//! One function makes the samples for the live node and for the history, already rounded to what
//! the node's converter resolves; so both have the same statistics. Deliberately absent: the bytes
//! of a message.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::StateId;
use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::quantity::Axis;
use forewarn_domain::time::Time;
use forewarn_domain::waveform::{AxisFeatures, Burst, EnvelopeLine, Sha256};
use forewarn_vibration::synth::{self, SeededDefect};
use forewarn_vibration::{Defect, Features, Orders};
use sha2::Digest as _;

use crate::convert;
use crate::machine::{Machine, Situation};
use crate::signal::Signal;

/// Samples of all axes, as the node's converter gave them.
#[derive(Clone, Debug, PartialEq)]
pub struct RawBurst {
    /// Time of the first sample.
    pub t0: Time,
    /// Samples per second and axis.
    pub rate_hz: f64,
    /// The axes, in the order in which they are interleaved.
    pub axes: Vec<Axis>,
    /// The samples, interleaved.
    pub samples: Vec<i16>,
    /// Sample × scale = acceleration in g.
    pub scale_g: f64,
    /// Speed that the node measured.
    pub rpm: f64,
}

impl RawBurst {
    /// A burst of the machine as it stands now.
    #[must_use]
    pub fn capture(machine: &Machine, axes: &[Axis]) -> Self {
        let situation = machine.situation();
        let mut samples = vec![0; SAMPLES * axes.len()];
        for (place, axis) in axes.iter().enumerate() {
            let shaker = shaker(machine, &situation, *axis);
            let seed = situation.moment.with(200 + axis_number(*axis)).bits();
            let mut burst = shaker.burst(RATE_HZ, SAMPLES, seed);
            add_belt(&mut burst, situation.effects.belt_g, shaker.shaft_hz);
            for (slot, value) in samples.iter_mut().skip(place).step_by(axes.len()).zip(burst) {
                *slot = rounded(value);
            }
        }
        Self {
            t0: machine.now(),
            rate_hz: RATE_HZ,
            axes: axes.to_vec(),
            samples,
            scale_g: SCALE_G,
            rpm: machine.value(Signal::TachSpeed),
        }
    }

    /// Samples per axis.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len() / self.axes.len().max(1)
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The sample bytes: 16 bits, little-endian.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.samples.iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    /// One axis in g.
    pub fn axis(&self, place: usize) -> impl Iterator<Item = f64> + '_ {
        let step = self.axes.len().max(1);
        self.samples.iter().skip(place).step_by(step).map(|it| f64::from(*it) * self.scale_g)
    }

    /// The features as the edge agent sends them, on the waveform's channel.
    #[must_use]
    pub fn features(&self, channel: ChannelId, state: StateId) -> Burst {
        let shaft_hz = (MIN_RPM <= self.rpm).then_some(self.rpm / 60.0);
        let axes: Vec<AxisFeatures> = self
            .axes
            .iter()
            .enumerate()
            .filter_map(|(place, axis)| {
                let samples: Vec<f64> = self.axis(place).collect();
                let features = Features::of(&samples, self.rate_hz, shaft_hz).ok()?;
                Some(axis_features(*axis, &features))
            })
            .collect();
        let is_whole = axes.len() == self.axes.len();
        Burst {
            channel,
            t0: self.t0,
            rate_hz: self.rate_hz,
            samples: u32::try_from(self.len()).unwrap_or(u32::MAX),
            state,
            shaft_hz,
            sha256: Sha256(sha2::Sha256::digest(self.bytes()).into()),
            quality: if is_whole { Quality::Good } else { Quality::Bad(Bad::Parse) },
            axes,
        }
    }
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

/// A spindle shakes with its speed squared and hisses with its load.
fn shaker(machine: &Machine, now: &Situation, axis: Axis) -> synth::Machine {
    let path = match axis {
        Axis::X => 0.75,
        Axis::Y => 0.85,
        Axis::Z => 1.0,
    };
    let scatter = now.moment.with(300).normal();
    let imbalance_g =
        path * now.own(31, 0.016, 0.024) * (now.speed / 3_000.0).powi(2) * (1.0 + 0.05 * scatter);
    let noise_g = path * (0.03 + 0.0005 * now.load) * (1.0 + 0.04 * now.moment.with(301).normal());
    let damage = machine.bearing_damage().zip(machine.orders());
    let (imbalance_g, misalignment_g) =
        (imbalance_g * now.effects.x1, 0.35 * imbalance_g * now.effects.x2);
    let defect = damage.map(|((defect, growth), orders)| SeededDefect {
        defect,
        orders,
        impact_g: path * growth * impact_g(defect),
        slip: 0.006,
    });
    synth::Machine {
        shaft_hz: now.speed / 60.0,
        imbalance_g,
        misalignment_g,
        noise_g: noise_g * now.effects.hiss,
        resonance_hz: now.own(32, 3_100.0, 4_000.0),
        damping: 0.05,
        defect: defect.or_else(|| knocks(path * now.effects.knock_g)),
    }
}

/// Something loose, or a broken tooth, strikes once a turn.
fn knocks(impact_g: f64) -> Option<SeededDefect> {
    let orders = Orders { ftf: 0.4, bpfo: 1.0, bpfi: 1.0, bsf: 0.5 };
    let defect = Defect::OuterRace;
    (0.0 < impact_g).then_some(SeededDefect { defect, orders, impact_g, slip: 0.002 })
}

/// A belt turns more slowly than its pulleys and shakes at its own speed and twice that.
fn add_belt(samples: &mut [f64], peak_g: f64, shaft_hz: f64) {
    if peak_g <= 0.0 {
        return;
    }
    let turn = std::f64::consts::TAU * BELT_ORDER * shaft_hz / RATE_HZ;
    let mut angle = 0.0_f64;
    for sample in samples {
        *sample += peak_g * angle.sin() + 0.5 * peak_g * (2.0 * angle).sin();
        angle += turn;
    }
}

/// Turns of a belt for one of its pulley: it is some 2.4 times as long as the pulley is round.
const BELT_ORDER: f64 = 0.42;

/// Peak of an impact when the damage is fully grown. A spot that turns with the shaft or the ball
/// is struck unevenly and through more joints, so it takes a larger one to be heard as well.
fn impact_g(defect: Defect) -> f64 {
    match defect {
        Defect::OuterRace => 0.7,
        Defect::InnerRace => 0.9,
        Defect::RollingElement | Defect::Cage => 1.0,
    }
}

fn axis_number(axis: Axis) -> u64 {
    match axis {
        Axis::X => 0,
        Axis::Y => 1,
        Axis::Z => 2,
    }
}

fn rounded(value_g: f64) -> i16 {
    let steps = convert::nearest(value_g / SCALE_G);
    i16::try_from(steps.clamp(i64::from(i16::MIN), i64::from(i16::MAX)))
        .expect("it was clamped to the range")
}

/// Samples per second: five times the resonances of a small spindle would be ideal, three do.
pub const RATE_HZ: f64 = 12_800.0;

/// Samples per axis: 0.64 s, fine enough to tell an inner race from a ball above 270 rpm.
pub const SAMPLES: usize = 8_192;

/// 16 g over 15 bits; a power of two, so that a header's 32-bit float carries it exactly.
const SCALE_G: f64 = 1.0 / 2_048.0;

/// Below it a shaft counts as standing.
const MIN_RPM: f64 = 30.0;
