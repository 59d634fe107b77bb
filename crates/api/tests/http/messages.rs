//! Message channels, messages and refusals as a client sees them.

use axum::http::StatusCode;
use forewarn_api::Access;
use forewarn_domain::time::Span;
use forewarn_store::records::Parcel;
use serde_json::{Value, json};

use crate::bench::{ACCOUNTS, Bench, NOW, TOKEN};

#[tokio::test]
async fn channels_are_listed_with_their_queue_and_can_be_tried() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let page = bench.get("/api/v1/message-channels").await.json(StatusCode::OK);
    let channel = &page["items"][0];
    let told = (&channel["id"], &channel["kind"], &channel["failing"], &channel["waiting"]);
    assert_eq!(told, (&json!("wecom-mechanics"), &json!("wecom"), &json!(false), &json!(0)));
    let health = bench.get("/api/v1/health").await.json(StatusCode::OK);
    assert_eq!(&health["message_channels"], &page["items"]);
    let path = "/api/v1/message-channels/wecom-mechanics/test";
    let tested = bench.post(path, &[], &json!({})).await.json(StatusCode::OK);
    assert_eq!(tested, json!({"delivered": true, "reason": null, "busy_until": null}));
    let answer = bench.post("/api/v1/message-channels/nobody/test", &[], &json!({})).await;
    assert_eq!(answer.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn a_message_that_was_given_up_is_seen_and_tried_again() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let later = NOW + Span::from_secs(86_400);
    let due = bench.records.due_messages("log", later, 10).await.unwrap();
    let parcel = Parcel::One(due[0].id);
    bench.records.message_dead(parcel, NOW, "no such group", None).await.unwrap();
    let path = "/api/v1/messages?ticket=FW-2026-0001&given_up=true";
    let page = bench.get(path).await.json(StatusCode::OK);
    let message = &page["items"][0];
    assert_eq!(
        (&message["state"], &message["last_error"]),
        (&json!("given_up"), &json!("no such group"))
    );
    assert_eq!((&message["event"], &message["number"]), (&json!("opened"), &json!("FW-2026-0001")));
    let retry = format!("/api/v1/messages/{}/retry", message["id"]);
    assert_eq!(bench.post(&retry, &[], &json!({})).await.status, StatusCode::NO_CONTENT);
    let page = bench.get("/api/v1/messages").await.json(StatusCode::OK);
    assert_eq!(page["items"][0]["state"], "waiting");
    let answer = bench.post(&retry, &[], &json!({})).await;
    assert_eq!(answer.problem(StatusCode::NOT_FOUND), "unknown");
    let answer = bench.get("/api/v1/messages?ticket=FW-2026-9999").await;
    assert_eq!(answer.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn sign_in_refusal_and_sign_out_are_in_the_audit_trail() {
    let bench = Bench::new(ACCOUNTS).await;
    assert_eq!(bench.get("/api/v1/tickets").await.status, StatusCode::UNAUTHORIZED);
    let first = |token: &str| {
        json!({"token": token, "name": "wang", "display_name": "王工",
        "password": "canary-horse-battery"})
    };
    let refused = bench.post("/api/v1/setup", &[], &first("canary-guess")).await;
    assert_eq!(refused.problem(StatusCode::UNAUTHORIZED), "wrong-token");
    let opened = bench.post("/api/v1/setup", &[], &first(TOKEN)).await;
    assert_eq!(opened.status, StatusCode::OK);
    for name in ["wang", "canary-typed-into-the-name"] {
        let wrong = json!({"name": name, "password": "canary"});
        let refused = bench.post("/api/v1/sessions", &[], &wrong).await;
        assert_eq!(refused.problem(StatusCode::UNAUTHORIZED), "wrong-password");
    }
    let rows = bench.records.audit_rows(0, 100).await.unwrap();
    let told: Vec<(&str, &str)> =
        rows.iter().map(|it| (it.action.as_str(), it.object.as_str())).collect();
    // The documents that the first start puts in force.
    let (seeds, told): (Vec<_>, Vec<_>) = told.into_iter().partition(|it| it.0 == "config.change");
    assert!(!seeds.is_empty());
    let expected = [
        ("setup_token.set", "setup"),
        ("denied", "GET /api/v1/tickets"),
        ("denied", "POST /api/v1/setup"),
        ("account.add", "wang"),
        ("session.open", "wang"),
        ("denied", "POST /api/v1/sessions"),
        ("denied", "POST /api/v1/sessions"),
    ];
    assert_eq!(told, expected);
    let denied = rows.iter().filter(|it| it.action == "denied");
    let details: Vec<Value> = denied.map(|it| serde_json::from_str(&it.detail).unwrap()).collect();
    let plain = json!({"status": 401, "address": "127.0.0.1"});
    let named = |name: &str| json!({"status": 401, "address": "127.0.0.1", "account": name});
    assert_eq!(details, [plain, named("setup"), named("wang"), named("")]);
    let all = format!("{rows:?}");
    assert!(!all.contains("canary") && !all.contains(TOKEN), "{all}");
}
