//! The spectra of a stored waveform, for the page.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use forewarn_api::views::FaultOrderView;
use forewarn_api::{EnvelopeView, SpectrumView, VelocityView};
use forewarn_domain::channel::ChannelId;
use forewarn_domain::waveform::WaveformHeader;
use forewarn_vibration::bearing::Defect;
use forewarn_vibration::envelope::EnvelopeSpectrum;
use forewarn_vibration::spectrum::Spectrum;

use crate::bench::rulebook::Rulebook;

/// Computes both spectra of the first axis; empty ones when the samples are too few.
pub(crate) fn of(header: &WaveformHeader, bytes: &[u8]) -> SpectrumView {
    let axes = header.axes.len().max(1);
    let samples: Vec<f64> = bytes
        .chunks_exact(2 * axes)
        .filter_map(|frame| frame.first_chunk::<2>())
        .map(|sample| f64::from(i16::from_le_bytes(*sample)) * header.scale_g)
        .collect();
    let envelope = EnvelopeSpectrum::of(&samples, header.rate_hz, ENVELOPE_HZ);
    let velocity = Spectrum::of(&samples, header.rate_hz);
    SpectrumView {
        spectrum: envelope.map_or_else(
            |_too_few| EnvelopeView::default(),
            |it| EnvelopeView { df_hz: it.df_hz, ratio: it.ratio },
        ),
        velocity: velocity.map_or_else(|_too_few| VelocityView::default(), |it| velocity_view(&it)),
    }
}

/// Fault frequencies of the bearing under each waveform channel; none where the bearing is unknown.
pub(crate) fn fault_orders(book: &Rulebook) -> BTreeMap<ChannelId, Vec<FaultOrderView>> {
    let mut orders = BTreeMap::new();
    for device in book.plant.devices() {
        for channel in device.channels.values() {
            let Some(waveform) = &channel.waveform else { continue };
            let bearing = device.component(&channel.component).bearing;
            let bearing = bearing.and_then(|it| book.knowledge.bearings.resolve(&it).ok());
            let Some(bearing) = bearing else { continue };
            let all = bearing.geometry.orders();
            let lines = Defect::ALL.into_iter().map(|defect| FaultOrderView {
                label: defect.frequency_name().to_owned(),
                order: all.of(defect),
            });
            orders.insert(waveform.clone(), lines.collect());
        }
    }
    orders
}

fn velocity_view(spectrum: &Spectrum) -> VelocityView {
    let mut hz = 0.0;
    let mut mm_s = Vec::new();
    for amplitude in &spectrum.amplitude {
        if VELOCITY_HZ < hz {
            break;
        }
        // The first line is gravity; the next ones are blown up by integration and say nothing.
        let is_trusted = VELOCITY_LOW_HZ <= hz;
        mm_s.push(if is_trusted { amplitude * GRAVITY_MM_S2 / (TAU * hz) } else { 0.0 });
        hz += spectrum.df_hz;
    }
    VelocityView { df_hz: spectrum.df_hz, mm_s }
}

/// Fault frequencies of common bearings, with their harmonics, lie below it.
const ENVELOPE_HZ: f64 = 600.0;

/// Standard gravity in mm/s².
const GRAVITY_MM_S2: f64 = 9_806.65;

/// The band of severity zones begins here.
const VELOCITY_LOW_HZ: f64 = 10.0;

/// The band of severity zones ends here.
const VELOCITY_HZ: f64 = 1_000.0;
