//! Silence of one channel while the rest of the device goes on: the sensor, its wiring or its link.
//!
//! Silence is counted on the device's own clock, which stands still while nothing at all arrives:
//! an outage of the agent says nothing about a sensor. A bad reading is as good as none. The
//! device looks for silences from time to time; this file knows what one is.

use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::site::plant::Channel;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::confirm::Hold;
use crate::outcome::WhyNot;
use crate::rule::{Fields, RuleError};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    intervals: u32,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let intervals = fields.intervals.take();
        match fields.need("intervals", intervals)? {
            intervals @ 3.. => Ok(Self { intervals }),
            _ => Err(fields.wrong("intervals", "it must be at least 3")),
        }
    }
}

/// The rule on one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoData {
    settings: Settings,
    span: Span,
    clear_span: Span,
    clear_samples: u32,
}

/// What is remembered of one channel.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// Device clock at the last trusted reading; `None` before the first one.
    heard: Option<Span>,
    /// The last reading that was not trusted since then.
    pub(crate) untrusted: Option<Quality>,
    active: Option<Active>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Active {
    is_whole_source: bool,
    back_since: Option<Time>,
    back: u32,
}

impl NoData {
    /// For one channel; the reason where silence means nothing.
    pub(crate) fn new(settings: Settings, hold: &Hold, channel: &Channel) -> Result<Self, WhyNot> {
        if channel.interval.is_none() || channel.waveform.is_some() {
            return Err(WhyNot::NoInterval);
        }
        if channel.on_change || channel.is_text {
            return Err(WhyNot::ReportsChanges);
        }
        Ok(Self {
            settings,
            span: hold.span,
            clear_span: hold.clear_span,
            clear_samples: hold.clear_samples,
        })
    }

    /// How long the channel has been silent in units of what is too long; 0 when that is unknown.
    pub(crate) fn silence(&self, memory: &Memory, clock: Span, interval: Span) -> f64 {
        let Some(heard) = memory.heard else {
            return 0.0;
        };
        let intervals = interval.micros().saturating_mul(i64::from(self.settings.intervals));
        let limit = self.span.max(Span::from_micros(intervals));
        Span::from_micros(clock.micros() - heard.micros()).secs_f64() / limit.secs_f64().max(1e-6)
    }

    /// Takes a trusted reading; whether it ended a silence that was reported.
    pub(crate) fn hear(&self, memory: &mut Memory, t: Time, clock: Span) -> bool {
        memory.heard = Some(clock);
        memory.untrusted = None;
        let Some(active) = &mut memory.active else {
            return false;
        };
        let since = *active.back_since.get_or_insert(t);
        active.back = active.back.saturating_add(1);
        let is_over = self.clear_span <= t - since && self.clear_samples <= active.back;
        if is_over {
            memory.active = None;
        }
        is_over
    }
}

impl Memory {
    pub(crate) fn is_active(&self) -> bool {
        self.active.is_some()
    }

    pub(crate) fn is_for_the_whole_source(&self) -> bool {
        self.active.as_ref().is_some_and(|it| it.is_whole_source)
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.heard.is_some()
    }

    pub(crate) fn raise(&mut self, is_whole_source: bool) {
        self.active = Some(Active { is_whole_source, back_since: None, back: 0 });
    }

    /// A silence that goes on takes back what seemed to be its end.
    pub(crate) fn keep(&mut self) {
        if let Some(active) = &mut self.active {
            (active.back_since, active.back) = (None, 0);
        }
    }

    /// Whether the sensor itself said that it has no value: then the link works.
    pub(crate) fn is_sensor_talking(&self) -> bool {
        match self.untrusted {
            Some(Quality::Bad(
                Bad::Frozen | Bad::NotConfigured | Bad::Parse | Bad::Sentinel | Bad::Exception,
            ))
            | Some(Quality::Uncertain(Uncertain::Range)) => true,
            Some(_) | None => false,
        }
    }
}
