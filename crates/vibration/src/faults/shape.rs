//! What the faults look at: one burst, transformed once, and what is known of the machine.

use crate::convert;
use crate::envelope::EnvelopeSpectrum;
use crate::features;
use crate::indicators;
use crate::shaft_speed::ShaftSpeed;
use crate::spectrum::{STANDARD_GRAVITY_MM_S2, Spectrum, SpectrumError};

use std::f64::consts::TAU;

/// A burst of acceleration in g as spectra and indicators.
#[derive(Clone, Debug)]
pub struct Burst<'a> {
    pub samples: &'a [f64],
    pub rate_hz: f64,
    pub shaft: ShaftSpeed,
    pub spectrum: Spectrum,
    pub envelope: EnvelopeSpectrum,
    pub kurtosis: f64,
    pub velocity_rms_mm_s: f64,
}

impl<'a> Burst<'a> {
    /// The burst of a shaft that is stated to turn `shaft_hz` times a second. Records longer than
    /// [`SEGMENT_S`] are averaged over segments.
    ///
    /// # Errors
    ///
    /// [`SpectrumError`] for too few samples or an impossible rate.
    pub fn of(samples: &'a [f64], rate_hz: f64, shaft_hz: f64) -> Result<Self, SpectrumError> {
        let spectrum = Spectrum::averaged(samples, rate_hz, SEGMENT_S)?;
        let high_hz = features::envelope_high_hz(Some(shaft_hz));
        let envelope = EnvelopeSpectrum::averaged(samples, rate_hz, high_hz, SEGMENT_S)?;
        let shaft = ShaftSpeed::measured(&spectrum, shaft_hz);
        let velocity_rms_mm_s = spectrum.velocity_rms_mm_s(VELOCITY_LOW_HZ, VELOCITY_HIGH_HZ);
        let kurtosis = indicators::kurtosis(samples);
        Ok(Self { samples, rate_hz, shaft, spectrum, envelope, kurtosis, velocity_rms_mm_s })
    }

    /// RMS velocity of the line nearest to a frequency.
    #[must_use]
    pub fn velocity_mm_s(&self, hz: f64) -> f64 {
        if hz <= 0.0 {
            return 0.0;
        }
        let peak_g = self.spectrum.strongest(hz - self.reach_hz(hz), hz + self.reach_hz(hz));
        peak_g * STANDARD_GRAVITY_MM_S2 / (TAU * hz * 2.0_f64.sqrt())
    }

    /// Height of the highest bin near a frequency over the median of its neighbourhood.
    #[must_use]
    pub fn prominence(&self, hz: f64) -> f64 {
        let (bin, peak_g) = self.nearest(hz);
        let first = bin.saturating_sub(NEIGHBOURS);
        let past = (bin + NEIGHBOURS).min(self.spectrum.amplitude.len());
        let mut near = self.spectrum.amplitude.get(first..past).unwrap_or_default().to_vec();
        near.sort_by(f64::total_cmp);
        match near.get(near.len() / 2) {
            Some(floor) if 0.0 < *floor => peak_g / floor,
            _ => 0.0,
        }
    }

    /// Peak acceleration of the line nearest to a frequency.
    #[must_use]
    pub fn peak_g(&self, hz: f64) -> f64 {
        self.nearest(hz).1
    }

    /// Where the line nearest to a frequency stands.
    #[must_use]
    pub fn place_hz(&self, hz: f64) -> f64 {
        convert::count(self.nearest(hz).0) * self.spectrum.df_hz
    }

    fn nearest(&self, hz: f64) -> (usize, f64) {
        let reach_hz = self.reach_hz(hz);
        let first = convert::index_above((hz - reach_hz) / self.spectrum.df_hz);
        let past = convert::index_below((hz + reach_hz) / self.spectrum.df_hz).saturating_add(1);
        let amplitude = &self.spectrum.amplitude;
        let bins = amplitude.get(first..past.min(amplitude.len())).unwrap_or_default();
        let highest = bins.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        highest.map_or((first, 0.0), |(place, peak_g)| (first + place, *peak_g))
    }

    /// A stated speed may be off by 1 %, a measured one by a bin.
    fn reach_hz(&self, hz: f64) -> f64 {
        let share = if self.shaft.is_measured { 0.002 } else { 0.01 };
        (hz * share).min(0.2 * self.shaft.hz).max(1.5 * self.spectrum.df_hz)
    }
}

/// What is known of a machine beyond its speed; each number opens the fault that needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    /// Teeth of the gear on this shaft.
    pub gear_teeth: Option<u32>,
    /// Vanes of a pump's or blades of a fan's wheel.
    pub vanes: Option<u32>,
    /// Cutting edges of the tool in a spindle.
    pub tool_teeth: Option<u32>,
    /// Frequency of the mains, 50 or 60 Hz.
    pub line_hz: Option<f64>,
    pub belt: Option<Belt>,
    /// Direction of the sensor.
    pub axis: Option<Axis>,
    /// RMS above 1 kHz of the same place in health.
    pub healthy_hf_g: Option<f64>,
}

/// A belt on this shaft's pulley.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belt {
    pub pulley_mm: f64,
    pub length_mm: f64,
}

/// Direction of a sensor against the shaft.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Axis {
    Axial,
    Radial,
}

/// Longer records gain nothing from longer segments: elements slip and speeds drift.
pub const SEGMENT_S: f64 = 4.0;

const VELOCITY_LOW_HZ: f64 = crate::spectrum::VELOCITY_LOW_HZ;
const VELOCITY_HIGH_HZ: f64 = crate::spectrum::VELOCITY_HIGH_HZ;

/// Bins to either side that make the floor of a line.
const NEIGHBOURS: usize = 25;
