//! Past repairs: imported, written down, or made of a ticket that was closed.

use std::cmp::Reverse;

use forewarn_domain::id::DeviceId;
use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::ticket::Verdict;
use forewarn_domain::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, Deed};
use super::engine::{EngineInput, Notice, put_notice};
use super::row::{json_opt, parsed, time, to_json};
use super::{Records, RecordsError, RequestKey, TicketRow, built, query, requests, sites};

impl Records {
    /// Takes records over from elsewhere; returns how many were new.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn insert_repairs(&self, repairs: &[RepairRecord]) -> Result<usize, RecordsError> {
        let mut tx = self.begin().await?;
        let mut new = 0;
        for repair in repairs {
            new += usize::from(put(&mut tx, repair).await?);
        }
        self.finish(tx).await?;
        Ok(new)
    }

    /// Writes down one repair that a person did, and tells the engine. `None` when it was known.
    ///
    /// # Errors
    ///
    /// [`RecordsError::KeyReused`] for a request key that stood for another body.
    pub async fn record_repair(
        &self,
        repair: &RepairRecord,
        at: Time,
        (actor, request): (&str, Option<&RequestKey>),
    ) -> Result<Option<EngineInput>, RecordsError> {
        let mut tx = self.begin().await?;
        if let Some(request) = request
            && !requests::remember(&mut tx, request, at).await?
        {
            return Ok(None);
        }
        let input = if put(&mut tx, repair).await? {
            let detail = serde_json::json!({"device": repair.device, "text": repair.text});
            let object = format!("repair/{}", repair.id);
            audit::append(&mut tx, &Deed::new(actor, "repair.record", &object, detail), at).await?;
            let notice = Notice::RepairRecorded { repair: repair.clone() };
            Some(put_notice(&mut tx, &notice, at).await?)
        } else {
            None
        };
        self.finish(tx).await?;
        Ok(input)
    }

    /// Repairs of these devices, newest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn repairs(&self, devices: &[DeviceId]) -> Result<Vec<RepairRecord>, RecordsError> {
        let mut all = Vec::new();
        for device in devices {
            let seen = sites::of_device("repair.device", 2);
            let sql = format!("SELECT * FROM repair WHERE device = $1 AND {seen}");
            let rows = query(built(sql))
                .bind(device.as_str())
                .bind(self.sites.stored())
                .fetch_all(&self.reader)
                .await?;
            for row in &rows {
                all.push(repair(row)?);
            }
        }
        all.sort_by_key(|it| Reverse((it.at, it.id)));
        Ok(all)
    }

    /// All repairs, newest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn repairs_all(&self) -> Result<Vec<RepairRecord>, RecordsError> {
        let seen = sites::of_device("repair.device", 1);
        query(built(format!("SELECT * FROM repair WHERE {seen} ORDER BY at DESC, id DESC")))
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(repair)
            .collect()
    }
}

/// The repair record that a closed ticket leaves behind.
///
/// The text is the person's own; where they wrote none, the cause that they chose stands for it. A
/// person who closes says that the trouble is over; what proves to be otherwise is reopened.
#[must_use]
pub fn record_of_close(ticket: &TicketRow, verdict: Verdict, closed_at: Time) -> RepairRecord {
    let finish = ticket.finish.as_ref();
    let cause = finish.map(|it| it.cause.clone());
    let part = finish.and_then(|it| it.part.clone());
    let note = finish.map(|it| it.note.trim()).filter(|it| !it.is_empty());
    let text = note.or(cause.as_deref()).unwrap_or_default().to_owned();
    let at = ticket.done_at.unwrap_or(closed_at);
    let (activity, outcome) = match verdict {
        Verdict::NothingFound => (Activity::Inspection, Outcome::NothingFound),
        Verdict::Confirmed | Verdict::SensorFault | Verdict::WrongCause if part.is_some() => {
            (Activity::Replace, Outcome::Solved)
        }
        Verdict::Confirmed | Verdict::SensorFault | Verdict::WrongCause => {
            (Activity::Repair, Outcome::Solved)
        }
    };
    RepairRecord {
        id: RepairId::derive(&ticket.key.device, at, &format!("{}/{text}", ticket.number)),
        at,
        device: ticket.key.device.clone(),
        component: ticket.key.component.clone(),
        activity,
        part,
        language: language(&text),
        text,
        cause,
        outcome,
        hours: None,
        ticket: Some(ticket.number.clone()),
        shape: None,
    }
}

/// Writes a record; `false` when it was there.
pub(super) async fn put(
    tx: &mut AnyConnection,
    repair: &RepairRecord,
) -> Result<bool, RecordsError> {
    // The driver gives an absent number another type than a present one, and PostgreSQL keeps the
    // types of the first call; as a text, both are the same.
    let hours = repair.hours.map(|hours| hours.to_string());
    let shape = repair.shape.as_ref().map(|it| to_json("a shape", it)).transpose()?;
    let written = query(
        "INSERT INTO repair (id, at, device, component, activity, part, words, language, cause,
             outcome, hours, ticket, shape)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
             CAST($11 AS DOUBLE PRECISION), $12, $13)
         ON CONFLICT DO NOTHING",
    )
    .bind(repair.id.to_string())
    .bind(repair.at.micros())
    .bind(repair.device.as_str())
    .bind(repair.component.as_str())
    .bind(repair.activity.as_str())
    .bind(repair.part.clone())
    .bind(repair.text.as_str())
    .bind(repair.language.to_string())
    .bind(repair.cause.clone())
    .bind(repair.outcome.as_str())
    .bind(hours)
    .bind(repair.ticket.clone())
    .bind(shape)
    .execute(tx)
    .await?;
    Ok(written.rows_affected() == 1)
}

fn repair(row: &AnyRow) -> Result<RepairRecord, RecordsError> {
    let language: String = row.try_get("language")?;
    Ok(RepairRecord {
        id: parsed(row, "id")?,
        at: time(row, "at")?,
        device: parsed(row, "device")?,
        component: parsed(row, "component")?,
        activity: parsed(row, "activity")?,
        part: row.try_get("part")?,
        text: row.try_get("words")?,
        language: if language == "zh" { Language::Zh } else { Language::En },
        cause: row.try_get("cause")?,
        outcome: parsed(row, "outcome")?,
        hours: row.try_get("hours")?,
        ticket: row.try_get("ticket")?,
        shape: json_opt(row, "shape")?,
    })
}

/// A text with any Chinese character is Chinese: part numbers and units are Latin in both.
fn language(text: &str) -> Language {
    let is_chinese = text.chars().any(|letter| matches!(letter, '\u{4e00}'..='\u{9fff}'));
    if is_chinese { Language::Zh } else { Language::En }
}
