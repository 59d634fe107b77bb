//! The guard alone, and the stage over a real store with the handbook that a new plant begins with.

use forewarn_domain::family::Priority;
use forewarn_domain::site::plant::Plant;
use forewarn_domain::ticket::TicketDraft;
use forewarn_store::records::{Commit, ReadHandbook, TicketWrite};
use forewarn_tickets::Handbook;

use super::*;

#[path = "../../../../../tests/plants/draft.rs"]
mod shared;

#[test]
fn a_clock_that_jumps_is_held_until_it_is_back_and_small_steps_are_followed() {
    let clock = Clock::manual(1_795_334_400_000_000);
    let mut guard = JumpGuard::new(&clock);
    let second = Duration::from_secs(1);
    for years in [-10_i64, -1, 1, 10] {
        let right = clock.now_us();
        clock.set_wall(right + years * 31_557_600_000_000);
        assert!(matches!(guard.look(&clock), Seen::Jumped { .. }), "{years} years");
        clock.advance(second);
        assert_eq!(guard.look(&clock), Seen::Held);
        clock.set_wall(right + 1_000_000);
        assert!(matches!(guard.look(&clock), Seen::Steady { .. }), "back again");
    }
    for step_s in [-29, 29, -20, 5] {
        clock.set_wall(clock.now_us() + step_s * 1_000_000);
        clock.advance(second);
        assert!(matches!(guard.look(&clock), Seen::Steady { .. }), "{step_s} s");
    }
}

/// Thursday, 2026-11-26, nine o'clock in Shanghai.
const NINE: Time = Time::from_micros(1_795_654_800_000_000);

fn plant() -> Plant {
    let site = r#"
        schema = "forewarn.site/1"
        site = { id = "plant", name = { en = "Plant" }, time_zone = "Asia/Shanghai" }
        [[device]]
        id = "mill-01"
        name = { en = "Mill 1", zh = "一号铣床" }
        class = "cnc-mill"
        area = "hall-1"
        criticality = "high"
        source = []
    "#;
    Plant::new(toml::from_str(site).expect("a site"), Vec::new()).expect("a plant")
}

fn draft(priority: Priority) -> TicketDraft {
    TicketDraft { priority, ..shared::draft("mill-01", NINE) }
}

async fn until(records: &Records, what: &str) -> Vec<String> {
    for _ in 0..400 {
        let ticket = records.ticket("FW-2026-0001").await.expect("it is there");
        let lines = records.timeline(ticket.id).await.expect("a timeline");
        if lines.iter().any(|it| it.what == what) {
            return lines.into_iter().map(|it| it.what).collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("`{what}` has not happened in twenty seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_nobody_takes_is_escalated_by_the_running_stage_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.db");
    let clock = Clock::manual(NINE.micros());
    let reader: ReadHandbook = Arc::new(Handbook::reader(Arc::new(plant())));
    let open = async || {
        let records = Records::open_file(&path).await.expect("a store");
        records.with_handbook(Arc::clone(&reader))
    };
    let start = |records: &Records, stop: &CancellationToken| {
        let stage = Timers {
            records: records.clone(),
            clock: clock.clone(),
            metrics: Arc::default(),
            health: Arc::default(),
        };
        stage.run(stop.clone())
    };
    let records = open().await;
    records.seed_documents(&forewarn_tickets::seeds(), NINE).await.expect("seeded");
    let tickets = vec![TicketWrite::Open(Box::new(draft(Priority::P1)))];
    records.commit(&Commit { tickets, at: NINE, ..Commit::default() }).await.expect("stored");
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(start(&records, &stop));
    clock.advance(Duration::from_secs(301));
    assert_eq!(until(&records, "escalated").await, ["opened", "escalated"]);
    let row = records.ticket("FW-2026-0001").await.expect("it is there");
    assert_eq!(row.group.expect("a group").as_str(), "electricians");
    stop.cancel();
    tasks.join_all().await;

    // The server was down when the warning, the dispatch and the deadline fell due.
    clock.advance(Duration::from_secs(900));
    let (records, stop) = (open().await, CancellationToken::new());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(start(&records, &stop));
    let lines = until(&records, "overdue").await;
    assert!(lines.contains(&"due_soon".to_owned()), "{lines:?}");
    assert!(lines.contains(&"assign".to_owned()), "{lines:?}");
    let row = records.ticket("FW-2026-0001").await.expect("it is there");
    assert_eq!(row.owner.as_deref(), Some("li-jun"));
    stop.cancel();
    tasks.join_all().await;
}
