//! `forewarn explain` on the data folder of a server that has ended: everything is derived again to
//! the same hash, and whichever fact is altered is named.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "retention/plant.rs"]
#[expect(dead_code, reason = "shared with the test of retention, which uses all of it")]
mod plant;
#[path = "retention/server.rs"]
#[expect(dead_code, reason = "shared with the test of retention, which uses all of it")]
mod server;

use std::fs;
use std::path::Path;
use std::process::Command;

use forewarn_domain::repair::{Activity, Outcome, RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::time::Span;
use forewarn_store::readings::{ClassRetention, RetentionPolicy};
use forewarn_store::records::{NewConfig, Records};
use forewarn_tests::own_program;
use forewarn_wire::broker;
use plant::{Told, day};
use rusqlite::Connection;
use serde_json::Value;
use server::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_derived_again_and_whichever_fact_is_altered_is_named() {
    let folder = tempfile::tempdir().unwrap();
    lived(folder.path()).await;
    let (code, whole) = explain(folder.path());
    assert_eq!((code, &whole["equal"]), (0, &true.into()), "{whole}");
    for part in PARTS {
        assert_eq!(whole[part], "equal", "{part}: {whole}");
    }
    assert_eq!(explain(folder.path()), (0, whole), "asking changes nothing");

    for (part, expected, alter) in ALTERATIONS {
        let copy = tempfile::tempdir().unwrap();
        copied(folder.path(), copy.path());
        alter(copy.path());
        let (code, told) = explain(copy.path());
        assert_eq!(told[part], expected, "{told}");
        assert_eq!(code, if expected == "different" { 4 } else { 3 }, "{told}");
        let others = PARTS.iter().filter(|it| **it != part);
        // Sentences and causes follow from the evidence, so they may differ with it.
        if part != "evidence" {
            for other in others {
                assert_eq!(told[*other], "equal", "{part} was altered, not {other}: {told}");
            }
        }
    }
}

const PARTS: [&str; 6] = ["evidence", "readings", "waveform", "repairs", "causes", "text"];

type Alter = fn(&Path);

const ALTERATIONS: [(&str, &str, Alter); 7] = [
    ("evidence", "different", |folder| {
        draft(folder, |it| it["evidence"]["quality"]["good"] = 1.into());
    }),
    ("text", "different", |folder| {
        draft(folder, |it| it["summary"]["headline"]["zh"] = "一切正常。".into());
    }),
    ("causes", "different", |folder| draft(folder, |it| it["causes"][0]["p"] = 0.01.into())),
    ("repairs", "different", |folder| {
        records(folder, "UPDATE repair SET words = 'nothing was done'");
    }),
    ("repairs", "not_stored", |folder| records(folder, "DELETE FROM repair")),
    ("readings", "different", |folder| {
        let sql = "DELETE FROM chunk WHERE (bucket, series) = (SELECT chunk.bucket, chunk.series
             FROM chunk, hold WHERE hold.series = chunk.series
               AND hold.t_from <= chunk.bucket * 600000000
               AND chunk.bucket * 600000000 < hold.t_to LIMIT 1)";
        assert_eq!(run(&folder.join("readings.db"), sql), 1, "one stretch of ten minutes");
    }),
    ("readings", "not_stored", |folder| {
        assert!(0 < run(&folder.join("readings.db"), "DELETE FROM chunk"));
    }),
];

/// A server that took a day, with one hot hour, and looked after its data on the day after.
async fn lived(folder: &Path) {
    let records = Records::open_file(&folder.join("records.db")).await.unwrap();
    for (kind, id, toml) in
        [("site", "site", plant::SITE_FILE), ("template", "node", plant::TEMPLATE)]
    {
        let (author, reason) = ("test".to_owned(), "first start".to_owned());
        let (kind, id, toml) = (kind.to_owned(), id.to_owned(), toml.to_owned());
        records.add_config(&NewConfig { kind, id, author, reason, toml }, day(0)).await.unwrap();
    }
    records.insert_repairs(&[cleaned()]).await.unwrap();
    records.close().await;

    let broker = broker::start("127.0.0.1:0".parse().unwrap()).unwrap().address.port();
    let spans = |days: i64| Span::from_secs(days * 86_400);
    let kept = ClassRetention { raw: spans(90), rollup: spans(900), waveform: spans(30) };
    let policy = RetentionPolicy::uniform(kept);
    let house = House { folder: folder.to_owned(), broker, policy, cap_bytes: 1 << 30 };
    let server = house.serve(day(1)).await;
    let mut told = Told::default();
    let batches = told.hours_of(day(0));
    server.hear(&told, &batches, || {}).await;
    server.stop().await;
    house.serve(day(2)).await.stop().await;
}

/// What was done to the same part before; the ticket cites it.
fn cleaned() -> RepairRecord {
    let (device, at) = ("mill-1".parse().unwrap(), day(-40));
    RepairRecord {
        id: RepairId::derive(&device, at, "cleaned"),
        at,
        device,
        component: "spindle".parse().unwrap(),
        activity: Activity::Service,
        part: None,
        text: "Cooling fan of the spindle cleaned, 12 K cooler.".to_owned(),
        language: Language::En,
        cause: Some("cooling-fan-blocked".to_owned()),
        outcome: Outcome::Solved,
        hours: Some(0.7),
        ticket: None,
        shape: None,
    }
}

fn explain(folder: &Path) -> (i32, Value) {
    let number = ticket_number(folder);
    let output = Command::new(own_program("forewarn"))
        .args(["explain", "--json", &number, "--db"])
        .arg(folder.join("records.db"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors, "", "{text}");
    (output.status.code().unwrap(), serde_json::from_str(&text).unwrap())
}

fn ticket_number(folder: &Path) -> String {
    let records = Connection::open(folder.join("records.db")).unwrap();
    records.query_row("SELECT number FROM ticket", [], |row| row.get(0)).unwrap()
}

/// Changes the stored ticket without its hashes, as somebody would who wants to be right.
fn draft(folder: &Path, change: impl Fn(&mut Value)) {
    let records = Connection::open(folder.join("records.db")).unwrap();
    let text: String = records.query_row("SELECT draft FROM ticket", [], |row| row.get(0)).unwrap();
    let mut draft: Value = serde_json::from_str(&text).unwrap();
    change(&mut draft);
    assert_ne!(draft.to_string(), text, "the alteration must alter something");
    let changed = records.execute("UPDATE ticket SET draft = ?1", [draft.to_string()]).unwrap();
    assert_eq!(changed, 1);
}

fn records(folder: &Path, sql: &str) {
    assert_eq!(run(&folder.join("records.db"), sql), 1, "{sql}");
}

fn run(file: &Path, sql: &str) -> usize {
    Connection::open(file).unwrap().execute(sql, []).unwrap()
}

fn copied(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
