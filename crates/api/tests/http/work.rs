//! The course of tickets as a client sees it: clocks, calls, evidence, and the handbook's texts.

use axum::http::StatusCode;
use forewarn_api::Access;
use forewarn_store::records::{Role, Sites};
use serde_json::{Value, json};

use crate::bench::{ACCOUNTS, Bench};

async fn document(bench: &Bench, kind: &str, id: &str) -> Value {
    let all = bench.get(&format!("/api/v1/handbook/{kind}/{id}")).await.json(StatusCode::OK);
    all["items"][0].clone()
}

#[tokio::test]
async fn a_ticket_shows_its_clocks_with_their_counting_and_who_is_called_next() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    // Sunday, 16:00 in Shanghai: day work begins on Monday at eight.
    bench.open_ticket("mill-01", 0).await;
    let ticket = bench.get("/api/v1/tickets/FW-2026-0001").await.json(StatusCode::OK);
    let course = &ticket["course"];
    assert_eq!(course["ticket_type"]["id"], "predictive");
    assert_eq!(course["group"]["name"], json!({"en": "mechanics", "zh": "机修班"}));
    let respond = &course["clocks"][0];
    assert_eq!(
        (&respond["kind"], &respond["state"], &respond["due_at"]),
        (&json!("respond"), &json!("running"), &json!("2026-11-23T02:00:00.000Z"))
    );
    assert_eq!(respond["calendar"]["name"]["zh"], "白班");
    assert_eq!(respond["trace"][0]["en"], "Sun 11-22: no work, not counted");
    assert_eq!(respond["trace"][1]["zh"], "11-23 周一 08:00–10:00，计 2 小时");
    let first = &course["calls"][0];
    assert_eq!(
        (&first["at"], &first["what"]),
        (&json!("2026-11-22T08:05:00.000Z"), &json!("escalated"))
    );
    assert_eq!(first["people"][0], json!({"id": "zhou-min", "name": "周敏"}));
    assert!(first["note"]["zh"].as_str().unwrap().contains("无人接单"), "{first}");
    let accepted = bench.command("FW-2026-0001", 1, json!({"command": "accept"})).await;
    let accepted = accepted.json(StatusCode::OK);
    assert_ne!(accepted["course"]["calls"][0]["what"], "escalated", "accepting ends the call");
}

#[tokio::test]
async fn who_could_go_is_ranked_with_the_parts_of_each_score() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let page = bench.get("/api/v1/tickets/FW-2026-0001/candidates").await.json(StatusCode::OK);
    let names: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["person"]["id"].as_str().unwrap())
        .collect();
    // On a Sunday afternoon one mechanic is on duty; groups without a rota always are.
    assert_eq!(names[0], "li-jun");
    assert!(!names.contains(&"wang-lei") && !names.contains(&"zhao-gang"), "{names:?}");
    assert_eq!(page["items"][0]["skill"], 1.0);
    let unknown = bench.get("/api/v1/tickets/FW-2026-0042/candidates").await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn a_lead_changes_a_type_and_the_next_ticket_has_it_while_the_open_one_keeps_its_own() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let kind = document(&bench, "ticket_type", "predictive").await;
    let toml = kind["toml"]
        .as_str()
        .unwrap()
        .replace("finish = [\"cause\"]", "finish = [\"cause\", \"photo\"]");
    let path = "/api/v1/handbook/ticket_type/predictive";
    let body = json!({"toml": toml, "reason": "photos from now on", "base_version": 1});
    let changed = bench.post(path, &[], &body).await.json(StatusCode::OK);
    assert_eq!((&changed["version"], &changed["author"]), (&json!(2), &json!("demo-lead")));
    let stale = bench.post(path, &[], &body).await;
    assert_eq!(stale.problem(StatusCode::CONFLICT), "overtaken");
    bench.open_ticket("mill-02", 0).await;
    let finish = json!({"command": "finish", "cause": "bearing-outer-race"});
    for number in ["FW-2026-0001", "FW-2026-0002"] {
        bench.command(number, 1, json!({"command": "accept"})).await.json(StatusCode::OK);
    }
    bench.command("FW-2026-0001", 2, finish.clone()).await.json(StatusCode::OK);
    let refused = bench.command("FW-2026-0002", 2, finish.clone()).await;
    let missing = refused.json(StatusCode::UNPROCESSABLE_ENTITY)["missing"].clone();
    assert_eq!(missing, json!([{"command": "finish", "evidence": "photo"}]));
    let open = bench.get("/api/v1/tickets/FW-2026-0002").await.json(StatusCode::OK);
    assert_eq!(open["course"]["ticket_type"]["version"], 2);
    assert!(open["course"]["missing"].as_array().unwrap().contains(&missing[0]));
    let path = "/api/v1/tickets/FW-2026-0002/evidence";
    let bad = bench.post(path, &[], &json!({"kind": "photo", "body": "me.jpg"})).await;
    assert_eq!(bad.problem(StatusCode::BAD_REQUEST), "bad-parameter");
    let photo = json!({"kind": "photo", "body": "ab".repeat(32)});
    let shown = bench.post(path, &[], &photo).await.json(StatusCode::OK);
    assert_eq!(shown["course"]["evidence"][0]["kind"], "photo");
    let done = bench.command("FW-2026-0002", 3, finish).await.json(StatusCode::OK);
    assert_eq!(done["state"], "done");
    let last = done["timeline"].as_array().unwrap().last().unwrap().clone();
    assert!(
        last["note"]["zh"].as_str().unwrap().contains("跳过：已出发、已到场、处理中"),
        "{last}"
    );
}

#[tokio::test]
async fn a_text_that_leads_nowhere_never_comes_into_force() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let people = document(&bench, "people", "people").await;
    let toml = people["toml"].as_str().unwrap().replace("id = \"standby\"", "id = \"nobody\"");
    let body = json!({"toml": toml, "reason": "x", "base_version": 1});
    let refused = bench.post("/api/v1/handbook/people/people", &[], &body).await;
    assert_eq!(refused.problem(StatusCode::UNPROCESSABLE_ENTITY), "bad-handbook");
    assert_eq!(document(&bench, "people", "people").await["version"], 1);
    let odd = bench.get("/api/v1/handbook/secrets/x").await;
    assert_eq!(odd.problem(StatusCode::NOT_FOUND), "unknown");
    let listed = bench.get("/api/v1/handbook").await.json(StatusCode::OK);
    assert_eq!(listed["items"].as_array().unwrap().len(), 9);
    let bench = Bench::new(ACCOUNTS).await;
    let nobody = bench.post("/api/v1/handbook/people/people", &[], &body).await;
    assert_eq!(nobody.problem(StatusCode::UNAUTHORIZED), "not-signed-in");
    let cookie = bench.sign_in("wang", Role::Admin, Sites::All).await;
    let admin = [("cookie", cookie.as_str())];
    let empty = json!({"toml": "", "reason": "", "base_version": 1});
    let refused = bench.post("/api/v1/handbook/people/people", &admin, &empty).await;
    assert_eq!(refused.problem(StatusCode::BAD_REQUEST), "bad-parameter");
}

#[tokio::test]
async fn a_swap_and_a_table_change_who_would_be_called() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let called = async |at: &str| {
        let path = format!("/api/v1/calls?device=mill-01&priority=P2&at={at}");
        let calls = bench.get(&path).await.json(StatusCode::OK);
        let people = calls["items"][0]["people"].as_array().unwrap().clone();
        people.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let night = "2026-11-27T15:00:00Z";
    assert_eq!(called(night).await, ["zhao-gang"]);
    let change = json!({"date": "2026-11-27", "shift": "night", "out": "zhao-gang",
        "in": "chen-jie", "reason": "wedding", "base_version": 1});
    let path = "/api/v1/rotas/mechanics/changes";
    assert_eq!(bench.post(path, &[], &change).await.json(StatusCode::OK)["version"], 2);
    assert_eq!(called(night).await, ["chen-jie"]);
    let mut twice = change.clone();
    twice["base_version"] = json!(2);
    let refused = bench.post(path, &[], &twice).await;
    assert_eq!(refused.problem(StatusCode::UNPROCESSABLE_ENTITY), "bad-handbook");

    let path = "/api/v1/rotas/mechanics/import";
    let table = |csv: &str, dry_run: bool| json!({"csv": csv, "dry_run": dry_run, "reason": "December", "base_version": 2});
    let bad = table("date,shift,person\n2026-12-01,late,li-jun\n", false);
    let told = bench.post(path, &[], &bad).await.json(StatusCode::OK);
    assert_eq!((&told["is_applied"], &told["problems"][0]["line"]), (&json!(false), &json!(2)));
    let good = "日期,班次,人员\n2026-12-01,夜班,wang-lei\n";
    let dry = bench.post(path, &[], &table(good, true)).await.json(StatusCode::OK);
    assert_eq!((&dry["is_applied"], &dry["problems"]), (&json!(false), &json!([])));
    let done = bench.post(path, &[], &table(good, false)).await.json(StatusCode::OK);
    assert_eq!((&done["is_applied"], &done["version"]), (&json!(true), &json!(3)));
    assert_eq!(called("2026-12-01T15:00:00Z").await, ["wang-lei"]);
    assert_eq!(called("2026-11-30T03:00:00Z").await, ["wang-lei", "li-jun", "chen-jie"]);
    let unknown = bench.get("/api/v1/calls?device=mill-99").await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
}
