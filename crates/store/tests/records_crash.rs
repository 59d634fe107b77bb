//! What a SQLite records file holds after the process died, whenever that was.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "records_contract/samples.rs"]
mod samples;

use std::path::Path;

use forewarn_store::records::audit::chain::{Fault, Verifier};
use forewarn_store::records::audit::seal::{Checkpoint, Sealer};
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
        headline_zh, draft, finish, verdict, occurrences, revision, source, ticket_type,
        type_version, owner_group, shelved_until, accepted_at, incident FROM ticket";
    let refused = vandal.execute(twin).await.unwrap_err();
    assert!(refused.as_database_error().unwrap().is_unique_violation(), "{refused}");
}

#[tokio::test]
async fn a_row_of_the_audit_trail_that_somebody_changes_in_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    let records = Records::open_file(&path).await.unwrap();
    let sealer = Sealer::open(&folder.path().join("audit.key")).unwrap();
    for minute in 0..5 {
        records.commit(&opening(minute)).await.unwrap();
    }
    let (seq, hash) = records.audit_head().await.unwrap().unwrap();
    let kept = sealer.seal(seq, hash, NOW);
    records.put_checkpoint(&kept).await.unwrap();
    let key = sealer.public_key();
    let fault = async |checkpoints: Vec<Checkpoint>| {
        let mut verifier = Verifier::new(checkpoints, Some(&key));
        let rows = records.audit_rows(0, 1_000).await.unwrap();
        rows.iter().for_each(|it| verifier.push(it));
        verifier.finish().fault
    };
    assert_eq!(fault(records.checkpoints().await.unwrap()).await, None);
    let url = format!("sqlite://{}", path.display());
    let mut vandal = sqlx::AnyConnection::connect(&url).await.unwrap();
    let mut change = async |sql: &'static str| {
        vandal.execute(sql).await.unwrap();
    };
    change("UPDATE audit SET actor = 'wang' WHERE seq = 3").await;
    let found = fault(records.checkpoints().await.unwrap()).await;
    assert_eq!(found, Some(Fault::Altered { seq: 3 }));
    change("UPDATE audit SET actor = 'forewarn' WHERE seq = 3").await;
    assert_eq!(fault(records.checkpoints().await.unwrap()).await, None, "it is as it was");
    change("UPDATE timeline SET actor = 'wang' WHERE revision = 1").await;
    let rows = records.audit_rows(0, 1_000).await.unwrap();
    assert!(!records.history_agrees(&rows[0]).await.unwrap(), "the history was edited");
    change("UPDATE timeline SET actor = 'forewarn' WHERE revision = 1").await;
    assert!(records.history_agrees(&rows[0]).await.unwrap());
    // The end goes, together with the checkpoint in the database: the copy in the file knows better.
    change("DELETE FROM audit WHERE seq > 3").await;
    change("DELETE FROM audit_checkpoint").await;
    assert_eq!(fault(records.checkpoints().await.unwrap()).await, None, "nothing shows it here");
    let found = fault(vec![kept]).await;
    assert_eq!(found, Some(Fault::CutOff { last: 3, sealed: seq }));
    // And what is written from then on leaves a gap, since the numbers go on.
    records.commit(&opening(90)).await.unwrap();
    assert_eq!(fault(Vec::new()).await, Some(Fault::Missing { seq: 4 }));
}

#[tokio::test]
async fn an_address_of_another_kind_is_refused_with_the_remedy() {
    let refused = Records::open("mysql://server/forewarn").await.unwrap_err();
    assert!(refused.to_string().contains("write sqlite://<path> or postgres://"), "{refused}");
}
