//! The course of tickets in the store, with a small process that is easy to foresee.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use forewarn_domain::text::Localized;
use forewarn_domain::ticket::clock::{Clock, ClockKind, ClockState};
use forewarn_domain::ticket::course::{
    Asked, Course, Document, Facts, Missing, Moment, Permit, Process, Refusal, Standing, Timer,
    TypeRef,
};
use forewarn_domain::ticket::kind::EvidenceKind;
use forewarn_domain::ticket::{Command, TicketDraft, TicketEvent, TicketState};
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{Commit, NewConfig, Records, RecordsError, Shown, TicketWrite};

use super::samples::{NOW, draft};
use super::{act, open_one, opening};

/// Every ticket gets a clock of an hour, a timer at its end, and one `step` a minute after opening
/// that names `wu` as the owner. A close wants a photo. The version of the document is the type's.
#[derive(Debug)]
struct Toy {
    version: i64,
}

impl Toy {
    fn clock(at: Time, state: ClockState) -> Clock {
        Clock {
            kind: ClockKind::Repair,
            state,
            calendar: "always".parse().unwrap(),
            allowed: HOUR,
            used: Span::ZERO,
            since: at,
            warn_at: None,
            due_at: Some(at + HOUR),
            breached_at: None,
            ended_at: None,
            trace: Vec::new(),
        }
    }
}

impl Process for Toy {
    fn open(&self, ticket: &Facts, at: Time) -> Course {
        assert_eq!(ticket.ticket_type, None);
        let timer = |name: &str, after| Timer { name: name.to_owned(), due_at: at + after };
        Course {
            ticket_type: Some(TypeRef { id: "toy".parse().unwrap(), version: self.version }),
            group: Some("mechanics".parse().unwrap()),
            clocks: vec![Self::clock(at, ClockState::Running)],
            timers: vec![timer("step", MINUTE), timer("repair.due", HOUR)],
            tell: vec!["li".parse().unwrap()],
            ..Course::default()
        }
    }

    fn permit(&self, asked: &Asked<'_>) -> Result<Permit, Refusal> {
        let is_close = matches!(asked.command, Command::Close { .. });
        if is_close && !asked.evidence.contains(&EvidenceKind::Photo) {
            let (command, evidence) = ("close".to_owned(), EvidenceKind::Photo);
            return Err(Refusal::Missing(vec![Missing { command, evidence }]));
        }
        Ok(Permit { skipped: Vec::new(), note: Localized::same("by the book") })
    }

    fn follow(&self, _: &Facts, after: &Facts, standing: &Standing, at: Time) -> Course {
        let is_over = !after.state.is_open();
        let mut clocks = standing.clocks.clone();
        let mut timers = standing.armed.clone();
        timers.retain(|it| it.name != "step" && !is_over);
        if after.priority == forewarn_domain::family::Priority::P1 {
            clocks[0].due_at = Some(at + MINUTE);
            timers = vec![Timer { name: "repair.due".to_owned(), due_at: at + MINUTE }];
        }
        Course { clocks, timers, ..Course::default() }
    }

    fn fire(&self, ticket: &Facts, standing: &Standing, timer: &Timer, now: &Moment<'_>) -> Course {
        let rest = standing.armed.iter().filter(|it| it.name != timer.name).cloned().collect();
        let mut clocks = standing.clocks.clone();
        let mut command = None;
        if timer.name == "step" {
            assert_eq!(ticket.group.as_ref().unwrap().as_str(), "mechanics");
            command = Some(Command::Assign { to: "wu".to_owned() });
        } else {
            clocks[0].breached_at = Some(now.at);
        }
        Course {
            clocks,
            timers: rest,
            tell: vec!["wu".parse().unwrap()],
            what: Some(match timer.name == "step" {
                true => TicketEvent::Escalated,
                false => TicketEvent::Overdue,
            }),
            note: Localized::new("time is up", "时间到"),
            command,
            ..Course::default()
        }
    }
}

const HOUR: Span = Span::from_secs(3_600);
const MINUTE: Span = Span::from_secs(60);

/// The store with the toy, whose document is in it.
pub(crate) async fn with_toy(records: Records) -> Records {
    let records = records.with_handbook(Arc::new(|documents: &[Document]| {
        let newest = documents.last().ok_or("no document")?;
        if newest.toml == "bad" {
            return Err("toy: it is bad".to_owned());
        }
        Ok(Arc::new(Toy { version: newest.version }))
    }));
    let seed =
        Document { kind: "ticket_type".into(), id: "toy".into(), version: 1, toml: "first".into() };
    records.seed_documents(std::slice::from_ref(&seed), NOW).await.unwrap();
    records.seed_documents(&[Document { toml: "other".into(), ..seed }], NOW).await.unwrap();
    records
}

pub(crate) async fn a_ticket_opens_with_its_course_in_one_commit(records: Records) {
    let records = with_toy(records).await;
    let ticket = open_one(&records, "mill-01").await;
    let row = records.ticket(&ticket.to_string()).await.unwrap();
    let named = row.ticket_type.unwrap();
    assert_eq!((named.id.as_str(), named.version), ("toy", 1), "a seed never replaces");
    assert_eq!(row.group.unwrap().as_str(), "mechanics");
    let standing = records.standing(ticket).await.unwrap();
    assert_eq!(standing.clocks, [Toy::clock(NOW, ClockState::Running)]);
    let names: Vec<_> = standing.armed.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["step", "repair.due"]);
    assert_eq!(records.next_timer().await.unwrap(), Some(NOW + MINUTE));
    let due = records.due_messages("log", NOW, 10).await.unwrap();
    let messages = records.claim_messages(&[due[0].id], None, NOW, MINUTE).await.unwrap();
    assert_eq!(messages[0].facts.to, ["li".parse().unwrap()]);
    let again = records.commit(&opening("mill-01", 0)).await.unwrap();
    assert_eq!(again.unchanged, 1);
    assert_eq!(records.timers(ticket).await.unwrap().len(), 2, "nothing is armed twice");
}

pub(crate) async fn a_timer_fires_once_whoever_fires_it(records: Records) {
    let records = with_toy(records).await;
    let mut tickets = Vec::new();
    for number in 0..20 {
        tickets.push(open_one(&records, &format!("mill-{number}")).await);
    }
    assert!(records.fire_timers(NOW + Span::from_secs(59), 100).await.unwrap().is_empty());
    let late = NOW + MINUTE + Span::from_millis(400);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let records = records.clone();
        workers.spawn(async move {
            let mut fired = 0;
            for _ in 0..10 {
                fired += records.fire_timers(late, 3).await.unwrap().len();
            }
            fired
        });
    }
    let mut fired = 0;
    while let Some(count) = workers.join_next().await {
        fired += count.unwrap();
    }
    assert_eq!(fired, 20);
    for ticket in tickets {
        let row = records.ticket(&ticket.to_string()).await.unwrap();
        assert_eq!((row.state, row.owner.as_deref()), (TicketState::Assigned, Some("wu")));
        let words: Vec<String> =
            records.timeline(ticket).await.unwrap().into_iter().map(|it| it.what).collect();
        assert_eq!(words, ["opened", "escalated", "assign"]);
        let timers = records.timers(ticket).await.unwrap();
        let step = timers.iter().find(|it| it.name == "step").unwrap();
        assert_eq!((step.state.as_str(), step.late), ("fired", Some(Span::from_millis(400))));
    }
}

pub(crate) async fn an_ended_ticket_has_no_timer_left(records: Records) {
    let records = with_toy(records).await;
    let ticket = open_one(&records, "mill-01").await;
    records.act(&act(ticket, Command::FalseAlarm { reason: "test".into() })).await.unwrap();
    assert_eq!(records.next_timer().await.unwrap(), None);
    assert!(records.fire_timers(NOW + HOUR, 10).await.unwrap().is_empty());
    let timers = records.timers(ticket).await.unwrap();
    assert!(timers.iter().all(|it| it.state == "dropped"), "{timers:?}");
    records.act(&act(ticket, Command::Reopen { reason: "noise".into() })).await.unwrap();
    assert!(records.standing(ticket).await.unwrap().armed.is_empty());
}

pub(crate) async fn a_new_priority_moves_the_deadline(records: Records) {
    let records = with_toy(records).await;
    let ticket = open_one(&records, "mill-01").await;
    let urgent = TicketDraft {
        priority: forewarn_domain::family::Priority::P1,
        revision: 2,
        ..draft("mill-01", 0)
    };
    let later = NOW + Span::from_secs(10);
    let tickets = vec![TicketWrite::Amend(Box::new(urgent))];
    records.commit(&Commit { tickets, at: later, ..Commit::default() }).await.unwrap();
    let standing = records.standing(ticket).await.unwrap();
    assert_eq!(standing.clocks[0].due_at, Some(later + MINUTE));
    assert_eq!(standing.armed.len(), 1);
    let timers = records.timers(ticket).await.unwrap();
    let of = |state: &str| timers.iter().filter(|it| it.state == state).count();
    assert_eq!((of("dropped"), of("armed")), (2, 1));
    let due = timers.iter().filter(|it| it.name == "repair.due");
    assert_eq!(due.map(|it| it.generation).collect::<Vec<_>>(), [1, 2]);
}

pub(crate) async fn what_a_type_demands_is_demanded_until_it_is_shown(records: Records) {
    let records = with_toy(records).await;
    let ticket = open_one(&records, "mill-01").await;
    let finish =
        Command::Finish { cause: "bearing-outer-race".into(), note: "x".into(), part: None };
    for command in [Command::Accept {}, finish.clone()] {
        records.act(&act(ticket, command)).await.unwrap();
    }
    let verdict = forewarn_domain::ticket::Verdict::Confirmed;
    let refused = records.act(&act(ticket, Command::Close { verdict })).await;
    match refused {
        Err(RecordsError::Refused { command: "close", refusal: Refusal::Missing(all), .. }) => {
            assert_eq!(all.len(), 1);
        }
        other => panic!("{other:?}"),
    }
    let photo = Shown {
        at: NOW + MINUTE,
        actor: "li".into(),
        kind: EvidenceKind::Photo,
        body: "ab".repeat(32),
    };
    let shown = records.show_evidence("FW-2026-0001", &photo).await.unwrap();
    assert_eq!(records.shown(shown.id).await.unwrap(), std::slice::from_ref(&photo));
    let closed = records.act(&act(ticket, Command::Close { verdict })).await.unwrap();
    assert_eq!(closed.ticket.state, TicketState::Closed);
    let timeline = records.timeline(ticket).await.unwrap();
    assert!(timeline.last().unwrap().note.en.ends_with("by the book"), "{timeline:?}");
    let late = records.show_evidence("FW-2026-0001", &photo).await;
    assert!(matches!(late, Err(RecordsError::Ended { .. })), "{late:?}");
    let reopen = act(ticket, Command::Reopen { reason: "noise".into() });
    let reopen = forewarn_store::records::Act { at: NOW + HOUR, ..reopen };
    records.act(&reopen).await.unwrap();
    records.act(&act(ticket, finish)).await.unwrap();
    let refused = records.act(&act(ticket, Command::Close { verdict })).await;
    assert!(matches!(refused, Err(RecordsError::Refused { .. })), "an old photo shows nothing new");
}

pub(crate) async fn a_document_is_in_force_at_once_and_a_bad_one_never(records: Records) {
    let records = with_toy(records).await;
    let other_process = records.clone();
    let mut new = NewConfig {
        kind: "ticket_type".into(),
        id: "toy".into(),
        author: "li".into(),
        reason: "faster".into(),
        toml: "second".into(),
    };
    assert_eq!(records.change_document(&new, 1, NOW).await.unwrap(), 2);
    let stale = records.change_document(&new, 1, NOW).await;
    assert!(matches!(stale, Err(RecordsError::Overtaken { .. })), "{stale:?}");
    new.toml = "bad".into();
    match records.change_document(&new, 2, NOW).await {
        Err(RecordsError::Handbook { why }) => assert_eq!(why, "toy: it is bad"),
        other => panic!("{other:?}"),
    }
    let ticket = open_one(&other_process, "mill-01").await;
    let row = records.ticket(&ticket.to_string()).await.unwrap();
    assert_eq!(row.ticket_type.unwrap().version, 2);
    let versions: Vec<i64> =
        records.documents().await.unwrap().into_iter().map(|it| it.version).collect();
    assert_eq!(versions, [1, 2], "every version of a ticket type");
    let changes = records.changes_after(0, 10).await.unwrap();
    assert_eq!(
        (changes[0].kind.as_str(), changes[0].subject.as_str()),
        ("handbook.changed", "ticket_type/toy")
    );
}

pub(crate) async fn the_crew_is_counted_from_the_tickets(records: Records) {
    let records = with_toy(records).await;
    let first = open_one(&records, "mill-01").await;
    let photo = Shown { at: NOW, actor: "li".into(), kind: EvidenceKind::Photo, body: "x".into() };
    records.show_evidence(&first.to_string(), &photo).await.unwrap();
    let accept = act(first, Command::Accept {});
    let accept = forewarn_store::records::Act { at: NOW, ..accept };
    records.act(&accept).await.unwrap();
    let second = open_one(&records, "mill-02").await;
    records.act(&act(second, Command::Accept {})).await.unwrap();
    let crew = records.crew(NOW).await.unwrap();
    let li = "li".parse().unwrap();
    assert_eq!((crew.open[&li], crew.recent[&li]), (2, 2));
    assert!(crew.finished.is_empty());
    let finish = Command::Finish { cause: "x".into(), note: String::new(), part: None };
    records.act(&act(first, finish)).await.unwrap();
    let crew = records.crew(NOW + Span::from_secs(8 * 86_400)).await.unwrap();
    assert_eq!((crew.open[&li], crew.recent[&li]), (1, 0));
    let took = crew.finished.values().next().unwrap();
    assert_eq!(*took, (1, MINUTE), "accepted at once, done after a minute");
}
