//! When many tickets at once become one incident, and when it is over.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{Commit, Records, StateFilter, TicketFilter, TicketWrite};

use super::samples::{NOW, draft, episode};

/// Opens tickets for machines of their own, so many seconds after [`NOW`].
async fn open_many(records: &Records, machines: std::ops::Range<usize>, seconds: i64) {
    let drafts: Vec<_> = machines.map(|it| draft(&format!("mill-{it}"), 0)).collect();
    let commit = Commit {
        episodes: drafts.iter().map(episode).collect(),
        tickets: drafts.into_iter().map(|it| TicketWrite::Open(Box::new(it))).collect(),
        snapshot: None,
        at: after(seconds),
    };
    records.commit(&commit).await.unwrap();
}

fn after(seconds: i64) -> Time {
    NOW + Span::from_secs(seconds)
}

async fn tickets_of(records: &Records, incident: &str) -> usize {
    let filter = TicketFilter {
        state: StateFilter::All,
        incident: Some(incident.to_owned()),
        ..TicketFilter::default()
    };
    records.tickets(&filter, None, 2_000).await.unwrap().len()
}

pub(crate) async fn many_tickets_at_once_are_one_incident(records: Records) {
    open_many(&records, 0..10, 0).await;
    assert_eq!(records.incidents(None, 10).await.unwrap(), [], "ten in ten minutes are no flood");
    open_many(&records, 10..300, 5).await;
    let all = records.incidents(None, 10).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].number.as_str(), all[0].tickets), ("INC-2026-0001", 300));
    assert_eq!((all[0].began_at, all[0].newest_at), (NOW, after(5)));
    assert_eq!(tickets_of(&records, "INC-2026-0001").await, 300, "the first ten belong to it");
    assert_eq!(records.incident_devices("INC-2026-0001").await.unwrap().len(), 300);
    assert_eq!(records.incident("INC-2026-0001").await.unwrap().as_ref(), Some(&all[0]));
    assert_eq!(records.incident("INC-2026-0002").await.unwrap(), None);
}

pub(crate) async fn an_incident_is_over_when_it_is_calm_and_another_one_may_come(records: Records) {
    open_many(&records, 0..20, 0).await;
    let too_early = records.end_calm_incidents(after(599)).await.unwrap();
    assert_eq!(too_early, Vec::<String>::new());
    assert_eq!(records.end_calm_incidents(after(600)).await.unwrap(), ["INC-2026-0001"]);
    open_many(&records, 20..24, 700).await;
    let of = |it: &str| (it.to_owned(), 20);
    let told = |all: Vec<forewarn_store::records::Incident>| -> Vec<(String, i64)> {
        all.into_iter().map(|it| (it.number, it.tickets)).collect()
    };
    assert_eq!(told(records.incidents(None, 10).await.unwrap()), [of("INC-2026-0001")]);
    open_many(&records, 24..40, 1_000).await;
    // Calm again, though nobody looked: the next ticket ends it and belongs to none.
    open_many(&records, 40..41, 5_000).await;
    let all = records.incidents(None, 10).await.unwrap();
    assert!(all.iter().all(|it| it.ended_at.is_some()), "{all:?}");
    assert_eq!(told(all), [of("INC-2026-0002"), of("INC-2026-0001")]);
    assert_eq!(tickets_of(&records, "INC-2026-0002").await, 20, "with the four before");
}
