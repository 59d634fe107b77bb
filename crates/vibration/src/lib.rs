//! What an accelerometer tells about a machine: spectra, indicators, bearing defects, severity.
//!
//! Every function is pure: samples and parameters in, numbers out, the same on the edge agent, in
//! the simulator and on the server. Accelerations are in g, velocities in mm/s, frequencies in Hz.
//!
//! Deliberately absent: serialisation, sensors, thresholds of a particular machine, and the
//! decision whether a person must act.

pub mod window;
pub mod spectrum;
pub mod indicators;
pub mod envelope;
pub mod features;
pub mod bearing;
pub mod catalogue;
pub mod shaft_speed;
pub mod defect_lines;
pub mod faults;
pub mod diagnosis;
pub mod severity;
pub mod synth;
mod convert;

pub use bearing::{Bearing, Defect, Geometry, GeometryError, Orders};
pub use catalogue::{Catalogue, CatalogueError};
pub use defect_lines::{Assessment, DefectMatch, Harmonic, Verdict, assess, assess_spectrum};
pub use diagnosis::{Diagnosis, Judgement};
pub use envelope::{EnvelopeSpectrum, Line, LineList};
pub use features::{FeatureError, Features};
pub use severity::{MachineGroup, NoZone, Support, Zone, ZoneLimits};
pub use shaft_speed::ShaftSpeed;
pub use spectrum::{Spectrum, SpectrumError};
