//! Planned stops as a client plans, sees and ends them.

use axum::http::StatusCode;
use forewarn_api::Access;
use serde_json::json;

use crate::bench::Bench;

#[tokio::test]
async fn a_stop_is_planned_listed_and_ended_and_the_engine_is_told_each_time() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let plan =
        json!({"devices": ["mill-01"], "until": "2026-11-22T12:00:00Z", "reason": "new belt"});
    let made = bench.post("/api/v1/planned-stops", &[], &plan).await.json(StatusCode::CREATED);
    assert_eq!(made["number"], "STOP-2026-0001");
    assert_eq!((&made["devices"], &made["set_aside"]), (&json!(["mill-01"]), &json!(0)));
    assert_eq!(made["from"], "2026-11-22T08:00:00.000Z", "now, since nothing else was said");
    let again = bench.post("/api/v1/planned-stops", &[], &plan).await.json(StatusCode::OK);
    assert_eq!(again["number"], made["number"], "the same once more is the same stop");

    let list = bench.get("/api/v1/planned-stops?over=false").await.json(StatusCode::OK);
    assert_eq!(list["items"][0]["number"], made["number"]);
    let end = "/api/v1/planned-stops/STOP-2026-0001/end";
    let ended = bench.post(end, &[], &json!({})).await.json(StatusCode::OK);
    assert_eq!(ended["ended_at"], "2026-11-22T08:00:00.000Z");
    let twice = bench.post(end, &[], &json!({})).await.json(StatusCode::OK);
    assert_eq!(twice, ended, "what is over stays as it is");
    let list = bench.get("/api/v1/planned-stops?over=false").await.json(StatusCode::OK);
    assert_eq!(list["items"], json!([]));

    let inputs = bench.records.inputs_after(0, 10).await.unwrap();
    let kinds: Vec<_> = inputs.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["stop_planned", "stop_ended"]);
}

#[tokio::test]
async fn a_stop_of_a_line_names_its_machines() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let devices = bench.get("/api/v1/devices").await.json(StatusCode::OK);
    let first = &devices["items"][0];
    let line = first["production_line"].as_str().unwrap();
    let plan =
        json!({"production_line": line, "until": "2026-11-23T08:00:00Z", "reason": "holiday"});
    let made = bench.post("/api/v1/planned-stops", &[], &plan).await.json(StatusCode::CREATED);
    assert!(made["devices"].as_array().unwrap().contains(&first["id"]), "{made}");
}

#[tokio::test]
async fn what_cannot_be_a_stop_is_refused_with_the_remedy() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let refuse = async |plan: serde_json::Value, status: StatusCode, words: &str| {
        let answer = bench.post("/api/v1/planned-stops", &[], &plan).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
    };
    let (bad, gone) = (StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND);
    let until = "2026-11-22T12:00:00Z";
    refuse(
        json!({"devices": ["mill-01"], "until": "2026-11-22T07:00:00Z", "reason": "x"}),
        bad,
        "after `from`",
    )
    .await;
    refuse(
        json!({"devices": ["mill-01"], "until": "2027-11-22T07:00:00Z", "reason": "x"}),
        bad,
        "60 days",
    )
    .await;
    refuse(json!({"devices": ["mill-01"], "until": until, "reason": "  "}), bad, "1 to 500").await;
    refuse(json!({"until": until, "reason": "x"}), bad, "production_line").await;
    refuse(json!({"area": "nowhere", "until": until, "reason": "x"}), bad, "that has some").await;
    refuse(json!({"devices": ["mill-42"], "until": until, "reason": "x"}), gone, "mill-42").await;
    let answer = bench.get("/api/v1/planned-stops/STOP-2026-0042").await;
    assert_eq!(answer.problem(gone), "unknown");
}
