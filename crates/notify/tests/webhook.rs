//! A webhook against a receiver on a real socket.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use forewarn_domain::id::SiteId;
use forewarn_notify::webhook::SigningKey;
use forewarn_notify::{Channel, Guard, Message, Outcome, Secret, Text, Webhook};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn a_delivered_message_is_signed_and_carries_its_id() {
    let (outcome, request) = send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(outcome, Outcome::Delivered);
    for expected in [
        "POST /tickets HTTP/1.1",
        "content-type: application/cloudevents+json; charset=utf-8",
        "webhook-id: msg_1",
        "webhook-timestamp: 1760000000",
        "webhook-signature: v1,",
        r#""type":"io.forewarn.ticket.created.v1""#,
        r#""data":{"priority":"high"}"#,
    ] {
        assert!(request.contains(expected), "{expected} is not in {request}");
    }
}

#[tokio::test]
async fn a_busy_receiver_says_when_to_come_again() {
    let (outcome, _) =
        send("HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n")
            .await;
    assert!(
        matches!(outcome, Outcome::Retry { after: Some(after), .. } if after == Duration::from_secs(30))
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (outcome, _) =
        send("HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n")
            .await;
    assert!(matches!(outcome, Outcome::Locked { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_receiver_that_hangs_up_is_tried_again_and_its_token_is_not_shown() {
    let (outcome, _) = send("").await;
    let Outcome::Retry { after: None, reason } = outcome else { unreachable!("{outcome:?}") };
    assert!(!reason.contains("tickets"), "{reason}");
}

async fn send(answer: &'static str) -> (Outcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/tickets", listener.local_addr().unwrap());
    let message = Message {
        id: "msg_1".to_owned(),
        site: SiteId::new("plant-1").unwrap(),
        kind: "ticket.created.v1".to_owned(),
        subject: "FW-2026-7".to_owned(),
        at: "2026-11-20T06:02:00Z".parse().unwrap(),
        body: serde_json::json!({"priority": "high"}),
        text: Text::default(),
    };
    let key = SigningKey::new(&Secret::new(SECRET)).unwrap();
    let guard = Guard::new(&["127.0.0.0/8".to_owned()]).unwrap();
    let channel = Channel::Webhook(Webhook::new(&url, vec![key], &guard).unwrap());
    tokio::join!(channel.send(&message, 1_760_000_000), receive(listener, answer))
}

/// Reads one request to the end of its body, then answers and hangs up.
async fn receive(listener: TcpListener, answer: &str) -> String {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"}}") {
        assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0, "the request ended early");
    }
    socket.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}
