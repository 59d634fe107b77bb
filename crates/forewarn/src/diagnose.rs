//! `forewarn diagnose`: a recorded waveform in, a judgement with its frequency and reason out.
//!
//! One line for the whole record; with `--window` one for each window; with `--snapshot` the file
//! is a series of short bursts: one line over all of them, or with `--window` one for each.
//! The judging is the vibration crate's; here are files, layouts and words. Exit code 0 whatever
//! was found: a fault is a result.

mod options;
mod report;
mod waveform;

use std::process::ExitCode;

use forewarn_vibration::Catalogue;
use forewarn_vibration::bearing::{Bearing, Orders};
use forewarn_vibration::diagnosis::{self, Diagnosis};
use forewarn_vibration::faults::Machine;

use crate::files::{self, Text};
use crate::output::{self, Failure};

pub(crate) use options::Options;

/// Judges a waveform as the options say.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let bearing = bearing(options)?;
    let samples = waveform::read(options)?;
    let judge = Judge {
        rate_hz: options.rate,
        shaft_hz: options.rpm / 60.0,
        orders: bearing.as_ref().map(|it| it.geometry.orders()),
        machine: options.machine(),
    };
    match (options.snapshot, options.window) {
        (Some(snapshot), window) => over_snapshots(options, &judge, &samples, (snapshot, window))?,
        (None, Some(window)) => {
            let len = waveform::window_samples(window, options.rate, samples.len())?;
            for (number, window) in samples.chunks_exact(len).enumerate() {
                let place = report::Place::Window {
                    number,
                    start_s: diagnosis::seconds(number * len, options.rate),
                };
                report::print(options, place, &judge.or_refused(window));
            }
        }
        (None, None) => report::print(options, report::Place::Whole, &judge.strictly(&samples)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn over_snapshots(
    options: &Options,
    judge: &Judge,
    samples: &[f64],
    (snapshot, window): (usize, Option<f64>),
) -> Result<(), Failure> {
    waveform::check_snapshots(snapshot, samples.len())?;
    let all: Vec<Diagnosis> =
        samples.chunks_exact(snapshot).map(|it| judge.or_refused(it)).collect();
    if window.is_some() {
        for (number, found) in all.iter().enumerate() {
            report::print(options, report::Place::Snapshot { number }, found);
        }
    } else if let Some(found) = diagnosis::over_snapshots(&all) {
        report::print(options, report::Place::Snapshots { count: all.len() }, &found);
    }
    Ok(())
}

struct Judge {
    rate_hz: f64,
    shaft_hz: f64,
    orders: Option<Orders>,
    machine: Machine,
}

impl Judge {
    fn strictly(&self, samples: &[f64]) -> Result<Diagnosis, Failure> {
        let (orders, machine) = (self.orders.as_ref(), &self.machine);
        Ok(diagnosis::diagnose(samples, self.rate_hz, self.shaft_hz, orders, machine)?)
    }

    /// One bad burst among many is said to be one, and does not end the rest.
    fn or_refused(&self, samples: &[f64]) -> Diagnosis {
        let (orders, machine) = (self.orders.as_ref(), &self.machine);
        diagnosis::diagnose(samples, self.rate_hz, self.shaft_hz, orders, machine)
            .unwrap_or_else(|error| diagnosis::refused(&error))
    }
}

/// The bearing by its geometry or from the catalogue.
fn bearing(options: &Options) -> Result<Option<Bearing>, Failure> {
    let text = match &options.catalogue {
        Some(path) => Text::read(path)?,
        None => files::one("models/bearings.csv")?,
    };
    let catalogue = Catalogue::parse(&text.text)?;
    let Some(wanted) = &options.bearing else { return Ok(None) };
    match catalogue.resolve(wanted) {
        Ok(bearing) => Ok(Some(bearing)),
        Err(source) => {
            let near = catalogue.nearest(wanted, NEAREST_SHOWN);
            let near: Vec<&str> = near.into_iter().map(|it| it.code.as_str()).collect();
            output::remark(&format!("the nearest names in {} are: {}", text.name, near.join(", ")));
            Err(source.into())
        }
    }
}

const NEAREST_SHOWN: usize = 3;
