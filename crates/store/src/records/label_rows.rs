//! Labels as rows.

use forewarn_domain::anomaly::RuleRef;
use forewarn_domain::episode::EpisodeKey;
use forewarn_domain::id::StateId;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::journal::{self, Change};
use super::row::{parsed, parsed_opt, time, time_opt};
use super::{Label, RecordsError, next, query};

/// Numbers and writes a label, and tells whoever follows changes.
pub(super) async fn write(tx: &mut AnyConnection, label: &mut Label) -> Result<(), RecordsError> {
    label.number = next(tx, "label").await?;
    query(
        "INSERT INTO label (number, at, author, episode, site, device, component, fault_family,
             channel, state, rule, rule_version, since, until, judgement, reason, note,
             merged_into, opened_ticket)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
             $19)",
    )
    .bind(label.number)
    .bind(label.at.micros())
    .bind(label.author.clone())
    .bind(label.episode.map(|it| it.to_string()))
    .bind(label.key.site.as_str())
    .bind(label.key.device.as_str())
    .bind(label.key.component.as_str())
    .bind(label.key.family.as_str())
    .bind(label.channel.as_str())
    .bind(label.state.as_ref().map_or("", StateId::as_str))
    .bind(label.rule.as_ref().map_or("", |it| it.id.as_str()))
    .bind(label.rule.as_ref().map_or(0, |it| i64::from(it.version)))
    .bind(label.since.micros())
    .bind(label.until.micros())
    .bind(label.judgement.as_str())
    .bind(label.reason.map(|it| it.as_str().to_owned()))
    .bind(label.note.as_str())
    .bind(label.merged_into.map(|it| it.to_string()))
    .bind(label.opened_ticket.map(|it| it.to_string()))
    .execute(&mut *tx)
    .await?;
    let subject = label.episode.map_or_else(String::new, |it| it.to_string());
    let device = label.key.device.as_str();
    let change = Change { at: label.at, kind: "anomaly.labelled", subject: &subject, device };
    journal::write_change(tx, change).await
}

/// Reads a label.
pub(super) fn read(row: &AnyRow) -> Result<Label, RecordsError> {
    let rule: String = row.try_get("rule")?;
    let rule = if rule.is_empty() {
        None
    } else {
        let version: i64 = row.try_get("rule_version")?;
        Some(RuleRef { id: parsed(row, "rule")?, version: u32::try_from(version).unwrap_or(0) })
    };
    let state: String = row.try_get("state")?;
    let undone_by: Option<String> = row.try_get("undone_by")?;
    Ok(Label {
        number: row.try_get("number")?,
        at: time(row, "at")?,
        author: row.try_get("author")?,
        episode: parsed_opt(row, "episode")?,
        key: EpisodeKey {
            site: parsed(row, "site")?,
            device: parsed(row, "device")?,
            component: parsed(row, "component")?,
            family: parsed(row, "fault_family")?,
        },
        channel: parsed(row, "channel")?,
        state: if state.is_empty() { None } else { Some(parsed(row, "state")?) },
        rule,
        since: time(row, "since")?,
        until: time(row, "until")?,
        judgement: parsed(row, "judgement")?,
        reason: parsed_opt(row, "reason")?,
        note: row.try_get("note")?,
        merged_into: parsed_opt(row, "merged_into")?,
        opened_ticket: parsed_opt(row, "opened_ticket")?,
        undone: time_opt(row, "undone_at")?.zip(undone_by),
    })
}
