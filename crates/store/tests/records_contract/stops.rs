//! Planned stops: each ends once, and what is found in one is noted once.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use forewarn_domain::anomaly::{Anomaly, Finding};
use forewarn_domain::family::{FaultFamily, Severity};
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{Commit, NewStop, Records, Sites, TicketWrite};

use super::samples::{NOW, at, draft};

fn hours(count: i64) -> Time {
    NOW + Span::from_secs(3_600 * count)
}

fn stop(from: i64, until: i64) -> NewStop {
    NewStop {
        site: "plant".parse().unwrap(),
        devices: vec!["mill-01".parse().unwrap(), "mill-02".parse().unwrap()],
        from: hours(from),
        until: hours(until),
        reason: "new belt".to_owned(),
    }
}

async fn kinds(records: &Records) -> Vec<String> {
    records.inputs_after(0, 100).await.unwrap().into_iter().map(|it| it.kind).collect()
}

pub(crate) async fn a_stop_ends_once_by_a_person_or_by_its_time(records: Records) {
    let (first, _) = records.plan_stop(&stop(0, 4), "li.wei", NOW).await.unwrap();
    let (second, _) = records.plan_stop(&stop(1, 2), "li.wei", NOW).await.unwrap();
    let numbers = (first.stop.number.as_str(), second.stop.number.as_str());
    assert_eq!(numbers, ("STOP-2026-0001", "STOP-2026-0002"));
    assert_eq!(records.end_outlived_stops(hours(1)).await.unwrap(), Vec::<String>::new());
    assert_eq!(records.end_outlived_stops(hours(2)).await.unwrap(), ["STOP-2026-0002"]);
    assert_eq!(records.end_outlived_stops(hours(2)).await.unwrap(), Vec::<String>::new());
    assert!(records.end_stop("STOP-2026-0001", "wu.tao", hours(3)).await.unwrap().is_some());
    assert!(records.end_stop("STOP-2026-0001", "wu.tao", hours(3)).await.unwrap().is_none());
    assert_eq!(records.end_outlived_stops(hours(9)).await.unwrap(), Vec::<String>::new());
    assert_eq!(kinds(&records).await, ["stop_planned", "stop_planned", "stop_ended", "stop_ended"]);
    let all = records.stops(None, None, 10).await.unwrap();
    let ended: Vec<_> = all.iter().map(|it| (it.ended_at, it.ended_by.as_deref())).collect();
    assert_eq!(ended, [(Some(hours(2)), Some("forewarn")), (Some(hours(3)), Some("wu.tao"))]);
    assert_eq!(records.stops(Some(false), None, 10).await.unwrap(), []);
    let elsewhere = records.within(Sites::Only(["annex".parse().unwrap()].into()));
    assert_eq!(elsewhere.stop("STOP-2026-0001").await.unwrap(), None);
    let (third, _) = records.plan_stop(&stop(5, 6), "li.wei", hours(4)).await.unwrap();
    assert!(elsewhere.end_stop(&third.stop.number, "x", hours(5)).await.unwrap().is_none());
}

pub(crate) async fn what_is_found_in_a_stop_is_noted_once(records: Records) {
    let (planned, _) = records.plan_stop(&stop(0, 4), "li.wei", NOW).await.unwrap();
    let number = planned.stop.number;
    let draft = draft("mill-01", 0);
    let anomaly = |minute| Anomaly {
        rule: draft.rule.clone(),
        device: draft.key.device.clone(),
        component: draft.key.component.clone(),
        family: FaultFamily::Bearing,
        channel: "mill-01/plc/load".parse().unwrap(),
        onset: at(minute),
        confirmed: at(minute),
        state: "cut".parse().unwrap(),
        severity: Severity::Warning,
        finding: Finding::Limit { value: 91.0, limit: 85.0, above: true },
        signals: Vec::new(),
    };
    let aside =
        |minute| TicketWrite::SetAside { stop: number.clone(), anomaly: Box::new(anomaly(minute)) };
    // A kill between two saves of the cursor makes the same decision again.
    for _ in 0..2 {
        let tickets = vec![aside(1), aside(2)];
        records.commit(&Commit { tickets, at: NOW, ..Commit::default() }).await.unwrap();
    }
    assert_eq!(records.stop(&number).await.unwrap().unwrap().set_aside, 2);
    let found = records.found_in_stop(&number, 10).await.unwrap();
    let times: Vec<_> = found.iter().map(|it| (it.found_at, it.rule.as_str())).collect();
    assert_eq!(times, [(at(2), "spindle-bearing"), (at(1), "spindle-bearing")]);
}
