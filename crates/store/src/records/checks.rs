//! Repairs as the machine's own signals judge them.
//!
//! Rely on this: a repair is checked once; one whose signal stayed away counts as without effect from
//! then on, whatever was written when its ticket was closed, and the ticket's history says so.

use forewarn_domain::check::{CheckVerdict, RepairCheck};
use forewarn_domain::episode::EpisodeId;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::TicketId;

use super::desk::Desk;
use super::row::{json, to_json};
use super::{Records, RecordsError, query};

impl Records {
    /// The newest check of a ticket's repairs; `None` while it is being watched, or where there was no
    /// signal to watch.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn repair_check(
        &self,
        ticket: TicketId,
    ) -> Result<Option<RepairCheck>, RecordsError> {
        query("SELECT body FROM repair_check WHERE ticket = $1 ORDER BY at DESC LIMIT 1")
            .bind(ticket.to_string())
            .fetch_optional(&self.reader)
            .await?
            .map(|row| json(&row, "body"))
            .transpose()
    }
}

impl Desk<'_> {
    /// Notes what the signals say of a repair; `false` when that was known or there is no ticket.
    pub(super) async fn checked(
        &mut self,
        episode: EpisodeId,
        check: &RepairCheck,
    ) -> Result<bool, RecordsError> {
        let Some((ticket, _)) = self.ticket_of(episode).await? else { return Ok(false) };
        let written = query(
            "INSERT INTO repair_check (repair, ticket, at, verdict, body)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(check.repair.to_string())
        .bind(ticket.to_string())
        .bind(check.at.micros())
        .bind(check.verdict.as_str())
        .bind(to_json("a check of a repair", check)?)
        .execute(&mut *self.tx)
        .await?;
        if written.rows_affected() == 0 {
            return Ok(false);
        }
        if check.verdict == CheckVerdict::NotReturned {
            query("UPDATE repair SET outcome = 'no_effect' WHERE id = $1 AND outcome = 'solved'")
                .bind(check.repair.to_string())
                .execute(&mut *self.tx)
                .await?;
        }
        self.note_check(ticket, check).await?;
        Ok(true)
    }
}

/// What the ticket's history says.
pub(super) fn told(check: &RepairCheck) -> Localized {
    match check.verdict {
        CheckVerdict::Returned => Localized::new(
            "verified by the signals: all of them are back in their band",
            "信号验证：全部恢复到正常范围",
        ),
        CheckVerdict::Unknown => Localized::new(
            "not verified: too little was measured in the same operating state",
            "未验证：同一工况下的数据不足",
        ),
        CheckVerdict::NotReturned => {
            let away = check.signals.iter().filter(|it| it.is_back == Some(false));
            let names: Vec<&str> = away.map(|it| it.channel.point_str()).collect();
            Localized::new(
                format!(
                    "not verified: {} did not come back; the repair did not help",
                    names.join(", ")
                ),
                format!("未验证：{} 未恢复，本次维修无效", names.join("、")),
            )
        }
    }
}
