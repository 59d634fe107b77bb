//! The chat services, a webhook receiver and a provider of text messages, as they document themselves:
//! limits, signatures, and errors in the body of an answer that says 200.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forewarn_lifecycle::Clock;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const WECOM_KEY: &str = "canary-wecom-key";
pub(crate) const DINGTALK_TOKEN: &str = "canary-dingtalk-token";
pub(crate) const DINGTALK_SECRET: &str = "SECcanary-dingtalk";
pub(crate) const FEISHU_HOOK: &str = "canary-feishu-hook";
pub(crate) const FEISHU_SECRET: &str = "canary-feishu-secret";
pub(crate) const WEBHOOK_SECRET: &str = "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTAxMjM0NQ==";
pub(crate) const SMS_SECRET: &str = "canary-sms-secret";

/// Everything that the services got, and how they behave.
#[derive(Clone, Debug)]
pub(crate) struct Services(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pub(crate) address: SocketAddr,
    clock: Clock,
    state: Mutex<Received>,
}

/// What came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    /// Accepted messages: by which service, the text, and the id where there is one.
    pub(crate) accepted: Vec<Accepted>,
    /// Requests that were answered with an error, as `service: error`.
    pub(crate) refused: Vec<String>,
    /// When each service took something, for its limits.
    taken: HashMap<&'static str, Vec<i64>>,
    /// Until when `DingTalk` takes nothing, in µs.
    locked_until: i64,
    /// Words that the chat services do not accept.
    pub(crate) forbidden_word: Option<String>,
    /// How the webhook receiver misbehaves: every so many requests it answers 500, or hangs up after
    /// taking the message.
    pub(crate) fails_every: Option<usize>,
    /// How many requests the webhook receiver had.
    pub(crate) webhook_requests: usize,
}

/// A message that a service accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accepted {
    pub(crate) service: &'static str,
    pub(crate) text: String,
    pub(crate) id: String,
    pub(crate) at_us: i64,
}

impl Services {
    #[expect(clippy::disallowed_methods, reason = "it ends with the runtime of its test")]
    pub(crate) async fn start(clock: Clock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let services = Self(Arc::new(Inner { address, clock, state: Mutex::default() }));
        let app = Router::new()
            .route("/cgi-bin/webhook/send", post(wecom))
            .route("/robot/send", post(dingtalk))
            .route("/open-apis/bot/v2/hook/{hook}", post(feishu))
            .route("/tickets", post(webhook))
            .route("/sms", post(sms))
            .with_state(services.clone());
        drop(tokio::task::spawn(async move { axum::serve(listener, app).await.unwrap() }));
        services
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.0.address)
    }

    pub(crate) fn received(&self) -> Received {
        self.0.state.lock().unwrap().clone()
    }

    pub(crate) fn of(&self, service: &str) -> Vec<Accepted> {
        self.received().accepted.into_iter().filter(|it| it.service == service).collect()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Received)) {
        change(&mut self.0.state.lock().unwrap());
    }

    fn now_us(&self) -> i64 {
        self.0.clock.now_us()
    }

    /// Whether a service took fewer than `limit` messages within the last `seconds`.
    fn is_free(&self, service: &'static str, limit: usize, seconds: i64) -> bool {
        let now = self.now_us();
        let state = self.0.state.lock().unwrap();
        let taken = state.taken.get(service).cloned().unwrap_or_default();
        taken.iter().filter(|at| now - **at < seconds * 1_000_000).count() < limit
    }

    fn accept(&self, service: &'static str, text: String, id: &str) {
        let at_us = self.now_us();
        let mut state = self.0.state.lock().unwrap();
        state.taken.entry(service).or_default().push(at_us);
        state.accepted.push(Accepted { service, text, id: id.to_owned(), at_us });
    }

    fn refuse(&self, service: &str, code: i64, words: &str) {
        self.0.state.lock().unwrap().refused.push(format!("{service}: {code} {words}"));
    }

    fn is_forbidden(&self, text: &str) -> bool {
        let state = self.0.state.lock().unwrap();
        state.forbidden_word.as_ref().is_some_and(|it| text.contains(it))
    }
}

type Asked = Query<HashMap<String, String>>;

async fn wecom(State(all): State<Services>, Query(query): Asked, body: Bytes) -> String {
    let answer = |code: i64, words: &str| {
        if code != 0 {
            all.refuse("wecom", code, words);
        }
        json!({"errcode": code, "errmsg": words}).to_string()
    };
    if query.get("key").map(String::as_str) != Some(WECOM_KEY) {
        // The service repeats what it was given: a reason must not carry it further.
        let key = query.get("key").cloned().unwrap_or_default();
        return answer(93_000, &format!("invalid webhook url, key {key}"));
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let content = body["markdown"]["content"].as_str().unwrap_or_default();
    if body["msgtype"] != "markdown" || content.is_empty() {
        return answer(44_004, "empty content");
    }
    if 4_096 < content.len() || all.is_forbidden(content) {
        return answer(40_058, "markdown.content invalid");
    }
    if !all.is_free("wecom", 20, 60) {
        return answer(45_009, "api freq out of limit");
    }
    all.accept("wecom", content.to_owned(), "");
    answer(0, "ok")
}

async fn dingtalk(State(all): State<Services>, Query(query): Asked, body: Bytes) -> String {
    let answer = |code: i64, words: &str| {
        if code != 0 {
            all.refuse("dingtalk", code, words);
        }
        json!({"errcode": code, "errmsg": words}).to_string()
    };
    let asked = |name: &str| query.get(name).cloned().unwrap_or_default();
    if asked("access_token") != DINGTALK_TOKEN {
        return answer(300_005, "token is not exist");
    }
    let timestamp = asked("timestamp");
    let signed = format!("{timestamp}\n{DINGTALK_SECRET}");
    let is_fresh = timestamp
        .parse::<i64>()
        .is_ok_and(|it| (it * 1_000 - all.now_us()).abs() < 3_600 * 1_000_000);
    if !is_fresh || asked("sign") != hmac(DINGTALK_SECRET.as_bytes(), signed.as_bytes()) {
        return answer(310_000, "sign not match");
    }
    let is_locked = all.now_us() < all.received().locked_until;
    if is_locked || !all.is_free("dingtalk", 20, 60) {
        let until = all.now_us() + 600 * 1_000_000;
        all.change(|it| it.locked_until = it.locked_until.max(until));
        return answer(130_101, "send too fast, exceed 20 times per minute");
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = body["markdown"]["text"].as_str().unwrap_or_default();
    if body["msgtype"] != "markdown" || body["markdown"]["title"].as_str().is_none() {
        return answer(400_105, "unsupported msgtype");
    }
    if 20_000 < text.len() || all.is_forbidden(text) {
        return answer(460_101, "message too long");
    }
    all.accept("dingtalk", text.to_owned(), "");
    answer(0, "ok")
}

async fn feishu(
    State(all): State<Services>,
    Path(hook): Path<String>,
    body: Bytes,
) -> (StatusCode, String) {
    let answer = |code: i64, words: &str| {
        if code != 0 {
            all.refuse("feishu", code, words);
        }
        (StatusCode::OK, json!({"code": code, "msg": words, "data": {}}).to_string())
    };
    if hook != FEISHU_HOOK {
        return answer(19_001, "param invalid: incoming webhook access token invalid");
    }
    if 20 * 1_024 < body.len() {
        return answer(9_499, "Bad Request");
    }
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    let timestamp = parsed["timestamp"].as_str().unwrap_or_default();
    let is_fresh = timestamp
        .parse::<i64>()
        .is_ok_and(|it| (it * 1_000_000 - all.now_us()).abs() < 3_600 * 1_000_000);
    let sign = hmac(format!("{timestamp}\n{FEISHU_SECRET}").as_bytes(), b"");
    if !is_fresh || parsed["sign"] != sign.as_str() {
        return answer(19_021, "sign match fail or timestamp is not within one hour");
    }
    if !all.is_free("feishu", 100, 60) || !all.is_free("feishu", 5, 1) {
        return answer(11_232, "frequency limited");
    }
    let card = &parsed["card"];
    let title = card["header"]["title"]["content"].as_str().unwrap_or_default();
    let words = card["elements"][0]["text"]["content"].as_str().unwrap_or_default();
    if parsed["msg_type"] != "interactive" || title.is_empty() {
        return answer(19_002, "params error");
    }
    all.accept("feishu", format!("{title}\n{words}"), "");
    answer(0, "success")
}

async fn webhook(State(all): State<Services>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| {
        headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let key = STANDARD.decode(WEBHOOK_SECRET.trim_start_matches("whsec_")).unwrap();
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(&body);
    let signature = format!("v1,{}", hmac(&key, &signed));
    if !header("webhook-signature").split(' ').any(|it| it == signature) {
        all.refuse("webhook", 401, "signature");
        return StatusCode::UNAUTHORIZED;
    }
    let (count, fails_every) = {
        let mut state = all.0.state.lock().unwrap();
        state.webhook_requests += 1;
        (state.webhook_requests, state.fails_every)
    };
    if let Some(every) = fails_every {
        if count.is_multiple_of(every) {
            all.refuse("webhook", 500, "out of order");
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        if count % every == 1 {
            // Taken, but the sender never hears of it.
            all.accept("webhook", String::from_utf8(body.to_vec()).unwrap(), &id);
            return StatusCode::GATEWAY_TIMEOUT;
        }
    }
    all.accept("webhook", String::from_utf8(body.to_vec()).unwrap(), &id);
    StatusCode::NO_CONTENT
}

async fn sms(State(all): State<Services>, headers: HeaderMap, body: Bytes) -> String {
    let authorised = headers.get("authorization").and_then(|it| it.to_str().ok());
    if authorised != Some(format!("Bearer {SMS_SECRET}").as_str()) {
        all.refuse("sms", 401, "no such key");
        return json!({"code": "FORBIDDEN"}).to_string();
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = body["content"].as_str().unwrap_or_default();
    if 70 < text.chars().count() {
        all.refuse("sms", 400, "too long");
        return json!({"code": "TOO_LONG"}).to_string();
    }
    let id = body["reference"].as_str().unwrap_or_default().to_owned();
    all.accept("sms", format!("{} {text}", body["phones"]), &id);
    json!({"code": "OK"}).to_string()
}

fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    STANDARD.encode(mac.finalize().into_bytes())
}
