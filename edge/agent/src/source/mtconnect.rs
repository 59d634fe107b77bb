//! MTConnect agents over HTTP: what changed, asked for again and again.
//!
//! Rely on this: after the first document every observation is asked for once, in the agent's own
//! order; an agent that was restarted, or whose buffer has moved on, is asked for everything anew, and
//! that is counted; one that does not answer makes its sources stale.
//!
//! A point's address is a data item, `json:/S1load`. Deliberately absent: HTTPS, streams that are kept
//! open, and anything but reading.

pub mod document;
mod http;

use std::time::Duration;

use forewarn_domain::time::Time;
use forewarn_lifecycle::{CancellationToken, Clock};
use forewarn_wire::backoff::{Backoff, seed_of};
use tokio::time::{sleep, timeout};

use crate::intake::{Inlet, Intake};
use crate::source::SourcePoints;
use crate::source::heard::{Heard, NamedValue};
use crate::source::mqtt::json;
use crate::status::StatusBoard;
use document::Document;

/// The sources behind one agent.
#[derive(Debug)]
pub struct AgentOfMachines {
    address: String,
    sources: Vec<Heard>,
    every: Duration,
    /// Which start of the agent, and what is asked for next.
    place: Option<(u64, u64)>,
}

impl AgentOfMachines {
    /// Prepares the sources of a link. The shortest group of their templates says how often is asked.
    #[must_use]
    pub fn new(address: String, sources: Vec<SourcePoints>, board: &StatusBoard) -> Self {
        let groups = sources.iter().flat_map(|it| it.template.groups.iter());
        let every = groups.map(|it| it.every.to_std()).min().unwrap_or(ASK_EVERY).max(ASK_LEAST);
        let sources = sources.into_iter().map(|it| Heard::new(it, board)).collect();
        Self { address, sources, every, place: None }
    }

    /// Asks until `stop`.
    pub async fn run(mut self, inlet: Inlet, clock: Clock, stop: CancellationToken) {
        let mut backoff = Backoff::new(self.every, CALL_AFTER_MAX, seed_of(&self.address));
        loop {
            let answer = tokio::select! {
                () = stop.cancelled() => return,
                answer = self.ask() => answer,
            };
            let now = Time::from_micros(clock.now_us());
            let mut intake = Intake::default();
            let pause = match answer.and_then(|it| Ok(document::read(&it)?)) {
                Ok(document) => {
                    backoff.reset();
                    self.take(document, now, &mut intake)
                }
                Err(error) => {
                    tracing::warn!(agent = self.address, %error, "no answer from the agent");
                    self.place = None;
                    for heard in &mut self.sources {
                        heard.count("unreachable");
                        heard.go_stale(now, &mut intake);
                    }
                    backoff.next_pause()
                }
            };
            if !intake.readings.is_empty() && inlet.send(intake).await.is_err() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    async fn ask(&self) -> Result<String, http::AskError> {
        let path = match self.place {
            None => "/current".to_owned(),
            Some((_, from)) => format!("/sample?from={from}&count={COUNT_MAX}"),
        };
        match timeout(ANSWER_MAX, http::get(&self.address, &path)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(http::AskError::TimedOut { limit: ANSWER_MAX }),
        }
    }

    /// What a document brings, and how long to wait for the next one.
    pub fn take(&mut self, document: Document, now: Time, intake: &mut Intake) -> Duration {
        let is_other = self.place.is_some_and(|(instance, _)| instance != document.instance);
        if document.error.is_some() || is_other {
            // Observations between the two were missed; everything is read as it stands now.
            let why = document.error.unwrap_or_else(|| "it was started anew".to_owned());
            tracing::warn!(agent = self.address, why, "the agent is asked for everything anew");
            self.sources.iter().for_each(|it| it.count("mtconnect_gap"));
            self.place = None;
            return ASK_LEAST;
        }
        self.place = Some((document.instance, document.next));
        let is_full = COUNT_MAX <= document.observations.len();
        for observation in document.observations {
            let (t, is_off) = json::judged(observation.t, now, json::SKEW_MAX);
            let value = Some(observation.value.into());
            let mut values = vec![NamedValue { name: observation.item, t, value }];
            if let Some(name) = observation.name.filter(|it| *it != values[0].name) {
                values.push(NamedValue { name, ..values[0].clone() });
            }
            for heard in &mut self.sources {
                let before = intake.readings.len();
                let has_good = heard.take_named(&values, is_off, intake);
                if has_good || before < intake.readings.len() {
                    heard.note(now, has_good.then_some(t));
                }
            }
        }
        // The agent lives even where nothing has changed.
        self.sources.iter_mut().for_each(|it| it.last_heard = Some(now));
        if is_full { ASK_LEAST } else { self.every }
    }
}

/// Where no template names a group.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ASK_LEAST: Duration = Duration::from_millis(100);

/// Observations in one answer; what is more comes with the next.
const COUNT_MAX: usize = 1_000;

const ANSWER_MAX: Duration = Duration::from_secs(10);
const CALL_AFTER_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
