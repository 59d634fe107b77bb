//! Live events: what changes in the records, and what the stages see, as it happens.
//!
//! Changes of the records carry the number of the change log as their id, so a browser that was away
//! gets what it missed (`Last-Event-ID`). Changes of the live view are of the moment and carry none.
#![expect(unused_qualifications, reason = "utoipa writes the names of queries with their path")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{LoggedChange, RecordsError};
use futures::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use crate::auth;
use crate::body::Asked;
use crate::live::LiveView;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;

/// What an event says: fetch the thing that it names again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// `ticket.opened`, `ticket.amended`, `ticket.changed`, `anomaly.found`, `anomaly.labelled`,
    /// `rules.changed`, `proposal.made`, `proposal.decided`, `backtest.ended`, `device.state` or
    /// `health`.
    #[serde(rename = "type")]
    kind: String,
    /// The id of what changed.
    id: String,
    /// The device that it concerns; empty for none.
    device: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Words with commas between: `tickets`, `anomalies`, `rules`, `devices`, `health`, or
    /// `device:<id>` for everything about one machine. Without it, all.
    topics: Option<String>,
}

/// What a browser wants to hear.
struct Topics(Option<Vec<String>>);

impl Topics {
    fn of(query: &EventQuery) -> Result<Self, ApiError> {
        let Some(text) = query.topics.as_deref().filter(|it| !it.is_empty()) else {
            return Ok(Self(None));
        };
        let words: Vec<String> = text.split(',').map(|it| it.trim().to_owned()).collect();
        let is_known = |it: &&String| KINDS.iter().any(|(word, _)| word == it);
        match words.iter().find(|it| !is_known(it) && !it.starts_with("device:")) {
            None => Ok(Self(Some(words))),
            Some(found) => Err(ApiError::BadParameter {
                found: found.clone(),
                expected: "topics are tickets, anomalies, rules, devices, health or device:<id>",
            }),
        }
    }

    fn wants(&self, kind: &str, device: &str) -> bool {
        let Some(words) = &self.0 else { return true };
        let is_of = |word: &str| {
            let kinds = KINDS.iter().find(|(name, _)| *name == word).map(|(_, kinds)| *kinds);
            kinds.is_some_and(|it| it.iter().any(|prefix| kind.starts_with(prefix)))
                || word.strip_prefix("device:").is_some_and(|it| it == device)
        };
        words.iter().any(|it| is_of(it))
    }
}

/// The words of topics, and how the kinds of their events begin.
const KINDS: [(&str, &[&str]); 5] = [
    ("anomalies", &["anomaly."]),
    ("devices", &["device."]),
    ("health", &["health"]),
    ("rules", &["rules.", "proposal.", "backtest."]),
    ("tickets", &["ticket."]),
];

/// Follows events as they happen; with `Last-Event-ID`, from behind that one.
#[utoipa::path(get, path = "/api/v1/events",
    params(EventQuery, ("Last-Event-ID" = Option<i64>, Header, description = "The last id that was received")),
    responses(
        (status = 200, body = ChangeView, content_type = "text/event-stream"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn follow_events(
    Seen(state): Seen,
    Asked(query): Asked<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let topics = Topics::of(&query)?;
    let place = Place::take()?;
    let last = headers.get("last-event-id").and_then(|it| it.to_str().ok()?.parse::<i64>().ok());
    let mut live = state.live.clone();
    let seen = Arc::clone(&live.borrow_and_update());
    let mut changes = state.records.changes();
    let newest = *changes.borrow_and_update();
    let follower = Follower {
        last: last.map_or(newest, |last| last.clamp(0, newest)),
        changes,
        live,
        seen,
        ready: VecDeque::from([Event::default().retry(RECONNECT)]),
        topics,
        checked: state.now(),
        headers,
        state,
        _place: place,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let events = Sse::new(events(follower)).keep_alive(keep_alive);
    // Proxies of one kind hold events back without this.
    Ok(([(HeaderName::from_static("x-accel-buffering"), "no")], events).into_response())
}

fn events(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}

/// One browser that follows.
struct Follower {
    last: i64,
    changes: watch::Receiver<i64>,
    live: watch::Receiver<Arc<LiveView>>,
    seen: Arc<LiveView>,
    /// Bounded by one page of changes and one look at the plant.
    ready: VecDeque<Event>,
    topics: Topics,
    /// With what the browser came in, and when that was last looked at.
    headers: HeaderMap,
    checked: Time,
    /// What the browser may see.
    state: Arc<ApiState>,
    _place: Place,
}

impl Follower {
    /// The next event; `None` when the server stops, the store fails or the session is over, so that
    /// the browser connects again or signs in.
    async fn next(&mut self) -> Option<Event> {
        let stop = self.state.stop.clone();
        loop {
            if !self.is_welcome().await {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.read_changes().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends");
                    return None;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                changed = self.changes.changed() => changed.ok()?,
                changed = self.live.changed() => {
                    changed.ok()?;
                    self.look_at_plant();
                }
                // Another process may have written to the same records.
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Whether who follows may still; looked at every few seconds.
    async fn is_welcome(&mut self) -> bool {
        let now = self.state.now();
        if now - self.checked < CHECKED_EVERY {
            return true;
        }
        self.checked = now;
        match auth::is_still(&self.state, &self.headers).await {
            Ok(is_still) => is_still,
            Err(error) => {
                tracing::warn!(%error, "a stream of events ends");
                false
            }
        }
    }

    async fn read_changes(&mut self) -> Result<usize, RecordsError> {
        self.changes.borrow_and_update();
        let changes = self.state.records.changes_after(self.last, PAGE).await?;
        for change in &changes {
            self.last = change.seq;
            if !self.topics.wants(&change.kind, &change.device) {
                continue;
            }
            self.ready.push_back(event(change).id(change.seq.to_string()));
        }
        Ok(changes.len())
    }

    /// Compares the plant with how it was last seen.
    fn look_at_plant(&mut self) {
        let now = self.state.now();
        let live = Arc::clone(&self.live.borrow_and_update());
        let shown = live.devices.iter().filter(|(id, _)| self.state.plant.device(id).is_some());
        for (id, device) in shown {
            let before = self.seen.devices.get(id);
            let is_same =
                before.is_some_and(|it| it.state == device.state && it.health == device.health);
            if !is_same && self.topics.wants("device.state", id.as_str()) {
                self.ready.push_back(of_moment("device.state", id.as_str(), id.as_str(), now));
            }
        }
        let statuses = |live: &LiveView| -> Vec<_> {
            let stages = live.stages.iter().map(|it| (it.stage.clone(), Some(it.status), false));
            let agents = live.agents.iter().map(|it| (it.id.to_string(), None, it.is_online));
            stages.chain(agents).collect()
        };
        if statuses(&live) != statuses(&self.seen) && self.topics.wants("health", "") {
            self.ready.push_back(of_moment("health", "health", "", now));
        }
        self.seen = live;
    }
}

fn event(change: &LoggedChange) -> Event {
    of_moment(&change.kind, &change.subject, &change.device, change.at)
}

fn of_moment(kind: &str, id: &str, device: &str, at: Time) -> Event {
    Event::default()
        .event(kind)
        .json_data(ChangeView { kind: kind.into(), id: id.into(), device: device.into(), at })
        .expect("strings and a time are always JSON")
}

/// A place among the browsers that may follow at the same time.
struct Place;

impl Place {
    fn take() -> Result<Self, ApiError> {
        let taken = TAKEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
            (taken < STREAMS_MAX).then_some(taken + 1)
        });
        match taken {
            Ok(_) => Ok(Self),
            Err(_full) => Err(ApiError::TooManyStreams { limit: STREAMS_MAX }),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::AcqRel);
    }
}

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Each stream is a connection and a task; a plant has fewer screens than this.
const STREAMS_MAX: usize = 256;

/// Changes that are read at a time.
const PAGE: i64 = 100;

/// How soon a browser connects again.
const RECONNECT: Duration = Duration::from_secs(3);

/// How long somebody who was signed out hears more, at most.
const CHECKED_EVERY: Span = Span::from_secs(5);

/// Shorter than the shortest timeout of usual proxies (30 s).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How late a change of another process may be seen.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(text: &str) -> Result<Topics, ApiError> {
        Topics::of(&EventQuery { topics: Some(text.to_owned()) })
    }

    #[test]
    fn topics_choose_by_kind_or_by_machine() {
        let chosen = topics("rules,device:mill-01").unwrap();
        assert!(chosen.wants("proposal.made", ""));
        assert!(chosen.wants("ticket.opened", "mill-01"));
        assert!(!chosen.wants("ticket.opened", "mill-02"));
        assert!(!chosen.wants("health", ""));
        assert!(topics("").unwrap().wants("health", ""));
        assert!(topics("tickets,weather").is_err());
    }
}
