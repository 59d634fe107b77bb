//! The rules on a small machine, from readings to detections, through the public interface only.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "rules/bench.rs"]
mod bench;
#[path = "rules/sensor.rs"]
mod sensor;
#[path = "rules/machine.rs"]
mod machine;
#[path = "rules/bearing.rs"]
mod bearing;
#[path = "rules/invariants.rs"]
mod invariants;
#[path = "rules/together.rs"]
mod together;
#[path = "rules/monitor.rs"]
mod monitor;
#[path = "rules/outlook.rs"]
mod outlook;
#[path = "rules/defaults.rs"]
mod defaults;
