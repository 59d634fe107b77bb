//! The channels as the interface shows them, and the button that tries one.

use std::sync::Arc;

use forewarn_api::channels::{ChannelState, MessageChannels, Tested, Trying};
use forewarn_domain::id::SiteId;
use forewarn_domain::time::Time;
use forewarn_lifecycle::Clock;
use forewarn_notify::Outcome;

use super::lines::{Line, Lines};
use super::words;

/// What the interface asks.
#[derive(Debug)]
pub struct ChannelDesk {
    /// Where.
    pub site: SiteId,
    /// The channels.
    pub lines: Arc<Lines>,
    /// What time it is.
    pub clock: Clock,
}

impl MessageChannels for ChannelDesk {
    fn list(&self) -> Vec<ChannelState> {
        self.lines.all().iter().map(state).collect()
    }

    fn test(&self, id: &str) -> Option<Trying> {
        let place = self.lines.all().iter().position(|it| it.outlet.id == id)?;
        let (lines, site, clock) = (Arc::clone(&self.lines), self.site.clone(), self.clock.clone());
        Some(Box::pin(async move {
            let now = || Time::from_micros(clock.now_us());
            let Some(line) = lines.all().get(place) else { return Tested::default() };
            if let Err(free) = line.take(now()) {
                return Tested { busy_until: Some(free), ..Tested::default() };
            }
            let message = words::test_message(&site, &line.outlet.id, now());
            let seconds = now().micros().div_euclid(1_000_000);
            match line.outlet.channel.send(&message, seconds).await {
                Outcome::Delivered => {
                    line.delivered(now());
                    Tested { is_delivered: true, ..Tested::default() }
                }
                Outcome::Locked { reason }
                | Outcome::Refused { reason }
                | Outcome::Retry { reason, .. } => {
                    line.failed(now(), &reason);
                    Tested { reason: Some(reason), ..Tested::default() }
                }
            }
        }))
    }
}

fn state(line: &Line) -> ChannelState {
    let condition = line.condition();
    let (error_at, error) = condition.last_error.unzip();
    ChannelState {
        id: line.outlet.id.clone(),
        kind: line.outlet.channel.kind(),
        is_failing: condition.is_failing,
        last_ok: condition.last_ok,
        last_error_at: error_at,
        last_error: error,
        holds: condition.holds,
        paused_until: condition.paused_until,
        stand_in: line.outlet.fallback.as_ref().map(|it| it.to.clone()),
        expires: line.outlet.expires.map(|it| it.to_string()),
    }
}
