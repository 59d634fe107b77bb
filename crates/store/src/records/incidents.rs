//! Storms: when many tickets of a site open within minutes, one thing has happened, and they are
//! gathered in one incident.
//!
//! Rely on this: a ticket belongs to at most one incident and stays in it; a site has at most one that
//! goes on, and an index says so too. When one begins and ends follows the numbers of ISA-18.2 for
//! floods of alarms. Deliberately absent: what the machines have in common, and whom to tell.

use std::collections::BTreeSet;

use forewarn_domain::id::{DeviceId, SiteId};
use forewarn_domain::time::{Span, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::journal::{self, Change};
use super::row::{parsed, time, time_opt};
use super::{PageKey, Records, RecordsError, built, next, query, sites};

/// Many tickets of a site within minutes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Incident {
    /// The number that people say, e.g. `INC-2026-0002`.
    pub number: String,
    /// Where.
    pub site: SiteId,
    /// When its first ticket was opened.
    pub began_at: Time,
    /// When its newest ticket was opened.
    pub newest_at: Time,
    /// When it was over; `None` while it goes on.
    pub ended_at: Option<Time>,
    /// How many tickets it has.
    pub tickets: i64,
}

impl Records {
    /// Incidents, newest first; `after` continues a list behind its last row (its number is the id).
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn incidents(
        &self,
        after: Option<&PageKey>,
        limit: i64,
    ) -> Result<Vec<Incident>, RecordsError> {
        let (at, number) = PageKey::bound(after);
        let sql = format!(
            "SELECT {COLUMNS} FROM incident
             WHERE (began_at < $1 OR (began_at = $1 AND number < $2)) AND {}
             ORDER BY began_at DESC, number DESC LIMIT $3",
            sites::of_site("site", 4)
        );
        let rows = query(built(sql)).bind(at).bind(number).bind(limit).bind(self.sites.stored());
        rows.fetch_all(&self.reader).await?.iter().map(incident).collect()
    }

    /// An incident by its number; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn incident(&self, number: &str) -> Result<Option<Incident>, RecordsError> {
        let among = sites::of_site("site", 2);
        query(built(format!("SELECT {COLUMNS} FROM incident WHERE number = $1 AND {among}")))
            .bind(number.to_owned())
            .bind(self.sites.stored())
            .fetch_optional(&self.reader)
            .await?
            .map(|row| incident(&row))
            .transpose()
    }

    /// The devices with tickets of an incident.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn incident_devices(&self, number: &str) -> Result<BTreeSet<DeviceId>, RecordsError> {
        let among = sites::of_site("site", 2);
        query(built(format!("SELECT DISTINCT device FROM ticket WHERE incident = $1 AND {among}")))
            .bind(number.to_owned())
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| parsed(row, "device"))
            .collect()
    }

    /// Ends incidents in which it has become calm; returns their numbers.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn end_calm_incidents(&self, at: Time) -> Result<Vec<String>, RecordsError> {
        // Almost always there is none, and then nobody is kept from writing.
        if going_on(&mut *self.reader.acquire().await?).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let mut ended = Vec::new();
        for incident in going_on(&mut tx).await? {
            if end_if_calm(&mut tx, &incident, at).await? {
                ended.push(incident.number);
            }
        }
        self.finish(tx).await?;
        Ok(ended)
    }
}

/// Puts a ticket that was opened just now into the incident that goes on, or that begins with it.
pub(super) async fn gather(
    tx: &mut AnyConnection,
    ticket: &str,
    site: &SiteId,
    at: Time,
) -> Result<(), RecordsError> {
    let all = going_on(tx).await?;
    if let Some(known) = all.iter().find(|it| it.site == *site)
        && !end_if_calm(tx, known, at).await?
    {
        return add(tx, known, ticket, at).await;
    }
    if opened_within(tx, site, at, BEGINS_ABOVE + 1).await? <= BEGINS_ABOVE {
        return Ok(());
    }
    begin(tx, site, at).await
}

async fn begin(tx: &mut AnyConnection, site: &SiteId, at: Time) -> Result<(), RecordsError> {
    let text = at.to_string();
    let year = text.split('-').next().unwrap_or_default();
    let number = format!("INC-{year}-{:04}", next(tx, &format!("incident/{year}")).await?);
    query(
        "INSERT INTO incident (number, site, began_at, newest_at, tickets)
         SELECT $1, $2, MIN(opened_at), CAST($3 AS BIGINT), COUNT(*) FROM ticket
         WHERE site = $2 AND $4 < opened_at AND incident IS NULL",
    )
    .bind(number.clone())
    .bind(site.as_str())
    .bind(at.micros())
    .bind((at - WINDOW).micros())
    .execute(&mut *tx)
    .await?;
    query(
        "UPDATE ticket SET incident = $1 WHERE site = $2 AND $3 < opened_at AND incident IS NULL",
    )
    .bind(number.clone())
    .bind(site.as_str())
    .bind((at - WINDOW).micros())
    .execute(&mut *tx)
    .await?;
    let change = Change { at, kind: "incident.began", subject: &number, device: "" };
    journal::write_change(tx, change).await
}

async fn add(
    tx: &mut AnyConnection,
    incident: &Incident,
    ticket: &str,
    at: Time,
) -> Result<(), RecordsError> {
    query("UPDATE incident SET tickets = tickets + 1, newest_at = $1 WHERE number = $2")
        .bind(at.micros())
        .bind(incident.number.clone())
        .execute(&mut *tx)
        .await?;
    query("UPDATE ticket SET incident = $1 WHERE id = $2")
        .bind(incident.number.clone())
        .bind(ticket.to_owned())
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Ends an incident when few tickets have come lately; says whether it did.
async fn end_if_calm(
    tx: &mut AnyConnection,
    incident: &Incident,
    at: Time,
) -> Result<bool, RecordsError> {
    if ENDS_BELOW <= opened_within(tx, &incident.site, at, ENDS_BELOW).await? {
        return Ok(false);
    }
    query("UPDATE incident SET ended_at = $1 WHERE number = $2")
        .bind(at.micros())
        .bind(incident.number.clone())
        .execute(&mut *tx)
        .await?;
    let change = Change { at, kind: "incident.ended", subject: &incident.number, device: "" };
    journal::write_change(tx, change).await?;
    Ok(true)
}

/// How many tickets a site got within the window before a time, counted up to `enough`.
async fn opened_within(
    tx: &mut AnyConnection,
    site: &SiteId,
    at: Time,
    enough: i64,
) -> Result<i64, RecordsError> {
    let row = query(
        "SELECT COUNT(*) AS opened FROM
             (SELECT id FROM ticket WHERE site = $1 AND $2 < opened_at LIMIT $3) AS newest",
    )
    .bind(site.as_str())
    .bind((at - WINDOW).micros())
    .bind(enough)
    .fetch_one(tx)
    .await?;
    Ok(row.try_get("opened")?)
}

async fn going_on(connection: &mut AnyConnection) -> Result<Vec<Incident>, RecordsError> {
    query(built(format!("SELECT {COLUMNS} FROM incident WHERE ended_at IS NULL ORDER BY number")))
        .fetch_all(connection)
        .await?
        .iter()
        .map(incident)
        .collect()
}

fn incident(row: &AnyRow) -> Result<Incident, RecordsError> {
    Ok(Incident {
        number: row.try_get("number")?,
        site: parsed(row, "site")?,
        began_at: time(row, "began_at")?,
        newest_at: time(row, "newest_at")?,
        ended_at: time_opt(row, "ended_at")?,
        tickets: row.try_get("tickets")?,
    })
}

const COLUMNS: &str = "number, site, began_at, newest_at, ended_at, tickets";

/// ISA-18.2 counts floods over ten minutes.
const WINDOW: Span = Span::from_secs(600);

/// A flood begins with more than ten alarms in that time (ISA-18.2).
const BEGINS_ABOVE: i64 = 10;

/// It is over with fewer than five (ISA-18.2).
const ENDS_BELOW: i64 = 5;
