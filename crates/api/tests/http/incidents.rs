//! Storms as a client sees them.

use axum::http::StatusCode;
use forewarn_api::Access;
use serde_json::json;

use crate::bench::Bench;

#[tokio::test]
async fn a_storm_is_listed_with_its_tickets_behind_it() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    for number in 0..10 {
        bench.open_ticket(&format!("press-{number}"), 0).await;
    }
    let calm = bench.get("/api/v1/incidents").await.json(StatusCode::OK);
    assert_eq!(calm["items"], json!([]));
    for number in 10..12 {
        bench.open_ticket(&format!("press-{number}"), 0).await;
    }
    let page = bench.get("/api/v1/incidents").await.json(StatusCode::OK);
    let storm = &page["items"][0];
    assert_eq!((&storm["number"], &storm["tickets"]), (&json!("INC-2026-0001"), &json!(12)));
    assert_eq!((&storm["devices"], &storm["ended_at"]), (&json!(12), &json!(null)));
    let one = bench.get("/api/v1/incidents/INC-2026-0001").await.json(StatusCode::OK);
    assert_eq!(&one, storm);
    let rows = bench.get("/api/v1/tickets?incident=INC-2026-0001&limit=200").await;
    let rows = rows.json(StatusCode::OK);
    assert_eq!(rows["items"].as_array().unwrap().len(), 12);
    assert_eq!(rows["items"][0]["incident"], "INC-2026-0001");
    let answer = bench.get("/api/v1/incidents/INC-2026-0009").await;
    assert_eq!(answer.problem(StatusCode::NOT_FOUND), "unknown");
}
