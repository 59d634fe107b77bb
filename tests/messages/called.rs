//! People who are called by name: over each service under the address that it knows them by.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use forewarn_domain::family::Priority;

use crate::bed::{Bed, clock};
use crate::mail::MailServer;
use crate::services::Services;
use crate::{DINGTALK, FEISHU, HEAD, MAIL, SMS, WECOM};

/// Every person of the file with an address of each kind, made from the id.
fn reachable(people: &str) -> String {
    let mut parts = people.split("[[person]]\n");
    let head = parts.next().unwrap().to_owned();
    let person = |part: &str| {
        let id = part.split('"').nth(1).unwrap();
        let phone = phone(id);
        format!(
            "[[person]]\nreach = {{ wecom = '{id}', feishu = 'ou_{id}', \
             email = '{id}@plant.example', phone = '{phone}' }}\n{part}"
        )
    };
    std::iter::once(head).chain(parts.map(person)).collect()
}

fn phone(id: &str) -> String {
    let digits = id.bytes().fold(7_u64, |sum, it| (sum * 31 + u64::from(it)) % 100_000_000);
    format!("138{digits:08}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_on_duty_is_called_by_name_over_every_kind_of_channel() {
    let clock = clock();
    let (services, mail_server) = (Services::start(clock.clone()).await, MailServer::start().await);
    let mail = MAIL.replace("PORT", &mail_server.address.port().to_string());
    let all = [HEAD, WECOM, DINGTALK, FEISHU, SMS, mail.as_str()].concat();
    let config = all.replace("URL", &services.url(""));
    let bed = Bed::with_handbook(&config, clock, &services.url("/sms"), reachable).await;
    bed.open_ticket("mill-01", 0, Priority::P2).await;
    bed.drain(1).await;

    let called = bed.messages().await[0].message.facts.to.clone();
    assert!(!called.is_empty(), "somebody is on duty");
    let told = |service: &str| services.of(service)[0].text.clone();
    let mails = mail_server.mails();
    for id in &called {
        let phone = phone(id.as_str());
        assert!(told("wecom").contains(&format!("<@{id}>")), "{}", told("wecom"));
        assert!(told("dingtalk").contains(&format!("@{phone}")), "{}", told("dingtalk"));
        assert!(told("feishu").contains(&format!("<at id=ou_{id}></at>")), "{}", told("feishu"));
        assert!(told("sms").contains(&phone), "{}", told("sms"));
        let mailbox = format!("{id}@plant.example");
        assert!(mails[0].to.iter().any(|it| it.contains(&mailbox)), "{:?}", mails[0].to);
    }
    let wecom = told("wecom");
    assert!(wecom.contains("> 通知："), "the names stand there too: {wecom}");
    assert_eq!(wecom.matches("<@").count(), 1 + called.len(), "and nobody else is called: {wecom}");
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_without_an_address_is_named_all_the_same() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    let config = [HEAD, WECOM].concat().replace("URL", &services.url(""));
    let bed = Bed::with_handbook(&config, clock, &services.url("/sms"), str::to_owned).await;
    bed.open_ticket("mill-01", 0, Priority::P2).await;
    bed.drain(1).await;
    let wecom = services.of("wecom")[0].text.clone();
    assert!(wecom.contains("> 通知："), "{wecom}");
    assert_eq!(wecom.matches("<@").count(), 1, "only whom the channel always calls: {wecom}");
    bed.stop().await;
}
