//! Two processes fire the timers of one store and are killed again and again: each timer fires once.
//!
//! The children are this very program. SQLite always; PostgreSQL where `FOREWARN_POSTGRES_URL` names
//! one. `FOREWARN_TIMERS` sets how many timers there are (200 without it).
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at the first surprise")]

#[path = "records_contract/samples.rs"]
mod samples;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forewarn_domain::ticket::TicketEvent;
use forewarn_domain::ticket::course::{
    Asked, Course, Document, Facts, Moment, Permit, Process, Refusal, Standing, Timer,
};
use forewarn_domain::time::{Span, Time};
use forewarn_lifecycle::Clock;
use forewarn_store::records::{Commit, Records, TicketFilter, TicketWrite};
use samples::{draft, episode};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// Twenty timers of a ticket fall due one after the other; each writes one line.
#[derive(Debug)]
struct Ticking;

impl Process for Ticking {
    fn open(&self, _: &Facts, at: Time) -> Course {
        let timer = |number: i64| Timer {
            name: format!("tick-{number}"),
            due_at: at + Span::from_millis(1_000 + 150 * number),
        };
        Course { timers: (0..EACH).map(timer).collect(), ..Course::default() }
    }

    fn permit(&self, _: &Asked<'_>) -> Result<Permit, Refusal> {
        Ok(Permit::default())
    }

    fn follow(&self, _: &Facts, _: &Facts, standing: &Standing, _: Time) -> Course {
        Course { timers: standing.armed.clone(), ..Course::default() }
    }

    fn fire(&self, _: &Facts, standing: &Standing, timer: &Timer, _: &Moment<'_>) -> Course {
        let timers = standing.armed.iter().filter(|it| it.name != timer.name).cloned().collect();
        Course { timers, what: Some(TicketEvent::Escalated), ..Course::default() }
    }
}

async fn open(url: &str) -> Records {
    let records = Records::open(url).await.unwrap();
    records.with_handbook(Arc::new(|_: &[Document]| Ok(Arc::new(Ticking))))
}

fn now(clock: &Clock) -> Time {
    Time::from_micros(clock.now_us())
}

/// What a child does: fire, look, fire.
async fn work(url: &str) {
    let (records, clock) = (open(url).await, Clock::system());
    loop {
        // A killed neighbour may hold the file for a moment; the next round finds it free.
        match records.fire_timers(now(&clock), 7).await {
            Ok(fired) if fired.len() == 7 => {}
            Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => {
                eprintln!("a round failed: {error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn child(url: &str, test: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("FOREWARN_TIMER_CHILD", url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills two workers every few hundred milliseconds until nothing is armed; then counts.
async fn kill_and_count(url: &str, test: &str) {
    if let Ok(url) = std::env::var("FOREWARN_TIMER_CHILD") {
        return work(&url).await;
    }
    let count: i64 =
        std::env::var("FOREWARN_TIMERS").ok().and_then(|it| it.parse().ok()).unwrap_or(200);
    let (records, clock) = (open(url).await, Clock::system());
    let seed = Document {
        kind: "ticket_type".into(),
        id: "ticking".into(),
        version: 1,
        toml: String::new(),
    };
    records.seed_documents(&[seed], now(&clock)).await.unwrap();
    let begun = Instant::now();
    for number in 0..count / EACH {
        let draft = Box::new(draft(&format!("mill-{number}"), 0));
        let (episodes, at) = (vec![episode(&draft)], now(&clock));
        let tickets = vec![TicketWrite::Open(draft)];
        let commit = Commit { tickets, episodes, snapshot: None, at };
        records.commit(&commit).await.unwrap();
    }
    let (mut workers, mut kills, mut lives) = ([child(url, test), child(url, test)], 0_u64, 2);
    while let Some(_due) = records.next_timer().await.unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(600), "timers are left after ten minutes");
        tokio::time::sleep(Duration::from_millis(137 + 61 * (kills % 7))).await;
        let victim = usize::try_from(kills % 2).unwrap();
        workers[victim].kill().unwrap();
        workers[victim].wait().unwrap();
        workers[victim] = child(url, test);
        (kills, lives) = (kills + 1, lives + 1);
    }
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let (mut fired, mut latest) = (0, Span::ZERO);
    let tickets = records.tickets(&TicketFilter::default(), None, count).await.unwrap();
    for ticket in tickets {
        let timers = records.timers(ticket.id).await.unwrap();
        assert!(timers.iter().all(|it| it.state == "fired" && it.generation == 1), "{timers:?}");
        let lines = records.timeline(ticket.id).await.unwrap();
        let told = lines.iter().filter(|it| it.what == "escalated").count();
        assert_eq!(told, timers.len(), "each timer wrote one line");
        fired += timers.len();
        latest = timers.iter().filter_map(|it| it.late).max().unwrap_or(latest).max(latest);
    }
    assert_eq!(i64::try_from(fired).unwrap(), count);
    eprintln!("{fired} timers fired once; {kills} kills, {lives} lives, latest {latest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_fire_once_while_their_workers_are_killed_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("records.db").display());
    kill_and_count(&url, "timers_fire_once_while_their_workers_are_killed_on_sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_fire_once_while_their_workers_are_killed_on_postgres() {
    let test = "timers_fire_once_while_their_workers_are_killed_on_postgres";
    if std::env::var("FOREWARN_TIMER_CHILD").is_ok() {
        return kill_and_count("", test).await;
    }
    let Ok(url) = std::env::var("FOREWARN_POSTGRES_URL") else {
        let required = std::env::var("FOREWARN_REQUIRE").unwrap_or_default();
        assert!(!required.contains("peers"), "FOREWARN_POSTGRES_URL names no PostgreSQL");
        eprintln!("SKIPPED {test}: needs FOREWARN_POSTGRES_URL");
        return;
    };
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    for sql in ["DROP SCHEMA IF EXISTS timers_crash CASCADE", "CREATE SCHEMA timers_crash"] {
        connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    kill_and_count(&format!("{url}{joint}options[search_path]=timers_crash"), test).await;
}

/// Timers of a ticket.
const EACH: i64 = 20;
