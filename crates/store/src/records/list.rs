//! Reads tickets: one by id or number, and lists in pages that stay stable under inserts.

use std::collections::BTreeMap;

use forewarn_domain::episode::{EpisodeId, EpisodeKey};
use forewarn_domain::family::{Priority, TicketKind};
use forewarn_domain::id::{DeviceId, GroupId};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::course::TypeRef;
use forewarn_domain::ticket::kind::TicketSource;
use forewarn_domain::ticket::{TicketDraft, TicketId, TicketState, Verdict, WaitingFor};
use forewarn_domain::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::act::Finish;
use super::row::{json, json_opt, localized, parsed, parsed_opt, time, time_opt};
use super::{Records, RecordsError, Sites, built, query, sites};

/// A ticket without its content: all that lists and commands need.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketRow {
    /// Its id.
    pub id: TicketId,
    /// The number that people say, e.g. `FW-2026-0317`.
    pub number: String,
    /// The newest episode behind it.
    pub episode: EpisodeId,
    /// What it is about.
    pub key: EpisodeKey,
    /// Which queue it is in.
    pub kind: TicketKind,
    /// How urgent.
    pub priority: Priority,
    /// Where it stands.
    pub state: TicketState,
    /// Whose it is.
    pub owner: Option<String>,
    /// What it waits for, while it does.
    pub waiting_for: Option<WaitingFor>,
    /// Who found it.
    pub source: TicketSource,
    /// Its type in the version with which it was opened.
    pub ticket_type: Option<TypeRef>,
    /// Which group has it.
    pub group: Option<GroupId>,
    /// Until when nobody is called for it.
    pub shelved_until: Option<Time>,
    /// When its owner took it.
    pub accepted_at: Option<Time>,
    /// When it was opened.
    pub opened_at: Time,
    /// When the trouble began.
    pub onset_at: Time,
    /// Event time of the first confirming reading.
    pub detected_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Since when the signal is normal again.
    pub cleared_at: Option<Time>,
    /// When the work was done.
    pub done_at: Option<Time>,
    /// When it reached a terminal state.
    pub closed_at: Option<Time>,
    /// How sure the first cause is, 0 to 1.
    pub confidence: f64,
    /// The first line of its summary.
    pub headline: Localized,
    /// What was done, once somebody said so.
    pub finish: Option<Finish>,
    /// How it turned out, once it is closed.
    pub verdict: Option<Verdict>,
    /// Episodes that went to it.
    pub occurrences: i64,
    /// Grows with every change, from 1.
    pub revision: i64,
    /// The incident that it came in.
    pub incident: Option<String>,
}

/// Open ones, ended ones, or both.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum StateFilter {
    /// Both.
    All,
    /// Ended ones.
    Closed,
    /// Open ones.
    #[default]
    Open,
}

/// Which tickets to list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketFilter {
    /// Whether they are open.
    pub state: StateFilter,
    /// Of one device.
    pub device: Option<DeviceId>,
    /// Of one queue.
    pub kind: Option<TicketKind>,
    /// Of one priority.
    pub priority: Option<Priority>,
    /// Of one incident.
    pub incident: Option<String>,
    /// Number, device, component or headline holds this, whatever its case.
    pub text: Option<String>,
}

/// Where a page ended: the time and id by which its list is sorted, newest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageKey {
    /// The time of the last row.
    pub at: Time,
    /// The id of the last row.
    pub id: String,
}

impl PageKey {
    /// The bound below which the next page begins; above everything for the first page.
    pub(super) fn bound(after: Option<&Self>) -> (i64, String) {
        after.map_or((i64::MAX, String::new()), |it| (it.at.micros(), it.id.clone()))
    }
}

/// How many tickets of a device are open.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OpenCount {
    /// All of them.
    pub open: i64,
    /// The most urgent priority among them.
    pub worst: Option<Priority>,
}

impl Records {
    /// A ticket by its id or its number.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownTicket`] when there is none.
    pub async fn ticket(&self, named: &str) -> Result<TicketRow, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        find(&mut connection, named, &self.sites).await
    }

    /// The content of a ticket: causes, summary, evidence.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn ticket_draft(&self, ticket: TicketId) -> Result<TicketDraft, RecordsError> {
        let row = query("SELECT draft FROM ticket WHERE id = $1")
            .bind(ticket.to_string())
            .fetch_optional(&self.reader)
            .await?;
        let row = row.ok_or_else(|| RecordsError::UnknownTicket { named: ticket.to_string() })?;
        json(&row, "draft")
    }

    /// Tickets, newest first; `after` continues a list behind its last row.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn tickets(
        &self,
        filter: &TicketFilter,
        after: Option<&PageKey>,
        limit: i64,
    ) -> Result<Vec<TicketRow>, RecordsError> {
        let (at, id) = PageKey::bound(after);
        let state = match filter.state {
            StateFilter::All => "",
            StateFilter::Closed => "AND state IN ('closed', 'false_alarm', 'duplicate')",
            StateFilter::Open => "AND state NOT IN ('closed', 'false_alarm', 'duplicate')",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM ticket
             WHERE (opened_at < $1 OR (opened_at = $1 AND id < $2)) {state}
                 AND ($3 = '' OR device = $3) AND ($4 = '' OR kind = $4)
                 AND ($5 = '' OR priority = $5)
                 AND ($6 = '' OR lower(number || ' ' || device || ' ' || component || ' '
                     || headline_en || ' ' || headline_zh) LIKE $6 ESCAPE '!')
                 AND ($7 = '' OR incident = $7) AND {}
             ORDER BY opened_at DESC, id DESC LIMIT $8",
            sites::of_site("site", 9)
        );
        query(built(sql))
            .bind(at)
            .bind(id)
            .bind(filter.device.as_ref().map_or("", DeviceId::as_str))
            .bind(filter.kind.map_or("", TicketKind::as_str))
            .bind(filter.priority.map_or("", Priority::as_str))
            .bind(filter.text.as_deref().map(pattern).unwrap_or_default())
            .bind(filter.incident.clone().unwrap_or_default())
            .bind(limit)
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(ticket)
            .collect()
    }

    /// Open tickets of each device that has any.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn open_counts(&self) -> Result<BTreeMap<DeviceId, OpenCount>, RecordsError> {
        let sql = format!(
            "SELECT device, COUNT(*) AS open, MIN(priority) AS worst FROM ticket
             WHERE state NOT IN ('closed', 'false_alarm', 'duplicate') AND {} GROUP BY device",
            sites::of_site("site", 1)
        );
        query(built(sql))
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                let open = row.try_get("open")?;
                let count = OpenCount { open, worst: parsed_opt(row, "worst")? };
                Ok((parsed(row, "device")?, count))
            })
            .collect()
    }

    /// How many tickets were opened since a time.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn opened_since(&self, since: Time) -> Result<i64, RecordsError> {
        let seen = sites::of_site("site", 2);
        let sql = format!("SELECT COUNT(*) AS opened FROM ticket WHERE opened_at >= $1 AND {seen}");
        let row = query(built(sql))
            .bind(since.micros())
            .bind(self.sites.stored())
            .fetch_one(&self.reader)
            .await?;
        Ok(row.try_get("opened")?)
    }
}

/// Finds a ticket of some sites by id or number.
pub(super) async fn find(
    connection: &mut AnyConnection,
    named: &str,
    sites: &Sites,
) -> Result<TicketRow, RecordsError> {
    let seen = sites::of_site("site", 2);
    let sql = format!("SELECT {COLUMNS} FROM ticket WHERE (id = $1 OR number = $1) AND {seen}");
    let row = query(built(sql))
        .bind(named.to_owned())
        .bind(sites.stored())
        .fetch_optional(connection)
        .await?;
    ticket(&row.ok_or_else(|| RecordsError::UnknownTicket { named: named.to_owned() })?)
}

fn ticket(row: &AnyRow) -> Result<TicketRow, RecordsError> {
    Ok(TicketRow {
        id: parsed(row, "id")?,
        number: row.try_get("number")?,
        episode: parsed(row, "episode")?,
        key: EpisodeKey {
            site: parsed(row, "site")?,
            device: parsed(row, "device")?,
            component: parsed(row, "component")?,
            family: parsed(row, "fault_family")?,
        },
        kind: parsed(row, "kind")?,
        priority: parsed(row, "priority")?,
        state: parsed(row, "state")?,
        owner: row.try_get("owner")?,
        waiting_for: parsed_opt(row, "waiting_for")?,
        source: parsed(row, "source")?,
        ticket_type: type_ref(row)?,
        group: parsed_opt(row, "owner_group")?,
        shelved_until: time_opt(row, "shelved_until")?,
        accepted_at: time_opt(row, "accepted_at")?,
        opened_at: time(row, "opened_at")?,
        onset_at: time(row, "onset_at")?,
        detected_at: time(row, "detected_at")?,
        updated_at: time(row, "updated_at")?,
        cleared_at: time_opt(row, "cleared_at")?,
        done_at: time_opt(row, "done_at")?,
        closed_at: time_opt(row, "closed_at")?,
        confidence: row.try_get("confidence")?,
        headline: localized(row, "headline_en", "headline_zh")?,
        finish: json_opt(row, "finish")?,
        verdict: parsed_opt(row, "verdict")?,
        occurrences: row.try_get("occurrences")?,
        revision: row.try_get("revision")?,
        incident: row.try_get("incident")?,
    })
}

fn type_ref(row: &AnyRow) -> Result<Option<TypeRef>, RecordsError> {
    let version: Option<i64> = row.try_get("type_version")?;
    let id = parsed_opt(row, "ticket_type")?;
    Ok(id.zip(version).map(|(id, version)| TypeRef { id, version }))
}

/// A text as a pattern for LIKE that takes it literally.
fn pattern(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

const COLUMNS: &str = "id, number, episode, site, device, component, fault_family, kind, priority,
    state, owner, waiting_for, opened_at, onset_at, detected_at, updated_at, cleared_at, done_at,
    closed_at, confidence, headline_en, headline_zh, finish, verdict, occurrences, revision,
    source, ticket_type, type_version, owner_group, shelved_until, accepted_at, incident";
