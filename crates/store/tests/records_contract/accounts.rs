//! What accounts, sessions, keys and sites promise.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use forewarn_domain::ticket::Command;
use forewarn_domain::time::Span;
use forewarn_store::records::{
    AccountChange, EpisodeFilter, LabelFilter, MessageFilter, NewAccount, NewKey, NewSession,
    PasswordHash, Records, RecordsError, Role, Sites, StateFilter, TicketFilter,
};
use forewarn_store::records::{Commit, TicketWrite};

use super::act;
use super::samples::{NOW, draft, episode};

fn only(ids: &[&str]) -> Sites {
    Sites::Only(ids.iter().map(|it| it.parse().unwrap()).collect())
}

fn new(name: &str, role: Role, sites: Sites) -> NewAccount {
    NewAccount {
        name: name.parse().unwrap(),
        display: "李工".to_owned(),
        role,
        sites,
        password: PasswordHash(format!("hash of {name}")),
    }
}

fn session(secret: &str, account: &str) -> NewSession {
    NewSession {
        secret: secret.to_owned(),
        account: account.to_owned(),
        address: "192.0.2.7".to_owned(),
        program: "a phone".to_owned(),
        expires_at: NOW + Span::from_secs(43_200),
    }
}

pub(crate) async fn the_setup_token_makes_one_admin_in_its_time(records: Records) {
    let wang = new("wang", Role::Viewer, only(&["plant"]));
    assert!(!records.set_up("", &wang, NOW).await.unwrap(), "there is none yet");
    records.set_setup_token("first", NOW).await.unwrap();
    records.set_setup_token("second", NOW).await.unwrap();
    assert!(!records.set_up("first", &wang, NOW).await.unwrap(), "it was replaced");
    let late = NOW + Span::from_secs(1_801);
    assert!(!records.set_up("second", &wang, late).await.unwrap(), "it is old");
    assert!(!records.has_admin().await.unwrap());
    assert!(records.set_up("second", &wang, NOW).await.unwrap());
    assert!(records.has_admin().await.unwrap());
    let (made, hash) = records.password_of("wang").await.unwrap().unwrap();
    assert_eq!((made.role, made.sites), (Role::Admin, Sites::All), "the first one is for all");
    assert_eq!(hash, wang.password);
    assert!(!format!("{hash:?}{wang:?}").contains("hash of"), "it does not show itself");
    assert!(!records.set_up("second", &new("li", Role::Admin, Sites::All), NOW).await.unwrap());
    records.set_setup_token("third", NOW).await.unwrap();
    assert!(!records.set_up("third", &new("li", Role::Admin, Sites::All), NOW).await.unwrap());
}

pub(crate) async fn a_session_counts_while_its_account_does(records: Records) {
    records.add_account(&new("wang", Role::Admin, Sites::All), "setup", NOW).await.unwrap();
    records.add_account(&new("li", Role::Lead, Sites::All), "wang", NOW).await.unwrap();
    records.open_session(&session("one", "li"), NOW).await.unwrap();
    let found = records.session("one", NOW).await.unwrap().unwrap();
    assert_eq!((found.account.name.as_str(), found.account.role), ("li", Role::Lead));
    assert_eq!(records.session("other", NOW).await.unwrap(), None);
    let change = AccountChange { role: Some(Role::Viewer), ..AccountChange::default() };
    records.change_account("li", &change, ("wang", NOW)).await.unwrap();
    let found = records.session("one", NOW).await.unwrap().unwrap();
    assert_eq!(found.account.role, Role::Viewer, "at once");
    let later = NOW + Span::from_secs(4 * 3_600);
    assert_eq!(records.session("one", later).await.unwrap(), None, "it was not used for hours");
    let used = NOW + Span::from_secs(3 * 3_600);
    records.use_session(&found, used).await.unwrap();
    assert!(records.session("one", later).await.unwrap().is_some());
    let over = NOW + Span::from_secs(43_200);
    let close = over - Span::from_secs(60);
    records.use_session(&found, close).await.unwrap();
    assert!(records.session("one", close).await.unwrap().is_some());
    assert_eq!(records.session("one", over).await.unwrap(), None, "used or not");
    let change = AccountChange { is_disabled: Some(true), ..AccountChange::default() };
    records.change_account("li", &change, ("wang", NOW)).await.unwrap();
    assert_eq!(records.session("one", close).await.unwrap(), None);
    let change = AccountChange { is_disabled: Some(false), ..AccountChange::default() };
    records.change_account("li", &change, ("wang", NOW)).await.unwrap();
    assert_eq!(records.session("one", close).await.unwrap(), None, "it ended for good");
    records.open_session(&session("admins", "wang"), NOW).await.unwrap();
    let half_an_hour = NOW + Span::from_secs(1_800);
    assert_eq!(records.session("admins", half_an_hour).await.unwrap(), None);
}

pub(crate) async fn a_new_password_and_a_wish_end_sessions(records: Records) {
    records.add_account(&new("li", Role::Lead, Sites::All), "setup", NOW).await.unwrap();
    for secret in ["one", "two", "three"] {
        records.open_session(&session(secret, "li"), NOW).await.unwrap();
    }
    let listed = records.sessions("li", NOW).await.unwrap();
    assert_eq!(listed.len(), 3);
    let two = records.session("two", NOW).await.unwrap().unwrap();
    assert!(!records.end_session("wang", &two.id, NOW).await.unwrap(), "it is not wang's");
    for pattern in ["%", "", "________________"] {
        assert!(!records.end_session("li", pattern, NOW).await.unwrap(), "{pattern}");
    }
    assert!(records.end_session("li", &two.id, NOW).await.unwrap());
    assert_eq!(records.session("two", NOW).await.unwrap(), None);
    let hash = PasswordHash("another".to_owned());
    records.set_own_password("li", &hash, ("one", NOW)).await.unwrap();
    assert!(records.session("one", NOW).await.unwrap().is_some());
    assert_eq!(records.session("three", NOW).await.unwrap(), None);
    assert_eq!(records.password_of("li").await.unwrap().unwrap().1, hash);
    records.close_session("one", NOW).await.unwrap();
    assert_eq!(records.session("one", NOW).await.unwrap(), None);
}

pub(crate) async fn the_last_admin_of_all_sites_stays(records: Records) {
    records.add_account(&new("wang", Role::Admin, Sites::All), "setup", NOW).await.unwrap();
    records.add_account(&new("li", Role::Admin, only(&["plant"])), "wang", NOW).await.unwrap();
    let twice = records.add_account(&new("li", Role::Lead, Sites::All), "wang", NOW).await;
    assert!(matches!(twice, Err(RecordsError::AccountTaken { .. })), "{twice:?}");
    let disable = AccountChange { is_disabled: Some(true), ..AccountChange::default() };
    let demote = AccountChange { role: Some(Role::Lead), ..AccountChange::default() };
    let narrow = AccountChange { sites: Some(only(&["plant"])), ..AccountChange::default() };
    for change in [&disable, &demote, &narrow] {
        let kept = records.change_account("wang", change, ("wang", NOW)).await;
        assert!(matches!(kept, Err(RecordsError::LastAdmin { .. })), "{kept:?}");
    }
    records.change_account("li", &disable, ("wang", NOW)).await.unwrap();
    let unknown = records.change_account("zhou", &demote, ("wang", NOW)).await;
    assert!(matches!(unknown, Err(RecordsError::UnknownName { .. })), "{unknown:?}");
    let here = records.within(only(&["plant"]));
    let names: Vec<_> =
        here.accounts().await.unwrap().into_iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["li"], "an account of more sites is out of sight");
    let hidden = here.change_account("wang", &demote, ("li", NOW)).await;
    assert!(matches!(hidden, Err(RecordsError::UnknownName { .. })), "{hidden:?}");
}

pub(crate) async fn a_key_counts_until_it_expires_or_is_revoked(records: Records) {
    let key = |id: &str, expires_at| NewKey {
        id: id.to_owned(),
        secret: format!("fw_{id}_s3cret"),
        name: "ERP".to_owned(),
        scopes: vec!["ingest".to_owned(), "read".to_owned()],
        sites: only(&["plant"]),
        expires_at,
    };
    let end = NOW + Span::from_secs(60);
    let made = records.add_key(&key("a1", Some(end)), "wang", NOW).await.unwrap();
    assert!(!format!("{:?}", key("a1", None)).contains("s3cret"));
    let found = records.key("fw_a1_s3cret", NOW).await.unwrap().unwrap();
    assert_eq!((&found, found.used_at), (&made, None));
    records.use_key(&found, NOW).await.unwrap();
    assert_eq!(records.key("fw_a1_s3cret", NOW).await.unwrap().unwrap().used_at, Some(NOW));
    assert_eq!(records.key("fw_a1_s3cret", end).await.unwrap(), None);
    records.add_key(&key("b2", None), "wang", NOW).await.unwrap();
    let elsewhere = records.within(only(&["annex"]));
    assert!(elsewhere.keys().await.unwrap().is_empty());
    let hidden = elsewhere.revoke_key("b2", "li", NOW).await;
    assert!(matches!(hidden, Err(RecordsError::UnknownName { .. })), "{hidden:?}");
    for _ in 0..2 {
        records.revoke_key("b2", "wang", NOW).await.unwrap();
    }
    assert_eq!(records.key("fw_b2_s3cret", NOW).await.unwrap(), None);
    assert_eq!(records.keys().await.unwrap().len(), 2, "they are kept");
    let rows = records.audit_rows(0, 100).await.unwrap();
    let told: Vec<_> = rows.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(told, ["key.add", "key.add", "key.revoke"]);
    assert!(!format!("{rows:?}").contains("s3cret"));
}

pub(crate) async fn a_store_within_sites_finds_lists_and_changes_nothing_else(records: Records) {
    for (site, device) in [("plant", "mill-01"), ("annex", "lathe-09")] {
        let mut draft = draft(device, 0);
        draft.key.site = site.parse().unwrap();
        draft.episode = forewarn_domain::episode::EpisodeId::derive(&draft.key, draft.detected_at);
        draft.id = forewarn_domain::ticket::TicketId::derive(draft.episode);
        records.know_devices(&draft.key.site, [&draft.key.device]).await.unwrap();
        let commit = Commit {
            episodes: vec![episode(&draft)],
            tickets: vec![TicketWrite::Open(Box::new(draft))],
            at: NOW,
            ..Commit::default()
        };
        records.commit(&commit).await.unwrap();
    }
    let all = TicketFilter { state: StateFilter::All, ..TicketFilter::default() };
    let tickets = records.tickets(&all, None, 10).await.unwrap();
    assert_eq!(tickets.len(), 2);
    let (annex, own) = (records.within(only(&["annex"])), records.within(only(&["plant"])));
    let theirs = tickets.iter().find(|it| it.key.site.as_str() == "annex").unwrap();
    let mine = tickets.iter().find(|it| it.key.site.as_str() == "plant").unwrap();
    assert_eq!(own.tickets(&all, None, 10).await.unwrap(), std::slice::from_ref(mine));
    assert_eq!(annex.tickets(&all, None, 10).await.unwrap(), std::slice::from_ref(theirs));
    for named in [theirs.id.to_string(), theirs.number.clone()] {
        let hidden = own.ticket(&named).await;
        assert!(matches!(hidden, Err(RecordsError::UnknownTicket { .. })), "{hidden:?}");
    }
    let hidden = own.act(&act(theirs.id, Command::Accept {})).await;
    assert!(matches!(hidden, Err(RecordsError::UnknownTicket { .. })), "{hidden:?}");
    let duplicate = Command::Duplicate { of: theirs.number.clone() };
    let hidden = own.act(&act(mine.id, duplicate)).await;
    assert!(matches!(hidden, Err(RecordsError::UnknownTicket { .. })), "{hidden:?}");
    let episodes = own.episodes(&EpisodeFilter::default(), None, 10).await.unwrap();
    assert_eq!(episodes.len(), 1);
    let hidden = own.episode(theirs.episode).await;
    assert!(matches!(hidden, Err(RecordsError::UnknownEpisode { .. })), "{hidden:?}");
    assert_eq!(own.open_counts().await.unwrap().len(), 1);
    assert_eq!(own.opened_since(NOW).await.unwrap(), 1);
    assert!(own.labels(&LabelFilter::default(), 10).await.unwrap().is_empty());
    let messages = own.messages(&MessageFilter::default(), 10).await.unwrap();
    assert!(!messages.is_empty() && messages.iter().all(|it| it.message.ticket == Some(mine.id)));
    let (of_all, of_own) =
        (records.changes_after(0, 10).await.unwrap(), own.changes_after(0, 10).await.unwrap());
    assert_eq!((of_all.len(), of_own.len()), (2, 1));
    assert_eq!(of_own[0].device, "mill-01");
    let nowhere = records.within(only(&[]));
    assert!(nowhere.tickets(&all, None, 10).await.unwrap().is_empty());
}
