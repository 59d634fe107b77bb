//! Whether channels, routes and stand-ins fit together, and what is said when they do not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use forewarn_domain::ticket::TicketEvent;

use super::{LOG, Outlet};
use crate::route::Route;

/// Systems get everything, people what asks for work.
pub(super) fn usual(outlets: &[Outlet]) -> Vec<Route> {
    let standing_in: BTreeSet<&str> =
        outlets.iter().filter_map(|it| it.fallback.as_ref()).map(|it| it.to.as_str()).collect();
    let spoken_to = outlets.iter().filter(|it| !standing_in.contains(it.id.as_str()));
    spoken_to
        .map(|it| Route {
            to: vec![it.id.clone()],
            events: match it.channel.is_for_people() {
                true => TicketEvent::ASKS_FOR_WORK.to_vec(),
                false => Vec::new(),
            },
            priorities: Vec::new(),
            devices: Vec::new(),
            classes: Vec::new(),
            areas: Vec::new(),
            production_lines: Vec::new(),
            families: Vec::new(),
            hours: None,
        })
        .collect()
}

pub(super) fn check_routes(routes: &[Route], outlets: &[Outlet]) -> Result<(), InvalidMessages> {
    let is_known = |id: &String| outlets.iter().any(|it| it.id == *id);
    for route in routes {
        if route.to.is_empty() {
            return Err(InvalidMessages::ToNobody);
        }
        if let Some(unknown) = route.to.iter().find(|it| !is_known(it)) {
            return Err(InvalidMessages::Unknown { id: unknown.clone() });
        }
    }
    let reached = |id: &str| {
        let mut fallbacks = outlets.iter().filter_map(|it| it.fallback.as_ref());
        routes.iter().any(|it| it.to.iter().any(|to| to == id)) || fallbacks.any(|it| it.to == id)
    };
    match outlets.iter().find(|it| !reached(&it.id)) {
        Some(outlet) => Err(InvalidMessages::Idle { id: outlet.id.clone() }),
        None => Ok(()),
    }
}

pub(super) fn check_fallbacks(outlets: &[Outlet]) -> Result<(), InvalidMessages> {
    for outlet in outlets {
        let mut next = outlet.fallback.as_ref();
        let mut seen = vec![outlet.id.as_str()];
        while let Some(fallback) = next {
            if seen.contains(&fallback.to.as_str()) {
                return Err(InvalidMessages::Circle { id: outlet.id.clone() });
            }
            seen.push(&fallback.to);
            let Some(found) = outlets.iter().find(|it| it.id == fallback.to) else {
                return Err(InvalidMessages::Unknown { id: fallback.to.clone() });
            };
            next = found.fallback.as_ref();
        }
    }
    Ok(())
}

/// Why nobody can be told anything.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMessages {
    /// The channel cannot work.
    #[error("message channel `{id}` cannot work")]
    Channel {
        /// Which.
        id: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Stand-ins that stand in for each other.
    #[error("the stand-ins of message channel `{id}` lead back to it")]
    Circle {
        /// Which.
        id: String,
    },
    /// A file cannot be read.
    #[error("message channel `{id}`: {} cannot be read", path.display())]
    File {
        /// Which channel.
        id: String,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A user without a password, or the reverse.
    #[error("message channel `{id}` needs both `user` and `password`, or neither")]
    HalfLogin {
        /// Which.
        id: String,
    },
    /// A channel that no route leads to.
    #[error(
        "no route leads to message channel `{id}`, and it stands in for none; remove it or add a route"
    )]
    Idle {
        /// Which.
        id: String,
    },
    /// A name that cannot be one.
    #[error("`{found}` is no name of a message channel; use a-z, 0-9 and -, and not `{LOG}`")]
    Name {
        /// The refused name.
        found: String,
    },
    /// The place of a secret is empty.
    #[error("message channel `{id}`: there is no secret in {place}")]
    NoSecret {
        /// Which channel.
        id: String,
        /// Where it was looked for.
        place: String,
    },
    /// A route to nobody.
    #[error("a message route has an empty `to`")]
    ToNobody,
    /// Two channels of one name.
    #[error("message channel `{id}` stands twice")]
    Twice {
        /// Which.
        id: String,
    },
    /// A channel that is not there.
    #[error("there is no message channel `{id}`")]
    Unknown {
        /// Which.
        id: String,
    },
    /// A time zone that is none.
    #[error("`{found}` is no time zone")]
    Zone {
        /// The refused name.
        found: String,
        /// Why it is none.
        source: chrono_tz::ParseError,
    },
}
