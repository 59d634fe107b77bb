//! How a day went: what leads read in the evening.

use forewarn_domain::time::Time;
use sqlx::Row;

use super::{Records, RecordsError, built, query, sites};

/// Tickets of a day.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Day {
    /// How many were opened since it began.
    pub opened: i64,
    /// How many ended since it began, in whatever way.
    pub ended: i64,
    /// How many are open.
    pub open: i64,
    /// How many of these are P1.
    pub urgent: i64,
    /// How many of these are nobody's.
    pub unowned: i64,
    /// Numbers of those with a deadline that has passed, in order.
    pub overdue: Vec<String>,
}

impl Records {
    /// How the day that began then stands now.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn day(&self, began: Time, now: Time) -> Result<Day, RecordsError> {
        let seen = sites::of_site("site", 2);
        let sql = format!(
            "SELECT
                 COUNT(CASE WHEN opened_at >= $1 THEN 1 END) AS opened,
                 COUNT(CASE WHEN {ENDED} AND updated_at >= $1 THEN 1 END) AS ended,
                 COUNT(CASE WHEN NOT {ENDED} THEN 1 END) AS open,
                 COUNT(CASE WHEN NOT {ENDED} AND priority = 'P1' THEN 1 END) AS urgent,
                 COUNT(CASE WHEN NOT {ENDED} AND owner IS NULL THEN 1 END) AS unowned
             FROM ticket WHERE {seen} AND (NOT {ENDED} OR opened_at >= $1 OR updated_at >= $1)"
        );
        let row = query(built(sql))
            .bind(began.micros())
            .bind(self.sites.stored())
            .fetch_one(&self.reader)
            .await?;
        let sql = format!(
            "SELECT number FROM ticket WHERE {seen} AND NOT {ENDED} AND EXISTS (
                 SELECT 1 FROM ticket_clock c
                 WHERE c.ticket = ticket.id AND c.state = 'running' AND c.due_at < $1)
             ORDER BY number"
        );
        let overdue = query(built(sql))
            .bind(now.micros())
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| Ok(row.try_get::<Option<String>, _>("number")?.unwrap_or_default()))
            .collect::<Result<_, RecordsError>>()?;
        Ok(Day {
            opened: row.try_get("opened")?,
            ended: row.try_get("ended")?,
            open: row.try_get("open")?,
            urgent: row.try_get("urgent")?,
            unowned: row.try_get("unowned")?,
            overdue,
        })
    }
}

const ENDED: &str = "(state IN ('closed', 'false_alarm', 'duplicate'))";
