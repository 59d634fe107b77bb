//! What every records store promises, run on SQLite and, where one is at hand, on PostgreSQL.
//!
//! PostgreSQL is used when `FOREWARN_POSTGRES_URL` names a database; each test then works in a
//! schema of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "records_contract/accounts.rs"]
mod accounts;
#[path = "records_contract/audit.rs"]
mod audit;
#[path = "records_contract/bench.rs"]
mod bench;
#[path = "records_contract/messages.rs"]
mod messages;
#[path = "records_contract/course.rs"]
mod course;
#[path = "records_contract/samples.rs"]
mod samples;
#[path = "records_contract/stops.rs"]
mod stops;
#[path = "records_contract/storms.rs"]
mod storms;

use std::collections::BTreeSet;

use accounts::{
    a_key_counts_until_it_expires_or_is_revoked, a_new_password_and_a_wish_end_sessions,
    a_session_counts_while_its_account_does,
    a_store_within_sites_finds_lists_and_changes_nothing_else, the_last_admin_of_all_sites_stays,
    the_setup_token_makes_one_admin_in_its_time,
};
use audit::{everything_that_people_do_is_in_the_trail, parallel_writers_make_one_chain};
use bench::{
    a_bulk_is_all_or_nothing_and_feeds_the_rules_scores,
    a_confirmed_shadow_anomaly_opens_the_ticket_that_it_would_have_opened,
    a_marked_stretch_is_kept_with_who_and_when,
    a_proposal_is_decided_once_and_other_rules_outdate_it,
    a_rejected_anomaly_ends_its_ticket_and_an_undo_takes_it_up_again,
    a_run_is_taken_once_reports_once_and_can_be_cancelled, bursts_are_kept_once_and_found_by_time,
    rules_change_only_from_the_version_that_was_seen,
};
use course::{
    a_document_is_in_force_at_once_and_a_bad_one_never, a_new_priority_moves_the_deadline,
    a_ticket_opens_with_its_course_in_one_commit, a_timer_fires_once_whoever_fires_it,
    an_ended_ticket_has_no_timer_left, the_crew_is_counted_from_the_tickets,
    what_a_type_demands_is_demanded_until_it_is_shown,
};
use forewarn_domain::quality::Quality;
use forewarn_domain::quantity::Axis;
use forewarn_domain::reading::{Epoch, Stream, StreamKey};
use forewarn_domain::repair::{Activity, Outcome};
use forewarn_domain::text::{Language, Localized};
use forewarn_domain::ticket::{Command, TicketId, TicketState, Verdict};
use forewarn_domain::time::{Span, Time};
use forewarn_domain::waveform::{Sha256, WaveformHeader};
use forewarn_store::records::{
    Act, Commit, EpisodeFilter, NewConfig, Notice, PageKey, Records, RecordsError, RequestKey,
    Snapshot, StateFilter, TicketFilter, TicketWrite, WaveformQuery,
};
use messages::{
    a_digest_stays_together_until_it_is_taken_apart, a_notice_is_written_once,
    a_stand_in_gets_what_was_given_up_and_only_once, messages_are_leased_retried_and_given_up,
    what_a_message_says_stays_as_it_was,
};
use samples::{NOW, at, draft, episode};
use sqlx::{AssertSqlSafe, Connection, Executor};
use stops::{a_stop_ends_once_by_a_person_or_by_its_time, what_is_found_in_a_stop_is_noted_once};
use storms::{
    an_incident_is_over_when_it_is_calm_and_another_one_may_come,
    many_tickets_at_once_are_one_incident,
};
use tokio::task::JoinSet;

macro_rules! contract {
    ($($name:ident,)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("records store?.db");
                super::$name(super::Records::open_file(&path).await.unwrap()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(records) = super::postgres(stringify!($name)).await {
                    super::$name(records).await;
                }
            })+
        }
    };
}

contract!(
    a_hundred_parallel_creators_of_one_trouble_make_one_ticket,
    a_commit_that_is_made_again_changes_nothing,
    an_amendment_replaces_what_is_known_and_never_state_or_owner,
    an_ended_ticket_stays_as_it_was_and_new_trouble_opens_another,
    a_cleared_signal_is_noted_until_it_raises_its_head_again,
    the_straight_line_leaves_a_repair_and_a_notice_to_the_engine,
    a_command_that_the_table_refuses_changes_nothing,
    a_person_who_saw_an_older_revision_is_refused,
    a_repeated_request_is_carried_out_once,
    a_duplicate_names_another_ticket_that_exists,
    pages_neither_repeat_nor_skip_while_tickets_open,
    lists_are_filtered_and_searched_literally,
    messages_are_leased_retried_and_given_up,
    what_a_message_says_stays_as_it_was,
    a_digest_stays_together_until_it_is_taken_apart,
    a_stand_in_gets_what_was_given_up_and_only_once,
    a_notice_is_written_once,
    changes_are_numbered_in_order_and_wake_who_waits,
    the_engine_finds_its_state_cursors_and_inputs_again,
    a_waveform_is_held_even_when_the_hold_comes_first,
    repairs_are_taken_over_once,
    configuration_grows_by_versions,
    the_setup_token_makes_one_admin_in_its_time,
    a_session_counts_while_its_account_does,
    a_new_password_and_a_wish_end_sessions,
    the_last_admin_of_all_sites_stays,
    a_key_counts_until_it_expires_or_is_revoked,
    a_store_within_sites_finds_lists_and_changes_nothing_else,
    pruning_drops_only_what_is_old,
    a_rejected_anomaly_ends_its_ticket_and_an_undo_takes_it_up_again,
    a_confirmed_shadow_anomaly_opens_the_ticket_that_it_would_have_opened,
    a_bulk_is_all_or_nothing_and_feeds_the_rules_scores,
    a_marked_stretch_is_kept_with_who_and_when,
    a_run_is_taken_once_reports_once_and_can_be_cancelled,
    rules_change_only_from_the_version_that_was_seen,
    a_proposal_is_decided_once_and_other_rules_outdate_it,
    bursts_are_kept_once_and_found_by_time,
    everything_that_people_do_is_in_the_trail,
    parallel_writers_make_one_chain,
    a_ticket_opens_with_its_course_in_one_commit,
    a_timer_fires_once_whoever_fires_it,
    an_ended_ticket_has_no_timer_left,
    a_new_priority_moves_the_deadline,
    what_a_type_demands_is_demanded_until_it_is_shown,
    a_document_is_in_force_at_once_and_a_bad_one_never,
    the_crew_is_counted_from_the_tickets,
    many_tickets_at_once_are_one_incident,
    an_incident_is_over_when_it_is_calm_and_another_one_may_come,
    a_stop_ends_once_by_a_person_or_by_its_time,
    what_is_found_in_a_stop_is_noted_once,
);

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
async fn postgres(schema: &str) -> Option<Records> {
    let Ok(url) = std::env::var("FOREWARN_POSTGRES_URL") else {
        let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
        assert!(!required.contains("peers"), "FOREWARN_POSTGRES_URL names no PostgreSQL");
        eprintln!("SKIPPED {schema}: needs FOREWARN_POSTGRES_URL");
        return None;
    };
    sqlx::any::install_default_drivers();
    // PostgreSQL cuts names after 63 bytes.
    let schema = &schema[..schema.len().min(60)];
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    for sql in
        [format!("DROP SCHEMA IF EXISTS {schema} CASCADE"), format!("CREATE SCHEMA {schema}")]
    {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{joint}options[search_path]={schema}");
    Some(Records::open(&url).await.unwrap())
}

fn opening(device: &str, minute: i64) -> Commit {
    let draft = draft(device, minute);
    Commit {
        episodes: vec![episode(&draft)],
        tickets: vec![TicketWrite::Open(Box::new(draft))],
        snapshot: None,
        at: NOW,
    }
}

fn act(ticket: TicketId, command: Command) -> Act {
    let (ticket, actor) = (ticket.to_string(), "li".to_owned());
    Act { ticket, command, actor, at: NOW + Span::from_secs(60), if_revision: None, request: None }
}

async fn open_one(records: &Records, device: &str) -> TicketId {
    let committed = records.commit(&opening(device, 0)).await.unwrap();
    committed.opened[0].0
}

async fn close(records: &Records, ticket: TicketId, note: &str) {
    let finish =
        Command::Finish { cause: "bearing-outer-race".into(), note: note.into(), part: None };
    for command in [Command::Accept {}, finish, Command::Close { verdict: Verdict::Confirmed }] {
        records.act(&act(ticket, command)).await.unwrap();
    }
}

async fn a_hundred_parallel_creators_of_one_trouble_make_one_ticket(records: Records) {
    let mut creators = JoinSet::new();
    for minute in 0..100 {
        let records = records.clone();
        creators.spawn(async move { records.commit(&opening("mill-01", minute)).await });
    }
    let (mut opened, mut joined) = (0, 0);
    while let Some(committed) = creators.join_next().await {
        let committed = committed.unwrap().unwrap();
        opened += committed.opened.len();
        joined += committed.joined.len();
    }
    assert_eq!((opened, joined), (1, 99));
    let tickets = records.tickets(&TicketFilter::default(), None, 10).await.unwrap();
    assert_eq!(tickets.len(), 1);
    assert_eq!((tickets[0].occurrences, tickets[0].revision), (100, 100));
    assert_eq!(tickets[0].number, "FW-2026-0001");
    let timeline = records.timeline(tickets[0].id).await.unwrap();
    assert_eq!(timeline.len(), 100);
    assert_eq!(timeline.iter().filter(|it| it.what == "recurred").count(), 99);
    let other = records.commit(&opening("mill-02", 0)).await.unwrap();
    assert_eq!(other.opened[0].1, "FW-2026-0002", "joining uses no number up");
}

async fn a_commit_that_is_made_again_changes_nothing(records: Records) {
    let mut first = opening("mill-01", 0);
    let second = draft("mill-01", 9);
    first.tickets.push(TicketWrite::Open(Box::new(second.clone())));
    let amended = forewarn_domain::ticket::TicketDraft { revision: 2, ..second };
    first.tickets.push(TicketWrite::Amend(Box::new(amended.clone())));
    first.tickets.push(TicketWrite::EpisodeCleared { episode: amended.episode, at: at(20) });
    let committed = records.commit(&first).await.unwrap();
    let counts = (committed.opened.len(), committed.joined.len(), committed.amended.len());
    assert_eq!(counts, (1, 1, 1));
    let ticket = committed.opened[0].0;
    let before = (
        records.ticket(&ticket.to_string()).await.unwrap(),
        records.timeline(ticket).await.unwrap(),
        records.changes_after(0, 100).await.unwrap(),
        records.outbox_counts().await.unwrap(),
    );
    let again = records.commit(&Commit { at: NOW + Span::from_secs(9), ..first }).await.unwrap();
    assert_eq!(again.unchanged, 4);
    assert!(again.opened.is_empty() && again.joined.is_empty() && again.amended.is_empty());
    let after = (
        records.ticket(&ticket.to_string()).await.unwrap(),
        records.timeline(ticket).await.unwrap(),
        records.changes_after(0, 100).await.unwrap(),
        records.outbox_counts().await.unwrap(),
    );
    assert_eq!(before, after);
}

async fn an_amendment_replaces_what_is_known_and_never_state_or_owner(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    records.act(&act(ticket, Command::Accept {})).await.unwrap();
    let mut amended = draft("mill-01", 0);
    amended.revision = 2;
    amended.confidence = 0.9;
    amended.summary.headline = Localized::new("outer race, surely", "外圈");
    let write = TicketWrite::Amend(Box::new(amended.clone()));
    let commit = Commit { tickets: vec![write], at: NOW, ..Commit::default() };
    assert_eq!(records.commit(&commit).await.unwrap().amended, [ticket]);
    let row = records.ticket("FW-2026-0001").await.unwrap();
    assert_eq!((row.state, row.owner.as_deref()), (TicketState::Accepted, Some("li")));
    assert_eq!((row.confidence, row.revision), (0.9, 3));
    assert_eq!(row.headline.en, "outer race, surely");
    assert_eq!(records.ticket_draft(ticket).await.unwrap(), amended);
    let words: Vec<String> =
        records.timeline(ticket).await.unwrap().into_iter().map(|it| it.what).collect();
    assert_eq!(words, ["opened", "accept", "amended"]);
}

async fn an_ended_ticket_stays_as_it_was_and_new_trouble_opens_another(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    close(&records, ticket, "").await;
    let closed = records.ticket(&ticket.to_string()).await.unwrap();
    let mut late = draft("mill-01", 0);
    late.revision = 7;
    let cleared = TicketWrite::EpisodeCleared { episode: late.episode, at: at(60) };
    let tickets = vec![TicketWrite::Amend(Box::new(late)), cleared];
    let commit = Commit { tickets, at: NOW, ..Commit::default() };
    assert_eq!(records.commit(&commit).await.unwrap().unchanged, 2);
    assert_eq!(records.ticket(&ticket.to_string()).await.unwrap(), closed);

    let next = records.commit(&opening("mill-01", 500)).await.unwrap();
    assert_eq!(next.opened[0].1, "FW-2026-0002");
    let reopen = act(ticket, Command::Reopen { reason: "noise".into() });
    match records.act(&reopen).await {
        Err(RecordsError::TwinOpen { number }) => assert_eq!(number, "FW-2026-0002"),
        other => panic!("{other:?}"),
    }
}

async fn a_cleared_signal_is_noted_until_it_raises_its_head_again(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    let mut stretch = episode(&draft("mill-01", 0));
    let cleared = TicketWrite::EpisodeCleared { episode: stretch.id, at: at(30) };
    let commit = Commit { tickets: vec![cleared], at: NOW, ..Commit::default() };
    records.commit(&commit).await.unwrap();
    let row = records.ticket(&ticket.to_string()).await.unwrap();
    assert_eq!((row.cleared_at, row.state), (Some(at(30)), TicketState::ToAssign));
    stretch.updated = at(40);
    stretch.recurrences = 1;
    let commit = Commit { episodes: vec![stretch.clone()], at: NOW, ..Commit::default() };
    records.commit(&commit).await.unwrap();
    assert_eq!(records.ticket(&ticket.to_string()).await.unwrap().cleared_at, None);
    stretch.updated = at(1);
    stretch.recurrences = 0;
    let older = Commit { episodes: vec![stretch], at: NOW, ..Commit::default() };
    records.commit(&older).await.unwrap();
    let rows = records.episodes(&EpisodeFilter::default(), None, 10).await.unwrap();
    assert_eq!(rows[0].episode.recurrences, 1, "an older self does not win");
    assert_eq!(rows[0].number.as_deref(), Some("FW-2026-0001"));
}

async fn the_straight_line_leaves_a_repair_and_a_notice_to_the_engine(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    let part = Some("6205-2RS".to_owned());
    let note = "更换前轴承".to_owned();
    for command in [
        Command::Accept {},
        Command::Start {},
        Command::Finish { cause: "bearing-outer-race".into(), note, part },
    ] {
        let acted = records.act(&act(ticket, command)).await.unwrap();
        assert_eq!(acted.input, None);
    }
    let close = act(ticket, Command::Close { verdict: Verdict::Confirmed });
    let acted = records.act(&close).await.unwrap();
    assert_eq!(acted.ticket.state, TicketState::Closed);
    let input = acted.input.unwrap();
    assert_eq!((input.number, input.kind.as_str()), (1, "ticket_closed"));
    let repairs = records.repairs_all().await.unwrap();
    assert_eq!(repairs.len(), 1);
    assert_eq!(repairs[0].text, "更换前轴承");
    assert_eq!(
        (repairs[0].language, repairs[0].activity, repairs[0].outcome),
        (Language::Zh, Activity::Replace, Outcome::Solved)
    );
    assert_eq!(repairs[0].ticket.as_deref(), Some("FW-2026-0001"));
    match serde_json::from_str::<Notice>(&input.body).unwrap() {
        Notice::TicketClosed { repair, verdict, .. } => {
            assert_eq!((&repair, verdict), (&repairs[0], Verdict::Confirmed));
        }
        other => panic!("{other:?}"),
    }
    let reopened = act(ticket, Command::Reopen { reason: "noise again".into() });
    let reopened = records.act(&reopened).await.unwrap();
    assert_eq!(reopened.input.unwrap().kind, "ticket_reopened");
    assert_eq!(reopened.ticket.verdict, None);
}

async fn a_command_that_the_table_refuses_changes_nothing(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    let before = records.ticket(&ticket.to_string()).await.unwrap();
    let refused = records.act(&act(ticket, Command::Verify {})).await;
    assert!(matches!(refused, Err(RecordsError::Illegal(_))), "{refused:?}");
    assert_eq!(records.ticket(&ticket.to_string()).await.unwrap(), before);
    let unknown = Act { ticket: "FW-2026-9999".into(), ..act(ticket, Command::Accept {}) };
    let refused = records.act(&unknown).await;
    assert!(matches!(refused, Err(RecordsError::UnknownTicket { .. })), "{refused:?}");
}

async fn a_person_who_saw_an_older_revision_is_refused(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    let seen = Act { if_revision: Some(1), ..act(ticket, Command::Accept {}) };
    records.act(&seen).await.unwrap();
    let late = Act { if_revision: Some(1), ..act(ticket, Command::Start {}) };
    match records.act(&late).await {
        Err(RecordsError::Stale { expected: 1, found: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
}

async fn a_repeated_request_is_carried_out_once(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    let request = RequestKey {
        account: "li".into(),
        route: "/tickets/1/commands".into(),
        key: "k-1".into(),
        body_sha256: "aa".into(),
    };
    let accept = Act { request: Some(request.clone()), ..act(ticket, Command::Accept {}) };
    assert!(!records.act(&accept).await.unwrap().is_repeat);
    let again = records.act(&accept).await.unwrap();
    assert!(again.is_repeat);
    assert_eq!(again.ticket.revision, 2);
    let other = RequestKey { body_sha256: "bb".into(), ..request };
    let reused = Act { request: Some(other), ..act(ticket, Command::Start {}) };
    let refused = records.act(&reused).await;
    assert!(matches!(refused, Err(RecordsError::KeyReused { .. })), "{refused:?}");
}

async fn a_duplicate_names_another_ticket_that_exists(records: Records) {
    let one = open_one(&records, "mill-01").await;
    let other = open_one(&records, "mill-02").await;
    for of in ["FW-2026-0077", "FW-2026-0001"] {
        let refused = records.act(&act(one, Command::Duplicate { of: of.into() })).await;
        assert!(matches!(refused, Err(RecordsError::UnknownTicket { .. })), "{of}: {refused:?}");
    }
    let acted = records.act(&act(one, Command::Duplicate { of: other.to_string() })).await.unwrap();
    assert_eq!(acted.ticket.state, TicketState::Duplicate);
    assert_eq!(acted.input.unwrap().kind, "ticket_dropped");
}

async fn pages_neither_repeat_nor_skip_while_tickets_open(records: Records) {
    for number in 0..25_i64 {
        let mut commit = opening(&format!("mill-{number:02}"), 0);
        commit.at = NOW + Span::from_secs(number / 3);
        records.commit(&commit).await.unwrap();
    }
    let filter = TicketFilter { state: StateFilter::All, ..TicketFilter::default() };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = records.tickets(&filter, after.as_ref(), 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(PageKey { at: last.opened_at, id: last.id.to_string() });
        seen.extend(page.into_iter().map(|it| it.number));
        let mut newer = opening(&format!("saw-{:02}", seen.len()), 0);
        newer.at = NOW + Span::from_secs(900);
        records.commit(&newer).await.unwrap();
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 25);
}

async fn lists_are_filtered_and_searched_literally(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    open_one(&records, "mill-02").await;
    close(&records, ticket, "").await;
    let count =
        async |filter: TicketFilter| records.tickets(&filter, None, 10).await.unwrap().len();
    let all = TicketFilter { state: StateFilter::All, ..TicketFilter::default() };
    assert_eq!(count(all.clone()).await, 2);
    assert_eq!(count(TicketFilter::default()).await, 1);
    assert_eq!(count(TicketFilter { state: StateFilter::Closed, ..all.clone() }).await, 1);
    let device = "mill-02".parse().ok();
    assert_eq!(count(TicketFilter { device, ..all.clone() }).await, 1);
    for (text, found) in [("fw-2026-0002", 1), ("BEARING", 2), ("轴承", 2), ("%", 0), ("_", 0)] {
        let filter = TicketFilter { text: Some(text.into()), ..all.clone() };
        assert_eq!(count(filter).await, found, "{text}");
    }
    let counts = records.open_counts().await.unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!(counts.values().next().unwrap().open, 1);
    assert_eq!(records.opened_since(NOW).await.unwrap(), 2);
}

async fn changes_are_numbered_in_order_and_wake_who_waits(records: Records) {
    let mut changes = records.changes();
    let ticket = open_one(&records, "mill-01").await;
    changes.changed().await.unwrap();
    assert_eq!(*changes.borrow_and_update(), 1);
    records.act(&act(ticket, Command::Accept {})).await.unwrap();
    let logged = records.changes_after(0, 10).await.unwrap();
    let told: Vec<_> = logged.iter().map(|it| (it.seq, it.kind.as_str())).collect();
    assert_eq!(told, [(1, "ticket.opened"), (2, "ticket.changed")]);
    assert_eq!(
        (logged[1].subject.as_str(), logged[1].device.as_str()),
        (ticket.to_string().as_str(), "mill-01")
    );
    assert_eq!(records.changes_after(1, 10).await.unwrap().len(), 1);
}

async fn the_engine_finds_its_state_cursors_and_inputs_again(records: Records) {
    assert_eq!(records.load_snapshot().await.unwrap(), None);
    let key =
        StreamKey { agent: "edge-1".parse().unwrap(), epoch: Epoch(7), stream: Stream::NORMAL };
    let save = async |parts: &[(&str, &str)], next_seq, inputs_applied| {
        let parts = parts.iter().map(|(part, body)| ((*part).into(), (*body).into())).collect();
        let cursors = vec![(key.clone(), next_seq)];
        let snapshot = Some(Snapshot { parts, cursors, inputs_applied });
        records.commit(&Commit { snapshot, at: NOW, ..Commit::default() }).await.unwrap();
    };
    save(&[("mill-01", "{1}"), ("mill-02", "{1}")], 10, 0).await;
    let silent = records.append_input("agent_silent", "{}", NOW).await.unwrap();
    assert_eq!((silent.number, silent.applies_after), (1, None));
    save(&[("mill-01", "{2}"), ("mill-02", "")], 20, 1).await;
    records.append_input("agent_silent", "{}", NOW).await.unwrap();
    let snapshot = records.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.parts, [("mill-01".to_owned(), "{2}".to_owned())]);
    assert_eq!((snapshot.cursors, snapshot.inputs_applied), (vec![(key.clone(), 20)], 1));
    let inputs = records.inputs_after(0, 10).await.unwrap();
    assert_eq!(inputs[0].applies_after, Some(vec![(key.clone(), 10)]));
    assert_eq!(inputs[1].applies_after, None);
}

/// A waveform, told apart by a number.
fn header(number: u8) -> WaveformHeader {
    WaveformHeader {
        channel: "mill-01/spindle/acc".parse().unwrap(),
        t0: at(i64::from(number)),
        rate_hz: 6_400.0,
        axes: vec![Axis::Z],
        samples: 4,
        scale_g: 0.001,
        rpm: Some(1_790.0),
        state: "cut".parse().unwrap(),
        quality: Quality::Good,
        sha256: Sha256([number; 32]),
    }
}

async fn a_waveform_is_held_even_when_the_hold_comes_first(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    let (held, free) = (header(1), header(2));
    records.hold_waveform(held.sha256, ticket, NOW + Span::from_secs(100)).await.unwrap();
    for (index, header) in [&held, &free].into_iter().enumerate() {
        let id = uuid::Uuid::from_u128(u128::try_from(index).unwrap());
        assert!(records.insert_waveform(id, header, NOW).await.unwrap());
        assert!(!records.insert_waveform(id, header, NOW).await.unwrap());
    }
    let row = records.waveform(held.sha256).await.unwrap().unwrap();
    assert_eq!((row.header, row.held_until), (held.clone(), Some(NOW + Span::from_secs(100))));
    let query = WaveformQuery { channel: held.channel.clone(), from: at(0), to: NOW, limit: 10 };
    assert_eq!(records.waveforms(&query).await.unwrap().len(), 2);
    assert_eq!(records.waveform_channels().await.unwrap(), std::slice::from_ref(&free.channel));
    let expired = records.expired_waveforms(&free.channel, NOW, NOW, 10).await.unwrap();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].header.sha256, free.sha256);
    assert!(!records.shares_samples(&expired[0]).await.unwrap());
    let twin = WaveformHeader { t0: NOW, ..free.clone() };
    records.insert_waveform(uuid::Uuid::from_u128(7), &twin, NOW).await.unwrap();
    assert!(records.shares_samples(&expired[0]).await.unwrap());
    records.forget_waveform(expired[0].id).await.unwrap();
    assert_eq!(records.waveform(free.sha256).await.unwrap().unwrap().header, twin);
    records.forget_waveform(uuid::Uuid::from_u128(7)).await.unwrap();
    assert_eq!(records.waveform(free.sha256).await.unwrap(), None);
}

async fn repairs_are_taken_over_once(records: Records) {
    let ticket = open_one(&records, "mill-01").await;
    close(&records, ticket, "greased").await;
    let known = records.repairs_all().await.unwrap();
    assert_eq!(records.insert_repairs(&known).await.unwrap(), 0);
    let mut other = known[0].clone();
    other.id = forewarn_domain::repair::RepairId::derive(&other.device, at(1), "noise");
    other.hours = Some(2.5);
    let input = records.record_repair(&other, NOW, ("li", None)).await.unwrap().unwrap();
    assert_eq!(input.kind, "repair_recorded");
    assert_eq!(records.record_repair(&other, NOW, ("li", None)).await.unwrap(), None);
    let found = records.repairs(&["mill-01".parse().unwrap()]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&other));
    assert!(records.repairs(&["mill-02".parse().unwrap()]).await.unwrap().is_empty());
}

async fn configuration_grows_by_versions(records: Records) {
    let mut config = NewConfig {
        kind: "rules".into(),
        id: "default".into(),
        author: "li".into(),
        reason: "first".into(),
        toml: "a = 1".into(),
    };
    assert_eq!(records.add_config(&config, NOW).await.unwrap(), 1);
    assert_eq!(records.add_config(&config, NOW).await.unwrap(), 1, "the same text");
    config.toml = "a = 2".into();
    assert_eq!(records.add_config(&config, NOW).await.unwrap(), 2);
    let newest = records.config("rules", "default").await.unwrap().unwrap();
    assert_eq!((newest.version, &newest.config), (2, &config));
    assert_eq!(records.config_versions("rules", "default").await.unwrap().len(), 2);
    assert_eq!(records.config("rules", "other").await.unwrap(), None);
}

async fn pruning_drops_only_what_is_old(records: Records) {
    open_one(&records, "mill-01").await;
    records.prune(NOW + Span::from_secs(3_600)).await.unwrap();
    assert_eq!(records.changes_after(0, 10).await.unwrap().len(), 1);
    records.prune(NOW + Span::from_secs(30 * 86_400)).await.unwrap();
    assert!(records.changes_after(0, 10).await.unwrap().is_empty());
    assert_eq!(records.outbox_counts().await.unwrap().waiting, 1, "what is not sent stays");
    assert_eq!(*records.changes().borrow(), 1, "numbers are never used again");
    assert_eq!(Time::default().micros(), 0);
}
