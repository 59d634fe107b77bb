//! Stretches of trouble, as the engine last saw them.

use forewarn_domain::episode::{Episode, EpisodeId, Phase};
use forewarn_domain::id::{DeviceId, RuleId};
use forewarn_domain::ticket::{TicketDraft, TicketId, TicketState, Verdict};
use forewarn_domain::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use super::journal::{self, Change};
use super::row::{json, parsed_opt, to_json};
use super::{Judgement, Label, PageKey, Records, RecordsError, built, label_rows, query, sites};

/// An episode with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeRow {
    /// The episode.
    pub episode: Episode,
    /// Where it comes from.
    pub origin: Origin,
    /// Its ticket, where it has one.
    pub ticket: Option<TicketId>,
    /// The ticket's number.
    pub number: Option<String>,
    /// Where the ticket stands.
    pub state: Option<TicketState>,
    /// How the ticket turned out.
    pub verdict: Option<Verdict>,
    /// The newest label that was not taken back.
    pub label: Option<Label>,
}

impl EpisodeRow {
    /// How far people have come with it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match (&self.label, self.state, self.verdict) {
            (Some(label), ..) if label.judgement == Judgement::Confirmed => Standing::Confirmed,
            (Some(_), ..) => Standing::Rejected,
            (None, Some(TicketState::Closed), Some(Verdict::Confirmed | Verdict::WrongCause)) => {
                Standing::Confirmed
            }
            (None, Some(state), _) if !state.is_open() => Standing::Rejected,
            (None, ..) => Standing::Open,
        }
    }

    /// Whether it is part of another anomaly.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        let label = self.label.as_ref().map(|it| it.judgement);
        label == Some(Judgement::Merged)
            || (label.is_none() && self.state == Some(TicketState::Duplicate))
    }
}

/// Where an episode comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Rules in force.
    Live,
    /// Rules that open no tickets.
    Shadow,
}

impl Origin {
    /// The word under which it is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Shadow => "shadow",
        }
    }
}

/// Which episodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeFilter {
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Opened by this rule only.
    pub rule: Option<RuleId>,
    /// From here only.
    pub origin: Option<Origin>,
    /// In this standing only.
    pub standing: Option<Standing>,
}

/// How far people have come with an episode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Nobody said anything, and no ticket of it has ended.
    Open,
    /// There is a fault: a label or the ticket's verdict says so.
    Confirmed,
    /// There is none, or it is part of another anomaly.
    Rejected,
}

impl Standing {
    fn condition(this: Option<Self>) -> &'static str {
        match this {
            None => "1 = 1",
            Some(Self::Open) => {
                "b.number IS NULL
                     AND (t.id IS NULL OR t.state NOT IN ('closed', 'false_alarm', 'duplicate'))"
            }
            Some(Self::Confirmed) => {
                "(b.judgement = 'confirmed' OR (b.number IS NULL AND t.state = 'closed'
                     AND t.verdict IN ('confirmed', 'wrong_cause')))"
            }
            Some(Self::Rejected) => {
                "(b.judgement IN ('rejected', 'merged') OR (b.number IS NULL
                     AND (t.state IN ('false_alarm', 'duplicate') OR t.verdict IN
                         ('nothing_found', 'sensor_fault'))))"
            }
        }
    }
}

/// What became of the findings of a rule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RuleScore {
    /// The rule.
    pub rule: String,
    /// Anomalies that wait for a word.
    pub open: i64,
    /// Those that are real.
    pub confirmed: i64,
    /// Those that are not.
    pub rejected: i64,
}

/// An episode of a rule that opens no tickets, with the ticket that it would have opened.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowEpisode {
    /// The episode, under an id of its own: a live rule may find the same.
    pub episode: Episode,
    /// The ticket that a confirmation opens.
    pub draft: Option<TicketDraft>,
}

impl ShadowEpisode {
    /// Gives an episode, and its ticket, ids of their own.
    #[must_use]
    pub fn new(mut episode: Episode, mut draft: Option<TicketDraft>) -> Self {
        let id = Uuid::new_v5(&episode.id.uuid(), b"shadow").to_string();
        episode.id = id.parse().expect("a UUID reads back as an episode's id");
        if let Some(draft) = &mut draft {
            draft.episode = episode.id;
            draft.id = TicketId::derive(episode.id);
        }
        Self { episode, draft }
    }
}

impl Records {
    /// Episodes, newest confirmation first; `after` continues a list behind its last row.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn episodes(
        &self,
        filter: &EpisodeFilter,
        after: Option<&PageKey>,
        limit: i64,
    ) -> Result<Vec<EpisodeRow>, RecordsError> {
        let (at, id) = PageKey::bound(after);
        let sql = format!(
            "{SELECTED}
             WHERE ($1 = '' OR e.device = $1) AND (e.confirmed < $2 OR (e.confirmed = $2 AND e.id < $3))
                 AND ($5 = '' OR e.rule = $5) AND ($6 = '' OR e.origin = $6) AND {} AND {}
             ORDER BY e.confirmed DESC, e.id DESC LIMIT $4",
            Standing::condition(filter.standing),
            sites::of_site("e.site", 7)
        );
        let rows = query(built(sql))
            .bind(filter.device.as_ref().map_or("", DeviceId::as_str))
            .bind(at)
            .bind(id)
            .bind(limit)
            .bind(filter.rule.as_ref().map_or("", RuleId::as_str))
            .bind(filter.origin.map_or("", Origin::as_str))
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?;
        let mut episodes = rows.iter().map(episode).collect::<Result<Vec<_>, _>>()?;
        for (row, episode) in rows.iter().zip(&mut episodes) {
            episode.label = self.label_of(row).await?;
        }
        Ok(episodes)
    }

    /// One episode.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownEpisode`].
    pub async fn episode(&self, id: EpisodeId) -> Result<EpisodeRow, RecordsError> {
        let seen = sites::of_site("e.site", 2);
        let row = query(built(format!("{SELECTED} WHERE e.id = $1 AND {seen}")))
            .bind(id.to_string())
            .bind(self.sites.stored())
            .fetch_optional(&self.reader)
            .await?
            .ok_or_else(|| RecordsError::UnknownEpisode { named: id.to_string() })?;
        Ok(EpisodeRow { label: self.label_of(&row).await?, ..episode(&row)? })
    }

    /// What became of the findings of each rule.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn rule_scores(&self) -> Result<Vec<RuleScore>, RecordsError> {
        let one = |standing| {
            let condition = Standing::condition(Some(standing));
            format!("SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)")
        };
        let sql = format!(
            "SELECT e.rule AS rule, CAST({} AS BIGINT) AS waiting, CAST({} AS BIGINT) AS confirmed,
                 CAST({} AS BIGINT) AS rejected
             {JOINED} GROUP BY e.rule",
            one(Standing::Open),
            one(Standing::Confirmed),
            one(Standing::Rejected)
        );
        query(built(sql))
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(RuleScore {
                    rule: row.try_get("rule")?,
                    open: row.try_get("waiting")?,
                    confirmed: row.try_get("confirmed")?,
                    rejected: row.try_get("rejected")?,
                })
            })
            .collect()
    }

    /// Keeps what rules without tickets found; an episode that is known is renewed.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn put_shadow_episodes(
        &self,
        episodes: &[ShadowEpisode],
        at: Time,
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        for ShadowEpisode { episode, draft } in episodes {
            put(&mut tx, episode).await?;
            let draft = draft.as_ref().map(|it| to_json("a draft", it)).transpose()?;
            query(
                "UPDATE episode SET origin = 'shadow', draft = COALESCE($1, draft) WHERE id = $2",
            )
            .bind(draft)
            .bind(episode.id.to_string())
            .execute(&mut *tx)
            .await?;
            let (subject, device) = (episode.id.to_string(), episode.key.device.as_str());
            let change = Change { at, kind: "anomaly.found", subject: &subject, device };
            journal::write_change(&mut tx, change).await?;
        }
        self.finish(tx).await
    }

    async fn label_of(&self, row: &AnyRow) -> Result<Option<Label>, RecordsError> {
        let number: Option<i64> = row.try_get("label")?;
        let Some(number) = number else { return Ok(None) };
        let label = query("SELECT * FROM label WHERE number = $1")
            .bind(number)
            .fetch_one(&self.reader)
            .await?;
        label_rows::read(&label).map(Some)
    }
}

fn episode(row: &AnyRow) -> Result<EpisodeRow, RecordsError> {
    let origin: String = row.try_get("origin")?;
    Ok(EpisodeRow {
        episode: json(row, "body")?,
        origin: if origin == "shadow" { Origin::Shadow } else { Origin::Live },
        ticket: parsed_opt(row, "ticket")?,
        number: row.try_get("number")?,
        state: parsed_opt(row, "state")?,
        verdict: parsed_opt(row, "verdict")?,
        label: None,
    })
}

const JOINED: &str = "FROM episode e
     LEFT JOIN ticket_episode l ON l.episode = e.id
     LEFT JOIN ticket t ON t.id = l.ticket
     LEFT JOIN label b ON b.number =
         (SELECT MAX(number) FROM label WHERE episode = e.id AND undone_at IS NULL)";

const SELECTED: &str = "SELECT e.body AS body, e.origin AS origin, l.ticket AS ticket,
         t.number AS number, t.state AS state, t.verdict AS verdict, b.number AS label
     FROM episode e
     LEFT JOIN ticket_episode l ON l.episode = e.id
     LEFT JOIN ticket t ON t.id = l.ticket
     LEFT JOIN label b ON b.number =
         (SELECT MAX(number) FROM label WHERE episode = e.id AND undone_at IS NULL)";

/// Writes an episode over its older self; an older one (a replay) changes nothing.
pub(super) async fn put(tx: &mut AnyConnection, episode: &Episode) -> Result<(), RecordsError> {
    let written = query(
        "INSERT INTO episode (id, site, device, component, fault_family, onset, confirmed, updated,
             phase, recurrences, body, rule)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO UPDATE SET onset = excluded.onset, updated = excluded.updated,
             phase = excluded.phase, recurrences = excluded.recurrences, body = excluded.body
         WHERE episode.updated <= excluded.updated",
    )
    .bind(episode.id.to_string())
    .bind(episode.key.site.as_str())
    .bind(episode.key.device.as_str())
    .bind(episode.key.component.as_str())
    .bind(episode.key.family.as_str())
    .bind(episode.onset.micros())
    .bind(episode.confirmed.micros())
    .bind(episode.updated.micros())
    .bind(episode.phase.as_str())
    .bind(i64::from(episode.recurrences))
    .bind(to_json("an episode", episode)?)
    .bind(episode.anomalies.first().map_or("", |it| it.rule.id.as_str()))
    .execute(&mut *tx)
    .await?;
    if written.rows_affected() == 1 && episode.phase == Phase::Active {
        // It raised its head again: the ticket must not go on saying that the signal is normal.
        query("UPDATE ticket SET cleared_at = NULL WHERE episode = $1 AND cleared_at < $2")
            .bind(episode.id.to_string())
            .bind(episode.updated.micros())
            .execute(tx)
            .await?;
    }
    Ok(())
}
