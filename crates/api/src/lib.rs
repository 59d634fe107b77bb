//! REST, live events, sign-in and the embedded page.
//!
//! Rely on this: `router.rs` lists every route; `problem.rs` alone knows both our errors and HTTP;
//! what goes out is a view of its own, written by hand, so the domain may change without changing
//! the interface. No GET changes anything.
//!
//! Deliberately absent: stages, MQTT and clocks. The server hands in what they know as a
//! [`LiveView`], and the time as a [`Clock`](forewarn_lifecycle::Clock).
#![warn(missing_docs)]

pub mod router;
pub mod state;
pub mod channels;
pub mod live;
mod auth;
mod rights;
mod denials;
mod resources;
mod sse;
mod page;
pub mod views;
mod paging;
mod body;
mod problem;
mod secrets;

pub use live::LiveView;
pub use router::{openapi, router};
pub use state::{
    Access, ApiState, CauseChoice, EnvelopeView, SpectrumView, Transport, VelocityView,
};
