//! What a SQLite records file holds after the process died, whenever that was.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "records_contract/samples.rs"]
mod samples;

use std::path::Path;

use forewarn_store::records::{
    Commit, Committed, EpisodeFilter, Records, Snapshot, StateFilter, TicketFilter, TicketWrite,
};
use samples::{NOW, draft, episode};
use sqlx::{Connection, Executor};

fn opening(minute: i64) -> Commit {
    let draft = draft("mill-01", minute);
    let parts = vec![("mill-01".to_owned(), format!("after minute {minute}"))];
    Commit {
        episodes: vec![episode(&draft)],
        tickets: vec![TicketWrite::Open(Box::new(draft))],
        snapshot: Some(Snapshot { parts, ..Snapshot::default() }),
        at: NOW,
    }
}

/// Copies the file and its write-ahead log as a power cut would leave them.
fn cut_power(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = |path: &Path| path.with_file_name(format!("records.db{suffix}"));
        std::fs::copy(name(from), name(to)).unwrap();
    }
}

#[tokio::test]
async fn a_commit_that_returned_survives_and_is_recognised() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, copy) = (here.path().join("records.db"), there.path().join("records.db"));
    let records = Records::open_file(&path).await.unwrap();
    let committed = records.commit(&opening(0)).await.unwrap();
    cut_power(&path, &copy);

    let survivor = Records::open_file(&copy).await.unwrap();
    let ticket = survivor.ticket(&committed.opened[0].1).await.unwrap();
    assert_eq!(ticket.id, committed.opened[0].0);
    assert_eq!(survivor.timeline(ticket.id).await.unwrap().len(), 1);
    assert_eq!(survivor.outbox_counts().await.unwrap().waiting, 1);
    assert_eq!(survivor.load_snapshot().await.unwrap().unwrap().parts[0].1, "after minute 0");
    let again = survivor.commit(&opening(0)).await.unwrap();
    assert_eq!(again, Committed { unchanged: 1, ..Committed::default() });
}

#[tokio::test]
async fn a_commit_whose_last_write_fails_leaves_no_ticket_and_takes_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    let records = Records::open_file(&path).await.unwrap();
    let url = format!("sqlite://{}", path.display());
    let mut vandal = sqlx::AnyConnection::connect(&url).await.unwrap();
    vandal.execute("ALTER TABLE engine_state RENAME TO hidden").await.unwrap();
    records.commit(&opening(0)).await.unwrap_err();
    vandal.execute("ALTER TABLE hidden RENAME TO engine_state").await.unwrap();

    let all = TicketFilter { state: StateFilter::All, ..TicketFilter::default() };
    assert!(records.tickets(&all, None, 10).await.unwrap().is_empty());
    assert!(records.episodes(&EpisodeFilter::default(), None, 10).await.unwrap().is_empty());
    assert!(records.changes_after(0, 10).await.unwrap().is_empty());
    assert_eq!(records.outbox_counts().await.unwrap().waiting, 0);
    let committed = records.commit(&opening(0)).await.unwrap();
    assert_eq!(committed.opened[0].1, "FW-2026-0001");
}

#[tokio::test]
async fn the_index_refuses_a_second_open_ticket_whatever_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    let records = Records::open_file(&path).await.unwrap();
    records.commit(&opening(0)).await.unwrap();
    let url = format!("sqlite://{}", path.display());
    let mut vandal = sqlx::AnyConnection::connect(&url).await.unwrap();
    let twin = "INSERT INTO ticket SELECT 'twin', 'FW-1', episode, site, device, component,
        fault_family, kind, priority, 'assigned', owner, waiting_for, opened_at, onset_at,
        detected_at, updated_at, cleared_at, done_at, closed_at, confidence, headline_en,
        headline_zh, draft, finish, verdict, occurrences, revision FROM ticket";
    let refused = vandal.execute(twin).await.unwrap_err();
    assert!(refused.as_database_error().unwrap().is_unique_violation(), "{refused}");
}

#[tokio::test]
async fn an_address_of_another_kind_is_refused_with_the_remedy() {
    let refused = Records::open("mysql://server/forewarn").await.unwrap_err();
    assert!(refused.to_string().contains("write sqlite://<path> or postgres://"), "{refused}");
}
