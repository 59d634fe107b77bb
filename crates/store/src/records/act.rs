//! What people do to tickets: one command, one transaction.
//!
//! The state moves only along the transition table of the domain. The same transaction writes the
//! ticket's history, the messages, the change log, the repair record of a close, and what the engine
//! must be told.

use forewarn_domain::cause::CauseCode;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::course::{Asked, Course, Facts, Permit, Process};
use forewarn_domain::ticket::{
    Command, TicketEvent, TicketState, TimelineEntry, Verdict, WaitingFor,
};
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row};

use super::engine::{EngineInput, Notice, put_notice};
use super::journal::{self, Change};
use super::list::find;
use super::row::to_json;
use super::{
    Records, RecordsError, RequestKey, Sites, TicketRow, course, evidence, outbox, query, repairs,
    requests, shown,
};

/// A command with everything that decides whether it is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// Id or number of the ticket.
    pub ticket: String,
    /// What is asked.
    pub command: Command,
    /// Who asks.
    pub actor: String,
    /// When.
    pub at: Time,
    /// The revision that the person saw; `None` carries the command out whatever it is.
    pub if_revision: Option<i64>,
    /// Recognises a repeat of the same request.
    pub request: Option<RequestKey>,
}

/// What a command led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// The ticket as it is now.
    pub ticket: TicketRow,
    /// What the engine must be told; it is stored already.
    pub input: Option<EngineInput>,
    /// Whether this request was carried out before, so that nothing was done now.
    pub is_repeat: bool,
}

/// What a person said when the work was done.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// What it was.
    pub cause: CauseCode,
    /// What was done, in own words.
    pub note: String,
    /// The part that was used.
    pub part: Option<String>,
}

impl Records {
    /// Carries a command out.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownTicket`], [`RecordsError::Stale`] when somebody was quicker,
    /// [`RecordsError::Illegal`] when the state does not allow it, [`RecordsError::TwinOpen`] when
    /// reopening would make a second open ticket, [`RecordsError::KeyReused`] for a request key that
    /// stood for another body, [`RecordsError::Refused`] when evidence is missing.
    pub async fn act(&self, act: &Act) -> Result<Acted, RecordsError> {
        let mut tx = self.begin().await?;
        let acted = self.carry_out(&mut tx, act).await?;
        if !acted.is_repeat {
            self.finish(tx).await?;
        }
        Ok(acted)
    }

    /// The same inside a transaction.
    pub(super) async fn carry_out(
        &self,
        tx: &mut AnyConnection,
        act: &Act,
    ) -> Result<Acted, RecordsError> {
        let ticket = find(&mut *tx, &act.ticket, &self.sites).await?;
        if let Some(request) = &act.request
            && !requests::remember(&mut *tx, request, act.at).await?
        {
            return Ok(Acted { ticket, input: None, is_repeat: true });
        }
        if let Some(expected) = act.if_revision
            && expected != ticket.revision
        {
            let (number, found) = (ticket.number, ticket.revision);
            return Err(RecordsError::Stale { number, expected, found });
        }
        let state = ticket.state.after(&act.command)?;
        check_others(&mut *tx, &ticket, act, &self.sites).await?;
        let process = self.process(&mut *tx).await?;
        let permit = match &process {
            Some(process) => permit(&mut *tx, &**process, (&ticket, state), act).await?,
            None => Permit::default(),
        };
        let changed = changed(&ticket, state, act);
        write(&mut *tx, &changed).await?;
        let course = match &process {
            Some(process) => follow(&mut *tx, &**process, (&ticket, &changed), act.at).await?,
            None => Course::default(),
        };
        let entry = entry(act, state, &permit.note);
        journal::write_timeline(&mut *tx, changed.id, changed.revision, &entry).await?;
        let (subject, device) = (changed.id.to_string(), changed.key.device.as_str());
        let change = Change { at: act.at, kind: "ticket.changed", subject: &subject, device };
        journal::write_change(&mut *tx, change).await?;
        let what = TicketEvent::from(&act.command);
        let (ticket_id, revision, to) = (changed.id, changed.revision, course.tell.as_slice());
        let about = outbox::About { what, ticket: ticket_id, revision, to };
        outbox::address(&mut *tx, &self.notify, about, act.at).await?;
        if !changed.state.is_open() {
            evidence::keep_on(&mut *tx, changed.id, act.at).await?;
        }
        let input = match notice(&changed, ticket.state, act) {
            Some(mut notice) => {
                if let Notice::TicketClosed { repair, .. } = &mut notice {
                    repair.shape = evidence::shape_of(&mut *tx, changed.id).await?;
                    repairs::put(&mut *tx, repair).await?;
                }
                Some(put_notice(&mut *tx, &notice, act.at).await?)
            }
            None => None,
        };
        Ok(Acted { ticket: changed, input, is_repeat: false })
    }
}

/// Asks the ticket's type.
async fn permit(
    tx: &mut AnyConnection,
    process: &dyn Process,
    (ticket, next): (&TicketRow, TicketState),
    act: &Act,
) -> Result<Permit, RecordsError> {
    let evidence = shown::kinds(tx, ticket.id).await?;
    let (ticket, command) = (Facts::from(ticket), &act.command);
    let asked = Asked { ticket: &ticket, next, command, evidence: &evidence, at: act.at };
    process.permit(&asked).map_err(|refusal| RecordsError::Refused {
        number: ticket.number.clone(),
        command: command.word(),
        refusal,
    })
}

/// Lets clocks and timers follow a change of a ticket.
pub(super) async fn follow(
    tx: &mut AnyConnection,
    process: &dyn Process,
    (before, after): (&TicketRow, &TicketRow),
    at: Time,
) -> Result<Course, RecordsError> {
    let standing = course::standing(&mut *tx, after.id).await?;
    let course = process.follow(&before.into(), &after.into(), &standing, at);
    course::apply(tx, after.id, &course, at).await?;
    Ok(course)
}

/// Looks at the other tickets that a command speaks of.
async fn check_others(
    tx: &mut AnyConnection,
    ticket: &TicketRow,
    act: &Act,
    sites: &Sites,
) -> Result<(), RecordsError> {
    if let Command::Duplicate { of } = &act.command {
        let other = find(&mut *tx, of, sites).await?;
        if other.id == ticket.id {
            return Err(RecordsError::UnknownTicket { named: format!("{of} (itself)") });
        }
    }
    if ticket.state.is_open() {
        return Ok(());
    }
    let twin = query(
        "SELECT number FROM ticket
         WHERE site = $1 AND device = $2 AND component = $3 AND fault_family = $4
             AND state NOT IN ('closed', 'false_alarm', 'duplicate')",
    )
    .bind(ticket.key.site.as_str())
    .bind(ticket.key.device.as_str())
    .bind(ticket.key.component.as_str())
    .bind(ticket.key.family.as_str())
    .fetch_optional(tx)
    .await?;
    match twin {
        Some(row) => Err(RecordsError::TwinOpen { number: row.try_get("number")? }),
        None => Ok(()),
    }
}

/// The ticket after a command that the table allows.
fn changed(ticket: &TicketRow, state: TicketState, act: &Act) -> TicketRow {
    let mut changed = ticket.clone();
    changed.state = state;
    changed.updated_at = act.at;
    changed.revision += 1;
    changed.waiting_for = None;
    changed.closed_at = (!state.is_open()).then_some(act.at);
    if !state.is_open() {
        changed.shelved_until = None;
    }
    match &act.command {
        Command::Accept {} => {
            changed.owner = Some(act.actor.clone());
            changed.accepted_at = Some(act.at);
        }
        Command::Assign { to } => {
            changed.owner = Some(to.clone());
            changed.accepted_at = None;
        }
        Command::Close { verdict } => changed.verdict = Some(*verdict),
        Command::Finish { cause, note, part } => {
            let (cause, note, part) = (cause.clone(), note.clone(), part.clone());
            changed.finish = Some(Finish { cause, note, part });
            changed.done_at = Some(act.at);
        }
        Command::Reopen { .. } => {
            changed.verdict = None;
            changed.done_at = None;
        }
        Command::Shelve { until, .. } => {
            changed.shelved_until = Some(*until);
            changed.waiting_for = ticket.waiting_for;
        }
        Command::Unshelve {} => {
            changed.shelved_until = None;
            changed.waiting_for = ticket.waiting_for;
        }
        Command::Wait { reason } => changed.waiting_for = Some(*reason),
        Command::Arrive {}
        | Command::Depart {}
        | Command::Duplicate { .. }
        | Command::FalseAlarm { .. }
        | Command::Resume {}
        | Command::Start {}
        | Command::Verify {} => {}
    }
    changed
}

async fn write(tx: &mut AnyConnection, ticket: &TicketRow) -> Result<(), RecordsError> {
    let finish = ticket.finish.as_ref().map(|it| to_json("what was done", it)).transpose()?;
    let written = query(
        "UPDATE ticket SET state = $1, owner = $2, waiting_for = $3, updated_at = $4, done_at = $5,
             closed_at = $6, finish = $7, verdict = $8, revision = $9, shelved_until = $10,
             accepted_at = $11
         WHERE id = $12",
    )
    .bind(ticket.state.as_str())
    .bind(ticket.owner.clone())
    .bind(ticket.waiting_for.map(|it| it.as_str().to_owned()))
    .bind(ticket.updated_at.micros())
    .bind(ticket.done_at.map(Time::micros))
    .bind(ticket.closed_at.map(Time::micros))
    .bind(finish)
    .bind(ticket.verdict.map(|it| it.as_str().to_owned()))
    .bind(ticket.revision)
    .bind(ticket.shelved_until.map(Time::micros))
    .bind(ticket.accepted_at.map(Time::micros))
    .bind(ticket.id.to_string())
    .execute(tx)
    .await?;
    debug_assert_eq!(written.rows_affected(), 1, "the ticket was read in this transaction");
    Ok(())
}

fn entry(act: &Act, state: TicketState, more: &Localized) -> TimelineEntry {
    let mut note = note(&act.command);
    for (text, more) in [(&mut note.en, &more.en), (&mut note.zh, &more.zh)] {
        if !text.is_empty() && !more.is_empty() {
            text.push_str(" · ");
        }
        text.push_str(more);
    }
    TimelineEntry {
        at: act.at,
        actor: act.actor.clone(),
        what: act.command.word().to_owned(),
        state,
        note,
    }
}

/// What the history says beside the word of the command.
fn note(command: &Command) -> Localized {
    match command {
        Command::Assign { to } => Localized::same(to.as_str()),
        Command::Close { verdict } => verdict_name(*verdict),
        Command::Duplicate { of } => Localized::same(of.as_str()),
        Command::FalseAlarm { reason } | Command::Reopen { reason } => {
            Localized::same(reason.as_str())
        }
        Command::Finish { cause, note, part } => {
            let parts = [Some(cause.as_str()), part.as_deref(), Some(note.as_str())];
            let told: Vec<&str> = parts.into_iter().flatten().filter(|it| !it.is_empty()).collect();
            Localized::same(told.join(" · "))
        }
        Command::Shelve { until, reason } => {
            Localized::new(format!("until {until} · {reason}"), format!("至 {until} · {reason}"))
        }
        Command::Wait { reason } => match reason {
            WaitingFor::Outside => Localized::new("for somebody from outside", "等外部人员"),
            WaitingFor::Part => Localized::new("for a spare part", "等备件"),
            WaitingFor::Window => Localized::new("for a planned stop", "等停机窗口"),
        },
        Command::Accept {}
        | Command::Arrive {}
        | Command::Depart {}
        | Command::Resume {}
        | Command::Start {}
        | Command::Unshelve {}
        | Command::Verify {} => Localized::default(),
    }
}

fn verdict_name(verdict: Verdict) -> Localized {
    match verdict {
        Verdict::Confirmed => Localized::new("confirmed as predicted", "与预测一致"),
        Verdict::NothingFound => Localized::new("nothing was found", "未发现故障"),
        Verdict::SensorFault => Localized::new("it was the sensor", "是传感器的问题"),
        Verdict::WrongCause => Localized::new("the cause was another", "原因不是预测的那个"),
    }
}

/// What the engine must be told of a command.
fn notice(ticket: &TicketRow, before: TicketState, act: &Act) -> Option<Notice> {
    let key = ticket.key.clone();
    match ticket.state {
        TicketState::Closed => {
            let verdict = ticket.verdict?;
            let repair = repairs::record_of_close(ticket, verdict, act.at);
            Some(Notice::TicketClosed { ticket: ticket.id, key, verdict, repair })
        }
        TicketState::FalseAlarm | TicketState::Duplicate => {
            Some(Notice::TicketDropped { ticket: ticket.id, key, state: ticket.state })
        }
        TicketState::ToAssign
        | TicketState::Assigned
        | TicketState::Accepted
        | TicketState::Departed
        | TicketState::OnSite
        | TicketState::InProgress
        | TicketState::Waiting
        | TicketState::Done
        | TicketState::Verified => {
            (!before.is_open()).then_some(Notice::TicketReopened { ticket: ticket.id, key })
        }
    }
}
