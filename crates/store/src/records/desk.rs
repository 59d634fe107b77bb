//! Opens, joins and amends tickets inside a transaction of the engine.
//!
//! Which ticket an episode went to is remembered for good (`ticket_episode`), so a decision that is
//! made again after a crash is recognised, whatever became of the ticket since.

use std::sync::Arc;

use forewarn_domain::check::{CheckVerdict, RepairCheck};
use forewarn_domain::episode::EpisodeId;
use forewarn_domain::id::PersonId;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::course::{Facts, Process};
use forewarn_domain::ticket::{TicketDraft, TicketEvent, TicketId, TicketState, TimelineEntry};
use forewarn_domain::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::journal::{self, Change};
use super::list::find;
use super::query;
use super::row::{parsed, to_json};
use super::{
    RecordsError, Sites, TicketRow, act, built, checks, course, evidence, incidents, next, outbox,
};

/// The engine's place at the counter: one transaction, one time.
pub(super) struct Desk<'a> {
    pub(super) tx: &'a mut AnyConnection,
    pub(super) channels: &'a outbox::Routes,
    pub(super) at: Time,
    /// What the plant's own rules make of it.
    pub(super) process: Option<Arc<dyn Process>>,
}

/// What came of opening a ticket.
pub(super) enum Opened {
    /// The episode has its ticket already.
    Known,
    /// The episode went to a ticket that was open for the same trouble.
    Joined(TicketId, String),
    /// A new ticket with this number.
    New(String),
}

/// A ticket as far as the desk needs it.
struct Standing {
    id: TicketId,
    number: String,
    state: TicketState,
    revision: i64,
}

impl Desk<'_> {
    pub(super) async fn open(&mut self, draft: &TicketDraft) -> Result<Opened, RecordsError> {
        if self.ticket_of(draft.episode).await?.is_some() {
            return Ok(Opened::Known);
        }
        // A transaction of ours writes alone, so a twin that is open is seen by the second query;
        // the unique index stands behind both for whatever else writes to the database.
        if !self.insert(draft).await? {
            let Some(open) = self.open_for_key(draft).await? else {
                return Ok(Opened::Known);
            };
            self.link(draft, open.id).await?;
            self.join(draft, &open).await?;
            return Ok(Opened::Joined(open.id, open.number));
        }
        let number = self.number().await?;
        query("UPDATE ticket SET number = $1 WHERE id = $2")
            .bind(number.clone())
            .bind(draft.id.to_string())
            .execute(&mut *self.tx)
            .await?;
        self.link(draft, draft.id).await?;
        evidence::hold_evidence(self.tx, (draft.id, draft), self.at).await?;
        let standing = Standing { id: draft.id, number, state: TicketState::ToAssign, revision: 1 };
        incidents::gather(self.tx, &draft.id.to_string(), &draft.key.site, self.at).await?;
        let to = self.begin_course(draft.id).await?;
        self.note(&standing, draft, ("ticket.opened", TicketEvent::Opened.as_str())).await?;
        self.tell(TicketEvent::Opened, &standing, &to).await?;
        Ok(Opened::New(standing.number))
    }

    /// Replaces what is known; returns the ticket, or `None` when nothing changed.
    pub(super) async fn amend(
        &mut self,
        draft: &TicketDraft,
    ) -> Result<Option<TicketId>, RecordsError> {
        let Some((ticket, known)) = self.ticket_of(draft.episode).await? else {
            // An amendment of what was never opened opens it: nothing that is known gets lost.
            return Ok(match self.open(draft).await? {
                Opened::New(_) => Some(draft.id),
                Opened::Joined(ticket, _) => Some(ticket),
                Opened::Known => None,
            });
        };
        if i64::from(draft.revision) <= known {
            return Ok(None);
        }
        let mut standing = self.standing(ticket).await?;
        if !standing.state.is_open() {
            return Ok(None);
        }
        query("UPDATE ticket_episode SET draft_revision = $1 WHERE episode = $2")
            .bind(i64::from(draft.revision))
            .bind(draft.episode.to_string())
            .execute(&mut *self.tx)
            .await?;
        self.rewrite(draft, &mut standing).await?;
        self.note(&standing, draft, ("ticket.amended", "amended")).await?;
        Ok(Some(ticket))
    }

    /// Notes that an episode is over; `false` when that was known or it has no ticket.
    pub(super) async fn episode_cleared(
        &mut self,
        episode: EpisodeId,
        cleared_at: Time,
    ) -> Result<bool, RecordsError> {
        let Some((ticket, _)) = self.ticket_of(episode).await? else {
            return Ok(false);
        };
        let noted = query(
            "UPDATE ticket_episode SET cleared_at = $1
             WHERE episode = $2 AND (cleared_at IS NULL OR cleared_at < $1)",
        )
        .bind(cleared_at.micros())
        .bind(episode.to_string())
        .execute(&mut *self.tx)
        .await?;
        let mut standing = self.standing(ticket).await?;
        if noted.rows_affected() == 0 || !standing.state.is_open() {
            return Ok(false);
        }
        standing.revision += 1;
        query("UPDATE ticket SET cleared_at = $1, updated_at = $2, revision = $3 WHERE id = $4")
            .bind(cleared_at.micros())
            .bind(self.at.micros())
            .bind(standing.revision)
            .bind(ticket.to_string())
            .execute(&mut *self.tx)
            .await?;
        let device = self.device_of(ticket).await?;
        let note = Localized::new(
            format!("the signal has been normal again since {cleared_at}"),
            format!("信号自 {cleared_at} 起恢复正常"),
        );
        self.write(&standing, &device, ("ticket.changed", TicketEvent::Cleared.as_str()), note)
            .await?;
        self.tell(TicketEvent::Cleared, &standing, &[]).await?;
        Ok(true)
    }

    /// A line about a check in the history of a ticket; people are told where the signal stayed away.
    pub(super) async fn note_check(
        &mut self,
        ticket: TicketId,
        check: &RepairCheck,
    ) -> Result<(), RecordsError> {
        let mut standing = self.standing(ticket).await?;
        standing.revision += 1;
        query("UPDATE ticket SET updated_at = $1, revision = $2 WHERE id = $3")
            .bind(self.at.micros())
            .bind(standing.revision)
            .bind(ticket.to_string())
            .execute(&mut *self.tx)
            .await?;
        let device = self.device_of(ticket).await?;
        let note = checks::told(check);
        self.write(&standing, &device, ("ticket.changed", "checked"), note).await?;
        if check.verdict == CheckVerdict::NotReturned {
            self.tell(TicketEvent::NotVerified, &standing, &[]).await?;
        }
        Ok(())
    }

    async fn join(&mut self, draft: &TicketDraft, open: &Standing) -> Result<(), RecordsError> {
        let mut standing = Standing { number: open.number.clone(), ..*open };
        query(
            "UPDATE ticket SET occurrences = occurrences + 1, cleared_at = NULL, episode = $1
             WHERE id = $2",
        )
        .bind(draft.episode.to_string())
        .bind(open.id.to_string())
        .execute(&mut *self.tx)
        .await?;
        self.rewrite(draft, &mut standing).await?;
        self.note(&standing, draft, ("ticket.changed", TicketEvent::Recurred.as_str())).await?;
        self.tell(TicketEvent::Recurred, &standing, &[]).await
    }

    /// Writes the row of a new ticket; `false` when the key has an open one already.
    async fn insert(&mut self, draft: &TicketDraft) -> Result<bool, RecordsError> {
        let inserted = query(
            "INSERT INTO ticket (id, episode, site, device, component, fault_family, kind, priority,
                 state, opened_at, onset_at, detected_at, updated_at, confidence, headline_en,
                 headline_zh, draft, occurrences, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'to_assign', $9, $10, $11, $9, $12, $13, $14,
                 $15, 1, 1)
             ON CONFLICT DO NOTHING",
        )
        .bind(draft.id.to_string())
        .bind(draft.episode.to_string())
        .bind(draft.key.site.as_str())
        .bind(draft.key.device.as_str())
        .bind(draft.key.component.as_str())
        .bind(draft.key.family.as_str())
        .bind(draft.kind.as_str())
        .bind(draft.priority.as_str())
        .bind(self.at.micros())
        .bind(draft.onset_at.micros())
        .bind(draft.detected_at.micros())
        .bind(draft.confidence)
        .bind(draft.summary.headline.en.as_str())
        .bind(draft.summary.headline.zh.as_str())
        .bind(to_json("a ticket draft", draft)?)
        .execute(&mut *self.tx)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Replaces the content of a ticket and counts its revision up.
    async fn rewrite(
        &mut self,
        draft: &TicketDraft,
        standing: &mut Standing,
    ) -> Result<(), RecordsError> {
        standing.revision += 1;
        let before = find(&mut *self.tx, &standing.id.to_string(), &Sites::All).await?;
        query(
            "UPDATE ticket SET priority = $1, confidence = $2, headline_en = $3, headline_zh = $4,
                 draft = $5, updated_at = $6, revision = $7
             WHERE id = $8",
        )
        .bind(draft.priority.as_str())
        .bind(draft.confidence)
        .bind(draft.summary.headline.en.as_str())
        .bind(draft.summary.headline.zh.as_str())
        .bind(to_json("a ticket draft", draft)?)
        .bind(self.at.micros())
        .bind(standing.revision)
        .bind(standing.id.to_string())
        .execute(&mut *self.tx)
        .await?;
        if before.priority != draft.priority
            && let Some(process) = self.process.clone()
        {
            let after = TicketRow { priority: draft.priority, ..before.clone() };
            act::follow(self.tx, &*process, (&before, &after), self.at).await?;
        }
        evidence::hold_evidence(self.tx, (standing.id, draft), self.at).await
    }

    /// The ticket that an episode went to, with the newest revision of its draft.
    pub(super) async fn ticket_of(
        &mut self,
        episode: EpisodeId,
    ) -> Result<Option<(TicketId, i64)>, RecordsError> {
        query("SELECT ticket, draft_revision FROM ticket_episode WHERE episode = $1")
            .bind(episode.to_string())
            .fetch_optional(&mut *self.tx)
            .await?
            .map(|row| Ok((parsed(&row, "ticket")?, row.try_get("draft_revision")?)))
            .transpose()
    }

    async fn link(&mut self, draft: &TicketDraft, ticket: TicketId) -> Result<(), RecordsError> {
        query("INSERT INTO ticket_episode (episode, ticket, draft_revision) VALUES ($1, $2, $3)")
            .bind(draft.episode.to_string())
            .bind(ticket.to_string())
            .bind(i64::from(draft.revision))
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    async fn open_for_key(
        &mut self,
        draft: &TicketDraft,
    ) -> Result<Option<Standing>, RecordsError> {
        let sql = format!(
            "SELECT {STANDING} FROM ticket
             WHERE site = $1 AND device = $2 AND component = $3 AND fault_family = $4
                 AND state NOT IN ('closed', 'false_alarm', 'duplicate')"
        );
        query(built(sql))
            .bind(draft.key.site.as_str())
            .bind(draft.key.device.as_str())
            .bind(draft.key.component.as_str())
            .bind(draft.key.family.as_str())
            .fetch_optional(&mut *self.tx)
            .await?
            .map(|row| standing(&row))
            .transpose()
    }

    async fn standing(&mut self, ticket: TicketId) -> Result<Standing, RecordsError> {
        let row = query(built(format!("SELECT {STANDING} FROM ticket WHERE id = $1")))
            .bind(ticket.to_string())
            .fetch_one(&mut *self.tx)
            .await?;
        standing(&row)
    }

    async fn device_of(&mut self, ticket: TicketId) -> Result<String, RecordsError> {
        let row = query("SELECT device FROM ticket WHERE id = $1")
            .bind(ticket.to_string())
            .fetch_one(&mut *self.tx)
            .await?;
        Ok(row.try_get("device")?)
    }

    /// The next human number of the year.
    async fn number(&mut self) -> Result<String, RecordsError> {
        let text = self.at.to_string();
        let year = text.split('-').next().unwrap_or_default();
        let number = next(self.tx, &format!("ticket/{year}")).await?;
        Ok(format!("FW-{year}-{number:04}"))
    }

    async fn note(
        &mut self,
        standing: &Standing,
        draft: &TicketDraft,
        words: (&'static str, &'static str),
    ) -> Result<(), RecordsError> {
        let note = draft.summary.headline.clone();
        self.write(standing, draft.key.device.as_str(), words, note).await
    }

    /// One line of the ticket's history and one of the change log.
    async fn write(
        &mut self,
        standing: &Standing,
        device: &str,
        (kind, what): (&'static str, &'static str),
        note: Localized,
    ) -> Result<(), RecordsError> {
        let entry = TimelineEntry {
            at: self.at,
            actor: ENGINE.to_owned(),
            what: what.to_owned(),
            state: standing.state,
            note,
        };
        journal::write_timeline(self.tx, standing.id, standing.revision, &entry).await?;
        let change = Change { at: self.at, kind, subject: &standing.id.to_string(), device };
        journal::write_change(self.tx, change).await
    }

    /// Type, group, clocks and timers of a new ticket; returns whom to tell.
    async fn begin_course(&mut self, ticket: TicketId) -> Result<Vec<PersonId>, RecordsError> {
        let Some(process) = self.process.clone() else { return Ok(Vec::new()) };
        let row = find(&mut *self.tx, &ticket.to_string(), &Sites::All).await?;
        let begun = process.open(&Facts::from(&row), self.at);
        course::apply(self.tx, ticket, &begun, self.at).await?;
        Ok(begun.tell)
    }

    async fn tell(
        &mut self,
        what: TicketEvent,
        standing: &Standing,
        to: &[PersonId],
    ) -> Result<(), RecordsError> {
        let about = outbox::About { what, ticket: standing.id, revision: standing.revision, to };
        outbox::address(self.tx, self.channels, about, self.at).await
    }
}

fn standing(row: &AnyRow) -> Result<Standing, RecordsError> {
    Ok(Standing {
        id: parsed(row, "id")?,
        number: row.try_get("number")?,
        state: parsed(row, "state")?,
        revision: row.try_get("revision")?,
    })
}

const STANDING: &str = "id, number, state, revision";

/// Under which name the engine appears in a ticket's history.
const ENGINE: &str = "forewarn";
