//! Planned stops: who planned them, when they end, and what was found in them without a ticket.
//!
//! Rely on this: planning and ending are one commit with the engine's input and the audit trail, so a
//! replay sets the same findings aside; a stop ends once, by a person or by its time. Deliberately
//! absent: what a stop does to findings, which is the engine's.

use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::{ComponentId, DeviceId, RuleId, SiteId};
use forewarn_domain::stop::PlannedStop;
use forewarn_domain::ticket::course::ACTOR;
use forewarn_domain::time::Time;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, Deed};
use super::engine::{EngineInput, Notice, put_notice};
use super::journal::{self, Change};
use super::row::{json, parsed, time, time_opt, to_json};
use super::{PageKey, Records, RecordsError, built, next, query, sites};

/// Hours to plan.
#[derive(Clone, Debug)]
pub struct NewStop {
    /// Where.
    pub site: SiteId,
    /// The machines that stand.
    pub devices: Vec<DeviceId>,
    /// From here on,
    pub from: Time,
    /// and before this.
    pub until: Time,
    /// Why.
    pub reason: String,
}

/// A planned stop with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StopRow {
    /// Its hours and machines.
    pub stop: PlannedStop,
    /// Where.
    pub site: SiteId,
    /// Why.
    pub reason: String,
    /// Who planned it.
    pub planned_by: String,
    /// When.
    pub planned_at: Time,
    /// When it was over; `None` before that.
    pub ended_at: Option<Time>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// How many findings were set aside.
    pub set_aside: i64,
}

/// Something that was found in a planned stop.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    /// On which device.
    pub device: DeviceId,
    /// On which part.
    pub component: ComponentId,
    /// Which kind of fault.
    pub family: FaultFamily,
    /// By which rule.
    pub rule: RuleId,
    /// On which channel.
    pub channel: ChannelId,
    /// Event time.
    pub found_at: Time,
}

impl Records {
    /// Plans a stop and tells the engine.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn plan_stop(
        &self,
        new: &NewStop,
        actor: &str,
        at: Time,
    ) -> Result<(StopRow, EngineInput), RecordsError> {
        let mut tx = self.begin().await?;
        let text = at.to_string();
        let year = text.split('-').next().unwrap_or_default();
        let number = format!("STOP-{year}-{:04}", next(&mut tx, &format!("stop/{year}")).await?);
        query(
            "INSERT INTO planned_stop (number, site, devices, begins_at, ends_at, reason, planned_by,
                 planned_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(number.clone())
        .bind(new.site.as_str())
        .bind(to_json("the devices of a stop", &new.devices)?)
        .bind(new.from.micros())
        .bind(new.until.micros())
        .bind(new.reason.as_str())
        .bind(actor)
        .bind(at.micros())
        .execute(&mut *tx)
        .await?;
        let (devices, from, until) = (new.devices.clone(), new.from, new.until);
        let stop = PlannedStop { number, devices, from, until };
        let detail =
            json!({"devices": stop.devices, "from": from, "until": until, "reason": new.reason});
        write_down(&mut tx, (&stop.number, "planned"), actor, detail, at).await?;
        let notice = Notice::StopPlanned { stop: stop.clone() };
        let input = put_notice(&mut tx, &notice, at).await?;
        self.finish(tx).await?;
        let row = StopRow {
            stop,
            site: new.site.clone(),
            reason: new.reason.clone(),
            planned_by: actor.to_owned(),
            planned_at: at,
            ended_at: None,
            ended_by: None,
            set_aside: 0,
        };
        Ok((row, input))
    }

    /// Ends a stop before its time; `None` when there is none that goes on.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn end_stop(
        &self,
        number: &str,
        actor: &str,
        at: Time,
    ) -> Result<Option<EngineInput>, RecordsError> {
        let mut tx = self.begin().await?;
        let sql = format!(
            "SELECT number FROM planned_stop WHERE number = $1 AND ended_at IS NULL AND {}",
            sites::of_site("site", 2)
        );
        let sql = query(built(sql)).bind(number.to_owned()).bind(self.sites.stored());
        if sql.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(None);
        }
        let input = end(&mut tx, number, actor, at).await?;
        self.finish(tx).await?;
        Ok(Some(input))
    }

    /// Ends the stops whose time is over; returns their numbers.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn end_outlived_stops(&self, at: Time) -> Result<Vec<String>, RecordsError> {
        // Almost always there is none, and then nobody is kept from writing.
        if outlived(&mut *self.reader.acquire().await?, at).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let ended = outlived(&mut tx, at).await?;
        for number in &ended {
            end(&mut tx, number, ACTOR, at).await?;
        }
        self.finish(tx).await?;
        Ok(ended)
    }

    /// Stops, the ones that begin last first; `after` continues a list behind its last row (its number is
    /// the id), `is_over` leaves out those that go on, or the others.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn stops(
        &self,
        is_over: Option<bool>,
        after: Option<&PageKey>,
        limit: i64,
    ) -> Result<Vec<StopRow>, RecordsError> {
        let (at, number) = PageKey::bound(after);
        let wanted = match is_over {
            None => "",
            Some(true) => "ended_at IS NOT NULL AND ",
            Some(false) => "ended_at IS NULL AND ",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM planned_stop
             WHERE {wanted}(begins_at < $1 OR (begins_at = $1 AND number < $2)) AND {}
             ORDER BY begins_at DESC, number DESC LIMIT $3",
            sites::of_site("site", 4)
        );
        let rows = query(built(sql)).bind(at).bind(number).bind(limit).bind(self.sites.stored());
        rows.fetch_all(&self.reader).await?.iter().map(stop).collect()
    }

    /// One stop by its number.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn stop(&self, number: &str) -> Result<Option<StopRow>, RecordsError> {
        let among = sites::of_site("site", 2);
        query(built(format!("SELECT {COLUMNS} FROM planned_stop WHERE number = $1 AND {among}")))
            .bind(number.to_owned())
            .bind(self.sites.stored())
            .fetch_optional(&self.reader)
            .await?
            .map(|row| stop(&row))
            .transpose()
    }

    /// What was found in a stop, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn found_in_stop(
        &self,
        number: &str,
        limit: i64,
    ) -> Result<Vec<SetAside>, RecordsError> {
        let rows = query(
            "SELECT device, component, family, rule, channel, found_at FROM set_aside
             WHERE stop = $1 ORDER BY found_at DESC, channel, rule LIMIT $2",
        )
        .bind(number.to_owned())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        let found = rows.iter().map(|row| {
            Ok(SetAside {
                device: parsed(row, "device")?,
                component: parsed(row, "component")?,
                family: parsed(row, "family")?,
                rule: parsed(row, "rule")?,
                channel: parsed(row, "channel")?,
                found_at: time(row, "found_at")?,
            })
        });
        found.collect()
    }
}

/// Notes what was found in a stop; `false` when it was known.
pub(super) async fn set_aside(
    tx: &mut AnyConnection,
    stop: &str,
    anomaly: &Anomaly,
) -> Result<bool, RecordsError> {
    let done = query(
        "INSERT INTO set_aside (stop, channel, rule, component, found_at, device, family)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(stop.to_owned())
    .bind(anomaly.channel.as_str())
    .bind(anomaly.rule.id.as_str())
    .bind(anomaly.component.as_str())
    .bind(anomaly.confirmed.micros())
    .bind(anomaly.device.as_str())
    .bind(anomaly.family.as_str())
    .execute(tx)
    .await?;
    Ok(0 < done.rows_affected())
}

async fn end(
    tx: &mut AnyConnection,
    number: &str,
    actor: &str,
    at: Time,
) -> Result<EngineInput, RecordsError> {
    query("UPDATE planned_stop SET ended_at = $1, ended_by = $2 WHERE number = $3")
        .bind(at.micros())
        .bind(actor.to_owned())
        .bind(number.to_owned())
        .execute(&mut *tx)
        .await?;
    write_down(tx, (number, "ended"), actor, json!({}), at).await?;
    put_notice(tx, &Notice::StopEnded { number: number.to_owned() }, at).await
}

/// One line of the audit trail, and one of the change log.
async fn write_down(
    tx: &mut AnyConnection,
    (number, what): (&str, &str),
    actor: &str,
    detail: serde_json::Value,
    at: Time,
) -> Result<(), RecordsError> {
    let (action, object) = (format!("stop.{what}"), format!("planned_stop/{number}"));
    audit::append(&mut *tx, &Deed::new(actor, &action, &object, detail), at).await?;
    let kind = if what == "planned" { "stop.planned" } else { "stop.ended" };
    journal::write_change(tx, Change { at, kind, subject: number, device: "" }).await
}

async fn outlived(connection: &mut AnyConnection, at: Time) -> Result<Vec<String>, RecordsError> {
    query(
        "SELECT number FROM planned_stop WHERE ended_at IS NULL AND ends_at <= $1 ORDER BY number",
    )
    .bind(at.micros())
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| Ok(row.try_get("number")?))
    .collect()
}

fn stop(row: &AnyRow) -> Result<StopRow, RecordsError> {
    Ok(StopRow {
        stop: PlannedStop {
            number: row.try_get("number")?,
            devices: json(row, "devices")?,
            from: time(row, "begins_at")?,
            until: time(row, "ends_at")?,
        },
        site: parsed(row, "site")?,
        reason: row.try_get("reason")?,
        planned_by: row.try_get("planned_by")?,
        planned_at: time(row, "planned_at")?,
        ended_at: time_opt(row, "ended_at")?,
        ended_by: row.try_get("ended_by")?,
        set_aside: row.try_get("found")?,
    })
}

const COLUMNS: &str = "number, site, devices, begins_at, ends_at, reason, planned_by, planned_at,
    ended_at, ended_by, (SELECT COUNT(*) FROM set_aside WHERE stop = number) AS found";
