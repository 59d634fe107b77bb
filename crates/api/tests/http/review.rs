//! The process engineer's bench as a client sees it: a word on anomalies, rules, runs, proposals.

use axum::http::StatusCode;
use forewarn_api::Access;
use forewarn_store::records::{Role, Sites};
use serde_json::{Value, json};

use super::bench::{ACCOUNTS, Bench};

#[tokio::test]
async fn a_rejected_anomaly_leaves_the_queue_ends_its_ticket_and_comes_back_by_an_undo() {
    let mut bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let queue = "/api/v1/anomalies?standing=open";
    let page = bench.get(queue).await.json(StatusCode::OK);
    let anomaly = &page["items"][0];
    let id = anomaly["episode"].as_str().unwrap();
    assert_eq!((&anomaly["origin"], &anomaly["ticket"]), (&json!("live"), &json!("FW-2026-0001")));
    assert_eq!(anomaly["device_name"]["zh"], "一号铣床");
    assert_eq!(anomaly["parts"][0]["rule"], "spindle-bearing");
    assert_eq!(anomaly["sisters"][0]["channel"], "mill-02/plc/load");

    let path = "/api/v1/anomalies/labels";
    let reject = json!({"anomalies": [id], "judgement": "rejected", "reason": "normal_state"});
    let said = bench.post(path, &[], &reject).await.json(StatusCode::OK);
    let label = said["labels"][0].clone();
    assert_eq!((&label["author"], &label["reason"]), (&json!("demo-lead"), &json!("normal_state")));
    assert_eq!(label["at"], "2026-11-22T08:00:00.000Z");
    assert_eq!(bench.inputs.try_recv().unwrap().kind, "ticket_dropped");
    assert_eq!(bench.get(queue).await.json(StatusCode::OK)["items"], json!([]));
    let one = bench.get(&format!("/api/v1/anomalies/{id}")).await.json(StatusCode::OK);
    assert_eq!(
        (&one["standing"], &one["ticket_state"]),
        (&json!("rejected"), &json!("false_alarm"))
    );
    let kept = bench.get("/api/v1/labels").await.json(StatusCode::OK);
    assert_eq!(kept["items"], json!([label]));

    let undo = json!({"labels": [label["number"]]});
    bench.post("/api/v1/labels/undo", &[], &undo).await.json(StatusCode::OK);
    let page = bench.get(queue).await.json(StatusCode::OK);
    assert_eq!(page["items"][0]["ticket_state"], "in_progress");
}

#[tokio::test]
async fn a_word_that_says_too_little_is_refused_and_nothing_is_kept() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let page = bench.get("/api/v1/anomalies").await.json(StatusCode::OK);
    let id = &page["items"][0]["episode"];
    let path = "/api/v1/anomalies/labels";
    for body in [
        json!({"anomalies": [id], "judgement": "rejected"}),
        json!({"anomalies": [id], "judgement": "merged"}),
        json!({"anomalies": [id], "judgement": "confirmed", "into": id}),
        json!({"anomalies": [], "judgement": "confirmed"}),
        json!({"anomalies": ["x"], "judgement": "confirmed"}),
    ] {
        let refused = bench.post(path, &[], &body).await;
        assert_eq!(refused.problem(StatusCode::BAD_REQUEST), "bad-parameter", "{body}");
    }
    let nobody = "00000000-0000-0000-0000-000000000000";
    let unknown = json!({"anomalies": [id, nobody], "judgement": "confirmed"});
    let unknown = bench.post(path, &[], &unknown).await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
    assert_eq!(bench.get("/api/v1/labels").await.json(StatusCode::OK)["items"], json!([]));
}

#[tokio::test]
async fn a_marked_stretch_names_its_channel_and_an_unknown_one_is_refused() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let mut mark = json!({"channel": "mill-01/plc/load", "since": "2026-11-20T06:00:00Z",
        "until": "2026-11-20T07:00:00Z", "judgement": "confirmed", "fault_family": "bearing",
        "note": "noise heard"});
    let label = bench.post("/api/v1/labels", &[], &mark).await.json(StatusCode::OK);
    assert_eq!((&label["family"], &label["episode"]), (&json!("bearing"), &Value::Null));
    mark["until"] = json!("2026-11-20T05:00:00Z");
    let backwards = bench.post("/api/v1/labels", &[], &mark).await;
    assert_eq!(backwards.problem(StatusCode::BAD_REQUEST), "bad-parameter");
    mark["until"] = json!("2026-11-20T07:00:00Z");
    mark["channel"] = json!("mill-01/plc/nothing");
    let unknown = bench.post("/api/v1/labels", &[], &mark).await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn rules_are_checked_with_a_place_and_change_only_from_the_version_that_was_seen() {
    let mut bench = Bench::new(Access::LoopbackDemo).await;
    bench.seed_rules("version = 1\n").await;
    let checked = json!({"toml": "version = 1\nbroken = 2\n"});
    let checked = bench.post("/api/v1/rules/check", &[], &checked).await.json(StatusCode::OK);
    assert_eq!(
        (&checked["problems"][0]["line"], &checked["problems"][0]["rule"]),
        (&json!(2), &json!("hot"))
    );
    let path = "/api/v1/rules/versions";
    let change = |toml: &str, reason: &str, base: i64| json!({"toml": toml, "reason": reason, "base_version": base});
    let broken = bench.post(path, &[], &change("broken = 2\n", "try", 1)).await;
    assert_eq!(broken.problem(StatusCode::UNPROCESSABLE_ENTITY), "bad-rules");
    let mute = bench.post(path, &[], &change("version = 2\n", " ", 1)).await;
    assert_eq!(mute.problem(StatusCode::BAD_REQUEST), "bad-parameter");
    let changed = bench.post(path, &[], &change("version = 2\n", "quieter", 1)).await;
    let changed = changed.json(StatusCode::OK);
    assert_eq!((&changed["version"], &changed["author"]), (&json!(2), &json!("demo-lead")));
    assert_eq!(bench.inputs.try_recv().unwrap().kind, "rules_changed");
    let overtaken = bench.post(path, &[], &change("version = 3\n", "louder", 1)).await;
    assert_eq!(overtaken.problem(StatusCode::CONFLICT), "overtaken");
    let rules = bench.get("/api/v1/rules").await.json(StatusCode::OK);
    assert_eq!(
        (&rules["version"]["version"], &rules["toml"]),
        (&json!(2), &json!("version = 2\n"))
    );
    let versions = bench.get(path).await.json(StatusCode::OK);
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    let first = bench.get("/api/v1/rules/versions/1").await.json(StatusCode::OK);
    assert_eq!(first["toml"], "version = 1\n");
    let none = bench.get("/api/v1/rules/versions/9").await;
    assert_eq!(none.problem(StatusCode::NOT_FOUND), "unknown");
}

fn report(lost: usize) -> Value {
    let time = "2026-11-20T06:00:00Z";
    let finding = json!({"id": "e", "device": "mill-01", "component": "spindle-front",
        "fault_family": "bearing", "rule": "hot", "channel": "mill-01/plc/load", "state": "cut",
        "onset": time, "confirmed": time, "judgement": "confirmed"});
    let side =
        json!({"version": 1, "found": 1, "per_week": 1.0, "precision": null, "recall": null});
    json!({"since": time, "until": time, "learned_from": time, "readings": 1, "bursts": 0,
        "devices": ["mill-01"], "changed_rules": ["hot"], "base": side, "candidate": side,
        "gone": [], "new": [], "kept": [], "lost": vec![finding; lost],
        "judged": {"confirmed": 1, "confirmed_in_base": 1, "confirmed_in_candidate": 0,
            "rejected": 0, "rejected_in_base": 0, "rejected_in_candidate": 0},
        "recorded": 0, "reproduced": 0})
}

#[tokio::test]
async fn a_proposal_is_approved_only_after_its_run_and_not_over_a_lost_fault_unseen() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.seed_rules("version = 1\n").await;
    let asked = json!({"toml": "version = 2\n", "days": 7});
    let asked = bench.post("/api/v1/backtests", &[], &asked).await.json(StatusCode::ACCEPTED);
    assert_eq!((&asked["state"], &asked["report"]), (&json!("queued"), &Value::Null));
    let number = bench.propose("version = 2\n", asked["number"].as_i64().unwrap()).await;
    let path = format!("/api/v1/proposals/{number}/decision");
    let approve = json!({"decision": "approve"});
    let early = bench.post(&path, &[], &approve).await;
    assert_eq!(early.problem(StatusCode::CONFLICT), "not-ready");
    bench.end_trial(&report(1)).await;
    let shown = bench.get("/api/v1/proposals").await.json(StatusCode::OK);
    assert_eq!(shown["items"][0]["backtest"]["report"]["lost"][0]["device"], "mill-01");
    let harmful = bench.post(&path, &[], &approve).await;
    assert_eq!(harmful.problem(StatusCode::CONFLICT), "not-ready");
    let meant = json!({"decision": "approve", "with_losses": true});
    let approved = bench.post(&path, &[], &meant).await.json(StatusCode::OK);
    assert_eq!((&approved["state"], &approved["version"]), (&json!("approved"), &json!(2)));
    let twice = bench.post(&path, &[], &meant).await;
    assert_eq!(twice.problem(StatusCode::CONFLICT), "overtaken");
}

#[tokio::test]
async fn a_run_is_limited_in_days_and_can_be_cancelled() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.seed_rules("version = 1\n").await;
    for days in [0, 36] {
        let long = json!({"toml": "version = 2\n", "days": days});
        let long = bench.post("/api/v1/backtests", &[], &long).await;
        assert_eq!(long.problem(StatusCode::BAD_REQUEST), "bad-parameter");
    }
    let asked = json!({"toml": "version = 2\n", "days": 1, "purpose": "shadow"});
    let asked = bench.post("/api/v1/backtests", &[], &asked).await.json(StatusCode::ACCEPTED);
    let path = format!("/api/v1/backtests/{}/cancel", asked["number"]);
    let cancelled = bench.post(&path, &[], &json!({})).await.json(StatusCode::OK);
    assert_eq!(cancelled["state"], "cancelled");
    let listed = bench.get("/api/v1/backtests").await.json(StatusCode::OK);
    assert_eq!(listed["items"][0]["purpose"], "shadow");
}

#[tokio::test]
async fn nobody_says_anything_without_signing_in() {
    let bench = Bench::new(ACCOUNTS).await;
    let cookie = bench.sign_in("wang", Role::ProcessEngineer, Sites::All).await;
    bench.seed_rules("version = 1\n").await;
    let path = "/api/v1/rules/versions";
    let change = json!({"toml": "version = 2\n", "reason": "quieter", "base_version": 1});
    let stranger = bench.post(path, &[], &change).await;
    assert_eq!(stranger.problem(StatusCode::UNAUTHORIZED), "not-signed-in");
    let known = bench.post(path, &[("cookie", &cookie)], &change).await.json(StatusCode::OK);
    assert_eq!(known["author"], "wang");
}
