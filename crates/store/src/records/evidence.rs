//! What a ticket rests on is kept beyond retention: its waveforms and a stretch of each of its channels.
//!
//! Rely on this: nothing of it goes while the ticket is open, nor for [`EVIDENCE_HOLD`] after it was
//! last written or closed, whatever its verdict; a false alarm is what rules are improved by. Each
//! stretch is sealed with the hash of its readings once no more can come. Deliberately absent:
//! deleting, and reading the readings.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::evidence::Evidence;
use forewarn_domain::shape::Shape;
use forewarn_domain::ticket::{TicketDraft, TicketId};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::Sha256;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::row::{json, parsed, parsed_opt, time};
use super::{Records, RecordsError, query, waveforms};

/// A stretch of a channel that is held for a ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceHold {
    /// Which ticket.
    pub ticket: TicketId,
    /// Which channel.
    pub channel: ChannelId,
    /// From when.
    pub from: Time,
    /// Until before when.
    pub to: Time,
    /// Until when it is held at least.
    pub held_until: Time,
    /// How many readings lay in it and their hash, once sealed.
    pub seal: Option<(u64, Sha256)>,
}

impl Records {
    /// Stretches that must be kept now.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn evidence_held(&self, now: Time) -> Result<Vec<EvidenceHold>, RecordsError> {
        query(
            "SELECT h.* FROM evidence_hold h LEFT JOIN ticket t ON t.id = h.ticket
             WHERE h.held_until > $1 OR t.state NOT IN ('closed', 'false_alarm', 'duplicate')
             ORDER BY h.ticket, h.channel",
        )
        .bind(now.micros())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(hold)
        .collect()
    }

    /// Stretches of one ticket.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn evidence_of(&self, ticket: TicketId) -> Result<Vec<EvidenceHold>, RecordsError> {
        query("SELECT * FROM evidence_hold WHERE ticket = $1 ORDER BY channel")
            .bind(ticket.to_string())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(hold)
            .collect()
    }

    /// Seals a stretch, unless it has grown since it was read.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn seal_evidence(
        &self,
        hold: &EvidenceHold,
        (readings, sha256): (u64, Sha256),
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query(
            "UPDATE evidence_hold SET readings = $1, sha256 = $2
             WHERE ticket = $3 AND channel = $4 AND t_from = $5 AND t_to = $6 AND sha256 IS NULL",
        )
        .bind(i64::try_from(readings).unwrap_or(i64::MAX))
        .bind(sha256.to_string())
        .bind(hold.ticket.to_string())
        .bind(hold.channel.as_str())
        .bind(hold.from.micros())
        .bind(hold.to.micros())
        .execute(&mut *tx)
        .await?;
        self.finish(tx).await
    }
}

/// Holds what a draft's evidence points to, for the ticket that it went to.
pub(super) async fn hold_evidence(
    tx: &mut AnyConnection,
    (ticket, draft): (TicketId, &TicketDraft),
    at: Time,
) -> Result<(), RecordsError> {
    let until = at + EVIDENCE_HOLD;
    for sha256 in samples(&draft.evidence) {
        waveforms::hold(tx, (sha256, ticket), until).await?;
    }
    for (channel, from, to) in stretches(&draft.evidence) {
        query(
            "INSERT INTO evidence_hold (ticket, channel, t_from, t_to, held_until)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (ticket, channel) DO UPDATE SET
                 readings = CASE WHEN excluded.t_from < evidence_hold.t_from
                     OR evidence_hold.t_to < excluded.t_to
                     THEN NULL ELSE evidence_hold.readings END,
                 sha256 = CASE WHEN excluded.t_from < evidence_hold.t_from
                     OR evidence_hold.t_to < excluded.t_to
                     THEN NULL ELSE evidence_hold.sha256 END,
                 t_from = CASE WHEN excluded.t_from < evidence_hold.t_from
                     THEN excluded.t_from ELSE evidence_hold.t_from END,
                 t_to = CASE WHEN evidence_hold.t_to < excluded.t_to
                     THEN excluded.t_to ELSE evidence_hold.t_to END,
                 held_until = CASE WHEN evidence_hold.held_until < excluded.held_until
                     THEN excluded.held_until ELSE evidence_hold.held_until END",
        )
        .bind(ticket.to_string())
        .bind(channel.as_str())
        .bind(from.micros())
        .bind(to.micros())
        .bind(until.micros())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// How the trouble of a ticket looked in the signals.
pub(super) async fn shape_of(
    tx: &mut AnyConnection,
    ticket: TicketId,
) -> Result<Option<Shape>, RecordsError> {
    let row = query("SELECT draft FROM ticket WHERE id = $1")
        .bind(ticket.to_string())
        .fetch_one(tx)
        .await?;
    let draft: TicketDraft = json(&row, "draft")?;
    Ok(Some(draft.evidence.shape).filter(|it| !it.is_empty()))
}

/// A ticket has ended: what it rests on is kept as long from then on.
pub(super) async fn keep_on(
    tx: &mut AnyConnection,
    ticket: TicketId,
    ended: Time,
) -> Result<(), RecordsError> {
    for sql in [
        "UPDATE evidence_hold SET held_until = $1 WHERE ticket = $2 AND held_until < $1",
        "UPDATE waveform_hold SET held_until = $1 WHERE ticket = $2 AND held_until < $1",
    ] {
        query(sql)
            .bind((ended + EVIDENCE_HOLD).micros())
            .bind(ticket.to_string())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Raw samples that the evidence names: behind the spectrum, the features and each bearing line.
fn samples(evidence: &Evidence) -> Vec<Sha256> {
    let lines = evidence.episode.iter().flat_map(|it| &it.anomalies);
    let lines = lines.filter_map(|it| it.finding.bearing_line()).map(|it| it.waveform);
    let shown = evidence.spectrum.iter().map(|it| it.waveform);
    let mut all: Vec<Sha256> =
        shown.chain(evidence.burst.iter().map(|it| it.sha256)).chain(lines).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The stretches to draw, and over the whole of them every other signal that the ticket speaks of.
fn stretches(evidence: &Evidence) -> Vec<(ChannelId, Time, Time)> {
    let mut all: Vec<(ChannelId, Time, Time)> = Vec::new();
    let from = evidence.trends.iter().map(|it| it.from).min().unwrap_or(evidence.onset);
    let to = evidence.trends.iter().map(|it| it.to).max().unwrap_or(evidence.confirmed);
    let drawn = evidence.trends.iter().map(|it| (it.channel.clone(), it.from, it.to));
    let spoken_of = evidence.signals.iter().chain(&evidence.unchanged);
    let spoken_of = spoken_of.map(|it| (it.channel.clone(), from, to));
    for (channel, from, to) in drawn.chain(spoken_of) {
        if all.iter().all(|(known, _, _)| *known != channel) {
            // The newest reading belongs to it.
            all.push((channel, from, to + Span::from_micros(1)));
        }
    }
    all
}

fn hold(row: &AnyRow) -> Result<EvidenceHold, RecordsError> {
    let readings: Option<i64> = row.try_get("readings")?;
    let sha256: Option<Sha256> = parsed_opt(row, "sha256")?;
    Ok(EvidenceHold {
        ticket: parsed(row, "ticket")?,
        channel: parsed(row, "channel")?,
        from: time(row, "t_from")?,
        to: time(row, "t_to")?,
        held_until: time(row, "held_until")?,
        seal: readings.map(i64::unsigned_abs).zip(sha256),
    })
}

/// How long what a ticket rests on is kept at least: two winters, since many faults come back with
/// the season.
const EVIDENCE_HOLD: Span = Span::from_secs(2 * 365 * 86_400);
