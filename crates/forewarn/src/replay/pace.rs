//! How fast recorded time passes. Tickets do not depend on it.

use std::time::Duration;

use forewarn_domain::time::Time;

use crate::args::Speed;

/// Lets recorded time pass at a factor of real time.
#[derive(Default)]
pub(crate) struct Pace {
    times: Option<f64>,
    last: Option<Time>,
}

impl Pace {
    /// Recorded time at this speed.
    pub(crate) fn new(speed: Speed) -> Self {
        let times = match speed {
            Speed::Max => None,
            Speed::Times(times) => Some(times),
        };
        Self { times, last: None }
    }

    /// Waits until it is the time of a row.
    pub(crate) fn wait_for(&mut self, now: Time) {
        let Some(times) = self.times else { return };
        if let Some(last) = self.last.replace(now) {
            let pause = (now - last).secs_f64() / times;
            if 0.0 < pause {
                std::thread::sleep(Duration::from_secs_f64(pause.min(PAUSE_MAX_S)));
            }
        }
    }
}

/// A gap in a recording is not waited for longer than this.
const PAUSE_MAX_S: f64 = 60.0;
