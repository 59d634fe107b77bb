//! One file for each resource. A handler has four beats: extract, call, convert, return.
#![expect(unused_qualifications, reason = "utoipa writes the names of queries with their path")]

pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod accounts;
pub(crate) mod keys;
pub(crate) mod sites;
pub(crate) mod stops;
pub(crate) mod devices;
pub(crate) mod channels;
pub(crate) mod series;
pub(crate) mod history;
pub(crate) mod waveforms;
pub(crate) mod anomalies;
pub(crate) mod backtests;
pub(crate) mod bursts;
pub(crate) mod tickets;
pub(crate) mod incidents;
pub(crate) mod work;
pub(crate) mod handbook;
pub(crate) mod repairs;
pub(crate) mod rules;
pub(crate) mod health;
pub(crate) mod messages;
pub(crate) mod probes;
