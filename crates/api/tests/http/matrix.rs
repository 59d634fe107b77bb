//! Who may do what: every operation of the document × every role and key × own, other and missing things.
//!
//! What is expected is written here anew, in the words of a plant, and never looked up in the table that
//! the server keeps to.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use forewarn_api::Access;
use forewarn_store::records::{AccountChange, NewKey, Role, Sites};
use serde_json::{Value, json};

use crate::bench::{ACCOUNTS, Answer, Bench, NOW};

/// A caller with what opens the door for him.
struct Caller {
    who: Who,
    header: (&'static str, String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    Nobody,
    /// Disabled, expired, revoked or made up.
    Former,
    Role(Role),
    Key(&'static str),
}

/// What a plant says of an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Meaning {
    /// Anybody may.
    Public,
    /// Somebody who signed in, about himself.
    Oneself,
    /// Anybody known may look.
    Looking,
    /// Those who repair, plan repairs or judge anomalies.
    Working,
    /// A repair from elsewhere: those, and systems that bring facts.
    Bringing,
    /// Those who say what is normal.
    Judging,
    /// Those who set up channels.
    Connecting,
    /// Those who lead people.
    Leading,
    /// Those who let people in.
    Admitting,
}

fn meaning(method: &str, path: &str) -> Meaning {
    let below = path.strip_prefix("/api/v1/").unwrap_or(path);
    let first = below.split('/').next().unwrap_or_default();
    match (method, first) {
        (_, "setup") | ("POST", "sessions") => Meaning::Public,
        ("GET", _) if ["/livez", "/readyz"].contains(&path) => Meaning::Public,
        ("GET", "session") => Meaning::Looking,
        (_, "session" | "sessions") => Meaning::Oneself,
        (_, "accounts" | "keys") => Meaning::Admitting,
        ("GET", _) => Meaning::Looking,
        ("POST", "rules") if path.ends_with("/check") => Meaning::Looking,
        ("POST", "rules" | "backtests" | "proposals") => Meaning::Judging,
        ("POST", "handbook" | "rotas") => Meaning::Leading,
        ("POST", "message-channels" | "messages") => Meaning::Connecting,
        ("POST", "repairs") => Meaning::Bringing,
        ("POST", "tickets" | "anomalies" | "labels" | "planned-stops") => Meaning::Working,
        other => panic!("say here what {other:?} means"),
    }
}

/// Things that the whole plant has once, so that somebody of another site may not even look.
fn is_of_the_whole_plant(path: &str) -> bool {
    let whole =
        ["health", "message-channels", "rules", "backtests", "proposals", "handbook", "rotas"];
    path.strip_prefix("/api/v1/").is_some_and(|it| whole.contains(&it.split('/').next().unwrap()))
}

fn may(who: Who, meaning: Meaning) -> bool {
    use Role::{Admin, Integrator, Lead, Maintainer, ProcessEngineer, Viewer};
    match (who, meaning) {
        (_, Meaning::Public) => true,
        (Who::Nobody | Who::Former, _) => false,
        (Who::Key(scope), Meaning::Looking) => scope == "read",
        (Who::Key(scope), Meaning::Working) => scope == "tickets",
        (Who::Key(scope), Meaning::Bringing) => scope == "ingest",
        (Who::Key(scope), Meaning::Judging | Meaning::Connecting | Meaning::Leading) => {
            scope == "admin"
        }
        (Who::Key(_), Meaning::Oneself | Meaning::Admitting) => false,
        (Who::Role(_), Meaning::Oneself | Meaning::Looking) => true,
        (Who::Role(role), Meaning::Working | Meaning::Bringing) => match role {
            Admin | Lead | Maintainer | ProcessEngineer => true,
            Integrator | Viewer => false,
        },
        (Who::Role(role), Meaning::Judging) => matches!(role, Admin | Lead | ProcessEngineer),
        (Who::Role(role), Meaning::Connecting) => matches!(role, Admin | Lead | Integrator),
        (Who::Role(role), Meaning::Leading) => matches!(role, Admin | Lead),
        (Who::Role(role), Meaning::Admitting) => role == Admin,
    }
}

/// What is asked: the path filled in, and a body that fits. `None` where an operation names nothing.
fn asked(method: &str, path: &str, ids: &Ids) -> Option<(String, Value)> {
    let named = path
        .replace("/tickets/{id}", &format!("/tickets/{}", ids.ticket))
        .replace("/anomalies/{id}", &format!("/anomalies/{}", ids.episode))
        .replace("/devices/{id}", &format!("/devices/{}", ids.device))
        .replace("/incidents/{number}", &format!("/incidents/{}", ids.incident))
        .replace("/planned-stops/{number}", &format!("/planned-stops/{}", ids.stop))
        .replace("{sha256}", &ids.sha256);
    let (device, episode) = (ids.device.as_str(), ids.episode.as_str());
    let (path, body) = match (method, path) {
        ("GET", "/api/v1/channels" | "/api/v1/bursts" | "/api/v1/repairs" | "/api/v1/calls") => {
            (format!("{path}?device={device}"), json!({}))
        }
        ("GET", "/api/v1/series" | "/api/v1/history") => {
            (format!("{path}?channel={device}/plc/load"), json!({}))
        }
        ("GET", "/api/v1/waveforms") => (format!("{path}?channel={device}/plc/burst"), json!({})),
        ("GET", "/api/v1/messages") => (format!("{path}?ticket={}", ids.ticket), json!({})),
        ("POST", "/api/v1/anomalies/labels") => {
            (named, json!({"anomalies": [episode], "judgement": "confirmed"}))
        }
        ("POST", "/api/v1/labels") => (
            named,
            json!({"channel": format!("{device}/plc/load"), "since": "2026-11-22T06:00:00Z",
                "until": "2026-11-22T07:00:00Z", "judgement": "confirmed"}),
        ),
        ("POST", "/api/v1/planned-stops") => (
            named,
            json!({"devices": [device], "until": "2026-11-29T06:00:00Z", "reason": "overhaul"}),
        ),
        ("POST", "/api/v1/repairs") => (
            named,
            json!({"device": device, "component": "spindle-front", "activity": "service",
                "text": "greased"}),
        ),
        ("POST", "/api/v1/tickets/{id}/commands") => (named, json!({"command": "accept"})),
        ("POST", "/api/v1/tickets/{id}/evidence") => {
            (named, json!({"kind": "note", "body": "seen"}))
        }
        _ if named != path => (named, json!({})),
        _ => return None,
    };
    Some((path, body))
}

/// The names of one thing of each kind.
struct Ids {
    ticket: String,
    incident: String,
    episode: String,
    device: String,
    stop: String,
    sha256: String,
}

impl Ids {
    fn missing() -> Self {
        Self {
            ticket: "FW-2026-0042".to_owned(),
            incident: "INC-2026-0042".to_owned(),
            episode: "00000000-0000-5000-8000-000000000042".to_owned(),
            device: "mill-42".to_owned(),
            stop: "STOP-2026-0042".to_owned(),
            sha256: "42".repeat(32),
        }
    }

    /// An answer without the names that were asked for.
    fn hidden(&self, text: &str) -> String {
        [&self.ticket, &self.incident, &self.episode, &self.device, &self.stop, &self.sha256]
            .into_iter()
            .fold(text.to_owned(), |text, id| text.replace(id.as_str(), "…"))
    }
}

/// What any path may hold that names nothing of a site, and a body that a route would take.
fn plain(path: &str) -> (String, Value) {
    let filled = path
        .replace("{version}", "1")
        .replace("{number}", "4711")
        .replace("{kind}/{id}", "people/people")
        .replace("{group}", "mechanics")
        .replace("{name}", "nobody")
        .replace("/messages/{id}", "/messages/4711")
        .replace("/message-channels/{id}", "/message-channels/none")
        .replace("{id}", "0123456789abcdef");
    (filled, json!({}))
}

async fn call(bench: &Bench, caller: &Caller, method: &str, ask: &(String, Value)) -> Answer {
    let (name, value) = &caller.header;
    let headers =
        [(*name, value.as_str()), ("content-type", "application/json"), ("if-match", "*")];
    bench.send(method, &ask.0, &headers, &ask.1.to_string()).await
}

/// One caller of each role and scope for a site, and those who may nothing.
async fn callers(bench: &Bench, site: &str) -> Vec<Caller> {
    let sites = || Sites::Only([site.parse().unwrap()].into());
    let mut callers = Vec::new();
    for role in Role::ALL {
        let name = format!("{}-{site}", role.as_str().replace('_', "-"));
        let cookie = bench.sign_in(&name, role, sites()).await;
        callers.push(Caller { who: Who::Role(role), header: ("cookie", cookie) });
    }
    for scope in ["read", "ingest", "tickets", "admin"] {
        let secret = format!("fw_{scope}-{site}");
        let id = secret.clone();
        let (name, scopes) = (scope.to_owned(), vec![scope.to_owned()]);
        let new = NewKey { id, secret, name, scopes, sites: sites(), expires_at: None };
        bench.records.add_key(&new, "setup", NOW).await.unwrap();
        let header = ("authorization", format!("Bearer fw_{scope}-{site}"));
        callers.push(Caller { who: Who::Key(scope), header });
    }
    callers
}

async fn strangers(bench: &Bench) -> Vec<Caller> {
    let disabled = bench.sign_in("disabled", Role::Admin, Sites::All).await;
    // An admin who can come in, so that the other one may be disabled.
    bench.sign_in("stays", Role::Admin, Sites::All).await;
    let change = AccountChange { is_disabled: Some(true), ..AccountChange::default() };
    bench.records.change_account("disabled", &change, ("setup", NOW)).await.unwrap();
    let key = |id: &str, expires_at| NewKey {
        id: id.to_owned(),
        secret: format!("fw_{id}"),
        name: id.to_owned(),
        scopes: ["admin", "ingest", "read", "tickets"].map(str::to_owned).to_vec(),
        sites: Sites::All,
        expires_at,
    };
    bench.records.add_key(&key("expired", Some(NOW)), "setup", NOW).await.unwrap();
    bench.records.add_key(&key("revoked", None), "setup", NOW).await.unwrap();
    bench.records.revoke_key("revoked", "setup", NOW).await.unwrap();
    let bearer = |text: &str| ("authorization", format!("Bearer {text}"));
    let former = |header| Caller { who: Who::Former, header };
    vec![
        Caller { who: Who::Nobody, header: ("accept", "*/*".to_owned()) },
        former(("cookie", disabled)),
        former(("cookie", "forewarn_session=made-up".to_owned())),
        former(bearer("fw_expired")),
        former(bearer("fw_revoked")),
        former(bearer("made-up")),
        former(bearer(crate::bench::TOKEN)),
    ]
}

fn operations() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(forewarn_api::openapi()).unwrap();
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            operations.insert((method.to_uppercase(), path.clone()));
        }
    }
    operations
}

/// A bench with one thing of each kind, all of the site `plant`.
async fn furnished() -> (Bench, Ids) {
    let bench = Bench::new(ACCOUNTS).await;
    bench.open_ticket("mill-01", 0).await;
    bench.seed_rules("version = 1\n").await;
    for number in 0..10 {
        bench.open_ticket(&format!("press-{number}"), 0).await;
    }
    let ticket = bench.records.ticket("FW-2026-0001").await.unwrap();
    let ids = Ids {
        ticket: ticket.number,
        incident: "INC-2026-0001".to_owned(),
        episode: ticket.episode.to_string(),
        device: "mill-01".to_owned(),
        stop: bench.plan_stop("mill-01").await,
        sha256: bench.store_waveform().await.to_string(),
    };
    (bench, ids)
}

#[tokio::test]
async fn every_operation_is_open_to_exactly_those_whom_it_is_meant_for() {
    let (bench, own) = furnished().await;
    let mut callers = callers(&bench, "plant").await;
    callers.extend(strangers(&bench).await);
    let (mut cells, mut wrong) = (0, Vec::new());
    for (method, path) in operations() {
        let meaning = meaning(&method, &path);
        for caller in &callers {
            // Signing out would end the caller's session for the rest of the table.
            let ends = method == "DELETE" && path == "/api/v1/session";
            if ends && may(caller.who, meaning)
                || path == "/api/v1/events" && may(caller.who, meaning)
            {
                continue;
            }
            let ask = asked(&method, &path, &own).unwrap_or_else(|| plain(&path));
            let answer = call(&bench, caller, &method, &ask).await;
            let is_open = !is_refusal(&answer);
            cells += 1;
            if is_open != may(caller.who, meaning) || answer.status.is_server_error() {
                wrong.push(format!("{method} {path} for {:?}: {}", caller.who, answer.status));
            }
            // Nobody finds out by the refusal whether he asks for something that is there.
            if matches!(caller.who, Who::Nobody | Who::Former) && meaning != Meaning::Public {
                assert_eq!(answer.problem(StatusCode::UNAUTHORIZED), "not-signed-in");
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(900 < cells, "{cells}");
}

/// A wrong password is no matter of rights.
fn is_refusal(answer: &Answer) -> bool {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
    refused && !["wrong-password", "wrong-token"].iter().any(|it| answer.text().contains(it))
}

#[tokio::test]
async fn a_thing_of_another_site_is_answered_like_one_that_does_not_exist() {
    let (bench, ids) = furnished().await;
    let missing = Ids::missing();
    let insiders = callers(&bench, "plant").await;
    let outsiders = callers(&bench, "annex").await;
    let mut compared = 0;
    for (method, path) in operations() {
        let Some(there) = asked(&method, &path, &ids) else { continue };
        let nowhere = asked(&method, &path, &missing).unwrap();
        for (insider, outsider) in insiders.iter().zip(&outsiders) {
            if !may(insider.who, meaning(&method, &path)) {
                continue;
            }
            let ask = format!("{method} {path} for {:?}", insider.who);
            // The outsider first: what he does must not be done.
            let other = call(&bench, outsider, &method, &there).await;
            let gone = call(&bench, insider, &method, &nowhere).await;
            let own = call(&bench, insider, &method, &there).await;
            assert_eq!(other.status, gone.status, "{ask}: {}", other.text());
            assert_eq!(ids.hidden(&other.text()), missing.hidden(&gone.text()), "{ask}");
            assert_ne!(own.status, StatusCode::NOT_FOUND, "{ask}: {}", own.text());
            let is_list =
                method == "GET" && own.status == StatusCode::OK && other.status == own.status;
            assert!(!is_list || other.json(StatusCode::OK)["items"] == json!([]), "{ask}");
            compared += 1;
        }
    }
    assert!(60 < compared, "{compared}");
}

#[tokio::test]
async fn the_whole_plant_is_nothing_for_people_of_another_site() {
    let (bench, _) = furnished().await;
    for caller in callers(&bench, "annex").await {
        for (method, path) in operations() {
            if is_of_the_whole_plant(&path) {
                let answer = call(&bench, &caller, &method, &plain(&path)).await;
                let code = answer.problem(StatusCode::FORBIDDEN);
                assert_eq!(code, "not-allowed", "{method} {path} for {:?}", caller.who);
            }
        }
    }
}

#[tokio::test]
async fn lists_hold_the_rows_of_ones_own_sites_and_their_pages_are_full() {
    let bench = Bench::new(ACCOUNTS).await;
    // Newer than what follows, so that a page that is cut first would be short.
    for number in 0..3 {
        bench.open_elsewhere("annex", &format!("lathe-{number}")).await;
    }
    bench.open_ticket("mill-01", 0).await;
    bench.open_ticket("mill-02", 0).await;
    let only = |ids: &[&str]| Sites::Only(ids.iter().map(|it| it.parse().unwrap()).collect());
    let of = [
        ("plant-only", only(&["plant"]), 2),
        ("annex-only", only(&["annex"]), 3),
        ("both", only(&["annex", "plant"]), 5),
        ("all", Sites::All, 5),
        ("nowhere", only(&[]), 0),
    ];
    for (name, sites, expected) in of {
        let cookie = bench.sign_in(name, Role::Viewer, sites).await;
        let headers = [("cookie", cookie.as_str())];
        for (list, id) in [("tickets", "id"), ("anomalies", "episode")] {
            let seen = paged(&bench, &headers, list, id).await;
            assert_eq!(seen.len(), expected, "{name}: {list}");
        }
        let page = bench.send("GET", "/api/v1/messages?limit=200", &headers, "").await;
        let page = page.json(StatusCode::OK);
        let told: BTreeSet<_> =
            page["items"].as_array().unwrap().iter().map(|it| it["number"].to_string()).collect();
        assert_eq!(told.len(), expected, "{name}: messages");
    }
}

/// What a list holds, gone through in pages of two; only the last may be short.
async fn paged(bench: &Bench, headers: &[(&str, &str)], list: &str, id: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut path = format!("/api/v1/{list}?limit=2");
    loop {
        let page = bench.send("GET", &path, headers, "").await.json(StatusCode::OK);
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|it| it[id].to_string()));
        let Some(cursor) = page["next_cursor"].as_str() else { return seen };
        assert_eq!(items.len(), 2, "a page of {list} that is not the last is full");
        path = format!("/api/v1/{list}?limit=2&cursor={cursor}");
    }
}

#[tokio::test]
async fn a_loopback_demo_is_a_leads() {
    let bench = Bench::new(Access::LoopbackDemo).await;
    let lead = Caller { who: Who::Role(Role::Lead), header: ("accept", "*/*".to_owned()) };
    for (method, path) in operations() {
        if path != "/api/v1/events" {
            let answer = call(&bench, &lead, &method, &plain(&path)).await;
            assert_eq!(!is_refusal(&answer), may(lead.who, meaning(&method, &path)), "{path}");
        }
    }
}
