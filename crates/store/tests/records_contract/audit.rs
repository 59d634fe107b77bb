//! What the audit trail promises: everything is in it, and it is one chain.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use forewarn_domain::ticket::Command;
use forewarn_domain::time::Span;
use forewarn_store::records::audit::Deed;
use forewarn_store::records::audit::chain::{AuditRow, Verifier};
use forewarn_store::records::{
    NewAccount, NewConfig, NewSession, PasswordHash, Records, Role, Sites,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::samples::NOW;
use super::{act, open_one};

async fn trail(records: &Records) -> Vec<AuditRow> {
    let rows = records.audit_rows(0, 10_000).await.unwrap();
    let mut verifier = Verifier::new(Vec::new(), None);
    rows.iter().for_each(|it| verifier.push(it));
    let verdict = verifier.finish();
    assert_eq!(verdict.fault, None);
    assert_eq!(verdict.head, records.audit_head().await.unwrap());
    rows
}

pub(crate) async fn everything_that_people_do_is_in_the_trail(records: Records) {
    assert!(trail(&records).await.is_empty());
    records.set_setup_token("s3cret", NOW).await.unwrap();
    let expires_at = NOW + Span::from_secs(60);
    let account = NewAccount {
        name: "li".parse().unwrap(),
        display: "li".into(),
        role: Role::Lead,
        sites: Sites::All,
        password: PasswordHash("s3cret".into()),
    };
    records.add_account(&account, "wang", NOW).await.unwrap();
    let new = NewSession {
        secret: "s3cret-session".into(),
        account: "li".into(),
        address: "192.0.2.7".into(),
        program: "a phone".into(),
        expires_at,
    };
    records.open_session(&new, NOW).await.unwrap();
    let ticket = open_one(&records, "mill-01").await;
    records.act(&act(ticket, Command::Accept {})).await.unwrap();
    records.act(&act(ticket, Command::Verify {})).await.unwrap_err();
    let config = NewConfig {
        kind: "rules".into(),
        id: "rules".into(),
        author: "wang".into(),
        reason: "tighter".into(),
        toml: "a = 1".into(),
    };
    records.add_config(&config, NOW).await.unwrap();
    records.add_config(&config, NOW).await.unwrap();
    let refusal = Deed::new("li", "denied", "POST /api/v1/rules/versions", json!({"status": 403}));
    records.audit(&refusal, NOW).await.unwrap();
    records.close_session("s3cret-session", NOW).await.unwrap();
    records.close_session("s3cret-session", NOW).await.unwrap();
    let rows = trail(&records).await;
    let told: Vec<_> = rows.iter().map(|it| (it.actor.as_str(), it.action.as_str())).collect();
    let expected = [
        ("forewarn", "setup_token.set"),
        ("wang", "account.add"),
        ("li", "session.open"),
        ("forewarn", "ticket.opened"),
        ("li", "ticket.accept"),
        ("wang", "config.change"),
        ("li", "denied"),
        ("li", "session.close"),
    ];
    assert_eq!(told, expected, "what was refused or changed nothing left nothing");
    assert_eq!(rows[4].object, ticket.to_string());
    assert!(!format!("{rows:?}").contains("s3cret"), "no secret is in it");
}

pub(crate) async fn parallel_writers_make_one_chain(records: Records) {
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let records = records.clone();
        writers.spawn(async move {
            for number in 0..10 {
                let object = format!("{writer}/{number}");
                let deed = Deed::new("li", "export", &object, json!({}));
                records.audit(&deed, NOW).await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(trail(&records).await.len(), 80);
}
