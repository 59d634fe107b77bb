//! What the outbox promises to whoever sends messages.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use forewarn_domain::family::Priority;
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{Command, TicketEvent, TicketState};
use forewarn_domain::time::Span;
use forewarn_store::records::{Message, MessageFilter, MessageNotice, Parcel, Records, Routes};

use super::samples::NOW;
use super::{act, open_one};

const LEASE: Span = Span::from_secs(60);

async fn due(records: &Records, channel: &str, seconds: i64) -> Vec<i64> {
    let due = records.due_messages(channel, NOW + Span::from_secs(seconds), 100).await.unwrap();
    due.iter().map(|it| it.id).collect()
}

async fn claim(records: &Records, channel: &str, digest: Option<&str>) -> Vec<Message> {
    let ids = due(records, channel, 0).await;
    records.claim_messages(&ids, digest, NOW, LEASE).await.unwrap()
}

pub(crate) async fn messages_are_leased_retried_and_given_up(records: Records) {
    let records = records.with_channels(vec!["wecom".into(), "mail".into()]);
    open_one(&records, "mill-01").await;
    let wecom = claim(&records, "wecom", None).await;
    let mail = claim(&records, "mail", None).await;
    assert_eq!((wecom[0].what.as_str(), mail[0].what.as_str()), ("opened", "opened"));
    assert!(due(&records, "wecom", 0).await.is_empty(), "it is leased");
    let again = records.claim_messages(&[wecom[0].id], None, NOW, LEASE).await.unwrap();
    assert!(again.is_empty(), "nobody else takes it");
    records.message_sent(Parcel::One(wecom[0].id), NOW).await.unwrap();
    let later = NOW + Span::from_secs(5);
    records.message_failed(Parcel::One(mail[0].id), later, "refused").await.unwrap();
    assert!(due(&records, "mail", 4).await.is_empty(), "not due yet");
    let again = records.claim_messages(&[mail[0].id], None, later, LEASE).await.unwrap();
    assert_eq!((again.len(), again[0].attempts), (1, 2));
    assert_eq!(again[0].key, mail[0].key, "a receiver recognises the repeat");
    assert_eq!(due(&records, "mail", 65).await, [mail[0].id], "its sender died");
    records.message_dead(Parcel::One(mail[0].id), later, "gone", None).await.unwrap();
    let counts = records.outbox_counts().await.unwrap();
    assert_eq!((counts.waiting, counts.dead), (0, 1));
    assert_eq!(records.sent_parcels("wecom", NOW - LEASE).await.unwrap(), [(NOW, 1)]);
    assert!(records.revive_message(mail[0].id, later).await.unwrap());
    assert!(!records.revive_message(mail[0].id, later).await.unwrap(), "it is alive");
    assert_eq!(due(&records, "mail", 5).await, [mail[0].id]);
    assert_eq!(records.abandon_messages("mail", later, "no such channel").await.unwrap(), 1);
    let dead = MessageFilter { is_dead: true, ..MessageFilter::default() };
    let dead = records.messages(&dead, 10).await.unwrap();
    assert_eq!(dead[0].last_error.as_deref(), Some("no such channel"));
}

pub(crate) async fn what_a_message_says_stays_as_it_was(records: Records) {
    let routes = |addressed: &forewarn_store::records::Addressed<'_>| {
        let is_urgent =
            addressed.priority <= Priority::P2 && addressed.device.as_str() == "mill-01";
        let channels =
            [("all", true), ("urgent", is_urgent), ("new", addressed.event == TicketEvent::Opened)];
        channels.iter().filter(|(_, is_told)| *is_told).map(|(id, _)| (*id).to_owned()).collect()
    };
    let records = records.with_routes(Routes::new(routes));
    let ticket = open_one(&records, "mill-01").await;
    records.act(&act(ticket, Command::Accept {})).await.unwrap();
    let ids = due(&records, "all", 60).await;
    let later = NOW + Span::from_secs(60);
    let all = records.claim_messages(&ids, None, later, LEASE).await.unwrap();
    let told: Vec<_> = all.iter().map(|it| (it.what.as_str(), it.facts.state)).collect();
    let (first, second) = (Some(TicketState::ToAssign), Some(TicketState::Accepted));
    assert_eq!(told, [("opened", first), ("accept", second)]);
    assert_eq!((&all[0].facts.owner, all[1].facts.owner.as_deref()), (&None, Some("li")));
    assert_eq!(all[0].facts.number, "FW-2026-0001");
    assert_eq!(all[0].facts.headline, Localized::new("front bearing wears", "前轴承磨损"));
    assert_eq!(all[0].ticket, Some(ticket));
    assert_eq!(due(&records, "urgent", 0).await.len(), 1, "one is of a minute later");
    assert_eq!(due(&records, "urgent", 60).await.len(), 2);
    assert_eq!(due(&records, "new", 60).await.len(), 1);
    let of_ticket = MessageFilter { ticket: Some(ticket), ..MessageFilter::default() };
    assert_eq!(records.messages(&of_ticket, 10).await.unwrap().len(), 5);
}

pub(crate) async fn a_digest_stays_together_until_it_is_taken_apart(records: Records) {
    let records = records.with_channels(vec!["wecom".into()]);
    for device in ["mill-01", "mill-02", "mill-03"] {
        open_one(&records, device).await;
    }
    let claimed = claim(&records, "wecom", Some("digest/1")).await;
    assert_eq!(claimed.len(), 3);
    open_one(&records, "mill-04").await;
    let digest = Parcel::Digest { channel: "wecom", key: "digest/1" };
    let later = NOW + Span::from_secs(5);
    records.message_failed(digest, later, "busy").await.unwrap();
    let again = records.due_messages("wecom", later, 10).await.unwrap();
    let keys: Vec<_> = again.iter().map(|it| it.digest.as_deref()).collect();
    assert_eq!(keys, [Some("digest/1"), Some("digest/1"), Some("digest/1"), None]);
    records.digest_apart("wecom", "digest/1", "a word is forbidden").await.unwrap();
    let alone = records.due_messages("wecom", later, 10).await.unwrap();
    assert_eq!(alone.iter().filter(|it| it.digest.as_deref() == Some("")).count(), 3);

    let ids: Vec<i64> = alone.iter().map(|it| it.id).collect();
    records.claim_messages(&ids, Some("digest/2"), later, LEASE).await.unwrap();
    let digest = Parcel::Digest { channel: "wecom", key: "digest/2" };
    records.message_sent(digest, later).await.unwrap();
    assert_eq!(records.sent_parcels("wecom", NOW).await.unwrap(), [(later, 4)]);
    let counts = records.channel_counts().await.unwrap();
    assert_eq!((counts[0].sent, counts[0].waiting, counts[0].oldest), (4, 0, None));
}

pub(crate) async fn a_stand_in_gets_what_was_given_up_and_only_once(records: Records) {
    let records = records.with_channels(vec!["wecom".into()]);
    open_one(&records, "mill-01").await;
    let told = claim(&records, "wecom", None).await;
    let parcel = Parcel::One(told[0].id);
    records.message_dead(parcel, NOW, "the key is wrong", Some("sms")).await.unwrap();
    records.message_dead(parcel, NOW, "again", Some("sms")).await.unwrap();
    let stand_in = claim(&records, "sms", None).await;
    assert_eq!(stand_in.len(), 1);
    assert_eq!(stand_in[0].key, told[0].key.replace("wecom", "sms"));
    assert_eq!(stand_in[0].facts, told[0].facts);
}

pub(crate) async fn a_notice_is_written_once(records: Records) {
    let notice = MessageNotice {
        what: "notice",
        key: "expiry/wecom/2027-01-31".into(),
        channel: "mail".into(),
        headline: Localized::new("a key expires", "密钥即将过期"),
        priority: Some(Priority::P2),
    };
    records.give_notice(&notice, NOW).await.unwrap();
    records.give_notice(&notice, NOW).await.unwrap();
    let told = claim(&records, "mail", None).await;
    assert_eq!((told.len(), told[0].ticket), (1, None));
    assert_eq!(told[0].facts.headline, notice.headline);
}
