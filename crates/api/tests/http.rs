//! Each route as a client sees it, over a temporary records file and readings in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "http/accounts.rs"]
mod accounts;
#[path = "http/bench.rs"]
mod bench;
#[path = "http/incidents.rs"]
mod incidents;
#[path = "http/log.rs"]
mod log;
#[path = "http/matrix.rs"]
mod matrix;
#[path = "http/messages.rs"]
mod messages;
#[path = "http/review.rs"]
mod review;
#[path = "http/stops.rs"]
mod stops;
#[path = "http/work.rs"]
mod work;

use axum::http::{StatusCode, header};
use bench::{Answer, Bench, NOW};
use forewarn_api::Access;
use forewarn_domain::time::Span;
use futures::StreamExt;
use serde_json::{Value, json};

#[tokio::test]
async fn a_list_of_tickets_is_paged_and_filtered() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    for minute in 0..5 {
        bench.open_ticket(if minute == 4 { "mill-02" } else { "mill-01" }, minute).await;
    }
    let first = bench.get("/api/v1/tickets?limit=1&state=all").await;
    let link = first.header(header::LINK).to_owned();
    let first = first.json(StatusCode::OK);
    assert_eq!(first["items"][0]["number"], "FW-2026-0002");
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/tickets?limit=1&state=all&cursor={cursor}");
    assert_eq!(link, format!("<{path}>; rel=\"next\""));
    let second = bench.get(&path).await;
    assert!(!second.headers.contains_key(header::LINK), "there is no page behind the last");
    let second = second.json(StatusCode::OK);
    let row = &second["items"][0];
    assert_eq!((&row["number"], &row["occurrences"]), (&json!("FW-2026-0001"), &json!(4)));
    assert_eq!(row["device_name"], json!({"en": "Mill 1", "zh": "一号铣床"}));
    assert_eq!(row["component_name"]["en"], "front spindle bearing");
    assert_eq!(second["next_cursor"], Value::Null);
    for (query, found) in [
        ("state=closed", 0),
        ("device=mill-02", 1),
        ("kind=process", 0),
        ("kind=machine&priority=P2", 2),
        ("q=FW-2026-0001", 1),
        ("q=%E8%BD%B4%E6%89%BF", 2),
        ("q=%25", 0),
    ] {
        let page = bench.get(&format!("/api/v1/tickets?{query}")).await.json(StatusCode::OK);
        assert_eq!(page["items"].as_array().unwrap().len(), found, "{query}");
    }
    for query in ["limit=0", "limit=201", "cursor=%21", "kind=magic", "colour=red", "state=new"] {
        let answer = bench.get(&format!("/api/v1/tickets?{query}")).await;
        assert_eq!(answer.problem(StatusCode::BAD_REQUEST), "bad-parameter", "{query}");
    }
}

#[tokio::test]
async fn a_ticket_is_found_by_number_and_by_id_and_holds_what_was_agreed() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let id = bench.open_ticket("mill-01", 0).await;
    let answer = bench.get("/api/v1/tickets/FW-2026-0001").await;
    assert_eq!(answer.header(header::ETAG), "\"1\"");
    let ticket = answer.json(StatusCode::OK);
    assert_eq!(ticket, bench.get(&format!("/api/v1/tickets/{id}")).await.json(StatusCode::OK));
    for field in [
        "type",
        "id",
        "number",
        "site",
        "device",
        "component",
        "fault_family",
        "kind",
        "priority",
        "state",
        "opened_at",
        "onset_at",
        "detected_at",
        "confidence",
        "causes",
        "signals",
        "past_repairs",
        "summary",
        "rule",
        "evidence_sha256",
        "device_name",
        "component_name",
        "headline",
        "urgency",
        "brief",
        "evidence",
        "timeline",
        "allowed",
        "causes_to_choose",
        "revision",
    ] {
        assert!(!ticket[field].is_null(), "{field} is missing");
    }
    assert_eq!(ticket["owner"], Value::Null);
    assert_eq!(ticket["opened_at"], "2026-11-22T08:00:00.000Z");
    assert_eq!(
        ticket["allowed"],
        json!(["accept", "assign", "false_alarm", "duplicate", "shelve"])
    );
    assert_eq!(ticket["timeline"][0]["what"], "opened");
    let codes: Vec<_> =
        ticket["causes_to_choose"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["bearing-outer-race", "poor-lubrication", "other"]);
    let unknown = bench.get("/api/v1/tickets/FW-2026-0042").await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn the_straight_line_of_commands_closes_a_ticket_and_tells_the_engine() {
    let mut bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let accepted = bench.command("FW-2026-0001", 1, json!({"command": "accept"})).await;
    assert_eq!(accepted.header(header::ETAG), "\"2\"");
    let accepted = accepted.json(StatusCode::OK);
    assert_eq!((&accepted["state"], &accepted["owner"]), (&json!("accepted"), &json!("demo-lead")));
    let finish = json!({"command": "finish", "cause": "bearing-outer-race", "note": "换轴承",
        "part": "6205-2RS"});
    let done = bench.command("FW-2026-0001", 2, finish).await.json(StatusCode::OK);
    assert_eq!(done["finish"]["part"], "6205-2RS");
    let close = json!({"command": "close", "verdict": "confirmed"});
    let closed = bench.command("FW-2026-0001", 3, close).await.json(StatusCode::OK);
    assert_eq!((&closed["state"], &closed["verdict"]), (&json!("closed"), &json!("confirmed")));
    assert_eq!(closed["allowed"], json!(["reopen"]));
    assert_eq!(bench.inputs.try_recv().unwrap().kind, "ticket_closed");
    let repairs = bench.get("/api/v1/repairs?device=mill-02&siblings=true").await;
    let repairs = repairs.json(StatusCode::OK);
    assert_eq!(repairs["items"][0]["ticket"], "FW-2026-0001");
    assert_eq!(repairs["items"][0]["text"], "换轴承");
}

#[tokio::test]
async fn a_command_that_cannot_be_carried_out_is_a_problem_that_says_why() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let path = "/api/v1/tickets/FW-2026-0001/commands";
    let illegal = bench.command("FW-2026-0001", 1, json!({"command": "verify"})).await;
    assert_eq!(illegal.problem(StatusCode::CONFLICT), "illegal-transition");
    let stale = bench.command("FW-2026-0001", 7, json!({"command": "accept"})).await;
    assert_eq!(stale.header(header::ETAG), "\"1\"");
    let current = stale.json(StatusCode::PRECONDITION_FAILED)["current"].clone();
    assert_eq!((&current["number"], &current["revision"]), (&json!("FW-2026-0001"), &json!(1)));
    assert_eq!(stale.problem(StatusCode::PRECONDITION_FAILED), "stale-revision");
    let accept = json!({"command": "accept"});
    let blind = bench.post(path, &[], &accept).await;
    assert_eq!(blind.problem(StatusCode::PRECONDITION_REQUIRED), "missing-if-match");
    let weak = bench.post(path, &[("if-match", "W/\"1\"")], &accept).await;
    assert_eq!(weak.problem(StatusCode::BAD_REQUEST), "bad-parameter");
    let odd = json!({"command": "accept", "colour": "red"});
    let odd = bench.post(path, &[("if-match", "*")], &odd).await;
    assert_eq!(odd.problem(StatusCode::UNPROCESSABLE_ENTITY), "bad-body");
    let form = bench.send("POST", path, &[("if-match", "*")], "command=accept").await;
    assert_eq!(form.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE), "not-json");
    let long = json!({"command": "assign", "to": "x".repeat(1_100_000)});
    let long = bench.post(path, &[("if-match", "*")], &long).await;
    assert_eq!(long.problem(StatusCode::PAYLOAD_TOO_LARGE), "body-too-long");
    let method = bench.send("GET", path, &[], "").await;
    assert_eq!(method.problem(StatusCode::METHOD_NOT_ALLOWED), "no-such-method");
    let state = bench.get("/api/v1/tickets/FW-2026-0001").await.json(StatusCode::OK);
    assert_eq!((&state["state"], &state["revision"]), (&json!("to_assign"), &json!(1)));
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_carried_out_once() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let path = "/api/v1/tickets/FW-2026-0001/commands";
    let headers = [("if-match", "\"1\""), ("idempotency-key", "k-1")];
    for _ in 0..2 {
        let answer = bench.post(path, &headers, &json!({"command": "accept"})).await;
        assert_eq!(answer.json(StatusCode::OK)["revision"], 2);
    }
    let other = bench.post(path, &headers, &json!({"command": "start"})).await;
    assert_eq!(other.problem(StatusCode::UNPROCESSABLE_ENTITY), "key-reused");
}

#[tokio::test]
async fn a_repair_is_written_down_once_and_only_for_a_device_that_exists() {
    let mut bench = Bench::new(Access::LoopbackDemo).await;
    let repair = json!({"device": "mill-01", "component": "spindle-front", "activity": "service",
        "text": "greased", "outcome": "improved", "at": "2026-09-03T06:00:00Z"});
    for _ in 0..2 {
        let answer = bench.post("/api/v1/repairs", &[("idempotency-key", "r-1")], &repair).await;
        assert_eq!(answer.json(StatusCode::CREATED)["outcome"], "improved");
    }
    assert_eq!(bench.inputs.try_recv().unwrap().kind, "repair_recorded");
    assert!(bench.inputs.try_recv().is_err());
    let listed = bench.get("/api/v1/repairs").await.json(StatusCode::OK);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let mut elsewhere = repair;
    elsewhere["device"] = json!("mill-99");
    let refused = bench.post("/api/v1/repairs", &[], &elsewhere).await;
    assert_eq!(refused.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn devices_show_state_age_health_and_open_tickets() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let page = bench.get("/api/v1/devices").await.json(StatusCode::OK);
    let rows = page["items"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["state"], &rows[0]["data_age_s"], &rows[0]["health"], &rows[0]["open_tickets"]),
        (&json!("cut"), &json!(12.0), &json!("warn"), &json!(1))
    );
    assert_eq!(
        (&rows[1]["state"], &rows[1]["data_age_s"], &rows[1]["health"]),
        (&Value::Null, &Value::Null, &json!("unknown"))
    );
    bench.clock.advance(std::time::Duration::from_secs(3));
    let device = bench.get("/api/v1/devices/mill-01").await.json(StatusCode::OK);
    assert_eq!(device["data_age_s"], 15.0, "the age is by the server's clock");
    assert_eq!(device["components"][0]["bearing"], "6205");
    assert_eq!(device["siblings"], json!(["mill-02"]));
    assert_eq!(device["states"], json!(["cut", "idle", "unknown"]));
    let channel = &device["channels"][0];
    assert_eq!(channel["last"]["value"], 42.5);
    assert_eq!(channel["unit_symbol"], "%");
    assert_eq!(channel["rules"][0]["status"], "armed");
    let unknown = bench.get("/api/v1/devices/mill-99").await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
    let channels = bench.get("/api/v1/channels?device=mill-02").await.json(StatusCode::OK);
    assert!(
        channels["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| { it["id"].as_str().unwrap().starts_with("mill-02/") })
    );
}

#[tokio::test]
async fn a_series_is_summed_up_and_carries_the_operating_states() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let (from, to) = (NOW - Span::from_secs(100), NOW);
    bench.store_load("mill-01", from, 100).await;
    let path = format!("/api/v1/series?channel=mill-01/plc/load&from={from}&to={to}&points=10");
    let series = bench.get(&path).await.json(StatusCode::OK);
    let buckets = series["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), 10);
    assert_eq!((&buckets[0]["min"], &buckets[0]["max"]), (&json!(0.0), &json!(9.0)));
    assert_eq!((&buckets[0]["mean"], &buckets[0]["n"]), (&json!(4.5), &json!(10)));
    let states: Vec<_> = series["states"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["idle", "cut"]);
    for query in [
        "channel=mill-01/plc/load&points=2001",
        "channel=mill",
        &format!("channel=mill-01/plc/load&from={to}&to={from}"),
    ] {
        let answer = bench.get(&format!("/api/v1/series?{query}")).await;
        assert_eq!(answer.problem(StatusCode::BAD_REQUEST), "bad-parameter", "{query}");
    }
    let unknown = bench.get("/api/v1/series?channel=mill-01/plc/colour").await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn a_waveform_comes_with_the_spectra_that_the_server_computes() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let sha256 = bench.store_waveform().await;
    let from = NOW - Span::from_secs(3_600);
    let path = format!("/api/v1/waveforms?channel=mill-01/plc/burst&from={from}");
    let page = bench.get(&path).await.json(StatusCode::OK);
    assert_eq!(page["items"][0]["sha256"], sha256.to_string());
    let waveform = bench.get(&format!("/api/v1/waveforms/{sha256}")).await.json(StatusCode::OK);
    assert_eq!(waveform["spectrum"], json!({"df_hz": 1.5, "ratio": [4.0]}));
    assert_eq!(waveform["velocity"], json!({"df_hz": 2.5, "mm_s": [0.5]}));
    assert_eq!(waveform["rpm"], 1_790.0);
    let unknown = bench.get(&format!("/api/v1/waveforms/{}", "0".repeat(64))).await;
    assert_eq!(unknown.problem(StatusCode::NOT_FOUND), "unknown");
}

#[tokio::test]
async fn anomalies_health_sites_and_session_tell_what_they_know() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    let anomalies = bench.get("/api/v1/anomalies?device=mill-01").await.json(StatusCode::OK);
    assert_eq!(anomalies["items"][0]["ticket"], "FW-2026-0001");
    assert_eq!(anomalies["items"][0]["phase"], "active");
    let health = bench.get("/api/v1/health").await.json(StatusCode::OK);
    assert_eq!(health["stages"][0]["status"], "ok");
    assert_eq!(health["agents"][0]["lag_s"], 2.0);
    assert_eq!(health["alarm_load"]["tickets_24h"], 1);
    let session = bench.get("/api/v1/session").await.json(StatusCode::OK);
    let expected = json!({"account": "demo-lead", "name": "demo-lead", "role": "lead",
        "duties": ["lead", "look", "own", "tell", "tune", "work"], "demo": true, "language": null,
        "site": {"id": "plant", "name": {"en": "Plant", "zh": "工厂"}, "time_zone": "Asia/Shanghai"}});
    assert_eq!(session, expected);
    let sites = bench.get("/api/v1/sites").await.json(StatusCode::OK);
    assert_eq!(sites["items"][0], session["site"]);
}

#[tokio::test]
async fn a_loopback_demo_is_reached_under_loopback_names_and_from_its_own_page_only() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    for host in ["evil.example", "forewarn.local:8080"] {
        let rebound = bench.send("GET", "/api/v1/tickets", &[("host", host)], "").await;
        assert_eq!(rebound.problem(StatusCode::FORBIDDEN), "foreign-origin", "{host}");
    }
    let path = "/api/v1/tickets/FW-2026-0001/commands";
    let foreign = [("if-match", "*"), ("origin", "http://localhost:9999")];
    let refused = bench.post(path, &foreign, &json!({"command": "accept"})).await;
    assert_eq!(refused.problem(StatusCode::FORBIDDEN), "foreign-origin");
}

#[tokio::test]
async fn events_resume_behind_the_last_one_that_was_seen() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    bench.open_ticket("mill-01", 0).await;
    bench.command("FW-2026-0001", 1, json!({"command": "accept"})).await.json(StatusCode::OK);
    let mut events = bench.follow(&[("last-event-id", "1")]).await;
    let text = until(&mut events, "ticket.changed").await;
    assert!(text.contains("id: 2\n") && !text.contains("id: 1\n"), "{text}");
    assert!(text.contains("\"device\":\"mill-01\""), "{text}");
    bench.command("FW-2026-0001", 2, json!({"command": "start"})).await.json(StatusCode::OK);
    assert!(until(&mut events, "id: 3\n").await.contains("event: ticket.changed"));
    bench.set_state("mill-01", "idle");
    assert!(until(&mut events, "device.state").await.contains("\"id\":\"mill-01\""));
    bench.stop.cancel();
    while let Some(rest) = events.next().await {
        drop(rest.unwrap());
    }
}

/// Reads events until one holds a text.
async fn until(events: &mut axum::body::BodyDataStream, awaited: &str) -> String {
    let mut text = String::new();
    let limit = std::time::Duration::from_secs(10);
    while !text.contains(awaited) {
        match tokio::time::timeout(limit, events.next()).await {
            Ok(Some(bytes)) => text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap()),
            other => panic!("{other:?} after {text}"),
        }
    }
    text
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_the_page_its_screens() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    for path in ["/", "/t/FW-2026-0001", "/d/mill-01", "/health", "/tickets", "/devices"] {
        let answer = bench.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-cache");
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'self'; img-src 'self' data: blob:;"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert!(answer.text().contains("Forewarn"), "the page, or how to build it");
    }
    let refused = bench.get("/api/v1/nothing").await;
    assert!(refused.header(header::CONTENT_SECURITY_POLICY).contains("'self'"));
    assert_eq!(refused.problem(StatusCode::NOT_FOUND), "unknown");
    assert_eq!(bench.get("/secret.txt").await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.get("/../Cargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn readiness_fails_with_a_failed_stage_and_metrics_are_the_servers() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    assert_eq!(bench.get("/livez").await.text(), "alive\n");
    assert_eq!(bench.get("/readyz").await.text(), "ready\n");
    assert_eq!(bench.get("/metrics").await.text(), "forewarn_readings_total 7\n");
    bench.fail_stage();
    let refused = bench.get("/readyz").await;
    assert_eq!(refused.problem(StatusCode::SERVICE_UNAVAILABLE), "stage-failed");
}

#[tokio::test]
async fn answers_are_compressed_for_who_asks() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let packed: Answer =
        bench.send("GET", "/openapi.json", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
}

#[test]
fn the_committed_openapi_document_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let mut served = forewarn_api::openapi().to_pretty_json().unwrap();
    served.push('\n');
    if std::env::var("FOREWARN_BLESS").is_ok_and(|it| it == "1") {
        std::fs::write(path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, served, "run this test with FOREWARN_BLESS=1 and look at the difference");
    let document: Value = serde_json::from_str(&served).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/api/v1/tickets/{id}/commands", "/api/v1/events", "/livez", "/api/v1/session"] {
        assert!(!document["paths"][path].is_null(), "{path}");
    }
}
