//! What people said of anomalies and of stretches of a signal: confirmed, rejected, the same as another.
//!
//! Rely on this: labels only grow; an undo is a mark with a name and a time. A confirmation of an
//! anomaly without a ticket opens its ticket, a rejection ends the open ticket as a false alarm, each
//! in the same transaction; an undo takes that back as far as nobody went on with the ticket.
//!
//! Deliberately absent: what follows for the rules (`proposals`).

use forewarn_domain::anomaly::RuleRef;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::episode::{Episode, EpisodeId, EpisodeKey};
use forewarn_domain::family::FaultFamily;
use forewarn_domain::id::{ComponentId, DeviceId, RuleId, SiteId, StateId};
use forewarn_domain::ticket::{Command, TicketDraft, TicketId, TicketState};
use forewarn_domain::time::Time;
use sqlx::AnyConnection;

use super::audit::{self, Deed};
use super::desk::{Desk, Opened};
use super::journal::{self, Change};
use super::label_words::{Judgement, Reason};
use super::list::find;
use super::row::{json, json_opt, parsed_opt};
use super::{Act, EngineInput, Records, RecordsError, RequestKey, Sites, built, label_rows};
use super::{query, requests, sites};

/// What somebody said, and of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Dense, in the order of commits.
    pub number: i64,
    /// When it was said.
    pub at: Time,
    /// Who said it.
    pub author: String,
    /// The episode; `None` for a stretch that a person marked.
    pub episode: Option<EpisodeId>,
    /// What it is about.
    pub key: EpisodeKey,
    /// The leading channel.
    pub channel: ChannelId,
    /// Operating state in which it was seen; `None` for a marked stretch.
    pub state: Option<StateId>,
    /// The rule that fired; `None` for a marked stretch.
    pub rule: Option<RuleRef>,
    /// Beginning of the stretch.
    pub since: Time,
    /// Its end.
    pub until: Time,
    /// What was said.
    pub judgement: Judgement,
    /// Why it was rejected.
    pub reason: Option<Reason>,
    /// In own words.
    pub note: String,
    /// The anomaly with which it is one.
    pub merged_into: Option<EpisodeId>,
    /// The ticket that a confirmation opened.
    pub opened_ticket: Option<TicketId>,
    /// When it was taken back, and by whom.
    pub undone: Option<(Time, String)>,
}

/// What a person says of some anomalies at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Saying {
    /// Of which ones.
    pub episodes: Vec<EpisodeId>,
    /// What.
    pub judgement: Judgement,
    /// Why they are rejected.
    pub reason: Option<Reason>,
    /// In own words.
    pub note: String,
    /// The anomaly with which they are one.
    pub merged_into: Option<EpisodeId>,
    /// Who.
    pub author: String,
    /// When.
    pub at: Time,
    /// Recognises a repeat of the same request.
    pub request: Option<RequestKey>,
}

/// A stretch that a person marked in a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked {
    /// The plant.
    pub site: SiteId,
    /// Where.
    pub channel: ChannelId,
    /// On which part.
    pub component: ComponentId,
    /// What kind of trouble it shows, or does not show.
    pub family: FaultFamily,
    /// Beginning.
    pub since: Time,
    /// End.
    pub until: Time,
    /// Whether there is a fault; merging makes no sense here.
    pub judgement: Judgement,
    /// Why there is none.
    pub reason: Option<Reason>,
    /// In own words.
    pub note: String,
    /// Who.
    pub author: String,
    /// When.
    pub at: Time,
}

/// What saying something led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The labels, in the order of the episodes.
    pub labels: Vec<Label>,
    /// What the engine must be told; it is stored already.
    pub inputs: Vec<EngineInput>,
}

/// Which labels.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LabelFilter {
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Of this rule only.
    pub rule: Option<RuleId>,
    /// Also those that were taken back.
    pub with_undone: bool,
}

impl Records {
    /// Keeps what a person said of anomalies, and carries out what it means for their tickets.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownEpisode`]; [`RecordsError::KeyReused`]; nothing is kept then.
    pub async fn say(&self, saying: &Saying) -> Result<Said, RecordsError> {
        let mut tx = self.begin().await?;
        if let Some(request) = &saying.request
            && !requests::remember(&mut tx, request, saying.at).await?
        {
            return Ok(Said::default());
        }
        if let Some(into) = saying.merged_into {
            told_of(&mut tx, into, &self.sites).await?;
        }
        let mut said = Said::default();
        for id in &saying.episodes {
            let told = told_of(&mut tx, *id, &self.sites).await?;
            let unknown = || RecordsError::UnknownEpisode { named: id.to_string() };
            let mut label = label_of(&told.episode, saying).ok_or_else(unknown)?;
            self.follow(&mut tx, (&told, saying), (&mut label, &mut said.inputs)).await?;
            label_rows::write(&mut tx, &mut label).await?;
            note(&mut tx, &label, ("label.say", saying.author.as_str()), saying.at).await?;
            said.labels.push(label);
        }
        self.finish(tx).await?;
        Ok(said)
    }

    /// Keeps a stretch that a person marked.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn mark(&self, marked: &Marked) -> Result<Label, RecordsError> {
        let mut tx = self.begin().await?;
        let mut label = Label {
            number: 0,
            at: marked.at,
            author: marked.author.clone(),
            episode: None,
            key: EpisodeKey {
                site: marked.site.clone(),
                device: marked.channel.device(),
                component: marked.component.clone(),
                family: marked.family,
            },
            channel: marked.channel.clone(),
            state: None,
            rule: None,
            since: marked.since,
            until: marked.until,
            judgement: marked.judgement,
            reason: marked.reason,
            note: marked.note.clone(),
            merged_into: None,
            opened_ticket: None,
            undone: None,
        };
        label_rows::write(&mut tx, &mut label).await?;
        note(&mut tx, &label, ("label.mark", marked.author.as_str()), marked.at).await?;
        self.finish(tx).await?;
        Ok(label)
    }

    /// Takes labels back; those that were taken back already are left as they are.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn unsay(
        &self,
        numbers: &[i64],
        author: &str,
        at: Time,
    ) -> Result<Said, RecordsError> {
        let mut tx = self.begin().await?;
        let mut said = Said::default();
        for number in numbers {
            let seen = sites::of_site("site", 2);
            let sql =
                format!("SELECT * FROM label WHERE number = $1 AND undone_at IS NULL AND {seen}");
            let row = query(built(sql))
                .bind(*number)
                .bind(self.sites.stored())
                .fetch_optional(&mut *tx)
                .await?;
            let Some(row) = row else { continue };
            let mut label = label_rows::read(&row)?;
            self.take_back(&mut tx, &label, (author, at), &mut said.inputs).await?;
            query("UPDATE label SET undone_at = $1, undone_by = $2 WHERE number = $3")
                .bind(at.micros())
                .bind(author.to_owned())
                .bind(*number)
                .execute(&mut *tx)
                .await?;
            let subject = label.episode.map_or_else(String::new, |it| it.to_string());
            let device = label.key.device.as_str();
            let change = Change { at, kind: "anomaly.labelled", subject: &subject, device };
            journal::write_change(&mut tx, change).await?;
            note(&mut tx, &label, ("label.undo", author), at).await?;
            label.undone = Some((at, author.to_owned()));
            said.labels.push(label);
        }
        self.finish(tx).await?;
        Ok(said)
    }

    /// Labels, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn labels(
        &self,
        filter: &LabelFilter,
        limit: i64,
    ) -> Result<Vec<Label>, RecordsError> {
        let sql = format!(
            "SELECT * FROM label
             WHERE ($1 = '' OR device = $1) AND ($2 = '' OR rule = $2)
                 AND ($3 = 1 OR undone_at IS NULL) AND {}
             ORDER BY number DESC LIMIT $4",
            sites::of_site("site", 5)
        );
        query(built(sql))
            .bind(filter.device.as_ref().map_or("", DeviceId::as_str))
            .bind(filter.rule.as_ref().map_or("", RuleId::as_str))
            .bind(i64::from(filter.with_undone))
            .bind(limit)
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(label_rows::read)
            .collect()
    }

    /// What a saying means for the ticket.
    async fn follow(
        &self,
        tx: &mut AnyConnection,
        (told, saying): (&Told, &Saying),
        (label, inputs): (&mut Label, &mut Vec<EngineInput>),
    ) -> Result<(), RecordsError> {
        match (saying.judgement, &told.ticket) {
            (Judgement::Confirmed, None) => {
                let Some(draft) = &told.draft else { return Ok(()) };
                let process = self.process(&mut *tx).await?;
                let mut desk = Desk { tx, channels: &self.notify, at: saying.at, process };
                label.opened_ticket = match desk.open(draft).await? {
                    Opened::New(_) => Some(draft.id),
                    Opened::Joined(..) | Opened::Known => None,
                };
            }
            (Judgement::Rejected, Some((ticket, state))) if state.is_open() => {
                let reason = match (saying.note.trim(), saying.reason) {
                    ("", reason) => reason.map_or("rejected", Reason::as_str).to_owned(),
                    (note, _) => note.to_owned(),
                };
                let command = Command::FalseAlarm { reason };
                if state.after(&command).is_ok() {
                    let act = act(*ticket, command, &saying.author, saying.at);
                    let acted = self.carry_out(tx, &act).await?;
                    inputs.extend(acted.input);
                }
            }
            (Judgement::Confirmed | Judgement::Merged | Judgement::Rejected, _) => {}
        }
        Ok(())
    }

    /// Takes back what a label did to its ticket, as far as nobody went on with it.
    async fn take_back(
        &self,
        tx: &mut AnyConnection,
        label: &Label,
        (author, at): (&str, Time),
        inputs: &mut Vec<EngineInput>,
    ) -> Result<(), RecordsError> {
        let Some(episode) = label.episode else { return Ok(()) };
        let told = told_of(tx, episode, &self.sites).await?;
        let Some((ticket, state)) = told.ticket else { return Ok(()) };
        let reason = || "label undone".to_owned();
        let command = match (label.judgement, state) {
            (Judgement::Confirmed, TicketState::ToAssign)
                if label.opened_ticket == Some(ticket) =>
            {
                Command::FalseAlarm { reason: reason() }
            }
            (Judgement::Rejected, TicketState::FalseAlarm) => Command::Reopen { reason: reason() },
            _ => return Ok(()),
        };
        match self.carry_out(tx, &act(ticket, command, author, at)).await {
            Ok(acted) => inputs.extend(acted.input),
            // Another ticket is open for the same trouble by now; this one stays ended.
            Err(RecordsError::TwinOpen { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// An episode with what a label needs to know of it.
struct Told {
    episode: Episode,
    draft: Option<TicketDraft>,
    ticket: Option<(TicketId, TicketState)>,
}

async fn told_of(
    tx: &mut AnyConnection,
    id: EpisodeId,
    sites: &Sites,
) -> Result<Told, RecordsError> {
    let sql = format!(
        "SELECT e.body AS body, e.draft AS draft, l.ticket AS ticket
         FROM episode e LEFT JOIN ticket_episode l ON l.episode = e.id WHERE e.id = $1 AND {}",
        sites::of_site("e.site", 2)
    );
    let row = query(built(sql))
        .bind(id.to_string())
        .bind(sites.stored())
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| RecordsError::UnknownEpisode { named: id.to_string() })?;
    let ticket: Option<TicketId> = parsed_opt(&row, "ticket")?;
    let ticket = match ticket {
        Some(ticket) => Some((ticket, find(tx, &ticket.to_string(), sites).await?.state)),
        None => None,
    };
    Ok(Told { episode: json(&row, "body")?, draft: json_opt(&row, "draft")?, ticket })
}

/// Writes what was said of an anomaly into the audit trail.
async fn note(
    tx: &mut AnyConnection,
    label: &Label,
    (action, author): (&str, &str),
    at: Time,
) -> Result<(), RecordsError> {
    let object = format!("label/{}", label.number);
    let detail = serde_json::json!({
        "episode": label.episode.map(|it| it.to_string()),
        "device": label.key.device,
        "judgement": label.judgement.as_str(),
        "note": label.note,
    });
    audit::append(tx, &Deed::new(author, action, &object, detail), at).await
}

fn act(ticket: TicketId, command: Command, author: &str, at: Time) -> Act {
    let (ticket, actor) = (ticket.to_string(), author.to_owned());
    Act { ticket, command, actor, at, if_revision: None, request: None }
}

/// The label of an episode; `None` for one without any anomaly, of which nothing can be said.
fn label_of(episode: &Episode, saying: &Saying) -> Option<Label> {
    let first = episode.anomalies.first()?;
    Some(Label {
        number: 0,
        at: saying.at,
        author: saying.author.clone(),
        episode: Some(episode.id),
        key: episode.key.clone(),
        channel: first.channel.clone(),
        state: Some(first.state.clone()),
        rule: Some(first.rule.clone()),
        since: episode.onset,
        until: episode.updated,
        judgement: saying.judgement,
        reason: saying.reason.filter(|_| saying.judgement == Judgement::Rejected),
        note: saying.note.clone(),
        merged_into: saying.merged_into.filter(|_| saying.judgement == Judgement::Merged),
        opened_ticket: None,
        undone: None,
    })
}
