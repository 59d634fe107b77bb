//! The handbook that a new plant begins with: version 1 of each document.

use forewarn_domain::ticket::course::{CALENDAR, Document, ESCALATION, PEOPLE, ROTA, TICKET_TYPE};

/// The documents of a new plant. People, rota and hours are an example to be replaced.
#[must_use]
pub fn seeds() -> Vec<Document> {
    let document = |(kind, id, toml): &(&str, &str, &str)| Document {
        kind: (*kind).to_owned(),
        id: (*id).to_owned(),
        version: 1,
        toml: (*toml).to_owned(),
    };
    SEEDS.iter().map(document).collect()
}

const SEEDS: [(&str, &str, &str); 9] = [
    (CALENDAR, "always", include_str!("../../../config/calendars/always.toml")),
    (CALENDAR, "day", include_str!("../../../config/calendars/day.toml")),
    (PEOPLE, "people", include_str!("../../../config/people/people.toml")),
    (ROTA, "mechanics", include_str!("../../../config/rotas/mechanics.toml")),
    (ESCALATION, "default", include_str!("../../../config/policies/default.toml")),
    (ESCALATION, "line-stop", include_str!("../../../config/policies/line-stop.toml")),
    (TICKET_TYPE, "predictive", include_str!("../../../config/ticket-types/predictive.toml")),
    (TICKET_TYPE, "line-stop", include_str!("../../../config/ticket-types/line-stop.toml")),
    (
        TICKET_TYPE,
        "instrumentation",
        include_str!("../../../config/ticket-types/instrumentation.toml"),
    ),
];
