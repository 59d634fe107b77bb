//! Messages through the real stage, from a real outbox to services that behave as they document
//! themselves, over real HTTP and SMTP on loopback.
//!
//! The guard on addresses lets loopback through because each configuration here says so.

#[path = "messages/bed.rs"]
mod bed;
#[path = "messages/called.rs"]
mod called;
#[path = "messages/life.rs"]
mod life;
#[path = "messages/mail.rs"]
mod mail;
#[path = "../crates/store/tests/records_contract/samples.rs"]
mod samples;
#[path = "messages/services.rs"]
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bed::{Bed, clock, open_tickets, until};
use forewarn_api::channels::MessageChannels as _;
use forewarn_domain::family::Priority;
use forewarn_domain::ticket::Command;
use forewarn_store::records::Act;
use mail::MailServer;
use services::Services;

const WECOM: &str = "[[channel]]\nid = 'wecom'\nvia = { wecom = { key = { file = 'wecom.key' }, url = 'URL/cgi-bin/webhook/send', mention = ['li'] } }\n";
const DINGTALK: &str = "[[channel]]\nid = 'dingtalk'\nvia = { dingtalk = { token = { file = 'dingtalk.token' }, secret = { file = 'dingtalk.secret' }, url = 'URL/robot/send' } }\n";
const FEISHU: &str = "[[channel]]\nid = 'feishu'\nvia = { feishu = { hook = { file = 'feishu.hook' }, secret = { file = 'feishu.secret' }, url = 'URL/open-apis/bot/v2/hook' } }\n";
const WEBHOOK: &str = "[[channel]]\nid = 'erp'\nvia = { webhook = { url = 'URL/tickets', secrets = [{ file = 'webhook.secret' }] } }\n";
const SMS: &str = "[[channel]]\nid = 'sms'\nvia = { provider = { template = 'sms.toml', secret = { file = 'sms.secret' }, to = ['13800000000'] } }\n";
const MAIL: &str = "[[channel]]\nid = 'mail'\nvia = { email = { host = '127.0.0.1', port = PORT, encryption = 'none', from = 'Forewarn <forewarn@plant.example>', to = ['li@plant.example'] } }\n";
const HEAD: &str = "public_url = 'https://fw.plant/'\ndaily = 'never'\nallow = ['127.0.0.0/8']\n";

async fn bed(channels: &[&str], services: &Services, clock: forewarn_lifecycle::Clock) -> Bed {
    let config = format!("{HEAD}{}", channels.concat()).replace("URL", &services.url(""));
    Bed::start(&config, clock, &services.url("/sms")).await
}

fn act(ticket: &str, command: Command, at: forewarn_domain::time::Time) -> Act {
    let (ticket, actor) = (ticket.to_owned(), "li".to_owned());
    Act { ticket, command, actor, at, if_revision: None, request: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_told_over_every_kind_of_channel() {
    let clock = clock();
    let (services, mail_server) = (Services::start(clock.clone()).await, MailServer::start().await);
    let mail = MAIL.replace("PORT", &mail_server.address.port().to_string());
    let all = [WECOM, DINGTALK, FEISHU, WEBHOOK, SMS, mail.as_str()];
    let bed = bed(&all, &services, clock).await;
    bed.open_ticket("mill-01", 0, Priority::P2).await;
    until("the webhook's message", || services.of("webhook").len() == 1).await;
    assert!(services.of("wecom").is_empty(), "people's messages wait a moment for company");
    bed.drain(1).await;
    let wecom = "**<font color=\"warning\">[P2] FW-2026-0001 前轴承磨损</font>**\n> 设备：一号铣床（mill-01）\n> 部件：spindle-front\n> 状态：待派单\n[查看](https://fw.plant/t/FW-2026-0001)\n<@li>";
    assert_eq!(services.of("wecom")[0].text, wecom);
    for service in ["dingtalk", "feishu", "sms"] {
        let told = services.of(service);
        assert_eq!(told.len(), 1, "{service}");
        assert!(told[0].text.contains("[P2] FW-2026-0001 前轴承磨损"), "{}", told[0].text);
    }
    assert!(services.of("webhook")[0].text.contains("\"type\":\"io.forewarn.ticket.opened.v1\""));
    assert_eq!(services.received().refused, Vec::<String>::new());
    assert_eq!(mail_server.mails().len(), 1);
    assert!(bed.messages().await.iter().all(|it| it.sent_at.is_some()));

    // What people do is for systems only, unless a route says otherwise.
    bed.records.act(&act("FW-2026-0001", Command::Accept {}, bed.now())).await.unwrap();
    until("the second webhook", || services.of("webhook").len() == 2).await;
    assert_eq!(services.of("wecom").len(), 1);
    let states = bed.desk.list();
    assert!(states.iter().all(|it| !it.is_failing && it.last_ok.is_some()), "{states:?}");
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_failures_are_one_message_for_each_channel_and_the_digest_lists_all() {
    let clock = clock();
    let (services, mail_server) = (Services::start(clock.clone()).await, MailServer::start().await);
    let mail = MAIL.replace("PORT", &mail_server.address.port().to_string());
    let bed = bed(&[WECOM, DINGTALK, FEISHU, mail.as_str()], &services, clock).await;
    let which: Vec<(String, i64)> = (0..1000).map(|it| (format!("mill-{it:04}"), it % 7)).collect();
    for part in which.chunks(200) {
        open_tickets(&bed.records, part, Priority::P1, bed.now()).await;
        bed.advance(1);
    }
    bed.drain(1).await;
    for service in ["wecom", "dingtalk", "feishu"] {
        let told = services.of(service);
        assert_eq!(told.len(), 1, "{service}");
        assert!(told[0].text.contains("FW-2026-0001–1000"), "{service}: {}", told[0].text);
        assert!(told[0].text.contains("1000 台设备同时报警"), "{service}: {}", told[0].text);
        assert!(told[0].text.contains("另有"), "{service} says how many lines were cut");
    }
    let mails = mail_server.mails();
    assert_eq!(mails.len(), 1);
    let lines = decoded(&mails[0].data);
    let listed = (1..=1000).filter(|it| lines.contains(&format!("P1 FW-2026-{it:04}"))).count();
    assert_eq!(listed, 1000, "the mail has room for every line");
    let incidents = bed.records.incidents(None, 10).await.unwrap();
    assert_eq!(incidents.iter().map(|it| it.tickets).collect::<Vec<_>>(), [1000]);

    // What comes after it waits for the next digest, ten minutes later.
    bed.open_ticket("mill-2000", 9, Priority::P1).await;
    bed.advance(60);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(services.received().accepted.len(), 3, "nothing within ten minutes");
    assert!(bed.desk.list().iter().all(|it| it.holds.is_some()));
    bed.advance(600);
    bed.drain(1).await;
    assert_eq!(services.received().accepted.len(), 6);
    assert_eq!(services.received().refused, Vec::<String>::new());
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_says_too_fast_is_left_alone_and_nothing_is_lost() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    // More than the service allows, as if somebody else used the same robot.
    let fast = "per_minute = 600\ngather = '0s'\ncap = { messages = 1000, per = '1h' }\n";
    let wecom = format!("{WECOM}{fast}");
    let bed = bed(&[wecom.as_str()], &services, clock).await;
    for minute in 0..24 {
        bed.open_ticket(&format!("mill-{minute:02}"), minute, Priority::P2).await;
        let told =
            |services: &Services| services.of("wecom").len() + services.received().refused.len();
        let expected = usize::try_from(minute).unwrap().min(20) + 1;
        until("an answer", || expected <= told(&services)).await;
        bed.advance(1);
    }
    assert_eq!(services.of("wecom").len(), 20);
    assert_eq!(services.received().refused, ["wecom: 45009 api freq out of limit"], "asked once");
    bed.advance(61);
    bed.drain(1).await;
    let told: String = services.of("wecom").into_iter().map(|it| it.text).collect();
    for number in 1..=24 {
        assert!(
            told.contains(&format!("FW-2026-{number:04}")) || told.contains("FW-2026-0021–0024")
        );
    }
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_every_service_are_kept_while_hundreds_wait() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    let single = "gather = '0s'\ncap = { messages = 100000, per = '1h' }\n";
    let channels = [WECOM, DINGTALK, FEISHU].map(|it| format!("{it}{single}"));
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    let bed = bed(&channels, &services, clock).await;
    for minute in 0..120 {
        bed.open_ticket(&format!("mill-{minute:03}"), minute, Priority::P3).await;
        if minute % 4 == 3 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            bed.advance(1);
        }
    }
    bed.drain(20).await;
    assert_eq!(services.received().refused, Vec::<String>::new(), "no limit was ever met");
    let rows = bed.messages().await;
    assert_eq!(rows.len(), 360);
    assert!(rows.iter().all(|it| it.sent_at.is_some() && it.message.attempts == 1));
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_with_a_wrong_key_hands_over_at_once_and_never_shows_the_key() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    let wrong = WECOM.replace("wecom.key", "feishu.hook");
    let wecom = format!("{wrong}fallback = {{ to = 'sms' }}\n");
    let bed = bed(&[wecom.as_str(), SMS], &services, clock).await;
    bed.open_ticket("mill-01", 0, Priority::P1).await;
    bed.advance(5);
    until("the handing over", || !services.received().refused.is_empty()).await;
    bed.drain(1).await;
    assert_eq!(services.of("sms").len(), 1);
    assert!(services.of("sms")[0].text.contains("FW-2026-0001"), "{:?}", services.of("sms"));
    let rows = bed.messages().await;
    let told: Vec<_> =
        rows.iter().map(|it| (it.message.channel.as_str(), it.sent_at.is_some())).collect();
    assert_eq!(told, [("wecom", false), ("sms", true)]);
    let error = rows[0].last_error.clone().unwrap();
    assert!(error.contains("93000") && error.contains("handed over to sms"), "{error}");
    let shown = format!("{error} {:?} {rows:?}", bed.desk.list());
    assert!(!shown.contains(services::FEISHU_HOOK), "{shown}");
    assert!(bed.desk.list()[0].is_failing);
    let tested = bed.desk.test("wecom").unwrap().await;
    assert!(!tested.is_delivered && !tested.reason.unwrap().contains("canary"));
    assert!(bed.desk.test("sms").unwrap().await.is_delivered);
    assert!(bed.desk.test("nobody").is_none());
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_takes_delays_no_other() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    services.change(|it| it.forbidden_word = Some("mill-050".to_owned()));
    let calm = "cap = { messages = 100000, per = '1h' }\n";
    let wecom = format!("{WECOM}{calm}");
    let bed = bed(&[wecom.as_str(), DINGTALK], &services, clock).await;
    let which: Vec<(String, i64)> = (48..=52).map(|it| (format!("mill-{it:03}"), it)).collect();
    open_tickets(&bed.records, &which, Priority::P2, bed.now()).await;
    bed.drain(5).await;
    for channel in ["wecom", "dingtalk"] {
        let rows = bed.messages().await;
        let rows: Vec<_> = rows.iter().filter(|it| it.message.channel == channel).collect();
        let dead: Vec<_> = rows.iter().filter(|it| it.dead_at.is_some()).collect();
        assert_eq!((rows.len(), dead.len()), (5, 1), "{channel}");
        assert_eq!(dead[0].message.facts.device.as_ref().unwrap().as_str(), "mill-050");
    }
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_and_hangs_up_gets_every_message_at_least_once() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    services.change(|it| it.fails_every = Some(3));
    let bed = bed(&[WEBHOOK], &services, clock).await;
    for minute in 0..20 {
        bed.open_ticket(&format!("mill-{minute:02}"), minute, Priority::P2).await;
    }
    bed.drain(60).await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for told in services.of("webhook") {
        *times.entry(told.id).or_default() += 1;
    }
    let keys: BTreeSet<String> =
        bed.messages().await.into_iter().map(|it| it.message.key).collect();
    assert_eq!(times.keys().cloned().collect::<BTreeSet<_>>(), keys, "each key, and no other");
    assert!(times.values().any(|it| 1 < *it), "some were sent twice, under the same key");
    assert_eq!(bed.records.outbox_counts().await.unwrap().dead, 0);
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_of_a_ticket_are_a_thread_and_without_tls_nothing_is_said() {
    let clock = clock();
    let (services, server) = (Services::start(clock.clone()).await, MailServer::start().await);
    let port = server.address.port().to_string();
    let mail = MAIL.replace("PORT", &port);
    let secure = mail.replace("'none'", "'start_tls'").replace("id = 'mail'", "id = 'secure'");
    let gone = mail.replace("li@", "gone@").replace("id = 'mail'", "id = 'gone'");
    let routes = "[[route]]\nto = ['mail', 'secure', 'gone']\n";
    let bed = bed(&[mail.as_str(), secure.as_str(), gone.as_str(), routes], &services, clock).await;
    bed.open_ticket("mill-01", 0, Priority::P2).await;
    bed.advance(5);
    until("the first mail", || server.mails().len() == 1).await;
    bed.records.act(&act("FW-2026-0001", Command::Accept {}, bed.now())).await.unwrap();
    bed.advance(5);
    until("the second mail", || server.mails().len() == 2).await;
    let mails = server.mails();
    assert!(mails.iter().all(|it| it.to == ["RCPT TO:<li@plant.example>"]), "{mails:?}");
    assert!(mails[0].from.starts_with("MAIL FROM:<forewarn@plant.example>"));
    assert_eq!(mails[0].header("References"), mails[1].header("References"));
    assert_ne!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[0].header("Auto-Submitted"), "auto-generated");
    let text = decoded(&mails[0].data);
    for words in [
        "前轴承磨损",
        "front bearing wears",
        "一号铣床",
        "<table>",
        "https://fw.plant/t/FW-2026-0001",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    until("the failures", || bed.desk.list().iter().filter(|it| it.is_failing).count() == 2).await;
    let rows = bed.messages().await;
    let of = |channel: &str| {
        let row = rows.iter().find(|it| it.message.channel == channel).unwrap();
        (row.dead_at.is_some(), row.last_error.clone().unwrap_or_default())
    };
    assert!(of("gone").0 && of("gone").1.contains("550"), "{:?}", of("gone"));
    assert!(!of("secure").0, "it waits for somebody to repair the settings: {:?}", of("secure"));
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_over_tls_to_a_server_whose_certificate_fits_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    if !mail::make_certificates(folder.path()) {
        forewarn_tests::skipped("mail over TLS", "peers", "openssl");
        return;
    }
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    let password = folder.path().join("password");
    std::fs::write(&password, format!("{}\n", mail::MAIL_PASSWORD)).unwrap();
    let login = format!(
        "user = '{}', password = {{ file = '{}' }}, ca_file = '{}', from",
        mail::MAIL_USER,
        password.display(),
        folder.path().join("ca.pem").display()
    );
    let starting = MailServer::start_with_tls(folder.path(), false).await;
    let wrapped = MailServer::start_with_tls(folder.path(), true).await;
    let channel = |id: &str, server: &MailServer, encryption: &str| {
        MAIL.replace("'mail'", &format!("'{id}'"))
            .replace("PORT", &server.address.port().to_string())
            .replace("'none'", &format!("'{encryption}'"))
            .replace("from", &login)
    };
    let good = [channel("starting", &starting, "start_tls"), channel("wrapped", &wrapped, "tls")];
    let authority = format!("ca_file = '{}', ", folder.path().join("ca.pem").display());
    let foreign = channel("foreign", &wrapped, "tls").replace(&authority, "");
    let unknown = channel("unknown", &starting, "start_tls").replace(mail::MAIL_USER, "somebody");
    let all = [good[0].as_str(), good[1].as_str(), foreign.as_str(), unknown.as_str()];
    let bed = bed(&all, &services, clock).await;
    bed.open_ticket("mill-01", 0, Priority::P2).await;
    bed.advance(5);
    until("two mails and two failures", || {
        let failing = bed.desk.list().iter().filter(|it| it.is_failing).count();
        failing == 2 && starting.mails().len() == 1 && wrapped.mails().len() == 1
    })
    .await;
    assert!(starting.mails()[0].is_private && wrapped.mails()[0].is_private);
    for state in bed.desk.list() {
        let why = state.last_error.unwrap_or_default();
        assert!(!why.contains("canary"), "{why}");
        match state.id.as_str() {
            "foreign" => assert!(why.to_lowercase().contains("certificate"), "{why}"),
            "unknown" => assert!(why.contains("535"), "{why}"),
            _ => assert_eq!(why, ""),
        }
    }
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_not_allowed_is_never_connected_to() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    let config = [WECOM, DINGTALK, FEISHU, WEBHOOK, SMS].concat();
    let config = config.replace("URL", &services.url(""));
    let bed = Bed::start(&config, clock, &services.url("/sms")).await;
    bed.open_ticket("mill-01", 0, Priority::P2).await;
    bed.advance(5);
    until("five refusals", || bed.desk.list().iter().all(|it| it.is_failing)).await;
    for state in bed.desk.list() {
        let why = state.last_error.unwrap();
        assert!(why.contains("name its network in `allow`"), "{why}");
    }
    let received = services.received();
    assert!(received.accepted.is_empty() && received.refused.is_empty());
    assert_eq!(bed.records.outbox_counts().await.unwrap().waiting, 5, "nothing is given up");
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_expires_in_a_week_is_told_over_two_channels() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    let wecom = format!("{WECOM}expires = '2026-11-29'\n");
    let later = format!("{DINGTALK}expires = '2026-11-30'\n");
    let bed = bed(&[wecom.as_str(), later.as_str()], &services, clock).await;
    until("the notices", || {
        bed.advance(5);
        services.received().accepted.len() == 2
    })
    .await;
    for service in ["wecom", "dingtalk"] {
        let told = services.of(service);
        assert!(told[0].text.contains("消息渠道 wecom 的密钥将于 2026-11-29 到期"), "{told:?}");
    }
    bed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_evening_people_are_told_once_how_the_day_went() {
    let clock = clock();
    let services = Services::start(clock.clone()).await;
    let config = [HEAD, WECOM, WEBHOOK].concat().replace("daily = 'never'", "daily = '18:00'");
    let config = config.replace("URL", &services.url(""));
    let bed = Bed::start(&config, clock, &services.url("/sms")).await;
    bed.open_ticket("mill-01", 0, Priority::P1).await;
    bed.drain(1).await;
    let day = |services: &Services| {
        services.of("wecom").into_iter().filter(|it| it.text.contains("今日")).collect::<Vec<_>>()
    };
    assert!(day(&services).is_empty(), "it is four in the afternoon");
    bed.advance(2 * 3_600);
    until("the digest of the day", || {
        bed.advance(5);
        !day(&services).is_empty()
    })
    .await;
    let told = day(&services);
    let line = "今日新开 1 张，结束 0 张；未结 1 张，其中 P1 1 张，无人负责 1 张";
    assert!(told[0].text.contains(line), "{told:?}");
    assert!(told[0].text.contains("https://fw.plant/tickets"), "{told:?}");
    for _ in 0..20 {
        bed.advance(600);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(day(&services).len(), 1, "once a day");
    let of_systems = services.of("webhook").into_iter().filter(|it| it.text.contains("day.v1"));
    assert_eq!(of_systems.count(), 0, "systems count for themselves");
    bed.stop().await;
}

#[test]
fn a_sender_that_is_killed_between_sending_and_marking_loses_nothing() {
    if !life::serves() {
        life::kill_and_count();
    }
}

/// The text of a mail, its parts decoded.
fn decoded(mail: &str) -> String {
    use base64::Engine as _;
    let mut text = String::new();
    for part in mail.split("\r\n--") {
        let Some((head, body)) = part.split_once("\r\n\r\n") else { continue };
        if head.contains("base64") {
            let body: String = body.split_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(body).unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(&bytes));
        } else {
            text.push_str(&quoted(body));
        }
    }
    text
}

/// Quoted-printable text, decoded (RFC 2045).
fn quoted(body: &str) -> String {
    let body = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = body.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let code = code.filter(|_| *first == b'=').and_then(|it| u8::from_str_radix(it, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
