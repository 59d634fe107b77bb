//! The channels with how each of them is right now.

use std::sync::{Mutex, MutexGuard, PoisonError};

use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use forewarn_notify::config::Outlet;
use forewarn_notify::limit::Limiter;

/// All channels. Clones of their list share how they are.
#[derive(Debug, Default)]
pub struct Lines(Vec<Line>);

/// A channel.
#[derive(Debug)]
pub struct Line {
    /// How it is reached and how it speaks.
    pub outlet: Outlet,
    limiter: Mutex<Limiter>,
    condition: Mutex<Condition>,
}

/// How a channel is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// When something last arrived.
    pub last_ok: Option<Time>,
    /// When something last did not arrive, and why; stays until the next one.
    pub last_error: Option<(Time, String)>,
    /// Whether the last attempt failed.
    pub is_failing: bool,
    /// Why messages wait although the channel works.
    pub holds: Option<Localized>,
    /// Nothing is sent before this time.
    pub paused_until: Option<Time>,
}

impl Lines {
    /// These channels.
    #[must_use]
    pub fn new(outlets: Vec<Outlet>) -> Self {
        let line = |outlet: Outlet| Line {
            limiter: Mutex::new(Limiter::new(outlet.per_minute)),
            condition: Mutex::default(),
            outlet,
        };
        Self(outlets.into_iter().map(line).collect())
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Line] {
        &self.0
    }

    /// One by its name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Line> {
        self.0.iter().find(|it| it.outlet.id == id)
    }

    /// Those whose last attempt failed, with why.
    #[must_use]
    pub fn failing(&self) -> Vec<(&str, String)> {
        let failing = self.0.iter().filter_map(|line| {
            let condition = line.condition();
            let (_, why) = condition.last_error.filter(|_| condition.is_failing)?;
            Some((line.outlet.id.as_str(), why))
        });
        failing.collect()
    }
}

impl Line {
    /// How it is.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.lock().clone()
    }

    /// Takes a place among the requests of this minute, or says when there is one.
    ///
    /// # Errors
    ///
    /// From when on something may be sent.
    pub fn take(&self, now: Time) -> Result<(), Time> {
        if let Some(until) = self.lock().paused_until
            && now < until
        {
            return Err(until);
        }
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    /// Something arrived.
    pub fn delivered(&self, at: Time) {
        let mut condition = self.lock();
        condition.last_ok = Some(at);
        condition.is_failing = false;
        condition.paused_until = None;
    }

    /// Something did not arrive.
    pub fn failed(&self, at: Time, why: &str) {
        let mut condition = self.lock();
        condition.last_error = Some((at, why.to_owned()));
        condition.is_failing = true;
    }

    pub(super) fn pause(&self, until: Time) {
        let mut condition = self.lock();
        condition.paused_until = Some(condition.paused_until.map_or(until, |it| it.max(until)));
    }

    pub(super) fn holds(&self, why: Option<Localized>) {
        self.lock().holds = why;
    }

    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
