//! First start, signing in and out, accounts and keys, as a browser and a program see them.

use axum::http::{StatusCode, header};
use forewarn_api::{Access, Transport};
use forewarn_store::records::{Role, Sites};
use serde_json::{Value, json};

use crate::bench::{ACCOUNTS, Answer, Bench, TOKEN};

const PASSWORD: &str = "correct horse battery";

fn cookie(answer: &Answer) -> String {
    answer.header(header::SET_COOKIE).split(';').next().unwrap().to_owned()
}

async fn set_up(bench: &Bench) -> String {
    let first =
        json!({"token": TOKEN, "name": "wang", "display_name": "王工", "password": PASSWORD});
    let answer = bench.post("/api/v1/setup", &[], &first).await;
    answer.json(StatusCode::OK);
    cookie(&answer)
}

async fn sign_in(bench: &Bench, name: &str, password: &str) -> Answer {
    let body = json!({"name": name, "password": password});
    bench.post("/api/v1/sessions", &[], &body).await
}

async fn call(bench: &Bench, ask: (&str, &str), cookie: &str, body: &Value) -> Answer {
    let headers = [("cookie", cookie), ("content-type", "application/json")];
    bench.send(ask.0, ask.1, &headers, &body.to_string()).await
}

#[tokio::test]
async fn the_setup_token_makes_the_first_admin_once_and_opens_nothing_else() {
    let bench = Bench::new(ACCOUNTS).await;
    assert_eq!(bench.get("/api/v1/setup").await.json(StatusCode::OK), json!({"needed": true}));
    let token = format!("Bearer {TOKEN}");
    let refused = bench.send("GET", "/api/v1/tickets", &[("authorization", &token)], "").await;
    assert_eq!(refused.problem(StatusCode::UNAUTHORIZED), "not-signed-in");
    assert_eq!(refused.header(header::WWW_AUTHENTICATE), "Bearer");
    let weak = json!({"token": TOKEN, "name": "wang", "display_name": "", "password": "forewarn1"});
    let weak = bench.post("/api/v1/setup", &[], &weak).await;
    assert_eq!(weak.problem(StatusCode::UNPROCESSABLE_ENTITY), "weak-password");
    let admin = set_up(&bench).await;
    let session = call(&bench, ("GET", "/api/v1/session"), &admin, &json!({})).await;
    let session = session.json(StatusCode::OK);
    assert_eq!((&session["name"], &session["role"]), (&json!("王工"), &json!("admin")));
    assert_eq!(session["duties"].as_array().unwrap().len(), 7);
    assert_eq!(bench.get("/api/v1/setup").await.json(StatusCode::OK), json!({"needed": false}));
    let again = json!({"token": TOKEN, "name": "li", "display_name": "", "password": PASSWORD});
    let again = bench.post("/api/v1/setup", &[], &again).await;
    assert_eq!(again.problem(StatusCode::UNAUTHORIZED), "wrong-token");
}

#[tokio::test]
async fn a_setup_token_is_good_for_half_an_hour() {
    let bench = Bench::new(ACCOUNTS).await;
    bench.clock.advance(std::time::Duration::from_secs(31 * 60));
    let first = json!({"token": TOKEN, "name": "wang", "display_name": "", "password": PASSWORD});
    let late = bench.post("/api/v1/setup", &[], &first).await;
    assert_eq!(late.problem(StatusCode::UNAUTHORIZED), "wrong-token");
}

#[tokio::test]
async fn only_what_stands_open_is_open_to_somebody_unknown() {
    let bench = Bench::new(ACCOUNTS).await;
    for path in ["/livez", "/readyz", "/openapi.json", "/api/v1/setup", "/"] {
        assert_eq!(bench.get(path).await.status, StatusCode::OK, "{path} is for everybody");
    }
    let metrics = bench.get("/metrics").await;
    assert_eq!(metrics.problem(StatusCode::UNAUTHORIZED), "not-signed-in");
}

#[tokio::test]
async fn a_session_is_opened_by_name_and_password_and_ends_at_sign_out() {
    let bench = Bench::new(ACCOUNTS).await;
    bench.open_ticket("mill-01", 0).await;
    set_up(&bench).await;
    let answer = sign_in(&bench, "wang", PASSWORD).await;
    let set = answer.header(header::SET_COOKIE);
    assert!(set.contains("; HttpOnly; SameSite=Strict; Max-Age=43200"), "{set}");
    assert!(!set.contains("Secure"), "plain http on loopback");
    let mine = cookie(&answer);
    let path = "/api/v1/tickets/FW-2026-0001/commands";
    let accept = json!({"command": "accept"});
    let from = |origin| [("cookie", mine.as_str()), ("if-match", "*"), ("origin", origin)];
    let foreign = bench.post(path, &from("http://evil.example"), &accept).await;
    assert_eq!(foreign.problem(StatusCode::FORBIDDEN), "foreign-origin");
    let own = bench.post(path, &from("http://127.0.0.1:8080"), &accept).await;
    assert_eq!(own.json(StatusCode::OK)["owner"], "wang");
    let out = call(&bench, ("DELETE", "/api/v1/session"), &mine, &json!({})).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.header(header::SET_COOKIE).starts_with("forewarn_session=; "));
    let body = json!({"name": "wang", "password": PASSWORD});
    let before = cookie(&sign_in(&bench, "wang", PASSWORD).await);
    let after = cookie(&call(&bench, ("POST", "/api/v1/sessions"), &before, &body).await);
    for (cookie, status) in [(&before, StatusCode::UNAUTHORIZED), (&after, StatusCode::OK)] {
        let known = call(&bench, ("GET", "/api/v1/session"), cookie, &json!({})).await;
        assert_eq!(known.status, status, "signing in again ends the session before");
    }
    let over = call(&bench, ("GET", "/api/v1/tickets"), &mine, &json!({})).await;
    assert_eq!(over.problem(StatusCode::UNAUTHORIZED), "not-signed-in");
    let foreign = [("origin", "http://evil.example")];
    let foreign = bench.post("/api/v1/sessions", &foreign, &body).await;
    assert_eq!(foreign.problem(StatusCode::FORBIDDEN), "foreign-origin");
}

#[tokio::test]
async fn what_a_page_asks_for_by_itself_keeps_nobody_signed_in() {
    for (is_unattended, expected) in [(false, StatusCode::OK), (true, StatusCode::UNAUTHORIZED)] {
        let bench = Bench::new(ACCOUNTS).await;
        let admin = set_up(&bench).await;
        let mut last = StatusCode::OK;
        // An admin's half hour without use.
        for _ in 0..4 {
            bench.clock.advance(std::time::Duration::from_secs(600));
            let mut headers = vec![("cookie", admin.as_str())];
            if is_unattended {
                headers.push(("x-forewarn-unattended", "1"));
            }
            last = bench.send("GET", "/api/v1/tickets", &headers, "").await.status;
        }
        assert_eq!(last, expected, "unattended: {is_unattended}");
    }
}

#[tokio::test]
async fn with_tls_cookies_and_answers_are_for_https_only() {
    let transport = Transport { is_secure: true, is_behind_proxy: false };
    let bench = Bench::new(Access::Accounts(transport)).await;
    let mine = set_up(&bench).await;
    let answer = sign_in(&bench, "wang", PASSWORD).await;
    let set = answer.header(header::SET_COOKIE);
    assert!(set.starts_with("__Host-forewarn_session=") && set.ends_with("; Secure"), "{set}");
    assert!(set.contains("; Path=/; ") && !set.contains("Domain"), "{set}");
    assert_eq!(answer.header(header::STRICT_TRANSPORT_SECURITY), "max-age=31536000");
    let known = call(&bench, ("GET", "/api/v1/session"), &mine, &json!({})).await;
    assert_eq!(known.status, StatusCode::OK);
    let plain = mine.trim_start_matches("__Host-");
    let unknown = call(&bench, ("GET", "/api/v1/session"), plain, &json!({})).await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED, "a cookie that plain http could set");
}

#[tokio::test]
async fn an_unknown_name_a_wrong_password_and_a_disabled_account_are_answered_alike() {
    let bench = Bench::new(ACCOUNTS).await;
    let admin = set_up(&bench).await;
    let new = json!({"name": "li", "role": "maintainer", "password": PASSWORD});
    call(&bench, ("POST", "/api/v1/accounts"), &admin, &new).await.json(StatusCode::CREATED);
    let change = json!({"disabled": true});
    let disabled = call(&bench, ("PATCH", "/api/v1/accounts/li"), &admin, &change).await;
    assert_eq!(disabled.json(StatusCode::OK)["disabled"], true);
    let mut answers = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("wang", "wrong"), ("li", PASSWORD)] {
        let answer = sign_in(&bench, name, password).await;
        answers.push((answer.problem(StatusCode::UNAUTHORIZED), answer.text()));
    }
    assert!(answers.windows(2).all(|it| it[0] == it[1]), "{answers:?}");
}

#[tokio::test]
async fn too_many_tries_wait_and_the_wait_is_told() {
    let bench = Bench::new(ACCOUNTS).await;
    set_up(&bench).await;
    for _ in 0..5 {
        let wrong = sign_in(&bench, "wang", "wrong").await;
        assert_eq!(wrong.problem(StatusCode::UNAUTHORIZED), "wrong-password");
    }
    let refused = sign_in(&bench, "wang", PASSWORD).await;
    assert_eq!(refused.problem(StatusCode::TOO_MANY_REQUESTS), "too-many-tries");
    assert_eq!(refused.header(header::RETRY_AFTER), "2");
    assert!(refused.text().contains("try again in 2 seconds"), "{}", refused.text());
    bench.clock.advance(std::time::Duration::from_secs(2));
    assert_eq!(sign_in(&bench, "wang", PASSWORD).await.status, StatusCode::OK);
    let rows = bench.records.audit_rows(0, 100).await.unwrap();
    let refused = rows.iter().filter(|it| it.detail.contains("\"status\":429"));
    assert_eq!(refused.count(), 1, "it is in the audit trail");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_needs_the_old_one() {
    let bench = Bench::new(ACCOUNTS).await;
    let here = set_up(&bench).await;
    let there = cookie(&sign_in(&bench, "wang", PASSWORD).await);
    let listed = call(&bench, ("GET", "/api/v1/sessions"), &here, &json!({})).await;
    let listed = listed.json(StatusCode::OK);
    let current: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|it| it["current"] == true).collect();
    assert_eq!(current.iter().filter(|it| **it).count(), 1);
    assert_eq!(current.len(), 2);
    let path = ("POST", "/api/v1/session/password");
    let wrong = json!({"old": "wrong", "new": "another horse battery"});
    let wrong = call(&bench, path, &here, &wrong).await;
    assert_eq!(wrong.problem(StatusCode::UNAUTHORIZED), "wrong-password");
    let weak = call(&bench, path, &here, &json!({"old": PASSWORD, "new": "wang-2026"})).await;
    assert_eq!(weak.problem(StatusCode::UNPROCESSABLE_ENTITY), "weak-password");
    let right = json!({"old": PASSWORD, "new": "another horse battery"});
    assert_eq!(call(&bench, path, &here, &right).await.status, StatusCode::NO_CONTENT);
    let gone = call(&bench, ("GET", "/api/v1/session"), &there, &json!({})).await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED);
    let stays = call(&bench, ("GET", "/api/v1/session"), &here, &json!({})).await;
    assert_eq!(stays.status, StatusCode::OK);
    let again = sign_in(&bench, "wang", "another horse battery").await;
    let phone = cookie(&again);
    let listed = call(&bench, ("GET", "/api/v1/sessions"), &phone, &json!({})).await;
    let listed = listed.json(StatusCode::OK);
    let mine = listed["items"].as_array().unwrap().iter().find(|it| it["current"] == true);
    let id = mine.unwrap()["id"].as_str().unwrap();
    let end = format!("/api/v1/sessions/{id}");
    assert_eq!(
        call(&bench, ("DELETE", &end), &here, &json!({})).await.status,
        StatusCode::NO_CONTENT
    );
    let ended = call(&bench, ("GET", "/api/v1/session"), &phone, &json!({})).await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn roles_count_from_the_next_request_and_the_last_admin_stays() {
    let bench = Bench::new(ACCOUNTS).await;
    let admin = set_up(&bench).await;
    let li = bench.sign_in("li", Role::Viewer, Sites::All).await;
    let check = ("POST", "/api/v1/labels/undo");
    let body = json!({"labels": [1]});
    assert_eq!(call(&bench, check, &li, &body).await.problem(StatusCode::FORBIDDEN), "not-allowed");
    let path = ("PATCH", "/api/v1/accounts/li");
    call(&bench, path, &admin, &json!({"role": "maintainer"})).await.json(StatusCode::OK);
    call(&bench, check, &li, &body).await.json(StatusCode::OK);
    call(&bench, path, &admin, &json!({"sites": ["annex"]})).await.json(StatusCode::OK);
    let devices = call(&bench, ("GET", "/api/v1/devices"), &li, &json!({})).await;
    assert_eq!(devices.json(StatusCode::OK)["items"], json!([]));
    let changed = call(&bench, path, &admin, &json!({"sites": null})).await.json(StatusCode::OK);
    assert_eq!((&changed["sites"], &changed["role"]), (&Value::Null, &json!("maintainer")));
    for change in [json!({"role": "lead"}), json!({"disabled": true}), json!({"sites": ["plant"]})]
    {
        let kept = call(&bench, ("PATCH", "/api/v1/accounts/wang"), &admin, &change).await;
        assert_eq!(kept.problem(StatusCode::CONFLICT), "last-admin", "{change}");
    }
    let twice = json!({"name": "li", "role": "lead", "password": PASSWORD});
    let twice = call(&bench, ("POST", "/api/v1/accounts"), &admin, &twice).await;
    assert_eq!(twice.problem(StatusCode::CONFLICT), "account-taken");
}

#[tokio::test]
async fn an_admin_of_one_site_sees_and_gives_only_that_site() {
    let bench = Bench::new(ACCOUNTS).await;
    set_up(&bench).await;
    let plant = Sites::Only(["plant".parse().unwrap()].into());
    let admin = bench.sign_in("zhou", Role::Admin, plant).await;
    let mut new = json!({"name": "li", "role": "lead", "password": PASSWORD});
    let all = call(&bench, ("POST", "/api/v1/accounts"), &admin, &new).await;
    assert_eq!(all.problem(StatusCode::FORBIDDEN), "not-allowed");
    new["sites"] = json!(["plant"]);
    call(&bench, ("POST", "/api/v1/accounts"), &admin, &new).await.json(StatusCode::CREATED);
    let listed = call(&bench, ("GET", "/api/v1/accounts"), &admin, &json!({})).await;
    let listed = listed.json(StatusCode::OK);
    let names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["li", "zhou"]);
    let change = json!({"disabled": true});
    let other = call(&bench, ("PATCH", "/api/v1/accounts/wang"), &admin, &change).await;
    assert_eq!(other.problem(StatusCode::NOT_FOUND), "unknown");
    let key = json!({"name": "ERP", "scopes": ["read"]});
    let key = call(&bench, ("POST", "/api/v1/keys"), &admin, &key).await;
    assert_eq!(key.problem(StatusCode::FORBIDDEN), "not-allowed");
}

#[tokio::test]
async fn a_key_is_shown_once_does_what_it_is_for_and_ends() {
    let bench = Bench::new(ACCOUNTS).await;
    bench.open_ticket("mill-01", 0).await;
    let admin = set_up(&bench).await;
    let new = json!({"name": "ERP", "scopes": ["read", "ingest"], "sites": ["plant"],
        "expires_at": "2026-11-22T09:00:00Z"});
    let made = call(&bench, ("POST", "/api/v1/keys"), &admin, &new).await.json(StatusCode::CREATED);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with(&format!("fw_{id}_")) && 60 < key.len(), "{key}");
    let bearer = format!("Bearer {key}");
    let ask = |method, path, body: Value| {
        let bearer = bearer.clone();
        let bench = &bench;
        async move {
            let headers =
                [("authorization", bearer.as_str()), ("content-type", "application/json")];
            bench.send(method, path, &headers, &body.to_string()).await
        }
    };
    let tickets = ask("GET", "/api/v1/tickets", json!({})).await.json(StatusCode::OK);
    assert_eq!(tickets["items"].as_array().unwrap().len(), 1);
    let repair = json!({"device": "mill-01", "component": "spindle-front", "activity": "service",
        "text": "greased"});
    ask("POST", "/api/v1/repairs", repair).await.json(StatusCode::CREATED);
    let command = ask("POST", "/api/v1/labels/undo", json!({"labels": [1]})).await;
    assert_eq!(command.problem(StatusCode::FORBIDDEN), "not-allowed");
    let listed = call(&bench, ("GET", "/api/v1/keys"), &admin, &json!({})).await;
    assert!(!listed.text().contains(key), "it is shown once");
    assert_eq!(listed.json(StatusCode::OK)["items"][0]["used_at"], "2026-11-22T08:00:00.000Z");
    let rows = bench.records.audit_rows(0, 100).await.unwrap();
    let repaired = rows.iter().find(|it| it.action == "repair.record").unwrap();
    assert_eq!(repaired.actor, format!("key:{id}"));
    bench.clock.advance(std::time::Duration::from_secs(3_600));
    let expired = ask("GET", "/api/v1/tickets", json!({})).await;
    assert_eq!(expired.problem(StatusCode::UNAUTHORIZED), "not-signed-in");
    for bad in [
        json!({"name": "", "scopes": ["read"]}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["all"]}),
        json!({"name": "x", "scopes": ["read"], "expires_at": "2026-11-22T08:00:00Z"}),
    ] {
        let admin = cookie(&sign_in(&bench, "wang", PASSWORD).await);
        let refused = call(&bench, ("POST", "/api/v1/keys"), &admin, &bad).await;
        assert_eq!(refused.problem(StatusCode::BAD_REQUEST), "bad-parameter", "{bad}");
    }
}

#[tokio::test]
async fn a_stream_of_events_ends_with_the_session_and_tells_nothing_of_other_sites() {
    use futures::StreamExt as _;
    let bench = Bench::new(ACCOUNTS).await;
    let plant = Sites::Only(["plant".parse().unwrap()].into());
    let mine = bench.sign_in("li", Role::Viewer, plant).await;
    bench.open_elsewhere("annex", "lathe-09").await;
    bench.open_ticket("mill-01", 0).await;
    let mut events = bench.follow(&[("cookie", &mine), ("last-event-id", "0")]).await;
    let mut text = String::new();
    while !text.contains("mill-01") {
        text.push_str(std::str::from_utf8(&events.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(!text.contains("lathe-09"), "{text}");
    bench.records.close_session("secret-of-li", bench_now(&bench)).await.unwrap();
    bench.clock.advance(std::time::Duration::from_secs(6));
    bench.set_state("mill-01", "idle");
    let limit = std::time::Duration::from_secs(20);
    let rest = tokio::time::timeout(limit, events.collect::<Vec<_>>()).await.unwrap();
    let rest: Vec<u8> = rest.into_iter().flat_map(|it| it.unwrap()).collect();
    assert!(!String::from_utf8_lossy(&rest).contains("device.state"), "nothing after the end");
}

fn bench_now(bench: &Bench) -> forewarn_domain::time::Time {
    forewarn_domain::time::Time::from_micros(bench.clock.now_us())
}

#[tokio::test]
async fn no_secret_is_in_any_answer_log_or_audit_row() {
    let log = crate::log::capture();
    let bench = Bench::new(ACCOUNTS).await;
    let canary = "canary-3f9c horse battery";
    let first = json!({"token": TOKEN, "name": "wang", "display_name": "王工", "password": canary});
    let answer = bench.post("/api/v1/setup", &[], &first).await;
    let admin = cookie(&answer);
    let session = admin.split_once('=').unwrap().1.to_owned();
    let mut said = vec![answer.text()];
    let key = json!({"name": "ERP", "scopes": ["read"]});
    let key = call(&bench, ("POST", "/api/v1/keys"), &admin, &key).await.json(StatusCode::CREATED);
    let key = key["key"].as_str().unwrap().to_owned();
    let weak = json!({"name": "li", "role": "lead", "password": "canary-3f9c"});
    for (method, path, body) in [
        ("POST", "/api/v1/sessions", json!({"name": "wang", "password": format!("{canary}x")})),
        ("POST", "/api/v1/sessions", json!({"name": canary, "password": canary})),
        ("POST", "/api/v1/setup", first.clone()),
        ("POST", "/api/v1/accounts", weak),
        ("POST", "/api/v1/session/password", json!({"old": canary, "new": "short"})),
        ("PATCH", "/api/v1/accounts/nobody", json!({"password": canary})),
        ("GET", "/api/v1/sessions", json!({})),
        ("GET", "/api/v1/accounts", json!({})),
        ("GET", "/api/v1/keys", json!({})),
        ("GET", "/api/v1/session", json!({})),
        ("GET", "/api/v1/health", json!({})),
        ("GET", "/metrics", json!({})),
        ("POST", "/api/v1/message-channels/wecom-mechanics/test", json!({})),
    ] {
        said.push(call(&bench, (method, path), &admin, &body).await.text());
    }
    said.push(sign_in(&bench, "wang", canary).await.text());
    let bearer = format!("Bearer {key}");
    for path in ["/api/v1/tickets", "/api/v1/session", "/api/v1/accounts", "/api/v1/nothing"] {
        said.push(bench.send("GET", path, &[("authorization", &bearer)], "").await.text());
    }
    let hash = bench.records.password_of("wang").await.unwrap();
    said.push(format!("{hash:?} {:?}", bench.records.sessions("wang", bench_now(&bench)).await));
    said.push(format!("{:?}", bench.records.audit_rows(0, 1_000).await.unwrap()));
    let logged = log.text();
    assert!(logged.contains("a channel was tried"), "the log was captured: {logged}");
    said.push(logged);
    for secret in ["canary-3f9c", "$argon2id$", TOKEN, session.as_str(), key.as_str()] {
        for text in &said {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
